//! People, their sessions, and what protects both.

mod lockout;
mod sessions;
