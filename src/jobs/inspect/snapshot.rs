//! What an explanation is made of, read in three statements: the job, what is before it, and the processes.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    Patience, State,
    explain::{Gate, Pause, Rate, Seen, Snapshot},
    nodes::{Node, nodes},
};
use crate::{
    db::DbError,
    jobs::{
        JobId,
        store::{Ask, lists_look},
    },
};

/// A place beyond is not told exactly.
const POSITION_MAX: i64 = 10_000;

/// What stands before the job of this row (see [`lists_look::live_job`]).
pub(super) async fn read(
    at: &mut impl Ask,
    job: &Row,
    now: Timestamp,
    patience: Patience,
) -> Result<Snapshot, DbError> {
    let state = State::stored(job.get("state"));
    let place = job.get::<_, Option<i16>>("lane").zip(job.get("rank"));
    let about = lists_look::About {
        id: job.get("id"),
        queue: job.get("queue_id"),
        key: job.get("key_hash"),
        kind_key: job.get("kind_key"),
        door: job.get("door"),
        place,
    };
    let before = lists_look::before(at, &about, POSITION_MAX).await?;
    let nodes = nodes(at, patience).await?;
    let ahead: i64 = before.get(if state == State::Parked { "parked_before" } else { "ready_before" });
    let kind = gate(job, "kind", before.get("kind_held_by"));
    Ok(Snapshot {
        now,
        seen_at: job.get("seen_at"),
        state,
        due_at: job.get("due_at"),
        workers: job.get("queue_workers"),
        queue: Gate { running: before.get("running"), ..gate(job, "queue", Vec::new()) },
        key: about.key.map(|_| Gate {
            name: job.get::<_, Option<String>>("key_name").unwrap_or_default(),
            // 0: one at a time, and in order, so that one that waits for its retry keeps its place.
            limit: job.get::<_, Option<i16>>("key_limit").map(|limit| i32::from(limit.max(1))),
            held_by: before.get("key_held_by"),
            ..Gate::default()
        }),
        at_key: about.door.is_some() && about.door == about.key,
        rate: rate(job),
        parents: (job.get::<_, Option<i32>>("waits").unwrap_or(0), before.get("parents")),
        nodes: nodes.iter().map(|node| seen(node, &kind.name)).collect(),
        kind,
        runs_on: job.get("worker_id"),
        run: job
            .get::<_, Option<Timestamp>>("started_at")
            .zip(job.get("deadline_at"))
            .map(|(since, until)| (since, until, job.get("cancel_at"))),
        before: place.map(|_| (ahead, ahead >= POSITION_MAX)),
        pace: pace(&before),
    })
}

fn gate(job: &Row, what: &str, held_by: Vec<JobId>) -> Gate {
    let column = |name: &str| format!("{what}_{name}");
    let paused = job.get::<_, Option<Timestamp>>(column("paused_at").as_str());
    Gate {
        name: job.get(what),
        paused: paused.map(|since| Pause {
            since,
            by: job.get(column("paused_by").as_str()),
            reason: job.get(column("paused_why").as_str()),
        }),
        limit: job.get(column("max").as_str()),
        held_by,
        ..Gate::default()
    }
}

fn rate(job: &Row) -> Option<Rate> {
    let per_s = job.get::<_, Option<f32>>("rate_per_s")?;
    Some(Rate { per_s, tokens: job.get::<_, Option<f64>>("tokens")?, at: job.get("tokens_at") })
}

/// Jobs that ended in a second, of those that the history keeps.
pub(super) fn pace(row: &Row) -> Option<f64> {
    let (finished, over_s): (i64, Option<f64>) = (row.get("finished"), row.get("over_s"));
    over_s.filter(|over_s| *over_s > 0.0 && finished > 0).map(|over_s| finished as f64 / over_s)
}

fn seen(node: &Node, kind: &str) -> Seen {
    Seen {
        worker: node.id.0,
        name: node.node.clone(),
        state: node.state,
        beat_age_s: node.beat_age_s,
        knows: node.knows(kind),
    }
}
