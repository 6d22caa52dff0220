//! What is shown of an actor: its cell, read at one moment, with the rates of the last second.

use std::{collections::BTreeMap, sync::atomic::Ordering::Relaxed};

use jiff::Timestamp;
use utoipa::ToSchema;

use super::meter::Reading;
use crate::actors::kernel::{Cell, Exit, State};

/// Exits shown per actor; the ledger shows more.
const EXITS_SHOWN: usize = 5;

/// The whole tree at one moment.
#[derive(Debug, Clone, serde::Serialize, ToSchema)]
pub struct Tree {
    /// Counts samples since the start; a gap means that samples were missed.
    pub seq: u64,
    /// When the figures were read.
    #[schema(value_type = String, format = DateTime)]
    pub taken_at: Timestamp,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// What the last sample cost, in microseconds: the whole price of being watched.
    pub cost_us: u64,
    /// What the tree says of the service.
    pub health: Health,
    /// Every actor, parents before their children.
    pub actors: Vec<Figures>,
}

/// What the tree says of the service.
#[derive(Debug, Clone, serde::Serialize, ToSchema)]
#[schema(as = TreeHealth)]
pub struct Health {
    /// Every required actor runs.
    pub ready: bool,
    /// Paths of actors that are not running and are not required.
    pub degraded: Vec<String>,
}

/// One actor.
#[derive(Debug, Clone, serde::Serialize, ToSchema)]
#[schema(as = ActorFigures)]
pub struct Figures {
    /// Where it is in the tree.
    #[schema(example = "root/data/lanes/point-0")]
    pub path: String,
    /// What it is.
    #[schema(example = "lane")]
    pub kind: String,
    /// Whether readiness needs it.
    pub required: bool,
    /// Where it is in its life.
    pub state: State,
    /// Incarnations so far.
    pub generation: u64,
    /// How long the present incarnation has been up, in seconds.
    pub up_s: u64,
    /// Its mailbox.
    pub mailbox: Mailbox,
    /// Messages handled to the end.
    pub handled: u64,
    /// Messages handled per second, over the last second.
    pub rate: f32,
    /// Share of the last second spent in handlers, in percent.
    pub busy_pct: f32,
    /// Time per message in the handler, since the start.
    pub handle_us: Quantiles,
    /// Time per message in the mailbox, since the start.
    pub wait_us: Quantiles,
    /// The message in hand.
    pub current: Option<Current>,
    /// Messages handled, per kind.
    pub by_msg: BTreeMap<&'static str, u64>,
    /// How often it was restarted, and why.
    pub restarts: Restarts,
    /// What it says of its state.
    #[schema(value_type = Option<Object>)]
    pub view: serde_json::Value,
}

/// A mailbox.
#[derive(Debug, Clone, Copy, serde::Serialize, ToSchema)]
pub struct Mailbox {
    /// Messages waiting or in hand.
    pub depth: u32,
    /// Messages it may hold.
    pub bound: u32,
    /// The deepest it has been.
    pub high_water: u32,
    /// Messages that somebody tried to send: at rest handled + rejected + dropped.
    pub attempted: u64,
    /// Messages refused: full, or the actor was down.
    pub rejected: u64,
    /// Messages accepted and lost.
    pub dropped: u64,
}

/// A distribution of times, in microseconds.
#[derive(Debug, Clone, Copy, serde::Serialize, ToSchema)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are shorter.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// A message being handled.
#[derive(Debug, Clone, Copy, serde::Serialize, ToSchema)]
pub struct Current {
    /// Its kind.
    pub msg: &'static str,
    /// For how long.
    pub for_us: u64,
}

/// Restarts of one actor.
#[derive(Debug, Clone, serde::Serialize, ToSchema)]
pub struct Restarts {
    /// Since the start.
    pub total: u64,
    /// By bugs, within the supervisor's window; `null` under a back-off policy.
    pub in_window: Option<usize>,
    /// How many the supervisor allows within its window.
    pub budget: Option<usize>,
    /// The pause before the next restart, if one is waited for.
    pub backoff_ms: u64,
    /// The last ones, newest first.
    pub last: Vec<Exit>,
}

impl Figures {
    /// Reads a cell; `reading` has the rates.
    pub fn of(cell: &Cell, reading: Option<&Reading>) -> Self {
        let intensity = cell.intensity();
        Self {
            path: cell.path.clone(),
            kind: cell.kind.to_owned(),
            required: cell.required.load(Relaxed),
            state: cell.state(),
            generation: cell.generation(),
            up_s: cell.uptime().as_secs(),
            mailbox: Mailbox {
                depth: cell.depth(),
                bound: cell.bound,
                high_water: cell.high_water(),
                attempted: cell.attempted(),
                rejected: cell.rejected(),
                dropped: cell.dropped(),
            },
            handled: cell.handled(),
            rate: reading.map_or(0.0, |reading| reading.rate),
            busy_pct: reading.map_or(0.0, |reading| reading.busy_pct),
            handle_us: quantiles(&cell.handling),
            wait_us: quantiles(&cell.waiting),
            current: cell.current().map(|(msg, since)| Current { msg, for_us: since.as_micros() as u64 }),
            by_msg: cell.by_kind().collect(),
            restarts: Restarts {
                total: cell.restarts(),
                in_window: intensity.map(|(used, _)| used),
                budget: intensity.map(|(_, allowed)| allowed),
                backoff_ms: cell.backoff().map_or(0, |pause| pause.as_millis() as u64),
                last: cell.exits().into_iter().rev().take(EXITS_SHOWN).collect(),
            },
            view: cell.view(),
        }
    }
}

fn quantiles(histogram: &crate::actors::kernel::Histogram) -> Quantiles {
    Quantiles { p50: histogram.quantile_us(0.5), p99: histogram.quantile_us(0.99), max: histogram.max_us() }
}

impl Health {
    /// What these actors say together.
    pub fn of(cells: &[&'static Cell]) -> Self {
        let down = |cell: &Cell| !matches!(cell.state(), State::Running | State::Suspended);
        let down: Vec<&'static Cell> = cells.iter().copied().filter(|cell| down(cell)).collect();
        let (required, optional): (Vec<&'static Cell>, Vec<&'static Cell>) =
            down.into_iter().partition(|cell| cell.required.load(Relaxed));
        Self { ready: required.is_empty(), degraded: optional.iter().map(|cell| cell.path.clone()).collect() }
    }
}
