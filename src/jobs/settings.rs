//! Queues, kinds and nodes at run time: paused, resumed, limited, scaled, drained. Each change is one statement and one
//! entry of the journal in the caller's transaction; with the commit every process hears of it, and looks by itself
//! every second.
//!
//! Pausing a node is draining it: it takes nothing more and finishes what runs. Whoever restarts it starts afresh.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobId, Jobs, inspect::joined, store::settings};
use crate::{
    db::{DbError, Tx},
    ids::UserId,
    journal::{self, Entry},
};

/// Who changes something, and why.
#[derive(Debug, Clone)]
pub struct Steward {
    /// The administrator; `None` for the command line.
    pub user: Option<UserId>,
    /// How pauses name them: an account's id, or `os:` and the name of the user on the machine.
    pub name: String,
    /// What the journal keeps of them besides: the session, or the user of the machine.
    pub details: serde_json::Value,
    /// For the journal.
    pub reason: String,
}

/// What limits a queue. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueueLimits {
    /// Jobs that run at once on each node; `null`: as the node is configured; 0: what runs is finished, nothing begins.
    #[schema(minimum = 0, maximum = 10_000)]
    #[serde(default)]
    pub workers: Option<i32>,
    /// Jobs that run at once on all nodes together; `null`: no limit.
    #[schema(minimum = 0)]
    #[serde(default)]
    pub max_running: Option<i32>,
    /// Jobs that may start per second on all nodes together; `null`: no limit.
    #[serde(default)]
    pub rate_per_s: Option<f32>,
    /// And at once after a quiet time. Goes with the rate.
    #[schema(minimum = 1)]
    #[serde(default)]
    pub rate_burst: Option<i32>,
    /// One step of priority is worth this much waiting; `null`: priority is strict.
    #[schema(minimum = 0)]
    #[serde(default)]
    pub aging_ms: Option<i32>,
    /// Tenants take turns.
    #[serde(default)]
    pub fair: bool,
}

/// How a queue is run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QueueSettings {
    /// Its name.
    pub name: String,
    /// Since when it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// Who paused it: an address, or who it was at the machine.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
    /// Its limits.
    #[serde(flatten)]
    pub limits: QueueLimits,
    /// Counts changes.
    pub revision: i64,
}

/// Whether a kind is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindState {
    /// Its name.
    pub name: String,
    /// Since when it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// Who paused it: an address, or who it was at the machine.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
}

/// Whether a process is drained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeState {
    /// The number of its boot.
    #[schema(value_type = String)]
    pub id: JobId,
    /// Its name, the same after a restart.
    pub node: String,
    /// Since when it is to take nothing more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub drain_at: Option<Timestamp>,
    /// Who wants that.
    pub drain_by: Option<String>,
    /// Jobs in its hands.
    pub running: i64,
}

impl Jobs {
    /// Locks a queue for a change of its limits.
    pub async fn lock_queue(&self, tx: &mut Tx, name: &str) -> Result<Option<QueueSettings>, DbError> {
        settings::lock_queue(tx, name).await
    }

    /// Starts nothing more of a queue; what runs goes on.
    pub async fn pause_queue(
        &self,
        tx: &mut Tx,
        name: &str,
        by: &Steward,
    ) -> Result<Option<QueueSettings>, DbError> {
        let changed =
            settings::pause_queue(tx, name, Some((&by.name, &by.reason)), self.clock().now()).await?;
        self.changed(tx, ("queue.pause", name), by, changed).await
    }

    /// Lets a queue run again.
    pub async fn resume_queue(
        &self,
        tx: &mut Tx,
        name: &str,
        by: &Steward,
    ) -> Result<Option<QueueSettings>, DbError> {
        let changed = settings::pause_queue(tx, name, None, self.clock().now()).await?;
        self.changed(tx, ("queue.resume", name), by, changed).await
    }

    /// Limits and scales a queue.
    pub async fn limit_queue(
        &self,
        tx: &mut Tx,
        name: &str,
        limits: &QueueLimits,
        by: &Steward,
    ) -> Result<Option<QueueSettings>, DbError> {
        let changed = settings::limit_queue(tx, name, limits).await?;
        self.changed(tx, ("queue.limit", name), by, changed).await
    }

    /// Starts no more jobs of a kind; what runs goes on.
    pub async fn pause_kind(
        &self,
        tx: &mut Tx,
        name: &str,
        by: &Steward,
    ) -> Result<Option<KindState>, DbError> {
        let changed =
            settings::pause_kind(tx, name, Some((&by.name, &by.reason)), self.clock().now()).await?;
        self.changed(tx, ("kind.pause", name), by, changed).await
    }

    /// Lets a kind run again.
    pub async fn resume_kind(
        &self,
        tx: &mut Tx,
        name: &str,
        by: &Steward,
    ) -> Result<Option<KindState>, DbError> {
        let changed = settings::pause_kind(tx, name, None, self.clock().now()).await?;
        self.changed(tx, ("kind.resume", name), by, changed).await
    }

    /// The process with this number takes nothing more and finishes what it runs. `None` if it does not live.
    pub async fn drain_node(
        &self,
        tx: &mut Tx,
        worker: i64,
        by: &Steward,
    ) -> Result<Option<NodeState>, DbError> {
        let changed = settings::drain_node(tx, worker, Some(&by.name)).await?;
        self.changed(tx, ("node.drain", &worker.to_string()), by, changed).await
    }

    /// It works again.
    pub async fn resume_node(
        &self,
        tx: &mut Tx,
        worker: i64,
        by: &Steward,
    ) -> Result<Option<NodeState>, DbError> {
        let changed = settings::drain_node(tx, worker, None).await?;
        self.changed(tx, ("node.resume", &worker.to_string()), by, changed).await
    }

    /// Journals a change, and tells it with the commit.
    async fn changed<T: Serialize>(
        &self,
        tx: &mut Tx,
        (action, target): (&'static str, &str),
        by: &Steward,
        changed: Option<T>,
    ) -> Result<Option<T>, DbError> {
        let Some(state) = changed else { return Ok(None) };
        let mut details = serde_json::to_value(&state).unwrap_or_default();
        if let (Some(_), Some(details)) = (by.user, details.as_object_mut()) {
            // The journal knows accounts by their ids: addresses are changed and forgotten elsewhere.
            details.retain(|name, _| !matches!(name.as_str(), "paused_by" | "drain_by"));
        }
        let entry = Entry {
            at: self.clock().now(),
            who: by.user,
            action,
            target: target.to_owned(),
            reason: Some(by.reason.clone()),
            result: Some("done".to_owned()),
            details: joined([&by.details, &details]),
        };
        journal::append(tx, &[entry]).await?;
        let jobs = self.clone();
        tx.on_commit(move || jobs.heed_orders());
        Ok(Some(state))
    }
}
