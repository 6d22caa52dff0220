//! Jobs of the accounts; one file each.

mod forget_idempotency_keys;
mod prune_accounts;
mod send_account_mail;

pub use forget_idempotency_keys::ForgetIdempotencyKeys;
pub use prune_accounts::PruneAccounts;
pub use send_account_mail::{MINUTE, Occasion, SendAccountMail};
