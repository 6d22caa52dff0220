//! Patients: numbers and days that can be, who is probably the same, and what is left of somebody who is forgotten.
//!
//! Reading order: [`mrn`] (the number of the record), [`birth`] (days of birth and ages), [`duplicates`] (who is probably
//! registered twice), [`anonymisation`] (what happens to each field).

pub mod anonymisation;
pub mod birth;
pub mod duplicates;
pub mod mrn;
