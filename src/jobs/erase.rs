//! The right to be forgotten (GDPR, article 17): everything the jobs know of a subject.
//!
//! Jobs carry whom they are about as the tag `subject:…` ([`super::NewJob::subject`]). Waiting jobs end as cancelled
//! without their arguments; running ones are asked to end and leave no arguments; of those that have ended, the time, the kind and the
//! outcome stay, which name nobody.

use std::fmt::Display;

use super::{Jobs, new_job::SUBJECT, store};
use crate::db::{DbError, Tx};

/// What was erased.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Erased {
    /// Waiting jobs that were cancelled.
    pub cancelled: i64,
    /// Running jobs that were asked to end.
    pub running: i64,
    /// Ended jobs whose arguments, results and errors are gone.
    pub history: i64,
}

impl Jobs {
    /// Erases what the jobs know of each of many subjects, of whom they know of few.
    pub async fn erase_all(&self, tx: &mut Tx, subjects: &[impl Display]) -> Result<(), DbError> {
        let tags: Vec<_> = subjects.iter().map(|subject| format!("{SUBJECT}{subject}")).collect();
        for tag in store::erase::known(tx, &tags).await? {
            store::erase::erase(tx, &tag).await?;
            self.settle_on_commit(tx);
        }
        Ok(())
    }

    /// Erases what the jobs know of `subject`, inside `tx`.
    pub async fn erase(&self, tx: &mut Tx, subject: impl Display) -> Result<Erased, DbError> {
        let erased = store::erase::erase(tx, &format!("{SUBJECT}{subject}")).await?;
        self.settle_on_commit(tx);
        Ok(erased)
    }
}
