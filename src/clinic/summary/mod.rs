//! What a clinic has of each patient at a glance: a materialized view, and how fresh it is.
//!
//! Reading order: [`refresh`] (made anew while everybody reads on), [`list`] (by what a clinic looks for), [`totals`].
//!
//! Invariants
//! - Each count is made by itself: nothing multiplies anything. The score is the latest, not the best.
//! - A refresh never blocks who reads (`CONCURRENTLY`), and of two only one is under way.
//! - Whoever changes what is counted leaves a row in `patient_summary_change`, by a trigger and with the change: a clinic that
//!   is said to be up to date is (`tests/it/clinic/summary.rs`).
//! - There are no names in the view: they are the record's, and gone when the record's are.

pub mod list;
pub mod refresh;
pub mod totals;

pub use refresh::Freshness;
