//! What happens to jobs, for those who watch: the last change of each job since the last look, bounded. While nobody
//! watches, a change costs one look at a flag.
//!
//! It tells what this process enqueued, started, ended and was ordered to do: with several processes, each tells its own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::jobs::{Ending, JobId, QueueName, Verdict};

/// Between two looks (a fraction of a second) so many jobs are remembered; of the others only their number.
const MOST: usize = 500;

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobChanged)]
pub enum Changed {
    /// It is new.
    Enqueued,
    /// An attempt began.
    Started,
    /// It said how far it is.
    Progress,
    /// It is done.
    Done,
    /// It failed for good.
    Discarded,
    /// It was cancelled.
    Cancelled,
    /// It runs and was asked to end.
    Cancelling,
    /// It was set aside.
    Quarantined,
    /// It failed and is tried again.
    Retrying,
    /// It is run later.
    Snoozed,
    /// It waited for its time and is due now.
    Hastened,
    /// It has another priority.
    Prioritised,
    /// It went back to its queue: its process stops.
    GivenBack,
}

/// The last change of a job.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobChange)]
pub struct Change {
    /// The job.
    #[schema(value_type = String)]
    pub job: JobId,
    /// What happened last.
    pub what: Changed,
    /// Its kind, where it is known.
    pub kind: Option<&'static str>,
    /// Its queue, where it is known.
    pub queue: Option<QueueName>,
    /// How far it is, in percent.
    pub pct: Option<f32>,
    /// The same in words.
    pub note: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Change {
    /// A change of which only this is known.
    pub fn of(job: JobId, what: Changed, at: Timestamp) -> Self {
        Self { job, what, kind: None, queue: None, pct: None, note: None, at }
    }
}

/// What happened since the last look.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = JobChanges)]
pub struct Changes {
    /// The last change of each job, by id.
    pub changes: Vec<Change>,
    /// Changes of further jobs, of which nothing more is told: look at the lists.
    pub more: u64,
}

/// Remembers changes while somebody watches. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Feed(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    watched: AtomicBool,
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    last: BTreeMap<JobId, Change>,
    more: u64,
}

impl Feed {
    /// Somebody watches, or nobody any more.
    pub fn watch(&self, watched: bool) {
        if self.0.watched.swap(watched, Relaxed) && !watched {
            *self.lock() = Pending::default();
        }
    }

    /// Whether changes are wanted.
    pub fn is_watched(&self) -> bool {
        self.0.watched.load(Relaxed)
    }

    /// Remembers changes; what an earlier one told and this one does not is kept.
    pub fn push(&self, changes: impl IntoIterator<Item = Change>) {
        if !self.is_watched() {
            return;
        }
        let mut pending = self.lock();
        for change in changes {
            if let Some(last) = pending.last.get_mut(&change.job) {
                let old = std::mem::replace(last, change);
                last.kind = last.kind.or(old.kind);
                last.queue = last.queue.or(old.queue);
                last.pct = last.pct.or(old.pct);
                last.note = last.note.take().or(old.note);
            } else if pending.last.len() < MOST {
                pending.last.insert(change.job, change);
            } else {
                pending.more += 1;
            }
        }
    }

    /// Remembers that so many further jobs changed, of which nothing more is told.
    pub fn push_more(&self, count: u64) {
        if self.is_watched() {
            self.lock().more += count;
        }
    }

    /// What happened since the last look; `None` when nothing did.
    pub fn take(&self) -> Option<Changes> {
        let Pending { last, more } = std::mem::take(&mut *self.lock());
        let changes = Changes { changes: last.into_values().collect(), more };
        (changes != Changes::default()).then_some(changes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Verdict> for Changed {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::End(Ending::Done) => Self::Done,
            Verdict::End(Ending::Discarded) => Self::Discarded,
            Verdict::End(Ending::Cancelled) => Self::Cancelled,
            Verdict::End(Ending::Quarantined) => Self::Quarantined,
            Verdict::Retry(_) => Self::Retrying,
            Verdict::Snooze(_) => Self::Snoozed,
            Verdict::GiveBack | Verdict::Park(_) => Self::GivenBack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(job: i64, what: Changed) -> Change {
        Change::of(JobId(job), what, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_last_change_of_a_job_is_told_with_what_was_known_before() {
        let feed = Feed::default();
        feed.push([change(1, Changed::Enqueued)]);
        assert_eq!(feed.take(), None, "nobody watches");
        feed.watch(true);
        feed.push([
            Change { kind: Some("a.b"), ..change(2, Changed::Started) },
            change(1, Changed::Enqueued),
        ]);
        feed.push([change(2, Changed::Done)]);
        let told = feed.take().unwrap();
        let what: Vec<_> = told.changes.iter().map(|it| (it.job.0, it.what, it.kind)).collect();
        assert_eq!(what, [(1, Changed::Enqueued, None), (2, Changed::Done, Some("a.b"))]);
        assert_eq!(feed.take(), None);
    }

    #[test]
    fn a_flood_is_counted_and_nothing_is_kept_for_nobody() {
        let feed = Feed::default();
        feed.watch(true);
        feed.push((0..MOST as i64 + 7).map(|job| change(job, Changed::Done)));
        let told = feed.take().unwrap();
        assert_eq!((told.changes.len(), told.more), (MOST, 7));
        feed.push_more(3);
        assert_eq!(feed.take(), Some(Changes { changes: Vec::new(), more: 3 }));
        feed.push([change(1, Changed::Done)]);
        feed.watch(false);
        feed.push_more(1);
        assert_eq!(feed.take(), None);
    }
}
