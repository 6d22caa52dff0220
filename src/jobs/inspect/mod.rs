//! Jobs, as administrators and their owners see them: lists, one job with its story, why it does not run, queues, kinds,
//! nodes, batches; and what administrators may do to them.
//!
//! Nothing here scans a table or counts one: lists go by id through windows of an index ([`crate::jobs::store::lists`]),
//! counts stop at a limit and say so. Orders are fenced against races: a job that moved at the same moment is reported,
//! not lost.

mod batches;
mod detail;
mod enqueue;
mod explain;
mod feed;
mod filter;
mod kinds;
mod listing;
mod names;
mod nodes;
mod orders;
mod queues;
mod reason;
mod snapshot;
mod task;

pub use batches::{Batch, batch, batches};
pub use detail::{AttemptSeen, CancelAsked, Detail, Progress, show};
pub use enqueue::{Draft, DraftError, MAX_TAGS, enqueue};
pub use explain::Explanation;
pub use feed::{Change, Changed, Changes, Feed};
pub use filter::{Filter, State, fingerprint_text, parse_fingerprint};
pub use kinds::{Kind, kinds};
pub use listing::{Found, Listed, MAX_LIST, list};
pub use names::{UnknownName, check_names};
pub use nodes::{Node, NodeState, node, nodes};
pub(super) use orders::joined;
pub use orders::{
    BULK_MAX, Bulk, COUNT_MAX, Count, Order, OrderError, Result as OrderResult, SNOOZE_MAX, Who, bulk, count,
    order,
};
pub use queues::{Depth, Queue, queues};
pub use reason::{Reason, Why};
pub use task::{Task, TaskProgress, task};

use std::time::Duration;

/// After how long without a beat a node is fenced, and dead.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// It cancels its own jobs.
    pub fence: Duration,
    /// Others take them.
    pub rescue: Duration,
}

impl Patience {
    /// As `[jobs]` of the configuration says.
    pub fn of(config: &crate::config::sections::Jobs) -> Self {
        Self { fence: *config.fence, rescue: *config.rescue }
    }
}
