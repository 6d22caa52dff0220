//! Mails through a real SMTP server that is not ours (aiosmtpd), read by a library that is not ours (Python's).

mod delivery;
pub(crate) mod server;
