//! All SQL of the job tables, by noun; one function per edge of the state diagram.

pub mod acks;
pub mod catalog;
pub mod insert;

pub use catalog::Catalog;
