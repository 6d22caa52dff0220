//! Kinds of jobs: where they wait, whether they are paused, and which processes know them.

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{Node, NodeState, Patience, nodes};
use crate::{
    db::DbError,
    jobs::{
        registry::Registry,
        store::{Ask, lists_look},
    },
};

/// So many running jobs are looked at: more than a large fleet has workers.
const COUNT_MAX: i64 = 10_000;

/// A kind of jobs.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = JobKind)]
pub struct Kind {
    /// Its name.
    pub name: String,
    /// Where its jobs wait; `null` for kinds that this server does not know.
    pub queue: Option<String>,
    /// How many of its jobs may run at once, in all processes.
    pub max_running: Option<i32>,
    /// How many do, or are taken and next.
    pub running: i64,
    /// Whether that is exact: counting stops at 10,000 running jobs of all kinds.
    pub exact: bool,
    /// Since when it is paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_at: Option<Timestamp>,
    /// Who paused it: an address, or who it was at the machine.
    pub paused_by: Option<String>,
    /// Why.
    pub paused_reason: Option<String>,
    /// The live processes that know it.
    pub nodes: Vec<String>,
    /// The shape of its arguments; `null` for kinds that this server does not know.
    pub version: Option<i16>,
    /// Whether its arguments are encrypted; `null` for kinds that this server does not know.
    pub sealed: Option<bool>,
}

impl Kind {
    fn of(row: &Row, registry: &Registry, nodes: &[Node]) -> Self {
        let name: String = row.get("name");
        let known = registry.get(&name);
        let able = nodes.iter().filter(|node| node.state == NodeState::Live);
        Self {
            queue: known.map(|kind| kind.queue.as_str().to_owned()),
            max_running: row.get("max_running"),
            running: row.get("running"),
            exact: !row.get::<_, bool>("is_cut"),
            paused_at: row.get("paused_at"),
            paused_by: row.get("paused_by"),
            paused_reason: row.get("paused_why"),
            nodes: able
                .filter(|node| node.knows(&name) == Some(true))
                .map(|node| node.node.clone())
                .collect(),
            version: known.map(|kind| kind.version),
            sealed: known.map(|kind| kind.sealed),
            name,
        }
    }
}

/// Every kind that any server has ever known, by name.
pub async fn kinds(at: &mut impl Ask, registry: &Registry, patience: Patience) -> Result<Vec<Kind>, DbError> {
    let nodes = nodes(at, patience).await?;
    let rows = lists_look::kinds(at, COUNT_MAX).await?;
    Ok(rows.iter().map(|row| Kind::of(row, registry, &nodes)).collect())
}
