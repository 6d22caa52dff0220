//! Durable jobs, read from the figures that the engine keeps, and mails.

use std::{fmt, sync::atomic::Ordering::Relaxed};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::instruments::{Counts, counts, labels};
use crate::jobs::{self, BUCKETS_US, KindFigures, LATENESS_US, QueueName};

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

    fn queues(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let figures = self.0.figures();
        let help = "Jobs enqueued by this process";
        let mut family =
            encoder.encode_descriptor("sportello_jobs_enqueued", help, None, MetricType::Counter)?;
        for (queue, count) in QueueName::ALL.iter().zip(&figures.enqueued) {
            let labels = [("queue", queue.as_str())];
            ConstCounter::new(count.load(Relaxed)).encode(family.encode_family(&labels)?)?;
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

impl Collector for JobFigures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.attempts(&mut encoder)?;
        self.durations(&mut encoder)?;
        self.queues(&mut encoder)?;
        self.lateness(&mut encoder)?;
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
