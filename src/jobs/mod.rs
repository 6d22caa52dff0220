//! Durable background work: what a job is, and what happened to it. The actors that run it are in
//! [`crate::actors::jobs`].
//!
//! # The life of a job
//!
//! A job has a *body*, written once and deleted once, and is in exactly one *place*: a narrow row of one of these
//! tables. Moving a job is one statement that deletes the row here and inserts it there.
//!
//! ```text
//!       insert (has parents)    insert (run_at > now)   insert (has a key or a limit)   insert (due)
//!               │                       │                          │                        │
//!               ▼  the last one ended   ▼   due: timer             ▼   room: gates          ▼
//!             gate ───────────────────► later ──────────────────► parked ──────────────► ready ◄──────────┐
//!               │      (each step is skipped where it is not needed)                        │              │
//!               │                       ▲                               claim: dispatcher  │              │ give back
//!               │ a parent failed       │ retry (attempt + 1, pause)    (new token)        │              │ (stop, fence,
//!               │                       │ snooze (no attempt)                              ▼              │  lost answer;
//!               │                       └ crash (rescuer, crashes + 1) ◄──────────────── lease ───────────┘  no attempt)
//!               │                                                                           │ acknowledge, fenced by
//!               ▼                                                                           ▼ (id, token)
//!             done: ok · discarded · cancelled · quarantined (after three crashes, or unreadable)
//! ```
//!
//! Beside the places: `edge` says who waits for whom, `batch` counts members, `step` and `progress` are what running
//! attempts write down, `uniq` holds unique keys, `bucket` the tokens of rates.
//!
//! # Guarantees
//!
//! Each with its tests in `tests/it/jobs`, whose names begin with its number (`g4_…`); those about claims, leases,
//! crashes, stops and ticks also hold in a model of the statements that is checked exhaustively (`tests/model`):
//! - **G1** A committed job is never lost: it is in a table until it has ended. (`outage`, `rescue`, `chaos`)
//! - **G2** A rolled-back job is never seen; hints are rung only after the commit. (`enqueue`, `flows`)
//! - **G3** One live lease per job. A token is given at each claim and only grows; a report, a `finish`, a step, a
//!   progress or a give-back with an older token changes nothing; reports are counted as stale. (`race`)
//! - **G4** Jobs of a dead process run again: those of an earlier boot of the same node as soon as it is up, others
//!   after `jobs.rescue` without a heartbeat. A process that cannot beat cancels its own jobs at `jobs.fence`, before
//!   that. After a restart of PostgreSQL, when nobody could beat, nobody is dead. (`rescue`, `outage`, `suspended`)
//! - **G5** A job that was running in three crashes is set aside. Crashes are counted apart from attempts. Jobs that
//!   merely ran beside a poisonous one count the crash too, but not the last one: a job that would be set aside with
//!   its next crash runs apart from others like it and is announced before it starts, and only the announced one is
//!   blamed. What an outsider kills three times, the last time alone with it, cannot be told from poison: it is set
//!   aside with its body, too. (`rescue`, `poison`, `chaos`)
//! - **G6** Each cron tick has one recorded decision, whoever makes it and however late; ticks missed for longer than
//!   the schedule's window share one. (`cron`, `leader`, `two_years`)
//! - **G7** A stop fails no job and burns no attempt: what is not done when the time is up is given back. (`rescue`)
//! - **G8** The limits of keys, kinds and queues are never exceeded by leases, whatever dies: room is counted from the
//!   leases under a lock, not kept. A kind's limit is exact once all servers run the binary that declares it. (`limits`)
//! - **G9** Enqueueing takes no lock another enqueue waits for, except for equal unique keys. (`enqueue`)
//! - **G10** With a transaction pinned open for minutes, so that nothing can be vacuumed, throughput stays at 80 % at
//!   least: measured, not tested. (`script/bench jobs -- --pinned`, `bench/README.md`)
//! - **G11** *At least once outside PostgreSQL, exactly-once effects inside it*: a handler that ends with
//!   [`JobContext::finish`] commits its writes and the acknowledgement together; any other handler may run again after
//!   its effects, when its report was lost. (`retry`, `outage`, `chaos`)
//!
//! # Limits
//!
//! A job with a [`Key`], or of a kind with [`Job::MAX_RUNNING`], is parked at a *door* until there is room: `ready` holds
//! only what may run, so that no claim walks over blocked rows. The gatekeeper opens doors after each end that may have
//! made room, and looks at all of them regularly. A queue's `max_running` and rate are looked at by its claims.
//!
//! # The hand-over
//!
//! Jobs that are due at once, while workers of this process are idle and nothing of the queue waits, are inserted as
//! leases of this process instead of `ready` rows, and start right after the commit: no hint, no poll, no claim. They
//! are as safe as claimed ones: the lease is a row of the same transaction. (`handover`)
//!
//! # Whose clock
//!
//! When a job is due, and which cron tick has come, is decided by the application's [`crate::clock::Clock`], which tests
//! move; with several nodes their clocks must be kept together (NTP), and a node that is ahead starts a job early by as
//! much. Who is alive is decided by the database's clock alone: beats, fences and rescues cannot be fooled by skew.
//!
//! # Steering while it runs
//!
//! What administrators want stands in rows (`job.queue`, `job.kind`, `job.worker`, marks on leases); the steward of every
//! process reads them each second, and at once when it is told. Queues are paused, limited and scaled, kinds paused (their
//! jobs are parked),
//! nodes drained ([`settings`]): what was claimed ahead goes back, what runs is finished, no attempt is burned. A running
//! job is cancelled by its lease: asked, then cut, never retried nor rescued ([`Jobs::cancel_running`]). Work that blocks
//! has threads of its own ([`JobContext::blocking`]); what goes on after its attempt is reported as stuck.
//! (`steering`, `administration`, `command_line`, `cancel`, `blocking`)
//!
//! # Adding a job
//!
//! A struct with its arguments, `impl Job`, one line in [`registry`]; with a schedule, one line in [`schedules`]. Kinds
//! are names in rows: never rename one. Unknown kinds wait for a newer server, unreadable arguments are quarantined.

#![doc = include_str!("features.md")]

pub mod accounts;
mod answers;
mod archive;
mod arguments;
mod attempt;
pub mod audit;
mod blocking;
pub mod breaker;
mod cancel;
pub mod clinic;
mod context;
mod distribution;
pub mod documents;
pub mod erase;
pub mod events;
mod figures;
mod fingerprint;
mod flow;
mod handle;
mod idle;
mod ids;
pub mod inspect;
mod job;
pub(crate) mod key;
mod new_job;
pub mod notary;
pub mod order;
pub mod registry;
mod report;
pub mod schedules;
pub mod seal;
pub mod settings;
pub mod signing;
mod steps;
pub mod store;

pub use answers::{Answering, NoAnswer, Pending};
pub use attempt::{AnswerError, Attempt, Progress};
pub use blocking::{Blocking, BlockingPool, Stuck};
pub use breaker::{Breakers, Dependency, Outage};
pub use context::{FinishError, JobContext, Resources};
pub use distribution::Distribution;
pub use figures::{BUCKETS_US, FailureSeen, Figures, KindFigures, LATENESS_US, Lateness};
pub use fingerprint::fingerprint;
pub use flow::{BatchError, Flow, Node, Started};
pub use handle::{Hint, Hints, Jobs, Reserved};
pub use idle::NotIdle;
pub use ids::JobId;
pub use job::{Job, Keep, Outcome, QueueName, Retry};
pub use key::Key;
pub use new_job::{Hold, NewJob, OnFail, Unique};
pub use report::{AttemptOutcome, Ending, Report, Story, Verdict};
pub use steps::Parent;
