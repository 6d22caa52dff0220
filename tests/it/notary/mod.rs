//! The notary desk over HTTP.

mod acts;
mod calendars;
mod catalogue;
mod certified_mail;
mod collaborators;
mod daily_agenda;
mod directory;
mod licences;
mod live;
mod machines;
mod nearest;
mod offices;
mod papers;
mod participants;
mod pictures;
pub(crate) mod practice;
mod profiles;
mod register;
mod requests;
mod retention;
mod reviews;
mod rush;
mod signature_requests;
mod signing;
mod slots;
mod time;
