//! What accounts tell the audit log: ids and words, never an address that somebody typed.

use jiff::Timestamp;

use super::sessions::Origin;
use crate::{
    audit::{self, Entry, Outcome, Who},
    db::Db,
    ids::UserId,
    scope,
};

/// The object of most entries.
const ACCOUNT: &str = "account";

impl Origin {
    /// Something that `who` did from here to an account; `None` is one that does not exist.
    pub fn entry(&self, at: Timestamp, who: Who, action: &'static str, account: Option<UserId>) -> Entry {
        Entry {
            id: account.map(|id| id.to_string()),
            address: self.address,
            request: scope::current().map(|scope| scope.request_id().to_owned()),
            ..Entry::new(at, who, action, ACCOUNT, "")
        }
    }

    /// The same, and it was refused for this reason.
    pub fn refusal(
        &self,
        at: Timestamp,
        action: &'static str,
        account: Option<UserId>,
        reason: &'static str,
    ) -> Entry {
        Entry {
            outcome: Outcome::Refused,
            details: serde_json::json!({ "reason": reason }),
            ..self.entry(at, Who::Anonymous, action, account)
        }
    }
}

/// Tells the audit log something that is no part of a change, while the answer goes its way.
pub(super) fn tell_later(db: &Db, entry: Entry) {
    let (tasks, db) = (db.pool().tasks().clone(), db.clone());
    tasks.spawn(async move {
        let telling = async {
            let mut tx = db.begin("accounts.tell_later").await?;
            audit::record(&mut tx, &[entry]).await?;
            tx.commit().await
        };
        if let Err(error) = telling.await {
            tracing::warn!(%error, "what was refused is not in the audit log");
        }
    });
}
