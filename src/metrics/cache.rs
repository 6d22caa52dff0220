//! The cache by namespace, and the rate limiter by class.

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

use super::instruments::{Count, Counts, counts, labels};

/// Look-ups by namespace and result.
#[derive(Debug)]
pub struct Cache {
    lookups: Counts,
}

impl Cache {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let lookups = counts(registry, "sportello_cache_lookups", "Cache look-ups by namespace and result");
        Self { lookups }
    }

    /// The handle of one namespace.
    pub fn namespace(&self, name: &'static str) -> Namespace {
        let count = |result: &'static str| {
            self.lookups.get_or_create_owned(&labels(("namespace", name), ("result", result)))
        };
        Namespace {
            hit: count("hit"),
            hit_redis: count("hit_redis"),
            miss: count("miss"),
            coalesced: count("coalesced"),
            stale: count("stale"),
            negative: count("negative"),
            invalidated: count("invalidated"),
        }
    }
}

/// The counters of one namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Found in the process.
    pub hit: Count,
    /// Found in the second level.
    pub hit_redis: Count,
    /// Loaded.
    pub miss: Count,
    /// Waited for somebody else's load.
    pub coalesced: Count,
    /// Expired, served because the load failed.
    pub stale: Count,
    /// Known not to exist.
    pub negative: Count,
    /// Asked for, and outdated by a write.
    pub invalidated: Count,
}

/// Decisions of the limiter.
#[derive(Debug)]
pub struct Limiter {
    decisions: Counts,
    /// Clients remembered.
    pub keys: Gauge,
    /// Decisions made locally because Redis was away.
    pub fallbacks: Count,
}

impl Limiter {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let decisions =
            counts(registry, "sportello_limiter_decisions", "Requests by limit class and decision");
        let limiter = Self { decisions, keys: Gauge::default(), fallbacks: Count::default() };
        registry.register("sportello_limiter_keys", "Clients remembered", limiter.keys.clone());
        registry.register(
            "sportello_limiter_fallbacks",
            "Decisions made locally because Redis was away",
            limiter.fallbacks.clone(),
        );
        limiter
    }

    /// The handle of one class.
    pub fn class(&self, name: &'static str) -> Class {
        let count = |decision: &'static str| {
            self.decisions.get_or_create_owned(&labels(("class", name), ("decision", decision)))
        };
        Class { allowed: count("allowed"), limited: count("limited") }
    }
}

/// The counters of one limit class.
#[derive(Debug, Clone)]
pub struct Class {
    /// Requests let through.
    pub allowed: Count,
    /// Requests answered 429.
    pub limited: Count,
}
