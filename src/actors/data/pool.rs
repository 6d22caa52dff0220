//! The pool actor: owns the connections for transactions and leases them.
//!
//! A lease is a message; waiting for a free connection happens in a task of the actor, never in its mailbox. The pool
//! itself lives in the behaviour: a crash of the actor loses the waiters (they hear it at once and answer 503) and no
//! connection.
//!
//! Size: `database.pool_size` connections are kept, `database.pool_overflow` more are opened under pressure and closed
//! again by the trim. One more is reserved for administration. An orderly stop rolls back what was abandoned and closes
//! the connections, so that the server that stops next has nobody to throw out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use futures_util::future::BoxFuture;
use tokio::{task::JoinHandle, time::Instant};
use tokio_postgres::Client;
use tokio_util::task::TaskTracker;

use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::sections::Database,
    db::{Connector, DbError, ONE_PLAN},
    metrics::{self, PoolUse},
};

/// How often connections too many and too old are closed.
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// Waiters per connection before new ones are refused: waiting longer would only miss the deadline.
const WAITERS_PER_CONNECTION: usize = 4;

/// Messages of the pool actor.
pub enum PoolMsg {
    /// Lease a connection for a transaction.
    Lease {
        /// Where it goes.
        reply: Reply<Result<Object, DbError>>,
    },
    /// Lease the reserved connection.
    LeaseAdmin {
        /// Where it goes.
        reply: Reply<Result<Object, DbError>>,
    },
    /// Close what is too old or too many.
    Trim,
}
crate::kinds!(PoolMsg: Lease, LeaseAdmin, Trim);

/// The pool, as everybody sees it.
#[derive(Clone)]
pub struct Pool {
    handle: Handle<PoolMsg>,
    /// Rollbacks of abandoned transactions run here, so that a stop can wait for them.
    tasks: TaskTracker,
}

impl Pool {
    /// The handle of the pool actor.
    pub fn new(handle: Handle<PoolMsg>) -> Self {
        Self { handle, tasks: TaskTracker::new() }
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<PoolMsg> {
        &self.handle
    }

    pub(crate) fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// Leases a connection; waits as long as the configuration and the request's deadline allow.
    pub async fn lease(&self, _name: &'static str) -> Result<Object, DbError> {
        answered(self.handle.call(|reply| PoolMsg::Lease { reply }).await)
    }

    /// Leases the reserved connection.
    pub async fn lease_admin(&self) -> Result<Object, DbError> {
        answered(self.handle.call(|reply| PoolMsg::LeaseAdmin { reply }).await)
    }
}

fn answered(answer: Result<Result<Object, DbError>, CallError>) -> Result<Object, DbError> {
    match answer {
        Ok(answer) => answer,
        Err(CallError::Overloaded) => Err(DbError::Overloaded),
        // No statement was sent: a crashed pool means "try again", not "outcome unknown".
        Err(CallError::Down | CallError::Crashed) => Err(DbError::Down),
    }
}

/// The pool actor.
pub struct PoolActor {
    pool: deadpool_postgres::Pool,
    admin: deadpool_postgres::Pool,
    size: usize,
    wait: Duration,
    recycle: Duration,
    waiting: Arc<AtomicUsize>,
    rollbacks: TaskTracker,
    figures: metrics::Pool,
}

impl PoolActor {
    /// A pool on `connector`, sized by `config`, that is leased through `handle`.
    pub fn new(
        connector: &Connector,
        config: &Database,
        handle: &Pool,
        figures: metrics::Pool,
    ) -> anyhow::Result<Self> {
        let statements = connector.for_use("transactions", *config.statement_timeout);
        let pool = build(&statements, config.pool_size + config.pool_overflow)?;
        let waiting = Arc::<AtomicUsize>::default();
        let (watched, waiters) = (pool.clone(), waiting.clone());
        figures.watch(move || {
            let status = watched.status();
            let leased = status.size.saturating_sub(status.available);
            PoolUse { open: status.size, leased, waiting: waiters.load(Relaxed) }
        });
        Ok(Self {
            pool,
            admin: build(&connector.for_use("administration", *config.statement_timeout), 1)?,
            size: config.pool_size,
            wait: *config.pool_wait,
            recycle: *config.pool_recycle,
            waiting,
            rollbacks: handle.tasks(),
            figures,
        })
    }

    fn lease(
        &self,
        ctx: &Context<PoolMsg>,
        pool: &deadpool_postgres::Pool,
        reply: Reply<Result<Object, DbError>>,
    ) {
        let status = pool.status();
        if self.waiting.load(Relaxed) >= status.max_size * WAITERS_PER_CONNECTION {
            return reply.send(Err(DbError::Overloaded));
        }
        let deadline = Instant::now() + self.wait;
        let deadline = reply.deadline().map_or(deadline, |request| request.min(deadline));
        let waiting = Waiting::new(&self.waiting);
        let (pool, figures) = (pool.clone(), self.figures.clone());
        ctx.spawn(async move {
            let began = Instant::now();
            let lease = get(&pool, deadline).await;
            drop(waiting);
            figures.wait.record(began.elapsed());
            if matches!(lease, Err(DbError::Overloaded)) {
                figures.timeouts.inc();
            }
            if !reply.is_abandoned() {
                reply.send(lease);
            }
        });
    }
}

async fn get(pool: &deadpool_postgres::Pool, deadline: Instant) -> Result<Object, DbError> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeouts = Timeouts { wait: Some(left), create: Some(left), recycle: Some(left) };
    pool.timeout_get(&timeouts).await.map_err(|error| match error {
        PoolError::Timeout(_) => DbError::Overloaded,
        PoolError::Backend(error) => match DbError::from(error) {
            DbError::Overloaded => DbError::Overloaded,
            error => {
                tracing::warn!(%error, "could not open a connection");
                DbError::Down
            }
        },
        _ => DbError::Down,
    })
}

/// Counts a waiter, however it ends.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A pool that belongs to no actor, for [`crate::db::Route::Direct`].
pub(crate) fn direct(connector: &Connector, config: &Database) -> anyhow::Result<deadpool_postgres::Pool> {
    let connector = connector.for_use("direct reads", *config.lane_statement_timeout).setting(ONE_PLAN);
    build(&connector, config.pool_size)
}

fn build(connector: &Connector, size: usize) -> anyhow::Result<deadpool_postgres::Pool> {
    // Fast: a closed connection is noticed without a round trip; one that dies later fails its transaction honestly.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_connect(connector.config().clone(), Opening(connector.clone()), recycling);
    Ok(deadpool_postgres::Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1).build()?)
}

/// Opens the pool's connections. That one is lost is noticed, and told, by whoever leases it next.
struct Opening(Connector);

impl Connect for Opening {
    fn connect(
        &self,
        config: &tokio_postgres::Config,
    ) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        let config = config.clone();
        Box::pin(async move {
            let (client, driver) = self.0.noticed(config.connect(self.0.tls()).await)?;
            #[expect(clippy::disallowed_methods, reason = "aborted with the client, which the pool owns")]
            let driving = tokio::spawn(async move {
                if let Err(error) = driver.await {
                    tracing::debug!(%error, "a connection was lost");
                }
            });
            Ok((client, driving))
        })
    }
}

impl Behaviour for PoolActor {
    type Msg = PoolMsg;
    type State = ();

    async fn init(&self, ctx: &Context<PoolMsg>) -> Result<(), Failure> {
        ctx.every(TRIM_EVERY, || PoolMsg::Trim);
        Ok(())
    }

    async fn handle(&self, ctx: &Context<PoolMsg>, message: PoolMsg, (): &mut ()) -> Result<(), Failure> {
        match message {
            PoolMsg::Lease { reply } => self.lease(ctx, &self.pool, reply),
            PoolMsg::LeaseAdmin { reply } => self.lease(ctx, &self.admin, reply),
            PoolMsg::Trim => {
                let mut kept = 0;
                self.pool.retain(|_, metrics| {
                    kept += 1;
                    kept <= self.size && metrics.age() < self.recycle
                });
            }
        }
        Ok(())
    }

    async fn stop(&self, (): &mut ()) {
        self.rollbacks.close();
        self.rollbacks.wait().await;
        self.rollbacks.reopen(); // it may start again
        for pool in [&self.pool, &self.admin] {
            pool.retain(|_, _| false);
        }
    }

    fn view(&self, (): &()) -> serde_json::Value {
        let status = self.pool.status();
        serde_json::json!({
            "open": status.size, "max": status.max_size, "available": status.available,
            "waiting": self.waiting.load(Relaxed), "admin_open": self.admin.status().size,
        })
    }
}
