//! What happened, and the table that is printed.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// A killed server whose jobs are back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    /// Leases it held.
    pub(super) leases: usize,
    /// Whether it was started again at once; if not, it stayed dead until others had taken its jobs.
    pub(super) same_node: bool,
    /// Whether PostgreSQL was away meanwhile: nobody could do anything then.
    pub(super) disturbed: bool,
    /// Until every one of its leases was somebody else's, or its job ready, or ended.
    pub(super) took: Duration,
    /// The part of it after the new process had registered, as the tables tell it.
    pub(super) engine: Option<Duration>,
}

/// What is noted while it happens.
#[derive(Default)]
pub(super) struct Story {
    recoveries: Mutex<Vec<Recovery>>,
    pub(super) kills: AtomicUsize,
    /// Stops and starts of PostgreSQL: odd while it is away.
    pub(super) turns: AtomicUsize,
    /// Every job has ended.
    pub(super) is_over: AtomicBool,
}

impl Story {
    pub(super) fn note(&self, recovery: Recovery) {
        self.recoveries.lock().unwrap().push(recovery);
    }

    /// Recoveries of servers that held something, on the same node or elsewhere, while PostgreSQL was there.
    pub(super) fn recoveries(&self, same_node: bool) -> Vec<Duration> {
        let all = self.recoveries.lock().unwrap();
        let wanted = all.iter().filter(|it| it.same_node == same_node && it.leases > 0 && !it.disturbed);
        let mut took: Vec<Duration> = wanted.map(|it| it.took).collect();
        took.sort_unstable();
        took
    }

    /// How soon after their registration servers had rescued what the dead on the same node have left.
    pub(super) fn engine(&self) -> Vec<Duration> {
        let all = self.recoveries.lock().unwrap();
        let mut took: Vec<Duration> =
            all.iter().filter(|it| !it.disturbed).filter_map(|it| it.engine).collect();
        took.sort_unstable();
        took
    }

    pub(super) fn disturbed(&self) -> usize {
        self.recoveries.lock().unwrap().iter().filter(|it| it.disturbed).count()
    }

    pub(super) fn leases(&self) -> usize {
        self.recoveries.lock().unwrap().iter().map(|it| it.leases).sum()
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }
}

/// Number, median and longest, for the table.
pub(super) fn times(sorted: &[Duration]) -> String {
    let Some(longest) = sorted.last() else { return "none".to_owned() };
    let median = sorted[sorted.len() / 2];
    format!("{} times, p50 {:.2} s, max {:.2} s", sorted.len(), median.as_secs_f64(), longest.as_secs_f64())
}

/// Prints rows as a table.
pub(super) fn print(rows: &[(&str, String)]) {
    for (what, value) in rows {
        eprintln!("| {what:<52} | {value:>44} |");
    }
}
