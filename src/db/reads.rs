//! Reads: through lanes, or (for the benchmark that keeps the actor design honest) straight from a pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_postgres::Row;

use super::{Arg, DbError, Observer, Params, Transposed, Tx, label};
use crate::{
    actors::{
        data::{lanes::LaneMsg, pool::Pool},
        kernel::{CallError, Handle, Reply, State},
    },
    scope,
};

/// The rows of one answer; shared when several callers asked the same.
pub type Rows = Arc<Vec<Row>>;

/// Pause before a read is tried again: a lane comes back in about that time.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// How reads travel.
pub enum Route {
    /// As messages to lane actors.
    Lanes {
        /// For [`Db::lookup`].
        point: Vec<Handle<LaneMsg>>,
        /// For [`Db::read`].
        list: Vec<Handle<LaneMsg>>,
        /// For both, of public data; empty without a replica.
        replica: Vec<Handle<LaneMsg>>,
    },
    /// Each handler checks a connection out of the pool: what most servers do. For benchmarks.
    Direct(deadpool_postgres::Pool),
}

/// The database, as everybody sees it. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    is_public: bool,
}

struct Inner {
    route: Route,
    pool: Pool,
    observer: Observer,
    turn: AtomicUsize,
}

impl Db {
    /// Reads travel by `route`, transactions lease from `pool`.
    pub fn new(route: Route, pool: Pool, observer: Observer) -> Self {
        let inner = Inner { route, pool, observer, turn: AtomicUsize::new(0) };
        Self { inner: Arc::new(inner), is_public: false }
    }

    /// The same, for reads of what everybody may see and nobody needs to the second: they go to the replica, if there
    /// is one and it answers. Its answers are as old as its replication lags.
    #[must_use]
    pub fn public(&self) -> Self {
        Self { inner: self.inner.clone(), is_public: true }
    }

    /// Figures per statement.
    pub fn observer(&self) -> &Observer {
        &self.inner.observer
    }

    /// The pool actor's handle.
    pub fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// A short read by key. The statement takes one array per key position, gives each key its ordinal, and returns
    /// that ordinal (`bigint`, from 1) as its first column:
    /// `SELECT k.n, … FROM unnest($1::text[]) WITH ORDINALITY AS k (slug, n) JOIN …`.
    pub async fn lookup(&self, sql: &'static str, key: Params) -> Result<Rows, DbError> {
        let began = Instant::now();
        let answer = match &self.inner.route {
            Route::Lanes { point, replica, .. } => {
                self.routed(replica, point, |reply| LaneMsg::Lookup { sql, key: key.clone(), reply }).await
            }
            Route::Direct(pool) => self.direct_lookup(pool, sql, key).await,
        };
        if let Ok(rows) = &answer {
            scope::count_query(rows.len(), began.elapsed());
        }
        answer
    }

    /// Any other short read.
    pub async fn read(&self, sql: &'static str, args: Vec<Arg>) -> Result<Rows, DbError> {
        let began = Instant::now();
        let args = Arc::new(args);
        let answer = match &self.inner.route {
            Route::Lanes { list, replica, .. } => {
                self.routed(replica, list, |reply| LaneMsg::Read { sql, args: args.clone(), reply }).await
            }
            Route::Direct(pool) => self.direct_read(pool, sql, &args).await,
        };
        if let Ok(rows) = &answer {
            scope::count_query(rows.len(), began.elapsed());
        }
        answer
    }

    /// A transaction. `name` labels it in logs.
    pub async fn begin(&self, name: &'static str) -> Result<Tx, DbError> {
        let lease = self.inner.pool.lease(name).await?;
        Ok(Tx::new(lease, name, self.inner.observer.clone(), self.inner.pool.tasks()))
    }

    /// A transaction on the connection reserved for administration: works when the pool is exhausted.
    pub async fn begin_admin(&self, name: &'static str) -> Result<Tx, DbError> {
        let lease = self.inner.pool.lease_admin().await?;
        Ok(Tx::new(lease, name, self.inner.observer.clone(), self.inner.pool.tasks()))
    }

    /// Public reads ask the replica first. Whatever is wrong with it (away, replaying, a migration behind), the primary
    /// answers instead; only when the replica has too much to do it is left at that: the primary must not drown, too.
    async fn routed(
        &self,
        replica: &[Handle<LaneMsg>],
        primary: &[Handle<LaneMsg>],
        message: impl Fn(Reply<Result<Rows, DbError>>) -> LaneMsg,
    ) -> Result<Rows, DbError> {
        if self.is_public && replica.iter().any(is_up) {
            match self.pick(replica).call(&message).await {
                Ok(answer @ (Ok(_) | Err(DbError::Overloaded | DbError::Timeout))) => return answer,
                Err(CallError::Overloaded) => return Err(DbError::Overloaded),
                Ok(Err(error)) => tracing::debug!(%error, "the replica did not answer: the primary does"),
                Err(CallError::Down | CallError::Crashed) => {}
            }
        }
        self.retried(primary, message).await
    }

    /// Asks the shorter of two lanes; when the lane died with the question, asks once more.
    async fn retried(
        &self,
        lanes: &[Handle<LaneMsg>],
        message: impl Fn(Reply<Result<Rows, DbError>>) -> LaneMsg,
    ) -> Result<Rows, DbError> {
        let mut last = DbError::Down;
        for attempt in 0..2 {
            if attempt > 0 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            match self.pick(lanes).call(&message).await {
                Ok(Err(DbError::Lost)) | Err(CallError::Crashed) => last = DbError::Lost,
                Ok(answer) => return answer,
                Err(CallError::Overloaded) => return Err(DbError::Overloaded),
                Err(CallError::Down) => last = DbError::Down,
            }
        }
        Err(last)
    }

    fn pick<'a>(&self, lanes: &'a [Handle<LaneMsg>]) -> &'a Handle<LaneMsg> {
        let turn = self.inner.turn.fetch_add(1, Relaxed);
        let (one, other) = (&lanes[turn % lanes.len()], &lanes[(turn + 1) % lanes.len()]);
        if !is_up(one) || (is_up(other) && other.cell().depth() < one.cell().depth()) { other } else { one }
    }

    async fn direct_lookup(
        &self,
        pool: &deadpool_postgres::Pool,
        sql: &'static str,
        key: Params,
    ) -> Result<Rows, DbError> {
        let columns = Transposed::of(vec![key]);
        let args: Vec<_> = columns.iter().map(Transposed::as_sql).collect();
        self.direct(pool, sql, &args).await
    }

    async fn direct_read(
        &self,
        pool: &deadpool_postgres::Pool,
        sql: &'static str,
        args: &[Arg],
    ) -> Result<Rows, DbError> {
        let args: Vec<_> =
            args.iter().map(|arg| arg.as_ref() as &(dyn postgres_types::ToSql + Sync)).collect();
        self.direct(pool, sql, &args).await
    }

    async fn direct(
        &self,
        pool: &deadpool_postgres::Pool,
        sql: &'static str,
        args: &[&(dyn postgres_types::ToSql + Sync)],
    ) -> Result<Rows, DbError> {
        let client = pool.get().await.map_err(|_| DbError::Down)?;
        let began = Instant::now();
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, args).await?;
        self.inner.observer.record(label(sql), began.elapsed(), 1, Ok(rows.len()));
        Ok(Arc::new(rows))
    }
}

fn is_up(lane: &Handle<LaneMsg>) -> bool {
    lane.cell().state() == State::Running
}
