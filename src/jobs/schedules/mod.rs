//! Cron: when, which job, in which time zone, and what about ticks that were missed, overlap, or fall into a change of the
//! clocks.
//!
//! The table `job.cron` is the truth at run time: `next_at` survives restarts, a tick is decided by one compare-and-swap
//! on it, and every decision is a row of `job.cron_fire` with its reason. Schedules come from code (written there at every
//! start; they may be paused, resumed and run) and from administrators (`/admin/api/cron`, `sportello cron`; they may also
//! be changed and deleted). Every node reads the same table: what one has changed holds for all with their next look.
//!
//! # Glossary
//!
//! *spec*: `minute hour day-of-month month day-of-week`, or six fields with the second first. A field is `*`, a value, a
//! range `1-5`, a step `*/15` or `10-30/5`, or a list of these. Months and weekdays have names (`JAN`, `mon-fri`), Sunday is
//! 0 and 7. When both days are restricted, either is enough. `@hourly @daily @weekly @monthly @yearly` are short for
//! what they say.
//!
//! *missed* (nobody was there for more than five seconds): `skip` makes up for nothing, except for the very last tick of a
//! minute ago; `one` runs once for all of them; `all` runs once for each, the newest `missed_max` within `missed_within`.
//! Older ticks share one decision, as do those beyond the last two thousand.
//!
//! *overlap* (an earlier run is still waiting, running or to be retried): `allow` runs them side by side; `skip` skips the
//! tick; `queue_one` lets one wait until the running one has ended, and skips what comes while one waits; `cancel_old` ends
//! what waits, asks what runs to end ([`crate::jobs`], "cancel"), and starts the newest.
//!
//! *gap* (clocks go forward, the local time does not exist): `shift` moves the tick by the length of the gap, `skip` skips
//! it. *fold* (clocks go back, the local time exists twice): `first`, `second`, or `both`. What is skipped is recorded.
//!
//! *splay*: each tick's job is delayed by a fixed part of this. *pause*: ticks of the pause are recorded as skipped when it
//! ends and are not made up for. *run now*: a job beside the ticks, also of a paused schedule, within the policy for overlap.
//!
//! # Limits
//!
//! The shortest distance of ticks is a second. The scheduler sleeps until the next tick and looks at least every
//! `jobs.poll_max`; who makes or changes a schedule wakes the schedulers of all nodes, so that only a lost hint costs that
//! look. A node decides four schedules at once; each decision is one transaction of about five round trips.
//!
//! Kinds with sealed arguments have no schedules: a row of the table, what the API shows and the journal would hold them in
//! clear. A scheduled job of an open kind may enqueue a sealed one.

mod checks;
mod control;
mod decide;
mod definition;
mod firing;
mod grammar;
mod preview;
mod schedule;
mod spec;
mod table;
mod timing;
mod view;

pub use checks::{WrongField, check};
pub use control::{Operator, Refusal, change, create, delete, locked, pause, resume, run};
pub use decide::{Decision, TICKS_MAX, Tick, Why, decide};
pub use definition::{Definition, Template};
pub use firing::{Fired, fire};
pub use grammar::{SpecError, Wrong};
pub use preview::{PREVIEW_MAX, Preview, PreviewedTick, Remark, preview};
pub use schedule::{Fold, Gap, Missed, Overlap, Schedule, Source};
pub use spec::Spec;
pub use table::schedules;
pub use timing::{How, Occurrence, Occurrences, Timing, TimingError};
pub use view::{Pause, Standing, View};
