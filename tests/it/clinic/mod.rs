//! The clinic desk, over HTTP mostly.

mod analyses;
mod analysis;
mod analysis_killed;
mod analysis_lost;
mod analysis_waits;
mod batches;
mod clinics;
mod consents;
mod documents;
pub(crate) mod dossier;
mod duplicates;
mod emr;
mod fhir;
mod fhir_corrections;
mod fhir_many;
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
mod values;
pub(crate) mod ward;
