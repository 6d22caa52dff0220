//! What was measured, as tables or as JSON: figures per variant, and whether targets were reached.

use serde::Serialize;

use crate::support::report::spread;

/// One variant in one round; what was not measured is absent.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Figures {
    /// Jobs per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
    /// Jobs per second in the slowest ten seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slowest: Option<f64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<f64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<f64>,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_ms: Option<f64>,
    /// Processor microseconds per job of this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_us: Option<f64>,
    /// Processor microseconds per job of PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postgres_us: Option<f64>,
    /// Bytes of WAL per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wal_bytes: Option<f64>,
    /// Transactions that wrote, per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commits: Option<f64>,
    /// Rows updated or deleted, per job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_tuples: Option<f64>,
    /// Jobs per claim statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claim_batch: Option<f64>,
    /// Jobs per acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ack_batch: Option<f64>,
}

/// A figure by its heading, with its decimals.
type Column = (&'static str, fn(&Figures) -> Option<f64>, usize);

const COLUMNS: [Column; 12] = [
    ("per second", |it| it.rate, 0),
    ("slowest 10 s", |it| it.slowest, 0),
    ("p50 ms", |it| it.p50_ms, 3),
    ("p99 ms", |it| it.p99_ms, 2),
    ("max ms", |it| it.max_ms, 1),
    ("server µs", |it| it.server_us, 1),
    ("PostgreSQL µs", |it| it.postgres_us, 1),
    ("WAL bytes", |it| it.wal_bytes, 0),
    ("commits", |it| it.commits, 4),
    ("dead tuples", |it| it.dead_tuples, 2),
    ("per claim", |it| it.claim_batch, 0),
    ("per ack", |it| it.ack_batch, 0),
];

/// One variant in all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) rounds: Vec<Figures>,
}

impl Variant {
    /// Without rounds yet.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rounds: Vec::new() }
    }

    /// The median over the rounds.
    pub(crate) fn median(&self, of: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let values: Vec<f64> = self.rounds.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| spread(values).0)
    }
}

/// Something that is to be reached.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    /// Of what.
    what: String,
    /// At least, or at most.
    limit: f64,
    is_floor: bool,
    /// The median of the rounds, the smallest and the largest.
    reached: (f64, f64, f64),
    is_met: bool,
}

impl Target {
    /// The median of `values` should be at least `limit`.
    pub(crate) fn at_least(what: impl Into<String>, limit: f64, values: Vec<f64>) -> Self {
        let reached = spread(values);
        Self { what: what.into(), limit, is_floor: true, reached, is_met: reached.0 >= limit }
    }

    /// It should be below `limit`.
    pub(crate) fn below(what: impl Into<String>, limit: f64, values: Vec<f64>) -> Self {
        let reached = spread(values);
        Self { what: what.into(), limit, is_floor: false, reached, is_met: reached.0 < limit }
    }
}

/// Variants of one thing.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) variants: Vec<Variant>,
    pub(crate) targets: Vec<Target>,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    processors: usize,
    postgres: String,
    /// Of the machine, when the run began and when it ended: with others at work figures are lower.
    load: Vec<String>,
    cases: Vec<Case>,
    #[serde(skip)]
    json: bool,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(postgres: String, json: bool) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { benchmark: "jobs", processors, postgres, load: vec![load()], cases: Vec::new(), json }
    }

    /// Adds a case, and shows it at once to people.
    pub(crate) fn add(&mut self, case: Case) {
        if !self.json {
            if self.cases.is_empty() {
                self.head();
            }
            show(&case);
        }
        self.cases.push(case);
    }

    #[expect(clippy::print_stdout, reason = "the report is the benchmark's result")]
    fn head(&self) {
        println!("jobs: {} processors, PostgreSQL {}, load {}", self.processors, self.postgres, self.load[0]);
    }

    /// Prints what has not been printed yet.
    #[expect(clippy::print_stdout, reason = "the report is the benchmark's result")]
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.load.push(load());
        if self.json {
            println!("{}", serde_json::to_string_pretty(&self)?);
        } else {
            println!("\nload at the end: {}", self.load[1]);
        }
        Ok(())
    }
}

/// Columns nobody measured are left out.
#[expect(clippy::print_stdout, reason = "the report is the benchmark's result")]
fn show(case: &Case) {
    let measured = |column: &&Column| case.variants.iter().any(|variant| variant.median(column.1).is_some());
    let columns: Vec<&Column> = COLUMNS.iter().filter(measured).collect();
    println!("\n### {}\n", case.name);
    let headings: Vec<&str> = columns.iter().map(|column| column.0).collect();
    println!("| variant | {} |", headings.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for variant in &case.variants {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, of, decimals)| {
                variant.median(of).map_or_else(|| "–".to_owned(), |it| format!("{it:.decimals$}"))
            })
            .collect();
        println!("| {} | {} |", variant.name, cells.join(" | "));
    }
    if !case.targets.is_empty() {
        println!();
    }
    for target in &case.targets {
        let (median, low, high) = target.reached;
        let decimals = if median >= 100.0 { 0 } else { 2 };
        println!(
            "- {}: {median:.decimals$} ({low:.decimals$}–{high:.decimals$}), target {} {}: {}",
            target.what,
            if target.is_floor { "≥" } else { "<" },
            target.limit,
            if target.is_met { "met" } else { "missed" },
        );
    }
}

/// The load averages, where the kernel tells them.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
