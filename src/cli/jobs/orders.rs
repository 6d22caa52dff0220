//! Orders: enqueue, retry, cancel, snooze, priority. Several jobs by id are one transaction each; a filter is one.

use std::process::ExitCode;

use anyhow::ensure;
use serde::Serialize;

use super::arguments::{Enqueue, Priority, Selection, Snooze};
use crate::{
    actors::jobs::CHANNEL,
    cli::{exit::Usage, operator, print},
    db::{Db, DbError, Tx},
    jobs::{
        Hint, JobId, Jobs, Keep,
        inspect::{self, Draft, DraftError, Order, OrderError, OrderResult, SNOOZE_MAX, Who},
    },
};

/// Who sits at the keyboard, as the operating system says.
fn who(reason: &str) -> Who {
    Who { user: None, details: operator::details(), reason: reason.to_owned() }
}

/// Commits, and lets running servers look at once: this process has no engine that could tell them.
async fn commit(mut tx: Tx) -> Result<(), DbError> {
    const TELL: &str = "-- cli.jobs.tell\nSELECT pg_notify($1, $2)";
    let words = Hint::all().map(Hint::word).collect::<Vec<_>>().join(",");
    tx.query(TELL, &[&CHANNEL, &words]).await?;
    tx.commit().await
}

pub(super) async fn enqueue(args: Enqueue, db: &Db, jobs: &Jobs) -> anyhow::Result<()> {
    let who = who(&args.reason);
    let draft = Draft {
        kind: args.kind,
        arguments: args.args,
        run_at: args.at.map(|at| at.after(jobs.clock().now())),
        priority: args.priority,
        tags: args.tag,
        unique: args.unique,
        owner: args.owner,
    };
    let mut tx = db.begin("cli.jobs.enqueue").await?;
    let id = inspect::enqueue(&mut tx, jobs, &who, &draft).await.map_err(|error| match error {
        DraftError::Time => Usage(format!("--at: {error}")).into(),
        error => anyhow::Error::new(error).context("it was not enqueued"),
    })?;
    commit(tx).await?;
    if args.json {
        print(&serde_json::json!({ "id": id }).to_string());
    } else {
        print(&format!("enqueued {id}"));
    }
    Ok(())
}

pub(super) async fn retry(args: Selection, db: &Db, jobs: &Jobs) -> anyhow::Result<ExitCode> {
    carry_out(&args, Order::Retry, db, jobs).await
}

pub(super) async fn cancel(args: Selection, db: &Db, jobs: &Jobs) -> anyhow::Result<ExitCode> {
    carry_out(&args, Order::Cancel, db, jobs).await
}

pub(super) async fn snooze(args: Snooze, db: &Db, jobs: &Jobs) -> anyhow::Result<ExitCode> {
    let (now, until) = (jobs.clock().now(), args.until.after(jobs.clock().now()));
    let is_near = until > now && until <= now + SNOOZE_MAX;
    ensure!(is_near, Usage("--until: must be in the future, within a year".to_owned()));
    carry_out(&args.selection, Order::Snooze(until), db, jobs).await
}

pub(super) async fn priority(args: Priority, db: &Db, jobs: &Jobs) -> anyhow::Result<ExitCode> {
    carry_out(&args.selection, Order::Priority(args.to), db, jobs).await
}

/// Fails when nothing of what was asked for could be done to a job that was named.
async fn carry_out(args: &Selection, order: Order, db: &Db, jobs: &Jobs) -> anyhow::Result<ExitCode> {
    let who = who(&args.reason);
    if args.ids.is_empty() {
        bulk(args, order, &who, db, jobs).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut outcomes, mut refused) = (Vec::new(), false);
    for id in &args.ids {
        let mut tx = db.begin("cli.jobs.order").await?;
        let result = match inspect::order(&mut tx, jobs, &who, order, *id).await {
            Ok(result) => result,
            Err(OrderError::Unknown) => {
                OrderResult::Refused { code: "unknown", detail: "there is no such job".to_owned() }
            }
            Err(error) => return Err(error.into()),
        };
        commit(tx).await?;
        refused |= !result.is_done();
        outcomes.push(Outcome { id: JobId(*id), result });
    }
    if args.json {
        print(&serde_json::to_string_pretty(&serde_json::json!({ "jobs": outcomes }))?);
    } else {
        for Outcome { id, result } in &outcomes {
            match result {
                OrderResult::Refused { detail, .. } => print(&format!("{id} refused: {detail}")),
                OrderResult::Rerun { job } => print(&format!("{id} runs once more as {job}")),
                done => print(&format!("{id} {}", done.word())),
            }
        }
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

#[derive(Serialize)]
struct Outcome {
    id: JobId,
    #[serde(flatten)]
    result: OrderResult,
}

/// What becomes of cancelled jobs: said before it is done.
fn undo(jobs: &Jobs) -> String {
    let lost = jobs.registry().kinds().filter(|kind| kind.sealed || kind.keep == Keep::None);
    let lost: Vec<_> = lost.map(|kind| kind.name).collect();
    let but = if lost.is_empty() { String::new() } else { format!(", but not those of {}", lost.join(", ")) };
    format!("\ncancelled jobs can be run once more with `jobs retry`{but}")
}

async fn bulk(args: &Selection, order: Order, who: &Who, db: &Db, jobs: &Jobs) -> anyhow::Result<()> {
    let filter = args.filters.filter(jobs.clock().now());
    let usage = |error: OrderError| match error {
        OrderError::State(_) => anyhow::Error::from(Usage(error.to_string())),
        error => error.into(),
    };
    let mut tx = db.begin("cli.jobs.bulk").await?;
    super::check_names(&mut tx, jobs, &filter).await?;
    if args.dry_run {
        let count = inspect::count(&mut tx, order, &filter, args.before).await.map_err(usage)?;
        tx.rollback().await?;
        if args.json {
            print(&serde_json::json!({ "dry_run": true, "matched": count }).to_string());
        } else {
            let about = if count.exact { "" } else { " at least" };
            let undo = if order == Order::Cancel { undo(jobs) } else { String::new() };
            print(&format!("{}{about} {} jobs; nothing was done{undo}", order.action(), count.count));
        }
        return Ok(());
    }
    let bulk = inspect::bulk(&mut tx, jobs, who, order, &filter, args.before, args.limit);
    let bulk = bulk.await.map_err(usage)?;
    commit(tx).await?;
    if args.json {
        let mut answer = serde_json::to_value(&bulk)?;
        answer["dry_run"] = false.into();
        answer["next_before"] = serde_json::to_value(bulk.next.map(|id| id.to_string()))?;
        print(&serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    for (word, count) in &bulk.results {
        print(&format!("{count} {word}"));
    }
    match bulk.next {
        Some(next) => {
            let about = if bulk.remaining.exact { "" } else { "at least " };
            print(&format!("{about}{} remain: go on with --before {next}", bulk.remaining.count));
        }
        None => print(&format!("{} jobs, none remain", bulk.done)),
    }
    Ok(())
}
