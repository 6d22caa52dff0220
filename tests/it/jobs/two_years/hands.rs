//! Two years of firing by hand: the clock jumps from event to event, due schedules are decided by the engine's code on
//! PostgreSQL, and a worker of the test runs what that enqueues. A run takes as long as its schedule says, by this clock.
//!
//! A run that ends when a tick comes has ended: ends go first. Whoever is told to end does so at once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::{
    Ending, JobId, Report, Verdict,
    schedules::{self, Fold, Overlap, Schedule},
    store::{Arguments, Claimed, acks, cron, doors},
};

use super::super::{
    kinds::{Write, start_idle},
    node::{Worker, enqueue},
};
use crate::harness::app::TestApp;

/// From a tick to its decision.
const MOMENT: SignedDuration = SignedDuration::from_millis(3);
/// More than ever wait or run at once here.
const ALL: usize = 200;

/// A schedule over a time, in Rome.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) key: &'static str,
    pub(super) spec: &'static str,
    pub(super) fold: Fold,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// How long a run takes.
    pub(super) run: SignedDuration,
}

/// What became of a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Became {
    /// Ticks that have enqueued a job, and those that have not: as recorded.
    pub(super) fired: i64,
    pub(super) skipped: i64,
    /// Runs that came to their end, and those that were told to end.
    pub(super) ended: i64,
    pub(super) cancelled: i64,
    /// The most that ran at once.
    pub(super) most: i64,
}

#[derive(Clone, Copy)]
enum Event {
    Ends(JobId),
    Ticks,
    Over(usize),
}

struct Running {
    span: usize,
    token: i64,
    ends: Timestamp,
}

/// The engine's hands.
pub(super) struct Hands {
    pub(super) app: TestApp,
    worker: Worker,
    overlap: Overlap,
    spans: Vec<Span>,
    became: Vec<Became>,
    running: BTreeMap<JobId, Running>,
    /// Ends before ticks: their numbers are smaller.
    events: BTreeMap<(Timestamp, i64), Event>,
}

impl Hands {
    /// Everything is written down, and the first tick is about to come.
    pub(super) async fn new(spans: &[Span], overlap: Overlap) -> Self {
        let app = start_idle().await;
        enqueue(&app.app, &Write(0)).await; // from now on the queues are there
        let worker = Worker::new(&app, "hands").await;
        app.sql("UPDATE job.worker SET beat_at = 'infinity'").await; // it lives for two years in some seconds
        for claimed in worker.claim(1).await {
            let done = Report::new(claimed.job, claimed.token, Verdict::End(Ending::Done));
            acks::flush(&worker.link, &[done]).await.unwrap();
        }
        let mut events = BTreeMap::new();
        for (number, span) in spans.iter().enumerate() {
            let mut schedule = Schedule::new(span.key, span.spec, &Write(number as i64))
                .in_zone("Europe/Rome")
                .overlap(overlap);
            schedule.fold = span.fold;
            app.schedule(&schedule, span.from - SignedDuration::from_micros(1)).await;
            let timing = schedule.timing().unwrap();
            let ticks = timing.from(span.from).take_while(|it| it.at < span.to);
            events.extend(ticks.map(|it| ((it.at, i64::MAX), Event::Ticks)));
            events.insert((span.to, i64::MAX - 1 - number as i64), Event::Over(number));
        }
        let (spans, became) = (spans.to_vec(), vec![Became::default(); spans.len()]);
        Self { app, worker, overlap, spans, became, running: BTreeMap::new(), events }
    }

    /// Goes on until nothing ticks and nothing runs; what became of each span.
    pub(super) async fn go(&mut self) -> Vec<Became> {
        while let Some(((at, _), event)) = self.events.pop_first() {
            match event {
                Event::Over(span) => {
                    let mut tx = self.app.app.db.begin("tests.over").await.unwrap();
                    cron::delete(&mut tx, self.spans[span].key).await.unwrap();
                    tx.commit().await.unwrap();
                }
                Event::Ends(job) => {
                    if self.end(job, Ending::Done).await && self.one_waits() {
                        self.start(at).await;
                    }
                }
                Event::Ticks => {
                    self.app.travel(at);
                    self.fire(at + MOMENT).await;
                    if self.overlap == Overlap::CancelOld {
                        self.heed().await;
                    }
                    self.start(at).await;
                }
            }
        }
        self.app.assert_in_place().await;
        assert_eq!(self.app.count("job.body").await, 0, "everything has run");
        for (number, span) in self.spans.iter().enumerate() {
            for (outcome, count) in [("fired", true), ("skipped", false)] {
                let decided = format!("job.cron_fire WHERE key = '{}' AND outcome = '{outcome}'", span.key);
                let decided = self.app.count(&decided).await;
                let became = &mut self.became[number];
                *(if count { &mut became.fired } else { &mut became.skipped }) = decided;
            }
        }
        self.became.clone()
    }

    /// Whether there may be one.
    fn one_waits(&self) -> bool {
        matches!(self.overlap, Overlap::QueueOne | Overlap::CancelOld)
    }

    async fn fire(&self, now: Timestamp) {
        let app = &self.app.app;
        for due in cron::due(&self.worker.link, now, true).await.unwrap() {
            let mut tx = app.db.begin("tests.fire").await.unwrap();
            let fired = schedules::fire(&mut tx, &app.jobs, &due, now).await.unwrap();
            assert_eq!(fired.map(|it| it.fired + it.skipped), Some(1), "{}: each tick by itself", due.key);
            tx.commit().await.unwrap();
        }
    }

    /// Those that were told to end.
    async fn heed(&mut self) {
        const TOLD: &str = "-- tests.told\nSELECT id FROM job.lease WHERE cancel_at IS NOT NULL ORDER BY id";
        let told = self.worker.link.query(TOLD, &[]).await.unwrap();
        for job in told.iter().map(|row| row.get(0)) {
            assert!(self.end(job, Ending::Cancelled).await, "it runs");
        }
    }

    /// `false` when it has ended already.
    async fn end(&mut self, job: JobId, ending: Ending) -> bool {
        let Some(it) = self.running.remove(&job) else { return false };
        let report = Report::new(job, it.token, Verdict::End(ending));
        assert_eq!(acks::flush(&self.worker.link, &[report]).await.unwrap().applied, 1);
        let became = &mut self.became[it.span];
        *(if ending == Ending::Done { &mut became.ended } else { &mut became.cancelled }) += 1;
        self.events.remove(&(it.ends, it.token));
        true
    }

    /// Lets in what there is room for, and starts what is ready.
    async fn start(&mut self, at: Timestamp) {
        if self.one_waits() {
            let waiting = doors::with_waiting(&self.worker.link, None, ALL).await.unwrap();
            doors::open(&self.worker.link, &waiting).await.unwrap();
        }
        for claimed in self.worker.claim(ALL).await {
            let Claimed { job, token, args: Arguments::Plain(args), .. } = claimed else {
                panic!("its arguments are plain")
            };
            let span: usize = args.get().parse().unwrap();
            let ends = at + self.spans[span].run;
            self.running.insert(job, Running { span, token, ends });
            self.events.insert((ends, token), Event::Ends(job));
            let now = self.running.values().filter(|it| it.span == span).count() as i64;
            self.became[span].most = self.became[span].most.max(now);
        }
    }

    /// Decisions about ticks from one day to another, in UTC.
    pub(super) async fn decisions(&self, key: &str, [from, to]: [&str; 2]) -> Vec<String> {
        const DECISIONS: &str = "SELECT to_char(fire_at AT TIME ZONE 'UTC', 'MM-DD\"T\"HH24:MI ')
                || concat_ws(': ', outcome, reason)
            FROM job.cron_fire WHERE key = $1 AND fire_at BETWEEN $2::text::timestamptz AND $3::text::timestamptz
            ORDER BY fire_at";
        let client = self.app.database.client().await;
        let rows = client.query(DECISIONS, &[&key, &from, &to]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
