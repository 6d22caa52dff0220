//! What time does to bookings: unpaid ones expire, past ones are completed, upcoming ones are announced.
//!
//! Each step is one statement over a bounded batch; jobs repeat it until a batch is not full.

use jiff::{SignedDuration, Timestamp};

use super::booking::{Booking, booking_columns};
use crate::db::{DbError, Tx};

/// Bookings changed by one statement: keeps locks and transactions short.
pub const BATCH: i64 = 200;

/// Expires unpaid bookings whose hold has run out; returns them.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<Vec<Booking>, DbError> {
    const EXPIRE: &str = concat!("-- events.upkeep.expire
        WITH due AS MATERIALIZED (
            SELECT id, event_id FROM bookings WHERE status = 'pending' AND hold_expires_at <= $1
            ORDER BY hold_expires_at LIMIT $2
        ), events_first AS MATERIALIZED ( -- the order of locks: events, then bookings
            SELECT e.id FROM events e WHERE e.id IN (SELECT event_id FROM due) ORDER BY e.id FOR NO KEY UPDATE
        ), ended AS (
            UPDATE bookings b SET status = 'expired', cancelled_why = 'unpaid', cancelled_at = $1,
                version = version + 1, updated_at = $1
            WHERE b.id = ANY(ARRAY(SELECT due.id FROM due JOIN events_first f ON f.id = due.event_id))
              AND b.status = 'pending' RETURNING b.*
        ), returned AS (
            UPDATE events e SET tickets_left = e.tickets_left + s.tickets, bookings_count = e.bookings_count - s.n
            FROM (SELECT event_id, sum(tickets)::int AS tickets, count(*)::int AS n FROM ended GROUP BY event_id) s
            WHERE e.id = s.event_id RETURNING e.*
        )
        SELECT ", booking_columns!(), " FROM ended b JOIN returned e ON e.id = b.event_id");
    Ok(tx.query(EXPIRE, &[&now, &BATCH]).await?.iter().map(Booking::from_row).collect())
}

/// Completes confirmed bookings whose day is over in the event's time zone; returns how many.
pub async fn complete(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    const COMPLETE: &str = "-- events.upkeep.complete
        UPDATE bookings SET status = 'completed', version = version + 1, updated_at = $1
        WHERE id = ANY(ARRAY(
            SELECT b.id FROM bookings b JOIN events e ON e.id = b.event_id
            WHERE b.status = 'confirmed' AND b.event_date < ($1 AT TIME ZONE e.time_zone)::date
              AND b.event_date <= ($1 AT TIME ZONE 'UTC')::date + 1
            ORDER BY b.event_date LIMIT $2 FOR NO KEY UPDATE OF b SKIP LOCKED))
          AND status = 'confirmed'";
    tx.execute(COMPLETE, &[&now, &BATCH]).await
}

/// Marks confirmed bookings whose visit begins within `before` as announced, and returns them: each once.
pub async fn announce(tx: &mut Tx, now: Timestamp, before: SignedDuration) -> Result<Vec<Booking>, DbError> {
    const ANNOUNCE: &str = concat!("-- events.upkeep.announce
        WITH announced AS (
            UPDATE bookings SET reminded_at = $1 WHERE id = ANY(ARRAY(
                SELECT b.id FROM bookings b JOIN events e ON e.id = b.event_id
                WHERE b.status = 'confirmed' AND b.reminded_at IS NULL
                  AND b.event_date BETWEEN ($1 AT TIME ZONE 'UTC')::date - 1 AND ($2 AT TIME ZONE 'UTC')::date + 1
                  AND (b.event_date + coalesce(e.start_time, '00:00')) AT TIME ZONE e.time_zone BETWEEN $1 AND $2
                ORDER BY b.event_date LIMIT $3 FOR NO KEY UPDATE OF b SKIP LOCKED))
            RETURNING *
        )
        SELECT ", booking_columns!(), " FROM announced b JOIN events e ON e.id = b.event_id");
    let until = now + before;
    Ok(tx.query(ANNOUNCE, &[&now, &until, &BATCH]).await?.iter().map(Booking::from_row).collect())
}
