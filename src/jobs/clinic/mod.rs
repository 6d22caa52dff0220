//! Jobs of the clinic desk; one file each.

mod anonymise_patients;
mod recheck_scores;
mod recompute_score;
mod refresh_summary;
mod send_clinic_mail;

pub use anonymise_patients::AnonymisePatients;
pub use recheck_scores::RecheckScores;
pub use recompute_score::RecomputeScore;
pub use refresh_summary::{RefreshSummary, summary_changed};
pub use send_clinic_mail::SendClinicMail;
