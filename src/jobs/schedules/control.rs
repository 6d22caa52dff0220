//! What administrators do to schedules: each is one transaction with its entry in the journal.
//!
//! Before a schedule is changed or paused, ticks that have come are decided as they stand: nothing that was due is lost.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Definition, Source, WrongField, check, firing};
use crate::{
    db::{DbError, Tx},
    ids::UserId,
    jobs::{
        Hint, JobId, Jobs,
        inspect::joined,
        store::cron::{self, FireOutcome, Record, Stored},
    },
    journal::{self, Entry},
};

/// Two runs wanted in the same microsecond, or in that of a tick, are recorded one after the other.
const RECORD_TRIES: i64 = 10;

/// Who does it.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The administrator; `None` on the command line.
    pub user: Option<UserId>,
    /// How decisions and pauses name them: an account's id, or `os:` and the name of the user on the machine.
    pub name: String,
    /// What the journal keeps of them besides: the session, or the user of the machine.
    pub details: Value,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No schedule has this name.
    #[error("there is no such schedule")]
    NotFound,
    /// Another one has this name.
    #[error("a schedule with this name exists")]
    Exists,
    /// The program writes it at every start.
    #[error(
        "this schedule is part of the program: it can be paused, resumed and run, not changed or deleted"
    )]
    InCode,
    /// It cannot be run like that.
    #[error("{}", .0.iter().map(|it| format!("{}: {}", it.pointer.trim_start_matches('/'), it.detail)).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<WrongField>),
    /// Its policy for overlap forbids a second run.
    #[error("the last run is still live, and the policy for overlap allows no second one")]
    StillLive,
    /// The kind of its job.
    #[error("this server does not know the kind of its job")]
    UnknownKind,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a schedule.
pub async fn create(
    tx: &mut Tx,
    jobs: &Jobs,
    it: &Definition,
    who: &Operator,
    now: Timestamp,
) -> Result<Stored, Refusal> {
    let next_at = first_tick(it, jobs, now)?;
    let kind = numbered(tx, jobs, it).await?;
    if !cron::insert(tx, kind, it, next_at, (&who.name, now)).await? {
        return Err(Refusal::Exists);
    }
    note(tx, who, "cron.create", &it.key, it.reason.as_deref(), json!({ "schedule": it }), now).await?;
    wake_on_commit(tx, jobs);
    found(tx, &it.key).await
}

/// Changes a schedule that [`cron::lock`] has locked. A changed timing computes the next tick anew. An equal one changes
/// nothing.
pub async fn change(
    tx: &mut Tx,
    jobs: &Jobs,
    before: &Stored,
    it: &Definition,
    who: &Operator,
    now: Timestamp,
) -> Result<Stored, Refusal> {
    if before.source == Source::Code {
        return Err(Refusal::InCode);
    }
    if it.key != before.definition.key {
        let detail = "never changes: make another schedule".to_owned();
        return Err(Refusal::Wrong(vec![WrongField { pointer: "/key".to_owned(), code: "fixed", detail }]));
    }
    if (Definition { reason: None, ..it.clone() }) == before.definition {
        return Ok(before.clone());
    }
    let first = first_tick(it, jobs, now)?;
    let next_at = settled(tx, jobs, before, now).await?;
    let next_at = if it.ticks_like(&before.definition) { next_at } else { Some(first) };
    let kind = numbered(tx, jobs, it).await?;
    cron::update(tx, kind, it, next_at, (&who.name, now)).await?;
    let details = json!({ "before": before.definition, "schedule": it });
    note(tx, who, "cron.change", &it.key, it.reason.as_deref(), details, now).await?;
    wake_on_commit(tx, jobs);
    found(tx, &it.key).await
}

/// Stops a schedule from ticking. Pausing a paused one changes who did, and why, if another reason is given.
pub async fn pause(
    tx: &mut Tx,
    jobs: &Jobs,
    key: &str,
    (who, reason): (&Operator, Option<&str>),
    now: Timestamp,
) -> Result<Stored, Refusal> {
    let before = locked(tx, key).await?;
    if before.paused_at.is_some() && (reason.is_none() || reason == before.paused_reason.as_deref()) {
        return Ok(before);
    }
    settled(tx, jobs, &before, now).await?;
    cron::pause(tx, key, reason, (&who.name, now)).await?;
    note(tx, who, "cron.pause", key, reason, json!({}), now).await?;
    found(tx, key).await
}

/// Lets it tick again; the ticks of the pause are recorded as skipped. Resuming one that is not paused changes nothing.
pub async fn resume(
    tx: &mut Tx,
    jobs: &Jobs,
    key: &str,
    (who, reason): (&Operator, Option<&str>),
    now: Timestamp,
) -> Result<Stored, Refusal> {
    let before = locked(tx, key).await?;
    if before.paused_at.is_none() {
        return Ok(before);
    }
    let decided = before.due().and_then(|due| firing::of_pause(&due, now));
    let (records, next_at) = decided.unwrap_or((Vec::new(), before.next_at));
    cron::record(tx, key, None, &records).await?;
    cron::resume(tx, key, next_at).await?;
    let details = json!({ "skipped": records.len(), "paused_by": before.paused_by });
    note(tx, who, "cron.resume", key, reason, details, now).await?;
    wake_on_commit(tx, jobs);
    found(tx, key).await
}

/// Starts a run now, also of a paused schedule; the next tick stays. Its place in the record.
pub async fn run(
    tx: &mut Tx,
    jobs: &Jobs,
    key: &str,
    (who, reason): (&Operator, Option<&str>),
    now: Timestamp,
) -> Result<(JobId, Timestamp), Refusal> {
    let before = locked(tx, key).await?;
    let kind = jobs.registry().get(&before.definition.kind).ok_or(Refusal::UnknownKind)?;
    // One that never ticks again can be run all the same.
    let due = Stored { next_at: before.next_at.or(Some(now)), ..before }.due().expect("it has a next tick");
    let job = firing::run_now(tx, jobs, &due, kind, now).await?.ok_or(Refusal::StillLive)?;
    let mut fire_at = now;
    for _ in 0..RECORD_TRIES {
        let (outcome, reason) = (FireOutcome::RunNow, reason.map(str::to_owned));
        let record = Record { fire_at, job: Some(job), outcome, reason };
        if cron::record(tx, key, Some(&who.name), &[record]).await? == 1 {
            break;
        }
        fire_at += jiff::SignedDuration::from_micros(1);
    }
    note(tx, who, "cron.run", key, reason, json!({ "job": job, "fire_at": fire_at }), now).await?;
    Ok((job, fire_at))
}

/// Forgets a schedule that [`cron::lock`] has locked. One of the code only when this program has it no more
/// (`in_code` says so): it would come back with the next start.
pub async fn delete(
    tx: &mut Tx,
    before: &Stored,
    in_code: bool,
    (who, reason): (&Operator, Option<&str>),
    now: Timestamp,
) -> Result<(), Refusal> {
    if before.source == Source::Code && in_code {
        return Err(Refusal::InCode);
    }
    let key = &before.definition.key;
    cron::delete(tx, key).await?;
    note(tx, who, "cron.delete", key, reason, json!({ "schedule": before.definition }), now).await
}

/// The next tick may come before any scheduler looks: all of them should hear of it.
fn wake_on_commit(tx: &mut Tx, jobs: &Jobs) {
    let jobs = jobs.clone();
    tx.on_commit(move || jobs.hint(Hint::Cron));
}

/// The number of the kind, and the shape of its arguments: a later server brings them up to date.
async fn numbered(tx: &mut Tx, jobs: &Jobs, it: &Definition) -> Result<(i16, i16), Refusal> {
    let version = jobs.registry().get(&it.kind).ok_or(Refusal::UnknownKind)?.version;
    Ok((jobs.catalog_in(tx).await?.kind(&it.kind), version))
}

/// The schedule, locked.
pub async fn locked(tx: &mut Tx, key: &str) -> Result<Stored, Refusal> {
    cron::lock(tx, key).await?.ok_or(Refusal::NotFound)
}

async fn found(tx: &mut Tx, key: &str) -> Result<Stored, Refusal> {
    cron::find(tx, key).await?.ok_or(Refusal::NotFound)
}

/// The first tick of a schedule that can be run.
fn first_tick(it: &Definition, jobs: &Jobs, now: Timestamp) -> Result<Timestamp, Refusal> {
    let (mut wrong, timing) = check(it, jobs.registry());
    let first = timing.and_then(|timing| timing.after(now).next());
    match first {
        Some(first) if wrong.is_empty() => Ok(first.at),
        Some(_) => Err(Refusal::Wrong(wrong)),
        None => {
            if wrong.is_empty() {
                let (pointer, detail) = ("/spec".to_owned(), "never ticks again".to_owned());
                wrong.push(WrongField { pointer, code: "invalid_schedule", detail });
            }
            Err(Refusal::Wrong(wrong))
        }
    }
}

/// Decides what has come under the old terms; the next tick under them.
async fn settled(
    tx: &mut Tx,
    jobs: &Jobs,
    before: &Stored,
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let due = before.due().filter(|due| due.next_at <= now && before.paused_at.is_none());
    let Some(due) = due else { return Ok(before.next_at) };
    firing::fire(tx, jobs, &due, now).await?;
    Ok(found(tx, &due.key).await?.next_at)
}

async fn note(
    tx: &mut Tx,
    who: &Operator,
    action: &'static str,
    key: &str,
    reason: Option<&str>,
    details: Value,
    now: Timestamp,
) -> Result<(), Refusal> {
    let details = joined([&who.details, &details]);
    let (target, reason) = (key.to_owned(), reason.map(str::to_owned));
    let result = Some("done".to_owned());
    let entry = Entry { at: now, who: who.user, action, target, reason, result, details };
    journal::append(tx, &[entry]).await?;
    Ok(())
}
