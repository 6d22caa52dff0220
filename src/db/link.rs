//! A connection of one's own, for parts of the server that must not wait for the pool.
//!
//! It is opened at the first use and again after it was lost; statements are prepared once per connection. A statement
//! that gets no answer gives the connection up, so that a half-open connection cannot hang its user.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ahash::AHashMap;
use postgres_types::ToSql;
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Row, Statement};

use super::{Connector, DbError, Observer, label};

/// Beyond the statement's own limit, how long its answer may take to arrive.
const ANSWER_SLACK: Duration = Duration::from_secs(2);

/// One reconnecting connection. Statements sent together are pipelined.
pub struct Link {
    connector: Connector,
    limit: Duration,
    observer: Observer,
    live: tokio::sync::Mutex<Option<Arc<Live>>>,
    opened: AtomicU64,
}

struct Live {
    client: Client,
    statements: Mutex<AHashMap<usize, Statement>>,
}

impl Link {
    /// A connection through `connector`, whose statements take at most `limit`. Opens nothing yet.
    pub fn new(connector: Connector, limit: Duration, observer: Observer) -> Self {
        let (live, opened) = (tokio::sync::Mutex::new(None), AtomicU64::new(0));
        Self { connector, limit, observer, live, opened }
    }

    /// How often it was opened: what belongs to a session (advisory locks) is lost when this changes.
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Rows of a statement.
    pub async fn query(&self, sql: &'static str, args: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, DbError> {
        let began = Instant::now();
        let live = self.live().await?;
        let answer = self
            .bounded(&live, async {
                let statement = live.statement(sql).await?;
                live.client.query(&statement, args).await
            })
            .await;
        self.observer.record(label(sql), began.elapsed(), 1, answer.as_ref().map(Vec::len).map_err(|_| ()));
        answer
    }

    /// The number of rows changed.
    pub async fn execute(&self, sql: &'static str, args: &[&(dyn ToSql + Sync)]) -> Result<u64, DbError> {
        let began = Instant::now();
        let live = self.live().await?;
        let answer = self
            .bounded(&live, async {
                let statement = live.statement(sql).await?;
                live.client.execute(&statement, args).await
            })
            .await;
        let rows = answer.as_ref().map(|rows| *rows as usize).map_err(|_| ());
        self.observer.record(label(sql), began.elapsed(), 1, rows);
        answer
    }

    /// Statements that cannot be prepared, like those that make tables.
    pub async fn batch(&self, sql: &str) -> Result<(), DbError> {
        let live = self.live().await?;
        self.bounded(&live, live.client.batch_execute(sql)).await
    }

    async fn live(&self) -> Result<Arc<Live>, DbError> {
        let mut slot = self.live.lock().await;
        if let Some(live) = slot.as_ref().filter(|live| !live.client.is_closed()) {
            return Ok(live.clone());
        }
        *slot = None;
        let (client, driver) = self.connector.connect().await.map_err(|error| {
            tracing::debug!(%error, "could not open a connection");
            DbError::Down
        })?;
        #[expect(clippy::disallowed_methods, reason = "ends with the client, which the link owns")]
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a connection was lost");
            }
        });
        let live = Arc::new(Live { client, statements: Mutex::default() });
        *slot = Some(live.clone());
        self.opened.fetch_add(1, Relaxed);
        Ok(live)
    }

    async fn bounded<T>(
        &self,
        live: &Arc<Live>,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DbError> {
        if let Ok(answer) = timeout(self.limit + ANSWER_SLACK, work).await {
            return Ok(answer?);
        }
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, live)) {
            *slot = None;
        }
        Err(DbError::Lost)
    }
}

impl Live {
    async fn statement(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let key = sql.as_ptr() as usize;
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(key, statement.clone());
        Ok(statement)
    }
}
