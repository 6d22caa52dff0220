//! People, their sessions, and what protects both.

mod forgotten;
mod lockout;
mod open_sessions;
mod over_http;
mod second_factor;
mod second_step;
mod sessions;
