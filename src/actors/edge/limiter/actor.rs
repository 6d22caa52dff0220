//! The handle that requests are checked with, and the actor that keeps its table tidy.

use std::{sync::Arc, time::Duration};

use prometheus_client::metrics::gauge::Gauge;

use super::{
    class::{Class, Decision, Key},
    quotas::Quotas,
    shared,
};
use crate::{
    actors::{
        data::redis::{Redis, State},
        kernel::{Behaviour, Context, Failure, Handle, Registry},
    },
    clock::Clock,
    config::{Config, values::Quota},
    metrics::{self, Count},
};

/// How often clients that owe nothing are forgotten: a sweep looks at all of them.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Messages of the limiter. Checks are none.
pub enum LimiterMsg {
    /// Forget the clients that owe nothing.
    Sweep,
}
crate::kinds!(LimiterMsg: Sweep);

/// Checks requests. Cheap to clone.
#[derive(Clone)]
pub struct Limiter(Arc<Shared>);

struct Shared {
    handle: Handle<LimiterMsg>,
    enabled: bool,
    quotas: Quotas,
    redis: Redis,
    classes: Vec<metrics::Class>,
    keys: Gauge,
    fallbacks: Count,
}

impl Shared {
    fn count(&self, decision: Decision) -> Decision {
        let figures = &self.classes[decision.class as usize];
        if decision.is_allowed() { &figures.allowed } else { &figures.limited }.inc();
        decision
    }
}

impl Limiter {
    /// The limiter as `[limits]` of the configuration says.
    pub fn new(
        registry: &Registry,
        config: &Config,
        clock: &Clock,
        metrics: &metrics::Limiter,
        redis: Redis,
    ) -> Self {
        Self(Arc::new(Shared {
            handle: registry.handle("root/edge/limiter", "limiter", config.actors.control_bound),
            enabled: config.limits.enabled,
            quotas: Quotas::new(&config.limits, clock),
            redis,
            classes: Class::ALL.into_iter().map(|class| metrics.class(class.name())).collect(),
            keys: metrics.keys.clone(),
            fallbacks: metrics.fallbacks.clone(),
        }))
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<LimiterMsg> {
        &self.0.handle
    }

    /// Whether anything is limited.
    pub fn is_enabled(&self) -> bool {
        self.0.enabled
    }

    /// Counts a request: here, and in Redis where one is configured.
    pub async fn check(&self, class: Class, key: Key) -> Decision {
        if let Some(decision) = self.check_here(class, key) {
            return decision;
        }
        let shared = &*self.0;
        let mut decision = shared.quotas.take(class, key);
        if decision.is_allowed() {
            match shared::take(&shared.redis, class, key, decision.quota).await {
                Ok(answer) => decision = answer,
                // Redis is away: what this node counted decides.
                Err(_) => shared.fallbacks.inc(),
            }
        }
        shared.count(decision)
    }

    /// The same at once, where no Redis is configured; `None` where one is.
    pub fn check_here(&self, class: Class, key: Key) -> Option<Decision> {
        let shared = &*self.0;
        (!shared.redis.is_configured()).then(|| shared.count(shared.quotas.take(class, key)))
    }

    /// What a class may.
    pub fn quota(&self, class: Class) -> Quota {
        self.0.quotas.quota(class)
    }

    /// Refuses, if this client has spent its quota on this node; counts nothing otherwise.
    pub fn spent(&self, class: Class, key: Key) -> Option<Decision> {
        let spent = self.0.quotas.spent(class, key);
        if spent.is_some() {
            self.0.classes[class as usize].limited.inc();
        }
        spent
    }

    /// Clients remembered.
    pub fn clients(&self) -> usize {
        self.0.quotas.table.len()
    }

    /// The actor that keeps the table tidy.
    pub fn actor(&self) -> LimiterActor {
        LimiterActor(self.clone())
    }
}

/// The limiter actor.
pub struct LimiterActor(Limiter);

impl Behaviour for LimiterActor {
    type Msg = LimiterMsg;
    type State = ();

    async fn init(&self, ctx: &Context<LimiterMsg>) -> Result<(), Failure> {
        ctx.every(SWEEP_EVERY, || LimiterMsg::Sweep);
        Ok(())
    }

    async fn handle(
        &self,
        _: &Context<LimiterMsg>,
        LimiterMsg::Sweep: LimiterMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        let shared = &*self.0.0;
        shared.quotas.sweep();
        shared.keys.set(shared.quotas.table.len() as i64);
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        let shared = &*self.0.0;
        let quotas = Class::ALL.into_iter().map(|class| {
            let quota = shared.quotas.quota(class);
            (class.name().to_owned(), format!("{}/{}s", quota.limit, quota.window.as_secs_f64()).into())
        });
        let counted_in = match shared.redis.state() {
            State::Absent => "process",
            State::Up => "redis",
            State::SetAside | State::Down => "process, because Redis is away",
        };
        serde_json::json!({
            "enabled": shared.enabled, "clients": shared.quotas.table.len(),
            "washed_out": shared.quotas.table.washed_out(), "counted_in": counted_in,
            "quotas": serde_json::Value::Object(quotas.collect()),
        })
    }
}
