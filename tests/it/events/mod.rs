//! The events desk.

mod catalogue;
mod payments;
mod selling;
