//! One attempt of one job: decode, run within its time, catch a panic, and say what it came to.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, sync::atomic::Ordering::Relaxed, time::Duration};

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    crew::{Crew, Running},
    engine::{Engine, trouble},
    outages,
};
use crate::{
    actors::data::storage::StorageError,
    jobs::{
        Attempt, AttemptOutcome, Ending, FailureSeen, JobContext, Outcome, Report, Story, Verdict,
        fingerprint,
        inspect::{Change, Changed},
        key,
        registry::{self, ArgsError, Kind},
        seal::OpenError,
        store::{self, Arguments, Claimed},
    },
    scope::Scope,
};

/// A kind this binary does not know waits this long for a newer one.
const UNKNOWN_KIND_PAUSE: Duration = Duration::from_secs(60);
/// What the history keeps of an error, in characters: enough for any chain of causes.
const ERROR_CHARS: usize = 4_000;
/// Between two writes of one attempt's progress.
const PROGRESS_PAUSE: Duration = Duration::from_millis(100);
/// And of a backtrace.
const TRACE_CHARS: usize = 16_000;

/// How an attempt ended.
pub(super) enum End {
    Outcome(Outcome),
    Error(anyhow::Error),
    Panic(String),
    Timeout,
    /// By a fence or a stop.
    Cut,
}

impl End {
    /// The job has ended by it, so that there is nothing left to cancel.
    const fn stands(&self) -> bool {
        matches!(self, Self::Outcome(Outcome::Done | Outcome::Cancel(_) | Outcome::Discard(_)))
    }

    /// What is kept of an attempt whose job somebody cancelled.
    fn cancelled(self, reason: &str) -> Story {
        let how = match self {
            Self::Error(error) => format!("; it ended with: {error:#}"),
            Self::Panic(text) => format!("; it ended with a panic: {text}"),
            Self::Cut => "; it was cut off".to_owned(),
            Self::Timeout => "; its time was up".to_owned(),
            Self::Outcome(_) => String::new(),
        };
        cancel_story(&format!("{reason}{how}"))
    }
}

/// The report of a job that somebody cancelled before its attempt began.
pub(super) fn cancelled(claimed: &Claimed, reason: &str) -> Report {
    let verdict = Verdict::End(Ending::Cancelled);
    let (story, ties) = (Some(cancel_story(reason)), claimed.ties.clone());
    Report { story, ties, ..Report::new(claimed.job, claimed.token, verdict) }
}

/// What is kept of an attempt whose job somebody cancelled.
pub(super) fn cancel_story(text: &str) -> Story {
    let text = cut_text(text, ERROR_CHARS);
    let outcome = AttemptOutcome::Cancel;
    Story { outcome, kind: "cancelled", text, trace: None, fingerprint: None, log: Vec::new() }
}

/// Runs one claimed job; `None` when the handler acknowledged it itself.
pub(super) async fn run(engine: &Arc<Engine>, crew: &Crew, claimed: Claimed) -> Option<Report> {
    let kind = match kind_of(engine, &claimed) {
        Ok(kind) => kind,
        Err(verdict) => return Some(not_now(&claimed, verdict)),
    };
    let _alone = match engine.last_chance.wait(engine, &claimed).await {
        Ok(alone) => alone,
        Err(not_now) => return Some(not_now),
    };
    let attempt = Attempt::new(&claimed, kind.name);
    let context = JobContext::new(engine.resources.clone(), attempt.clone());
    let running = match start(engine, kind, &claimed, context) {
        Ok(running) => running,
        Err(StartError::Elsewhere(why)) => {
            tracing::warn!(job.id = %claimed.job, job.kind = kind.name, why, "a job waits for another server");
            return Some(not_now(&claimed, for_a_newer_server(engine)));
        }
        Err(StartError::Unreadable(error)) => {
            return Some(unreadable(engine, kind, &attempt, &claimed, &error));
        }
    };
    let figures = engine.jobs.figures().kind(kind.name);
    let figures = figures.inspect(|it| _ = it.outcomes.started.fetch_add(1, Relaxed));
    tell(engine, kind, &attempt, Changed::Started);
    let (began, cut) = (Instant::now(), CancellationToken::new());
    let cancelled = attempt.cancelled.clone();
    let running_here = Running::new(&claimed, kind.name, began, (cancelled, cut.clone()));
    let deadline = running_here.deadline;
    crew.started(engine, claimed.token, running_here);
    measure_wait(engine, crew, &claimed);
    let scope = Scope::traced(format!("job-{}", claimed.job), deadline, traceparent(&claimed));
    scope.keep_lines(began);
    let lines = scope.clone();
    let work = AssertUnwindSafe(scope.enter(running)).catch_unwind();
    let end = tokio::select! {
        biased;
        () = cut.cancelled() => End::Cut,
        () = pass_on(engine, &attempt) => unreachable!("progress is passed on until the attempt ends"),
        end = timeout_at(deadline, work) => match end {
            Ok(Ok(Ok(outcome))) => End::Outcome(outcome),
            Ok(Ok(Err(error))) => End::Error(error),
            Ok(Err(panic)) => End::Panic(panic_text(panic.as_ref())),
            Err(_) => End::Timeout,
        },
    };
    let end = outages::excused(engine, kind, &attempt, end).await;
    attempt.cancelled.cancel();
    let asked = crew.ended(engine, claimed.token);
    if let Some(figures) = figures {
        figures.ran(began.elapsed());
    }
    if attempt.is_finished() {
        tell(engine, kind, &attempt, Changed::Done);
        count(engine, kind, Verdict::End(Ending::Done));
        engine.let_go([claimed.token].into_iter());
        ended_by_itself(engine, &claimed);
        return None;
    }
    let (verdict, mut story) = match asked {
        Some(reason) if !end.stands() => (Verdict::End(Ending::Cancelled), Some(end.cancelled(&reason))),
        _ => judge(engine, kind, &attempt, &claimed, end),
    };
    if let Some(story) = story.as_mut().filter(|story| story.fingerprint.is_some()) {
        story.log = lines.take_lines();
    }
    count(engine, kind, verdict);
    let answer = attempt.take_answer().filter(|_| verdict == Verdict::End(Ending::Done));
    Some(Report { job: claimed.job, token: claimed.token, verdict, story, answer, ties: claimed.ties })
}

/// The kind of the job, if it may run here and now; otherwise where it waits.
fn kind_of<'e>(engine: &'e Engine, claimed: &Claimed) -> Result<&'e Kind, Verdict> {
    let kind = engine.jobs.catalog().and_then(|catalog| catalog.kind_name(claimed.kind));
    let Some(kind) = kind.and_then(|name| engine.jobs.registry().get(name)) else {
        tracing::warn!(job.id = %claimed.job, job.kind_id = claimed.kind, "a job of an unknown kind waits for a newer server");
        return Err(for_a_newer_server(engine));
    };
    if engine.is_kind_paused(claimed.kind) {
        return Err(Verdict::Park(key::of_kind(kind.name)));
    }
    if let Some(pause) = engine.resources.breakers.wait(kind.needs) {
        return Err(Verdict::Snooze(engine.jobs.clock().now() + pause));
    }
    Ok(kind)
}

fn for_a_newer_server(engine: &Engine) -> Verdict {
    Verdict::Snooze(engine.jobs.clock().now() + UNKNOWN_KIND_PAUSE)
}

/// How long the job was due, where its rank tells.
fn measure_wait(engine: &Engine, crew: &Crew, claimed: &Claimed) {
    if claimed.attempt == 1 && claimed.crashes == 0 && engine.jobs.orders().is_strict(crew.queue) {
        let waited = engine.jobs.clock().now().as_microsecond().saturating_sub(claimed.rank);
        engine.jobs.figures().waits_us[crew.queue.index()].record(waited.max(0) as u64);
    }
}

/// The handler has acknowledged: what the acknowledger does otherwise.
fn ended_by_itself(engine: &Engine, claimed: &Claimed) {
    if let Some(ties) = &claimed.ties {
        engine.look_at_doors([ties.key, ties.kind_key].into_iter().flatten());
        if ties.in_batch {
            engine.settle();
        }
    }
    engine.jobs.ended([claimed.job].into_iter());
    engine.jobs.figures().progress.notify_waiters();
}

fn not_now(claimed: &Claimed, verdict: Verdict) -> Report {
    Report { ties: claimed.ties.clone(), ..Report::new(claimed.job, claimed.token, verdict) }
}

/// Why an attempt could not begin.
enum StartError {
    /// A server with a newer binary or another key can run it.
    Elsewhere(String),
    /// Nobody can.
    Unreadable(String),
}

/// Opens and decodes the arguments.
fn start(
    engine: &Engine,
    kind: &Kind,
    claimed: &Claimed,
    context: JobContext,
) -> Result<registry::Running, StartError> {
    let opened;
    let args = match &claimed.args {
        Arguments::Plain(args) => args.get(),
        Arguments::Sealed(sealed) => {
            opened =
                engine.jobs.seal().open(claimed.job, kind.name, sealed).map_err(|error| match error {
                    OpenError::UnknownKey(_) => StartError::Elsewhere(error.to_string()),
                    OpenError::Damaged => StartError::Unreadable(error.to_string()),
                })?;
            &opened
        }
    };
    (kind.start)(args, claimed.version, context).map_err(|error| match error {
        ArgsError::Newer { .. } => StartError::Elsewhere(error.to_string()),
        // A sealed text must not leak through the words of a parser.
        ArgsError::Json(_) | ArgsError::Upcast(_) if matches!(claimed.args, Arguments::Sealed(_)) => {
            StartError::Unreadable("the sealed arguments do not fit the kind".to_owned())
        }
        ArgsError::Json(_) | ArgsError::Upcast(_) => StartError::Unreadable(error.to_string()),
    })
}

/// The trace of the request that enqueued the job.
fn traceparent(claimed: &Claimed) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Meta {
        traceparent: Option<String>,
    }
    serde_json::from_str::<Meta>(claimed.meta.as_ref()?.get()).ok()?.traceparent
}

/// Writes the attempt's progress down as it comes, at most once per pause.
async fn pass_on(engine: &Engine, attempt: &Attempt) {
    loop {
        let progress = attempt.moved().await;
        let written = store::steps::progress(&engine.control, attempt.job, attempt.token, &progress).await;
        if let Err(error) = written {
            trouble("the progress of a job could not be written", &error);
        }
        if engine.jobs.feed().is_watched() {
            let change = Change::of(attempt.job, Changed::Progress, engine.jobs.clock().now());
            let (pct, note) = (Some(progress.percent), Some(progress.note));
            engine.jobs.feed().push([Change { kind: Some(attempt.kind), pct, note, ..change }]);
        }
        tokio::time::sleep(PROGRESS_PAUSE).await;
    }
}

/// For those who watch.
fn tell(engine: &Engine, kind: &Kind, attempt: &Attempt, what: Changed) {
    let feed = engine.jobs.feed();
    if feed.is_watched() {
        let change = Change::of(attempt.job, what, engine.jobs.clock().now());
        feed.push([Change { kind: Some(kind.name), queue: Some(kind.queue), ..change }]);
    }
}

/// What becomes of the job.
fn judge(
    engine: &Engine,
    kind: &Kind,
    attempt: &Attempt,
    claimed: &Claimed,
    end: End,
) -> (Verdict, Option<Story>) {
    let now = engine.jobs.clock().now();
    let is_last = attempt.number >= claimed.max_attempts;
    let reason = |outcome, text: String| {
        Some(Story { fingerprint: None, ..told(kind, outcome, "reason", &text, None) })
    };
    match end {
        End::Outcome(Outcome::Done) => (Verdict::End(Ending::Done), None),
        End::Outcome(Outcome::Snooze(pause)) => (Verdict::Snooze(now + pause), None),
        End::Outcome(Outcome::Cancel(why)) => {
            (Verdict::End(Ending::Cancelled), reason(AttemptOutcome::Cancel, why))
        }
        // It is an error like others, found by its fingerprint, only not worth another attempt.
        End::Outcome(Outcome::Discard(why)) => {
            let story = told(kind, AttemptOutcome::Discard, "reason", &why, None);
            (Verdict::End(Ending::Discarded), Some(story))
        }
        End::Cut => {
            (Verdict::GiveBack, reason(AttemptOutcome::Interrupt, "cut off by a stop or a fence".to_owned()))
        }
        End::Error(error) => {
            let captured = error.backtrace().status() == std::backtrace::BacktraceStatus::Captured;
            let trace = captured.then(|| cut_text(&error.backtrace().to_string(), TRACE_CHARS));
            let story = told(kind, AttemptOutcome::Retry, "error", &format!("{error:#}"), trace);
            let is_last = is_permanent(&error) || is_last;
            failed(engine, kind, attempt, is_last, now, story)
        }
        End::Panic(text) => {
            let story = told(kind, AttemptOutcome::Panic, "panic", &text, None);
            failed(engine, kind, attempt, is_last, now, story)
        }
        End::Timeout => {
            let text = format!("took longer than {:?}", claimed.timeout);
            let story = told(kind, AttemptOutcome::Timeout, "timeout", &text, None);
            failed(engine, kind, attempt, is_last, now, story)
        }
    }
}

/// What no further attempt could change: the storage will never take that for a key.
fn is_permanent(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(StorageError::NoKey)))
}

/// A failed attempt: again after a pause, or never again.
fn failed(
    engine: &Engine,
    kind: &Kind,
    attempt: &Attempt,
    is_last: bool,
    now: Timestamp,
    mut story: Story,
) -> (Verdict, Option<Story>) {
    let pause = kind.retry.pause(attempt.number, attempt.noise());
    if is_last {
        tracing::error!(
            job.id = %attempt.job, job.kind = kind.name, job.attempt = attempt.number, job.error = %story.text,
            "a job failed for good"
        );
    } else {
        tracing::warn!(
            job.id = %attempt.job, job.kind = kind.name, job.attempt = attempt.number, job.error = %story.text,
            job.retry_ms = pause.as_millis() as u64, "an attempt failed and will be repeated"
        );
    }
    let (job, error) = (attempt.job, story.text.clone());
    engine.jobs.figures().failed(FailureSeen {
        job,
        kind: kind.name.to_owned(),
        attempt: attempt.number,
        error,
    });
    if is_last {
        if story.outcome == AttemptOutcome::Retry {
            story.outcome = AttemptOutcome::Discard; // nothing is tried again
        }
        return (Verdict::End(Ending::Discarded), Some(story));
    }
    (Verdict::Retry(now + pause), Some(story))
}

/// What the history keeps.
fn told(
    kind: &Kind,
    outcome: AttemptOutcome,
    word: &'static str,
    text: &str,
    trace: Option<String>,
) -> Story {
    let text = cut_text(text, ERROR_CHARS);
    let fingerprint = Some(fingerprint(kind.name, word, &text));
    Story { outcome, kind: word, text, trace, fingerprint, log: Vec::new() }
}

/// Arguments that do not parse are set aside for a look: no attempt would read them better.
fn unreadable(engine: &Engine, kind: &Kind, attempt: &Attempt, claimed: &Claimed, error: &str) -> Report {
    tracing::error!(job.id = %attempt.job, job.kind = kind.name, %error, "the arguments of a job cannot be read");
    let text = cut_text(&format!("arguments: {error}"), ERROR_CHARS);
    let (job, name, number) = (attempt.job, kind.name.to_owned(), attempt.number);
    engine.jobs.figures().failed(FailureSeen { job, kind: name, attempt: number, error: text.clone() });
    let verdict = Verdict::End(Ending::Quarantined);
    count(engine, kind, verdict);
    let story = told(kind, AttemptOutcome::Discard, "arguments", &text, None);
    Report { story: Some(story), ties: claimed.ties.clone(), ..Report::new(job, attempt.token, verdict) }
}

fn count(engine: &Engine, kind: &Kind, verdict: Verdict) {
    let Some(figures) = engine.jobs.figures().kind(kind.name) else { return };
    let outcomes = &figures.outcomes;
    let counter = match verdict {
        Verdict::End(Ending::Done) => &outcomes.done,
        Verdict::End(Ending::Discarded) => &outcomes.discarded,
        Verdict::End(Ending::Cancelled) => &outcomes.cancelled,
        Verdict::End(Ending::Quarantined) => &outcomes.quarantined,
        Verdict::Retry(_) => &outcomes.retried,
        Verdict::Snooze(_) => &outcomes.snoozed,
        Verdict::GiveBack | Verdict::Park(_) => &outcomes.interrupted,
    };
    counter.fetch_add(1, Relaxed);
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".to_owned())
}

/// Bounded, and without the one character PostgreSQL cannot store.
fn cut_text(text: &str, chars: usize) -> String {
    text.chars().filter(|char| *char != '\0').take(chars).collect()
}
