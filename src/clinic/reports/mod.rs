//! What a clinic hands out about a patient: the record as a PDF, in Italian or English.
//!
//! Reading order: [`record`] (all that is said of a patient, read under the lock of the record), [`page`] (what of it stands on
//! the paper), `scored`, `graded`, `given` and `papers` (the score, the analyses, what was given for them, and the documents there), [`figures`] (numbers, units and days as people read them), [`trends`] (how a value went, against its range),
//! [`report`] (what was made, and of which state of the record it is).
//!
//! Invariants
//! - A report says what the record said at one moment, and that moment: nobody writes to a record while it is read.
//! - What would look the same is not made again: of a patient, a language and an edition of the layout
//!   ([`crate::pdf::Layout::edition`]) there is one report for each content.
//! - A report has so many rows at most ([`record`]) that setting it takes a bounded memory. What is not shown is counted and said.
//! - The score beside the values is theirs: it is computed before they are read, under the same lock.
//! - The sentence that this supports clinicians and is no diagnosis stands first, and at the foot of each page.
//! - Nothing is said that the record does not say: codes become words by the layout's table (`src/pdf/texts`), numbers keep the
//!   digits they were printed with.

pub mod figures;
mod given;
mod graded;
pub mod page;
mod papers;
pub mod record;
pub mod report;
mod scored;
pub mod trends;

#[cfg(test)]
mod tests;

pub use report::Report;
