//! Durable jobs by kind, and mails.

use std::{sync::Arc, time::Duration};

use ahash::AHashMap;
use arc_swap::ArcSwap;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

use super::instruments::{Count, Counts, JOB, Timing, Timings, counts, label, labels, timings};

/// How one attempt at a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum JobOutcome {
    /// Finished.
    Done,
    /// Failed and will be tried again.
    Retry,
    /// Failed for good.
    Failed,
    /// Put off by its own wish.
    Snoozed,
    /// Cancelled.
    Cancelled,
    /// Its process died, or it was given back at a shutdown.
    Lost,
}

impl JobOutcome {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Done, "done"),
        (Self::Retry, "retry"),
        (Self::Failed, "failed"),
        (Self::Snoozed, "snoozed"),
        (Self::Cancelled, "cancelled"),
        (Self::Lost, "lost"),
    ];
}

/// Families of the job system.
#[derive(Debug)]
pub struct Jobs {
    enqueued: Counts,
    started: Counts,
    finished: Counts,
    wait: Timings,
    run: Timings,
    known: ArcSwap<AHashMap<&'static str, Arc<JobKind>>>,
    /// Jobs running in this process.
    pub running: Gauge,
    /// Jobs given back because their process was gone.
    pub rescued: Count,
    /// Jobs set aside because they crashed their process.
    pub quarantined: Count,
    /// Cron ticks that were enqueued.
    pub ticks: Count,
}

impl Jobs {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let jobs = Self {
            enqueued: counts(registry, "sportello_jobs_enqueued", "Jobs enqueued"),
            started: counts(registry, "sportello_jobs_started", "Attempts started"),
            finished: counts(registry, "sportello_jobs_finished", "Attempts ended, by outcome"),
            wait: timings(registry, "sportello_job_wait", "From being due to being started", JOB),
            run: timings(registry, "sportello_job_run", "Attempts", JOB),
            known: ArcSwap::default(),
            running: Gauge::default(),
            rescued: Count::default(),
            quarantined: Count::default(),
            ticks: Count::default(),
        };
        registry.register("sportello_jobs_running", "Jobs running in this process", jobs.running.clone());
        registry.register("sportello_jobs_rescued", "Jobs taken from dead processes", jobs.rescued.clone());
        registry.register("sportello_jobs_quarantined", "Jobs set aside", jobs.quarantined.clone());
        registry.register("sportello_cron_ticks", "Cron ticks enqueued", jobs.ticks.clone());
        jobs
    }

    /// The handle of one kind of job: one hash look-up, without a lock.
    pub fn kind(&self, name: &'static str) -> Arc<JobKind> {
        if let Some(kind) = self.known.load().get(name) {
            return Arc::clone(kind);
        }
        let own = label("kind", name);
        let ended = |(_, outcome): (JobOutcome, &'static str)| {
            self.finished.get_or_create_owned(&labels(("kind", name), ("outcome", outcome)))
        };
        let kind = Arc::new(JobKind {
            enqueued: self.enqueued.get_or_create_owned(&own),
            started: self.started.get_or_create_owned(&own),
            finished: JobOutcome::ALL.map(ended),
            wait: self.wait.get_or_create_owned(&own),
            run: self.run.get_or_create_owned(&own),
        });
        self.known.rcu(|known| {
            let mut known = AHashMap::clone(known);
            known.insert(name, Arc::clone(&kind));
            known
        });
        kind
    }
}

/// The counters of one kind of job.
#[derive(Debug)]
pub struct JobKind {
    /// Jobs enqueued.
    pub enqueued: Count,
    started: Count,
    finished: [Count; JobOutcome::ALL.len()],
    wait: Timing,
    run: Timing,
}

impl JobKind {
    /// Counts an attempt that starts after waiting for `waited` since it was due.
    pub fn started(&self, waited: Duration) {
        self.started.inc();
        self.wait.record(waited);
    }

    /// Counts an attempt that ended.
    pub fn finished(&self, outcome: JobOutcome, took: Duration) {
        self.finished[outcome as usize].inc();
        self.run.record(took);
    }
}

/// Mails by template.
#[derive(Debug)]
pub struct Mails {
    sent: Counts,
}

impl Mails {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self { sent: counts(registry, "sportello_mails", "Mails by template and outcome") }
    }

    /// Counts a mail that was handed over to the server or the outbox.
    pub fn sent(&self, template: &'static str) {
        self.sent.get_or_create(&labels(("template", template), ("outcome", "sent"))).inc();
    }

    /// Counts a mail that was not.
    pub fn failed(&self, template: &'static str) {
        self.sent.get_or_create(&labels(("template", template), ("outcome", "failed"))).inc();
    }
}
