//! Demonstration and benchmark data: deterministic, realistic, and consistent with every rule of the domains.
//!
//! Written by COPY in one transaction. Events lie around today; bookings take tickets, reviews follow bookings whose day
//! has passed, and the counters of events are what the rows say.

mod make;
mod words;

use futures_util::SinkExt as _;
use tokio_postgres::{Client, Transaction};

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
}

/// Whether there is nothing yet.
pub async fn is_empty(client: &Client) -> anyhow::Result<bool> {
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
    anyhow::ensure!(is_empty(client).await?, "the database is not empty: seed a new one");
    let began = tokio::time::Instant::now();
    let made = make::make(options);
    let tx = client.transaction().await?;
    for table in &made.tables {
        copy(&tx, table, &progress).await?;
    }
    tx.commit().await?;
    client.batch_execute("ANALYZE").await?;
    Ok(Report {
        events: options.events,
        bookings: made.bookings,
        reviews: made.reviews,
        users: options.users + options.hosts,
        seconds: began.elapsed().as_secs_f64(),
    })
}

async fn copy(
    tx: &Transaction<'_>,
    table: &make::Table,
    progress: &(impl Fn(&'static str, usize) + Send),
) -> anyhow::Result<()> {
    let sink = tx.copy_in(table.copy).await?;
    let mut sink = std::pin::pin!(sink);
    let (mut rest, rows) = (table.text.as_str(), table.rows);
    while !rest.is_empty() {
        let mut cut = rest.len().min(CHUNK);
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (chunk, after) = rest.split_at(cut);
        sink.send(bytes::Bytes::copy_from_slice(chunk.as_bytes())).await?;
        progress(table.name, rows * chunk.len() / table.text.len());
        rest = after;
    }
    sink.as_mut().finish().await?;
    Ok(())
}
