//! The events desk.

mod calendars;
mod catalogue;
mod favourites;
mod hosting;
mod payments;
mod reviews;
mod rush;
mod selling;
