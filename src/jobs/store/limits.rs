//! Queues with limits: how many of its jobs run at once in the whole fleet, and how many start per second.
//!
//! Room is counted from the leases; tokens are one row that every node's claim takes its share from. Both are looked at
//! under the queue's lock, in statements of one transaction, so that no two nodes count at once.

use std::time::Duration;

use super::claims::{self, Claimed};
use crate::db::{DbError, Link};

/// What a claim within limits found.
#[derive(Debug, Default)]
pub struct Within {
    /// The jobs.
    pub claimed: Vec<Claimed>,
    /// When the rate lets the next one start, if it was the rate that kept jobs waiting.
    pub next_token: Option<Duration>,
}

/// Claims like [`claims::claim`] from a queue with limits.
pub async fn claim(
    link: &Link,
    queue: i16,
    limit: usize,
    worker: i64,
    rescue: Duration,
) -> Result<Within, DbError> {
    // One lock per queue, in a class of its own: "spjq".
    link.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock(1936747121, {queue})")).await?;
    match claim_locked(link, queue, limit, worker, rescue).await {
        Ok(within) => link.batch("COMMIT").await.map(|()| within),
        Err(error) => {
            let _ = link.batch("ROLLBACK").await; // the error that counts is the first
            Err(error)
        }
    }
}

async fn claim_locked(
    link: &Link,
    queue: i16,
    limit: usize,
    worker: i64,
    rescue: Duration,
) -> Result<Within, DbError> {
    // Tokens flow with the database's clock: every node's is another.
    const ROOM: &str = "-- jobs.limits.room
        SELECT q.max_running - (SELECT count(*) FROM job.lease AS l WHERE l.queue_id = q.id),
            least(q.rate_burst, coalesce(b.tokens, q.rate_burst)
                + coalesce(extract(epoch FROM clock_timestamp() - b.at), 0) * q.rate_per_s)::double precision,
            q.rate_per_s::double precision
        FROM job.queue AS q LEFT JOIN job.bucket AS b ON b.queue_id = q.id WHERE q.id = $1";
    const TAKE: &str = "-- jobs.limits.take
        INSERT INTO job.bucket (queue_id, tokens, at) VALUES ($1, $2, clock_timestamp())
        ON CONFLICT (queue_id) DO UPDATE SET tokens = EXCLUDED.tokens, at = EXCLUDED.at";
    let row = link.query(ROOM, &[&queue]).await?;
    let Some(row) = row.first() else { return Ok(Within::default()) };
    let (room, tokens, rate) =
        (row.get::<_, Option<i64>>(0), row.get::<_, Option<f64>>(1), row.get::<_, Option<f64>>(2));
    let share = tokens.map_or(i64::MAX, |tokens| tokens as i64);
    let limit = (limit as i64).min(room.unwrap_or(i64::MAX)).min(share).max(0);
    if limit == 0 {
        let wait = tokens.zip(rate).filter(|_| share == 0).map(|(tokens, rate)| (1.0 - tokens) / rate);
        let next_token = wait.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 3600.0)));
        return Ok(Within { claimed: Vec::new(), next_token });
    }
    let claimed = claims::claim_within(link, queue, limit as usize, worker, rescue).await?;
    if let Some(tokens) = tokens.filter(|_| !claimed.is_empty()) {
        link.execute(TAKE, &[&queue, &(tokens - claimed.len() as f64).max(0.0)]).await?;
    }
    // More may wait than there were tokens for.
    let is_cut = claimed.len() as i64 == limit && limit == share;
    let next_token = rate.filter(|_| is_cut).map(|rate| Duration::from_secs_f64((1.0 / rate).min(3600.0)));
    Ok(Within { claimed, next_token })
}
