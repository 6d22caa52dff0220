//! Running everything that is due, for tests and scripts: no sleeping, and a failure does not pass unseen.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{FailureSeen, Jobs, store};
use crate::db::{Db, DbError};

/// Every hint may be lost; then the look is repeated after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why the jobs did not come to rest well.
#[derive(Debug, thiserror::Error)]
pub enum NotIdle {
    /// Attempts failed; their jobs wait for their next one.
    #[error("{} failed: {}", .0.len(), .0.iter().map(|it| format!("{} (attempt {}): {}", it.kind, it.attempt, it.error)).collect::<Vec<_>>().join("; "))]
    Failed(Vec<FailureSeen>),
    /// They were still busy when the time was up.
    #[error("jobs are still running or waiting after {limit:?}: {live:?}")]
    Busy {
        /// The time given.
        limit: Duration,
        /// What was live then.
        live: store::state::Live,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Jobs {
    /// Fires the cron ticks that have come, promotes what is due by this clock, and returns when nothing runs or waits
    /// any more. Fails when an attempt failed meanwhile, or after `limit`.
    pub async fn run_until_idle(&self, db: &Db, limit: Duration) -> Result<(), NotIdle> {
        let deadline = Instant::now() + limit;
        let failed_before = self.figures().failed_count();
        loop {
            // Before the kinds are registered nothing can run, nor a tick be decided.
            let registered = self.catalog().is_some();
            self.catch_up().await;
            let progress = self.figures().progress.notified();
            let live = store::state::live(db, self.clock().now()).await?;
            if registered && live.active == 0 && live.due == 0 {
                break;
            }
            if Instant::now() > deadline {
                return Err(NotIdle::Busy { limit, live });
            }
            let _ = timeout(LOOK_AGAIN, progress).await;
        }
        let new = (self.figures().failed_count() - failed_before) as usize;
        if new == 0 {
            return Ok(());
        }
        let mut failures = self.figures().failures();
        Err(NotIdle::Failed(failures.split_off(failures.len().saturating_sub(new))))
    }
}
