//! The job engine: what claims, runs, acknowledges, rescues and schedules. What a job *is* stands in [`crate::jobs`].
//!
//! ```text
//! root/jobs            one_for_one
//! ├─ beat              own connection: heartbeat, fence, and at the end the sign-off
//! ├─ acker             own connection: writes reports, one flush in flight
//! ├─ timer             later → ready when due
//! ├─ gates             jobs that wait for room or for other jobs
//! ├─ rescuer           jobs of dead workers, leases nobody knows
//! ├─ scheduler         cron
//! ├─ janitor           partitions, pruning, self-check
//! ├─ watchdog          alarms and restarts a dispatcher that claims nothing
//! ├─ sampler           the length and age of the queues, for metrics; on the janitor's connection
//! ├─ notifier          tells other nodes
//! ├─ steward           own connection: cancels attempts; pauses, scales and drains as administrators want
//! └─ queues/<queue>    one dispatcher per queue, own connection
//! ```
//!
//! A crash of any of them loses no job and no report: claimed jobs, running attempts and reports live in the shared
//! `Engine`, and PostgreSQL holds the truth. While the database is away the actors stay up and try again; links
//! reconnect by themselves, so these actors restart only for bugs.
//!
//! Stop order is the reverse: dispatchers stop claiming and wait for what runs, the acker writes the last reports, the
//! beat gives back what is left and signs off.

mod acker;
mod attempt;
mod beat;
mod bells;
mod branch;
mod crew;
mod crier;
mod dispatcher;
mod engine;
mod gates;
mod handover;
mod hints;
mod janitor;
mod last_chance;
mod notifier;
mod outages;
mod outbox;
mod rescuer;
mod sampler;
mod scheduler;
mod steward;
mod timer;
mod watchdog;

pub use acker::AckerMsg;
pub use beat::BeatMsg;
pub use branch::{Site, branch};
pub use crier::quiet_branch;
pub use dispatcher::DispatcherMsg;
pub use gates::GatesMsg;
pub use janitor::JanitorMsg;
pub use notifier::{CHANNEL, NotifierMsg};
pub use rescuer::RescuerMsg;
pub use sampler::SamplerMsg;
pub use scheduler::SchedulerMsg;
pub use steward::StewardMsg;
pub use timer::TimerMsg;
pub use watchdog::WatchdogMsg;

use crate::jobs::QueueName;

fn dispatcher_path(queue: QueueName) -> String {
    format!("root/jobs/queues/{queue}")
}
