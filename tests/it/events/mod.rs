//! The events desk.

mod payments;
mod selling;
