//! The composition root: builds every part in dependency order, and stops them in reverse.
//!
//! Nothing else in the crate constructs a part. `main` and the tests start the same [`App`].

use std::{
    net::SocketAddr,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

use anyhow::Context as _;

use crate::{
    accounts::{login::Accounts, second_factor},
    actors::{
        self,
        data::{
            cache::{Cache, Second, Tags},
            contents::Contents,
            imager::Imager,
            lanes::LaneMsg,
            listener::ListenerMsg,
            mailer::{self, Mailer},
            pool::{self, Pool},
            postgres::Postgres,
            redis::Redis,
            renderer::Renderer,
            storage::Storage,
        },
        edge::{hasher::Hasher, http::Acceptor, limiter::Limiter, live::Live},
        kernel::{Handle, Meltdown, Registry, System},
        ops::console::Console,
        sales::Sales,
    },
    clock::Clock,
    config::Config,
    db::{Connector, Db, Observer, Route},
    events::payments::Provider,
    http::{
        clinic::Heard,
        cursor::CursorKey,
        documents::Desk,
        events::warmer,
        health::Probe,
        listening::Listening,
        pages::Pages,
        router,
        server::Server,
        state::{self, AppState},
        stored::Stored,
    },
    jobs::{self, Breakers, Jobs, seal::KeyRing},
    metrics::{self, Metrics},
    migrate,
    notary::certified_mail::provider::Provider as CertifiedMail,
    postgres::{self, Binaries, Cluster, ClusterOptions, Mode, locate},
    signing::{Signing, codes::Codes, store},
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
    /// Keeps files.
    pub storage: Storage,
    /// Sells tickets.
    pub sales: Sales,
    /// People, and their sessions.
    pub accounts: Accounts,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// The second cache level and shared quotas.
    pub redis: Redis,
    /// Limits requests.
    pub limiter: Limiter,
    /// Signs and stamps the time.
    pub signing: Signing,
    /// Every actor.
    pub registry: Registry,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// Where HTTP is served.
    pub address: SocketAddr,
    draining: Arc<AtomicBool>,
    connector: Connector,
    system: System,
}

impl App {
    /// Starts everything; returns when requests can be served.
    pub async fn start(config: Arc<Config>, clock: Clock) -> anyhow::Result<Self> {
        Self::start_with(config, clock, jobs::registry::registry()).await
    }

    /// The same with other kinds of jobs, for tests and benchmarks of the engine.
    pub async fn start_with(
        config: Arc<Config>,
        clock: Clock,
        kinds: jobs::registry::Registry,
    ) -> anyhow::Result<Self> {
        Self::start_after(config, clock, kinds, async |_| Ok(())).await
    }

    /// The same, but `first` works on the migrated database before anybody is served from it.
    pub async fn start_after(
        config: Arc<Config>,
        clock: Clock,
        kinds: jobs::registry::Registry,
        first: impl AsyncFnOnce(&Connector) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let ((listening, address), registry) = (bind(&config)?, Registry::new(clock.clone()));
        let Database { connector, managed } = Database::open(&config).await?;
        migrated(&config, &connector, first).await?;
        let (observer, metrics) = (Observer::new(*config.database.slow_query), Arc::new(Metrics::new()));
        let handles = Handles::new(&registry, &config, &clock, &metrics)?;
        let (db, draining) = (handles.db(&config, &connector, &observer)?, Arc::<AtomicBool>::default());
        let (jobs, secret) = (sealing(&config, &clock, kinds)?, secret(&config)?);
        let accounts = people(&db, &config, &clock, &secret, &handles.live)?;
        let signing = signing(&db, &config, &secret)?;
        collect(&metrics, &registry, &observer, &jobs, &handles);
        let ground = Ground {
            config: &config,
            clock: &clock,
            db: &db,
            handles: &handles,
            jobs: &jobs,
            accounts: &accounts,
            signing: &signing,
            metrics: &metrics,
            registry: &registry,
            secret: &secret,
            draining: &draining,
        };
        let state = ground.state()?;
        let acceptor = acceptor(&state, listening)?;
        let data = actors::DataParts {
            registry: &registry,
            config: &config,
            connector: &connector,
            observer: &observer,
            handles: &handles,
            managed: managed.map(|it| Postgres::new(it.binaries, it.options, it.cluster)),
            db: &db,
            sessions: accounts.sessions(),
            jobs: &jobs,
            signing: &signing,
            warmer: warmer(state.clone()),
            metrics: &metrics,
        };
        let system = System::start(&registry, actors::tree(actors::Parts { acceptor, data })?).await?;
        Ok(Self {
            config,
            clock,
            db,
            jobs,
            storage: handles.storage,
            sales: handles.sales,
            accounts,
            hasher: handles.hasher,
            redis: handles.redis,
            limiter: handles.limiter,
            signing,
            registry,
            metrics,
            address,
            draining,
            connector,
            system,
        })
    }

    /// Opens connections beside the pool, for COPY and other work of the command line.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Stops everything in reverse order: requests and jobs within `server.stop_grace`, the rest in a moment; only what
    /// hangs costs `actors.stop_grace` more, and the managed PostgreSQL its checkpoint.
    pub async fn stop(self) {
        self.draining.store(true, Relaxed); // readiness fails first
        tokio::time::sleep(*self.config.server.drain_delay).await;
        // Running jobs have as long as requests have; nothing is claimed from now on.
        self.jobs.begin_stop(*self.config.server.stop_grace);
        // The managed server writes its checkpoint after the others have gone.
        self.system.stop(*self.config.server.stop_grace + Postgres::GRACE).await;
    }

    /// Returns when the actor tree has given up.
    pub async fn meltdown(&self) -> Meltdown {
        self.system.meltdown().await
    }
}

/// What the state of handlers is made of.
struct Ground<'a> {
    config: &'a Arc<Config>,
    clock: &'a Clock,
    db: &'a Db,
    handles: &'a Handles,
    jobs: &'a Jobs,
    accounts: &'a Accounts,
    signing: &'a Signing,
    metrics: &'a Arc<Metrics>,
    registry: &'a Registry,
    secret: &'a [u8],
    draining: &'a Arc<AtomicBool>,
}

impl Ground<'_> {
    fn state(&self) -> anyhow::Result<AppState> {
        let Self { config, handles, metrics, .. } = *self;
        Ok(AppState::new(state::Parts {
            config: config.clone(),
            clock: self.clock.clone(),
            cursors: CursorKey::new(self.secret),
            db: self.db.clone(),
            jobs: self.jobs.clone(),
            storage: handles.storage.clone(),
            contents: handles.contents.clone(),
            certified: handles.certified.clone(),
            documents: Desk::new(&config.documents),
            clinic: Heard::default(),
            imager: handles.imager.clone(),
            renderer: handles.renderer.clone(),
            sales: handles.sales.clone(),
            pages: Pages::new(&handles.cache, &config.cache, &metrics.cache),
            accounts: self.accounts.clone(),
            signing: self.signing.clone(),
            hasher: handles.hasher.clone(),
            redis: handles.redis.clone(),
            limiter: handles.limiter.clone(),
            live: handles.live.clone(),
            payments: provider(config)?,
            metrics: metrics.clone(),
            registry: self.registry.clone(),
            breakers: handles.breakers.clone(),
            console: handles.console.clone(),
            task_streams: Arc::default(),
            draining: self.draining.clone(),
            probe: Probe::default(),
            started: tokio::time::Instant::now(),
        }))
    }
}

/// People, whose second factors are sealed with the configured keys and one of the server's own. What is `live` ends with
/// their sessions.
fn people(db: &Db, config: &Config, clock: &Clock, secret: &[u8], live: &Live) -> anyhow::Result<Accounts> {
    let ring = second_factor::key_ring(KeyRing::configured(&config.jobs)?, secret);
    let (accounts, live) = (Accounts::new(db.clone(), clock.clone(), config, ring), live.clone());
    accounts.sessions().when_ended(move |token| live.ended(token));
    Ok(accounts)
}

/// Signatures and time stamps, the keys of whose built-in providers are sealed with the configured keys and one of the
/// server's own.
fn signing(db: &Db, config: &Config, secret: &[u8]) -> anyhow::Result<Signing> {
    let ring = store::key_ring(KeyRing::configured(&config.jobs)?, secret);
    Ok(Signing::configured(db, (ring, Codes::new(secret)), &config.signature, &config.time_stamp))
}

/// Serves requests with this state.
fn acceptor(state: &AppState, listening: Listening) -> anyhow::Result<Acceptor> {
    listening.listen().with_context(|| format!("{} cannot be listened on", state.config.server.listen))?;
    let server = Server::new(router::front(state), &state.config.server, state.metrics.clone());
    Ok(Acceptor::new(listening, server, *state.config.server.stop_grace, state.draining.clone()))
}

/// Jobs of these kinds, sealed as the configuration says.
fn sealing(config: &Config, clock: &Clock, kinds: jobs::registry::Registry) -> anyhow::Result<Jobs> {
    let seal = KeyRing::of(&config.jobs, &kinds)?;
    Ok(Jobs::new(clock.clone(), kinds, seal))
}

/// Adds the figures that are read when somebody scrapes.
fn collect(metrics: &Metrics, registry: &Registry, observer: &Observer, jobs: &Jobs, handles: &Handles) {
    metrics.collect(metrics::Actors::new(registry.clone()));
    metrics.collect(metrics::Statements::new(observer.clone()));
    metrics.collect(metrics::JobFigures::new(jobs.clone()));
    metrics.collect(metrics::Dependencies::new(handles.breakers.clone()));
    let (entries, bytes, live) = (handles.cache.clone(), handles.cache.clone(), handles.live.clone());
    metrics.gauge("sportello_cache_entries", "Answers kept in this process", move || entries.size().0 as f64);
    metrics.gauge("sportello_cache_bytes", "Their weight", move || bytes.size().1 as f64);
    metrics.gauge("sportello_live_streams", "Streams of notifications", move || live.count() as f64);
}

/// The socket, and its address where port 0 is configured. Before anything is made, because a taken address is the
/// likeliest mistake; it is not heard at before somebody accepts.
fn bind(config: &Config) -> anyhow::Result<(Listening, SocketAddr)> {
    let listening = Listening::bind(config.server.listen)
        .with_context(|| format!("{} cannot be listened on", config.server.listen))?;
    let address = listening.address()?;
    Ok((listening, address))
}

/// Brings the schema up to date, unless that is somebody else's business.
async fn migrated(
    config: &Config,
    connector: &Connector,
    first: impl AsyncFnOnce(&Connector) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if config.database.migrate_on_start {
        let report = migrate::run(connector).await.context("the database could not be migrated")?;
        let (applied, already) = (report.applied.len(), report.already);
        tracing::info!(applied, already, "database schema is current");
    }
    first(connector).await
}

/// The handles through which the parts talk, made before any actor runs.
pub struct Handles {
    /// Lanes for lookups.
    pub point: Vec<Handle<LaneMsg>>,
    /// Lanes for lists.
    pub list: Vec<Handle<LaneMsg>>,
    /// Lanes to the replica; none without one.
    pub replica: Vec<Handle<LaneMsg>>,
    /// The transaction pool.
    pub pool: Pool,
    /// Hears what other nodes change.
    pub listener: Handle<ListenerMsg>,
    /// Keeps answers.
    pub cache: Cache<Stored>,
    /// Sends mails.
    pub mailer: Mailer,
    /// Sends certified mail.
    pub certified: CertifiedMail,
    /// Keeps files.
    pub storage: Storage,
    /// Keeps contents of documents.
    pub contents: Contents,
    /// Makes pictures.
    pub imager: Imager,
    /// Makes PDF documents.
    pub renderer: Renderer,
    /// Sells tickets.
    pub sales: Sales,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// The second cache level and shared quotas.
    pub redis: Redis,
    /// Limits requests.
    pub limiter: Limiter,
    /// Who waits for notifications.
    pub live: Live,
    /// Whether what jobs need is there.
    pub breakers: Breakers,
    /// For administrators.
    pub console: Console,
}

impl Handles {
    fn new(registry: &Registry, config: &Config, clock: &Clock, metrics: &Metrics) -> anyhow::Result<Self> {
        let lane = |name: &str, n: usize| {
            registry.handle(format!("root/data/{name}-{n}"), "lane", config.database.lane_bound)
        };
        let replicas = config.database.replica_url.as_ref().map_or(0, |_| config.database.list_lanes);
        let shard = |n: usize| {
            registry.handle(format!("root/data/sales/shard-{n}"), "sales", config.events.sales_bound)
        };
        let page = |n: usize| {
            registry.handle(format!("root/data/cache/shard-{n}"), "cache", config.cache.shard_bound)
        };
        let redis = Redis::new(registry, config, clock, metrics.redis.clone());
        let storage = Storage::new(registry.handle("root/data/storage", "storage", config.storage.bound));
        let second = Second::new(redis.clone(), clock.clone(), *config.cache.redis_ttl);
        Ok(Self {
            point: (0..config.database.point_lanes).map(|n| lane("lanes/point", n)).collect(),
            list: (0..config.database.list_lanes).map(|n| lane("lanes/list", n)).collect(),
            replica: (0..replicas).map(|n| lane("replica/lane", n)).collect(),
            pool: Pool::new(registry.handle("root/data/pool", "pool", config.database.lane_bound)),
            listener: registry.handle("root/data/listener", "listener", config.actors.control_bound),
            cache: Cache::new(
                (0..config.cache.shards).map(page).collect(),
                Tags::new(second),
                clock.clone(),
                &config.cache,
            ),
            mailer: Mailer::new(registry.handle("root/data/mailer", "mailer", config.mail.bound)),
            certified: certified(config)?,
            contents: Contents::new(
                storage.clone(),
                KeyRing::configured(&config.jobs)?,
                &config.documents,
                metrics.storage.clone(),
            ),
            storage,
            imager: Imager::new(
                registry.handle("root/data/imager", "imager", config.storage.bound),
                config.storage.image_bound,
            ),
            renderer: Renderer::new(
                registry.handle("root/data/renderer", "renderer", config.pdf.bound),
                *config.pdf.deadline,
            ),
            sales: Sales::new((0..config.events.sales_shards).map(shard).collect()),
            hasher: Hasher::new(registry.handle("root/edge/hasher", "hasher", config.accounts.hash_bound)),
            limiter: Limiter::new(registry, config, clock, &metrics.limiter, redis.clone()),
            redis,
            live: Live::new(
                registry.handle("root/edge/live", "live", config.actors.control_bound),
                &config.server,
                clock.clone(),
            ),
            breakers: Breakers::new(&config.jobs),
            console: Console::new(registry, config, clock),
        })
    }

    fn db(&self, config: &Config, connector: &Connector, observer: &Observer) -> anyhow::Result<Db> {
        let Self { point, list, replica, .. } = self;
        let route = match config.database.reads.as_str() {
            "direct" => Route::Direct(pool::direct(connector, &config.database)?),
            _ => Route::Lanes { point: point.clone(), list: list.clone(), replica: replica.clone() },
        };
        Ok(Db::new(route, self.pool.clone(), observer.clone()))
    }
}

/// The database to work with: the configured one, or a managed server that was started for it.
pub struct Database {
    /// Opens connections to it.
    pub connector: Connector,
    managed: Option<Managed>,
}

/// Nothing has been served from this data directory yet.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} holds no database: name the right directory (--set database.data_dir=… or SPORTELLO_DATABASE__DATA_DIR, \
     or database.url for a server of your own), or run `sportello serve` there first",
    .0.display()
)]
pub struct NoDatabase(pub PathBuf);

/// A managed server that runs, and what is needed to run it again.
struct Managed {
    binaries: Binaries,
    options: ClusterOptions,
    cluster: Cluster,
}

impl Database {
    /// Reaches the configured database; when none is configured, starts one, and makes it if it is not there.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = config.database.url.as_ref() {
            let url = tokio_postgres::Config::from_str(url.expose());
            let url = url.context("database.url is not a connection string")?;
            return Ok(Self { connector: Connector::new(url), managed: None });
        }
        let binaries = locate(config.database.bin_dir.as_deref())?;
        let options = ClusterOptions::from_config(config);
        let cluster = Cluster::start(&binaries, &options).await?;
        let connector = Connector::new(cluster.config());
        Ok(Self { connector, managed: Some(Managed { binaries, options, cluster }) })
    }

    /// For a command beside a running server: uses the managed server that is up already, else as [`Database::open`].
    /// One that starts has the directory before it can be reached: it is waited for.
    pub async fn attach(config: &Config) -> anyhow::Result<Self> {
        let until = tokio::time::Instant::now() + STARTING;
        loop {
            match Self::reach(config).await {
                Err(error) if is_busy(&error) && tokio::time::Instant::now() < until => {
                    tokio::time::sleep(STARTING_PAUSE).await;
                }
                reached => return reached,
            }
        }
    }

    async fn reach(config: &Config) -> anyhow::Result<Self> {
        if config.database.url.is_none()
            && let Some(running) = postgres::running(&config.database.data_dir)
        {
            let connector = Connector::new(running);
            // A socket outlives a server that was killed.
            if connector.connect().await.is_ok() {
                return Ok(Self { connector, managed: None });
            }
        }
        Self::open(config).await
    }

    /// The same for a command that has nothing to do in a new database: it is refused one. In the wrong directory it
    /// would make a database and find nothing in it.
    pub async fn existing(config: &Config) -> anyhow::Result<Self> {
        let data_dir = &config.database.data_dir;
        if config.database.url.is_none() && !postgres::exists(data_dir) {
            let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
            anyhow::bail!(NoDatabase(data_dir));
        }
        Self::attach(config).await
    }

    /// Stops a server that was started for it.
    pub async fn close(self) {
        if let Some(managed) = self.managed {
            managed.cluster.stop(Mode::Fast).await;
        }
    }
}

/// A server that starts, or stops, is through with it by then, unless PostgreSQL recovers from a crash.
const STARTING: Duration = Duration::from_secs(15);
/// Between two looks whether it is.
const STARTING_PAUSE: Duration = Duration::from_millis(50);

fn is_busy(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(postgres::ClusterError::Busy { .. }))
}

fn provider(config: &Config) -> anyhow::Result<Provider> {
    Provider::named(&config.payments.provider).context("payments.provider is not known; write \"builtin\"")
}

/// Who sends certified mail; without a server, an outbox that nobody else reads.
fn certified(config: &Config) -> anyhow::Result<CertifiedMail> {
    let provider = CertifiedMail::new(config)?;
    if let Some(outbox) = provider.outbox() {
        let made = mailer::make_outbox(outbox);
        made.with_context(|| format!("{} cannot be made", outbox.display()))?;
    }
    Ok(provider)
}

/// The key of cursors and of what is sealed: configured, or made once and kept in the data directory, readable by its owner only.
fn secret(config: &Config) -> anyhow::Result<Vec<u8>> {
    if let Some(secret) = config.accounts.secret.as_ref() {
        return Ok(secret.expose().as_bytes().to_vec());
    }
    let path = config.database.data_dir.join("secret");
    if config.database.url.is_some() {
        tracing::warn!(
            path = %path.display(),
            "accounts.secret is not set: other servers of this database understand neither the cursors nor the second \
             factors of this one. Set it to the same in all of them"
        );
    }
    if let Ok(secret) = std::fs::read(&path)
        && secret.len() == SECRET_BYTES
    {
        return Ok(secret);
    }
    let mut secret = vec![0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(&config.database.data_dir)?;
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    made.and_then(|mut file| std::io::Write::write_all(&mut file, &secret))
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(secret)
}

/// As many as SHA-256 has.
const SECRET_BYTES: usize = 32;

/// How long a lane or the pool may take to finish what flies.
pub const DATA_GRACE: Duration = Duration::from_secs(3);
