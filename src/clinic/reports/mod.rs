//! What a clinic hands out about a patient: the record as a PDF, in Italian or English.
//!
//! Reading order: [`record`] (all that is said of a patient, read under the lock of the record), [`page`] (what of it stands on
//! the paper), [`figures`] (numbers, units and days as people read them), [`trends`] (how a value went, against its range),
//! [`report`] (what was made, and of which state of the record it is).
//!
//! Invariants
//! - A report says what the record said at one moment, and that moment: nobody writes to a record while it is read.
//! - What would say the same is not made again: of a patient, a language and a layout there is one report for each content.
//! - The sentence that this supports clinicians and is no diagnosis stands first, and at the foot of each page.
//! - Nothing is said that the record does not say: codes become words by the layout's table (`src/pdf/texts`), numbers keep the
//!   digits they were printed with.

pub mod figures;
pub mod page;
pub mod record;
pub mod report;
pub mod trends;

#[cfg(test)]
mod tests;

pub use report::Report;
