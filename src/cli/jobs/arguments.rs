//! What can be written after `sportello jobs`.

use std::mem::discriminant;

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    cli::{exit::Usage, operator},
    config::values::Period,
    jobs::inspect::{Filter, MAX_TAGS, State, parse_fingerprint},
    text,
};

/// Longer tags and keys nobody reads.
const MAX_LINE: usize = 200;

/// What to do with jobs.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists jobs, newest first.
    List(List),
    /// Shows one job with its attempts, and why it is where it is.
    Show {
        /// The job.
        id: i64,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Says why a job is not running.
    Explain {
        /// The job.
        id: i64,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Enqueues a job.
    Enqueue(Enqueue),
    /// Runs jobs now that wait for their time, or once more those that have ended.
    Retry(Selection),
    /// Cancels jobs: those that wait have ended at once, those that run are asked to end.
    ///
    /// Cancelled jobs can be run once more with `jobs retry`, as new jobs: but not those with sealed arguments, nor those
    /// of kinds that keep nothing of their jobs. Places in batches, and what waited for them, do not come back.
    Cancel(Selection),
    /// Lets jobs not be run before a time.
    Snooze(Snooze),
    /// Changes the priority of jobs; smaller runs first.
    Priority(Priority),
    #[command(flatten)]
    Steer(super::steer::Command),
    /// Lists the queues: what is in them, their limits, their pace.
    Queues {
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Lists the kinds of jobs: where they wait, whether they are paused, which processes know them.
    Kinds {
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Lists the processes that run jobs.
    Nodes {
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
    /// Lists batches, newest first.
    Batches {
        /// Only those with jobs that have not ended.
        #[arg(long)]
        open: bool,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

/// Which jobs.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Where they are: scheduled, retrying, snoozed, ready, parked, waiting, running, done, discarded, cancelled or
    /// quarantined.
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// In this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// With this tag.
    #[arg(long)]
    tag: Option<String>,
    /// About this subject: the tag subject:<id>.
    #[arg(long)]
    subject: Option<String>,
    /// Of this account.
    #[arg(long)]
    owner: Option<Uuid>,
    /// In this batch.
    #[arg(long)]
    batch: Option<i64>,
    /// With this error: sixteen hexadecimal digits.
    #[arg(long, value_parser = fingerprint)]
    fingerprint: Option<i64>,
    /// Enqueued from then on: a time, or how long ago (2h).
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    enqueued_from: Option<Moment>,
    /// Enqueued before: a time, or how long ago.
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    enqueued_to: Option<Moment>,
    /// Finished from then on: a time, or how long ago.
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    finished_from: Option<Moment>,
    /// Finished before: a time, or how long ago.
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    finished_to: Option<Moment>,
    /// Whether they were run once more: false leaves out what was dealt with.
    #[arg(long, value_name = "true|false")]
    rerun: Option<bool>,
}

impl Filters {
    fn check(&self) -> anyhow::Result<()> {
        let filter = self.filter(Timestamp::UNIX_EPOCH);
        let ranges = [
            ("enqueued", filter.enqueued_from, filter.enqueued_to, self.enqueued_from, self.enqueued_to),
            ("finished", filter.finished_from, filter.finished_to, self.finished_from, self.finished_to),
        ];
        for (what, from, to, from_text, to_text) in ranges {
            // Of a time and a distance nothing is known before it is known what time it is.
            let alike = from_text.map(|it| discriminant(&it)) == to_text.map(|it| discriminant(&it));
            let is_empty = alike && from.zip(to).is_some_and(|(from, to)| from > to);
            ensure!(!is_empty, Usage(format!("--{what}-from is later than --{what}-to: no job fits")));
        }
        Ok(())
    }

    pub(super) fn filter(&self, now: Timestamp) -> Filter {
        let ago = |moment: &Option<Moment>| moment.map(|moment| moment.before(now));
        Filter {
            state: self.state,
            queue: self.queue.clone(),
            kind: self.kind.clone(),
            tag: self.tag.clone(),
            subject: self.subject.clone(),
            owner: self.owner,
            batch: self.batch,
            fingerprint: self.fingerprint,
            enqueued_from: ago(&self.enqueued_from),
            enqueued_to: ago(&self.enqueued_to),
            finished_from: ago(&self.finished_from),
            finished_to: ago(&self.finished_to),
            rerun: self.rerun,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) filters: Filters,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) limit: u16,
    /// Only jobs below this id: the last one of the list before.
    #[arg(long)]
    pub(super) before: Option<i64>,
    /// As JSON, for scripts.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Enqueue {
    /// What it does.
    pub(super) kind: String,
    /// Its arguments, as JSON.
    #[arg(long, default_value = "null", value_name = "JSON", value_parser = arguments)]
    pub(super) args: serde_json::Value,
    /// Not before: a time, or how long from now (2h).
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    pub(super) at: Option<Moment>,
    /// Instead of its kind's; smaller runs first.
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1000..=1000))]
    pub(super) priority: Option<i16>,
    /// For people and filters; may be repeated.
    #[arg(long, value_parser = line)]
    pub(super) tag: Vec<String>,
    /// At most one live job of its kind has this key.
    #[arg(long, value_parser = line)]
    pub(super) unique: Option<String>,
    /// The account that may look at it.
    #[arg(long)]
    pub(super) owner: Option<Uuid>,
    /// For the journal.
    #[arg(long, default_value = "from the command line", value_parser = operator::reason)]
    pub(super) reason: String,
    /// As JSON, for scripts.
    #[arg(long)]
    pub(super) json: bool,
}

/// Jobs by id, or all that fit.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// The jobs; without them, all that fit the filters.
    pub(super) ids: Vec<i64>,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// Only counts what would be done.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Every job it can be done to: needed when there are neither ids nor filters.
    #[arg(long)]
    pub(super) all: bool,
    /// At most so many.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(i64).range(1..=1000))]
    pub(super) limit: i64,
    /// Only jobs below this id: the last one of the call before.
    #[arg(long)]
    pub(super) before: Option<i64>,
    /// For the journal.
    #[arg(long, default_value = "from the command line", value_parser = operator::reason)]
    pub(super) reason: String,
    /// As JSON, for scripts.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Snooze {
    /// A time, or how long from now (2h).
    #[arg(long, value_parser = moment, allow_hyphen_values = true)]
    pub(super) until: Moment,
    #[command(flatten)]
    pub(super) selection: Selection,
}

#[derive(Debug, clap::Args)]
pub(super) struct Priority {
    /// The priority.
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1000..=1000))]
    pub(super) to: i16,
    #[command(flatten)]
    pub(super) selection: Selection,
}

impl Command {
    /// What only the whole line can tell.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let selection = match self {
            Self::Retry(selection) | Self::Cancel(selection) => selection,
            Self::Snooze(snooze) => &snooze.selection,
            Self::Priority(priority) => &priority.selection,
            Self::List(list) => return list.filters.check(),
            Self::Enqueue(enqueue) => {
                let few = enqueue.tag.len() <= MAX_TAGS;
                ensure!(few, Usage(format!("--tag: at most {MAX_TAGS} of them")));
                return Ok(());
            }
            _ => return Ok(()),
        };
        selection.filters.check()?;
        let filter = selection.filters.filter(Timestamp::UNIX_EPOCH);
        let filtered = filter != Filter::default();
        let named = !selection.ids.is_empty();
        ensure!(
            !(named && (filtered || selection.all)),
            Usage("name jobs or give filters, not both".to_owned())
        );
        ensure!(
            !(named && selection.dry_run),
            Usage("--dry-run is for filters: jobs by id are shown with `jobs show`".to_owned())
        );
        ensure!(
            named || !filter.is_everything() || selection.all,
            Usage("name jobs, give filters, or write --all".to_owned())
        );
        Ok(())
    }
}

/// A time, or a distance from now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    At(Timestamp),
    Distance(SignedDuration),
}

impl Moment {
    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Distance(distance) => now.checked_sub(distance).unwrap_or(Timestamp::MIN),
        }
    }

    /// The time, when distances lie ahead.
    pub(super) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Distance(distance) => now.checked_add(distance).unwrap_or(Timestamp::MAX),
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    let distance = |text: &str| {
        let period = text.parse::<Period>().ok()?;
        SignedDuration::try_from(*period).ok().map(Moment::Distance)
    };
    text::time(text).map(Moment::At).or_else(|wrong| {
        let neither = || {
            "write a time (2026-12-01T10:00:00Z) or how long (30m, 2h, 7d), which is never negative"
                .to_owned()
        };
        distance(text).ok_or_else(|| if wrong == text::TIMES { wrong } else { neither() })
    })
}

/// A tag or a key, as the API takes it.
fn line(text: &str) -> Result<String, String> {
    text::wrong_line(text, 1..=MAX_LINE)
        .map_or_else(|| Ok(text.trim().to_owned()), |(_, detail)| Err(detail.into_owned()))
}

fn state(text: &str) -> Result<State, String> {
    let names = State::ALL.map(State::as_str).join(", ");
    State::of(text).ok_or_else(|| format!("write one of {names}"))
}

fn fingerprint(text: &str) -> Result<i64, String> {
    parse_fingerprint(text).ok_or_else(|| "write sixteen hexadecimal digits".to_owned())
}

fn arguments(text: &str) -> Result<serde_json::Value, String> {
    let deep = |error: &serde_json::Error| error.to_string().starts_with("recursion limit");
    serde_json::from_str(text).map_err(|error| {
        if deep(&error) {
            "is nested too deeply: at most 127 lists and objects in each other are read".to_owned()
        } else {
            format!("not JSON: {error}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_distance_from_now() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        assert_eq!(moment("2h").unwrap().before(now).to_string(), "2026-11-21T08:00:00Z");
        assert_eq!(moment("90m").unwrap().after(now).to_string(), "2026-11-21T11:30:00Z");
        assert_eq!(moment("2026-01-01T00:00:00Z").unwrap().after(now).to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(moment("30d").unwrap(), moment("1month").map(|_| moment("720h").unwrap()).unwrap());
        assert_eq!(moment("2w").unwrap(), moment("14days").unwrap());
        for wrong in ["soon", "-5h"] {
            assert!(moment(wrong).unwrap_err().contains("never negative"), "{wrong}");
        }
        assert_eq!(moment("9999-12-31T00:00:00Z").unwrap_err(), text::TIMES);
    }

    #[test]
    fn tags_and_keys_are_one_line() {
        assert_eq!(line(" biglietto \u{1F3AB} ").unwrap(), "biglietto \u{1F3AB}");
        for wrong in ["", "  ", "a\nb", "a\u{1}", &"x".repeat(201)] {
            assert!(line(wrong).is_err(), "{wrong:?}");
        }
    }
}
