//! Rounds, ratios and their spread; as a table or as JSON.

use serde::Serialize;

/// One variant in one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Measured {
    /// Per second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub p50_ms: f64,
    /// Milliseconds.
    pub p99_ms: f64,
    /// Processor microseconds of our process per request.
    pub(crate) server_us: Option<f64>,
    /// Processor microseconds of PostgreSQL per request.
    pub(crate) postgres_us: Option<f64>,
    /// Answers that were refusals or errors.
    pub(crate) errors: u64,
}

/// One variant in all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Variant {
    /// What it is.
    pub(crate) name: &'static str,
    /// Each round.
    pub(crate) rounds: Vec<Measured>,
}

/// A comparison of variants; the last is what the others are compared with.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// What is compared.
    pub(crate) name: String,
    /// What is to be reached, if something was promised.
    pub(crate) target: Option<f64>,
    /// The variants.
    pub(crate) variants: Vec<Variant>,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Which benchmark.
    pub(crate) benchmark: &'static str,
    /// Processors of this machine.
    pub(crate) processors: usize,
    /// PostgreSQL's version.
    pub(crate) postgres: String,
    /// The comparisons.
    pub(crate) comparisons: Vec<Comparison>,
    #[serde(skip)]
    json: bool,
}

/// Median, smallest and largest.
pub(crate) type Spread = (f64, f64, f64);

/// Median, smallest and largest of `values`.
pub(crate) fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_by(f64::total_cmp);
    let median = |values: &[f64]| f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    match values.as_slice() {
        [] => (f64::NAN, f64::NAN, f64::NAN),
        values => (median(values), values[0], values[values.len() - 1]),
    }
}

impl Variant {
    fn median(&self, of: impl Fn(&Measured) -> Option<f64>) -> f64 {
        spread(self.rounds.iter().filter_map(of).collect()).0
    }
}

impl Comparison {
    /// The rate of a variant over that of the last one, round by round.
    fn ratio(&self, variant: &Variant) -> Spread {
        let base = &self.variants[self.variants.len() - 1];
        spread(variant.rounds.iter().zip(&base.rounds).map(|(one, other)| one.rate / other.rate).collect())
    }
}

impl Report {
    /// An empty report.
    pub(crate) fn new(benchmark: &'static str, postgres: String, json: bool) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { benchmark, processors, postgres, comparisons: Vec::new(), json }
    }

    /// Adds a comparison, and shows it at once to people.
    pub(crate) fn add(&mut self, name: String, target: Option<f64>, variants: Vec<Variant>) {
        let comparison = Comparison { name, target, variants };
        if !self.json {
            self.show(&comparison);
        }
        self.comparisons.push(comparison);
    }

    #[expect(clippy::print_stdout, reason = "the report is the benchmark's result")]
    fn show(&self, comparison: &Comparison) {
        if self.comparisons.is_empty() {
            println!("{}: {} processors, PostgreSQL {}", self.benchmark, self.processors, self.postgres);
        }
        let promised = comparison.target.map_or_else(String::new, |target| format!(" (target ×{target})"));
        println!("\n### {}{promised}\n", comparison.name);
        println!(
            "| variant | per second | p50 ms | p99 ms | server µs | PostgreSQL µs | errors | ratio (min–max) |"
        );
        println!("|---|---:|---:|---:|---:|---:|---:|---:|");
        for variant in &comparison.variants {
            let (ratio, low, high) = comparison.ratio(variant);
            println!(
                "| {} | {:.0} | {:.2} | {:.2} | {} | {} | {} | ×{ratio:.2} ({low:.2}–{high:.2}) |",
                variant.name,
                variant.median(|it| Some(it.rate)),
                variant.median(|it| Some(it.p50_ms)),
                variant.median(|it| Some(it.p99_ms)),
                micros(variant.median(|it| it.server_us)),
                micros(variant.median(|it| it.postgres_us)),
                variant.rounds.iter().map(|it| it.errors).sum::<u64>(),
            );
        }
    }

    /// Prints what has not been printed yet.
    #[expect(clippy::print_stdout, reason = "the report is the benchmark's result")]
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(&self)?);
        }
        Ok(())
    }
}

/// Unknown is not zero.
fn micros(value: f64) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.1}") }
}

/// The order of the variants in a round: each goes first as often as the others.
pub(crate) fn order(round: usize, variants: usize) -> impl Iterator<Item = usize> {
    (0..variants).map(move |place| if round.is_multiple_of(2) { place } else { variants - 1 - place })
}
