//! The runs. Each is exhaustive: every state that its budget allows is visited.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model};

use super::{
    properties::{EFFECTS_ONCE, FENCED, JUDGED, NO_ATTEMPT_BURNED, NOT_ROBBED, STALE, THREE_CRASHES},
    rules::{Budget, Engine, Rules, SOUND},
};
use crate::reach::good_end_stays_in_reach;

/// Threads of one run; runs are side by side already.
const THREADS: usize = 2;

const NOTHING: Budget = Budget {
    crashes: 0,
    sleeps: 0,
    cuts: 0,
    mutes: 0,
    outages: 0,
    stops: 0,
    losses: 0,
    failures: 0,
    overlaps: 0,
};

/// Two nodes; one job whose handler uses `finish`, one that is acknowledged by the outbox.
const TWO: Engine = Engine {
    nodes: 2,
    jobs: &[true, false],
    workers: 1,
    splits_beats: false,
    budget: NOTHING,
    rules: SOUND,
    wanted: &[],
};
const ONE_JOB: Engine = Engine { jobs: &[true], ..TWO };

/// Every promise holds in every state, and these situations are reached.
fn holds(engine: Engine, wanted: &'static [&'static str]) {
    let checker = Engine { wanted, ..engine }.checker().threads(THREADS).spawn_bfs().join();
    assert!(checker.is_done());
    println!("{} states, {} steps deep", checker.unique_state_count(), checker.max_depth());
    let mut seen = BTreeSet::new();
    for (name, path) in checker.discoveries() {
        assert!(wanted.contains(&name), "{name}: {:#?}", path.into_actions());
        seen.insert(name);
    }
    assert_eq!(seen.len(), wanted.len(), "of {wanted:?} only {seen:?} were seen");
}

/// Whether a state like this is reached.
fn reaches(engine: Engine, wanted: &'static [&'static str; 1]) -> bool {
    let checker = Engine { wanted, ..engine }.checker().threads(THREADS).spawn_bfs().join();
    checker.discovery(wanted[0]).is_some()
}

/// Without a rule, this promise is broken.
fn breaks(engine: Engine, without: impl FnOnce(&mut Rules), promise: &'static str) {
    let mut rules = SOUND;
    without(&mut rules);
    let checker = Engine { rules, ..engine }.checker();
    let wanted = HasDiscoveries::AnyOf([promise].into());
    let checker = checker.threads(THREADS).finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(promise).unwrap_or_else(|| panic!("nothing breaks: {promise}"));
    println!("{promise}, broken by {:?}", path.into_actions());
}

fn ends(engine: Engine) {
    let states = good_end_stays_in_reach(&engine, |state| state.jobs.iter().all(|job| job.done.is_some()));
    println!("{} states", states.unwrap_or_else(|lost| panic!("no job can end any more: {lost:#?}")));
}

#[test]
fn lost_answers_and_failures_harm_nothing() {
    holds(
        Engine { budget: Budget { losses: 2, failures: 1, ..NOTHING }, ..TWO },
        &[
            "every job is done",
            "a job is discarded",
            "two processes work side by side",
            "the answer of a successful commit was lost",
            "the answer of a flush was lost and its job runs again",
            "the answer of a claim was lost",
        ],
    );
}

#[test]
fn three_jobs_side_by_side_in_two_processes_harm_nothing() {
    let three = Engine { jobs: &[true, false, true], workers: 2, ..TWO };
    holds(
        Engine { budget: Budget { losses: 1, failures: 1, ..NOTHING }, ..three },
        &["every job is done", "a job is discarded", "the answer of a claim was lost"],
    );
}

#[test]
fn a_crash_at_any_point_harms_nothing() {
    holds(
        Engine { budget: Budget { crashes: 1, losses: 1, ..NOTHING }, ..TWO },
        &[
            "every job is done",
            "a job has ended after a crash",
            "a dead process holds a row lock",
            "an earlier boot is buried",
            "the answer of a successful commit was lost",
        ],
    );
}

#[test]
fn a_job_is_quarantined_after_its_third_crash_and_never_before() {
    holds(
        Engine { nodes: 1, budget: Budget { crashes: 4, ..NOTHING }, ..ONE_JOB },
        &["a job is quarantined", "a job has ended after a crash", "an earlier boot is buried"],
    );
}

#[test]
fn g5_the_last_crash_counts_only_for_the_job_that_had_started() {
    let two = Engine { nodes: 1, workers: 2, jobs: &[false, false], ..TWO };
    let engine = Engine { budget: Budget { crashes: 3, ..NOTHING }, ..two };
    holds(engine, &["a last chance waits beside another", "a job is quarantined", "every job is done"]);
    breaks(engine, |rules| rules.only_the_announced_is_blamed = false, JUDGED);
}

#[test]
fn a_sleeper_that_wakes_after_its_rescue_harms_nothing() {
    holds(
        Engine { budget: Budget { sleeps: 1, losses: 1, ..NOTHING }, ..TWO },
        &[
            "a sleeper wakes beside the new owner",
            "a fenced process gives back",
            "a commit ends behind the fence",
            "a job has ended after a crash",
        ],
    );
}

#[test]
fn a_sleeper_whose_heartbeat_was_on_its_way_comes_back_fenced() {
    let budget = Budget { sleeps: 1, ..NOTHING };
    holds(
        Engine { splits_beats: true, budget, ..ONE_JOB },
        &["a sleeper wakes beside the new owner", "a fenced process gives back"],
    );
}

#[test]
fn a_process_cut_off_from_the_database_fences_itself_before_it_is_robbed() {
    holds(
        Engine { budget: Budget { cuts: 1, losses: 1, ..NOTHING }, ..TWO },
        &["a fenced process gives back", "a commit ends behind the fence", "a job has ended after a crash"],
    );
    let budget = Budget { mutes: 1, losses: 1, ..NOTHING };
    holds(Engine { budget, ..TWO }, &["a fenced process gives back", "a commit ends behind the fence"]);
    let budget = Budget { cuts: 1, ..NOTHING };
    holds(Engine { splits_beats: true, budget, ..ONE_JOB }, &["a fenced process gives back"]);
}

#[test]
fn a_restart_of_the_database_harms_nothing() {
    holds(
        Engine { budget: Budget { outages: 1, crashes: 1, ..NOTHING }, ..ONE_JOB },
        &[
            "a fenced process gives back",
            "the answer of a successful commit was lost",
            "an earlier boot is buried",
        ],
    );
    // Nobody has died: nothing is rescued, nothing counts as a crash.
    let engine = Engine { budget: Budget { outages: 1, ..NOTHING }, ..TWO };
    assert!(!reaches(engine, &["a job has ended after a crash"]));
    holds(engine, &["the answer of a flush was lost and its job runs again"]);
}

#[test]
fn a_stop_at_any_point_burns_no_attempt() {
    holds(
        Engine { budget: Budget { stops: 1, losses: 1, ..NOTHING }, ..TWO },
        &["every job is done", "a stopping process gives back what runs", "the answer of a claim was lost"],
    );
}

#[test]
fn a_boot_beside_a_living_one_takes_only_what_the_dead_left() {
    let budget = Budget { overlaps: 1, crashes: 1, cuts: 1, ..NOTHING };
    holds(
        Engine { nodes: 1, budget, ..ONE_JOB },
        &["two boots of a node live", "an earlier boot is buried", "a job has ended after a crash"],
    );
}

#[test]
fn from_every_state_all_jobs_can_still_end() {
    ends(Engine { budget: Budget { losses: 1, failures: 1, stops: 1, ..NOTHING }, ..ONE_JOB });
    ends(Engine { budget: Budget { crashes: 1, ..NOTHING }, jobs: &[false], ..TWO });
    ends(Engine { budget: Budget { sleeps: 1, ..NOTHING }, ..ONE_JOB });
    ends(Engine { budget: Budget { outages: 1, cuts: 1, ..NOTHING }, ..ONE_JOB });
}

#[test]
fn without_the_token_an_acknowledgement_takes_the_job_of_another() {
    let engine = Engine { budget: Budget { sleeps: 1, ..NOTHING }, jobs: &[false], ..TWO };
    breaks(engine, |rules| rules.acks_are_fenced = false, STALE);
}

#[test]
fn without_the_heartbeat_a_rescue_robs_the_living() {
    breaks(TWO, |rules| rules.rescue_tests_the_beat = false, NOT_ROBBED);
}

#[test]
fn without_the_age_of_the_server_a_restart_of_it_counts_as_crashes() {
    let engine = Engine { budget: Budget { outages: 1, ..NOTHING }, ..ONE_JOB };
    let mut rules = SOUND;
    rules.rescue_tests_the_server = false;
    assert!(reaches(Engine { rules, ..engine }, &["a job has ended after a crash"]));
}

#[test]
fn without_the_session_a_burial_robs_an_earlier_boot_that_lives() {
    let engine = Engine { nodes: 1, budget: Budget { overlaps: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.burial_tests_the_session = false, NOT_ROBBED);
}

#[test]
fn without_the_fence_a_process_works_on_what_others_own() {
    let engine = Engine { budget: Budget { cuts: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.fence = false, FENCED);
}

#[test]
fn a_heartbeat_counted_from_its_answer_hides_a_sleep() {
    let engine = Engine { splits_beats: true, budget: Budget { sleeps: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.beat_counts_from_sending = false, FENCED);
}

#[test]
fn a_heartbeat_sent_before_a_look_at_the_last_one_hides_a_sleep() {
    let engine = Engine { budget: Budget { sleeps: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.look_before_beat = false, FENCED);
}

#[test]
fn a_claim_answered_behind_the_fence_must_not_start() {
    let engine = Engine { budget: Budget { mutes: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.fence_stops_late_answers = false, FENCED);
}

#[test]
fn leases_known_by_their_jobs_alone_are_given_back_while_they_run() {
    let engine = Engine { budget: Budget { losses: 1, failures: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.known_by_token = false, NOT_ROBBED);
}

#[test]
fn a_give_back_without_refund_burns_an_attempt() {
    let engine = Engine { budget: Budget { stops: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.give_back_refunds = false, NO_ATTEMPT_BURNED);
}

#[test]
fn without_quarantine_a_job_crashes_a_fourth_time() {
    let engine = Engine { nodes: 1, budget: Budget { crashes: 3, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.quarantine = false, THREE_CRASHES);
}

#[test]
fn effects_committed_apart_from_the_acknowledgement_happen_twice() {
    let engine = Engine { budget: Budget { crashes: 1, ..NOTHING }, ..ONE_JOB };
    breaks(engine, |rules| rules.finish_is_one_transaction = false, EFFECTS_ONCE);
}
