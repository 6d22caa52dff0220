//! Documents of patients: a file in the shared store, and what was read in it.
//!
//! Reading order: [`document`] (what is known of one), [`list`] (found by who may read the patient), [`arrival`] (a file that has
//! come, and how it becomes a content of the store), [`change`] (described anew, analysed again, taken away), [`pages`] (its
//! text), [`content`] (its bytes), [`confidence`] (what the number beside it means).
//!
//! Invariants
//! - The file belongs to the desk, not to whoever uploaded it: it has no owner in the store, so that no account reads, shares,
//!   exports or removes it, and it stays when the uploader's account ends. Who may read it is `at_clinic!` alone.
//! - A document is `completed` when all that was read is there, by one transaction; `failed` says why, with a stable word.
//! - Of a document that is taken away, or of a patient who was made anonymous, no byte stays in the store.

// First: the others use its macros.
#[macro_use]
pub mod document;

pub mod arrival;
pub mod change;
pub mod confidence;
pub mod content;
pub mod list;
pub mod pages;

pub use document::{Finding, Kind, PatientDocument, Status, Step, Unread};

/// Who holds the files of patients in the shared store.
pub const HOLDER: &str = "patient_document";
/// Where they are, for administrators of the store.
pub const DESK: &str = "clinic";
