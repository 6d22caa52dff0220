//! A circuit: after a failure nothing is asked for a while, then one probe decides whether to go on.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use crate::clock::Clock;

/// No failure: everything may pass.
const CLOSED: u64 = 0;

/// Lets calls pass or not. Costs one atomic read while nothing fails.
#[derive(Debug)]
pub struct Circuit {
    clock: Clock,
    pause: Duration,
    /// [`CLOSED`], or until when (in nanoseconds of the clock) nothing may pass.
    until: AtomicU64,
    probing: AtomicBool,
}

/// Permission for one call. Dropped without a verdict (the caller went away), it decides nothing.
#[derive(Debug)]
pub struct Pass<'a> {
    circuit: &'a Circuit,
    probe: bool,
}

impl Circuit {
    /// A closed circuit that pauses for `pause` after a failure.
    pub fn new(clock: Clock, pause: Duration) -> Self {
        Self { clock, pause, until: AtomicU64::new(CLOSED), probing: AtomicBool::new(false) }
    }

    /// Lets one call pass; `None` during the pause, and while a probe is under way.
    pub fn admit(&self) -> Option<Pass<'_>> {
        let until = self.until.load(SeqCst);
        if until == CLOSED {
            return Some(Pass { circuit: self, probe: false });
        }
        if self.now() < until || self.probing.swap(true, SeqCst) {
            return None;
        }
        // The probe before this one may have closed the circuit just now: then this is one more call, no harm done.
        Some(Pass { circuit: self, probe: true })
    }

    /// Whether calls are being refused.
    pub fn is_open(&self) -> bool {
        self.until.load(SeqCst) != CLOSED
    }

    /// Nanoseconds; never [`CLOSED`].
    fn now(&self) -> u64 {
        self.clock.monotonic().as_nanos() as u64 + 1
    }
}

impl Pass<'_> {
    /// The call succeeded; `true` when this closed the circuit.
    pub fn succeeded(self) -> bool {
        self.probe && self.circuit.until.swap(CLOSED, SeqCst) != CLOSED
    }

    /// The call failed: the pause begins (anew); `true` when this opened the circuit.
    pub fn failed(self) -> bool {
        let until = self.circuit.now() + self.circuit.pause.as_nanos() as u64;
        self.circuit.until.swap(until, SeqCst) == CLOSED
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.circuit.probing.store(false, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::Circuit;
    use crate::clock::Clock;

    const PAUSE: SignedDuration = SignedDuration::from_secs(2);

    fn circuit() -> (Circuit, Clock) {
        let clock = Clock::system();
        (Circuit::new(clock.clone(), Duration::try_from(PAUSE).unwrap()), clock)
    }

    #[test]
    fn after_a_failure_nothing_passes_until_one_probe_succeeds() {
        let (circuit, clock) = circuit();
        assert!(circuit.admit().unwrap().failed(), "this opens it");
        assert!(circuit.admit().is_none() && circuit.is_open());
        clock.advance(PAUSE);
        let probe = circuit.admit().expect("the pause is over");
        assert!(circuit.admit().is_none(), "one probe at a time");
        assert!(!probe.failed(), "it was open already");
        assert!(circuit.admit().is_none(), "a failed probe begins the pause anew");
        clock.advance(PAUSE);
        assert!(circuit.admit().unwrap().succeeded(), "this closes it");
        assert!(circuit.admit().is_some() && circuit.admit().is_some() && !circuit.is_open());
    }

    #[test]
    fn a_probe_whose_caller_went_away_makes_room_for_another() {
        let (circuit, clock) = circuit();
        circuit.admit().unwrap().failed();
        clock.advance(PAUSE);
        drop(circuit.admit().unwrap());
        assert!(circuit.admit().unwrap().succeeded());
    }

    #[test]
    fn a_late_success_of_an_earlier_call_closes_nothing() {
        let (circuit, _) = circuit();
        let (slow, failing) = (circuit.admit().unwrap(), circuit.admit().unwrap());
        failing.failed();
        assert!(!slow.succeeded() && circuit.is_open());
    }
}
