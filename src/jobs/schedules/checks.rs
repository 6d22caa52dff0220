//! Whether a schedule that people have written can be run: every field that is wrong, with what would be right.

use std::ops::RangeInclusive;

use super::{Definition, Spec, Timing, TimingError};
use crate::{
    jobs::registry::{ARGS_MAX, Registry},
    text,
};

/// The name of the route that tries schedules.
const RESERVED: &str = "preview";
const KEY_MAX: usize = 127;
const YEAR_S: u32 = 366 * 24 * 3600;
const DAY_S: u32 = 24 * 3600;
/// Each tick that is made up for is a job, inserted in one transaction.
const MADE_UP: RangeInclusive<i16> = 1..=1000;
const PRIORITIES: RangeInclusive<i16> = -1000..=1000;
const ATTEMPTS: RangeInclusive<i16> = 1..=100;
const TAGS_MAX: usize = 16;
const TAG_MAX: usize = 64;
const TEXT_MAX: usize = 500;

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// JSON pointer.
    pub pointer: String,
    /// Stable word for programs.
    pub code: &'static str,
    /// Sentence for people.
    pub detail: String,
}

#[derive(Default)]
struct Found(Vec<WrongField>);

impl Found {
    fn wrong(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.push(WrongField { pointer: pointer.into(), code, detail: detail.into() });
    }

    fn range<N: PartialOrd + std::fmt::Display>(
        &mut self,
        pointer: &str,
        value: &N,
        range: &RangeInclusive<N>,
    ) {
        if !range.contains(value) {
            let detail = format!("must be from {} to {}", range.start(), range.end());
            self.wrong(pointer, "out_of_range", detail);
        }
    }
}

/// Everything that is wrong with `it`; its timing when that can be read.
pub fn check(it: &Definition, kinds: &Registry) -> (Vec<WrongField>, Option<Timing>) {
    let mut found = Found::default();
    check_key(&mut found, &it.key);
    check_job(&mut found, it, kinds);
    let timing = match Timing::new(&it.spec, &it.tz, it.gap, it.fold) {
        Ok(timing) => Some(timing),
        Err(error) => {
            let (pointer, code) = match &error {
                TimingError::Spec(_) => ("/spec", "invalid_schedule"),
                TimingError::Zone(_) => ("/tz", "unknown_time_zone"),
            };
            found.wrong(pointer, code, error.to_string());
            // The time zone is read first.
            if let (TimingError::Zone(_), Err(error)) = (&error, it.spec.parse::<Spec>()) {
                found.wrong("/spec", "invalid_schedule", error.to_string());
            }
            None
        }
    };
    found.range("/missed_within_s", &it.missed_within_s, &(0..=YEAR_S));
    found.range("/missed_max", &it.missed_max, &MADE_UP);
    found.range("/splay_s", &it.splay_s, &(0..=DAY_S));
    let length = it.description.as_deref().map_or(0, |text| text.chars().count());
    if length > TEXT_MAX {
        found.wrong(
            "/description",
            "too_long",
            format!("has {length} characters, at most {TEXT_MAX} are allowed"),
        );
    }
    if it.description.as_deref().is_some_and(|text| text.chars().any(|c| c.is_control() && c != '\n')) {
        found.wrong("/description", "invalid_text", "must not contain control characters");
    }
    if let Some((code, detail)) = it.reason.as_deref().and_then(|reason| text::wrong(reason, text::REASON)) {
        found.wrong("/reason", code, detail);
    }
    (found.0, timing)
}

fn check_key(found: &mut Found, key: &str) {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if key.len() > KEY_MAX || !key.split('.').all(is_word) {
        let detail =
            "must be words of lower-case letters, digits and `_`, joined by dots, at most 127 characters";
        found.wrong("/key", "invalid_key", detail);
    } else if key == RESERVED {
        found.wrong("/key", "reserved", "is the name of the route that tries schedules");
    }
}

fn check_job(found: &mut Found, it: &Definition, kinds: &Registry) {
    match kinds.get(&it.kind) {
        None => {
            let known: Vec<_> = kinds.kinds().map(|kind| kind.name).collect();
            let detail = format!("is not a kind of job of this server; there are {}", known.join(", "));
            found.wrong("/kind", "unknown_kind", detail);
        }
        Some(kind) if kind.sealed => {
            let detail = "has sealed arguments, and a schedule would show them: schedule a kind that enqueues this one";
            found.wrong("/kind", "sealed_kind", detail);
        }
        Some(kind) => {
            if let Err(error) = (kind.check)(&it.args) {
                let detail = format!("does not fit {}: {}", it.kind, error.detail);
                found.wrong(format!("/args{}", error.pointer), "wrong_arguments", detail);
            }
        }
    }
    let length = it.args.to_string().len();
    if length > ARGS_MAX {
        found.wrong("/args", "too_long", format!("has {length} bytes, at most {ARGS_MAX} are allowed"));
    }
    if let Some(priority) = &it.priority {
        found.range("/priority", priority, &PRIORITIES);
    }
    if let Some(attempts) = &it.max_attempts {
        found.range("/max_attempts", attempts, &ATTEMPTS);
    }
    if it.tags.len() > TAGS_MAX {
        found.wrong(
            "/tags",
            "too_many",
            format!("has {} elements, at most {TAGS_MAX} are allowed", it.tags.len()),
        );
    }
    for (place, tag) in it.tags.iter().enumerate() {
        let is_right =
            !tag.is_empty() && tag.chars().count() <= TAG_MAX && !tag.chars().any(char::is_control);
        if !is_right {
            let detail = format!("must have 1 to {TAG_MAX} characters, and no control characters");
            found.wrong(format!("/tags/{place}"), "invalid_tag", detail);
        } else if tag.starts_with("cron:") {
            found.wrong(format!("/tags/{place}"), "reserved", "tags that begin with `cron:` name schedules");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jobs::{Job, JobContext, Outcome, registry::registry};

    fn wrong(change: impl FnOnce(&mut Definition)) -> Vec<(String, &'static str)> {
        let mut it = Definition::new("reports.nightly", "events.warm_cache", "30 2 * * *");
        change(&mut it);
        check(&it, &registry()).0.into_iter().map(|it| (it.pointer, it.code)).collect()
    }

    fn one(pointer: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(pointer.to_owned(), code)]
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        assert_eq!(wrong(|_| {}), []);
        for key in ["", "a..b", "A", "a b", "a/b", "é", &"a".repeat(128)] {
            assert_eq!(wrong(|it| it.key = key.to_owned()), one("/key", "invalid_key"), "{key}");
        }
        assert_eq!(wrong(|it| it.key = "preview".to_owned()), one("/key", "reserved"));
        assert_eq!(wrong(|it| it.kind = "events.nothing".to_owned()), one("/kind", "unknown_kind"));
        assert_eq!(wrong(|it| it.args = json!([1, 2, 3])), one("/args", "wrong_arguments"));
        assert_eq!(wrong(|it| it.spec = "61 * * * *".to_owned()), one("/spec", "invalid_schedule"));
        assert_eq!(wrong(|it| it.tz = "Europe/Roma".to_owned()), one("/tz", "unknown_time_zone"));
        assert_eq!(wrong(|it| it.missed_max = 0), one("/missed_max", "out_of_range"));
        assert_eq!(wrong(|it| it.missed_within_s = u32::MAX), one("/missed_within_s", "out_of_range"));
        assert_eq!(wrong(|it| it.splay_s = DAY_S + 1), one("/splay_s", "out_of_range"));
        assert_eq!(wrong(|it| it.priority = Some(1001)), one("/priority", "out_of_range"));
        assert_eq!(wrong(|it| it.max_attempts = Some(0)), one("/max_attempts", "out_of_range"));
        assert_eq!(wrong(|it| it.tags = vec!["a".to_owned(), String::new()]), one("/tags/1", "invalid_tag"));
        assert_eq!(wrong(|it| it.tags = vec!["cron:x".to_owned()]), one("/tags/0", "reserved"));
        assert_eq!(wrong(|it| it.tags = vec!["a".to_owned(); 17]), one("/tags", "too_many"));
        assert_eq!(wrong(|it| it.description = Some("a".repeat(501))), one("/description", "too_long"));
        assert_eq!(
            wrong(|it| it.description = Some("a\x1b[2J".to_owned())),
            one("/description", "invalid_text")
        );
        assert_eq!(wrong(|it| it.reason = Some(" ".to_owned())), one("/reason", "required"));
        let both = wrong(|it| (it.tz, it.spec) = ("Mars".to_owned(), "never".to_owned()));
        assert_eq!(both, [one("/tz", "unknown_time_zone"), one("/spec", "invalid_schedule")].concat());
    }

    #[test]
    fn schedules_of_sealed_kinds_are_refused() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Secret {}

        impl Job for Secret {
            const KIND: &'static str = "tests.secret";
            const SEALED: bool = true;

            async fn run(&self, _ctx: &JobContext) -> anyhow::Result<Outcome> {
                Ok(Outcome::Done)
            }
        }

        let it = Definition::new("tests.secrets", Secret::KIND, "@daily");
        let (wrong, _) = check(&it, &Registry::default().with::<Secret>());
        assert_eq!((wrong.len(), wrong[0].pointer.as_str(), wrong[0].code), (1, "/kind", "sealed_kind"));
    }

    #[test]
    fn arguments_are_pointed_at() {
        let found = wrong(|it| {
            it.kind = "events.withdraw_bookings".to_owned();
            it.args = json!({"event": 7});
        });
        assert_eq!(found, one("/args/event", "wrong_arguments"));
    }
}
