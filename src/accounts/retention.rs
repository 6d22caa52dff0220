//! The end of what the law keeps of people who were erased ([`super::erasure::KEEPS`]).
//!
//! Ten years after the last that happened to it, a booking goes with its payments; after the erasure, the consents; then the
//! events that nobody's booking names any more, and at last the account itself, which was kept as the owner of all that. What
//! living people have of it (a booking of such an event) stays theirs. Documents go when their own day has come
//! ([`crate::documents::made::remove_due`]).

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::{
    db::{DbError, Tx},
    ids::UserId,
};

/// How long the law wants accounts and proofs to be kept (art. 2220, 2946 c.c.).
pub const YEARS: u8 = 10;
/// People looked at by one transaction.
pub const BATCH: i64 = 100;
/// Tables whose rows need the account: it stays as long as there is one.
pub const NEED_ACCOUNT: [&str; 8] =
    ["act", "appointment", "bookings", "document", "events", "notary", "notary_review", "reviews"];

/// Where a walk over erased people is.
pub type Place = (Timestamp, UserId);

/// What one transaction has removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Bookings, with their payments.
    pub bookings: u64,
    /// Events.
    pub events: u64,
    /// Consents.
    pub consents: u64,
    /// Appointments with a notary.
    pub appointments: u64,
    /// Accounts of which nothing is left.
    pub accounts: Vec<UserId>,
    /// Where to go on; `None` at the end.
    pub next: Option<Place>,
}

/// From before then nothing is kept.
pub fn ends_before(now: Timestamp) -> Timestamp {
    let then = now.to_zoned(TimeZone::UTC).checked_sub(i64::from(YEARS).years());
    then.map_or(Timestamp::MIN, |then| then.timestamp())
}

/// Removes what is over of the people who were erased before `before`, behind `after`.
pub async fn end(tx: &mut Tx, before: Timestamp, after: Option<Place>) -> Result<Ended, DbError> {
    const PEOPLE: &str = "-- accounts.retention.people
        SELECT id, erased_at FROM users WHERE erased_at < $1
          AND ($2::timestamptz IS NULL OR (erased_at, id) > ($2, $3::uuid)) ORDER BY erased_at, id LIMIT $4";
    const BOOKINGS: &str = "-- accounts.retention.due_bookings
        SELECT b.id FROM bookings b WHERE b.user_id = ANY ($1) AND b.updated_at < $2
          AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND p.updated_at >= $2) FOR UPDATE";
    const PAYMENTS: &str = "-- accounts.retention.payments\nDELETE FROM payments WHERE booking_id = ANY ($1)";
    const BOOKED: &str = "-- accounts.retention.bookings\nDELETE FROM bookings WHERE id = ANY ($1)";
    const EVENTS: &str = "-- accounts.retention.events
        DELETE FROM events e WHERE e.host_id = ANY ($1) AND e.ends_on < $2::timestamptz::date AND e.updated_at < $2
          AND NOT EXISTS (SELECT FROM bookings b WHERE b.event_id = e.id)
          AND NOT EXISTS (SELECT FROM reviews r WHERE r.event_id = e.id)";
    const CONSENTS: &str = "-- accounts.retention.consents\nDELETE FROM consent WHERE user_id = ANY ($1)";
    const APPOINTMENTS: &str = "-- accounts.retention.appointments
        DELETE FROM appointment WHERE client_id = ANY ($1) AND ended_at < $2";
    const ACCOUNTS: &str = "-- accounts.retention.accounts
        DELETE FROM users u WHERE u.id = ANY ($1)
          AND NOT EXISTS (SELECT FROM bookings b WHERE b.user_id = u.id)
          AND NOT EXISTS (SELECT FROM events e WHERE e.host_id = u.id)
          AND NOT EXISTS (SELECT FROM reviews r WHERE r.user_id = u.id)
          AND NOT EXISTS (SELECT FROM notary n WHERE n.user_id = u.id)
          AND NOT EXISTS (SELECT FROM appointment a WHERE a.client_id = u.id)
          AND NOT EXISTS (SELECT FROM act x WHERE x.client_id = u.id)
          AND NOT EXISTS (SELECT FROM notary_review y WHERE y.client_id = u.id)
          AND NOT EXISTS (SELECT FROM document d WHERE d.owner_id = u.id) RETURNING u.id";
    let (since, last) = after.unzip();
    let people = tx.query(PEOPLE, &[&before, &since, &last, &BATCH]).await?;
    let ids: Vec<UserId> = people.iter().map(|row| row.get("id")).collect();
    let bookings: Vec<uuid::Uuid> =
        tx.query(BOOKINGS, &[&ids, &before]).await?.iter().map(|row| row.get("id")).collect();
    tx.execute(PAYMENTS, &[&bookings]).await?;
    let next = people.last().filter(|_| people.len() as i64 >= BATCH);
    Ok(Ended {
        bookings: tx.execute(BOOKED, &[&bookings]).await?,
        events: tx.execute(EVENTS, &[&ids, &before]).await?,
        consents: tx.execute(CONSENTS, &[&ids]).await?,
        appointments: tx.execute(APPOINTMENTS, &[&ids, &before]).await?,
        accounts: tx.query(ACCOUNTS, &[&ids]).await?.iter().map(|row| row.get("id")).collect(),
        next: next.map(|row| (row.get("erased_at"), row.get("id"))),
    })
}
