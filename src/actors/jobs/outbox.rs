//! Reports that are not written yet. They survive the acknowledger and the database's absence.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::jobs::Report;

/// Waiting reports, oldest first. Bounded by what may be claimed: dispatchers claim nothing while it is long.
#[derive(Default)]
pub(super) struct Outbox(Mutex<VecDeque<Report>>);

impl Outbox {
    pub(super) fn push(&self, reports: impl IntoIterator<Item = Report>) {
        self.lock().extend(reports);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Takes up to `limit` reports. They come back when the batch is dropped before it was written.
    pub(super) fn take(self: &Arc<Self>, limit: usize) -> Batch {
        let mut waiting = self.lock();
        let count = limit.min(waiting.len());
        Batch { outbox: self.clone(), reports: waiting.drain(..count).collect() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports being written.
pub(super) struct Batch {
    outbox: Arc<Outbox>,
    pub(super) reports: Vec<Report>,
}

impl Batch {
    /// They are written, or must not be.
    pub(super) fn written(mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut waiting = self.outbox.lock();
        for report in self.reports.drain(..).rev() {
            waiting.push_front(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{Ending, JobId, Verdict};

    fn report(job: i64) -> Report {
        Report::new(JobId(job), job, Verdict::End(Ending::Done))
    }

    #[test]
    fn a_batch_that_was_not_written_comes_back_in_its_place() {
        let outbox = Arc::new(Outbox::default());
        outbox.push((1..=4).map(report));
        drop(outbox.take(3));
        outbox.push([report(5)]);
        let order: Vec<_> = outbox.take(10).written().iter().map(|report| report.job.0).collect();
        assert_eq!(order, [1, 2, 3, 4, 5]);
        assert_eq!(outbox.len(), 0);
    }
}
