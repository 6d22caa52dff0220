//! The clinic desk over HTTP.

mod clinics;
mod consents;
mod duplicates;
mod keys;
mod members;
mod merging;
mod patients;
mod plans;
mod retention;
pub(crate) mod ward;
