//! The statements of `src/jobs/store`, each one step, under its label.

use super::{
    rules::{Engine, QUARANTINE_CRASHES, RESCUE},
    state::{Counts, Ending, Lease, Life, Report, Run, Stage, State, Verdict},
};

/// Which statement of a flush (`jobs.acks.done` and `jobs.acks.end` end jobs alike: one of the two).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ack {
    /// `jobs.acks.done`, `jobs.acks.end`.
    End,
    /// `jobs.acks.put_back`.
    PutBack,
}

impl Ack {
    pub(crate) fn writes(self, verdict: Verdict) -> bool {
        (self == Self::End) == matches!(verdict, Verdict::Done | Verdict::Discard)
    }
}

impl Engine {
    /// `jobs.claims.claim`: ready → lease for a worker whose beat is young.
    pub(crate) fn claim(&self, state: &mut State, worker: usize) -> Vec<(usize, u8, Counts)> {
        if state.processes[worker].beat_at.is_none_or(|age| age > RESCUE) {
            return Vec::new();
        }
        let room = self.workers.saturating_sub(state.processes[worker].attempts.len());
        let mut claimed = Vec::new();
        for number in 0..state.jobs.len() {
            if claimed.len() == room {
                break;
            }
            let token = state.new_token();
            let job = &mut state.jobs[number];
            let Some(Counts { attempt, crashes }) = job.ready.take() else { continue };
            let counts = Counts { attempt: attempt + 1, crashes };
            state.broken.twice |= job.lease.is_some();
            job.lease =
                Some(Lease { token, worker, counts, is_young: true, is_locked: false, run: Run::NotYet });
            claimed.push((number, token, counts));
        }
        claimed
    }

    /// The lease that an acknowledgement deletes: the one with this id and token.
    fn acknowledged(&self, state: &mut State, job: usize, token: u8) -> Option<Lease> {
        let lease = state.jobs[job].lease?;
        if lease.token == token {
            return state.jobs[job].lease.take();
        }
        if self.rules.acks_are_fenced {
            return None;
        }
        state.broken.stale = true;
        state.jobs[job].lease.take()
    }

    /// A statement that finds its row locked waits.
    pub(crate) fn must_wait(state: &State, job: usize, token: u8) -> bool {
        state.jobs[job].lease.is_some_and(|lease| lease.is_locked && lease.token == token)
    }

    /// The body ends; `ended!` in `acks.rs`.
    fn ended(state: &mut State, job: usize, ending: Ending, crashes: u8) {
        let row = &mut state.jobs[job];
        state.broken.twice |= row.done.is_some() || !row.body;
        (row.body, row.done) = (false, Some((ending, crashes)));
    }

    /// One statement of a flush.
    pub(crate) fn acknowledge(&self, state: &mut State, ack: Ack, reports: &[Report]) {
        for report in reports.iter().filter(|report| ack.writes(report.verdict)) {
            let Some(lease) = self.acknowledged(state, report.job, report.token) else { continue };
            let Counts { attempt, crashes } = lease.counts;
            match report.verdict {
                Verdict::Done => Self::ended(state, report.job, Ending::Done, crashes),
                Verdict::Discard => Self::ended(state, report.job, Ending::Discarded, crashes),
                Verdict::Retry => Self::put_later(state, report.job, lease.counts),
                Verdict::GiveBack => {
                    let attempt = attempt - i8::from(self.rules.give_back_refunds);
                    Self::put_ready(state, report.job, Counts { attempt, crashes });
                }
            }
        }
    }

    fn put_ready(state: &mut State, job: usize, counts: Counts) {
        state.broken.twice |= state.jobs[job].ready.replace(counts).is_some();
    }

    fn put_later(state: &mut State, job: usize, counts: Counts) {
        state.broken.twice |= state.jobs[job].later.replace(counts).is_some();
    }

    /// `jobs.acks.finish`, inside the handler's transaction: `false` when the lease is not ours any more. Until the
    /// transaction ends, the row is locked.
    pub(crate) fn finish(state: &mut State, job: usize, token: u8) -> bool {
        let lease = state.jobs[job].lease.as_mut().filter(|lease| lease.token == token);
        lease.map(|lease| lease.is_locked = true).is_some()
    }

    /// COMMIT after `finish`: the handler's row, and the end of the job.
    pub(crate) fn commit(state: &mut State, job: usize) {
        state.jobs[job].effects += 1;
        if let Some(lease) = state.jobs[job].lease.take() {
            Self::ended(state, job, Ending::Done, lease.counts.crashes);
        }
    }

    /// ROLLBACK after `finish`.
    pub(crate) fn roll_back(state: &mut State, job: usize, token: u8) {
        if let Some(lease) = state.jobs[job].lease.as_mut().filter(|lease| lease.token == token) {
            lease.is_locked = false;
        }
    }

    /// Whether `jobs.rescue.dead_workers` finds this lease. (`FOR UPDATE OF l SKIP LOCKED`)
    fn is_dead(&self, state: &State, lease: &Lease) -> bool {
        let process = &state.processes[lease.worker];
        let server = state.up_age > RESCUE || !self.rules.rescue_tests_the_server;
        let is_silent = process.beat_at.is_none_or(|age| age > RESCUE && server);
        !lease.is_locked && (is_silent || !self.rules.rescue_tests_the_beat)
    }

    pub(crate) fn can_rescue(&self, state: &State) -> bool {
        state.jobs.iter().filter_map(|job| job.lease.as_ref()).any(|lease| self.is_dead(state, lease))
    }

    /// `jobs.workers.announce`.
    pub(crate) fn announce(state: &mut State, worker: usize, job: usize, token: u8) {
        state.processes[worker].announced = Some(token);
        if let Some(lease) = state.jobs[job].lease.as_mut().filter(|lease| lease.token == token) {
            lease.run = Run::Now;
        }
    }

    /// Its attempt has ended, whatever the report will say.
    pub(crate) fn run_is_over(state: &mut State, job: usize, token: u8) {
        let lease = state.jobs[job].lease.as_mut().filter(|it| it.token == token && it.run == Run::Now);
        if let Some(lease) = lease {
            lease.run = Run::Over;
        }
    }

    /// `jobs.rescue.dead_workers`: lease → later, or done as quarantined; the crash counts, the attempt does not. And
    /// `jobs.rescue.not_started`: lease → ready, neither counts.
    pub(crate) fn rescue(&self, state: &mut State) {
        for number in 0..state.jobs.len() {
            let Some(lease) = state.jobs[number].lease.filter(|lease| self.is_dead(state, lease)) else {
                continue;
            };
            let owner = &state.processes[lease.worker];
            let (signed_off, announced) = (owner.has_given_back, owner.announced == Some(lease.token));
            state.broken.robbed |= owner.life != Life::Dead && !owner.was_hindered && !signed_off;
            state.jobs[number].lease = None;
            let crashes = lease.counts.crashes + 1;
            let is_last = crashes >= QUARANTINE_CRASHES;
            if is_last && !announced && self.rules.only_the_announced_is_blamed {
                state.broken.misjudged |= lease.run == Run::Now;
                let Counts { attempt, crashes } = lease.counts;
                Self::put_ready(state, number, Counts { attempt: attempt - 1, crashes });
            } else if is_last && self.rules.quarantine {
                state.broken.misjudged |= lease.run == Run::NotYet;
                Self::ended(state, number, Ending::Quarantined, crashes);
            } else {
                Self::put_later(state, number, Counts { attempt: lease.counts.attempt - 1, crashes });
            }
        }
    }

    /// What `jobs.rescue.unknown_leases` takes: leases of `worker` that are not young and that it does not know.
    pub(crate) fn unknown(&self, state: &State, worker: usize) -> Vec<usize> {
        let held = &state.processes[worker].held;
        let is_known = |job: usize, token: u8| {
            held.iter().any(|known| known.0 == job && (known.1 == token || !self.rules.known_by_token))
        };
        let leases = state.jobs.iter().enumerate().filter_map(|(number, job)| Some((number, job.lease?)));
        leases
            .filter(|(number, lease)| {
                lease.worker == worker && !lease.is_young && !is_known(*number, lease.token)
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// `jobs.rescue.unknown_leases`: lease → ready, no attempt.
    pub(crate) fn give_back(&self, state: &mut State, jobs: &[usize]) {
        for number in jobs {
            let Some(lease) = state.jobs[*number].lease.take() else { continue };
            let runs = state.processes[lease.worker]
                .attempts
                .iter()
                .any(|attempt| attempt.token == lease.token && attempt.stage != Stage::Abandoned);
            state.broken.robbed |= runs;
            let attempt = lease.counts.attempt - i8::from(self.rules.give_back_refunds);
            Self::put_ready(state, *number, Counts { attempt, crashes: lease.counts.crashes });
        }
    }

    /// `jobs.due.promote`: later → ready.
    pub(crate) fn promote(state: &mut State, job: usize) {
        if let Some(counts) = state.jobs[job].later.take() {
            Self::put_ready(state, job, counts);
        }
    }

    /// Those whom `jobs.workers.bury_earlier_boots` declares dead: other boots of the node whose session is gone.
    pub(crate) fn bury(&self, state: &mut State, worker: usize) {
        let node = state.processes[worker].node;
        for (number, earlier) in state.processes.iter_mut().enumerate() {
            let session_is_gone = !earlier.holds_lock || !self.rules.burial_tests_the_session;
            if number != worker && earlier.node == node && session_is_gone {
                earlier.beat_at = None;
            }
        }
    }
}
