//! The state machines of the notary desk: which states there are, what happens, what comes of it, and who may do it.
//!
//! [`table`] says what a machine is; each of the others is one: [`appointment`], [`appointment_document`],
//! [`participant`], [`act`], [`register_entry`], [`review`], [`certified_mail`], [`signature_request`],
//! [`conservation_package`]. [`standing`] is what a person is to the thing.
//!
//! Invariants
//! - Whatever is not in a table is forbidden.
//! - From a state, an event leads to one state, whoever does it.
//! - The diagram in a machine's docs is made from its table; a test compares them.

pub mod act;
pub mod appointment;
pub mod appointment_document;
pub mod certified_mail;
pub mod conservation_package;
pub mod participant;
pub mod register_entry;
pub mod review;
pub mod signature_request;
pub mod standing;
pub mod table;
#[cfg(test)]
mod tests;

pub use standing::Standing;
pub use table::{Forbidden, Machine, Name, Transition, Who};
