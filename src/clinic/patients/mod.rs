//! Patients of a clinic.
//!
//! Reading order: [`content`] (what is said of one), [`patient`] (registered, found, changed, archived), [`list`],
//! [`duplicates`] (who is probably there already), [`consents`] (what they agreed to), [`entries`] (what must hold before
//! anything is written about one), [`unfit`] (what cannot be of one), [`merge`] (two records of one patient), [`held`] (every table that hangs from a patient).
//!
//! Invariants
//! - A patient is one clinic's: whose somebody is, and what a member may do, is a condition inside of every statement
//!   (`at_clinic!`). A stranger's patient does not exist.
//! - Nothing is uploaded, analysed or reported without consent ([`entries`]); what is there stays readable.
//! - A record that was merged is never written to again, and leads to the one that has taken its things.

// First: the others use its macros.
#[macro_use]
pub mod content;

pub mod consents;
pub mod duplicates;
pub mod entries;
pub mod held;
pub mod list;
pub mod merge;
pub mod patient;
pub mod unfit;

pub use content::{Content, History, Lifestyle, Patient, Sex, Smoking};
pub use unfit::Unfit;
