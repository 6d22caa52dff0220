//! Circuit breakers: what kinds of jobs need besides the database, and whether it is there on this node.
//!
//! A handler that fails by what it needs accuses it: with an [`Outage`], or with an error of the storage. The accused is
//! *probed* by a small piece of work that has nothing to do with any job. If that goes well, the failure is the job's own and
//! counts as an attempt. If it does not, the job is put off and no attempt is counted; after [`failures`] such failures in a
//! row the breaker *opens*: kinds that need it are put off before they begin. The probe is then repeated, after a pause that
//! doubles up to the longest; the first that goes well closes the breaker, and the jobs come back by themselves.
//!
//! ```text
//!            accused, and the probe goes well: the job's own failure
//!               ┌──┐
//!               │  ▼      accused, and the probe fails, so many times in a row
//!            ┌────────┐ ──────────────────────────────────────────────────────► ┌──────┐ ──┐ a probe fails: the next
//!            │ closed │                                                          │ open │   │ one after twice the pause
//!            └────────┘ ◄────────────────────────────────────────────────────── └──────┘ ◄─┘
//!                                a probe goes well
//! ```
//!
//! Invariants
//! - Nothing is written down: what is broken is broken on a node, and a node that starts again looks again. A breaker cannot
//!   be left open by whoever died.
//! - At most one probe of a dependency runs at a time, for [`PROBE_MAX`]; who accuses meanwhile hears its outcome.
//! - One job that is poison for its dependency opens nothing: the probe has to fail, too.
//!
//! [`failures`]: crate::config::sections::Jobs::breaker_failures

use std::{
    error::Error,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use crate::{
    actors::data::{contents::ContentError, storage::StorageError},
    config::sections,
};

/// A probe that takes longer has failed.
const PROBE_MAX: Duration = Duration::from_secs(15);
/// An outcome that is no older is believed by the next who accuses.
const BELIEVED_FOR: Duration = Duration::from_millis(500);
/// A breaker that opens again so soon after it has closed, in pauses, goes on with its long pauses.
const RELAPSE: u32 = 4;

/// Something that jobs need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    /// Where files are: a directory or a bucket.
    Storage,
    /// Processes that read documents.
    Reader,
    /// The program that reads pictures of pages.
    Tesseract,
    /// What makes PDF documents.
    Renderer,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Storage, Self::Reader, Self::Tesseract, Self::Renderer];

    /// Its name in answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Reader => "reader",
            Self::Tesseract => "tesseract",
            Self::Renderer => "renderer",
        }
    }
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a handler returns when something that it needs has failed.
#[derive(Debug, thiserror::Error)]
#[error("{dependency} failed: {why}")]
pub struct Outage {
    /// What.
    pub dependency: Dependency,
    /// How.
    pub why: String,
}

/// What a probe comes to.
pub type Probing = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Probe = Box<dyn Fn() -> Probing + Send + Sync>;

/// The breakers of this node. Cheap to clone.
#[derive(Clone)]
pub struct Breakers(Arc<Inner>);

struct Inner {
    all: [Breaker; Dependency::ALL.len()],
    failures: u32,
    pause: Duration,
    pause_max: Duration,
}

#[derive(Default)]
struct Breaker {
    state: Mutex<State>,
    /// Held while a probe runs.
    probing: tokio::sync::Mutex<()>,
    probe: OnceLock<Probe>,
    opened: AtomicU64,
}

#[derive(Default)]
struct State {
    /// In a row.
    failures: u32,
    open: Option<Open>,
    /// The last probe: when, and whether it went well.
    last: Option<(Instant, bool)>,
    /// When it was closed, after which pause.
    closed: Option<(Instant, Duration)>,
}

/// What a probe has found out.
struct Probed {
    works: bool,
    /// It was made for whoever asks; else it is the outcome of one that was made a moment ago.
    is_news: bool,
}

#[derive(Clone)]
struct Open {
    since: Instant,
    why: String,
    pause: Duration,
    probe_at: Instant,
}

/// A breaker, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobDependency)]
pub struct View {
    /// What is needed.
    pub dependency: Dependency,
    /// Whether it is away: kinds that need it wait.
    pub is_open: bool,
    /// For how many seconds.
    pub open_s: Option<u64>,
    /// What it failed with last.
    pub why: Option<String>,
    /// Seconds until it is looked at again.
    pub probe_in_s: Option<u64>,
    /// How often it was away since this process began.
    pub opened: u64,
}

impl Breakers {
    /// As `[jobs]` of the configuration says. What has no probe is believed to be there.
    pub fn new(config: &sections::Jobs) -> Self {
        Self(Arc::new(Inner {
            all: Default::default(),
            failures: config.breaker_failures.max(1),
            pause: *config.breaker_pause,
            pause_max: *config.breaker_pause_max,
        }))
    }

    /// Says how a dependency is probed. The first who says it counts.
    pub fn probed_by<F>(&self, dependency: Dependency, probe: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let _ = self.of(dependency).probe.set(Box::new(move || Box::pin(probe())));
    }

    fn of(&self, dependency: Dependency) -> &Breaker {
        &self.0.all[dependency as usize]
    }

    /// Whether it is away.
    pub fn is_open(&self, dependency: Dependency) -> bool {
        self.of(dependency).lock().open.is_some()
    }

    /// How long a job waits that needs all this; `None`: it may begin.
    pub fn wait(&self, needs: &[Dependency]) -> Option<Duration> {
        let now = Instant::now();
        let waits = needs.iter().filter_map(|it| self.of(*it).lock().open.as_ref().map(|open| open.probe_at));
        // Not before the outcome of the probe is there.
        waits.max().map(|at| at.saturating_duration_since(now) + self.0.pause)
    }

    /// Somebody says that it has failed. How long to wait if that is so; `None`: it works, the failure has another reason.
    ///
    /// While it is open there is nothing to find out: who ran when it opened and fails now waits for the probe that is due anyway.
    /// A failure that was believed is not counted again: many who fail at the same moment have seen one failure.
    pub async fn accuse(&self, dependency: Dependency, why: &str) -> Option<Duration> {
        if let Some(wait) = self.wait(&[dependency]) {
            return Some(wait);
        }
        let breaker = self.of(dependency);
        let Probed { works, is_news } = self.probe(dependency, BELIEVED_FOR).await?;
        if works {
            return None;
        }
        let mut state = breaker.lock();
        state.failures = state.failures.saturating_add(u32::from(is_news));
        if state.failures >= self.0.failures && state.open.is_none() {
            let relapse = state.closed.filter(|(at, pause)| at.elapsed() < *pause * RELAPSE);
            let pause = relapse.map_or(self.0.pause, |(_, pause)| (pause * 2).min(self.0.pause_max));
            let now = Instant::now();
            state.open = Some(Open { since: now, why: why.to_owned(), pause, probe_at: now + pause });
            breaker.opened.fetch_add(1, Relaxed);
            tracing::error!(%dependency, why, "a dependency is away: jobs that need it wait");
        }
        drop(state);
        Some(self.wait(&[dependency]).unwrap_or(self.0.pause))
    }

    /// Probes it, unless an outcome is younger than this; `None`: nobody knows how. What is found closes the breaker, or puts
    /// the next look off.
    async fn probe(&self, dependency: Dependency, young: Duration) -> Option<Probed> {
        let breaker = self.of(dependency);
        let probe = breaker.probe.get()?;
        let _alone = breaker.probing.lock().await;
        let known = breaker.lock().last.filter(|(at, _)| at.elapsed() < young);
        if let Some((_, works)) = known {
            return Some(Probed { works, is_news: false });
        }
        let outcome = timeout(PROBE_MAX, probe()).await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(format!("did not answer within {} s", PROBE_MAX.as_secs())));
        let now = Instant::now();
        let mut state = breaker.lock();
        state.last = Some((now, outcome.is_ok()));
        match (&outcome, state.open.take()) {
            (Ok(()), open) => {
                state.failures = 0;
                if let Some(open) = open {
                    state.closed = Some((now, open.pause));
                    let seconds = open.since.elapsed().as_secs_f64();
                    tracing::info!(%dependency, seconds, "a dependency is back: jobs that need it go on");
                }
            }
            (Err(why), Some(open)) => {
                let pause = (open.pause * 2).min(self.0.pause_max);
                state.open = Some(Open { why: why.clone(), pause, probe_at: now + pause, ..open });
            }
            (Err(_), None) => {}
        }
        Some(Probed { works: outcome.is_ok(), is_news: true })
    }

    /// Probes what is away and due to be looked at.
    pub async fn look(&self) {
        let now = Instant::now();
        for dependency in Dependency::ALL {
            let is_due = self.of(dependency).lock().open.as_ref().is_some_and(|open| open.probe_at <= now);
            // One that hangs is not waited for.
            if is_due && self.of(dependency).probing.try_lock().is_ok() {
                self.probe(dependency, Duration::ZERO).await;
            }
        }
    }

    /// All of them, for people.
    pub fn views(&self) -> Vec<View> {
        let now = Instant::now();
        let view = |dependency| {
            let breaker = self.of(dependency);
            let open = breaker.lock().open.clone();
            View {
                dependency,
                is_open: open.is_some(),
                open_s: open.as_ref().map(|open| (now - open.since).as_secs()),
                probe_in_s: open.as_ref().map(|open| open.probe_at.saturating_duration_since(now).as_secs()),
                why: open.map(|open| open.why),
                opened: breaker.opened.load(Relaxed),
            }
        };
        Dependency::ALL.map(view).into()
    }
}

impl Breaker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an error blames.
pub fn accused(error: &anyhow::Error) -> Option<Dependency> {
    error.chain().find_map(of)
}

fn of(cause: &(dyn Error + 'static)) -> Option<Dependency> {
    if let Some(outage) = cause.downcast_ref::<Outage>() {
        return Some(outage.dependency);
    }
    let of_a_content = match cause.downcast_ref() {
        Some(ContentError::BrokeOff(_)) => return Some(Dependency::Storage),
        Some(ContentError::Storage(error)) => Some(error),
        _ => None,
    };
    if let Some(StorageError::Away | StorageError::Failed(_) | StorageError::BrokeOff(_)) =
        of_a_content.or_else(|| cause.downcast_ref())
    {
        return Some(Dependency::Storage);
    }
    // What an error of a stream was made of is no source of it.
    of(cause.downcast_ref::<io::Error>()?.get_ref()?)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use anyhow::Context as _;
    use tokio::time::advance;

    use super::*;
    use crate::config::Config;

    const THE: Dependency = Dependency::Storage;

    /// Breakers whose storage works as long as this says so.
    fn breakers() -> (Breakers, Arc<AtomicBool>, Arc<AtomicU64>) {
        let mut config = Config::defaults().jobs;
        config.breaker_failures = 2;
        (config.breaker_pause.0, config.breaker_pause_max.0) =
            (Duration::from_secs(1), Duration::from_secs(4));
        let (breakers, works, probes) =
            (Breakers::new(&config), Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (working, counted) = (works.clone(), probes.clone());
        breakers.probed_by(THE, move || {
            let works = working.load(Relaxed);
            counted.fetch_add(1, Relaxed);
            async move { if works { Ok(()) } else { Err("no answer".to_owned()) } }
        });
        (breakers, works, probes)
    }

    async fn later(seconds: f64) {
        advance(Duration::from_secs_f64(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_fails_alone_is_to_blame_itself() {
        let (breakers, works, _) = breakers();
        works.store(true, Relaxed);
        for _ in 0..5 {
            assert_eq!(breakers.accuse(THE, "it broke off").await, None);
            later(1.0).await;
        }
        assert!(!breakers.is_open(THE) && breakers.wait(&Dependency::ALL).is_none());
        assert_eq!(breakers.accuse(Dependency::Renderer, "nobody can look").await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_closes_when_a_probe_goes_well() {
        let (breakers, works, probes) = breakers();
        assert!(breakers.accuse(THE, "refused").await.is_some(), "put off, but not yet open");
        assert!(!breakers.is_open(THE));
        later(1.0).await;
        assert_eq!(breakers.accuse(THE, "refused").await, Some(Duration::from_secs(2)));
        assert!(breakers.is_open(THE) && breakers.wait(&[THE]).is_some());
        assert_eq!(breakers.wait(&[Dependency::Tesseract]), None, "who does not need it begins");
        let before = probes.load(Relaxed);
        breakers.look().await;
        assert_eq!(probes.load(Relaxed), before, "not before its time");
        // After 1 s, 2 s, 4 s, and 4 s again.
        for pause in [1.0, 2.0, 4.0, 4.0] {
            later(pause).await;
            breakers.look().await;
        }
        assert_eq!(probes.load(Relaxed), before + 4);
        assert_eq!(breakers.views()[0].why.as_deref(), Some("no answer"));
        works.store(true, Relaxed);
        later(4.0).await;
        breakers.look().await;
        assert!(!breakers.is_open(THE) && breakers.wait(&[THE]).is_none());
        assert_eq!((breakers.views()[0].opened, breakers.views()[0].is_open), (1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_in_between_begins_the_row_again_and_a_relapse_keeps_long_pauses() {
        let (breakers, works, _) = breakers();
        breakers.accuse(THE, "x").await;
        later(1.0).await;
        works.store(true, Relaxed);
        assert_eq!(breakers.accuse(THE, "x").await, None);
        later(1.0).await;
        works.store(false, Relaxed);
        breakers.accuse(THE, "x").await;
        assert!(!breakers.is_open(THE), "the row has begun again");
        later(1.0).await;
        breakers.accuse(THE, "x").await;
        works.store(true, Relaxed);
        later(1.0).await;
        breakers.look().await;
        works.store(false, Relaxed);
        later(1.0).await;
        for _ in 0..2 {
            breakers.accuse(THE, "x").await;
            later(0.6).await;
        }
        assert_eq!(breakers.of(THE).lock().open.as_ref().unwrap().pause, Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_accuse_at_once_are_answered_by_one_probe() {
        let (breakers, _, probes) = breakers();
        let accusing = (0..100).map(|_| breakers.accuse(THE, "x"));
        assert!(futures_util::future::join_all(accusing).await.iter().all(Option::is_some));
        assert_eq!(probes.load(Relaxed), 1);
        assert!(!breakers.is_open(THE), "one probe is one failure, however many believe it");
        later(1.0).await;
        breakers.accuse(THE, "x").await;
        assert_eq!((probes.load(Relaxed), breakers.views()[0].opened), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_accuses_what_is_open_waits_and_makes_no_pause_longer() {
        let (breakers, _, probes) = breakers();
        for _ in 0..2 {
            breakers.accuse(THE, "x").await;
            later(0.6).await;
        }
        assert!(breakers.is_open(THE));
        let open = breakers.of(THE).lock().open.clone().unwrap();
        let left = open.probe_at - Instant::now();
        for late in [0, 100, 200] {
            later(0.1).await;
            let wait = breakers.accuse(THE, "it ran when it opened").await.unwrap();
            assert_eq!(wait + Duration::from_millis(late + 100), left + Duration::from_secs(1));
        }
        assert_eq!(
            (probes.load(Relaxed), breakers.of(THE).lock().open.as_ref().unwrap().pause),
            (2, open.pause)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_has_failed() {
        let breakers = Breakers::new(&Config::defaults().jobs);
        breakers.probed_by(THE, std::future::pending);
        assert!(breakers.accuse(THE, "x").await.is_some());
    }

    #[test]
    fn names_are_those_of_the_answers() {
        for dependency in Dependency::ALL {
            assert_eq!(serde_json::to_value(dependency).unwrap(), dependency.as_str());
        }
    }

    #[test]
    fn errors_blame_what_they_are_about() {
        let of = |error: anyhow::Error| accused(&error.context("while reading"));
        let outage = Outage { dependency: Dependency::Tesseract, why: "exit 3".to_owned() };
        assert_eq!(of(outage.into()), Some(Dependency::Tesseract));
        assert_eq!(of(StorageError::Failed("503".to_owned()).into()), Some(Dependency::Storage));
        assert_eq!(of(ContentError::from(StorageError::Away).into()), Some(Dependency::Storage));
        assert_eq!(of(StorageError::NoKey.into()), None);
        assert_eq!(of(anyhow::anyhow!("the input is wrong")), None);
        let inside = io::Error::other(StorageError::Failed("503".to_owned()));
        assert_eq!(of(io::Error::other(inside).into()), Some(Dependency::Storage));
        let io: Result<(), _> = Err(std::io::Error::other("x"));
        assert_eq!(of(io.context("x").unwrap_err()), None);
    }
}
