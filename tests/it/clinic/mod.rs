//! The clinic desk, over HTTP mostly.

mod analyses;
mod clinics;
mod consents;
mod duplicates;
mod emr;
mod fhir;
mod keys;
mod members;
mod merging;
mod patients;
mod plans;
mod reading;
mod reports;
mod retention;
mod scores;
mod summary;
pub(crate) mod ward;
