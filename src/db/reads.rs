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
        kernel::{CallError, Handle},
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
    },
    /// Each handler checks a connection out of the pool: what most servers do. For benchmarks.
    Direct(deadpool_postgres::Pool),
}

/// The database, as everybody sees it. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    route: Route,
    pool: Pool,
    observer: Observer,
    turn: AtomicUsize,
}

impl Db {
    /// Reads travel by `route`, transactions lease from `pool`.
    pub fn new(route: Route, pool: Pool, observer: Observer) -> Self {
        Self(Arc::new(Inner { route, pool, observer, turn: AtomicUsize::new(0) }))
    }

    /// Figures per statement.
    pub fn observer(&self) -> &Observer {
        &self.0.observer
    }

    /// The pool actor's handle.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// A short read by key. The statement takes one array per key position, gives each key its ordinal, and returns
    /// that ordinal (`bigint`, from 1) as its first column:
    /// `SELECT k.n, … FROM unnest($1::text[]) WITH ORDINALITY AS k (slug, n) JOIN …`.
    pub async fn lookup(&self, sql: &'static str, key: Params) -> Result<Rows, DbError> {
        let began = Instant::now();
        let answer = match &self.0.route {
            Route::Lanes { point, .. } => {
                self.retried(point, |reply| LaneMsg::Lookup { sql, key: key.clone(), reply }).await
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
        let answer = match &self.0.route {
            Route::Lanes { list, .. } => {
                self.retried(list, |reply| LaneMsg::Read { sql, args: args.clone(), reply }).await
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
        let lease = self.0.pool.lease(name).await?;
        Ok(Tx::new(lease, name, self.0.observer.clone(), self.0.pool.tasks()))
    }

    /// A transaction on the connection reserved for administration: works when the pool is exhausted.
    pub async fn begin_admin(&self, name: &'static str) -> Result<Tx, DbError> {
        let lease = self.0.pool.lease_admin().await?;
        Ok(Tx::new(lease, name, self.0.observer.clone(), self.0.pool.tasks()))
    }

    /// Asks the shorter of two lanes; when the lane died with the question, asks once more.
    async fn retried(
        &self,
        lanes: &[Handle<LaneMsg>],
        message: impl Fn(crate::actors::kernel::Reply<Result<Rows, DbError>>) -> LaneMsg,
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
        let turn = self.0.turn.fetch_add(1, Relaxed);
        let (one, other) = (&lanes[turn % lanes.len()], &lanes[(turn + 1) % lanes.len()]);
        let is_up = |lane: &Handle<LaneMsg>| lane.cell().state() == crate::actors::kernel::State::Running;
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
        self.0.observer.record(label(sql), began.elapsed(), 1, Ok(rows.len()));
        Ok(Arc::new(rows))
    }
}
