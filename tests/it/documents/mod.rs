//! Documents: files of any size arrive, are checked, stored, and read by those who may.

mod at_rest;
mod closed;
mod downloads;
mod infected;
mod killed;
mod library;
mod links;
mod permissions;
mod refused;
mod s3;
mod shared_uploads;
pub(crate) mod shelf;
mod time_stamps;
mod tus;
mod versions;
