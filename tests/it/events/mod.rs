//! The events desk.

pub(crate) mod calendars;
mod catalogue;
mod favourites;
mod hosting;
mod image_files;
mod images;
mod payments;
mod reviews;
mod rush;
mod selling;
mod tickets;
