//! The running application on a database of its own and a clock that tests move.

use std::sync::Arc;

use sportello::{
    app::App,
    clock::Clock,
    config::{
        Config,
        values::{Optional, Secret},
    },
};

use super::{database::TestDatabase, scratch::Scratch};

/// An application under test. Field order is drop order: the database goes last.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) database: TestDatabase,
    pub(super) _scratch: Scratch,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (database, scratch) = (TestDatabase::create().await, Scratch::new());
        let mut config = Config::defaults();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.database.url = Optional(Some(Secret::new(database.url())));
        config.database.data_dir = scratch.path().to_owned();
        config.database.pool_size = 8;
        config.database.pool_overflow = 4;
        // Cheap hashes: what is tested is never how long they take.
        (config.accounts.password_memory.0, config.accounts.password_passes) = (1 << 20, 1);
        change(&mut config);
        let app = App::start(Arc::new(config), Clock::system()).await.expect("the application starts");
        Self { app, database, _scratch: scratch }
    }

    /// Stops in order.
    pub(crate) async fn finish(self) {
        self.app.stop().await;
    }
}
