//! What requests about documents share: how many files are received at once, and which readings the audit log has heard of.

use std::{net::IpAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::{
    accounts::seldom::{Due, Said},
    config::sections,
    http::problem::{Problem, SOON},
    ids::{DocumentId, DocumentLinkId, UserId},
    scope::{self, Scope},
};

/// How long receiving a file may take altogether: 250 MiB at 600 kbit/s. Longer ones go on with another request.
pub const RECEIVING_MAX: Duration = Duration::from_secs(3600);
/// To store what is left of it.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reader {
    /// Somebody who is logged in.
    Person(UserId),
    /// Somebody with a link, from an address.
    Link(DocumentLinkId, IpAddr),
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

/// A version that somebody reads.
pub(super) type Reading = (Reader, DocumentId, i32);

struct Inner {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    heard: Said<Reading>,
}

impl Desk {
    /// As `[documents]` of the configuration says.
    pub fn new(config: &sections::Documents) -> Self {
        let places = Arc::new(Semaphore::new(config.arriving));
        Self(Arc::new(Inner { places, tasks: TaskTracker::new(), heard: Said::default() }))
    }

    /// A place to receive a file; 503 when all are taken.
    pub(in crate::http) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.0.places.clone().try_acquire_owned().map_err(|_| Problem::unavailable(SOON))
    }

    /// Does work that goes on when the client goes away: what has arrived by then is kept, or cleared away.
    pub(in crate::http) async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let id = scope::current().map(|scope| scope.request_id().to_owned()).unwrap_or_default();
        let scope = Scope::new(id, Instant::now() + RECEIVING_MAX + AFTERWARDS);
        self.0.tasks.spawn(scope.enter(work)).await.map_err(Problem::internal)?
    }

    /// What is to be told of a reading: of a download in many ranges one entry a minute.
    pub(super) async fn due(&self, reading: Reading, now: Timestamp) -> Due<Reading> {
        self.0.heard.due(vec![reading], now).await
    }
}
