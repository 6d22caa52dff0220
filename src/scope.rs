//! What belongs to one request (or one job attempt) and travels with its task: deadline, id, and what it cost.
//!
//! The scope is a task-local, so that the deadline and the counters reach the database without being an argument
//! of every function. Spawned tasks do not inherit it; work done for others (lane batches) is counted by the caller
//! when its answer arrives.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// The scope of one request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scope(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request_id: String,
    traceparent: Option<String>,
    deadline: Instant,
    queries: AtomicU32,
    rows: AtomicU32,
    db_us: AtomicU64,
    /// Since when lines are kept, and the last ones. Neither costs anything before the first line.
    keeps: OnceLock<Instant>,
    lines: OnceLock<Mutex<VecDeque<String>>>,
}

/// Lines kept of one job attempt: what it said just before it failed.
const LINES: usize = 20;

tokio::task_local! {
    static CURRENT: Scope;
}

impl Scope {
    /// A scope that ends at `deadline`.
    pub fn new(request_id: String, deadline: Instant) -> Self {
        Self::traced(request_id, deadline, None)
    }

    /// The same, in a distributed trace: its place there as W3C `traceparent`, already checked.
    pub fn traced(request_id: String, deadline: Instant, traceparent: Option<String>) -> Self {
        Self(Arc::new(Inner {
            request_id,
            traceparent,
            deadline,
            queries: AtomicU32::new(0),
            rows: AtomicU32::new(0),
            db_us: AtomicU64::new(0),
            keeps: OnceLock::new(),
            lines: OnceLock::new(),
        }))
    }

    /// Runs `future` inside this scope.
    pub fn enter<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs blocking work inside this scope.
    pub fn enter_blocking<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// From now on the last log lines are kept: for attempts at jobs.
    pub fn keep_lines(&self, began: Instant) {
        let _ = self.0.keeps.set(began);
    }

    /// Takes the lines, oldest first.
    pub fn take_lines(&self) -> Vec<String> {
        let Some(lines) = self.0.lines.get() else { return Vec::new() };
        lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// The id shown in problems and logs.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Its place in a distributed trace; jobs that it enqueues inherit it.
    pub fn traceparent(&self) -> Option<&str> {
        self.0.traceparent.as_deref()
    }

    /// When the request must have been answered.
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// Statements, rows and database time (waiting included) so far.
    pub fn cost(&self) -> (u32, u32, Duration) {
        (
            self.0.queries.load(Relaxed),
            self.0.rows.load(Relaxed),
            Duration::from_micros(self.0.db_us.load(Relaxed)),
        )
    }
}

/// The scope of the running task, if it has one.
pub fn current() -> Option<Scope> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The deadline of the running request; `None` outside requests.
pub fn deadline() -> Option<Instant> {
    CURRENT.try_with(Scope::deadline).ok()
}

/// Keeps a log line, if the running task is an attempt whose lines are kept; `line` hears for how long it has run.
pub fn keep_line(line: impl FnOnce(Duration) -> String) {
    let _ = CURRENT.try_with(|scope| {
        let Some(began) = scope.0.keeps.get() else { return };
        let line = line(began.elapsed());
        let lines = scope.0.lines.get_or_init(|| Mutex::new(VecDeque::with_capacity(LINES)));
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    });
}

/// Counts one statement of the running request.
pub fn count_query(rows: usize, took: Duration) {
    let _ = CURRENT.try_with(|scope| {
        scope.0.queries.fetch_add(1, Relaxed);
        scope.0.rows.fetch_add(rows as u32, Relaxed);
        scope.0.db_us.fetch_add(took.as_micros() as u64, Relaxed);
    });
}
