//! A fleet of servers on one database, seen from outside: through its tables and through what its jobs did.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sportello::{
    app::App,
    clock::Clock,
    config::{
        Config,
        values::{Optional, Secret},
    },
    db::{Connector, Link, Observer},
    jobs::{NewJob, store},
};
use tokio_postgres::{Client, NoTls};

use super::deeds;
use crate::harness::{
    client,
    database::TestDatabase,
    scratch::Scratch,
    servant::{Node, nodes},
};

/// Jobs of one enqueueing transaction.
const BATCH: usize = 1000;

/// A database with the table of deeds, and a directory for what is done outside. Field order is drop order.
pub(crate) struct Field {
    pub(crate) database: TestDatabase,
    pub(crate) directory: Scratch,
}

impl Field {
    /// On the tests' common server.
    pub(crate) async fn new() -> Self {
        Self::of(TestDatabase::create().await, Scratch::new()).await
    }

    /// On any other.
    pub(crate) async fn of(database: TestDatabase, directory: Scratch) -> Self {
        let field = Self { database, directory };
        field.app().await.stop().await; // migrates
        field.database.client().await.batch_execute(deeds::TABLE).await.unwrap();
        field
    }

    pub(crate) fn nodes(&self, count: usize) -> Vec<Node> {
        nodes(count, &self.database.url(), self.directory.path())
    }

    /// An application in this process that runs no jobs.
    async fn app(&self) -> App {
        let mut config = Config::defaults();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.database.data_dir = self.directory.path().join("feeder");
        config.database.url = Optional(Some(Secret::new(self.database.url())));
        config.jobs.enabled = false;
        App::start_with(Arc::new(config), Clock::system(), deeds::kinds()).await.unwrap()
    }

    /// Enqueues jobs as any client of the database does.
    pub(crate) async fn enqueue(&self, jobs: &[NewJob]) {
        let app = self.app().await;
        for batch in jobs.chunks(BATCH) {
            let mut tx = app.db.begin("tests.enqueue").await.unwrap();
            app.jobs.insert(&mut tx, batch).await.unwrap();
            tx.commit().await.unwrap();
        }
        app.stop().await;
    }

    /// What was done outside: number and process.
    pub(crate) fn outside(&self) -> Vec<(i64, i32)> {
        deeds::outside(self.directory.path())
    }

    pub(crate) async fn value(&self, sql: &str) -> i64 {
        self.database.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn count(&self, from: &str) -> i64 {
        self.value(&format!("SELECT count(*) FROM {from}")).await
    }

    /// A connection, unless PostgreSQL is away.
    pub(crate) async fn client(&self) -> Option<Client> {
        let (client, driver) = self.database.config().connect(NoTls).await.ok()?;
        #[expect(clippy::disallowed_methods, reason = "ends with the client")]
        tokio::spawn(driver);
        Some(client)
    }

    /// Every job has ended: nothing is leased or waits, and no body is without its place.
    pub(crate) async fn assert_nothing_left(&self) {
        const LEFT: [&str; 6] = ["job.body", "job.ready", "job.later", "job.parked", "job.lease", "job.gate"];
        for table in LEFT {
            assert_eq!(self.count(table).await, 0, "left in {table}");
        }
        let connector = store::settings(&Connector::new(self.database.config()));
        let link = Link::new(connector, Duration::from_secs(4), Observer::new(Duration::from_secs(1)));
        assert_eq!(store::state::misplaced(&link).await.unwrap(), (0, 0));
    }

    /// The row of each job from 0 to `jobs` is there, once.
    pub(crate) async fn assert_rows_once(&self, jobs: i64) {
        let distinct = self.value("SELECT count(DISTINCT n) FROM job_deed WHERE n >= 0").await;
        assert_eq!(
            (distinct, self.count("job_deed WHERE n >= 0").await),
            (jobs, jobs),
            "rows: different, all"
        );
    }
}

/// The number of the worker that the process `pid` is; it may have none yet.
pub(crate) async fn worker(client: &Client, pid: i32) -> Result<Option<i64>, tokio_postgres::Error> {
    const WORKER: &str = "SELECT id FROM job.worker WHERE info ->> 'pid' = $1 ORDER BY id DESC LIMIT 1";
    Ok(client.query_opt(WORKER, &[&pid.to_string()]).await?.map(|row| row.get(0)))
}

/// How often `event` has happened in the engine of the server at `address`.
pub(crate) async fn happened(address: SocketAddr, event: &str) -> u64 {
    let answer = client::Client::of(address).get("/metrics").await.expect(200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let name = format!("sportello_jobs_engine_total{{event=\"{event}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("the engine counts it").parse().unwrap()
}
