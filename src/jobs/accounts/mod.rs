//! Jobs of the accounts; one file each.

mod prune_accounts;
mod send_account_mail;

pub use prune_accounts::PruneAccounts;
pub use send_account_mail::{Occasion, SendAccountMail};
