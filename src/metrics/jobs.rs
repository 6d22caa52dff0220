//! Durable jobs, read from the figures that the engine keeps, and mails.

use std::{fmt, sync::atomic::Ordering::Relaxed};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::instruments::{Counts, counts, labels};
use crate::jobs::{
    self, BUCKETS_US, Distribution, KindFigures, LATENESS_US, QueueName,
    store::{
        catalog::Catalog,
        samples::{QueueSample, Sample},
    },
};

/// The families of one engine: `metrics.collect(JobFigures::new(jobs))`.
#[derive(Debug)]
pub struct JobFigures(jobs::Jobs);

impl JobFigures {
    /// Reads the figures of these jobs.
    pub fn new(jobs: jobs::Jobs) -> Self {
        Self(jobs)
    }

    fn kinds(&self) -> impl Iterator<Item = (&'static str, &KindFigures)> {
        let kinds = self.0.registry().kinds();
        kinds.filter_map(|kind| Some((kind.name, self.0.figures().kind(kind.name)?)))
    }

    fn attempts(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Attempts started";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_started", help, None, MetricType::Counter)?;
        for (kind, figures) in self.kinds() {
            let started = ConstCounter::new(figures.outcomes.started.load(Relaxed));
            started.encode(family.encode_family(&[("kind", kind)])?)?;
        }
        let help = "Attempts ended, by outcome";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_finished", help, None, MetricType::Counter)?;
        for (kind, figures) in self.kinds() {
            for (outcome, count) in figures.outcomes.all().into_iter().filter(|(name, _)| *name != "started")
            {
                let labels = [("kind", kind), ("outcome", outcome)];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn durations(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "sportello_job_run",
            "Running time of attempts",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (kind, figures) in self.kinds() {
            let bounds = BUCKETS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> =
                bounds.zip(&figures.run_buckets).map(|(bound, count)| (bound, count.load(Relaxed))).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            let sum = figures.run_us.load(Relaxed) as f64 / 1e6;
            let labels = [("kind", kind)];
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn lateness(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "sportello_cron_lateness",
            "From a cron tick to the commit of its decision, without those that make up for missed ones",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        let figures = &self.0.figures().cron_lateness;
        let bounds = LATENESS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(&figures.buckets).map(|(bound, count)| (bound, count.load(Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = figures.sum_us.load(Relaxed) as f64 / 1e6;
        family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn distributions(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let figures = self.0.figures();
        let help = "From due to started, of first attempts in queues with strict priority";
        let mut family = encoder.encode_descriptor(
            "sportello_job_wait",
            help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (queue, waits) in QueueName::ALL.iter().zip(&figures.waits_us) {
            let labels = [("queue", queue.as_str())];
            histogram(family.encode_family(&labels)?, waits, 1e6)?;
        }
        let help = "Jobs per statement, by what the statement does";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_batch", help, None, MetricType::Histogram)?;
        for (what, sizes) in [("claim", &figures.claim_sizes), ("ack", &figures.ack_sizes)] {
            histogram(family.encode_family(&[("statement", what)])?, sizes, 1.0)?;
        }
        Ok(())
    }

    /// What the sampler has seen: see `jobs::store::samples` for what is counted and what estimated.
    fn tables(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let (Some(sample), Some(catalog)) = (self.0.figures().sample(), self.0.catalog()) else {
            return Ok(());
        };
        let now = self.0.clock().now();
        let age = |queue: &QueueSample| {
            queue.oldest.map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0))
        };
        let families: [(&str, &str, Read<'_>); 3] = [
            ("sportello_jobs_ready", "Jobs that may run, estimated above 10,000", &|it| it.ready as f64),
            (
                "sportello_jobs_leased",
                "Jobs that processes have: they run or are taken to be next; looked at every few seconds",
                &|it| it.leased as f64,
            ),
            ("sportello_jobs_oldest_seconds", "How long the oldest job that may run has been due", &age),
        ];
        for (name, help, read) in families {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for it in &sample.queues {
                let Some(queue) = catalog.queue_name(it.queue) else { continue };
                ConstGauge::new(read(it)).encode(family.encode_family(&[("queue", queue.as_str())])?)?;
            }
        }
        let help = "Jobs that wait for their time (later), a limit (parked), other jobs (gate); estimated above 10,000";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_waiting", help, None, MetricType::Gauge)?;
        for (place, count) in sample.waiting {
            ConstGauge::new(count).encode(family.encode_family(&[("place", place)])?)?;
        }
        self.paused(encoder, &sample, catalog)
    }

    /// 1 for a queue or a kind that somebody has paused: an alert says who forgot it.
    fn paused(&self, encoder: &mut DescriptorEncoder, sample: &Sample, catalog: &Catalog) -> fmt::Result {
        let help = "1 while a queue, or a kind, is paused";
        let mut family = encoder.encode_descriptor("sportello_jobs_paused", help, None, MetricType::Gauge)?;
        for it in &sample.queues {
            let Some(queue) = catalog.queue_name(it.queue) else { continue };
            let labels = [("queue", queue.as_str())];
            ConstGauge::new(i64::from(it.paused)).encode(family.encode_family(&labels)?)?;
        }
        for kind in self.0.registry().kinds() {
            let paused = sample.paused_kinds.contains(&catalog.kind(kind.name));
            ConstGauge::new(i64::from(paused)).encode(family.encode_family(&[("kind", kind.name)])?)?;
        }
        Ok(())
    }

    fn queues(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let figures = self.0.figures();
        let help = "Jobs enqueued by this process";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_enqueued", help, None, MetricType::Counter)?;
        for kind in self.0.registry().kinds() {
            let count = figures.kind(kind.name).map_or(0, |figures| figures.enqueued.load(Relaxed));
            let labels = [("kind", kind.name), ("queue", kind.queue.as_str())];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        let help = "Attempts running in this process";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_running", help, None, MetricType::Gauge)?;
        for (queue, count) in QueueName::ALL.iter().zip(&figures.running) {
            let labels = [("queue", queue.as_str())];
            ConstGauge::new(count.load(Relaxed)).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// Reads a figure from the sample of a queue.
type Read<'a> = &'a dyn Fn(&QueueSample) -> f64;

/// Encodes a distribution whose values are so many to the unit.
fn histogram(mut encoder: MetricEncoder<'_>, values: &Distribution, per_unit: f64) -> fmt::Result {
    let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| bound as f64 / per_unit);
    let buckets: Vec<(f64, u64)> = values.buckets().map(|(at, count)| (bound(at), count)).collect();
    let count = buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<NoLabelSet>(values.sum() as f64 / per_unit, count, &buckets, None)
}

impl Collector for JobFigures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.attempts(&mut encoder)?;
        self.durations(&mut encoder)?;
        self.queues(&mut encoder)?;
        self.lateness(&mut encoder)?;
        self.distributions(&mut encoder)?;
        self.tables(&mut encoder)?;
        let help = "Handlers that go on although their attempt is over";
        let stuck = ConstGauge::new(self.0.figures().stuck.load(Relaxed) as i64);
        stuck.encode(encoder.encode_descriptor("sportello_jobs_stuck", help, None, MetricType::Gauge)?)?;
        let help = "What the engine itself did: claims, acknowledgements, rescues, cron ticks";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_engine", help, None, MetricType::Counter)?;
        for (event, count) in self.0.figures().engine.all() {
            ConstCounter::new(count).encode(family.encode_family(&[("event", event)])?)?;
        }
        Ok(())
    }
}

/// Mails, by outcome.
#[derive(Debug, Clone)]
pub struct Mails {
    outcomes: Counts,
}

impl Mails {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self { outcomes: counts(registry, "sportello_mails", "Mails by transport and outcome") }
    }

    /// Counts a mail, handed over by this transport or not.
    pub fn handed_over(&self, transport: &'static str, sent: bool) {
        let outcome = if sent { "sent" } else { "failed" };
        self.outcomes.get_or_create(&labels(("transport", transport), ("outcome", outcome))).inc();
    }
}
