//! People: who they are, how they prove it, and what they may do.
//!
//! Reading order: [`policy`] (roles and what they allow), [`users`] (accounts), [`passwords`] (rules, argon2id),
//! [`tokens`] (opaque, stored as hashes), [`sessions`] (one per log-in: opened, refreshed, revoked, looked up),
//! [`lockout`] (guessing is stopped), [`login`] (all of it together), [`totp`], [`recovery`] and [`second_factor`] (what
//! is asked besides the password), [`challenge`] (the second step of a log-in), [`account_tokens`] (what mails carry),
//! [`addresses`] (mails are proved to be read, and passwords replaced by it), [`open_sessions`], [`scopes`], [`api_keys`]
//! and [`key_use`] (keys for programs: what they are good for, made and revoked, used), [`consents`], [`export`] and [`erasure`] (what is
//! known of a person is taken along, or forgotten), `trail` (the audit log),
//! [`calendar_links`] (for programs that cannot log in), [`directory`] (people, as administrators see them),
//! [`administration`] (from the command line).
//!
//! Invariants
//! - Nobody becomes an administrator over HTTP; the command line makes them.
//! - Neither passwords nor tokens are stored or logged in clear.
//! - With a second factor, no session is opened without it: not by a password, not by a reset of the password.
//! - A revoked session is refused at once: the table of known tokens is told after the commit, here and on other nodes.
//! - Whether an address has an account cannot be learnt by logging in: known and unknown take the same path, hash once,
//!   and are locked alike; asking for a new password costs both the same (see [`addresses`]). Registering tells it (409),
//!   because an account without a proof of the address cannot be made twice and a person must learn why; that answer is
//!   limited to `limits.register` per network address.

pub mod account_tokens;
pub mod addresses;
pub mod administration;
pub mod api_keys;
pub mod calendar_links;
pub mod challenge;
pub mod consents;
pub mod directory;
pub mod erasure;
pub mod export;
pub mod key_use;
pub mod lockout;
pub mod login;
pub mod open_sessions;
pub mod passwords;
pub mod policy;
pub mod recovery;
pub mod retention;
pub mod scopes;
pub mod second_factor;
pub mod seldom;
pub mod sessions;
pub mod tokens;
pub mod totp;
mod trail;
pub mod upkeep;
pub mod users;
