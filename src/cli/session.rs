//! Transactions for one command, without serving anything: a pool and nothing else.

use crate::{
    actors::{
        data::pool::{Pool, PoolActor},
        kernel::{Registry, Strategy, Supervisor, System, actor},
    },
    app::Database,
    clock::Clock,
    config::Config,
    db::{Db, Observer, Route},
    metrics::Metrics,
    migrate,
};

/// Callers that may wait for a connection: a command is one.
const BOUND: usize = 16;

/// An open database.
pub(super) struct Session {
    /// For transactions; there are no lanes.
    pub(super) db: Db,
    database: Database,
    system: System,
}

impl Session {
    /// Opens the database of `config`, which must be there and have this binary's schema: who only looks, or mistypes a
    /// URL, makes no tables.
    pub(super) async fn open(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let database = Database::existing(config).await?;
        match Self::on(&database, config, clock).await {
            Ok((db, system)) => Ok(Self { db, database, system }),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn on(database: &Database, config: &Config, clock: Clock) -> anyhow::Result<(Db, System)> {
        migrate::check(&database.connector).await?;
        let registry = Registry::new(clock);
        let pool = Pool::new(registry.handle("root/pool", "pool", BOUND));
        let worker = PoolActor::new(&database.connector, &config.database, &pool, Metrics::new().pool)?;
        let within = *config.actors.intensity_within;
        let root = Supervisor::new("root", Strategy::OneForOne, config.actors.root_intensity, within)
            .child(actor(worker, pool.handle()));
        let system = System::start(&registry, root).await?;
        let route = Route::Lanes { point: Vec::new(), list: Vec::new(), replica: Vec::new() };
        Ok((Db::new(route, pool, Observer::new(*config.database.slow_query)), system))
    }

    /// Closes what was opened.
    pub(super) async fn close(self, config: &Config) {
        self.system.stop(*config.actors.stop_grace).await;
        self.database.close().await;
    }
}
