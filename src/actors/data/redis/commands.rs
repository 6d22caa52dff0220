//! The commands that the rest of the server may give, and how each of them can fail.

use std::{future::Future, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use fred::{
    clients::{Client, Pipeline, Pool},
    error::{Error, ErrorKind},
    interfaces::{ClientLike as _, KeysInterface as _, LuaInterface as _},
    types::{Expiration, Key, Value},
};
use tokio::{sync::watch, time::Instant};

use super::{actor::RedisMsg, circuit::Circuit};
use crate::{
    actors::kernel::{Handle, Registry},
    clock::Clock,
    config::Config,
    metrics,
};

/// Redis, as everybody sees it; also where none is configured. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Option<Arc<Link>>);

/// What the actor publishes, and what callers know of its health.
pub(super) struct Link {
    pub(super) handle: Handle<RedisMsg>,
    /// The clients of the running incarnation.
    pub(super) pool: ArcSwapOption<Pool>,
    /// How many of them are connected.
    pub(super) connected: watch::Sender<usize>,
    pub(super) circuit: Circuit,
    timeout: Duration,
    figures: metrics::Redis,
}

/// Why a command has no answer. Whether a write happened is open after [`Self::Timeout`] and [`Self::Broken`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// There is no `redis.url`.
    #[error("Redis is not configured")]
    Unconfigured,
    /// It failed a moment ago: it was not asked.
    #[error("Redis failed a moment ago and was not asked")]
    SetAside,
    /// There is no connection: it was not asked.
    #[error("Redis is not connected")]
    Down,
    /// No answer within `redis.command_timeout`.
    #[error("Redis did not answer in time")]
    Timeout,
    /// The connection broke, or cannot take more.
    #[error("the connection to Redis failed: {0}")]
    Broken(&'static str),
    /// It answered with an error.
    #[error("Redis refused the command: {0}")]
    Refused(String),
}

/// How Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not configured.
    Absent,
    /// It answers.
    Up,
    /// It failed a moment ago: nothing is asked.
    SetAside,
    /// There is no connection.
    Down,
}

/// A Lua script, sent whole once and then called by its hash.
#[derive(Debug)]
pub struct Script(fred::types::scripts::Script);

impl Script {
    /// A script that answers a list of integers.
    pub fn new(lua: &'static str) -> Self {
        Self(fred::types::scripts::Script::from_lua(lua))
    }
}

impl Redis {
    /// The handle; without `redis.url` every command answers [`RedisError::Unconfigured`].
    pub fn new(registry: &Registry, config: &Config, clock: &Clock, figures: metrics::Redis) -> Self {
        let configured = config.redis.url.is_some().then(|| {
            Arc::new(Link {
                handle: registry.handle("root/data/redis", "redis", config.actors.control_bound),
                pool: ArcSwapOption::empty(),
                connected: watch::Sender::new(0),
                circuit: Circuit::new(clock.clone(), *config.redis.circuit_open),
                timeout: *config.redis.command_timeout,
                figures,
            })
        });
        Self(configured)
    }

    /// One that is not configured.
    pub fn absent() -> Self {
        Self(None)
    }

    /// Whether there is a `redis.url`.
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// How it is right now.
    pub fn state(&self) -> State {
        self.0.as_deref().map_or(State::Absent, Link::state)
    }

    /// Returns when there is a connection; never, where none is configured.
    pub async fn connected(&self) {
        match self.0.as_deref() {
            // The sender is in the link that we hold: waiting cannot fail.
            Some(link) => drop(link.connected.subscribe().wait_for(|clients| *clients > 0).await),
            None => std::future::pending().await,
        }
    }

    /// The actor's handle, where one is configured.
    pub fn handle(&self) -> Option<&Handle<RedisMsg>> {
        self.0.as_deref().map(|link| &link.handle)
    }

    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        self.0.as_ref()
    }

    fn configured(&self) -> Result<&Link, RedisError> {
        self.0.as_deref().ok_or(RedisError::Unconfigured)
    }

    /// The values of `keys`, in their order.
    pub async fn mget(&self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Option<Bytes>>, RedisError> {
        let link = self.configured()?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys = names(keys);
        link.ask("mget", |client| async move { client.mget(keys).await }).await
    }

    /// Stores a value for `ttl`.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: Bytes, ttl: Duration) -> Result<(), RedisError> {
        let (key, expires) = (Key::from(key.as_ref()), Expiration::PX(millis(ttl)));
        let work = |client: Client| async move {
            client.set(key, Value::Bytes(value), Some(expires), None, false).await
        };
        self.configured()?.ask("set", work).await
    }

    /// Removes keys; returns how many there were.
    pub async fn delete(&self, keys: &[impl AsRef<[u8]>]) -> Result<u64, RedisError> {
        let link = self.configured()?;
        if keys.is_empty() {
            return Ok(0);
        }
        let keys = names(keys);
        link.ask("delete", |client| async move { client.unlink(keys).await }).await
    }

    /// Adds one to each of `keys`, in one round trip, and lets each live for `ttl` from now on; returns the new values.
    pub async fn incr(&self, keys: &[impl AsRef<[u8]>], ttl: Duration) -> Result<Vec<i64>, RedisError> {
        let link = self.configured()?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let (keys, ttl) = (names(keys), millis(ttl));
        let work = |client: Client| async move {
            let pipeline = Pipeline::from(client);
            for key in keys {
                let () = pipeline.incr(key.clone()).await?;
                let () = pipeline.pexpire(key, ttl, None).await?;
            }
            pipeline.all::<Vec<i64>>().await
        };
        let answers = link.ask("incr", work).await?;
        Ok(answers.into_iter().step_by(2).collect())
    }

    /// Runs a script; its text is sent only when the server does not know it (yet, or any more).
    pub async fn script(
        &self,
        Script(script): &Script,
        keys: &[impl AsRef<[u8]>],
        arguments: &[i64],
    ) -> Result<Vec<i64>, RedisError> {
        let (keys, arguments) = (names(keys), arguments.to_vec());
        let work = |client: Client| async move {
            let known = client.evalsha(script.sha1().clone(), keys.clone(), arguments.clone()).await;
            match (known, script.lua()) {
                (Err(error), Some(lua)) if error.details().starts_with("NOSCRIPT") => {
                    client.eval(lua.clone(), keys, arguments).await
                }
                (answer, _) => answer,
            }
        };
        self.configured()?.ask("script", work).await
    }

    /// Asks whether it answers; as a probe, this ends a pause.
    pub async fn ping(&self) -> Result<(), RedisError> {
        self.configured()?.ask("ping", |client| async move { client.ping(None).await }).await
    }
}

impl Link {
    pub(super) fn state(&self) -> State {
        match &*self.pool.load() {
            Some(pool) if pool.clients().iter().any(Client::is_connected) => {
                if self.circuit.is_open() {
                    State::SetAside
                } else {
                    State::Up
                }
            }
            _ => State::Down,
        }
    }

    async fn ask<R, F>(&self, command: &'static str, work: impl FnOnce(Client) -> F) -> Result<R, RedisError>
    where
        F: Future<Output = Result<R, Error>>,
    {
        let pool = self.pool.load_full();
        // Not connected is known without asking: no reason for a pause after the connection is back.
        let client = pool.as_ref().map(|pool| pool.next_connected()).filter(|client| client.is_connected());
        let client = client.cloned().ok_or(RedisError::Down)?;
        let pass = self.circuit.admit().ok_or(RedisError::SetAside)?;
        let began = Instant::now();
        let answer = match tokio::time::timeout(self.timeout, work(client)).await {
            Ok(answer) => answer.map_err(|error| understand(&error)),
            Err(_) => Err(RedisError::Timeout),
        };
        self.figures.answered(command, began.elapsed());
        match &answer {
            Ok(_) | Err(RedisError::Refused(_)) => {
                if pass.succeeded() {
                    self.figures.set_aside(false);
                    tracing::info!("Redis answers again");
                }
            }
            Err(error) => {
                self.figures.failed(error.reason());
                if pass.failed() {
                    self.figures.set_aside(true);
                    tracing::warn!(%error, redis.command = command, "Redis is set aside for a while");
                }
            }
        }
        answer
    }
}

impl RedisError {
    /// As a label.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Unconfigured | Self::SetAside | Self::Down => "not_asked",
            Self::Timeout => "timeout",
            Self::Broken(_) => "broken",
            Self::Refused(_) => "refused",
        }
    }
}

/// Tells a server that cannot serve (loading, out of memory, a broken connection) from one that refuses this command.
fn understand(error: &Error) -> RedisError {
    const COMMANDS_OWN_FAULT: [&str; 5] = ["ERR", "WRONGTYPE", "NOSCRIPT", "NOPERM", "EXECABORT"];
    match error.kind() {
        ErrorKind::Timeout => RedisError::Timeout,
        ErrorKind::InvalidArgument | ErrorKind::InvalidCommand | ErrorKind::Parse | ErrorKind::NotFound => {
            RedisError::Refused(error.details().to_owned())
        }
        _ if COMMANDS_OWN_FAULT.iter().any(|word| error.details().starts_with(word)) => {
            RedisError::Refused(error.details().to_owned())
        }
        kind => RedisError::Broken(kind.to_str()),
    }
}

fn names(keys: &[impl AsRef<[u8]>]) -> Vec<Key> {
    keys.iter().map(|key| Key::from(key.as_ref())).collect()
}

/// At least one: Redis refuses zero.
fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1)
}
