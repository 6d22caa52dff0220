//! The quotas of this node: governor's GCRA over the table, with a clock that tests can move.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{RateLimiter, clock, middleware::StateInformationMiddleware, nanos::Nanos};

use super::{
    class::{Class, Decision, Key},
    table::{Store, Table},
};
use crate::{clock::Clock, config::sections::Limits, config::values::Quota};

/// Our clock, as governor wants it.
#[derive(Debug, Clone)]
struct Ticks(Clock);

impl clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.monotonic().into()
    }
}

type Governor = RateLimiter<(Class, Key), Store, Ticks, StateInformationMiddleware>;

/// What each class may, and what of it is used.
#[derive(Debug)]
pub(super) struct Quotas {
    clock: Clock,
    started: Duration,
    classes: Vec<(Quota, Governor)>,
    pub(super) table: Arc<Table>,
}

impl Quotas {
    pub(super) fn new(limits: &Limits, clock: &Clock) -> Self {
        let table = Arc::new(Table::new(limits.max_keys));
        let governor = |class: Class| {
            let quota = class.quota(limits);
            let ticks = Ticks(clock.clone());
            (quota, Governor::new(gcra(quota), Store(table.clone()), ticks).with_middleware())
        };
        let started = clock.monotonic();
        let classes = Class::ALL.into_iter().map(governor).collect();
        Self { clock: clock.clone(), started, classes, table }
    }

    pub(super) fn quota(&self, class: Class) -> Quota {
        self.classes[class as usize].0
    }

    /// Counts a request.
    pub(super) fn take(&self, class: Class, key: Key) -> Decision {
        let (quota, governor) = &self.classes[class as usize];
        let base = Decision { class, quota: *quota, remaining: 0, reset: quota.window, retry_after: None };
        match governor.check_key(&(class, key)) {
            Ok(snapshot) => {
                let remaining = snapshot.remaining_burst_capacity().min(quota.limit);
                Decision { remaining, reset: refill(*quota) * (quota.limit - remaining), ..base }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.monotonic().into());
                Decision { retry_after: Some(wait), ..base }
            }
        }
    }

    /// What [`Self::take`] would refuse, without counting.
    pub(super) fn spent(&self, class: Class, key: Key) -> Option<Decision> {
        let quota = self.quota(class);
        let full_at = self.table.full_at(&(class, key))?;
        let owed = Duration::from_nanos(full_at.saturating_sub(self.now()));
        let retry_after = Some((owed + refill(quota)).checked_sub(quota.window)?);
        let spent = retry_after.is_some_and(|wait| !wait.is_zero());
        spent.then_some(Decision { class, quota, remaining: 0, reset: owed, retry_after })
    }

    /// Forgets clients that owe nothing.
    pub(super) fn sweep(&self) {
        self.table.sweep(self.now());
    }

    fn now(&self) -> u64 {
        self.clock.monotonic().saturating_sub(self.started).as_nanos() as u64
    }
}

/// The time in which one request comes back.
pub(super) fn refill(quota: Quota) -> Duration {
    (quota.window / quota.limit).max(Duration::from_nanos(1))
}

fn gcra(quota: Quota) -> governor::Quota {
    let burst = NonZeroU32::new(quota.limit).expect("a quota of the configuration is at least one");
    governor::Quota::with_period(refill(quota)).expect("a refill takes time").allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use jiff::SignedDuration;

    use super::{Class, Key, Quotas};
    use crate::{clock::Clock, config::Config};

    fn quotas(anonymous: &str) -> (Quotas, Clock) {
        let clock = Clock::system();
        let mut limits = Config::defaults().limits;
        limits.anonymous = anonymous.parse().unwrap();
        (Quotas::new(&limits, &clock), clock)
    }

    fn key(last: u8) -> Key {
        Key::Address(IpAddr::from([192, 0, 2, last]))
    }

    /// How many of `n` requests pass.
    fn allowed(quotas: &Quotas, n: usize) -> usize {
        (0..n).filter(|_| quotas.take(Class::Anonymous, key(1)).is_allowed()).count()
    }

    #[test]
    fn exactly_the_quota_passes_and_comes_back_evenly() {
        let (quotas, clock) = quotas("100/1h");
        assert_eq!(allowed(&quotas, 300), 100);
        clock.advance(SignedDuration::from_secs(35));
        assert_eq!(allowed(&quotas, 300), 0, "one comes back each 36 s");
        clock.advance(SignedDuration::from_secs(1));
        assert_eq!(allowed(&quotas, 300), 1);
        clock.advance(SignedDuration::from_mins(30));
        assert_eq!(allowed(&quotas, 300), 50);
        clock.advance(SignedDuration::from_hours(24));
        assert_eq!(allowed(&quotas, 300), 100, "never more than the quota at once");
    }

    #[test]
    fn clients_and_classes_do_not_share() {
        let (quotas, _) = quotas("1/1h");
        assert!(quotas.take(Class::Anonymous, key(1)).is_allowed());
        assert!(!quotas.take(Class::Anonymous, key(1)).is_allowed());
        assert!(quotas.take(Class::Anonymous, key(2)).is_allowed());
        assert!(quotas.take(Class::Token, key(1)).is_allowed());
    }

    #[test]
    fn a_decision_tells_what_is_left_and_when_to_come_back() {
        let (quotas, clock) = quotas("10/100s");
        let first = quotas.take(Class::Anonymous, key(1));
        assert_eq!((first.remaining, first.reset, first.retry_after), (9, Duration::from_secs(10), None));
        assert_eq!(allowed(&quotas, 9), 9);
        assert!(quotas.spent(Class::Anonymous, key(2)).is_none());
        for refused in
            [quotas.spent(Class::Anonymous, key(1)).unwrap(), quotas.take(Class::Anonymous, key(1))]
        {
            let wait = refused.retry_after.unwrap();
            assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10), "{wait:?}");
        }
        clock.advance(SignedDuration::from_secs(10));
        assert!(quotas.spent(Class::Anonymous, key(1)).is_none());
        assert!(quotas.take(Class::Anonymous, key(1)).is_allowed(), "after as long as was said");
    }

    #[test]
    fn the_idle_are_swept_and_forgotten_without_a_difference() {
        let (quotas, clock) = quotas("10/100s");
        allowed(&quotas, 5);
        quotas.sweep();
        assert_eq!(quotas.table.len(), 1);
        clock.advance(SignedDuration::from_secs(51));
        quotas.sweep();
        assert_eq!(quotas.table.len(), 0);
        assert_eq!(allowed(&quotas, 20), 10);
    }
}
