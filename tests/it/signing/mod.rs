//! Signatures and time stamps, verified by other programs.

mod authorities;
pub(crate) mod hostile;
mod local;
mod pades;
mod time_stamps;
