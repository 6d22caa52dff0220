//! What must hold in every state, and what must be seen in some.

use stateright::{Expectation, Property};

use super::{
    rules::{Engine, QUARANTINE_CRASHES},
    state::{Claim, Ending, Job, Life, Process, Stage, State, Verdict},
};

pub(crate) const IN_ONE_PLACE: &str = "G1: a job is in exactly one place, or has ended";
pub(crate) const ONE_LEASE: &str = "G3: one attempt owns a job";
pub(crate) const STALE: &str = "G3: a stale token changes nothing";
pub(crate) const NOT_ROBBED: &str = "G4: a worker that can beat is never robbed";
pub(crate) const FENCED: &str = "G4: fenced or not, a process runs only what it leases";
pub(crate) const THREE_CRASHES: &str = "G5: three crashes, then quarantined";
pub(crate) const JUDGED: &str = "G5: the last crash counts for the job that had started, and for no other";
pub(crate) const NO_ATTEMPT_BURNED: &str = "G7: only failures cost attempts";
pub(crate) const EFFECTS_ONCE: &str = "G11: effects committed with finish happen exactly once";

fn always(name: &'static str, condition: fn(&Engine, &State) -> bool) -> Property<Engine> {
    Property { expectation: Expectation::Always, name, condition }
}

fn sometimes(name: &'static str, condition: fn(&Engine, &State) -> bool) -> Property<Engine> {
    Property { expectation: Expectation::Sometimes, name, condition }
}

pub(crate) fn all(wanted: &[&str]) -> Vec<Property<Engine>> {
    let mut all = promises();
    let situations = situations().into_iter().chain(more_situations());
    all.extend(situations.filter(|it| wanted.contains(&it.name)));
    assert_eq!(all.len(), promises().len() + wanted.len(), "a situation nobody knows: {wanted:?}");
    all
}

fn promises() -> Vec<Property<Engine>> {
    vec![
        always(IN_ONE_PLACE, |_, state| !state.broken.twice && state.jobs.iter().all(is_in_one_place)),
        always(ONE_LEASE, |_, state| state.jobs.iter().enumerate().all(|it| has_one_owner(state, it))),
        always(STALE, |_, state| !state.broken.stale),
        always(NOT_ROBBED, |_, state| !state.broken.robbed),
        always(FENCED, |_, state| state.processes.iter().all(|it| runs_its_own(state, it))),
        always(THREE_CRASHES, |_, state| state.jobs.iter().all(is_set_aside_in_time)),
        always(JUDGED, |_, state| !state.broken.misjudged),
        always(NO_ATTEMPT_BURNED, |_, state| state.jobs.iter().all(costs_only_failures)),
        always(EFFECTS_ONCE, |engine, state| {
            state.jobs.iter().zip(engine.jobs).all(|(job, uses_finish)| {
                let is_done = matches!(job.done, Some((Ending::Done, _)));
                job.effects == u8::from(is_done && *uses_finish)
            })
        }),
    ]
}

fn is_in_one_place(job: &Job) -> bool {
    let places =
        u8::from(job.ready.is_some()) + u8::from(job.later.is_some()) + u8::from(job.lease.is_some());
    job.body != job.done.is_some() && places == u8::from(job.body)
}

/// No two attempts have the token of the lease: at most one can acknowledge.
fn has_one_owner(state: &State, (number, job): (usize, &Job)) -> bool {
    let Some(lease) = job.lease else { return true };
    let attempts = state.processes.iter().flat_map(|process| &process.attempts);
    let answers = state.processes.iter().flat_map(|process| match &process.claim {
        Claim::Answer(claimed) => claimed.as_slice(),
        Claim::None | Claim::Sent => &[],
    });
    let owners = attempts.filter(|it| it.job == number && it.token == lease.token).count()
        + answers.filter(|it| it.0 == number && it.1 == lease.token).count();
    owners <= 1
}

/// An answer that was on its way while its process slept may start a stale attempt; its token stops it.
fn runs_its_own(state: &State, process: &Process) -> bool {
    let trusts_itself = process.is_awake() && (process.is_fenced || !process.is_too_old());
    let runs = process.attempts.iter().filter(|it| it.stage == Stage::Running && !it.is_late);
    !trusts_itself || runs.into_iter().all(|it| owns(state, it.job, it.token))
}

fn owns(state: &State, job: usize, token: u8) -> bool {
    state.jobs[job].lease.is_some_and(|lease| lease.token == token)
}

fn is_set_aside_in_time(job: &Job) -> bool {
    let counts = [job.ready, job.later, job.lease.map(|lease| lease.counts)];
    let is_live_below = counts.iter().flatten().all(|it| it.crashes < QUARANTINE_CRASHES);
    let ended_well = job.done.is_none_or(|(ending, crashes)| {
        (ending == Ending::Quarantined) == (crashes == QUARANTINE_CRASHES) && crashes <= QUARANTINE_CRASHES
    });
    is_live_below && ended_well
}

fn costs_only_failures(job: &Job) -> bool {
    let waiting = [job.ready, job.later].into_iter().flatten().map(|it| it.attempt);
    let leased = job.lease.map(|lease| lease.counts.attempt - 1);
    waiting.chain(leased).all(|attempt| (0..=job.failures).contains(&attempt))
}

fn situations() -> Vec<Property<Engine>> {
    vec![
        sometimes("every job is done", |_, state| {
            state.jobs.iter().all(|job| matches!(job.done, Some((Ending::Done, _))))
        }),
        sometimes("a job has ended after a crash", |_, state| {
            state.jobs.iter().any(|job| matches!(job.done, Some((Ending::Done, 1..))))
        }),
        sometimes("a job is quarantined", |_, state| has_ended(state, Ending::Quarantined)),
        sometimes("a job is discarded", |_, state| has_ended(state, Ending::Discarded)),
        sometimes("a sleeper wakes beside the new owner", |_, state| {
            any_attempt(state, |process, job, token| {
                process.is_awake() && state.jobs[job].lease.is_some() && !owns(state, job, token)
            })
        }),
        sometimes("one process runs a stale and a live attempt of a job", |_, state| {
            state.processes.iter().any(|process| {
                let attempts = &process.attempts;
                let is_live = |job, token| owns(state, job, token);
                attempts.iter().any(|stale| {
                    !is_live(stale.job, stale.token)
                        && attempts.iter().any(|live| live.job == stale.job && is_live(live.job, live.token))
                })
            })
        }),
        sometimes("the answer of a successful commit was lost", |_, state| {
            state.processes.iter().flat_map(|it| &it.outbox).any(|it| {
                it.verdict != Verdict::Done
                    && matches!(state.jobs[it.job].done, Some((Ending::Done, _)))
                    && state.jobs[it.job].effects == 1
            })
        }),
        sometimes("the answer of a flush was lost and its job runs again", |_, state| {
            state.processes.iter().any(|process| {
                process.attempts.iter().any(|it| {
                    owns(state, it.job, it.token) && process.outbox.iter().any(|report| report.job == it.job)
                })
            })
        }),
        sometimes("the answer of a claim was lost", |_, state| {
            state.jobs.iter().enumerate().any(|(number, job)| {
                job.lease.is_some_and(|it| {
                    let owner = &state.processes[it.worker];
                    owner.is_awake()
                        && owner.claim == Claim::None
                        && !owner.held.contains(&(number, it.token))
                })
            })
        }),
    ]
}

fn more_situations() -> Vec<Property<Engine>> {
    vec![
        sometimes("a dead process holds a row lock", |_, state| {
            state
                .jobs
                .iter()
                .filter_map(|job| job.lease)
                .any(|lease| lease.is_locked && state.processes[lease.worker].life == Life::Dead)
        }),
        sometimes("an earlier boot is buried", |_, state| {
            state
                .jobs
                .iter()
                .filter_map(|job| job.lease)
                .any(|lease| state.processes[lease.worker].beat_at.is_none())
        }),
        sometimes("a commit ends behind the fence", |_, state| {
            state.processes.iter().any(|process| {
                process.is_fenced && process.attempts.iter().any(|it| it.stage == Stage::Abandoned)
            })
        }),
        sometimes("a fenced process gives back", |_, state| {
            state.processes.iter().any(|process| process.is_fenced && !process.outbox.is_empty())
        }),
        sometimes("a stopping process gives back what runs", |_, state| {
            state.processes.iter().any(|process| {
                process.is_stopping && process.outbox.iter().any(|it| it.verdict == Verdict::GiveBack)
            })
        }),
        sometimes("two boots of a node live", |_, state| {
            let lives = |process: &&Process| process.life != Life::Dead && process.node == 0;
            state.processes.iter().filter(lives).count() == 2
        }),
        sometimes("a last chance waits beside another", |_, state| {
            state.processes.iter().any(|process| {
                let waits = process.attempts.iter().any(|it| it.stage == Stage::Waiting);
                waits && process.attempts.iter().any(|it| process.announced == Some(it.token))
            })
        }),
        sometimes("two processes work side by side", |_, state| {
            state.processes.iter().filter(|it| !it.attempts.is_empty() && it.is_awake()).count() == 2
        }),
    ]
}

fn has_ended(state: &State, ending: Ending) -> bool {
    state.jobs.iter().any(|job| job.done.is_some_and(|done| done.0 == ending))
}

fn any_attempt(state: &State, is_it: impl Fn(&Process, usize, u8) -> bool) -> bool {
    state.processes.iter().any(|process| {
        process.attempts.iter().any(|it| it.stage == Stage::Running && is_it(process, it.job, it.token))
    })
}
