//! Every actor of one running tree, for introspection and control.

use std::{
    sync::{
        Arc, Mutex,
        atomic::Ordering::{Relaxed, Release},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::sync::oneshot;

use super::{
    Handle, Message, State,
    cell::{Cell, lock},
    handle::Payload,
};
use crate::clock::Clock;

/// How long an inspection waits for a busy actor before the last view is shown instead.
const INSPECT_WAIT: Duration = Duration::from_millis(50);

/// Why an order was not carried out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No actor has this path.
    #[error("there is no such actor")]
    Unknown,
    /// Supervisors are restarted by their own supervisor only.
    #[error("a supervisor takes no orders")]
    Supervisor,
    /// It is down already.
    #[error("the actor is down and being restarted")]
    Down,
}

struct Entry {
    cell: &'static Cell,
    /// `None` for supervisors.
    controls: Option<Controls>,
}

struct Controls {
    kill: Box<dyn Fn() -> bool + Send + Sync>,
    crash: Box<dyn Fn() -> bool + Send + Sync>,
    inspect: Box<dyn Fn(oneshot::Sender<()>) -> bool + Send + Sync>,
}

/// The actors of one tree. Cheap to clone. Each [`crate::app::App`] has its own.
#[derive(Clone)]
pub struct Registry {
    clock: Clock,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Registry {
    /// An empty registry.
    pub fn new(clock: Clock) -> Self {
        Self { clock, entries: Arc::default() }
    }

    /// The handle of an actor that will be started under `path`, for example `data/lanes/point-0`; `kind` is what
    /// it is, `bound` how many messages may wait.
    ///
    /// # Panics
    /// When the path is taken: two actors with one name are a bug of the tree.
    pub fn handle<M: Message>(&self, path: impl Into<String>, kind: &'static str, bound: usize) -> Handle<M> {
        let cell = self.cell(path.into(), kind, bound as u32, M::KINDS);
        let handle = Handle::<M>::new(Arc::new(ArcSwapOption::empty()), cell);
        let (kill, crash, inspect) = (handle.clone(), handle.clone(), handle.clone());
        let controls = Controls {
            kill: Box::new(move || {
                kill.slot.load().as_ref().is_some_and(|actor| {
                    actor.kill();
                    true
                })
            }),
            crash: Box::new(move || crash.order(Payload::Crash)),
            inspect: Box::new(move |done| inspect.order(Payload::Inspect(done))),
        };
        lock(&self.entries).push(Entry { cell, controls: Some(controls) });
        handle
    }

    pub(super) fn supervisor(&self, path: &str) -> &'static Cell {
        if let Some(entry) = lock(&self.entries).iter().find(|entry| entry.cell.path == path) {
            return entry.cell;
        }
        let cell = self.cell(path.to_owned(), "supervisor", 0, &[]);
        lock(&self.entries).push(Entry { cell, controls: None });
        cell
    }

    fn cell(
        &self,
        path: String,
        kind: &'static str,
        bound: u32,
        kinds: &'static [&'static str],
    ) -> &'static Cell {
        assert!(self.find(&path).is_none(), "two actors are called {path:?}");
        Box::leak(Box::new(Cell::new(path, kind, bound, kinds, self.clock.clone())))
    }

    /// All cells, in the order in which they were made.
    pub fn cells(&self) -> Vec<&'static Cell> {
        lock(&self.entries).iter().map(|entry| entry.cell).collect()
    }

    /// The cell at `path`.
    pub fn find(&self, path: &str) -> Option<&'static Cell> {
        lock(&self.entries).iter().map(|entry| entry.cell).find(|cell| cell.path == path)
    }

    /// Every required actor is running.
    pub fn is_ready(&self) -> bool {
        lock(&self.entries).iter().all(|entry| {
            !entry.cell.required.load(Relaxed)
                || matches!(entry.cell.state(), State::Running | State::Suspended)
        })
    }

    fn controlled<R>(
        &self,
        path: &str,
        order: impl FnOnce(&'static Cell, &Controls) -> Result<R, ControlError>,
    ) -> Result<R, ControlError> {
        let entries = lock(&self.entries);
        let entry = entries.iter().find(|entry| entry.cell.path == path).ok_or(ControlError::Unknown)?;
        order(entry.cell, entry.controls.as_ref().ok_or(ControlError::Supervisor)?)
    }

    /// Restarts an actor: its mailbox is lost as in a crash, but the restart is not held against it.
    pub fn restart(&self, path: &str) -> Result<(), ControlError> {
        self.controlled(path, |cell, controls| {
            cell.restart_requested.store(true, Release);
            if (controls.kill)() {
                Ok(())
            } else {
                cell.restart_requested.store(false, Release);
                Err(ControlError::Down)
            }
        })
    }

    /// Makes an actor panic, as a bug would; for game days and tests.
    pub fn crash(&self, path: &str) -> Result<(), ControlError> {
        self.controlled(path, |_, controls| if (controls.crash)() { Ok(()) } else { Err(ControlError::Down) })
    }

    /// Lets messages wait from the next one on.
    pub fn suspend(&self, path: &str) -> Result<(), ControlError> {
        self.controlled(path, |cell, _| {
            cell.suspended.store(true, Release);
            Ok(())
        })
    }

    /// Handles messages again.
    pub fn resume(&self, path: &str) -> Result<(), ControlError> {
        self.controlled(path, |cell, _| {
            cell.suspended.store(false, Release);
            cell.resumed.notify_one(); // a stored permit: the actor cannot miss it
            Ok(())
        })
    }

    /// Asks an actor to refresh its view; waits a moment for it.
    pub async fn inspect(&self, path: &str) -> Result<(), ControlError> {
        let (done, answered) = oneshot::channel();
        self.controlled(path, |_, controls| {
            (controls.inspect)(done);
            Ok(())
        })?;
        let _ = tokio::time::timeout(INSPECT_WAIT, answered).await;
        Ok(())
    }
}
