//! What must hold in every state, and what must be seen in some.

use sportello::jobs::schedules::Overlap;
use stateright::{Expectation, Property};

use super::state::{Cron, Outcome, Run, State, TICKS, place};

pub(crate) const DECIDED: &str = "G6: exactly the ticks that have passed are decided";
pub(crate) const NEVER_TWICE: &str = "G6: no tick fires twice";
const JOB_AND_RECORD: &str = "G6: a tick has a job if its record says so";
const OVERLAP: &str = "runs overlap only as the policy allows";

pub(crate) const DIED: [&str; 4] = [
    "a node died before taking",
    "a node died before inserting",
    "a node died before recording",
    "a node died before the commit",
];

fn property(
    expectation: Expectation,
    name: &'static str,
    condition: fn(&Cron, &State) -> bool,
) -> Property<Cron> {
    Property { expectation, name, condition }
}

pub(crate) fn all() -> Vec<Property<Cron>> {
    let always = |name, condition| property(Expectation::Always, name, condition);
    let sometimes = |name, condition| property(Expectation::Sometimes, name, condition);
    vec![
        always(DECIDED, |_, state| {
            let passed = |tick: u8| tick < state.next_at;
            ticks().all(|tick| state.records[place(tick)].is_some() == passed(tick))
        }),
        always(NEVER_TWICE, |_, state| state.jobs.iter().all(|jobs| jobs.len() <= 1)),
        always(JOB_AND_RECORD, |_, state| {
            ticks().all(|tick| {
                let has_fired = state.records[place(tick)] == Some(Outcome::Fired);
                state.jobs[place(tick)].is_empty() != has_fired
            })
        }),
        always(OVERLAP, |cron, state| match cron.overlap {
            Overlap::Skip | Overlap::CancelOld => {
                count(state, Run::Waiting) + count(state, Run::Running) <= 1
            }
            Overlap::QueueOne => count(state, Run::Waiting) <= 1,
            Overlap::Allow => true,
        }),
        sometimes("every tick fires", |_, state| {
            ticks().all(|tick| state.records[place(tick)] == Some(Outcome::Fired))
        }),
        sometimes("a tick is skipped because it was missed", |_, state| has(state, Outcome::Missed)),
        sometimes("a tick is skipped because the last run is live", |_, state| {
            has(state, Outcome::Overlapping)
        }),
        sometimes("a run is asked to make way", |_, state| count(state, Run::Told) > 0),
        sometimes("a tick is skipped because of a pause", |_, state| has(state, Outcome::Paused)),
        sometimes("two runs are live", |_, state| {
            count(state, Run::Waiting) + count(state, Run::Running) == 2
        }),
        sometimes("two nodes have seen the same tick", |_, state| {
            state
                .nodes
                .iter()
                .filter(|node| node.round.as_ref().is_some_and(|it| it.seen == state.next_at))
                .count()
                == 2
        }),
        sometimes("a node holds what another has decided", |_, state| {
            state.nodes.iter().any(|node| node.round.as_ref().is_some_and(|it| it.seen < state.next_at))
        }),
        sometimes("ticks wait while the schedule is paused", |_, state| {
            state.is_paused && state.next_at < state.now
        }),
        sometimes(DIED[0], |_, state| has_died(state, 0)),
        sometimes(DIED[1], |_, state| has_died(state, 1)),
        sometimes(DIED[2], |_, state| has_died(state, 2)),
        sometimes(DIED[3], |_, state| has_died(state, 3)),
    ]
}

pub(crate) fn ticks() -> impl Iterator<Item = u8> {
    1..=TICKS as u8
}

fn count(state: &State, run: Run) -> usize {
    state.jobs.iter().flatten().filter(|it| **it == run).count()
}

fn has(state: &State, outcome: Outcome) -> bool {
    state.records.contains(&Some(outcome))
}

/// A node has died at this place of its round, and its transaction is open.
fn has_died(state: &State, place: usize) -> bool {
    state.nodes.iter().any(|node| node.is_dead && node.round.as_ref().is_some_and(|it| it.place == place))
}
