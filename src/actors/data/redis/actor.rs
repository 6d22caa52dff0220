//! The actor: opens the connections, notices how they are, and publishes them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use fred::{
    clients::{Client, Pool},
    interfaces::{ClientLike as _, EventInterface as _},
    types::{
        Builder, ConnectHandle,
        config::{Config, ConnectionConfig, ReconnectPolicy, UnresponsiveConfig},
    },
};
use tokio_util::sync::CancellationToken;

use super::commands::{Link, Redis, State};
use crate::{
    actors::kernel::{Behaviour, Context, Failure},
    config::sections,
};

/// How often an idle Redis is asked whether it answers, and a paused one gets its probe.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Opening a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection that owes an answer for so long is closed and opened anew; callers gave up long before.
const UNRESPONSIVE: Duration = Duration::from_secs(2);
/// Between attempts to connect, doubling: quick after a restart of Redis, no storm during an outage.
const RECONNECT_MS: (u32, u32) = (50, 2_000);
/// Commands that one client holds: at 50 ms each is answered or given up, 10,000 are 200,000 a second.
const BUFFER: usize = 10_000;
/// Saying good-bye.
const QUIT: Duration = Duration::from_secs(1);

/// Messages of the Redis actor.
pub enum RedisMsg {
    /// Ask whether it answers.
    Ping,
    /// A client's task has ended for good.
    Ended(String),
}
crate::kinds!(RedisMsg: Ping, Ended);

/// The Redis actor.
pub struct RedisActor {
    redis: Redis,
    link: Arc<Link>,
    config: Config,
    size: usize,
    last_error: Arc<Mutex<Option<&'static str>>>,
}

impl RedisActor {
    /// The actor behind `redis`; none where none is configured.
    pub fn new(redis: &Redis, config: &sections::Redis) -> anyhow::Result<Option<Self>> {
        let (Some(link), Some(url)) = (redis.link(), config.url.as_ref()) else { return Ok(None) };
        // The error would quote the address, which holds a password.
        let parsed = Config::from_url(url.expose()).ok().context("redis.url is not a Redis address")?;
        // The first connection is tried again like every other: Redis may start after us.
        let parsed = Config { fail_fast: false, ..parsed };
        let (redis, link) = (redis.clone(), link.clone());
        Ok(Some(Self { redis, link, config: parsed, size: config.pool_size, last_error: Arc::default() }))
    }

    fn pool(&self) -> anyhow::Result<Pool> {
        let unresponsive = UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: UNRESPONSIVE / 4 };
        let connection = ConnectionConfig {
            connection_timeout: CONNECT,
            internal_command_timeout: CONNECT,
            max_command_attempts: 1, // nothing is sent twice
            max_command_buffer_len: BUFFER,
            unresponsive,
            ..ConnectionConfig::default()
        };
        let (min, max) = RECONNECT_MS;
        let mut builder = Builder::from_config(self.config.clone());
        builder.set_connection_config(connection);
        builder.set_policy(ReconnectPolicy::new_exponential(0, min, max, 2));
        Ok(builder.build_pool(self.size)?)
    }

    /// Counts connected clients whenever one of them comes or goes.
    fn watch(&self, ctx: &Context<RedisMsg>, client: &Client) {
        let (link, client, last_error) = (self.link.clone(), client.clone(), self.last_error.clone());
        let (mut back, mut errors) = (client.reconnect_rx(), client.error_rx());
        ctx.background(async move {
            loop {
                tokio::select! {
                    Ok(_) = back.recv() => {
                        // The news comes a moment before the state.
                        let _ = tokio::time::timeout(CONNECT, client.wait_for_connect()).await;
                    }
                    Ok((error, _)) = errors.recv() => {
                        // The kind only: details may name what is in the address.
                        *last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.kind().to_str());
                    }
                    else => return,
                }
                count(&link);
            }
        });
    }
}

/// Tells everybody how many clients are connected, and the log when that became none or some.
fn count(link: &Link) {
    let pool = link.pool.load();
    let clients =
        pool.as_ref().map_or(0, |pool| pool.clients().iter().filter(|it| it.is_connected()).count());
    let before = link.connected.send_replace(clients);
    match (before, clients) {
        (0, 1..) => tracing::info!("Redis is connected"),
        (1.., 0) => tracing::warn!("Redis is away: requests are served without it"),
        _ => {}
    }
}

/// The connections of one incarnation; dropped in a crash and in a stop.
pub struct Connections(Arc<Link>);

impl Drop for Connections {
    fn drop(&mut self) {
        self.0.pool.store(None);
        self.0.connected.send_replace(0); // the log has the crash, or the stop
    }
}

impl Behaviour for RedisActor {
    type Msg = RedisMsg;
    type State = Connections;

    async fn init(&self, ctx: &Context<RedisMsg>) -> Result<Connections, Failure> {
        let pool = self.pool()?;
        for client in pool.clients() {
            self.watch(ctx, client);
        }
        let tasks = pool.connect_pool();
        let aborts = tasks.iter().map(ConnectHandle::abort_handle).collect();
        for task in tasks {
            let myself = ctx.myself();
            ctx.background(async move {
                let why = match task.await {
                    Ok(Ok(())) => "closed".to_owned(),
                    Ok(Err(error)) => error.kind().to_str().to_owned(),
                    Err(error) => error.to_string(),
                };
                myself.tell(RedisMsg::Ended(why));
            });
        }
        close_at_the_end(ctx.ended(), pool.clone(), aborts);
        self.link.pool.store(Some(Arc::new(pool)));
        ctx.every(PING_EVERY, || RedisMsg::Ping);
        Ok(Connections(self.link.clone()))
    }

    async fn handle(
        &self,
        ctx: &Context<RedisMsg>,
        message: RedisMsg,
        _: &mut Connections,
    ) -> Result<(), Failure> {
        match message {
            RedisMsg::Ping => {
                count(&self.link);
                let redis = self.redis.clone();
                // A failure is counted, and tells the circuit.
                ctx.background(async move { drop(redis.ping().await) });
            }
            RedisMsg::Ended(why) => anyhow::bail!("a Redis client ended: {why}"),
        }
        Ok(())
    }

    fn view(&self, _: &Connections) -> serde_json::Value {
        let state = match self.link.state() {
            State::Up => "up",
            State::SetAside => "set_aside",
            State::Down | State::Absent => "down",
        };
        let error = *self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({
            "state": state, "clients": self.size, "connected": *self.link.connected.borrow(), "last_error": error,
        })
    }
}

/// Connections live in tasks of their own: whoever opens them makes sure that they end.
fn close_at_the_end(ended: CancellationToken, pool: Pool, aborts: Vec<tokio::task::AbortHandle>) {
    #[expect(
        clippy::disallowed_methods,
        reason = "waits for the incarnation's token, then ends within QUIT"
    )]
    tokio::spawn(async move {
        ended.cancelled().await;
        let _ = tokio::time::timeout(QUIT, pool.quit()).await;
        aborts.iter().for_each(tokio::task::AbortHandle::abort);
    });
}
