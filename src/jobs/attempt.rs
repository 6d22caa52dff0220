//! One attempt, and what it says while it runs: its answer and its progress.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    JobId,
    store::{Claimed, Ties},
};

/// The longest answer, in bytes of JSON: answers are read by those who wait and by children; files go to the storage.
const ANSWER_MAX: usize = 64 << 10;
/// The longest note of a progress, in characters.
const NOTE_MAX: usize = 500;
/// The longest data of a progress, in bytes of JSON.
const DATA_MAX: usize = 8 << 10;

/// Which attempt this is.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Its kind.
    pub kind: &'static str,
    /// From 1.
    pub number: i16,
    /// The fence: whoever holds a newer token owns the job.
    pub token: i64,
    /// How often a process died while running it.
    pub crashes: i16,
    /// Cancelled when the attempt should end early: somebody cancelled the job, or timeout, fence, stop.
    pub cancelled: CancellationToken,
    pub(super) ties: Option<Box<Ties>>,
    said: Arc<Said>,
}

#[derive(Debug, Default)]
struct Said {
    finished: AtomicBool,
    answer: Mutex<Option<String>>,
    progress: Mutex<Option<Progress>>,
    moved: Notify,
}

/// How far an attempt is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Progress {
    /// From 0 to 100.
    pub percent: f32,
    /// For people.
    pub note: String,
    /// For programs.
    pub data: Option<serde_json::Value>,
}

/// An answer that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Too long.
    #[error(
        "the answer has {0} bytes, more than the {ANSWER_MAX} that are kept: store it elsewhere and answer where"
    )]
    TooLong(usize),
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Attempt {
    pub(crate) fn new(claimed: &Claimed, kind: &'static str) -> Self {
        Self {
            job: claimed.job,
            kind,
            number: claimed.attempt,
            token: claimed.token,
            crashes: claimed.crashes,
            cancelled: CancellationToken::new(),
            ties: claimed.ties.clone(),
            said: Arc::default(),
        }
    }

    /// What the job says to those who wait for it and to its children, once it is done.
    pub fn answer(&self, answer: &impl Serialize) -> Result<(), AnswerError> {
        let text = serde_json::to_string(answer)?;
        if text.len() > ANSWER_MAX {
            return Err(AnswerError::TooLong(text.len()));
        }
        *self.said.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        Ok(())
    }

    /// Says how far it is: 0 to 100, a note for people, data for programs. Cheap: the newest is written a few times per
    /// second at most. What is too long is cut, data that is too long left out.
    pub fn progress(&self, percent: f32, note: impl Into<String>, data: Option<serde_json::Value>) {
        let mut note: String = note.into();
        if let Some((end, _)) = note.char_indices().nth(NOTE_MAX) {
            note.truncate(end);
        }
        let percent = if percent.is_finite() { percent.clamp(0.0, 100.0) } else { 0.0 };
        let data = data.filter(|data| data.to_string().len() <= DATA_MAX);
        *self.said.progress.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Progress { percent, note: note.replace('\0', ""), data });
        self.said.moved.notify_one();
    }

    /// Waits for news of its progress.
    pub(crate) async fn moved(&self) -> Progress {
        loop {
            self.said.moved.notified().await;
            if let Some(progress) = self.said.progress.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return progress;
            }
        }
    }

    pub(crate) fn take_answer(&self) -> Option<String> {
        self.said.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The handler has committed the acknowledgement itself.
    pub(crate) fn is_finished(&self) -> bool {
        self.said.finished.load(Relaxed)
    }

    pub(super) fn set_finished(&self) {
        self.said.finished.store(true, Relaxed);
    }

    /// Between 0 and 1, different for each attempt of each job: jitter that needs no generator.
    pub(crate) fn noise(&self) -> f64 {
        let mixed =
            (self.job.0 as u64 ^ (self.number as u64).rotate_left(48)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}
