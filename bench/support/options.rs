//! The command line of a benchmark.

use std::time::Duration;

use clap::Parser;

/// How to measure.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// Runs everything for a moment on a small data set: whether it works, not how fast.
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Rounds per comparison.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Seconds per variant and round.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Events of the data set; two bookings and half a review for each.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) events: usize,
    /// Connections at once, for the benchmarks over HTTP.
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    pub(crate) connections: Vec<usize>,
    /// Only comparisons whose name contains this.
    #[arg(long, default_value = "")]
    pub(crate) only: String,
    /// Settings of the server, as for `sportello --set`; for trying things out.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// cargo passes it to every benchmark.
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// From the command line.
    pub(crate) fn read() -> Self {
        let mut options = Self::parse();
        if options.smoke {
            options.make_small();
        }
        options
    }

    /// Everything for a moment.
    pub(crate) fn make_small(&mut self) {
        (self.rounds, self.seconds, self.events) = (1, 0.3, 500);
        self.connections = vec![8];
    }

    /// How long a variant is measured in a round.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Whether this comparison is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}
