//! Commands to Redis, and whether it is set aside.

use std::time::Duration;

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

use super::instruments::{Count, Counts, REQUEST, Timings, counts, label, timings};

/// Redis. Clones share it.
#[derive(Debug, Clone)]
pub struct Redis {
    commands: Timings,
    failures: Counts,
    set_aside: Gauge,
    pauses: Count,
}

impl Redis {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let commands =
            timings(registry, "sportello_redis_command", "Commands to Redis, failed ones included", REQUEST);
        let failures = counts(registry, "sportello_redis_failures", "Commands that failed, by reason");
        let (set_aside, pauses) = (Gauge::default(), Count::default());
        registry.register(
            "sportello_redis_set_aside",
            "1 while Redis is not asked after a failure",
            set_aside.clone(),
        );
        registry.register(
            "sportello_redis_pauses",
            "Times that Redis failed and was set aside",
            pauses.clone(),
        );
        Self { commands, failures, set_aside, pauses }
    }

    /// A command was answered, or given up.
    pub fn answered(&self, command: &'static str, took: Duration) {
        self.commands.get_or_create_owned(&label("command", command)).record(took);
    }

    /// A command failed.
    pub fn failed(&self, reason: &'static str) {
        self.failures.get_or_create_owned(&label("reason", reason)).inc();
    }

    /// Redis is not asked any more, or again.
    pub fn set_aside(&self, aside: bool) {
        self.set_aside.set(i64::from(aside));
        if aside {
            self.pauses.inc();
        }
    }
}
