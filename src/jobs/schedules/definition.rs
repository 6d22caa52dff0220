//! A schedule as people write it, and what its jobs are made of.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Fold, Gap, Missed, Overlap};
use crate::jobs::{NewJob, QueueName, registry::Kind};

/// A schedule: when, in which time zone, which job, and what about ticks that were missed, overlap, or fall into a change
/// of the clocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CronSchedule)]
pub struct Definition {
    /// Its name, never changed: words of lower-case letters, digits and `_`, joined by dots.
    #[schema(example = "reports.nightly", min_length = 1, max_length = 127)]
    pub key: String,
    /// The kind of the job.
    #[schema(example = "events.warm_cache")]
    pub kind: String,
    /// The job's arguments, as its kind wants them.
    #[serde(default = "no_args")]
    #[schema(value_type = Value)]
    pub args: Value,
    /// Five fields (minute, hour, day of month, month, day of week), or six with the second first; or `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[schema(example = "30 2 * * MON-FRI", max_length = 500)]
    pub spec: String,
    /// The IANA time zone in which they are meant.
    #[serde(default = "utc")]
    #[schema(example = "Europe/Rome", default = "UTC")]
    pub tz: String,
    /// What happens to ticks nobody was there for.
    #[serde(default = "Policies::missed")]
    pub missed: Missed,
    /// Ticks missed longer ago than this, in seconds, are not made up for.
    #[serde(default = "Policies::missed_within_s")]
    #[schema(default = 86400, maximum = 31_622_400)]
    pub missed_within_s: u32,
    /// At most so many are made up for.
    #[serde(default = "Policies::missed_max")]
    #[schema(default = 100, minimum = 1, maximum = 1000)]
    pub missed_max: i16,
    /// What happens to a tick whose local time does not exist.
    #[serde(default = "Policies::gap")]
    pub gap: Gap,
    /// What happens to a tick whose local time exists twice.
    #[serde(default = "Policies::fold")]
    pub fold: Fold,
    /// What happens to a tick while the job of an earlier one is still live.
    #[serde(default = "Policies::overlap")]
    pub overlap: Overlap,
    /// Each tick is delayed by a fixed part of so many seconds, so that a fleet does not knock in step.
    #[serde(default)]
    #[schema(default = 0, maximum = 86400)]
    pub splay_s: u32,
    /// Where its jobs wait; where all of their kind do by default.
    #[serde(default)]
    pub queue: Option<QueueName>,
    /// Smaller runs first; that of their kind by default.
    #[serde(default)]
    #[schema(minimum = -1000, maximum = 1000)]
    pub priority: Option<i16>,
    /// Attempts before a job is discarded; those of their kind by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    pub max_attempts: Option<i16>,
    /// For people and filters; `cron:` and the name of the schedule is always among them.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub tags: Vec<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Why it is made or changed, for the journal; never shown with the schedule.
    #[serde(default, skip_serializing)]
    #[schema(write_only, min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

fn no_args() -> Value {
    json!({})
}

fn utc() -> String {
    "UTC".to_owned()
}

/// What holds when nobody says otherwise; the same as in [`super::Schedule::new`].
struct Policies;

impl Policies {
    const fn missed() -> Missed {
        Missed::One
    }
    const fn missed_within_s() -> u32 {
        24 * 3600
    }
    const fn missed_max() -> i16 {
        100
    }
    const fn gap() -> Gap {
        Gap::Shift
    }
    const fn fold() -> Fold {
        Fold::First
    }
    const fn overlap() -> Overlap {
        Overlap::Skip
    }
}

impl Definition {
    /// A schedule with the defaults.
    pub fn new(key: impl Into<String>, kind: impl Into<String>, spec: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            kind: kind.into(),
            args: no_args(),
            spec: spec.into(),
            tz: utc(),
            missed: Policies::missed(),
            missed_within_s: Policies::missed_within_s(),
            missed_max: Policies::missed_max(),
            gap: Policies::gap(),
            fold: Policies::fold(),
            overlap: Policies::overlap(),
            splay_s: 0,
            queue: None,
            priority: None,
            max_attempts: None,
            tags: Vec::new(),
            description: None,
            reason: None,
        }
    }

    /// What its jobs are made of.
    pub fn template(&self) -> Template {
        Template {
            args: self.args.clone(),
            queue: self.queue,
            priority: self.priority,
            max_attempts: self.max_attempts,
            tags: self.tags.clone(),
            version: None,
        }
    }

    /// Whether both tick at the same times.
    pub fn ticks_like(&self, other: &Self) -> bool {
        (&self.spec, &self.tz, self.gap, self.fold) == (&other.spec, &other.tz, other.gap, other.fold)
    }
}

/// What the jobs of a schedule are made of: `job.cron.template`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// The arguments.
    pub args: Value,
    /// Instead of the kind's.
    pub queue: Option<QueueName>,
    /// Instead of the kind's.
    pub priority: Option<i16>,
    /// Instead of the kind's.
    pub max_attempts: Option<i16>,
    /// Beside the schedule's own.
    pub tags: Vec<String>,
    /// The shape of the arguments; of old rows, that of the kind.
    pub version: Option<i16>,
}

impl Template {
    /// As it is stored.
    pub fn to_json(&self) -> Value {
        let mut json = json!({ "args": self.args });
        if let Some(queue) = self.queue {
            json["queue"] = queue.as_str().into();
        }
        if let Some(priority) = self.priority {
            json["priority"] = priority.into();
        }
        if let Some(max_attempts) = self.max_attempts {
            json["max_attempts"] = max_attempts.into();
        }
        if let Some(version) = self.version {
            json["version"] = version.into();
        }
        if !self.tags.is_empty() {
            json["tags"] = self.tags.clone().into();
        }
        json
    }

    /// From its stored form. What this binary does not understand (a queue of a newer one) is left to the kind.
    pub fn of_json(json: &Value) -> Self {
        let number = |name: &str| json[name].as_i64().and_then(|number| i16::try_from(number).ok());
        let tags = json["tags"].as_array().into_iter().flatten();
        Self {
            args: json.get("args").cloned().unwrap_or(Value::Null),
            queue: json["queue"]
                .as_str()
                .and_then(|name| QueueName::ALL.into_iter().find(|it| it.as_str() == name)),
            priority: number("priority"),
            max_attempts: number("max_attempts"),
            version: number("version"),
            tags: tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
        }
    }

    /// A job of the schedule `key`.
    pub(super) fn job(&self, kind: &Kind, key: &str) -> NewJob {
        let mut job = NewJob::of_kind(kind, self.args.to_string());
        job.queue = self.queue.unwrap_or(job.queue);
        job.priority = self.priority.unwrap_or(job.priority);
        job.max_attempts = self.max_attempts.unwrap_or(job.max_attempts);
        job.version = self.version.unwrap_or(job.version);
        job.tags.clone_from(&self.tags);
        job.tag(tag(key))
    }
}

/// The tag of every job of a schedule.
pub(super) fn tag(key: &str) -> String {
    format!("cron:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_as_it_was_written() {
        let template = Template {
            args: json!({"n": 1}),
            queue: Some(QueueName::Mail),
            priority: Some(-5),
            max_attempts: Some(3),
            tags: vec!["nightly".to_owned()],
            version: Some(2),
        };
        assert_eq!(Template::of_json(&template.to_json()), template);
        let plain = Template { args: json!(1), ..Template::default() };
        assert_eq!((Template::of_json(&plain.to_json()), plain.to_json()), (plain, json!({"args": 1})));
    }

    #[test]
    fn what_is_left_out_has_its_default_and_what_is_unknown_is_refused() {
        let short = json!({"key": "a", "kind": "b.c", "spec": "@daily"});
        assert_eq!(
            serde_json::from_value::<Definition>(short).unwrap(),
            Definition::new("a", "b.c", "@daily")
        );
        let wrong = json!({"key": "a", "kind": "b.c", "spec": "@daily", "zone": "UTC"});
        assert!(serde_json::from_value::<Definition>(wrong).unwrap_err().to_string().contains("zone"));
    }
}
