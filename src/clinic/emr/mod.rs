//! What other systems do with a key: analyses one by one or many at once, reports, everything of a patient.
//!
//! Reading order: [`request`] (what is asked for, about whom), [`batch`] (many at once), [`report`] (an analysis in one
//! language), [`export`] (all of a patient), [`csv`] (values as a table).
//!
//! Invariants
//! - A key does what its owner may do at that moment: of a batch, each item asks again when it is done.
//! - Each item of a batch ends once, as an analysis or with a reason, whatever dies in between: its end, the analysis and the
//!   acknowledgement of its job are one transaction.
//! - What was asked for is forgotten with the end of its item; a batch, [`batch::KEEP`] after it was made.

pub mod batch;
pub mod csv;
pub mod export;
pub mod report;
pub mod request;
