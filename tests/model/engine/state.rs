//! What there is: the rows of the tables, and what processes remember.

use super::rules::Budget;

/// More tokens are never remembered at once.
const TOKENS_MAX: usize = 16;

/// The two counters that travel with a job's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Counts {
    pub(crate) attempt: i8,
    pub(crate) crashes: u8,
}

/// A row of `job.lease`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lease {
    pub(crate) token: u8,
    /// `worker_id`: the place of its process in [`State::processes`].
    pub(crate) worker: usize,
    pub(crate) counts: Counts,
    /// Younger than the rescuer's `UNKNOWN_AGE`.
    pub(crate) is_young: bool,
    /// The open transaction of a `finish` has deleted it.
    pub(crate) is_locked: bool,
    /// Not in any table: its attempt.
    pub(crate) run: Run,
}

/// How far an attempt has come that had to be announced; others are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Run {
    NotYet,
    Now,
    /// It has ended without harm, and its report is not written.
    Over,
}

/// How a job ended: `job.done.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ending {
    Done,
    Discarded,
    Quarantined,
}

/// Everything the tables say about one job. At most one row per table: all have a primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Job {
    pub(crate) body: bool,
    pub(crate) ready: Option<Counts>,
    pub(crate) later: Option<Counts>,
    pub(crate) lease: Option<Lease>,
    /// How it ended, and after how many crashes.
    pub(crate) done: Option<(Ending, u8)>,
    /// Rows its handler has committed together with `finish`.
    pub(crate) effects: u8,
    /// Not in any table: attempts that failed by themselves.
    pub(crate) failures: i8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Life {
    Awake,
    Asleep,
    Dead,
}

/// A claim under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Claim {
    None,
    Sent,
    /// Executed: job, token, and the counts of the lease.
    Answer(Vec<(usize, u8, Counts)>),
}

/// A heartbeat under way, with its age since it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Beat {
    None,
    Sent(u8),
    Answer(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It would be set aside with its next crash: it waits until it is announced.
    Waiting,
    Running,
    /// The statement `finish` was executed; COMMIT is sent or not, the server has not ended the transaction.
    Finishing,
    Committed,
    RolledBack,
    /// Cut off while finishing: nobody waits for the answer.
    Abandoned,
}

/// An attempt in the hands of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) job: usize,
    pub(crate) token: u8,
    pub(crate) number: i8,
    pub(crate) stage: Stage,
    /// Its claim was on the way while the process slept.
    pub(crate) is_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Done,
    Discard,
    Retry,
    GiveBack,
}

/// A report that waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Report {
    pub(crate) job: usize,
    pub(crate) token: u8,
    pub(crate) verdict: Verdict,
}

/// A process, and its row of `job.worker`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as in the engine")]
pub(crate) struct Process {
    pub(crate) node: u8,
    pub(crate) life: Life,
    /// The age of `job.worker.beat_at`; `None` is `-infinity`.
    pub(crate) beat_at: Option<u8>,
    /// The token in `job.worker.info.alone`: what was announced last.
    pub(crate) announced: Option<u8>,
    /// Its session holds the advisory lock.
    pub(crate) holds_lock: bool,
    /// It is dead, and the server has yet to end a transaction of its.
    pub(crate) has_sessions: bool,
    pub(crate) is_connected: bool,
    /// The connection of its heartbeats is down.
    pub(crate) is_mute: bool,
    /// It has yet to bury earlier boots of its node.
    pub(crate) buries: bool,
    /// The age of the last beat as the process counts it.
    pub(crate) age: u8,
    pub(crate) is_fenced: bool,
    pub(crate) is_stopping: bool,
    /// On its way out: its leases have been given back.
    pub(crate) has_given_back: bool,
    pub(crate) beat: Beat,
    pub(crate) claim: Claim,
    pub(crate) claim_is_late: bool,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) outbox: Vec<Report>,
    /// Leases it knows: job and token.
    pub(crate) held: Vec<(usize, u8)>,
    /// Not in the engine: since the last beat that was executed, something kept it from beating.
    pub(crate) was_hindered: bool,
}

/// A promise that was broken by the last step; kept for ever, so that the property sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "one per promise")]
pub(crate) struct Broken {
    /// A worker that could beat has lost a lease.
    pub(crate) robbed: bool,
    /// A stale token has changed something.
    pub(crate) stale: bool,
    /// A row was inserted where there was one: PostgreSQL would have refused it.
    pub(crate) twice: bool,
    /// A job was set aside for a crash in which it had not started, or was not for one in which it had.
    pub(crate) misjudged: bool,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) jobs: Vec<Job>,
    pub(crate) processes: Vec<Process>,
    pub(crate) is_up: bool,
    /// The age of `pg_postmaster_start_time()`.
    pub(crate) up_age: u8,
    pub(crate) left: Budget,
    pub(crate) broken: Broken,
}

impl Process {
    /// A process that has just registered: `jobs.workers.register`, `jobs.workers.hold`.
    pub(crate) fn booted(node: u8, buries: bool) -> Self {
        Self {
            node,
            life: Life::Awake,
            beat_at: Some(0),
            announced: None,
            holds_lock: true,
            has_sessions: false,
            is_connected: true,
            is_mute: false,
            buries,
            age: 0,
            is_fenced: false,
            is_stopping: false,
            has_given_back: false,
            beat: Beat::None,
            claim: Claim::None,
            claim_is_late: false,
            attempts: Vec::new(),
            outbox: Vec::new(),
            held: Vec::new(),
            was_hindered: false,
        }
    }

    pub(crate) fn is_awake(&self) -> bool {
        self.life == Life::Awake
    }
}

impl State {
    /// All jobs are ready, one process per node has just started.
    pub(crate) fn first(nodes: u8, jobs: usize, left: Budget) -> Self {
        let ready = Some(Counts { attempt: 0, crashes: 0 });
        let job = Job { body: true, ready, later: None, lease: None, done: None, effects: 0, failures: 0 };
        Self {
            jobs: vec![job; jobs],
            processes: (0..nodes).map(|node| Process::booted(node, false)).collect(),
            is_up: true,
            up_age: super::rules::OLD,
            left,
            broken: Broken::default(),
        }
    }

    /// A token never used before: `nextval('job.token')`.
    pub(crate) fn new_token(&self) -> u8 {
        self.tokens().max().unwrap_or(0) + 1
    }

    fn tokens(&self) -> impl Iterator<Item = u8> {
        let leases = self.jobs.iter().filter_map(|job| job.lease.map(|lease| lease.token));
        let processes = self.processes.iter().flat_map(|process| {
            let claimed = match &process.claim {
                Claim::Answer(claimed) => claimed.as_slice(),
                Claim::None | Claim::Sent => &[],
            };
            let reports = process.outbox.iter().map(|report| report.token);
            let attempts = process.attempts.iter().map(|attempt| attempt.token);
            let held = process.held.iter().map(|(_, token)| *token).chain(process.announced);
            claimed.iter().map(|(_, token, _)| *token).chain(attempts).chain(reports).chain(held)
        });
        leases.chain(processes)
    }

    /// The same state under its one name: without the dead that nothing reminds of (`jobs.workers.forget`), tokens
    /// numbered from 1, lists in order.
    pub(crate) fn normal(mut self) -> Self {
        let mut number = 0;
        while number < self.processes.len() {
            let process = &self.processes[number];
            let is_gone = process.life == Life::Dead && !process.holds_lock && !process.has_sessions;
            if is_gone && !self.jobs.iter().any(|job| job.lease.is_some_and(|it| it.worker == number)) {
                self.processes.remove(number);
                for lease in self.jobs.iter_mut().filter_map(|job| job.lease.as_mut()) {
                    lease.worker -= usize::from(lease.worker > number);
                }
            } else {
                number += 1;
            }
        }
        for process in &mut self.processes {
            let leases = self.jobs.iter().filter_map(|job| job.lease.map(|lease| lease.token));
            let mut known = leases.chain(process.attempts.iter().map(|attempt| attempt.token));
            process.announced = process.announced.filter(|token| known.any(|it| it == *token));
        }
        let mut seen = [0_u8; TOKENS_MAX];
        for token in self.tokens() {
            seen[usize::from(token)] = 1;
        }
        let mut next = 0;
        for seen in &mut seen {
            next += *seen;
            *seen *= next;
        }
        for lease in self.jobs.iter_mut().filter_map(|job| job.lease.as_mut()) {
            lease.token = seen[usize::from(lease.token)];
        }
        for process in &mut self.processes {
            process.renumber(&seen);
        }
        self
    }
}

impl Process {
    fn renumber(&mut self, new: &[u8; TOKENS_MAX]) {
        if let Claim::Answer(claimed) = &mut self.claim {
            for (_, token, _) in claimed {
                *token = new[usize::from(*token)];
            }
        }
        self.attempts.iter_mut().for_each(|it| it.token = new[usize::from(it.token)]);
        self.announced = self.announced.map(|token| new[usize::from(token)]);
        self.outbox.iter_mut().for_each(|it| it.token = new[usize::from(it.token)]);
        self.held.iter_mut().for_each(|it| it.1 = new[usize::from(it.1)]);
        self.attempts.sort_unstable();
        self.outbox.sort_unstable();
        self.held.sort_unstable();
    }
}
