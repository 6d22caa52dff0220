//! A schedule as it is shown, over HTTP and on the command line.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Definition, Source};
use crate::jobs::store::cron::{Fire, Stored};

/// A schedule and how it stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CronView)]
pub struct View {
    /// What was asked for.
    #[serde(flatten)]
    pub schedule: Definition,
    /// Who asked for it.
    pub source: Source,
    /// Whether it ticks.
    pub state: Standing,
    /// Counts changes by people, not ticks.
    pub version: i64,
    /// When the next tick is decided; `null` when none comes any more. Of a paused one, where it stopped.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Of a paused one: since when, by whom, why.
    pub paused: Option<Pause>,
    /// The newest decision.
    pub last: Option<Fire>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom; `null` for the program.
    pub created_by: Option<String>,
    /// When people changed it last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<Timestamp>,
    /// Who did.
    pub changed_by: Option<String>,
}

/// Whether a schedule ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CronStanding)]
pub enum Standing {
    /// It does.
    Ticking,
    /// Somebody has paused it.
    Paused,
    /// No tick comes any more.
    Over,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CronPause)]
pub struct Pause {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom: an account's id, or `os:` and a user of the machine.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl From<Stored> for View {
    fn from(it: Stored) -> Self {
        let state = match (it.paused_at, it.next_at) {
            (Some(_), _) => Standing::Paused,
            (None, Some(_)) => Standing::Ticking,
            (None, None) => Standing::Over,
        };
        let (by, reason) = (it.paused_by, it.paused_reason);
        Self {
            schedule: it.definition,
            source: it.source,
            state,
            version: it.version,
            next_at: it.next_at,
            paused: it.paused_at.map(|at| Pause { at, by, reason }),
            last: it.last,
            created_at: it.created_at,
            created_by: it.created_by,
            changed_at: it.changed_at,
            changed_by: it.changed_by,
        }
    }
}
