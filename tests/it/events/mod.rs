//! The events desk.

mod catalogue;
mod hosting;
mod payments;
mod rush;
mod selling;
