//! Upkeep of the audit log.

mod remove_old_entries;
mod seal_entries;

pub use remove_old_entries::RemoveOldEntries;
pub use seal_entries::SealEntries;
