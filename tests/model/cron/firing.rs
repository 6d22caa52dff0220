//! The statements of `src/jobs/store/cron.rs`, in the order in which `actors/jobs/scheduler.rs` sends them.

use std::{sync::LazyLock, time::Duration};

use ahash::AHashMap;
use sportello::jobs::schedules::{Fold, Gap, Missed, Overlap, Tick, Timing, decide};
use stateright::{Model, Property};

use super::{
    properties,
    state::{Cron, Node, Outcome, Round, Run, State, Statement, TICKS, Writes, instant, minute, place},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A minute passes.
    Minute,
    /// `jobs.cron.due`, and the decision.
    Look(usize),
    /// The next statement of a node's round.
    Execute(usize),
    /// The connection is lost before COMMIT, or with its answer.
    Lose(usize, bool),
    Crash(usize),
    /// The server ends the transaction of the dead: COMMIT had been sent, or not.
    EndOfTheDead(usize, bool),
    Boot(usize),
    /// A job starts, or ends.
    Start(u8, usize),
    End(u8, usize),
    Pause,
    Resume,
}

/// What the engine decides, by policy, `next_at` and time: the next tick, and what becomes of those that have come.
static DECISIONS: LazyLock<Decisions> = LazyLock::new(|| {
    let timing = Timing::new("* * * * *", "UTC", Gap::Shift, Fold::First).unwrap();
    let outcome = |tick: Tick| if tick.fires() { Outcome::Fired } else { Outcome::Missed };
    let mut decisions = AHashMap::new();
    for missed in [Missed::Skip, Missed::One, Missed::All] {
        for (next_at, now) in
            (1..=TICKS as u8).flat_map(|next_at| (next_at..=TICKS as u8).map(move |now| (next_at, now)))
        {
            let decision =
                decide(&timing, instant(next_at), instant(now), missed, Duration::from_secs(3600), 100);
            let ticks = decision.ticks.iter().map(|(at, tick)| (minute(*at), outcome(*tick))).collect();
            let next = minute(decision.next_at.unwrap());
            decisions.insert((missed.as_str(), next_at, now), (next, ticks));
        }
    }
    decisions
});

type Decisions = AHashMap<(&'static str, u8, u8), (u8, Vec<(u8, Outcome)>)>;

impl Cron {
    /// `jobs.cron.due`
    fn is_due(state: &State) -> bool {
        !state.is_paused && state.next_at <= state.now && usize::from(state.next_at) <= TICKS
    }

    fn look(&self, state: &State) -> Round {
        let (next_at, mut ticks) = DECISIONS[&(self.missed.as_str(), state.next_at, state.now)].clone();
        let last = ticks.iter().rposition(|(_, outcome)| *outcome == Outcome::Fired);
        if let Some(last) = last.filter(|_| self.overlap == Overlap::CancelOld) {
            // Each would cancel the one before: the last makes up for all.
            let others = ticks[..last].iter_mut().filter(|(_, outcome)| *outcome == Outcome::Fired);
            others.for_each(|(_, outcome)| *outcome = Outcome::Missed);
        }
        Round { place: 0, seen: state.next_at, next_at, ticks, writes: Writes::default() }
    }

    fn statement(&self, state: &State, node: usize) -> Option<Statement> {
        let round = state.nodes[node].round.as_ref()?;
        Some(self.rules.statements[round.place])
    }

    /// Another open transaction has locked the row of the schedule, or has inserted its unique key.
    fn must_wait(&self, state: &State, node: usize) -> bool {
        let others = state.nodes.iter().enumerate().filter(|(number, _)| *number != node);
        let mut writes = others.filter_map(|(_, other)| Some(&other.round.as_ref()?.writes));
        match self.statement(state, node) {
            Some(Statement::Take) => writes.any(|writes| writes.next_at.is_some()),
            Some(Statement::Insert) => writes.any(|writes| writes.key.is_some()),
            Some(Statement::Record | Statement::Commit) | None => false,
        }
    }

    fn execute(&self, state: &mut State, node: usize) {
        let (statement, key) = (self.statement(state, node), state.key);
        let is_free = state.next_at == state.nodes[node].round.as_ref().unwrap().seen && !state.is_paused;
        let Some(round) = state.nodes[node].round.as_mut() else { return };
        match statement {
            Some(Statement::Take) if !is_free && self.rules.compares => {
                state.nodes[node].round = None; // another node was faster
                return;
            }
            Some(Statement::Take) => round.writes.next_at = Some(round.next_at),
            Some(Statement::Insert) => self.insert(round, key),
            Some(Statement::Record) => round.writes.records.clone_from(&round.ticks),
            Some(Statement::Commit) | None => {
                self.commit(state, node);
                return;
            }
        }
        round.place += 1;
    }

    /// One job per tick that fires; with a unique key, where runs must not overlap, the first one that finds it free.
    fn insert(&self, round: &mut Round, key: Option<u8>) {
        for (tick, outcome) in round.ticks.iter_mut().filter(|(_, outcome)| *outcome == Outcome::Fired) {
            let is_unique = matches!(self.overlap, Overlap::Skip | Overlap::QueueOne);
            if is_unique && (key.is_some() || round.writes.key.is_some()) {
                *outcome = Outcome::Overlapping;
                continue;
            }
            round.writes.jobs.push(*tick);
            round.writes.key = is_unique.then_some(*tick);
        }
    }

    fn commit(&self, state: &mut State, node: usize) {
        let Some(round) = state.nodes[node].round.as_mut() else { return };
        let writes = std::mem::take(&mut round.writes);
        round.place += 1;
        self.write(state, writes);
    }

    fn write(&self, state: &mut State, writes: Writes) {
        if self.overlap == Overlap::CancelOld && !writes.jobs.is_empty() {
            for run in state.jobs.iter_mut().flatten() {
                *run = match run {
                    Run::Waiting | Run::Ended => Run::Ended,
                    Run::Running | Run::Told => Run::Told,
                };
            }
        }
        state.next_at = writes.next_at.unwrap_or(state.next_at);
        state.key = writes.key.or(state.key);
        for tick in writes.jobs {
            state.jobs[place(tick)].push(Run::Waiting);
        }
        for (tick, outcome) in writes.records {
            // ON CONFLICT (key, fire_at) DO NOTHING
            state.records[place(tick)].get_or_insert(outcome);
        }
    }

    /// Another transaction holds the row of the schedule.
    fn is_locked(state: &State) -> bool {
        state.nodes.iter().any(|node| node.round.as_ref().is_some_and(|it| it.writes.next_at.is_some()))
    }

    /// What has come is decided first, in the same transaction.
    fn pause(&self, state: &mut State) {
        state.pauses -= 1;
        if Self::is_due(state) {
            let mut round = self.look(state);
            round.writes.next_at = Some(round.next_at);
            self.insert(&mut round, state.key);
            round.writes.records.clone_from(&round.ticks);
            self.write(state, round.writes);
        }
        state.is_paused = true;
    }

    /// The ticks of the pause are decided by its end.
    fn resume(state: &mut State) {
        state.is_paused = false;
        while state.next_at <= state.now && usize::from(state.next_at) <= TICKS {
            state.records[place(state.next_at)].get_or_insert(Outcome::Paused);
            state.next_at += 1;
        }
    }

    fn ends_round(&self, state: &mut State, node: usize) {
        let round = &mut state.nodes[node].round;
        if round.as_ref().is_some_and(|round| round.place == self.rules.statements.len()) {
            *round = None;
        }
    }

    /// A key is held until the run starts, or until it ends.
    fn moves_on(&self, state: &mut State, tick: u8, number: usize, run: Run) {
        state.jobs[place(tick)][number] = run;
        let releases = if self.overlap == Overlap::QueueOne { Run::Running } else { Run::Ended };
        if run == releases && state.key == Some(tick) {
            state.key = None;
        }
    }

    fn node_steps(&self, state: &State, number: usize, steps: &mut Vec<Step>) {
        let node = &state.nodes[number];
        let at_commit = self.statement(state, number) == Some(Statement::Commit);
        if node.is_dead {
            if node.round.is_some() {
                steps.push(Step::EndOfTheDead(number, false));
                steps.extend(at_commit.then_some(Step::EndOfTheDead(number, true)));
            }
            steps.extend((number < self.nodes).then_some(Step::Boot(number)));
            return;
        }
        if node.round.is_some() {
            if !self.must_wait(state, number) {
                steps.push(Step::Execute(number));
            }
            if state.losses > 0 {
                steps.push(Step::Lose(number, false));
                steps.extend(at_commit.then_some(Step::Lose(number, true)));
            }
        } else if Self::is_due(state) {
            steps.push(Step::Look(number));
        }
        if state.crashes > 0 {
            steps.push(Step::Crash(number));
        }
    }
}

impl Model for Cron {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            next_at: 1,
            is_paused: false,
            records: [None; TICKS],
            jobs: Default::default(),
            key: None,
            nodes: vec![Node::default(); self.nodes],
            crashes: self.crashes,
            losses: self.losses,
            pauses: self.pauses,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if usize::from(state.now) < TICKS {
            steps.push(Step::Minute);
        }
        for number in 0..state.nodes.len() {
            self.node_steps(state, number, steps);
        }
        for tick in 1..=TICKS as u8 {
            for (number, run) in state.jobs[place(tick)].iter().enumerate() {
                match run {
                    Run::Waiting => steps.push(Step::Start(tick, number)),
                    Run::Running | Run::Told => steps.push(Step::End(tick, number)),
                    Run::Ended => {}
                }
            }
        }
        if Self::is_locked(state) {
            // who wants to pause or resume waits
        } else if state.is_paused {
            steps.push(Step::Resume);
        } else if state.pauses > 0 {
            steps.push(Step::Pause);
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Minute => state.now += 1,
            Step::Look(node) => state.nodes[node].round = Some(self.look(before)),
            Step::Execute(node) => {
                self.execute(&mut state, node);
                self.ends_round(&mut state, node);
            }
            Step::Lose(node, committed) => {
                state.losses -= 1;
                if committed {
                    self.commit(&mut state, node);
                }
                state.nodes[node].round = None;
            }
            Step::Crash(node) => {
                state.crashes -= 1;
                state.nodes[node].is_dead = true;
            }
            Step::EndOfTheDead(node, committed) => {
                if committed {
                    self.commit(&mut state, node);
                }
                state.nodes[node].round = None;
            }
            Step::Boot(node) => {
                // What the earlier boot had sent is still in the hands of the server.
                let round = state.nodes[node].round.take();
                if round.is_some() {
                    state.nodes.push(Node { is_dead: true, round });
                }
                state.nodes[node].is_dead = false;
            }
            Step::Start(tick, number) => self.moves_on(&mut state, tick, number, Run::Running),
            Step::End(tick, number) => self.moves_on(&mut state, tick, number, Run::Ended),
            Step::Pause => self.pause(&mut state),
            Step::Resume => Self::resume(&mut state),
        }
        // The dead whose transaction has ended and whose successor lives.
        while state.nodes.len() > self.nodes && state.nodes.last().is_some_and(|node| node.round.is_none()) {
            state.nodes.pop();
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
