//! Jobs of the clinic desk; one file each.

mod anonymise_patients;
mod refresh_summary;
mod send_clinic_mail;

pub use anonymise_patients::AnonymisePatients;
pub use refresh_summary::{RefreshSummary, summary_changed};
pub use send_clinic_mail::SendClinicMail;
