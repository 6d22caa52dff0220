//! Deciding the ticks that have come of one schedule, inside one transaction: the compare-and-swap, the jobs, the record.
//! Whatever ends the process at whatever statement, either all of it has happened or nothing.

use std::time::Duration;

use jiff::Timestamp;

use super::{Decision, Fold, Gap, Missed, Overlap, Tick, Timing, Why, decide, definition::tag};
use crate::{
    db::{DbError, Tx},
    jobs::{
        Hold, JobId, Jobs, Key, NewJob,
        registry::Kind,
        store::cron::{self, Due, FireOutcome, Record},
    },
};

/// A row that this binary cannot read is looked at again after this long.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(3600);

/// What was decided, once the transaction has committed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The ticks that have enqueued a job, without those that make up for missed ones.
    pub prompt: Vec<Timestamp>,
    /// How many ticks have enqueued a job.
    pub fired: usize,
    /// How many have not.
    pub skipped: usize,
}

/// Decides the ticks of `due` that have come at `now`. `None` when nothing is to be committed: another node was faster,
/// or only a newer server knows the kind.
pub async fn fire(tx: &mut Tx, jobs: &Jobs, due: &Due, now: Timestamp) -> Result<Option<Fired>, DbError> {
    let catalog = jobs.catalog_in(tx).await?;
    let Some(kind) = catalog.kind_name(due.kind).and_then(|name| jobs.registry().get(name)) else {
        return Ok(None);
    };
    let Some((decision, overlap)) = decided(due, now) else {
        tracing::error!(cron.key = due.key, "a schedule cannot be read by this server");
        if !cron::take(tx, &due.key, due.next_at, Some(now + UNREADABLE_PAUSE)).await? {
            return Ok(None);
        }
        let skipped = [skipped(due.next_at, Why::Unreadable)];
        cron::record(tx, &due.key, None, &skipped).await?;
        return Ok(Some(Fired { skipped: 1, ..Fired::default() }));
    };
    if !cron::take(tx, &due.key, due.next_at, decision.next_at).await? {
        return Ok(None);
    }
    let delay = splay(due);
    let ticks = in_one_run(decision.ticks, overlap);
    let cancelled = match overlap {
        Overlap::CancelOld if ticks.iter().any(|(_, tick)| tick.fires()) => cancel_old(tx, jobs, due).await?,
        _ => false,
    };
    let new: Vec<NewJob> = ticks
        .iter()
        .filter(|(_, tick)| tick.fires())
        .map(|(at, _)| job(due, kind, overlap).at(*at + delay))
        .collect();
    let ids = jobs.insert(tx, &new).await?;
    let records = records(&ticks, ids, overlap, cancelled);
    cron::record(tx, &due.key, None, &records).await?;
    let fired = records.iter().filter(|it| it.job.is_some()).count();
    let is_prompt = |it: &&Record| it.job.is_some() && it.reason.as_deref() != Some(Why::Late.as_str());
    let prompt = records.iter().filter(is_prompt).map(|it| it.fire_at).collect();
    Ok(Some(Fired { prompt, fired, skipped: records.len() - fired }))
}

/// Starts a run that somebody wants now, as the policy for overlap allows; `None` while the last one lives.
pub(super) async fn run_now(
    tx: &mut Tx,
    jobs: &Jobs,
    due: &Due,
    kind: &Kind,
    now: Timestamp,
) -> Result<Option<JobId>, DbError> {
    let overlap = Overlap::parse(&due.overlap).unwrap_or(Overlap::Allow);
    if overlap == Overlap::CancelOld {
        cancel_old(tx, jobs, due).await?;
    }
    let ids = jobs.insert(tx, &[job(due, kind, overlap).at(now)]).await?;
    Ok(ids.into_iter().next().flatten())
}

/// Earlier runs make way; whether there was any. Their processes hear of it with the commit.
async fn cancel_old(tx: &mut Tx, jobs: &Jobs, due: &Due) -> Result<bool, DbError> {
    let cancelled = cron::cancel_live(tx, due.kind, &tag(&due.key)).await?;
    if cancelled.running > 0 {
        let jobs = jobs.clone();
        tx.on_commit(move || jobs.heed_cancels());
    }
    Ok(cancelled.is_any())
}

fn job(due: &Due, kind: &Kind, overlap: Overlap) -> NewJob {
    let job = due.template.job(kind, &due.key);
    match overlap {
        Overlap::Allow => job,
        Overlap::Skip => job.unique(tag(&due.key), Hold::End),
        // Behind the one that runs, or that waits for its retry.
        Overlap::QueueOne => job.unique(tag(&due.key), Hold::Start).key(Key::in_order(tag(&due.key))),
        Overlap::CancelOld => job.key(Key::in_order(tag(&due.key))),
    }
}

/// Where each run cancels the one before, only the last of several would stay: it makes up for all.
fn in_one_run(mut ticks: Vec<(Timestamp, Tick)>, overlap: Overlap) -> Vec<(Timestamp, Tick)> {
    let last = ticks.iter().rposition(|(_, tick)| tick.fires());
    if overlap == Overlap::CancelOld
        && let Some(last) = last
    {
        for (_, tick) in ticks[..last].iter_mut().filter(|(_, tick)| tick.fires()) {
            *tick = Tick::Skip(Why::MadeUp);
        }
    }
    ticks
}

fn records(
    ticks: &[(Timestamp, Tick)],
    ids: Vec<Option<JobId>>,
    overlap: Overlap,
    cancelled: bool,
) -> Vec<Record> {
    let live = if overlap == Overlap::QueueOne { Why::OverlapOneWaits } else { Why::Overlap };
    let mut ids = ids.into_iter();
    let record = |(at, tick): &(Timestamp, Tick)| match tick {
        Tick::Skip(why) => skipped(*at, *why),
        Tick::Fire(why) => match ids.next().flatten() {
            Some(id) => {
                let why = if cancelled { Some(Why::OverlapCancelled) } else { *why };
                let reason = why.map(|why| why.to_string());
                Record { fire_at: *at, job: Some(id), outcome: FireOutcome::Fired, reason }
            }
            None => skipped(*at, live),
        },
    };
    ticks.iter().map(record).collect()
}

fn skipped(fire_at: Timestamp, why: Why) -> Record {
    Record { fire_at, job: None, outcome: FireOutcome::Skipped, reason: Some(why.to_string()) }
}

/// The ticks of a pause that ends, as records, and the next tick. What cannot be read is left as it is.
pub(super) fn of_pause(due: &Due, now: Timestamp) -> Option<(Vec<Record>, Option<Timestamp>)> {
    let timing = timing(due)?;
    let Decision { ticks, next_at } = super::decide::paused(&timing, due.next_at, now, due.missed_within);
    Some((ticks.into_iter().map(|(at, _)| skipped(at, Why::Paused)).collect(), next_at))
}

fn timing(due: &Due) -> Option<Timing> {
    Timing::new(&due.spec, &due.tz, Gap::parse(&due.gap)?, Fold::parse(&due.fold)?).ok()
}

/// `None` when a word or the timing is of a newer binary.
fn decided(due: &Due, now: Timestamp) -> Option<(Decision, Overlap)> {
    let (missed, max) = (Missed::parse(&due.missed)?, due.missed_max.max(1) as usize);
    let decision = decide(&timing(due)?, due.next_at, now, missed, due.missed_within, max);
    Some((decision, Overlap::parse(&due.overlap)?))
}

/// The same part of the splay for every tick of a schedule, different between schedules.
fn splay(due: &Due) -> Duration {
    let hash = due.key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    due.splay.mul_f64((hash >> 11) as f64 / (1u64 << 53) as f64)
}
