//! How much chaos: what `script/chaos` asks for, or the suite's short form.

use std::time::Duration;

/// Jobs and seconds between kills, as `50000x2`.
const VARIABLE: &str = "SPORTELLO_TEST_CHAOS";
/// Attempts that three servers run side by side: the default of `jobs.workers` for each.
const SIDE_BY_SIDE: u64 = 3 * 16;
/// The jobs of a short run take at least so long, those of a long one longer: there must be time for chaos.
const SHORT: Duration = Duration::from_secs(12);
const LONG: Duration = Duration::from_secs(60);

/// The bounds that a machine of its own must keep; what it measures is printed. In the suite other tests use the
/// processor, too, and the start of a process, which is most of it, may take several times as long.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(12));
const BUSY: u32 = 5;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) jobs: i64,
    /// Between two kills.
    pub(super) every: Duration,
    /// And so many rows are written in between: on a busy machine servers must get somewhere before they die.
    pub(super) rows_between: i64,
    /// Of PostgreSQL.
    pub(super) restarts: i64,
    /// How long each job works before it writes.
    pub(super) work_ms: u64,
    /// So many killed servers stay dead until others have taken their jobs, one at a time, after the restarts of
    /// PostgreSQL: while it was just started, nobody is known to be dead.
    pub(super) deaths: usize,
    /// The jobs of a killed server are back within this on the same node…
    pub(super) same_node: Duration,
    /// …and within this elsewhere, when it stays dead.
    pub(super) elsewhere: Duration,
}

impl Plan {
    pub(super) fn read() -> Self {
        let Ok(text) = std::env::var(VARIABLE) else {
            return Self::of(3000, Duration::from_secs(2), 1, SHORT);
        };
        let (jobs, seconds) = text.split_once('x').expect("jobs and seconds, as in 50000x2");
        let every = Duration::from_secs_f64(seconds.parse().expect("seconds between kills"));
        Self::of(jobs.parse().expect("a number of jobs"), every, 2, LONG)
    }

    fn of(jobs: i64, every: Duration, restarts: i64, time: Duration) -> Self {
        let work_ms = time.as_millis() as u64 * SIDE_BY_SIDE / jobs.max(1) as u64;
        let (deaths, slack) = if restarts > 1 { (3, 1) } else { (1, BUSY) };
        let (same_node, elsewhere) = (BOUNDS.0 * slack, BOUNDS.1 + BOUNDS.0 * (slack - 1));
        let rows_between = if slack > 1 { jobs / 12 } else { 0 };
        Self { jobs, every, rows_between, restarts, work_ms: work_ms.max(1), deaths, same_node, elsewhere }
    }
}
