//! Demonstration and benchmark data: deterministic, realistic, and consistent with every rule of the domains.
//!
//! Written by COPY in one transaction, into tables that are empty and locked for it. Events lie around today; bookings take tickets, reviews follow bookings whose day
//! has passed, and the counters of events are what the rows say.

mod bulk;
mod make;
mod words;

use futures_util::SinkExt as _;
use sha2::{Digest as _, Sha256};
use tokio_postgres::{Client, GenericClient, Transaction};

pub use make::Options;

/// The password of every account of the demonstration data.
pub const DEMO_PASSWORD: &str = "sportello-demo";
/// An account of the demonstration data.
pub const DEMO_USER: &str = "user1@sportello.example";

/// Bytes sent to PostgreSQL at once.
const CHUNK: usize = 1 << 20;

/// What was written.
#[derive(Debug, serde::Serialize)]
pub struct Report {
    /// Events.
    pub events: usize,
    /// Bookings.
    pub bookings: usize,
    /// Reviews.
    pub reviews: usize,
    /// Hosts and buyers.
    pub users: usize,
    /// How long it took.
    pub seconds: f64,
    /// SHA-256 of all rows but for the password's hash, which is salted anew: the same seed on the same day, the same
    /// rows.
    pub checksum: String,
}

/// Whether there is nothing yet.
pub async fn is_empty(client: &Client) -> Result<bool, tokio_postgres::Error> {
    empty(client).await
}

async fn empty(client: &impl GenericClient) -> Result<bool, tokio_postgres::Error> {
    const EMPTY: &str = "-- seed.is_empty
        SELECT NOT EXISTS (SELECT FROM users) AND NOT EXISTS (SELECT FROM events) AND NOT EXISTS (SELECT FROM cities)";
    Ok(client.query_one(EMPTY, &[]).await?.get(0))
}

/// Fills an empty database; `progress` hears the table and how many rows were sent.
pub async fn run(
    client: &mut Client,
    options: &Options,
    progress: impl Fn(&'static str, usize) + Send,
) -> anyhow::Result<Report> {
    let began = tokio::time::Instant::now();
    let tx = client.transaction().await?;
    bulk::lock(&tx).await?;
    anyhow::ensure!(empty(&tx).await?, "the database is not empty: seed a new one");
    let made = make::make(options);
    let away = bulk::strip(&tx).await?;
    let mut checksum = Sha256::new();
    tracing::debug!(db.ms = began.elapsed().as_millis() as u64, "rows are made");
    for table in made.tables {
        checksum.update(table.text.replace(&options.password_hash, ""));
        copy(&tx, table, &progress).await?;
    }
    tracing::debug!(db.ms = began.elapsed().as_millis() as u64, "rows are in their tables");
    progress("indexes", 0);
    away.restore(&tx).await?;
    tx.commit().await?;
    progress("statistics", 0);
    client.batch_execute(&bulk::analyze()).await?;
    Ok(Report {
        events: options.events,
        bookings: made.bookings,
        reviews: made.reviews,
        users: options.users + options.hosts,
        seconds: began.elapsed().as_secs_f64(),
        checksum: data_encoding::HEXLOWER.encode(&checksum.finalize()),
    })
}

async fn copy(
    tx: &Transaction<'_>,
    table: make::Table,
    progress: &(impl Fn(&'static str, usize) + Send),
) -> anyhow::Result<()> {
    let sink = tx.copy_in(table.copy).await?;
    let mut sink = std::pin::pin!(sink);
    let mut rest = bytes::Bytes::from(table.text);
    let (whole, mut sent, mut shown) = (rest.len(), 0, 0);
    while !rest.is_empty() {
        let chunk = rest.split_to(rest.len().min(CHUNK));
        sent += chunk.len();
        sink.send(chunk).await?;
        let rows = table.rows * sent / whole;
        progress(table.name, rows - shown);
        shown = rows;
    }
    sink.as_mut().finish().await?;
    Ok(())
}
