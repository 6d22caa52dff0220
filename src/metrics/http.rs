//! Requests by route template, and connections.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

use super::instruments::{Count, Counts, Labels, REQUEST, Timing, Timings, counts, timings};

/// Statuses run from 100 to 599.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;
/// 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Families of the HTTP front.
#[derive(Debug)]
pub struct Http {
    requests: Counts,
    duration: Timings,
    /// Requests being handled.
    pub in_flight: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// Open connections that rest without buffers, because nothing happens on them.
    pub parked: Gauge,
    /// Connections accepted.
    pub accepted: Count,
    /// Clients cut off because their header or body came too slowly.
    pub timeouts: Count,
}

impl Http {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let requests = counts(registry, "http_requests", "Answered requests");
        let duration =
            timings(registry, "http_request_duration", "From the header to the answer's last byte", REQUEST);
        let (in_flight, connections, parked) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (accepted, timeouts) = (Count::default(), Count::default());
        registry.register("http_in_flight", "Requests being handled", in_flight.clone());
        registry.register("http_connections", "Open connections", connections.clone());
        registry.register("http_connections_parked", "Idle connections without buffers", parked.clone());
        registry.register("http_connections_accepted", "Accepted connections", accepted.clone());
        registry.register("http_timeouts", "Clients cut off for being slow", timeouts.clone());
        Self { requests, duration, in_flight, connections, parked, accepted, timeouts }
    }

    /// The handle of one route. Make it when the router is built. `template` is the route's pattern, never a
    /// request's path; for requests without a route it is `unmatched`.
    pub fn route(&self, method: &'static str, template: &'static str) -> Route {
        Route(Arc::new(RouteInner {
            method,
            template,
            requests: self.requests.clone(),
            duration: self.duration.clone(),
            statuses: (0..STATUSES).map(|_| OnceLock::new()).collect(),
            classes: Default::default(),
        }))
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn enter(&self) -> Guard {
        Guard::new(&self.in_flight)
    }

    /// Counts a connection as open until the guard is dropped.
    pub fn connect(&self) -> Guard {
        self.accepted.inc();
        Guard::new(&self.connections)
    }
}

/// One more, until dropped.
#[derive(Debug)]
pub struct Guard(Gauge);

impl Guard {
    /// Adds one to `gauge` until dropped.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The counters of one route. Cheap to clone and to record.
#[derive(Debug, Clone)]
pub struct Route(Arc<RouteInner>);

#[derive(Debug)]
struct RouteInner {
    method: &'static str,
    template: &'static str,
    requests: Counts,
    duration: Timings,
    statuses: Box<[OnceLock<Count>]>,
    classes: [OnceLock<Timing>; CLASSES.len()],
}

impl Route {
    /// Counts one answer.
    pub fn record(&self, status: u16, took: Duration) {
        let index = usize::from(status.saturating_sub(FIRST_STATUS)).min(STATUSES - 1);
        let inner = &*self.0;
        inner.statuses[index]
            .get_or_init(|| inner.requests.get_or_create_owned(&inner.labels("status", status.to_string())))
            .inc();
        let class = index / 100;
        inner.classes[class]
            .get_or_init(|| {
                inner.duration.get_or_create_owned(&inner.labels("status", CLASSES[class].to_owned()))
            })
            .record(took);
    }
}

impl RouteInner {
    fn labels(&self, status: &'static str, value: String) -> Labels {
        vec![("method", self.method.into()), ("route", self.template.into()), (status, value.into())]
    }
}
