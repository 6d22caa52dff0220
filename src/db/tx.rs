//! Transactions on a leased connection.

use std::future::Future;

use postgres_types::ToSql;
use tokio::time::Instant;
use tokio_postgres::{Client, Row, Statement};
use tokio_util::task::TaskTracker;

use super::{DbError, Observer, label};
use crate::scope;

/// A transaction. Dropped without [`Tx::commit`], it is rolled back.
pub struct Tx {
    /// `None` once finished.
    lease: Option<deadpool_postgres::Object>,
    name: &'static str,
    begun: bool,
    observer: Observer,
    tasks: TaskTracker,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

impl Tx {
    pub(super) fn new(
        lease: deadpool_postgres::Object,
        name: &'static str,
        observer: Observer,
        tasks: TaskTracker,
    ) -> Self {
        Self { lease: Some(lease), name, begun: false, observer, tasks, after_commit: Vec::new() }
    }

    /// Runs `hook` once the transaction is committed, never otherwise: wake a queue, invalidate a cache entry.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(hook));
    }

    /// Rows of a statement.
    pub async fn query(
        &mut self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DbError> {
        self.run(sql, Vec::len, async |client, statement| client.query(statement, args).await).await
    }

    /// The only row, if there is one.
    pub async fn query_opt(
        &mut self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, args).await?.into_iter().next())
    }

    /// The only row of a statement that always has one.
    ///
    /// # Panics
    /// When there is none: the statement is wrong.
    pub async fn query_one(
        &mut self,
        sql: &'static str,
        args: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, DbError> {
        let row = self.query_opt(sql, args).await?;
        Ok(row.unwrap_or_else(|| panic!("{} returned no row", label(sql))))
    }

    /// The number of rows changed.
    pub async fn execute(&mut self, sql: &'static str, args: &[&(dyn ToSql + Sync)]) -> Result<u64, DbError> {
        self.run(
            sql,
            |count| *count as usize,
            async |client, statement| client.execute(statement, args).await,
        )
        .await
    }

    /// Runs one prepared statement; BEGIN travels with the first, so a transaction costs no round trip to open.
    async fn run<T>(
        &mut self,
        sql: &'static str,
        rows: impl Fn(&T) -> usize,
        execute: impl AsyncFnOnce(&Client, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, DbError> {
        let lease = self.lease.as_ref().ok_or(DbError::Lost)?;
        let began = Instant::now();
        let statement = lease.prepare_cached(sql).await?;
        let first = !std::mem::replace(&mut self.begun, true);
        let answer = if first {
            let begin = lease.batch_execute("BEGIN");
            let (begun, answer) = pipelined(begin, execute(lease, &statement)).await;
            begun.and(answer)
        } else {
            execute(lease, &statement).await
        };
        let took = began.elapsed();
        let count = answer.as_ref().map(rows).map_err(|_| ());
        self.observer.record(label(sql), took, 1, count);
        scope::count_query(count.unwrap_or(0), took);
        Ok(answer?)
    }

    /// Commits, then runs the hooks.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if let Some(lease) = self.lease.take()
            && self.begun
        {
            // Until the answer is here the outcome is open: a lease dropped now must not go back into the pool.
            let unknown = Discard(Some(lease));
            let committed = match &unknown.0 {
                Some(lease) => lease.batch_execute("COMMIT").await,
                None => Ok(()),
            };
            match committed.map_err(DbError::from) {
                Ok(()) => unknown.keep(),
                Err(DbError::Lost | DbError::Timeout) => return Err(DbError::Unknown),
                Err(error) => return Err(error),
            }
        }
        for hook in std::mem::take(&mut self.after_commit) {
            hook();
        }
        Ok(())
    }

    /// Rolls back and gives the connection back.
    pub async fn rollback(mut self) -> Result<(), DbError> {
        if let Some(lease) = self.lease.take()
            && self.begun
        {
            lease.batch_execute("ROLLBACK").await?;
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if self.begun && !lease.is_closed() {
            let name = self.name;
            self.tasks.spawn(async move {
                if lease.batch_execute("ROLLBACK").await.is_err() {
                    tracing::debug!(
                        db.transaction = name,
                        "the connection of a rolled back transaction is gone"
                    );
                }
            });
        }
    }
}

/// Closes the connection instead of giving it back, unless told otherwise.
struct Discard(Option<deadpool_postgres::Object>);

impl Discard {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Discard {
    fn drop(&mut self) {
        if let Some(lease) = self.0.take() {
            drop(deadpool_postgres::Object::take(lease));
        }
    }
}

/// Sends both before waiting for either: tokio-postgres pipelines in the order of the first poll.
async fn pipelined<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
    futures_util::future::join(first, second).await
}
