//! The acknowledger: writes what became of jobs, in batches that clock themselves.
//!
//! One flush is in flight; the next takes everything that arrived meanwhile. At low load a report is written at once,
//! at high load batches are large; there is no timer. Further flushes fly beside it only with full batches,
//! so that one connection of PostgreSQL does not set the pace. Reports live in the engine's outbox: while the database is away
//! they wait there and are tried again; a crash of this actor loses none. The fence decides whether they still count.

use std::{sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use tokio::time::Instant;

use super::{engine::Engine, outbox::Batch};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::{DbError, Link},
    jobs::{Hint, Verdict, inspect::Change, store},
};

/// Most flushes in flight: with the claims' as many as a small machine has processors for.
pub(super) const FLUSHES_AT_ONCE: usize = 3;
/// Pauses after a failed flush.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// On a stop, how long the last reports may take.
const LAST_FLUSHES: Duration = Duration::from_secs(3);

/// Messages of the acknowledger.
pub enum AckerMsg {
    /// Reports wait.
    Reports,
    /// A flush has ended.
    Flushed {
        /// The connection that is free again.
        link: usize,
        /// Whether it was written.
        ok: bool,
        /// Reports that PostgreSQL refused for their content are tried one by one.
        refused: usize,
    },
    /// The pause after a failure is over.
    TryAgain,
}
crate::kinds!(AckerMsg: Reports, Flushed, TryAgain);

/// The acknowledger.
pub(super) struct Acker {
    pub(super) engine: Arc<Engine>,
    pub(super) links: [Arc<Link>; FLUSHES_AT_ONCE],
}

/// Lost in a crash: only the pace.
pub(super) struct AckerState {
    /// Connections without a flush.
    free: Vec<usize>,
    /// After a failure nothing flies for a while.
    resting: bool,
    pause: Duration,
    one_by_one: usize,
}

impl Behaviour for Acker {
    type Msg = AckerMsg;
    type State = AckerState;

    async fn init(&self, ctx: &Context<AckerMsg>) -> Result<AckerState, Failure> {
        self.engine.bells.reports.answer();
        ctx.myself().tell(AckerMsg::Reports); // what the last incarnation left
        let free = (0..FLUSHES_AT_ONCE).rev().collect();
        Ok(AckerState { free, resting: false, pause: PAUSE_MIN, one_by_one: 0 })
    }

    async fn handle(
        &self,
        ctx: &Context<AckerMsg>,
        message: AckerMsg,
        state: &mut AckerState,
    ) -> Result<(), Failure> {
        match message {
            AckerMsg::Reports => self.engine.bells.reports.answer(),
            AckerMsg::TryAgain => state.resting = false,
            AckerMsg::Flushed { ok: true, link, .. } => {
                state.free.push(link);
                state.pause = PAUSE_MIN;
                state.one_by_one = state.one_by_one.saturating_sub(1);
            }
            AckerMsg::Flushed { ok: false, link, refused } => {
                state.free.push(link);
                state.one_by_one += refused;
                state.resting = true;
                let (myself, pause) = (ctx.myself(), state.pause);
                state.pause = (pause * 2).min(PAUSE_MAX);
                ctx.background(async move {
                    tokio::time::sleep(pause).await;
                    myself.tell(AckerMsg::TryAgain);
                });
            }
        }
        self.fly(ctx, state);
        Ok(())
    }

    fn view(&self, state: &AckerState) -> serde_json::Value {
        let figures = &self.engine.jobs.figures().engine;
        serde_json::json!({
            "waiting": self.engine.outbox.len(), "flying": FLUSHES_AT_ONCE - state.free.len(),
            "one_by_one": state.one_by_one,
            "flushes": figures.flushes.load(Relaxed), "acknowledged": figures.acknowledged.load(Relaxed),
            "stale": figures.stale.load(Relaxed),
        })
    }

    async fn stop(&self, _state: &mut AckerState) {
        let deadline = Instant::now() + LAST_FLUSHES;
        while self.engine.outbox.len() > 0 && Instant::now() < deadline {
            let batch = self.engine.outbox.take(self.engine.config.ack);
            if flush(&self.engine, &self.links[0], batch).await.is_err() {
                tokio::time::sleep(PAUSE_MIN).await;
            }
        }
        let left = self.engine.outbox.len();
        if left > 0 {
            tracing::warn!(
                reports = left,
                "the database was not there for the last reports: these jobs run again"
            );
        }
    }
}

impl Acker {
    /// Sends what waits, as far as there are reason and connections.
    fn fly(&self, ctx: &Context<AckerMsg>, state: &mut AckerState) {
        let full = self.engine.config.ack;
        while !state.resting {
            let (waiting, is_alone) = (self.engine.outbox.len(), state.free.len() == FLUSHES_AT_ONCE);
            let is_worth_it = waiting >= full && state.one_by_one == 0;
            if waiting == 0 || !(is_alone || is_worth_it) {
                return;
            }
            let Some(at) = state.free.pop() else { return };
            let batch = self.engine.outbox.take(if state.one_by_one > 0 { 1 } else { full });
            let (engine, link) = (self.engine.clone(), self.links[at].clone());
            fly(ctx, AckerMsg::Flushed { link: at, ok: false, refused: 0 }, async move {
                match flush(&engine, &link, batch).await {
                    Ok(()) => AckerMsg::Flushed { link: at, ok: true, refused: 0 },
                    Err(refused) => AckerMsg::Flushed { link: at, ok: false, refused },
                }
            });
        }
    }
}

/// Writes a batch; on failure its reports go back, and the number says how many to try one by one.
async fn flush(engine: &Engine, link: &Link, batch: Batch) -> Result<(), usize> {
    let figures = &engine.jobs.figures().engine;
    match store::acks::flush(link, &batch.reports).await {
        Ok(flushed) => {
            figures.flushes.fetch_add(1, Relaxed);
            engine.jobs.figures().ack_sizes.record(batch.reports.len() as u64);
            figures.acknowledged.fetch_add(flushed.applied as u64, Relaxed);
            figures.stale.fetch_add(flushed.stale as u64, Relaxed);
            if flushed.stale > 0 {
                tracing::warn!(jobs = flushed.stale, "reports came too late: others own these jobs by now");
            }
        }
        Err(DbError::Postgres(error)) if batch.reports.len() == 1 => {
            // One report that PostgreSQL will never take: its lease expires with this process, and the job runs again.
            tracing::error!(?error, report = ?batch.reports[0], "a report was refused and is dropped");
        }
        Err(DbError::Postgres(error)) => {
            tracing::error!(
                ?error,
                reports = batch.reports.len(),
                "a batch of reports was refused: one by one"
            );
            return Err(batch.reports.len());
        }
        Err(error) => {
            tracing::debug!(%error, reports = batch.reports.len(), "reports could not be written and wait");
            return Err(0);
        }
    }
    let written = batch.written();
    engine.let_go(written.iter().map(|report| report.token));
    let freed = written
        .iter()
        .filter(|report| report.verdict != Verdict::GiveBack)
        .filter_map(|it| it.ties.as_deref());
    engine.look_at_doors(freed.clone().flat_map(|ties| [ties.key, ties.kind_key]).flatten());
    if freed.clone().any(|ties| ties.in_batch) {
        engine.settle();
    }
    engine.jobs.ended(written.iter().map(|report| report.job));
    if written.iter().any(|report| report.answer.is_some()) {
        engine.jobs.hint(Hint::Ended);
    }
    if engine.jobs.feed().is_watched() {
        let now = engine.jobs.clock().now();
        engine.jobs.feed().push(written.iter().map(|it| Change::of(it.job, it.verdict.into(), now)));
    }
    let due = written.iter().filter_map(|report| match report.verdict {
        Verdict::Retry(at) | Verdict::Snooze(at) => Some(at),
        Verdict::End(_) | Verdict::GiveBack | Verdict::Park(_) => None,
    });
    if let Some(at) = due.min() {
        engine.jobs.wake_at(at);
    }
    engine.jobs.figures().progress.notify_waiters();
    Ok(())
}
