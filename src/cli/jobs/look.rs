//! Looking: lists, one job, queues, nodes, batches.

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::arguments::List;
use crate::{
    cli::print,
    config::Config,
    db::{Db, Tx},
    jobs::{
        JobId, Jobs,
        inspect::{self, Detail, Listed, MAX_LIST, Patience, Queue, State},
    },
};

async fn begin(db: &Db) -> anyhow::Result<Tx> {
    Ok(db.begin("cli.jobs.look").await?)
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?);
    Ok(())
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.strftime("%F %TZ").to_string())
}

fn line(job: &Listed) -> String {
    let at = job.finished_at.or(job.started_at).or(job.due_at);
    let attempt = match (job.attempt, job.max_attempts) {
        (Some(attempt), Some(max)) => format!("{attempt}/{max}"),
        (Some(attempt), None) => attempt.to_string(),
        (None, _) => "-".to_owned(),
    };
    let error = job.fingerprint.as_ref().map(|it| format!("error {it}"));
    let more: Vec<&str> = job.reason.as_deref().into_iter().chain(error.as_deref()).collect();
    format!(
        "{:<19} {:<11} {:<11} {:<32} {attempt:>5}  {}  {} {}",
        job.id,
        if job.taken { "taken" } else { job.state.as_str() },
        job.queue,
        job.kind,
        time(at),
        job.tags.join(","),
        more.join("  ")
    )
    .trim_end()
    .to_owned()
}

pub(super) async fn list(args: List, db: &Db, jobs: &Jobs) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Page {
        jobs: Vec<Listed>,
        /// Go on with `--before`, also when there are fewer jobs than asked for; `null` at the end.
        next_before: Option<JobId>,
    }
    /// So many looks may find less than a page: who wants to search on says so.
    const SHORT_PAGES: usize = 8;
    let filter = args.filters.filter(jobs.clock().now());
    let mut short = 0;
    let mut page = Page { jobs: Vec::new(), next_before: args.before.map(JobId) };
    let mut tx = begin(db).await?;
    super::check_names(&mut tx, jobs, &filter).await?;
    loop {
        let wanted = i64::from(args.limit) - page.jobs.len() as i64;
        let before = page.next_before.map(|id| id.0);
        let found = inspect::list(&mut tx, &filter, before, wanted.min(MAX_LIST)).await?;
        short += usize::from((found.jobs.len() as i64) < wanted.min(MAX_LIST));
        page.jobs.extend(found.jobs);
        page.next_before = found.next.map(JobId);
        let is_full = page.jobs.len() >= usize::from(args.limit);
        if page.next_before.is_none() || is_full || short == SHORT_PAGES {
            break;
        }
    }
    tx.rollback().await?;
    if args.json {
        return print_json(&page);
    }
    for job in &page.jobs {
        print(&line(job));
    }
    if let Some(next) = page.next_before {
        let is_full = page.jobs.len() >= usize::from(args.limit);
        let about = if is_full { "more" } else { "not all was looked at, the search goes on" };
        print(&format!("… {about}: --before {next}"));
    }
    Ok(())
}

async fn detail(id: i64, db: &Db, jobs: &Jobs, config: &Config) -> anyhow::Result<Detail> {
    let mut tx = begin(db).await?;
    let found = inspect::show(&mut tx, id, jobs.clock().now(), Patience::of(&config.jobs)).await?;
    tx.rollback().await?;
    found.with_context(|| format!("there is no job {id}"))
}

pub(super) async fn show(id: i64, json: bool, db: &Db, jobs: &Jobs, config: &Config) -> anyhow::Result<()> {
    let detail = detail(id, db, jobs, config).await?;
    if json {
        return print_json(&detail);
    }
    print(&line(&detail.job));
    let arguments = if detail.sealed { "sealed".to_owned() } else { said(detail.arguments.as_ref()) };
    print(&format!("  arguments  {arguments}"));
    if detail.result.is_some() {
        print(&format!("  result     {}", said(detail.result.as_ref())));
    }
    if let Some(progress) = &detail.progress {
        let pct = progress.pct.map(|pct| format!("{pct} % ")).unwrap_or_default();
        print(&format!("  progress   {pct}{}", progress.note.as_deref().unwrap_or_default()));
    }
    if let Some(rerun) = detail.job.rerun {
        print(&format!("  rerun      {rerun}"));
    }
    print_reasons(&detail);
    if let Some(asked) = &detail.cancel_asked
        && !matches!(detail.job.state, State::Done | State::Discarded)
    {
        print(&format!("  cancel     {asked}"));
    }
    for attempt in &detail.attempts {
        let error = attempt.error.as_deref().unwrap_or_default();
        let node = attempt.node.as_deref().unwrap_or("-");
        let at = time(Some(attempt.finished_at));
        let took = SignedDuration::from_millis(attempt.took_ms);
        let named = attempt.fingerprint.as_ref().map(|it| format!("  error {it}")).unwrap_or_default();
        let line = format!(
            "  attempt {:<3} {:<9} {at}  {node}  {took:#}{named}  {error}",
            attempt.attempt, attempt.outcome
        );
        print(line.trim_end());
        for text in attempt.log.iter().chain(&attempt.trace) {
            print(&format!("      {}", text.replace('\n', "\n      ")));
        }
    }
    Ok(())
}

fn said(value: Option<&serde_json::Value>) -> String {
    value.map_or_else(|| "not kept".to_owned(), ToString::to_string)
}

fn print_reasons(detail: &Detail) {
    for why in &detail.explanation.reasons {
        print(&format!("  why        {}", why.detail));
    }
    if let Some(at) = detail.explanation.estimated_start {
        print(&format!("  starts     about {}", time(Some(at))));
    }
}

pub(super) async fn explain(
    id: i64,
    json: bool,
    db: &Db,
    jobs: &Jobs,
    config: &Config,
) -> anyhow::Result<()> {
    let detail = detail(id, db, jobs, config).await?;
    if json {
        return print_json(&detail.explanation);
    }
    print(&line(&detail.job));
    print_reasons(&detail);
    Ok(())
}

pub(super) async fn queues(json: bool, db: &Db, jobs: &Jobs) -> anyhow::Result<()> {
    let mut tx = begin(db).await?;
    let queues = inspect::queues(&mut tx, None, jobs.clock().now()).await?;
    tx.rollback().await?;
    if json {
        return print_json(&serde_json::json!({ "queues": queues }));
    }
    for queue in queues {
        let depth = queue.depth;
        let paused = pause(queue.paused_at, queue.paused_by.as_deref(), queue.paused_reason.as_deref());
        let about = if depth.exact { "" } else { " (at least)" };
        let age = queue.oldest_age_s.map(|age| format!("  oldest {age:.0} s")).unwrap_or_default();
        let terms = terms(&queue);
        print(&format!(
            "{:<12} ready {}  running {}{}  scheduled {}  retrying {}  snoozed {}  parked {}  waiting {}{about}{age}{terms}{paused}",
            queue.name,
            depth.ready,
            depth.running,
            taken(depth.running, depth.taken),
            depth.scheduled,
            depth.retrying,
            depth.snoozed,
            depth.parked,
            depth.waiting
        ));
    }
    Ok(())
}

/// What processes have besides what runs.
fn taken(running: i64, taken: i64) -> String {
    if taken > running { format!("  taken {taken}") } else { String::new() }
}

/// How a queue is run: its workers, its limits, how fast it goes.
fn terms(queue: &Queue) -> String {
    let mut terms = vec![match queue.workers {
        None => "workers as configured".to_owned(),
        Some(0) => "workers 0: nothing begins".to_owned(),
        Some(workers) => format!("workers {workers} on each node"),
    }];
    terms.extend(queue.max_running.map(|limit| format!("at most {limit} on all nodes")));
    let rate = queue.rate_per_s.zip(queue.rate_burst);
    terms.extend(rate.map(|(rate, burst)| format!("rate {rate}/s, burst {burst}")));
    terms.extend(queue.aging_ms.map(|aging| format!("ageing {aging} ms per step")));
    terms.extend(queue.fair.then(|| "tenants take turns".to_owned()));
    terms.extend(queue.pace_per_s.map(|pace| format!("pace {pace:.1}/s")));
    format!("  {}", terms.join("  "))
}

/// What is said of a pause, if there is one.
fn pause(at: Option<Timestamp>, by: Option<&str>, reason: Option<&str>) -> String {
    let Some(at) = at else { return String::new() };
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("  paused since {}{by}{reason}", time(Some(at)))
}

pub(super) async fn kinds(json: bool, db: &Db, jobs: &Jobs, config: &Config) -> anyhow::Result<()> {
    let mut tx = begin(db).await?;
    let kinds = inspect::kinds(&mut tx, jobs.registry(), Patience::of(&config.jobs)).await?;
    tx.rollback().await?;
    if json {
        return print_json(&serde_json::json!({ "kinds": kinds }));
    }
    for kind in kinds {
        let about = if kind.exact { "" } else { " (at least)" };
        let limit = kind.max_running.map(|limit| format!(" of {limit}")).unwrap_or_default();
        let nodes = if kind.nodes.is_empty() { "none".to_owned() } else { kind.nodes.join(", ") };
        print(&format!(
            "{:<32} {:<12} running {}{limit}{about}  nodes {nodes}{}",
            kind.name,
            kind.queue.as_deref().unwrap_or("?"),
            kind.running,
            pause(kind.paused_at, kind.paused_by.as_deref(), kind.paused_reason.as_deref())
        ));
    }
    Ok(())
}

pub(super) async fn nodes(json: bool, db: &Db, config: &Config) -> anyhow::Result<()> {
    let mut tx = begin(db).await?;
    let nodes = inspect::nodes(&mut tx, Patience::of(&config.jobs)).await?;
    tx.rollback().await?;
    if json {
        return print_json(&serde_json::json!({ "nodes": nodes }));
    }
    for node in nodes {
        let beat = node.beat_age_s.map_or_else(|| "-".to_owned(), |age| format!("{age:.1} s ago"));
        let state = serde_json::to_value(node.state)?;
        let (running, all): (i64, i64) = (node.running.values().sum(), node.taken.values().sum());
        let taken = taken(running, all);
        let drained = match node.drain_by.as_deref().filter(|_| node.draining) {
            Some(by) => format!("  drained by {by}"),
            None => String::new(),
        };
        let kinds = node.kinds.map_or_else(|| "?".to_owned(), |kinds| kinds.len().to_string());
        print(&format!(
            "{:<6} {:<9} {:<24} beat {beat:<12} running {running}{taken}  kinds {kinds}  since {}{drained}",
            node.id,
            state.as_str().unwrap_or_default(),
            node.node,
            time(Some(node.started_at))
        ));
    }
    Ok(())
}

pub(super) async fn batches(open: bool, limit: u16, json: bool, db: &Db) -> anyhow::Result<()> {
    let mut tx = begin(db).await?;
    let batches = inspect::batches(&mut tx, open.then_some(true), None, limit.into()).await?;
    tx.rollback().await?;
    if json {
        return print_json(&serde_json::json!({ "batches": batches }));
    }
    for batch in batches {
        let name = batch.name.as_deref().unwrap_or("-");
        print(&format!(
            "{:<19} {name:<24} {} jobs: {} done, {} not, {} left  since {}  closed {}",
            batch.id,
            batch.total,
            batch.ok,
            batch.bad,
            batch.left,
            time(Some(batch.opened_at)),
            time(batch.closed_at)
        ));
    }
    Ok(())
}
