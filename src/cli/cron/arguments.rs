//! What can be written after `sportello cron`.

use jiff::Timestamp;

use super::super::{exit::Usage, operator};
use crate::{
    config::values::Period,
    jobs::{
        QueueName,
        schedules::{Definition, Fold, Gap, Missed, Overlap, Source},
        store::cron::FireOutcome,
    },
    text,
};

/// What to do.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists schedules with how they stand.
    List {
        /// Only those of the program (code), or of administrators (api).
        #[arg(long, value_parser = source)]
        source: Option<Source>,
        /// Only those that are paused.
        #[arg(long)]
        paused: bool,
        /// At most so many.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000), allow_negative_numbers = true)]
        limit: u16,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Shows one schedule.
    Show {
        /// Its name.
        key: String,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Makes a schedule.
    Create {
        /// Its name: words of lower-case letters, digits and `_`, joined by dots.
        key: String,
        /// The kind of its job, for example events.warm_cache.
        #[arg(long)]
        kind: String,
        /// Five fields (minute hour day month weekday), six with the second first, or @daily and its like.
        #[arg(long, allow_hyphen_values = true)]
        spec: String,
        #[command(flatten)]
        terms: Box<Terms>,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Changes a schedule; what is left out stays.
    Change {
        /// Its name.
        key: String,
        /// The kind of its job.
        #[arg(long)]
        kind: Option<String>,
        /// When.
        #[arg(long, allow_hyphen_values = true)]
        spec: Option<String>,
        #[command(flatten)]
        terms: Box<Terms>,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Stops a schedule from ticking.
    Pause(Why),
    /// Lets it tick again; the ticks of the pause are not made up for.
    Resume(Why),
    /// Runs its job now, also of a paused one.
    Run(Why),
    /// Deletes a schedule that is not part of the program.
    Delete(Why),
    /// Shows the next ticks of a schedule, or of one that is only being tried.
    Preview(Preview),
    /// Lists what was decided about its ticks, and why, the newest first.
    Fires {
        /// Its name.
        key: String,
        /// Only fired, skipped or run_now.
        #[arg(long, value_parser = outcome)]
        outcome: Option<FireOutcome>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000), allow_negative_numbers = true)]
        limit: u16,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Whether servers should hear of it.
    pub(super) const fn changes(&self) -> bool {
        !matches!(self, Self::List { .. } | Self::Show { .. } | Self::Preview(_) | Self::Fires { .. })
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Why {
    /// Its name.
    pub(super) key: String,
    /// For the journal.
    #[arg(long, value_parser = operator::reason)]
    pub(super) reason: Option<String>,
    /// As JSON, for scripts.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Preview {
    #[command(flatten)]
    pub(super) of: Of,
    /// The time zone; the schedule's own, or UTC.
    #[arg(long)]
    pub(super) tz: Option<String>,
    /// Of local times that do not exist: shift or skip.
    #[arg(long, value_parser = gap)]
    pub(super) gap: Option<Gap>,
    /// Of local times that exist twice: first, second or both.
    #[arg(long, value_parser = fold)]
    pub(super) fold: Option<Fold>,
    /// So many ticks.
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100), allow_negative_numbers = true)]
    pub(super) count: u16,
    /// Those after this time (RFC 3339); now by default.
    #[arg(long, value_parser = instant, allow_hyphen_values = true)]
    pub(super) after: Option<Timestamp>,
    /// As JSON, for scripts.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Of {
    /// The name of a schedule.
    pub(super) key: Option<String>,
    /// A schedule to be tried.
    #[arg(long, allow_hyphen_values = true)]
    pub(super) spec: Option<String>,
}

/// Everything that has a default.
#[derive(Debug, clap::Args)]
pub(super) struct Terms {
    /// The job's arguments, as JSON; {} by default.
    #[arg(long, allow_hyphen_values = true)]
    args: Option<String>,
    /// The time zone, for example Europe/Rome; UTC by default.
    #[arg(long)]
    tz: Option<String>,
    /// Of missed ticks: skip, one (the default) or all.
    #[arg(long, value_parser = missed)]
    missed: Option<Missed>,
    /// Ticks missed longer ago are not made up for, for example 12h; 1day by default.
    #[arg(long, value_parser = seconds, allow_hyphen_values = true)]
    missed_within: Option<u32>,
    /// At most so many are made up for; 100 by default.
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..=1000), allow_negative_numbers = true)]
    missed_max: Option<i16>,
    /// Of local times that do not exist: shift (the default) or skip.
    #[arg(long, value_parser = gap)]
    gap: Option<Gap>,
    /// Of local times that exist twice: first (the default), second or both.
    #[arg(long, value_parser = fold)]
    fold: Option<Fold>,
    /// While the last run is live: allow, skip (the default), queue_one or cancel_old.
    #[arg(long, value_parser = overlap)]
    overlap: Option<Overlap>,
    /// Delays each tick by a fixed part of this, for example 30s.
    #[arg(long, value_parser = seconds, allow_hyphen_values = true)]
    splay: Option<u32>,
    /// Where its jobs wait; where all of their kind do by default.
    #[arg(long, value_parser = queue)]
    queue: Option<QueueName>,
    /// Smaller runs first.
    #[arg(long, value_parser = clap::value_parser!(i16).range(-1000..=1000), allow_negative_numbers = true)]
    priority: Option<i16>,
    /// Attempts before a job is discarded.
    #[arg(long, value_parser = clap::value_parser!(i16).range(1..=100), allow_negative_numbers = true)]
    max_attempts: Option<i16>,
    /// A tag of its jobs; may be repeated.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
    /// Why, for the journal.
    #[arg(long, value_parser = operator::reason)]
    reason: Option<String>,
}

impl Terms {
    /// `it` with everything that was written.
    pub(super) fn applied(self, mut it: Definition) -> anyhow::Result<Definition> {
        if let Some(args) = self.args {
            it.args =
                serde_json::from_str(&args).map_err(|error| Usage(format!("--args is no JSON: {error}")))?;
        }
        it.tz = self.tz.unwrap_or(it.tz);
        it.missed = self.missed.unwrap_or(it.missed);
        it.missed_within_s = self.missed_within.unwrap_or(it.missed_within_s);
        it.missed_max = self.missed_max.unwrap_or(it.missed_max);
        it.gap = self.gap.unwrap_or(it.gap);
        it.fold = self.fold.unwrap_or(it.fold);
        it.overlap = self.overlap.unwrap_or(it.overlap);
        it.splay_s = self.splay.unwrap_or(it.splay_s);
        it.queue = self.queue.or(it.queue);
        it.priority = self.priority.or(it.priority);
        it.max_attempts = self.max_attempts.or(it.max_attempts);
        if !self.tags.is_empty() {
            it.tags = self.tags;
        }
        it.description = self.description.or(it.description);
        it.reason = self.reason;
        Ok(it)
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text::time(text)
}

fn missed(text: &str) -> Result<Missed, String> {
    Missed::parse(text).ok_or_else(|| "write skip, one or all".to_owned())
}

fn gap(text: &str) -> Result<Gap, String> {
    Gap::parse(text).ok_or_else(|| "write shift or skip".to_owned())
}

fn fold(text: &str) -> Result<Fold, String> {
    Fold::parse(text).ok_or_else(|| "write first, second or both".to_owned())
}

fn overlap(text: &str) -> Result<Overlap, String> {
    Overlap::parse(text).ok_or_else(|| "write allow, skip, queue_one or cancel_old".to_owned())
}

fn source(text: &str) -> Result<Source, String> {
    Source::parse(text).ok_or_else(|| "write code or api".to_owned())
}

fn queue(text: &str) -> Result<QueueName, String> {
    let names = QueueName::ALL.map(QueueName::as_str);
    let found = QueueName::ALL.into_iter().find(|queue| queue.as_str() == text);
    found.ok_or_else(|| format!("write {}", names.join(", ")))
}

fn outcome(text: &str) -> Result<FireOutcome, String> {
    let all = [FireOutcome::Fired, FireOutcome::Skipped, FireOutcome::RunNow];
    let found = all.into_iter().find(|it| it.as_str() == text);
    found.ok_or_else(|| "write fired, skipped or run_now".to_owned())
}

fn seconds(text: &str) -> Result<u32, String> {
    let time = *text.parse::<Period>()?;
    if time.subsec_nanos() > 0 {
        return Err("must be whole seconds: what is less is not kept".to_owned());
    }
    u32::try_from(time.as_secs()).map_err(|_| "is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn what_cannot_be_kept_exactly_is_refused() {
        assert_eq!((seconds("1day"), seconds("90s"), seconds("0s")), (Ok(86_400), Ok(90), Ok(0)));
        for wrong in ["1500ms", "500ms", "1s 1ns", "-5s", "5", "200years"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
