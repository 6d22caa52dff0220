//! The runs: every policy, two and three nodes, deaths and lost answers at every statement.

use std::collections::BTreeSet;

use sportello::jobs::schedules::{Missed, Overlap};
use stateright::{Checker, HasDiscoveries, Model};

use super::{
    properties::{DECIDED, DIED, NEVER_TWICE, ticks},
    state::{Cron, Rules, SOUND, Statement, place},
};
use crate::reach::good_end_stays_in_reach;

/// Threads of one run.
const THREADS: usize = 2;

const CALM: Cron = Cron {
    nodes: 2,
    missed: Missed::One,
    overlap: Overlap::Allow,
    crashes: 0,
    losses: 0,
    pauses: 0,
    rules: SOUND,
};

fn holds(cron: Cron, expected: &[&str]) {
    let checker = cron.checker().threads(THREADS).spawn_bfs().join();
    assert!(checker.is_done());
    println!("{:?} {:?}: {} states", cron.missed, cron.overlap, checker.unique_state_count());
    let mut seen = BTreeSet::new();
    for (name, path) in checker.discoveries() {
        let kind = checker.discovery_classification(name).to_string();
        assert_eq!(kind, "example", "{name}: {:#?}", path.into_actions());
        seen.insert(name);
    }
    let missing: Vec<_> = expected.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}; seen: {seen:?}");
}

fn breaks(cron: Cron, promise: &'static str) {
    let wanted = HasDiscoveries::AnyOf([promise].into());
    let checker = cron.checker().threads(THREADS).finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(promise).unwrap_or_else(|| panic!("nothing breaks: {promise}"));
    println!("{promise}, broken by {:?}", path.into_actions());
}

/// From every state, all ticks can still be decided.
fn none_is_lost(cron: Cron) -> bool {
    let is_decided = |state: &_| ticks().all(|tick| decided(state, tick));
    good_end_stays_in_reach(&cron, is_decided).is_ok()
}

fn decided(state: &super::state::State, tick: u8) -> bool {
    state.records[place(tick)].is_some()
}

#[test]
fn each_tick_has_one_decision_under_every_policy() {
    for overlap in [Overlap::Allow, Overlap::Skip, Overlap::QueueOne, Overlap::CancelOld] {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            let mut expected = vec!["every tick fires", "two nodes have seen the same tick"];
            expected.push("a node holds what another has decided");
            if missed != Missed::All || overlap == Overlap::CancelOld {
                expected.push("a tick is skipped because it was missed");
            }
            let (is_unique, cancels) =
                (matches!(overlap, Overlap::Skip | Overlap::QueueOne), overlap == Overlap::CancelOld);
            expected.extend(is_unique.then_some("a tick is skipped because the last run is live"));
            expected.extend((overlap != Overlap::Skip && !cancels).then_some("two runs are live"));
            expected.extend(cancels.then_some("a run is asked to make way"));
            holds(Cron { missed, overlap, ..CALM }, &expected);
        }
    }
}

#[test]
fn each_tick_has_one_decision_whoever_dies_at_which_statement() {
    for (overlap, crashes) in [(Overlap::Allow, 2), (Overlap::Skip, 1), (Overlap::CancelOld, 1)] {
        let cron = Cron { overlap, crashes, ..CALM };
        holds(cron, &[&DIED[..], &["every tick fires"]].concat());
    }
    assert!(none_is_lost(Cron { crashes: 1, losses: 1, ..CALM }));
}

#[test]
fn each_tick_has_one_decision_although_answers_are_lost_and_somebody_pauses() {
    let cron = Cron { losses: 1, pauses: 1, missed: Missed::All, overlap: Overlap::QueueOne, ..CALM };
    holds(
        cron,
        &[
            "ticks wait while the schedule is paused",
            "a tick is skipped because of a pause",
            "every tick fires",
        ],
    );
}

#[test]
fn three_nodes_are_no_worse_than_two() {
    holds(
        Cron { nodes: 3, missed: Missed::All, ..CALM },
        &["two nodes have seen the same tick", "every tick fires"],
    );
}

#[test]
fn without_the_comparison_a_tick_fires_twice() {
    breaks(Cron { rules: Rules { compares: false, ..SOUND }, ..CALM }, NEVER_TWICE);
}

#[test]
fn advancing_before_inserting_loses_a_tick_with_its_leader() {
    const APART: &[Statement] =
        &[Statement::Take, Statement::Commit, Statement::Insert, Statement::Record, Statement::Commit];
    let cron = Cron { crashes: 1, rules: Rules { statements: APART, ..SOUND }, ..CALM };
    breaks(cron, DECIDED);
    assert!(!none_is_lost(cron), "nobody decides it later");
}

#[test]
fn inserting_before_advancing_fires_twice() {
    const APART: &[Statement] =
        &[Statement::Insert, Statement::Commit, Statement::Take, Statement::Record, Statement::Commit];
    let cron = Cron { crashes: 1, rules: Rules { statements: APART, ..SOUND }, ..CALM };
    breaks(cron, NEVER_TWICE);
    breaks(Cron { overlap: Overlap::Skip, ..cron }, NEVER_TWICE);
}
