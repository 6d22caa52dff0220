//! Stored files, the pictures that are made of uploads, and PDF documents.

use std::time::Duration;

use prometheus_client::registry::Registry;

use super::instruments::{Count, Counts, REQUEST, Timings, counts, label, labels, timings};

/// Operations of the storage.
#[derive(Debug, Clone)]
pub struct Storage {
    outcomes: Counts,
    duration: Timings,
    damaged: Count,
}

impl Storage {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let help = "Operations of the storage, by kind and outcome";
        let outcomes = counts(registry, "sportello_storage_operations", help);
        let help = "How long operations of the storage took, without waiting";
        let duration = timings(registry, "sportello_storage_duration", help, REQUEST);
        let help = "Contents that were asked for and are not what was stored, or cannot be opened";
        let damaged = Count::default();
        registry.register("sportello_contents_damaged", help, damaged.clone());
        Self { outcomes, duration, damaged }
    }

    /// Counts a content that is not what was stored.
    pub fn is_damaged(&self) {
        self.damaged.inc();
    }

    /// Counts an operation that succeeded or not.
    pub fn done(&self, operation: &'static str, well: bool, took: Duration) {
        let outcome = if well { "ok" } else { "failed" };
        self.outcomes.get_or_create(&labels(("operation", operation), ("outcome", outcome))).inc();
        self.duration.get_or_create(&label("operation", operation)).record(took);
    }
}

/// Pictures decoded and encoded.
#[derive(Debug, Clone)]
pub struct Pictures {
    outcomes: Counts,
    duration: Timings,
}

impl Pictures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let outcomes = counts(registry, "sportello_pictures", "Pictures made, by work and outcome");
        let help = "How long a picture kept a processor busy";
        Self { outcomes, duration: timings(registry, "sportello_picture_duration", help, REQUEST) }
    }

    /// Counts a picture that was made, or refused.
    pub fn done(&self, work: &'static str, outcome: &'static str, took: Duration) {
        self.outcomes.get_or_create(&labels(("work", work), ("outcome", outcome))).inc();
        self.duration.get_or_create(&label("work", work)).record(took);
    }
}

/// PDF documents.
#[derive(Debug, Clone)]
pub struct Papers {
    outcomes: Counts,
    duration: Timings,
}

impl Papers {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let outcomes = counts(registry, "sportello_pdfs", "PDF documents, by layout and outcome");
        let help = "How long a PDF document kept a processor busy";
        Self { outcomes, duration: timings(registry, "sportello_pdf_duration", help, REQUEST) }
    }

    /// Counts a document that was set, or not.
    pub fn done(&self, layout: &'static str, outcome: &'static str, took: Duration) {
        self.outcomes.get_or_create(&labels(("layout", layout), ("outcome", outcome))).inc();
        self.duration.get_or_create(&label("layout", layout)).record(took);
    }
}
