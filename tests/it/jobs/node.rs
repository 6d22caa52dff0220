//! What tests of the engine do over and over: enqueue, look, and play a worker by hand.

use std::time::Duration;

use sportello::{
    app::App,
    db::{Connector, Link, Observer},
    jobs::{
        Job, JobId, NewJob, QueueName,
        store::{self, Claimed, claims, workers},
    },
};

use crate::harness::app::TestApp;
pub(crate) use crate::harness::until::eventually;

/// After this long without a beat a worker is dead.
pub(crate) const RESCUE: Duration = Duration::from_secs(10);

pub(crate) async fn enqueue<J: Job>(app: &App, job: &J) -> JobId {
    let mut tx = app.db.begin("tests.enqueue").await.unwrap();
    let id = app.jobs.enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) async fn insert(app: &App, jobs: &[NewJob]) -> Vec<Option<JobId>> {
    let mut tx = app.db.begin("tests.enqueue").await.unwrap();
    let ids = app.jobs.insert(&mut tx, jobs).await.unwrap();
    tx.commit().await.unwrap();
    ids
}

impl TestApp {
    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {from}")).await
    }

    /// Waits until `from` has this many rows.
    pub(crate) async fn until_count(&self, from: &str, expected: i64) {
        let what = format!("{expected} rows in {from}");
        eventually(&what, async || self.count(from).await == expected).await;
    }

    pub(crate) async fn sql(&self, sql: &str) {
        self.database.client().await.batch_execute(sql).await.unwrap();
    }

    /// A connection with the engine's settings.
    pub(crate) fn link(&self) -> Link {
        let connector = store::settings(&Connector::new(self.database.config()));
        Link::new(connector, Duration::from_secs(4), Observer::new(Duration::from_secs(1)))
    }

    /// Waits until this is so.
    pub(crate) async fn until(&self, sql: &str) {
        eventually(sql, async || self.value::<bool>(sql).await).await;
    }

    /// Waits until the engine has taken over the settings of the queues.
    pub(crate) async fn until_followed(&self) {
        let orders = self.app.jobs.orders();
        eventually("the settings are followed", async || !orders.is_strict(QueueName::Default)).await;
    }

    /// Opens every door, as the gatekeeper does.
    pub(crate) async fn open_doors(&self) {
        let link = self.link();
        let mut doors = store::doors::with_waiting(&link, None, 100).await.unwrap();
        while !doors.is_empty() {
            doors = store::doors::open(&link, &doors).await.unwrap().doors;
        }
    }

    /// Every live job is in exactly one place.
    pub(crate) async fn assert_in_place(&self) {
        assert_eq!(store::state::misplaced(&self.link()).await.unwrap(), (0, 0));
    }
}

/// A worker played by hand.
pub(crate) struct Worker {
    pub(crate) link: Link,
    pub(crate) id: i64,
    queue: i16,
}

impl Worker {
    /// A worker of the default queue, from which the application itself must not claim: see `start_idle`. The queue is
    /// known once something was enqueued.
    pub(crate) async fn new(app: &TestApp, node: &str) -> Self {
        let link = app.link();
        let id = workers::register(&link, node, &serde_json::json!({})).await.unwrap();
        let queue = app.value("SELECT id FROM job.queue WHERE name = 'default'").await;
        Self { link, id, queue }
    }

    pub(crate) async fn claim(&self, limit: usize) -> Vec<Claimed> {
        claims::claim(&self.link, self.queue, limit, self.id, RESCUE).await.unwrap()
    }

    /// Its process is gone.
    pub(crate) async fn die(&self, app: &TestApp) {
        app.sql(&format!("UPDATE job.worker SET beat_at = '-infinity' WHERE id = {}", self.id)).await;
    }
}
