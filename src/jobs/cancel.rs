//! Cancelling a job while an attempt of it runs: ask it to end, then cut it off.
//!
//! The wish is a mark on the lease. The process that holds it hears at once (a hint) and looks every second (the
//! guarantee): the attempt's token [`super::Attempt::cancelled`] is cancelled, after `jobs.cancel_grace` the attempt is
//! cut. Whatever a handler says that failed or wants to run again, the job ends as cancelled; one that was done in time
//! is done. Marked leases are never given back, retried or rescued: if their process dies, another one ends them.

use super::{Hint, JobId, Jobs, store::steering};
use crate::db::{DbError, Tx};

impl Jobs {
    /// Cancels the running attempt of `job` and with it the job, once `tx` commits; `false` when none runs (jobs that
    /// wait are ended where they wait).
    pub async fn cancel_running(&self, tx: &mut Tx, job: JobId, reason: &str) -> Result<bool, DbError> {
        let is_running = steering::cancel(tx, job, reason).await?;
        if is_running {
            let jobs = self.clone();
            tx.on_commit(move || jobs.heed_cancels());
        }
        Ok(is_running)
    }

    /// Leases may have been marked for cancelling: their processes should look. A hint.
    pub fn heed_cancels(&self) {
        self.heed_orders();
    }

    /// Queues, kinds or nodes were paused, resumed, scaled or drained: every process should look. A hint.
    pub fn heed_orders(&self) {
        self.hint(Hint::Orders);
    }
}
