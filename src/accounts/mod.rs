//! People: who they are, how they prove it, and what they may do.
//!
//! Reading order: [`policy`] (roles and what they allow), [`users`] (accounts), [`passwords`] (rules, argon2id),
//! [`tokens`] (opaque, stored as hashes), [`sessions`] (one per log-in: opened, refreshed, revoked, looked up),
//! [`lockout`] (guessing is stopped), [`login`] (all of it together),
//! [`calendar_links`] (for programs that cannot log in), [`directory`] (people, as administrators see them), [`administration`] (from the command line).
//!
//! Invariants
//! - Nobody becomes an administrator over HTTP; the command line makes them.
//! - Neither passwords nor tokens are stored or logged in clear.
//! - A revoked session is refused at once: the table of known tokens is told after the commit, here and on other nodes.
//! - Whether an address has an account cannot be learnt by logging in: known and unknown take the same path, hash once,
//!   and are locked alike. Registering tells it (409), because an account without a proof of the address cannot be
//!   made twice and a person must learn why; that answer is limited to `limits.register` per network address.

pub mod administration;
pub mod calendar_links;
pub mod directory;
pub mod lockout;
pub mod login;
pub mod passwords;
pub mod policy;
pub mod sessions;
pub mod tokens;
pub mod upkeep;
pub mod users;
