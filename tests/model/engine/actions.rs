//! What can happen next, and what comes of it.

use stateright::{Model, Property};

use super::{
    database::Ack,
    properties,
    rules::Engine,
    state::{Beat, Claim, Life, Process, Stage, State},
};

/// A step. Numbers are places: of processes, and of their attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    SendClaim(usize),
    ExecuteClaim(usize),
    AnswerClaim(usize),
    LoseClaim(usize),
    Announce(usize, usize),
    EndHandler(usize, usize),
    FailHandler(usize, usize),
    EndTransaction(usize, usize, bool),
    AnswerCommit(usize, usize),
    LoseCommit(usize, usize),
    Flush(usize, &'static [Ack], bool),
    SendBeat(usize),
    ExecuteBeat(usize),
    AnswerBeat(usize),
    LoseBeat(usize),
    Look(usize),
    GiveBackUnknown(usize),
    Rescue,
    Promote(usize),
    Bury(usize),
    Tick,
    Sleep(usize),
    Wake(usize),
    Crash(usize),
    LockEnds(usize),
    SessionsEnd(usize),
    Boot(u8),
    Cut(usize),
    Mute(usize),
    Heal(usize),
    StopServer,
    StartServer,
    BeginStop(usize),
    StopTimeIsUp(usize),
    GiveBackAll(usize),
    SignOff(usize),
}

const FLUSHES: [(&[Ack], bool); 4] = [
    (&[Ack::End, Ack::PutBack], true),
    (&[Ack::End, Ack::PutBack], false),
    (&[Ack::End], false),
    (&[Ack::PutBack], false),
];

/// More processes than this are never remembered at once.
const PROCESSES_MAX: usize = 4;

impl Engine {
    fn statements(&self, state: &State, number: usize, steps: &mut Vec<Step>) {
        let process = &state.processes[number];
        let may_lose = state.left.losses > 0 || !state.reaches(number);
        if self.may_claim(state, number) {
            steps.push(Step::SendClaim(number));
        }
        match &process.claim {
            Claim::Sent if state.is_up && process.is_connected => steps.push(Step::ExecuteClaim(number)),
            Claim::Sent => steps.push(Step::LoseClaim(number)),
            Claim::Answer(_) if process.is_awake() => {
                steps.push(Step::AnswerClaim(number));
                if may_lose {
                    steps.push(Step::LoseClaim(number));
                }
            }
            Claim::None | Claim::Answer(_) => {}
        }
        if !process.outbox.is_empty() && state.reaches(number) {
            let waits = process.outbox.iter().any(|it| Self::must_wait(state, it.job, it.token));
            let flushes = FLUSHES.iter().filter(|flush| !waits && (flush.1 || may_lose));
            steps.extend(flushes.map(|(acks, answered)| Step::Flush(number, acks, *answered)));
        }
        if state.reaches(number) && !process.is_fenced && !process.is_stopping {
            let unknown = self.unknown(state, number);
            if !unknown.is_empty() && !is_locked(state, &unknown) {
                steps.push(Step::GiveBackUnknown(number));
            }
        }
        if state.reaches(number) && process.buries {
            steps.push(Step::Bury(number));
        }
    }

    fn attempts(&self, state: &State, number: usize, steps: &mut Vec<Step>) {
        let process = &state.processes[number];
        for (place, attempt) in process.attempts.iter().enumerate() {
            let is_awake = process.is_awake();
            match attempt.stage {
                Stage::Waiting if Self::may_announce(state, number, place) => {
                    steps.push(Step::Announce(number, place));
                }
                Stage::Running if is_awake => {
                    if !self.jobs[attempt.job] || state.reaches(number) {
                        steps.push(Step::EndHandler(number, place));
                    }
                    if state.left.failures > 0 {
                        steps.push(Step::FailHandler(number, place));
                    }
                }
                // COMMIT may have been sent before whatever has happened since. Without it the server rolls back: a
                // lost connection, `idle_in_transaction_session_timeout`, a transaction that is dropped.
                Stage::Finishing | Stage::Abandoned if state.is_up => {
                    steps.push(Step::EndTransaction(number, place, true));
                    let is_dropped = attempt.stage == Stage::Abandoned;
                    if is_dropped || state.left.losses > 0 || !state.reaches(number) {
                        steps.push(Step::EndTransaction(number, place, false));
                    }
                }
                Stage::Committed if is_awake => {
                    steps.push(Step::AnswerCommit(number, place));
                    if state.left.losses > 0 || !state.reaches(number) {
                        steps.push(Step::LoseCommit(number, place));
                    }
                }
                Stage::RolledBack if is_awake => steps.push(Step::LoseCommit(number, place)),
                _ => {}
            }
        }
    }

    fn heart(&self, state: &State, number: usize, steps: &mut Vec<Step>) {
        let process = &state.processes[number];
        let signs_off = process.has_given_back;
        match process.beat {
            Beat::None if state.hears(number) && process.age > 0 && !signs_off => {
                steps.push(Step::SendBeat(number));
            }
            Beat::Sent(_) if state.is_up && process.is_connected && !process.is_mute => {
                steps.push(Step::ExecuteBeat(number));
            }
            Beat::Sent(_) if process.is_awake() => steps.push(Step::LoseBeat(number)),
            Beat::Answer(_) if process.is_awake() => {
                steps.push(Step::AnswerBeat(number));
                if !state.hears(number) {
                    steps.push(Step::LoseBeat(number));
                }
            }
            _ => {}
        }
        if process.is_awake() && process.is_too_old() && !process.is_fenced && self.rules.fence {
            steps.push(Step::Look(number));
        }
    }

    fn fate(state: &State, number: usize, steps: &mut Vec<Step>) {
        let (process, left) = (&state.processes[number], state.left);
        let mut add = |may: bool, step: Step| steps.extend(may.then_some(step));
        match process.life {
            Life::Dead => {
                add(process.holds_lock, Step::LockEnds(number));
                add(process.has_sessions && state.is_up, Step::SessionsEnd(number));
            }
            Life::Asleep => add(true, Step::Wake(number)),
            Life::Awake => {
                add(left.sleeps > 0, Step::Sleep(number));
                add(left.crashes > 0, Step::Crash(number));
                add(left.cuts > 0 && process.is_connected, Step::Cut(number));
                add(left.mutes > 0 && !process.is_mute, Step::Mute(number));
                add(!process.is_connected || process.is_mute, Step::Heal(number));
                add(left.stops > 0 && !process.is_stopping, Step::BeginStop(number));
                let is_idle = process.attempts.iter().all(|it| it.stage == Stage::Abandoned);
                add(process.is_stopping && !is_idle, Step::StopTimeIsUp(number));
                let leaves =
                    process.is_stopping && is_idle && process.beat == Beat::None && state.reaches(number);
                let leases = leases_of(state, number);
                let may_give = leaves && !process.has_given_back && !is_locked(state, &leases);
                add(may_give, Step::GiveBackAll(number));
                add(leaves && process.has_given_back, Step::SignOff(number));
            }
        }
    }

    fn world(&self, state: &State, steps: &mut Vec<Step>) {
        let somebody_works = (0..state.processes.len()).any(|number| state.reaches(number));
        if somebody_works {
            let later = state.jobs.iter().enumerate().filter(|(_, job)| job.later.is_some());
            steps.extend(later.map(|(number, _)| Step::Promote(number)));
            if self.can_rescue(state) {
                steps.push(Step::Rescue);
            }
        }
        for node in 0..self.nodes {
            let lives = state.processes.iter().any(|it| it.node == node && it.life != Life::Dead);
            let may_boot = state.is_up && state.processes.len() < PROCESSES_MAX;
            if may_boot && (!lives || state.left.overlaps > 0) {
                steps.push(Step::Boot(node));
            }
        }
        if state.is_up {
            if state.left.outages > 0 {
                steps.push(Step::StopServer);
            }
        } else {
            steps.push(Step::StartServer);
        }
        if self.may_tick(state) {
            steps.push(Step::Tick);
        }
    }

    fn perform(&self, state: &mut State, step: &Step) {
        match *step {
            Step::SendClaim(number) if !Self::is_calm(state, number) => {
                state.processes[number].claim = Claim::Sent;
            }
            Step::SendClaim(number) | Step::ExecuteClaim(number) => {
                let claimed = self.claim(state, number);
                let is_empty = claimed.is_empty();
                let process = &mut state.processes[number];
                process.claim = if is_empty { Claim::None } else { Claim::Answer(claimed) };
                process.claim_is_late &= !is_empty;
            }
            Step::AnswerClaim(number) => self.take_on(&mut state.processes[number]),
            Step::LoseClaim(number) => {
                spend_loss(state, number);
                let process = &mut state.processes[number];
                (process.claim, process.claim_is_late) = (Claim::None, false);
            }
            Step::Announce(number, place) => Self::starts(state, number, place),
            Step::EndHandler(number, place) => self.handler_ends(state, number, place),
            Step::FailHandler(number, place) => {
                state.left.failures -= 1;
                Self::handler_fails(state, number, place);
            }
            Step::EndTransaction(number, place, committed) => {
                let is_waited_for = state.processes[number].attempts[place].stage == Stage::Finishing;
                if is_waited_for && !committed {
                    spend_loss(state, number);
                }
                Self::transaction_ends(state, number, place, committed);
            }
            Step::AnswerCommit(number, place) => {
                self.commit_answered(&mut state.processes[number], place);
            }
            Step::LoseCommit(number, place) => {
                if state.processes[number].attempts[place].stage == Stage::Committed {
                    spend_loss(state, number);
                }
                Self::commit_failed(state, number, place);
            }
            Step::Flush(number, acks, answered) => {
                if !answered {
                    spend_loss(state, number);
                }
                self.flush(state, number, acks, answered);
            }
            Step::GiveBackUnknown(number) => {
                let unknown = self.unknown(state, number);
                self.give_back(state, &unknown);
            }
            Step::Rescue => self.rescue(state),
            Step::Promote(job) => Self::promote(state, job),
            Step::Bury(number) => {
                state.processes[number].buries = false;
                self.bury(state, number);
            }
            Step::Tick => self.tick(state),
            _ => self.perform_beat(state, step),
        }
    }

    fn perform_beat(&self, state: &mut State, step: &Step) {
        match *step {
            Step::SendBeat(number) => {
                if self.rules.look_before_beat {
                    self.look(state, number);
                }
                state.processes[number].beat = Beat::Sent(0);
                if !self.splits_beats {
                    execute_beat(&mut state.processes[number]);
                    self.beaten(&mut state.processes[number]);
                }
            }
            Step::ExecuteBeat(number) => execute_beat(&mut state.processes[number]),
            Step::AnswerBeat(number) => self.beaten(&mut state.processes[number]),
            Step::LoseBeat(number) => state.processes[number].beat = Beat::None,
            Step::Look(number) => self.look(state, number),
            _ => self.befall(state, step),
        }
    }

    /// What happens to processes and the server.
    fn befall(&self, state: &mut State, step: &Step) {
        match *step {
            Step::Sleep(number) => {
                state.left.sleeps -= 1;
                let process = &mut state.processes[number];
                (process.life, process.was_hindered) = (Life::Asleep, true);
                process.claim_is_late = process.claim != Claim::None;
            }
            Step::Wake(number) => state.processes[number].life = Life::Awake,
            Step::Crash(number) => {
                state.left.crashes -= 1;
                Self::dies(&mut state.processes[number]);
            }
            Step::LockEnds(number) => state.processes[number].holds_lock = false,
            Step::SessionsEnd(number) => Self::sessions_end(state, number),
            Step::Boot(node) => {
                let lives = state.processes.iter().any(|it| it.node == node && it.life != Life::Dead);
                state.left.overlaps -= u8::from(lives);
                state.processes.push(Process::booted(node, true));
            }
            Step::Cut(number) => {
                state.left.cuts -= 1;
                let process = &mut state.processes[number];
                (process.is_connected, process.was_hindered) = (false, true);
            }
            Step::Mute(number) => {
                state.left.mutes -= 1;
                let process = &mut state.processes[number];
                // The server ends that session, and its lock with it.
                (process.is_mute, process.was_hindered, process.holds_lock) = (true, true, false);
            }
            Step::Heal(number) => {
                let process = &mut state.processes[number];
                (process.is_connected, process.is_mute) = (true, false);
            }
            Step::StopServer => {
                state.left.outages -= 1;
                state.is_up = false;
                for number in 0..state.processes.len() {
                    Self::sessions_end(state, number);
                    let process = &mut state.processes[number];
                    (process.holds_lock, process.was_hindered) = (false, true);
                }
            }
            Step::StartServer => (state.is_up, state.up_age) = (true, 0),
            Step::BeginStop(number) => {
                state.left.stops -= 1;
                state.processes[number].is_stopping = true;
            }
            Step::StopTimeIsUp(number) => Self::cut_off(state, number),
            Step::GiveBackAll(number) => {
                // `jobs.rescue.unknown_leases` with nothing known and no age.
                self.give_back(state, &leases_of(state, number));
                state.processes[number].has_given_back = true;
            }
            Step::SignOff(number) => {
                // `jobs.workers.leave`
                Self::dies(&mut state.processes[number]);
                state.processes[number].beat_at = None;
            }
            _ => unreachable!("a step of `perform`"),
        }
    }
}

/// `jobs.workers.beat`, and `jobs.workers.hold` where the session is new.
fn execute_beat(process: &mut Process) {
    let Beat::Sent(age) = process.beat else { return };
    process.beat = Beat::Answer(age);
    (process.beat_at, process.holds_lock) = (Some(0), true);
    process.was_hindered &= !process.is_awake();
}

/// A loss that nothing else explains is counted.
fn spend_loss(state: &mut State, number: usize) {
    if state.reaches(number) {
        state.left.losses -= 1;
    }
}

fn leases_of(state: &State, worker: usize) -> Vec<usize> {
    let is_its = |number: &usize| state.jobs[*number].lease.is_some_and(|lease| lease.worker == worker);
    (0..state.jobs.len()).filter(is_its).collect()
}

fn is_locked(state: &State, jobs: &[usize]) -> bool {
    jobs.iter().any(|number| state.jobs[*number].lease.is_some_and(|lease| lease.is_locked))
}

impl Model for Engine {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.nodes, self.jobs.len(), self.budget)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for number in 0..state.processes.len() {
            self.statements(state, number, steps);
            self.attempts(state, number, steps);
            self.heart(state, number, steps);
            Self::fate(state, number, steps);
        }
        self.world(state, steps);
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        self.perform(&mut state, &step);
        Some(state.normal())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self.wanted)
    }
}
