//! People, their sessions, and what protects both.

mod lockout;
mod over_http;
mod sessions;
