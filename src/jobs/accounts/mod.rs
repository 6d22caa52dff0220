//! Jobs of the accounts; one file each.

mod end_retention;
mod erase_account;
mod export_account;
mod forget_idempotency_keys;
mod prune_accounts;
mod send_account_mail;

pub use end_retention::EndRetention;
pub use erase_account::EraseAccount;
pub use export_account::{DESK as EXPORT_DESK, ExportAccount, KEPT as EXPORT_KEPT};
pub use forget_idempotency_keys::ForgetIdempotencyKeys;
pub use prune_accounts::PruneAccounts;
pub use send_account_mail::{MINUTE, Occasion, SendAccountMail};
