//! The notary desk over HTTP.

mod catalogue;
mod collaborators;
mod directory;
mod licences;
mod machines;
mod nearest;
mod offices;
mod papers;
mod participants;
pub(crate) mod practice;
mod profiles;
mod requests;
mod rush;
mod slots;
mod time;
