//! The command line of this benchmark: that of the others, and sizes.

use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::support::Options;

/// How to measure.
#[derive(Debug, Clone, Parser)]
pub(crate) struct JobsOptions {
    #[command(flatten)]
    pub(crate) common: Options,
    /// Jobs of a burn-down.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) jobs: usize,
    /// Jobs that wait for a far time while others fall due.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) waiting: usize,
    /// Also measures 800 jobs/s for so many seconds without and with a transaction pinned open.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) pinned: Option<f64>,
    /// Also measures a burn-down of some so many seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) held: Option<f64>,
}

impl JobsOptions {
    /// From the command line. A whole run takes some five minutes.
    pub(crate) fn read() -> Self {
        let command = Self::command()
            .mut_arg("rounds", |rounds| rounds.default_value("3"))
            .mut_arg("seconds", |seconds| seconds.default_value("3"))
            .mut_arg("events", |events| events.default_value("500"));
        let mut options = Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
        if options.common.smoke {
            options.common.make_small();
            (options.jobs, options.waiting) = (3_000, 3_000);
            (options.pinned, options.held) = (Some(0.5), Some(0.05));
        }
        options
    }

    /// All of `variants`; the first `count` where everything is run for a moment only.
    pub(crate) fn few<T: Copy>(&self, variants: &[T], count: usize) -> Vec<T> {
        variants.iter().copied().take(if self.common.smoke { count } else { usize::MAX }).collect()
    }

    /// How long latencies are measured: percentiles need many of them, and they cost nothing.
    pub(crate) fn long(&self) -> Duration {
        self.common.time() * self.common.rounds as u32 * 2
    }

    /// How long a burn-down is to last, if at all.
    pub(crate) fn held_time(&self) -> Option<Duration> {
        self.held.map(Duration::from_secs_f64)
    }

    /// How long the transaction is pinned, if at all.
    pub(crate) fn pinned_time(&self) -> Option<Duration> {
        self.pinned.map(Duration::from_secs_f64)
    }
}
