//! Which jobs: states and filters, and which index serves them best.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::jobs::{
    JobId,
    store::{lists, lists_ended},
};

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum State {
    /// It was enqueued for a later time.
    Scheduled,
    /// It failed, or its process died, and is tried again later.
    Retrying,
    /// It asked, or was told, to be run later.
    Snoozed,
    /// It may run.
    Ready,
    /// It waits for a place of its key or kind.
    Parked,
    /// It waits for other jobs to end.
    Waiting,
    /// A process has it: it runs, or is among the next to do so there (see `taken`).
    Running,
    /// The work is done.
    Done,
    /// It failed for good.
    Discarded,
    /// There was nothing to do any more, or somebody said so.
    Cancelled,
    /// It crashed the process too often, or its arguments cannot be read.
    Quarantined,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Scheduled,
        Self::Retrying,
        Self::Snoozed,
        Self::Ready,
        Self::Parked,
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Discarded,
        Self::Cancelled,
        Self::Quarantined,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Retrying => "retrying",
            Self::Snoozed => "snoozed",
            Self::Ready => "ready",
            Self::Parked => "parked",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Discarded => "discarded",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
        }
    }

    /// The state called `name`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// As a statement says it.
    pub(super) fn stored(name: &str) -> Self {
        Self::of(name).expect("statements name the states as we do")
    }

    /// Whether the job has ended.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Discarded | Self::Cancelled | Self::Quarantined)
    }
}

/// Which jobs are meant; everything that is said must be so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// In which queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Of which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// With this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// About this subject: the tag `subject:<id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whose they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Uuid>,
    /// In which batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// With which error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<i64>,
    /// Enqueued from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enqueued_from: Option<Timestamp>,
    /// Enqueued before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enqueued_to: Option<Timestamp>,
    /// Finished from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_from: Option<Timestamp>,
    /// Finished before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_to: Option<Timestamp>,
    /// Whether they were run once more already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun: Option<bool>,
}

/// Ids tell the time of who enqueued, `enqueued_at` that of the database: they differ by less.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

impl Filter {
    /// Whether every job is meant: nothing chooses among them. (Not to have been run once more is no choice.)
    pub fn is_everything(&self) -> bool {
        Self { rerun: None, ..self.clone() } == Self::default()
    }

    /// The tags that are asked for.
    pub(super) fn tags(&self) -> Vec<String> {
        let subject = self.subject.as_ref().map(|subject| format!("subject:{subject}"));
        self.tag.iter().cloned().chain(subject).collect()
    }

    /// Ids from the first to below the second.
    pub(super) fn ids(&self, before: Option<i64>) -> (i64, i64) {
        let from = self.enqueued_from.and_then(|at| at.checked_sub(SKEW).ok()).map_or(0, JobId::earliest);
        let to = self.enqueued_to.and_then(|at| at.checked_add(SKEW).ok()).map_or(i64::MAX, JobId::earliest);
        (from, to.min(before.unwrap_or(i64::MAX)))
    }

    /// How many of the filters an index does not answer by itself.
    fn besides(&self, answered: usize) -> usize {
        let said = [
            self.state.is_some(),
            self.queue.is_some(),
            self.kind.is_some(),
            self.tag.is_some(),
            self.subject.is_some(),
            self.owner.is_some(),
            self.batch.is_some(),
            self.fingerprint.is_some(),
            self.enqueued_from.is_some(),
            self.enqueued_to.is_some(),
            self.rerun.is_some(),
        ];
        said.into_iter().filter(|it| *it).count().saturating_sub(answered)
    }

    /// Whether nothing is asked for but the state.
    pub(super) fn is_only_state(&self) -> bool {
        self.besides(1) == 0 && self.state.is_some()
    }

    /// The index for live jobs, and whether it answers everything; `None` when none of them fits. `few`: have the tags.
    /// `few_ready`: few jobs are ready at all.
    pub(super) fn live(&self, few: bool, few_ready: bool) -> Option<(lists::By, bool)> {
        use lists::By;
        let finished = self.finished_from.is_some() || self.finished_to.is_some();
        if finished || self.rerun == Some(true) || self.state.is_some_and(State::is_ended) {
            return None;
        }
        let (by, answered) = if self.fingerprint.is_some() {
            (By::Fingerprint, 0) // many of its ids are not live any more
        } else if let Some(by) = match self.state {
            Some(State::Running) => Some(By::Lease),
            Some(State::Waiting) => Some(By::Gate),
            Some(State::Parked) => Some(By::Parked),
            _ => None,
        } {
            (by, 1)
        } else if self.batch.is_some() {
            (By::Batch, 1)
        } else if self.owner.is_some() {
            (By::Owner, 1)
        } else if few {
            (By::Tag, self.tags().len())
        } else {
            match self.state {
                Some(State::Scheduled) => (By::Scheduled, 0), // those of other states lie between them
                Some(State::Retrying) => (By::Retrying, 1),
                Some(State::Snoozed) => (By::Snoozed, 1),
                Some(State::Ready) if few_ready => (By::FewReady, 1),
                Some(State::Ready) => (By::Ready, 0),
                _ => (By::Body, 0),
            }
        };
        // That none of them was run once more is known without looking.
        let answered = answered + usize::from(self.rerun.is_some());
        Some((by, by != By::Fingerprint && self.besides(answered) == 0))
    }

    /// The index for the history, and whether it answers everything; `None` when none of it fits.
    pub(super) fn ended(&self, few: bool) -> Option<(lists_ended::By, bool)> {
        use lists_ended::By;
        if self.state.is_some_and(|state| !state.is_ended()) {
            return None;
        }
        let rare = self.state.is_some_and(|state| state != State::Done);
        let (by, answered) = if self.fingerprint.is_some() {
            (By::Fingerprint, 1)
        } else if self.batch.is_some() {
            (By::Batch, 1)
        } else if self.owner.is_some() {
            (By::Owner, 1)
        } else if few {
            (By::Tag, self.tags().len())
        } else if self.kind.is_some() || rare {
            (By::List, usize::from(self.kind.is_some()) + usize::from(self.state.is_some()))
        } else {
            (By::Id, 0)
        };
        Some((by, self.besides(answered) == 0))
    }
}

/// An error's fingerprint as people see it: sixteen hexadecimal digits.
pub fn fingerprint_text(fingerprint: i64) -> String {
    format!("{fingerprint:016x}")
}

/// The fingerprint that is written so.
pub fn parse_fingerprint(text: &str) -> Option<i64> {
    let digits = text.len() == 16 && text.bytes().all(|it| it.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok().map(u64::cast_signed)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_that_leaves_least_chooses_the_index() {
        use lists::By;
        let state = |state| Filter { state: Some(state), ..Filter::default() };
        let live = |filter: Filter| filter.live(false, false);
        assert_eq!(live(Filter::default()), Some((By::Body, true)));
        assert_eq!(live(state(State::Running)), Some((By::Lease, true)));
        assert_eq!(live(state(State::Snoozed)), Some((By::Snoozed, true)));
        assert_eq!(live(state(State::Retrying)), Some((By::Retrying, true)));
        assert_eq!(live(state(State::Scheduled)), Some((By::Scheduled, false)));
        assert_eq!(live(state(State::Ready)), Some((By::Ready, false)));
        assert_eq!(state(State::Ready).live(false, true), Some((By::FewReady, true)));
        assert_eq!(live(state(State::Done)), None);
        let both = Filter { owner: Some(Uuid::nil()), batch: Some(1), ..Filter::default() };
        assert_eq!(both.live(true, false), Some((By::Batch, false)));
        let handled = |rerun| Filter { rerun: Some(rerun), ..Filter::default() };
        assert_eq!(live(handled(false)), Some((By::Body, true)));
        assert_eq!(live(handled(true)), None);
        assert!(handled(false).is_everything() && !state(State::Done).is_everything());
        let finished = Filter { finished_to: Some(Timestamp::UNIX_EPOCH), ..Filter::default() };
        assert_eq!(live(finished), None);
    }

    #[test]
    fn rare_endings_are_found_in_their_index_and_usual_ones_by_id() {
        use lists_ended::By;
        let state = |state| Filter { state: Some(state), ..Filter::default() };
        assert_eq!(state(State::Discarded).ended(false), Some((By::List, true)));
        assert_eq!(state(State::Done).ended(false), Some((By::Id, false)));
        assert_eq!(state(State::Ready).ended(false), None);
        let kind = Filter { kind: Some("a.b".to_owned()), tag: Some("x".to_owned()), ..Filter::default() };
        assert_eq!(kind.ended(false), Some((By::List, false)));
        assert_eq!(kind.ended(true), Some((By::Tag, false)));
    }

    #[test]
    fn fingerprints_are_sixteen_digits() {
        for number in [0, -1, i64::MIN, 0x1234] {
            assert_eq!(parse_fingerprint(&fingerprint_text(number)), Some(number));
        }
        for bad in ["", "12", "zzzzzzzzzzzzzzzz", "+000000000000001", "0000000000000000f"] {
            assert_eq!(parse_fingerprint(bad), None, "{bad}");
        }
    }
}
