//! Every metric family of Sportello, in one struct; `/metrics` shows them as OpenMetrics text.
//!
//! Rules: labels are few and known beforehand (route templates, statement labels, job kinds), never ids or paths
//! of requests. Whoever records asks once for a handle ([`Http::route`], [`Cache::namespace`] …)
//! and keeps it: recording is then a few relaxed atomic additions on memory of the recording thread, without locks,
//! formatting or look-ups. What others already count ([`Actors`], [`Statements`], [`JobFigures`], the process) is read when scraped.

mod actors;
mod cache;
mod db;
mod dependencies;
mod files;
mod http;
mod instruments;
mod jobs;
mod on_scrape;
mod process;
mod redis;

use std::{fmt, sync::RwLock};

use prometheus_client::{collector::Collector, encoding::text, metrics::info::Info, registry::Registry};

pub use actors::Actors;
pub use cache::{Cache, Class, Limiter, Namespace};
pub use db::{Flight, Lane, Lanes, Pool, PoolUse, Statements};
pub use dependencies::Dependencies;
pub use files::{Papers, Pictures, Storage};
pub use http::{Guard, Http, Route};
pub use instruments::{Count, Timing};
pub use jobs::{JobFigures, Mails};
pub use redis::Redis;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All families. Made once per [`crate::app::App`] and shared by `Arc`.
pub struct Metrics {
    /// Requests and connections.
    pub http: Http,
    /// The transaction pool.
    pub pool: Pool,
    /// The read lanes.
    pub lanes: Lanes,
    /// Both levels of the cache.
    pub cache: Cache,
    /// Commands to Redis.
    pub redis: Redis,
    /// The rate limiter.
    pub limiter: Limiter,
    /// Sent mails.
    pub mails: Mails,
    /// Stored files.
    pub storage: Storage,
    /// Pictures made of uploads.
    pub pictures: Pictures,
    /// PDF documents.
    pub papers: Papers,
    registry: RwLock<Registry>,
}

impl Metrics {
    /// All families at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("sportello_build", "The running version", build);
        registry.register_collector(Box::new(process::Process));
        Self {
            http: Http::new(&mut registry),
            pool: Pool::new(&mut registry),
            lanes: Lanes::new(&mut registry),
            cache: Cache::new(&mut registry),
            redis: Redis::new(&mut registry),
            limiter: Limiter::new(&mut registry),
            mails: Mails::new(&mut registry),
            storage: Storage::new(&mut registry),
            pictures: Pictures::new(&mut registry),
            papers: Papers::new(&mut registry),
            registry: RwLock::new(registry),
        }
    }

    /// Adds families that are read when scraped, [`Actors`] and [`Statements`].
    pub fn collect(&self, collector: impl Collector) {
        let mut registry = self.registry.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        registry.register_collector(Box::new(collector));
    }

    /// Adds one gauge that is read when scraped.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        self.collect(on_scrape::OnScrape { name, help, read });
    }

    /// Everything as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        text::encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests;
