//! Demonstration and benchmark data: deterministic, realistic, and consistent with every rule of the domains.
//!
//! Written by COPY in one transaction, into tables that are empty and locked for it. Events lie around today; bookings
//! take tickets, reviews follow bookings whose day has passed, and the counters of events are what the rows say.

mod bulk;
mod cases;
mod clinic;
mod copying;
mod laboratory;
mod make;
mod notaries;
mod rows;
mod tables;
mod words;

use tokio::{sync::mpsc, task::spawn_blocking};
use tokio_postgres::{Client, GenericClient};

pub use laboratory::begin;
pub use make::Options;

/// The password of every account of the demonstration data.
pub const DEMO_PASSWORD: &str = "sportello-demo";
/// An account of the demonstration data.
pub const DEMO_USER: &str = "user1@sportello.example";

/// Chunks of rows (1 MiB each) that may be made before PostgreSQL has taken them.
const CHUNKS_AHEAD: usize = 16;

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
    let away = bulk::strip(&tx).await?;
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let wanted = options.clone();
    let making = spawn_blocking(move || make::make(&wanted, |chunk| sender.blocking_send(chunk).is_ok()));
    copying::copy(&tx, chunks, &progress).await?;
    let made = making.await?.map_err(|rows::Closed| anyhow::anyhow!("the rows were not taken"))?;
    tracing::debug!(db.ms = began.elapsed().as_millis() as u64, "rows are in their tables");
    progress("indexes", 0);
    away.restore(&tx).await?;
    if options.notaries > 0 {
        progress("notaries", 0);
        notaries::write(&tx, options).await?;
        cases::write(&tx, options).await?;
    }
    if options.patients > 0 {
        progress("patients", 0);
        clinic::write(&tx, options).await?;
    }
    tx.commit().await?;
    progress("statistics", 0);
    client.batch_execute(&bulk::analyze()).await?;
    Ok(Report {
        events: options.events,
        bookings: made.bookings,
        reviews: made.reviews,
        users: options.users + options.hosts,
        seconds: began.elapsed().as_secs_f64(),
        checksum: made.checksum,
    })
}
