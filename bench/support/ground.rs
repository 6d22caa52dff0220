//! The ground of a benchmark: a PostgreSQL with data of realistic size, and servers on it.
//!
//! A private cluster is made in a temporary directory with the settings of the managed server (so commits reach the
//! disk), or `DATABASE_URL` names a scratch database: it is filled when it is empty, and used when an earlier run
//! filled it.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::PathBuf,
    str::FromStr as _,
    sync::Arc,
};

use anyhow::Context as _;
use sportello::{
    app::App,
    clock::Clock,
    config::{
        Config, Flag, Sources, load,
        values::{Optional, Quota, Secret},
    },
    db::Connector,
    jobs::registry::{self, Registry},
    migrate,
    postgres::{Cluster, ClusterOptions, Mode, locate},
    seed::{self, DEMO_USER},
};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::Options;

/// The data are the same in every run.
const SEED: u64 = 7;
/// So that no client of a benchmark is ever refused: the limiter counts all the same.
const UNLIMITED: Quota = Quota { limit: 1_000_000_000, window: std::time::Duration::from_secs(1) };

/// PostgreSQL with data.
pub(crate) struct Ground {
    config: Config,
    connector: Connector,
    client: Client,
    drivers: JoinSet<()>,
    cluster: Option<Cluster>,
    scratch: PathBuf,
}

impl Ground {
    /// Starts PostgreSQL if need be, and fills the database.
    pub(crate) async fn open(options: &Options) -> anyhow::Result<Self> {
        let scratch = std::env::temp_dir().join(format!("sportello-bench-{}", std::process::id()));
        fs::DirBuilder::new().recursive(true).mode(0o711).create(&scratch)?;
        fs::set_permissions(&scratch, fs::Permissions::from_mode(0o711))?;
        let mut config = configuration(options)?;
        config.database.data_dir.clone_from(&scratch);
        config.server.listen = "127.0.0.1:0".parse()?;
        config.limits.anonymous = UNLIMITED;
        let (cluster, url) = if let Ok(url) = std::env::var("DATABASE_URL") {
            (None, url)
        } else {
            let binaries = locate(config.database.bin_dir.as_deref())?;
            let cluster = Cluster::start(&binaries, &ClusterOptions::from_config(&config)).await?;
            let url = cluster.connection_string();
            (Some(cluster), url)
        };
        let parsed =
            tokio_postgres::Config::from_str(&url).context("DATABASE_URL is not a connection string")?;
        config.database.url = Optional(Some(Secret::new(url)));
        let connector = Connector::new(parsed);
        migrate::run(&connector).await?;
        let mut drivers = JoinSet::new();
        let (mut client, driver) = connector.connect().await?;
        drivers.spawn(async move { drop(driver.await) });
        fill(&mut client, options).await?;
        Ok(Self { config, connector, client, drivers, cluster, scratch })
    }

    /// A server on this ground.
    pub(crate) async fn app(&self, change: impl FnOnce(&mut Config)) -> anyhow::Result<App> {
        self.app_with(registry::registry(), change).await
    }

    /// The same with other kinds of jobs.
    pub(crate) async fn app_with(
        &self,
        kinds: Registry,
        change: impl FnOnce(&mut Config),
    ) -> anyhow::Result<App> {
        let mut config = self.config.clone();
        change(&mut config);
        App::start_with(Arc::new(config), Clock::system(), kinds).await
    }

    /// The configuration of its servers.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Opens connections that no server uses.
    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A connection that no server uses.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How to reach PostgreSQL.
    pub(crate) fn url(&self) -> &str {
        self.config.database.url.as_ref().map(Secret::expose).unwrap_or_default()
    }

    /// The directory of everything that is kept.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        &self.scratch
    }

    /// The version of PostgreSQL.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        Ok(self.client.query_one("-- bench.version\nSHOW server_version", &[]).await?.get(0))
    }

    /// Stops PostgreSQL and removes its files.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        drop((self.client, self.connector));
        self.drivers.abort_all();
        if let Some(cluster) = self.cluster {
            cluster.stop(Mode::Fast).await;
        }
        fs::remove_dir_all(&self.scratch)?;
        Ok(())
    }
}

/// The defaults with the settings of the command line.
fn configuration(options: &Options) -> anyhow::Result<Config> {
    let mut flags = Vec::new();
    for setting in &options.settings {
        let (key, text) = setting.split_once('=').context("--set wants KEY=VALUE")?;
        flags.push(Flag { name: "--set".to_owned(), key: key.to_owned(), text: text.to_owned() });
    }
    Ok(load(&Sources { flags, ..Sources::default() })?.config)
}

async fn fill(client: &mut Client, options: &Options) -> anyhow::Result<()> {
    const FILLED: &str = "-- bench.is_filled\nSELECT count(*) FROM users WHERE email = $1";
    if seed::is_empty(client).await? {
        // Nobody logs in with a password here.
        let sized = seed::Options::sized(options.events, SEED, Clock::system().now(), "none".to_owned());
        seed::run(client, &sized, |_, _| {}).await?;
        // What autovacuum and the checkpointer would do during the rounds is done before them.
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
        client.batch_execute("CHECKPOINT").await?;
        return Ok(());
    }
    let filled: i64 = client.query_one(FILLED, &[&DEMO_USER]).await?.get(0);
    anyhow::ensure!(filled == 1, "DATABASE_URL has data that no benchmark made: name a scratch database");
    Ok(())
}
