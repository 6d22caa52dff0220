//! What processes do between their statements: the rules of `src/actors/jobs`.

use super::{
    database::Ack,
    rules::{Engine, FENCE, MAX_ATTEMPTS, OLD, QUARANTINE_CRASHES},
    state::{Attempt, Beat, Claim, Life, Process, Report, Stage, State, Verdict},
};

impl State {
    /// A statement of this process can reach the server, and its answer the process.
    pub(crate) fn reaches(&self, number: usize) -> bool {
        let process = &self.processes[number];
        process.is_awake() && process.is_connected && self.is_up
    }

    /// So can its heartbeats.
    pub(crate) fn hears(&self, number: usize) -> bool {
        self.reaches(number) && !self.processes[number].is_mute
    }
}

impl Process {
    fn report(&mut self, attempt: Attempt, verdict: Verdict) {
        self.outbox.push(Report { job: attempt.job, token: attempt.token, verdict });
    }

    /// An error of the handler: again, or never again.
    fn failed(&mut self, attempt: Attempt) {
        let is_last = attempt.number >= MAX_ATTEMPTS;
        self.report(attempt, if is_last { Verdict::Discard } else { Verdict::Retry });
    }

    pub(crate) fn is_too_old(&self) -> bool {
        self.age > FENCE
    }
}

impl Engine {
    pub(crate) fn let_go(&self, process: &mut Process, job: usize, token: u8) {
        let by_token = self.rules.known_by_token;
        process.held.retain(|held| held.0 != job || (by_token && held.1 != token));
    }

    /// `Dispatcher::claim`: there is room, and nothing speaks against it.
    pub(crate) fn may_claim(&self, state: &State, number: usize) -> bool {
        let process = &state.processes[number];
        state.reaches(number)
            && process.claim == Claim::None
            && !process.is_fenced
            && !process.is_stopping
            && process.attempts.len() < self.workers
            && state.jobs.iter().any(|job| job.ready.is_some())
    }

    /// `Crew::take_on`, and the start of the attempts.
    pub(crate) fn take_on(&self, process: &mut Process) {
        let Claim::Answer(claimed) = std::mem::replace(&mut process.claim, Claim::None) else { return };
        let is_late = std::mem::take(&mut process.claim_is_late);
        for (job, token, counts) in claimed {
            let is_last_chance = counts.crashes + 1 >= QUARANTINE_CRASHES;
            let stage = if is_last_chance { Stage::Waiting } else { Stage::Running };
            let attempt = Attempt { job, token, number: counts.attempt, stage, is_late };
            process.held.push((job, token));
            if process.is_stopping || (process.is_fenced && self.rules.fence_stops_late_answers) {
                process.report(attempt, Verdict::GiveBack);
            } else {
                process.attempts.push(attempt);
            }
        }
    }

    /// `Engine::fence` and the end of the time to stop: everything is cut off and given back. A transaction that is
    /// dropped rolls back; one whose COMMIT is on its way ends as it ends: nobody knows which.
    pub(crate) fn cut_off(state: &mut State, number: usize) {
        let mut attempts = std::mem::take(&mut state.processes[number].attempts);
        for attempt in &mut attempts {
            let is_abandoned = attempt.stage == Stage::Abandoned;
            if !is_abandoned {
                state.processes[number].report(*attempt, Verdict::GiveBack);
                Self::run_is_over(state, attempt.job, attempt.token);
            }
            if attempt.stage == Stage::Finishing {
                attempt.stage = Stage::Abandoned;
            }
        }
        attempts.retain(|attempt| attempt.stage == Stage::Abandoned);
        state.processes[number].attempts = attempts;
    }

    /// `BeatMsg::Look`.
    pub(crate) fn look(&self, state: &mut State, number: usize) {
        let process = &mut state.processes[number];
        if process.is_too_old() && !process.is_fenced && self.rules.fence {
            process.is_fenced = true;
            Self::cut_off(state, number);
        }
    }

    /// `BeatMsg::Beaten`.
    pub(crate) fn beaten(&self, process: &mut Process) {
        let Beat::Answer(since_sent) = std::mem::replace(&mut process.beat, Beat::None) else { return };
        process.age = if self.rules.beat_counts_from_sending { since_sent } else { 0 };
        process.is_fenced = false;
    }

    /// `LastChance::wait`: nothing else like it runs. To give up waiting is to give back.
    pub(crate) fn may_announce(state: &State, number: usize, place: usize) -> bool {
        let process = &state.processes[number];
        let is_alone = process
            .attempts
            .iter()
            .all(|it| it.stage == Stage::Abandoned || process.announced != Some(it.token));
        let is_waiting = process.attempts[place].stage == Stage::Waiting;
        is_waiting && is_alone && state.reaches(number) && !process.is_fenced
    }

    /// It is announced, and starts.
    pub(crate) fn starts(state: &mut State, number: usize, place: usize) {
        let Attempt { job, token, .. } = state.processes[number].attempts[place];
        Self::announce(state, number, job, token);
        state.processes[number].attempts[place].stage = Stage::Running;
    }

    /// The handler comes to its end; one that uses `finish` executes its statement.
    pub(crate) fn handler_ends(&self, state: &mut State, number: usize, place: usize) {
        let attempt = state.processes[number].attempts[place];
        let uses_finish = self.jobs[attempt.job];
        if uses_finish && self.rules.finish_is_one_transaction {
            if Self::finish(state, attempt.job, attempt.token) {
                state.processes[number].attempts[place].stage = Stage::Finishing;
            } else {
                // `FinishError::Stale`: the handler returns it, its transaction is dropped.
                state.processes[number].attempts.remove(place);
                state.processes[number].failed(attempt);
            }
            return;
        }
        state.jobs[attempt.job].effects += u8::from(uses_finish);
        state.processes[number].attempts.remove(place);
        state.processes[number].report(attempt, Verdict::Done);
        Self::run_is_over(state, attempt.job, attempt.token);
    }

    pub(crate) fn handler_fails(state: &mut State, number: usize, place: usize) {
        let attempt = state.processes[number].attempts.remove(place);
        Self::run_is_over(state, attempt.job, attempt.token);
        state.jobs[attempt.job].failures += 1;
        state.processes[number].failed(attempt);
    }

    /// The server ends a transaction of `finish` one way or the other.
    pub(crate) fn transaction_ends(state: &mut State, number: usize, place: usize, committed: bool) {
        let Attempt { job, token, stage, .. } = state.processes[number].attempts[place];
        if committed {
            Self::commit(state, job);
        } else {
            Self::roll_back(state, job, token);
        }
        if stage == Stage::Abandoned {
            state.processes[number].attempts.remove(place);
        } else {
            let ended = if committed { Stage::Committed } else { Stage::RolledBack };
            state.processes[number].attempts[place].stage = ended;
        }
    }

    /// The answer to COMMIT arrives; `on_commit` marks the attempt as finished.
    pub(crate) fn commit_answered(&self, process: &mut Process, place: usize) {
        let attempt = process.attempts.remove(place);
        self.let_go(process, attempt.job, attempt.token);
    }

    /// It does not, or it is a refusal: the handler returns the error.
    pub(crate) fn commit_failed(state: &mut State, number: usize, place: usize) {
        let attempt = state.processes[number].attempts.remove(place);
        Self::run_is_over(state, attempt.job, attempt.token);
        if attempt.stage == Stage::RolledBack {
            state.jobs[attempt.job].failures += 1;
        }
        state.processes[number].failed(attempt);
    }

    /// `Acker`: a flush whose statements `executed` were executed; without the answer all reports stay.
    pub(crate) fn flush(&self, state: &mut State, number: usize, executed: &[Ack], answered: bool) {
        let reports = state.processes[number].outbox.clone();
        for ack in executed {
            self.acknowledge(state, *ack, &reports);
        }
        if answered {
            let process = &mut state.processes[number];
            process.outbox.clear();
            for report in &reports {
                self.let_go(process, report.job, report.token);
            }
        }
    }

    /// The process dies. The server keeps its sessions, and what they have locked, until it notices.
    pub(crate) fn dies(process: &mut Process) {
        process.life = Life::Dead;
        process.attempts.retain(|attempt| matches!(attempt.stage, Stage::Finishing | Stage::Abandoned));
        process.has_sessions = !process.attempts.is_empty();
        (process.claim, process.claim_is_late, process.beat) = (Claim::None, false, Beat::None);
        (process.outbox, process.held) = (Vec::new(), Vec::new());
        (process.age, process.is_fenced, process.is_connected, process.is_mute) = (0, false, true, false);
        (process.is_stopping, process.has_given_back) = (false, false);
        (process.buries, process.was_hindered) = (false, true);
    }

    /// The server notices that the sessions of a process are gone: open transactions are rolled back.
    pub(crate) fn sessions_end(state: &mut State, number: usize) {
        for place in (0..state.processes[number].attempts.len()).rev() {
            let Attempt { job, token, stage, .. } = state.processes[number].attempts[place];
            if matches!(stage, Stage::Finishing | Stage::Abandoned) {
                Self::roll_back(state, job, token);
            }
            match stage {
                Stage::Finishing => state.processes[number].attempts[place].stage = Stage::RolledBack,
                Stage::Abandoned => drop(state.processes[number].attempts.remove(place)),
                Stage::Waiting | Stage::Running | Stage::Committed | Stage::RolledBack => {}
            }
        }
        if state.processes[number].life == Life::Dead {
            state.processes[number].attempts.clear();
            state.processes[number].has_sessions = false;
        }
    }

    /// One heartbeat's time passes. Who is on time and cannot be kept from it beats meanwhile, unless the run looks at
    /// beats one by one: an age of one beat more or less changes nothing by itself.
    pub(crate) fn tick(&self, state: &mut State) {
        let older = |age: &mut u8| *age = (*age + 1).min(OLD);
        older(&mut state.up_age);
        for number in 0..state.processes.len() {
            let beats = self.beats_by_itself(state, number);
            let process = &mut state.processes[number];
            if beats {
                (process.beat_at, process.holds_lock, process.was_hindered) = (Some(0), true, false);
                continue;
            }
            if let Some(age) = process.beat_at.as_mut() {
                older(age);
            }
            if process.life == Life::Dead {
                continue;
            }
            older(&mut process.age);
            if let Beat::Sent(age) | Beat::Answer(age) = &mut process.beat {
                older(age);
            }
        }
        for lease in state.jobs.iter_mut().filter_map(|job| job.lease.as_mut()) {
            lease.is_young = false;
        }
    }

    fn beats_by_itself(&self, state: &State, number: usize) -> bool {
        let process = &state.processes[number];
        !self.splits_beats && state.hears(number) && process.age == 0 && !process.has_given_back
    }

    /// Whether time may pass: what is due has happened.
    pub(crate) fn may_tick(&self, state: &State) -> bool {
        (0..state.processes.len()).filter(|number| state.processes[*number].is_awake()).all(|number| {
            let process = &state.processes[number];
            let is_cut_off = process.is_fenced || !process.is_too_old() || !self.rules.fence;
            // No statement waits for its answer for as long as that.
            let is_answered = process.claim == Claim::None && process.beat == Beat::None;
            let has_beaten = process.age == 0 || !state.hears(number);
            is_cut_off && is_answered && has_beaten
        })
    }

    /// Nothing can come between the sending of a statement and its execution.
    pub(crate) fn is_calm(state: &State, number: usize) -> bool {
        let left = state.left;
        left.sleeps + left.cuts + left.mutes + left.outages + left.stops == 0
            && !state.processes[number].is_stopping
    }
}
