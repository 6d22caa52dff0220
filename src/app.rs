//! The composition root: builds every part in dependency order, and stops them in reverse.
//!
//! Nothing else in the crate constructs a part. `main` and the tests start the same [`App`].

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Context as _;

use crate::{
    accounts::login::Accounts,
    actors::{
        self,
        data::{lanes::LaneMsg, mailer::Mailer, pool::Pool, postgres::Postgres},
        edge::hasher::Hasher,
        kernel::{Handle, Meltdown, Registry, System},
        sales::Sales,
    },
    clock::Clock,
    config::Config,
    db::{Connector, Db, Observer, Route},
    jobs::{self, Jobs},
    migrate,
    postgres::{Cluster, ClusterOptions, locate},
};

/// A running Sportello.
pub struct App {
    /// The effective configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// The jobs.
    pub jobs: Jobs,
    /// Sells tickets.
    pub sales: Sales,
    /// People, and their sessions.
    pub accounts: Accounts,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Every actor.
    pub registry: Registry,
    system: System,
}

impl App {
    /// Starts everything; returns when requests can be served.
    pub async fn start(config: Arc<Config>, clock: Clock) -> anyhow::Result<Self> {
        let registry = Registry::new(clock.clone());
        let (connector, managed) = database(&config).await?;
        if config.database.migrate_on_start {
            let report = migrate::run(&connector).await.context("the database could not be migrated")?;
            tracing::info!(
                applied = report.applied.len(),
                already = report.already,
                "database schema is current"
            );
        }
        let observer = Observer::new(*config.database.slow_query);
        let handles = Handles::new(&registry, &config);
        let db = handles.db(&observer);
        let jobs = Jobs::new(clock.clone(), jobs::registry::registry());
        let tree = actors::tree(actors::Parts {
            registry: &registry,
            config: &config,
            connector: &connector,
            observer: &observer,
            handles: &handles,
            managed,
            db: &db,
            jobs: &jobs,
        })?;
        let system = System::start(&registry, tree).await?;
        let (sales, hasher) = (handles.sales.clone(), handles.hasher.clone());
        let accounts = Accounts::new(db.clone(), clock.clone(), &config.accounts);
        Ok(Self { config, clock, db, jobs, sales, accounts, hasher, registry, system })
    }

    /// Stops everything in reverse order, within `server.stop_grace`.
    pub async fn stop(self) {
        // The managed server writes its checkpoint after the others have gone.
        self.system.stop(*self.config.server.stop_grace + Postgres::GRACE).await;
    }

    /// Returns when the actor tree has given up.
    pub async fn meltdown(&self) -> Meltdown {
        self.system.meltdown().await
    }
}

/// The handles through which the parts talk, made before any actor runs.
pub struct Handles {
    /// Lanes for lookups.
    pub point: Vec<Handle<LaneMsg>>,
    /// Lanes for lists.
    pub list: Vec<Handle<LaneMsg>>,
    /// The transaction pool.
    pub pool: Pool,
    /// Sends mails.
    pub mailer: Mailer,
    /// Sells tickets.
    pub sales: Sales,
    /// Hashes passwords.
    pub hasher: Hasher,
}

impl Handles {
    fn new(registry: &Registry, config: &Config) -> Self {
        let lane = |name: &str, n: usize| {
            registry.handle(format!("root/data/lanes/{name}-{n}"), "lane", config.database.lane_bound)
        };
        let shard = |n: usize| {
            registry.handle(format!("root/data/sales/shard-{n}"), "sales", config.events.sales_bound)
        };
        Self {
            point: (0..config.database.point_lanes).map(|n| lane("point", n)).collect(),
            list: (0..config.database.list_lanes).map(|n| lane("list", n)).collect(),
            pool: Pool::new(registry.handle("root/data/pool", "pool", config.database.lane_bound)),
            mailer: Mailer::new(registry.handle("root/data/mailer", "mailer", config.mail.bound)),
            sales: Sales::new((0..config.events.sales_shards).map(shard).collect()),
            hasher: Hasher::new(registry.handle("root/edge/hasher", "hasher", config.accounts.hash_bound)),
        }
    }

    fn db(&self, observer: &Observer) -> Db {
        let route = Route::Lanes { point: self.point.clone(), list: self.list.clone() };
        Db::new(route, self.pool.clone(), observer.clone())
    }
}

/// How to reach the database; when none is configured, one is started.
async fn database(config: &Config) -> anyhow::Result<(Connector, Option<Postgres>)> {
    if let Some(url) = config.database.url.as_ref() {
        let url = tokio_postgres::Config::from_str(url.expose())
            .context("database.url is not a connection string")?;
        return Ok((Connector::new(url), None));
    }
    let binaries = locate(config.database.bin_dir.as_deref())?;
    let options = ClusterOptions::from_config(config);
    let cluster = Cluster::start(&binaries, &options).await?;
    let connector = Connector::new(cluster.config());
    Ok((connector, Some(Postgres::new(binaries, options, cluster))))
}

/// How long a lane or the pool may take to finish what flies.
pub const DATA_GRACE: Duration = Duration::from_secs(3);
