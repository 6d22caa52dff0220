//! The tree, built: which actor is whose child, how each is restarted, and in which order they start.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::SignedDuration;

use super::data::{
    cache::{CacheShard, Tag, Warmer},
    imager::ImagerActor,
    lanes::{Lane, LaneMsg},
    listener::Listener,
    mailer::MailerActor,
    pool::PoolActor,
    postgres::{Postgres, PostgresMsg},
    redis::RedisActor,
    renderer::{Renderer, RendererActor},
    storage::{Storage, StorageActor},
};
use super::edge::{hasher::HasherActor, http::Acceptor};
use super::kernel::{Child, Handle, Registry, Restart, Strategy, Supervisor, actor};
use super::sales::Shard;
use crate::{
    accounts::sessions::Sessions,
    app::{DATA_GRACE, Handles},
    clinic::reading::Reader,
    config::Config,
    db::{Connector, Db, ONE_PLAN, Observer},
    jobs::{BlockingPool, Breakers, Dependency, Jobs, Resources, schedules},
    metrics::Metrics,
    signing::Signing,
};

/// Cutting off what is left takes a moment.
const HTTP_STOP_SLACK: Duration = Duration::from_secs(1);

/// What the tree is built from.
pub struct Parts<'a> {
    /// The accept loop.
    pub acceptor: Acceptor,
    /// Everything below it.
    pub data: DataParts<'a>,
}

/// What the data actors are built from.
pub struct DataParts<'a> {
    /// Where actors are registered.
    pub registry: &'a Registry,
    /// The configuration.
    pub config: &'a Config,
    /// Opens database connections.
    pub connector: &'a Connector,
    /// Counts statements.
    pub observer: &'a Observer,
    /// The handles of the actors.
    pub handles: &'a Handles,
    /// The database.
    pub db: &'a Db,
    /// People's sessions.
    pub sessions: &'a Sessions,
    /// The jobs.
    pub jobs: &'a Jobs,
    /// Signs and stamps the time.
    pub signing: &'a Signing,
    /// Keeps the cache warm.
    pub warmer: Warmer,
    /// The metrics.
    pub metrics: &'a Metrics,
    /// The managed PostgreSQL, already running.
    pub managed: Option<Postgres>,
}

/// Builds the whole tree.
pub fn tree(parts: Parts<'_>) -> anyhow::Result<Supervisor> {
    let actors = &parts.data.config.actors;
    let root = Supervisor::new("root", Strategy::RestForOne, actors.root_intensity, *actors.intensity_within);
    let registry = parts.data.registry;
    let engine = if parts.data.config.jobs.enabled { engine(&parts.data) } else { quiet(&parts.data) };
    let edge = edge(parts.acceptor, &parts.data)?;
    let console = &parts.data.handles.console;
    let core = console.core(registry, parts.data.config, parts.data.db);
    let ops = console.ops(registry, parts.data.config, parts.data.jobs.feed());
    let branches = [core, data(parts.data)?, engine, edge, ops];
    Ok(branches.into_iter().fold(root, |root, branch| root.supervisor(registry, branch)))
}

fn engine(parts: &DataParts<'_>) -> Supervisor {
    let DataParts {
        registry, config, connector, observer, handles, db, jobs: queue, signing, warmer, ..
    } = parts;
    let reader = Reader::configured(&config.clinic);
    watch(&handles.breakers, &handles.storage, &reader, &handles.renderer);
    let resources = Resources {
        db: (*db).clone(),
        clock: queue.clock().clone(),
        config: Arc::new((*config).clone()),
        jobs: (*queue).clone(),
        tags: handles.cache.tags().clone(),
        warmer: warmer.clone(),
        mailer: handles.mailer.clone(),
        certified: handles.certified.clone(),
        storage: handles.storage.clone(),
        contents: handles.contents.clone(),
        signing: (*signing).clone(),
        imager: handles.imager.clone(),
        renderer: handles.renderer.clone(),
        reader,
        breakers: handles.breakers.clone(),
        threads: BlockingPool::new(config.jobs.blocking_threads),
    };
    // Tests bring kinds of their own; of this binary's kinds every scheduled one is known, as a test shows.
    let schedules = schedules::schedules(config)
        .into_iter()
        .filter(|schedule| queue.registry().get(schedule.kind).is_some())
        .collect();
    super::jobs::branch(super::jobs::Site { registry, connector, observer, schedules }, resources)
}

/// How what jobs need is looked at when somebody says that it failed.
fn watch(breakers: &Breakers, storage: &Storage, reader: &Reader, renderer: &Renderer) {
    let storage = storage.clone();
    breakers.probed_by(Dependency::Storage, move || {
        let storage = storage.clone();
        async move { storage.round_trip().await.map_err(|error| error.to_string()) }
    });
    let (worker, tesseract) = (reader.clone(), reader.clone());
    breakers.probed_by(Dependency::Reader, move || {
        let reader = worker.clone();
        async move { reader.probe().await }
    });
    breakers.probed_by(Dependency::Tesseract, move || {
        let reader = tesseract.clone();
        async move { reader.probe_tesseract().await }
    });
    let renderer = renderer.clone();
    breakers.probed_by(Dependency::Renderer, move || {
        let renderer = renderer.clone();
        async move { renderer.probe().await.map_err(|error| error.to_string()) }
    });
}

/// Without workers: others are told what is enqueued here.
fn quiet(parts: &DataParts<'_>) -> Supervisor {
    let DataParts { registry, config, connector, observer, jobs, .. } = parts;
    super::jobs::quiet_branch(registry, connector, observer, config, jobs)
}

fn backoff(config: &Config) -> Restart {
    Restart::Backoff { min: *config.actors.backoff_min, max: *config.actors.backoff_max }
}

fn data(mut parts: DataParts<'_>) -> anyhow::Result<Supervisor> {
    let managed = parts.managed.take();
    let DataParts { registry, config, connector, handles, db, sessions, jobs, metrics, .. } = parts;
    let intensity = (config.actors.intensity, *config.actors.intensity_within);
    let mut data = Supervisor::new("root/data", Strategy::OneForOne, intensity.0, intensity.1);
    if let Some(postgres) = managed {
        // Nobody sends it anything but itself.
        let handle = registry.handle::<PostgresMsg>("root/data/postgres", "postgres", 1);
        let restart = Restart::Backoff { min: *config.actors.backoff_min, max: Postgres::BACKOFF_MAX };
        data = data.child(actor(postgres, &handle).restart(restart).grace(Postgres::GRACE));
    }
    data = data.supervisor(registry, lanes(&parts));
    if let Some(replica) = replica(&parts)? {
        data = data.supervisor(registry, replica);
    }
    let pool = PoolActor::new(connector, &config.database, &handles.pool, metrics.pool.clone())?;
    let pool = actor(pool, handles.pool.handle()).grace(DATA_GRACE);
    if let (Some(redis), Some(handle)) =
        (RedisActor::new(&handles.redis, &config.redis)?, handles.redis.handle())
    {
        data = data.child(actor(redis, handle).restart(backoff(config)).optional());
    }
    let mailer = actor(MailerActor::new(config, metrics.mails.clone())?, handles.mailer.handle());
    let storage = actor(StorageActor::new(config, metrics.storage.clone())?, handles.storage.handle());
    let imager = ImagerActor::new(&config.storage, metrics.pictures.clone());
    let imager = actor(imager, handles.imager.handle());
    let renderer = RendererActor::new(&config.pdf, metrics.papers.clone());
    let renderer = actor(renderer, handles.renderer.handle());
    let shard = Shard {
        db: db.clone(),
        jobs: jobs.clone(),
        clock: jobs.clock().clone(),
        hold: SignedDuration::try_from(*config.events.booking_hold)?,
        batch: config.events.sales_batch,
        sold: Arc::new({
            let tags = handles.cache.tags().clone();
            move |events| {
                let events: Vec<_> = events.iter().map(|slug| Tag::Event(slug)).collect();
                tags.invalidate(&events);
            }
        }),
    };
    let sales = Supervisor::new("root/data/sales", Strategy::OneForOne, intensity.0, intensity.1)
        .children(handles.sales.shards().iter().map(|handle| actor(shard.clone(), handle)));
    let cache = Supervisor::new("root/data/cache", Strategy::OneForOne, intensity.0, intensity.1).children(
        handles.cache.shards().iter().map(|handle| actor(CacheShard(handles.cache.clone()), handle)),
    );
    let tags = handles.cache.tags().clone();
    let live = handles.live.clone();
    let listener = Listener::new(connector, &handles.listener, tags, sessions.clone(), jobs.clone(), live);
    let listener = actor(listener, &handles.listener).restart(backoff(config));
    Ok(data
        .child(pool)
        .child(listener)
        .supervisor(registry, cache)
        .child(storage)
        .child(imager)
        .child(renderer)
        .child(mailer)
        .supervisor(registry, sales))
}

fn edge(acceptor: Acceptor, parts: &DataParts<'_>) -> anyhow::Result<Supervisor> {
    let actors = &parts.config.actors;
    let edge = Supervisor::new("root/edge", Strategy::OneForOne, actors.intensity, *actors.intensity_within);
    let hasher = HasherActor::new(&parts.config.accounts)?;
    let handle = parts.registry.handle("root/edge/http", "http", actors.control_bound);
    let grace = acceptor.grace() + HTTP_STOP_SLACK;
    let limiter = &parts.handles.limiter;
    let edge = edge.child(actor(limiter.actor(), limiter.handle()));
    let live = &parts.handles.live;
    // Streams end before the acceptor waits for answers under way.
    Ok(edge
        .child(actor(hasher, parts.handles.hasher.handle()))
        .child(actor(acceptor, &handle).grace(grace))
        .child(actor(live.actor(), live.handle())))
}

fn lanes(parts: &DataParts<'_>) -> Supervisor {
    let DataParts { config, connector, handles, .. } = parts;
    let connector = connector.for_use("lane", *config.database.lane_statement_timeout);
    let actors = &config.actors;
    Supervisor::new("root/data/lanes", Strategy::OneForOne, actors.intensity, *actors.intensity_within)
        .children(handles.point.iter().chain(&handles.list).map(|handle| lane(parts, &connector, handle)))
}

/// Lanes to the replica. A supervisor of their own: while it waits for a replica that is away, it restarts nobody else.
fn replica(parts: &DataParts<'_>) -> anyhow::Result<Option<Supervisor>> {
    let DataParts { config, handles, .. } = parts;
    let Some(url) = config.database.replica_url.as_ref() else { return Ok(None) };
    let url = tokio_postgres::Config::from_str(url.expose());
    let url = url.context("database.replica_url is not a connection string")?;
    let connector = Connector::new(url).for_use("replica", *config.database.lane_statement_timeout);
    let (max, within) = (config.actors.intensity, *config.actors.intensity_within);
    let lanes = handles.replica.iter().map(|handle| lane(parts, &connector, handle).optional());
    Ok(Some(Supervisor::new("root/data/replica", Strategy::OneForOne, max, within).children(lanes)))
}

fn lane(parts: &DataParts<'_>, connector: &Connector, handle: &Handle<LaneMsg>) -> Child {
    let DataParts { config, observer, metrics, .. } = parts;
    let name = handle.cell().path.trim_start_matches("root/data/lanes/").trim_start_matches("root/data/");
    let lane = Lane {
        connector: connector.setting(ONE_PLAN),
        in_flight: config.database.lane_in_flight,
        batch: config.database.lane_batch,
        observer: (*observer).clone(),
        figures: metrics.lanes.lane(name),
    };
    actor(lane, handle).restart(backoff(config)).grace(DATA_GRACE)
}
