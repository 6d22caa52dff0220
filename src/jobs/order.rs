//! The order of a queue, where it is not strictly by priority: by age and priority, or fair between tenants.
//!
//! Both are a *rank* that is computed once, when the job is enqueued; the claim's one index serves every order. Ageing:
//! the time it is due, plus so much per step of priority that waiting makes up for it. Fair: start-time fair queueing
//! (Goyal, Vin, Cheng 1996): each tenant has a tag that moves ahead by 1/weight with each of its jobs, but never behind
//! the rank that is being served; so a tenant that enqueues ten thousand jobs stands behind one that enqueues ten.
//!
//! Tags live in the process that enqueues. Several processes are each fair to what they enqueue, against the ranks that
//! they see claimed; a restart forgets tags, so a tenant's newest jobs may pass its older ones once.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
};

use ahash::AHashMap;
use jiff::Timestamp;

use super::{NewJob, QueueName};

/// How far one job of weight 1 moves its tenant's tag: a second, so that tags and times can be compared by eye.
const STEP_US: f64 = 1e6;
/// Tenants remembered per queue; those whose tags have been served are forgotten first.
const TENANTS: usize = 10_000;
/// The smallest weight that counts: below it, a tenant would never be served.
const WEIGHT_MIN: f32 = 0.001;
/// And the largest.
const WEIGHT_MAX: f32 = 1000.0;

/// What is known of the orders of all queues.
#[derive(Debug, Default)]
pub struct Orders([Order; QueueName::ALL.len()]);

#[derive(Debug)]
struct Order {
    /// Microseconds per step of priority; negative where strict.
    aging_us: AtomicI64,
    fair: AtomicBool,
    /// The rank that was claimed last.
    served: AtomicI64,
    /// Where each tenant's next job stands.
    tags: Mutex<AHashMap<String, i64>>,
}

impl Default for Order {
    fn default() -> Self {
        let (aging_us, served) = (AtomicI64::new(-1), AtomicI64::new(0));
        Self { aging_us, fair: AtomicBool::new(false), served, tags: Mutex::default() }
    }
}

impl Orders {
    /// How `queue` is ordered from now on: fair, or ageing by so many milliseconds per step of priority, or strict.
    /// Jobs that wait keep their ranks.
    pub fn set(&self, queue: QueueName, aging_ms: Option<i32>, fair: bool) {
        let order = &self.0[queue.index()];
        order.aging_us.store(aging_ms.map_or(-1, |ms| i64::from(ms.max(0)) * 1000), Relaxed);
        order.fair.store(fair, Relaxed);
    }

    /// A job of this rank was claimed.
    pub fn served(&self, queue: QueueName, rank: i64) {
        let order = &self.0[queue.index()];
        if order.fair.load(Relaxed) {
            order.served.fetch_max(rank, Relaxed);
        }
    }

    /// Gives jobs their places, where their queues have an order of their own.
    pub(super) fn place(&self, jobs: &mut [NewJob], now: Timestamp) {
        for job in jobs {
            let order = &self.0[job.queue.index()];
            let due = job.run_at.unwrap_or(now).as_microsecond();
            let aging = order.aging_us.load(Relaxed);
            job.place = if order.fair.load(Relaxed) {
                Some(order.tag(job, due))
            } else if aging >= 0 {
                Some(due.saturating_add(aging.saturating_mul(i64::from(job.priority))))
            } else {
                None
            };
        }
    }

    /// Whether ranks of `queue` are the times when its jobs were due.
    pub fn is_strict(&self, queue: QueueName) -> bool {
        let order = &self.0[queue.index()];
        !order.fair.load(Relaxed) && order.aging_us.load(Relaxed) < 0
    }

    /// Whether any of these jobs needs [`Orders::place`].
    pub(super) fn concern(&self, jobs: &[NewJob]) -> bool {
        jobs.iter().any(|job| !self.is_strict(job.queue))
    }
}

impl Order {
    fn tag(&self, job: &NewJob, due: i64) -> i64 {
        let tenant = job.more.as_ref().and_then(|more| more.tenant.as_ref());
        let (name, weight) = tenant.map_or(("", 1.0), |(name, weight)| (name.as_str(), *weight));
        let step = STEP_US / f64::from(weight.clamp(WEIGHT_MIN, WEIGHT_MAX));
        let served = self.served.load(Relaxed);
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if tags.len() >= TENANTS && !tags.contains_key(name) {
            tags.retain(|_, tag| *tag > served);
            if tags.len() >= TENANTS {
                tags.clear(); // ten thousand tenants with backlogs: they start anew together
            }
        }
        // With nothing served yet, the present is the beginning.
        let start = if served == 0 { due } else { served };
        let tag = tags.get(name).copied().unwrap_or(start).max(start);
        tags.insert(name.to_owned(), tag.saturating_add(step as i64));
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::registry::registry;

    fn jobs(tenant: &str, weight: f32, count: usize) -> Vec<NewJob> {
        let kind = registry();
        let kind = kind.kinds().next().unwrap();
        (0..count)
            .map(|_| NewJob::of_kind(kind, "{}".to_owned()).queue(QueueName::Default).tenant(tenant, weight))
            .collect()
    }

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    /// The tenants in the order in which their jobs run.
    fn order(mut jobs: Vec<NewJob>) -> String {
        jobs.sort_by_key(|job| (job.lane(), job.rank(now())));
        jobs.iter().map(|job| job.more.as_ref().unwrap().tenant.as_ref().unwrap().0.as_str()).collect()
    }

    #[test]
    fn tenants_are_served_by_their_weights_however_much_one_enqueues() {
        let orders = Orders::default();
        orders.set(QueueName::Default, None, true);
        let mut big = jobs("a", 1.0, 9);
        orders.place(&mut big, now());
        let mut small = jobs("b", 2.0, 4);
        orders.place(&mut small, now());
        big.extend(small);
        assert_eq!(order(big), "abbabbaaaaaaa");
    }

    #[test]
    fn who_was_away_is_owed_nothing() {
        let orders = Orders::default();
        orders.set(QueueName::Default, None, true);
        let mut first = jobs("a", 1.0, 4);
        orders.place(&mut first, now());
        orders.served(QueueName::Default, first[2].rank(now()));
        let mut late = jobs("b", 1.0, 3);
        orders.place(&mut late, now());
        let rest: Vec<_> = first.drain(3..).chain(late).collect();
        assert_eq!(order(rest), "babb");
    }

    #[test]
    fn waiting_makes_up_for_priority() {
        let orders = Orders::default();
        orders.set(QueueName::Default, Some(1000), false);
        let mut jobs = jobs("a", 1.0, 2);
        jobs[0] = jobs[0].clone().priority(110);
        jobs[1] = jobs[1].clone().priority(100).at(now() + jiff::SignedDuration::from_secs(9));
        orders.place(&mut jobs, now());
        assert!(jobs[1].rank(now()) < jobs[0].rank(now()), "ten steps are ten seconds");
        jobs[1] = jobs[1].clone().at(now() + jiff::SignedDuration::from_secs(11));
        orders.place(&mut jobs, now());
        assert!(jobs[1].rank(now()) > jobs[0].rank(now()));
        assert_eq!(jobs[0].lane(), 0);
    }
}
