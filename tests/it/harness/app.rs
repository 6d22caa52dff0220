//! The running application on a database of its own and a clock that tests move.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use sportello::{
    app::App,
    clock::Clock,
    config::{
        Config,
        values::{Optional, Quota, Secret},
    },
    jobs::registry::{Registry, registry},
    postgres,
};

use super::{database::TestDatabase, scratch::Scratch};

/// An application under test. Field order is drop order: the database goes last.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) database: TestDatabase,
    pub(super) scratch: Scratch,
}

/// What tests change of the defaults.
fn configuration(scratch: &Scratch) -> Config {
    let mut config = Config::defaults();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.database.data_dir = scratch.path().to_owned();
    config.database.pool_size = 8;
    config.database.pool_overflow = 4;
    // Cheap hashes: what is tested is never how long they take.
    (config.accounts.password_memory.0, config.accounts.password_passes) = (1 << 20, 1);
    // This program is the tests'.
    config.clinic.reading_program = Optional(Some(env!("CARGO_BIN_EXE_sportello").to_owned()));
    unlimited(&mut config);
    config
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_full(change, registry()).await
    }

    /// With other kinds of jobs.
    pub(crate) async fn start_full(change: impl FnOnce(&mut Config), kinds: Registry) -> Self {
        Self::start_on(TestDatabase::create().await, Scratch::new(), change, kinds).await
    }

    /// With a clock that is late by so much: what happens by it is past for programs that have the machine's time.
    pub(crate) async fn start_late(by: SignedDuration, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::system();
        clock.advance(-by);
        Self::start_by(clock, TestDatabase::create().await, Scratch::new(), change, registry()).await
    }

    pub(super) async fn start_on(
        database: TestDatabase,
        scratch: Scratch,
        change: impl FnOnce(&mut Config),
        kinds: Registry,
    ) -> Self {
        Self::start_by(Clock::system(), database, scratch, change, kinds).await
    }

    async fn start_by(
        clock: Clock,
        database: TestDatabase,
        scratch: Scratch,
        change: impl FnOnce(&mut Config),
        kinds: Registry,
    ) -> Self {
        let mut config = configuration(&scratch);
        config.database.url = Optional(Some(Secret::new(database.url())));
        change(&mut config);
        let app = App::start_with(Arc::new(config), clock, kinds).await.expect("the application starts");
        Self { app, database, scratch }
    }

    /// Beside a PostgreSQL of the test's own, which may be stopped.
    pub(crate) async fn start_beside(
        server: &tokio_postgres::Config,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let scratch = Scratch::new();
        let mut config = configuration(&scratch);
        change(&mut config);
        let app = App::start(Arc::new(config), Clock::system()).await.expect("the application starts");
        Self { app, database: TestDatabase::of_managed(server), scratch }
    }

    /// With a PostgreSQL that the application manages itself, so that its actor is in the tree.
    pub(crate) async fn start_managed(change: impl FnOnce(&mut Config)) -> Self {
        let scratch = Scratch::new();
        let mut config = configuration(&scratch);
        config.postgres.shared_buffers = "32MB".to_owned();
        change(&mut config);
        let app = App::start(Arc::new(config), Clock::system()).await.expect("the application starts");
        let server = postgres::running(scratch.path()).expect("its PostgreSQL runs");
        let database = TestDatabase::of_managed(&server);
        // What is tested is never a power cut.
        let client = database.client().await;
        client.batch_execute("ALTER SYSTEM SET fsync = off").await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        Self { app, database, scratch }
    }

    /// Another node on the same database, with the same clock.
    pub(crate) async fn another_node(&self, change: impl FnOnce(&mut Config), kinds: Registry) -> App {
        let mut config = Config::clone(&self.app.config);
        change(&mut config);
        App::start_with(Arc::new(config), self.app.clock.clone(), kinds).await.expect("another node starts")
    }

    /// Runs every job that is due by the test's clock, cron ticks included; a failed attempt fails the test.
    pub(crate) async fn run_jobs(&self) {
        self.app
            .jobs
            .run_until_idle(&self.app.db, Duration::from_secs(60))
            .await
            .expect("every job succeeds");
    }

    /// Nothing of this queue is run until the test ends.
    pub(crate) async fn pause_queue(&self, queue: &str) {
        const PAUSE: &str = "INSERT INTO job.queue (name, paused_at) VALUES ($1, now())
            ON CONFLICT (name) DO UPDATE SET paused_at = now()";
        self.database.client().await.execute(PAUSE, &[&queue]).await.unwrap();
    }

    /// It does not tick until the test ends, neither by the test's clock nor by a minute that passes meanwhile.
    pub(crate) async fn pause_schedule(&self, key: &str) {
        const PAUSE: &str = "UPDATE job.cron SET paused_at = now() WHERE key = $1";
        assert_eq!(self.database.client().await.execute(PAUSE, &[&key]).await.unwrap(), 1, "{key}");
    }

    /// Stops in order.
    pub(crate) async fn finish(self) {
        self.app.stop().await;
    }
}

/// Tests are many clients behind one address; those of the limiter set quotas of their own.
fn unlimited(config: &mut Config) {
    let limits = &mut config.limits;
    for quota in [
        &mut limits.anonymous,
        &mut limits.user,
        &mut limits.admin,
        &mut limits.login,
        &mut limits.register,
        &mut limits.upload,
        &mut limits.booking,
        &mut limits.create_patient,
        &mut limits.clinic_report,
        &mut limits.clinic_upload,
        &mut limits.webhook,
    ] {
        *quota = Quota { limit: 1_000_000, window: Duration::from_secs(60) };
    }
}
