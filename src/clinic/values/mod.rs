//! Values of patients, as they are kept: printed in a document, entered by hand, or sent by another system.
//!
//! Reading order: [`value`] (what is known of one), [`canonical`] (the unit in which all values of an analyte are compared),
//! [`entered`] (those that people enter and systems send), [`record`] (how one is written down: the only place that does), [`list`] (how they are read).
//!
//! Invariants
//! - A value is kept as it was printed: its digits, its comparator, its unit. What is computed from it stands beside it.
//! - A value of a document is there once, with its place in the text; analysing again replaces all of them in one transaction.
//! - What a value says is never changed: one that was wrong is withdrawn, stays readable, and counts no more. Read again as it was
//!   in its document, it stays withdrawn; put right by the system that sent it, it names the value that has taken its place.
//! - Of one name that another system has given, one value counts.

// First: the others use its macros.
#[macro_use]
pub mod value;

pub mod canonical;
pub mod entered;
pub mod list;
pub mod record;

pub use record::NewValue;
pub use value::{LaboratoryValue, Place, Source};
