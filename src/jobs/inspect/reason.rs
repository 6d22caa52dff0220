//! The reasons for which a job is where it is, for programs and in words.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::jobs::JobId;

/// One thing that keeps a job from running.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
#[schema(as = JobReason)]
pub enum Reason {
    /// Its queue is paused.
    QueuePaused {
        /// By whom.
        by: Option<String>,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// Its kind is paused.
    KindPaused {
        /// By whom.
        by: Option<String>,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// Why.
        reason: Option<String>,
    },
    /// Its queue is scaled to no workers.
    NoWorkers,
    /// It waits for its time: it is `scheduled`, `retrying` or `snoozed`.
    Until {
        /// The time.
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
    },
    /// Jobs with its key have every place.
    KeyFull {
        /// The key.
        key: String,
        /// How many may run at once.
        limit: Option<i32>,
        /// Which have the places, at most twenty.
        #[schema(value_type = Vec<String>)]
        held_by: Vec<JobId>,
    },
    /// Jobs of its kind have every place.
    KindFull {
        /// How many may run at once.
        limit: Option<i32>,
        /// Which have the places, at most twenty.
        #[schema(value_type = Vec<String>)]
        held_by: Vec<JobId>,
    },
    /// Its queue runs as many as it may.
    QueueFull {
        /// How many that are, in all processes.
        limit: i32,
        /// How many run.
        running: i64,
    },
    /// The queue's rate is used up.
    Rate {
        /// When the next token comes.
        #[schema(value_type = String, format = DateTime)]
        next_at: Timestamp,
    },
    /// Other jobs have to end first.
    Parents {
        /// How many.
        waits_for: i32,
        /// Which, at most twenty.
        #[schema(value_type = Vec<String>)]
        parents: Vec<JobId>,
    },
    /// No process runs jobs.
    NoNode,
    /// No process takes any more jobs: they are drained.
    NodesDraining,
    /// Every process has lost the database and cancels its jobs.
    NodesFenced {
        /// Which.
        nodes: Vec<String>,
    },
    /// No process knows its kind: it waits for a newer server.
    KindUnknown {
        /// The processes that were asked.
        nodes: Vec<String>,
    },
    /// Others are before it.
    Position {
        /// Its place, from 1.
        position: i64,
        /// Whether that is exact: counting stops somewhere.
        exact: bool,
    },
    /// Nothing keeps it: it is about to be taken.
    Next,
    /// It runs.
    Running {
        /// Where.
        node: Option<String>,
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// Then it is cut off.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// It runs and was asked to end.
    Cancelling {
        /// When.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
    },
    /// It was running on a process of which nothing is heard: it is given to another one soon.
    NodeSilent {
        /// Which process.
        node: Option<String>,
        /// Seconds since its last beat.
        beat_age_s: Option<f64>,
    },
    /// It has ended.
    Ended,
}

/// A reason, with a sentence for people.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobWhy)]
pub struct Why {
    /// The reason, for programs.
    #[serde(flatten)]
    pub reason: Reason,
    /// The same, for people.
    pub detail: String,
}

impl Why {
    pub(super) fn of(reason: Reason) -> Self {
        let by = |by: &Option<String>| by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let why = |why: &Option<String>| why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let ids = |ids: &[JobId]| ids.iter().map(JobId::to_string).collect::<Vec<_>>().join(", ");
        let places =
            |limit: &Option<i32>| limit.map_or_else(|| "all".to_owned(), |limit| format!("all {limit}"));
        let detail = match &reason {
            Reason::QueuePaused { by: who, since, reason } => {
                format!("its queue is paused{} since {since}{}", by(who), why(reason))
            }
            Reason::KindPaused { by: who, since, reason } => {
                format!("its kind is paused{} since {since}{}", by(who), why(reason))
            }
            Reason::NoWorkers => "its queue is scaled to 0 workers: nothing of it begins".to_owned(),
            Reason::Until { at } => format!("it waits until {at}"),
            Reason::KeyFull { key, limit, held_by } => {
                format!("{} places of the key {key:?} are held by {}", places(limit), ids(held_by))
            }
            Reason::KindFull { limit, held_by } => {
                format!("{} places of its kind are held by {}", places(limit), ids(held_by))
            }
            Reason::QueueFull { limit, running } => {
                format!("its queue may run {limit} jobs at once, and {running} run")
            }
            Reason::Rate { next_at } => format!("the rate of its queue is used up until {next_at}"),
            Reason::Parents { waits_for, parents } => {
                format!("{waits_for} jobs have to end first: {}", ids(parents))
            }
            Reason::NoNode => "no process runs jobs".to_owned(),
            Reason::NodesDraining => {
                "every process is drained and takes nothing more: resume one, or start another".to_owned()
            }
            Reason::NodesFenced { nodes } => format!("no beat arrives from {}", nodes.join(", ")),
            Reason::KindUnknown { nodes } => {
                format!("none of {} knows its kind: it waits for a newer server", nodes.join(", "))
            }
            Reason::Position { position, exact } => {
                format!("it is number {position}{} in its queue", if *exact { "" } else { " or later" })
            }
            Reason::Next => "nothing keeps it: it is about to be taken".to_owned(),
            Reason::Running { node, since, .. } => {
                let at = node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
                format!("a process{at} has had it since {since}: it runs, or is the next to do so")
            }
            Reason::Cancelling { since } => format!("it was asked to end at {since}"),
            Reason::NodeSilent { node, .. } => {
                let of = node.as_deref().unwrap_or("its process");
                format!("nothing is heard of {of}: others take the job soon")
            }
            Reason::Ended => "it has ended".to_owned(),
        };
        Self { reason, detail }
    }
}
