//! Durable background work (being written; the public face is final).

pub mod accounts;
mod context;
pub mod events;
mod handle;
mod ids;
mod job;
mod new_job;
pub mod registry;
pub mod store;

pub use context::{Attempt, FinishError, JobContext, Resources};
pub use handle::{Hints, Jobs};
pub use ids::JobId;
pub use job::{Job, Keep, Outcome, QueueName, Retry};
pub use new_job::{Hold, NewJob, Unique};
