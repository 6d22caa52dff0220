//! Processes that run jobs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Patience;
use crate::{
    db::DbError,
    jobs::{
        JobId,
        store::{Ask, lists_look},
    },
};

/// A fleet is much smaller; those that left are among them for an hour.
const MOST: i64 = 200;

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobNodeState)]
pub enum NodeState {
    /// It beats.
    Live,
    /// It takes no more jobs: an administrator wants that.
    Draining,
    /// Its beat is late: it cancels its jobs.
    Fenced,
    /// Its beat is so late that others have taken its jobs, or it was declared dead.
    Dead,
    /// It has signed off.
    Left,
}

impl NodeState {
    fn of(beat_age_s: Option<f64>, (draining, has_left): (bool, bool), patience: Patience) -> Self {
        match beat_age_s {
            _ if has_left => Self::Left,
            None => Self::Dead,
            Some(age) if age >= patience.rescue.as_secs_f64() => Self::Dead,
            Some(age) if age >= patience.fence.as_secs_f64() => Self::Fenced,
            Some(_) if draining => Self::Draining,
            Some(_) => Self::Live,
        }
    }
}

/// One boot of one process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = JobNode)]
pub struct Node {
    /// Its number: of a boot, never used again.
    #[schema(value_type = String)]
    pub id: JobId,
    /// The server's name, the same after a restart.
    pub node: String,
    /// Names this boot.
    pub boot: Uuid,
    /// How it is.
    pub state: NodeState,
    /// When it started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was heard last; `null` when it has left.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub beat_at: Option<Timestamp>,
    /// Seconds since then.
    pub beat_age_s: Option<f64>,
    /// Whether it is to take no more jobs.
    pub draining: bool,
    /// Who wants it to drain.
    pub drain_by: Option<String>,
    /// The kinds it knows; `null` for servers that do not tell.
    pub kinds: Option<Vec<String>>,
    /// Whatever else it told: its process id and version.
    #[schema(value_type = Object)]
    pub info: serde_json::Value,
    /// Its jobs that run, by queue.
    pub running: BTreeMap<String, i64>,
    /// Those, and what it has taken ahead of a free worker.
    pub taken: BTreeMap<String, i64>,
}

impl Node {
    fn of(row: &Row, patience: Patience) -> Self {
        let mut info: serde_json::Value = row.get("info");
        let kinds = info.as_object_mut().and_then(|info| info.remove("kinds"));
        let kinds = kinds.and_then(|kinds| serde_json::from_value(kinds).ok());
        let (beat_age_s, draining) = (row.get("beat_age_s"), row.get("draining"));
        let has_left = row.get::<_, Option<Timestamp>>("left_at").is_some();
        let by_queue = |name: &str| serde_json::from_value(row.get(name)).unwrap_or_default();
        Self {
            id: row.get("id"),
            node: row.get("node"),
            boot: row.get("boot"),
            state: NodeState::of(beat_age_s, (draining, has_left), patience),
            started_at: row.get("started_at"),
            beat_at: row.get("beat_at"),
            beat_age_s,
            draining,
            drain_by: row.get("drain_by"),
            kinds,
            info,
            running: by_queue("running"),
            taken: by_queue("taken"),
        }
    }

    pub(super) fn knows(&self, kind: &str) -> Option<bool> {
        self.kinds.as_ref().map(|kinds| kinds.iter().any(|known| known == kind))
    }
}

/// Every process, those that are heard first.
pub async fn nodes(at: &mut impl Ask, patience: Patience) -> Result<Vec<Node>, DbError> {
    let rows = lists_look::nodes(at, None, MOST).await?;
    Ok(rows.iter().map(|row| Node::of(row, patience)).collect())
}

/// One process.
pub async fn node(at: &mut impl Ask, id: i64, patience: Patience) -> Result<Option<Node>, DbError> {
    let rows = lists_look::nodes(at, Some(id), 1).await?;
    Ok(rows.first().map(|row| Node::of(row, patience)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_age_of_the_beat_tells_how_a_process_is() {
        let patience = Patience { fence: Duration::from_secs(8), rescue: Duration::from_secs(10) };
        let of = |age, draining| NodeState::of(age, (draining, age.is_none() && draining), patience);
        assert_eq!(of(Some(1.0), false), NodeState::Live);
        assert_eq!(of(Some(1.0), true), NodeState::Draining);
        assert_eq!(of(Some(8.0), false), NodeState::Fenced);
        assert_eq!(of(Some(10.0), true), NodeState::Dead);
        assert_eq!((of(None, true), of(None, false)), (NodeState::Left, NodeState::Dead));
    }
}
