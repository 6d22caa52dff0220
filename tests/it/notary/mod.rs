//! The notary desk over HTTP.

mod machines;
mod papers;
mod participants;
pub(crate) mod practice;
mod requests;
mod rush;
mod slots;
mod time;
