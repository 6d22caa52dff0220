//! Jobs of the clinic desk; one file each.

mod anonymise_patients;
mod send_clinic_mail;

pub use anonymise_patients::AnonymisePatients;
pub use send_clinic_mail::SendClinicMail;
