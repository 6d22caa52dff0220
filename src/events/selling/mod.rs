//! Selling tickets: many orders, one transaction, one outcome for each.
//!
//! [`sell`] locks the events of a batch in the order of their ids (so that two batches cannot deadlock), [`decide`]s in
//! the order in which the orders came, and writes tickets, bookings and idempotent answers with one statement. The rush
//! on a popular event is then limited by PostgreSQL's commit, not by a row lock per buyer.
//!
//! Invariants
//! - `tickets_left` falls by exactly the tickets sold; the UPDATE is conditional and a CHECK stands behind it.
//! - An order with an idempotency key is sold once: the answer is stored in the transaction of the sale.

use ahash::AHashMap;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
};

use super::{
    amounts::counted,
    booking::{Booking, Status, VisitRow},
    refund::Visit,
};
use crate::{
    db::{DbError, Tx},
    ids::{BookingId, EventId, UserId},
};

/// An order for tickets.
#[derive(Debug, Clone)]
pub struct Order {
    /// The id of the booking it becomes.
    pub id: BookingId,
    /// The event's name in URLs.
    pub event: String,
    /// Who orders.
    pub user: UserId,
    /// 1 to `events.max_tickets`, checked by the caller.
    pub tickets: i16,
    /// The day of the visit; may be left out when the event has only one.
    pub date: Option<Date>,
    /// The ticket code, used if the booking is confirmed at once (free events).
    pub code: String,
    /// Present when the client sent an Idempotency-Key.
    pub claim: Option<Claim>,
}

/// An idempotency key, scoped and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// SHA-256 of principal, method, route and the client's key.
    pub key: [u8; 32],
    /// SHA-256 of the request body.
    pub fingerprint: [u8; 32],
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sale {
    /// Sold just now.
    Sold(Box<Booking>),
    /// Sold before, under the same idempotency key: the stored answer.
    Replayed {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No event has this name.
    #[error("there is no such event")]
    NoSuchEvent,
    /// It was withdrawn, which is for ever.
    #[error("the event was withdrawn: it cannot be booked")]
    Withdrawn,
    /// Too few tickets are left.
    #[error("{} left", counted(*left, "ticket is", "tickets are"))]
    SoldOut {
        /// How many.
        left: i32,
    },
    /// The event lasts several days and none was chosen.
    #[error("the event lasts from {from} to {to}: choose a day")]
    DateRequired {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
    /// The chosen day is not one of the event's.
    #[error("the event takes place from {from} to {to}")]
    DateOutside {
        /// The first day.
        from: Date,
        /// The last day.
        to: Date,
    },
    /// The visit has begun or is over.
    #[error("the event has begun")]
    Begun,
    /// The idempotency key was used for another request.
    #[error("the Idempotency-Key was used for a different request")]
    KeyReused,
}

/// What is known of an event when its row is locked.
#[derive(Debug, Clone)]
struct Stock {
    id: EventId,
    title: String,
    is_withdrawn: bool,
    left: i32,
    unit_cents: i64,
    currency: String,
    from: Date,
    to: Date,
    start_time: Option<Time>,
    time_zone: String,
    sold: i32,
    bookings: i32,
}

/// An answer stored under an idempotency key.
#[derive(Debug, Clone)]
struct Answer {
    fingerprint: Vec<u8>,
    status: u16,
    body: Vec<u8>,
}

/// Sells what can be sold; an outcome for each order, in their order. The caller commits: only then is it true.
pub async fn sell(
    tx: &mut Tx,
    orders: &[Order],
    now: Timestamp,
    hold: SignedDuration,
) -> Result<Vec<Result<Sale, Refusal>>, DbError> {
    let mut stock = lock(tx, orders).await?;
    let mut answers = answered(tx, orders).await?;
    let outcomes: Vec<_> =
        orders.iter().map(|order| decide(order, &mut stock, &mut answers, now, hold)).collect();
    write(tx, orders, &outcomes, &stock, now).await?;
    Ok(outcomes)
}

/// Locks the events of the orders. `NO KEY` lets reviews and favourites refer to them meanwhile.
async fn lock(tx: &mut Tx, orders: &[Order]) -> Result<AHashMap<String, Stock>, DbError> {
    const LOCK: &str = "-- events.selling.lock
        SELECT id, slug, title, status = 'withdrawn' AS is_withdrawn, tickets_left, price_cents, currency::text, starts_on,
            ends_on, start_time, time_zone
        FROM events WHERE slug = ANY($1) ORDER BY id FOR NO KEY UPDATE";
    let mut slugs: Vec<&str> = orders.iter().map(|order| order.event.as_str()).collect();
    slugs.sort_unstable();
    slugs.dedup();
    let rows = tx.query(LOCK, &[&slugs]).await?;
    let stock = rows.iter().map(|row| {
        let stock = Stock {
            id: row.get("id"),
            title: row.get("title"),
            is_withdrawn: row.get("is_withdrawn"),
            left: row.get("tickets_left"),
            unit_cents: row.get("price_cents"),
            currency: row.get("currency"),
            from: row.get("starts_on"),
            to: row.get("ends_on"),
            start_time: row.get("start_time"),
            time_zone: row.get("time_zone"),
            sold: 0,
            bookings: 0,
        };
        (row.get("slug"), stock)
    });
    Ok(stock.collect())
}

/// Answers stored before. Read after the locks are held: a sale of another process is then visible or has not happened.
async fn answered(tx: &mut Tx, orders: &[Order]) -> Result<AHashMap<[u8; 32], Answer>, DbError> {
    const ANSWERED: &str = "-- events.selling.answered
        SELECT key, fingerprint, status, body FROM idempotency_key WHERE key = ANY($1) AND status IS NOT NULL";
    let keys: Vec<&[u8]> =
        orders.iter().filter_map(|order| Some(order.claim.as_ref()?.key.as_slice())).collect();
    if keys.is_empty() {
        return Ok(AHashMap::new());
    }
    let rows = tx.query(ANSWERED, &[&keys]).await?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let key: [u8; 32] = row.get::<_, &[u8]>("key").try_into().ok()?;
            let answer = Answer {
                fingerprint: row.get("fingerprint"),
                status: row.get::<_, i16>("status") as u16,
                body: row.get("body"),
            };
            Some((key, answer))
        })
        .collect())
}

/// The rule for one order, given what earlier orders of the batch left over.
fn decide(
    order: &Order,
    stock: &mut AHashMap<String, Stock>,
    answers: &mut AHashMap<[u8; 32], Answer>,
    now: Timestamp,
    hold: SignedDuration,
) -> Result<Sale, Refusal> {
    if let Some(claim) = &order.claim
        && let Some(answer) = answers.get(&claim.key)
    {
        return if answer.fingerprint == claim.fingerprint {
            Ok(Sale::Replayed { status: answer.status, body: answer.body.clone() })
        } else {
            Err(Refusal::KeyReused)
        };
    }
    let stock = stock.get_mut(&order.event).ok_or(Refusal::NoSuchEvent)?;
    if stock.is_withdrawn {
        return Err(Refusal::Withdrawn);
    }
    let (from, to) = (stock.from, stock.to);
    let date = match order.date {
        Some(date) if date < from || date > to => return Err(Refusal::DateOutside { from, to }),
        Some(date) => date,
        None if from == to => from,
        None => return Err(Refusal::DateRequired { from, to }),
    };
    let visit = Visit { date, start_time: stock.start_time, time_zone: stock.time_zone.clone() };
    let bookable_until = visit.bookable_until();
    if bookable_until <= now {
        return Err(Refusal::Begun);
    }
    if stock.left < i32::from(order.tickets) {
        return Err(Refusal::SoldOut { left: stock.left });
    }
    stock.left -= i32::from(order.tickets);
    stock.sold += i32::from(order.tickets);
    stock.bookings += 1;
    let booking = made(order, stock, date, now, (now + hold).min(bookable_until));
    if let Some(claim) = &order.claim {
        let body = serde_json::to_vec(&booking).expect("a booking is plain data");
        answers.insert(claim.key, Answer { fingerprint: claim.fingerprint.to_vec(), status: 201, body });
    }
    Ok(Sale::Sold(Box::new(booking)))
}

fn made(order: &Order, stock: &Stock, date: Date, now: Timestamp, held_until: Timestamp) -> Booking {
    let is_free = stock.unit_cents == 0;
    Booking {
        id: order.id,
        event: order.event.clone(),
        title: stock.title.clone(),
        tickets: order.tickets,
        event_date: date,
        unit_cents: stock.unit_cents,
        total_cents: stock.unit_cents * i64::from(order.tickets),
        currency: stock.currency.clone(),
        status: if is_free { Status::Confirmed } else { Status::Pending },
        code: is_free.then(|| order.code.clone()),
        hold_expires_at: (!is_free).then_some(held_until),
        refund_percent: None,
        refund_cents: 0,
        created_at: now,
        version: 1,
        visit: VisitRow { start_time: stock.start_time, time_zone: stock.time_zone.clone() },
    }
}

/// Columns of the bookings to be written.
#[derive(Default)]
struct Columns {
    ids: Vec<BookingId>,
    events: Vec<EventId>,
    users: Vec<UserId>,
    tickets: Vec<i16>,
    dates: Vec<Date>,
    units: Vec<i64>,
    codes: Vec<Option<String>>,
    holds: Vec<Option<Timestamp>>,
    keys: Vec<Vec<u8>>,
    fingerprints: Vec<Vec<u8>>,
    bodies: Vec<Vec<u8>>,
}

/// Tickets, bookings and stored answers of a whole batch: one statement.
const WRITE: &str = "-- events.selling.write
    WITH taken AS (
        UPDATE events e SET tickets_left = e.tickets_left - t.tickets,
            bookings_count = e.bookings_count + t.bookings
        FROM unnest($1::uuid[], $2::int[], $3::int[]) AS t (id, tickets, bookings)
        WHERE e.id = t.id AND e.tickets_left >= t.tickets RETURNING e.id
    ), sold AS (
        INSERT INTO bookings (id, event_id, user_id, tickets, event_date, unit_cents, total_cents, status, code,
            confirmed_at, hold_expires_at, created_at, updated_at)
        SELECT b.id, b.event_id, b.user_id, b.tickets, b.event_date, b.unit_cents, b.unit_cents * b.tickets,
            CASE WHEN b.code IS NULL THEN 'pending' ELSE 'confirmed' END, b.code,
            CASE WHEN b.code IS NULL THEN NULL ELSE $12::timestamptz END, b.hold, $12, $12
        FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::smallint[], $8::date[], $9::bigint[], $10::text[],
            $11::timestamptz[]) AS b (id, event_id, user_id, tickets, event_date, unit_cents, code, hold)
    ), answers AS (
        INSERT INTO idempotency_key (key, fingerprint, status, body, created_at)
        SELECT a.key, a.fingerprint, 201, a.body, $12
        FROM unnest($13::bytea[], $14::bytea[], $15::bytea[]) AS a (key, fingerprint, body)
    )
    SELECT count(*) FROM taken";

/// Writes what was decided.
async fn write(
    tx: &mut Tx,
    orders: &[Order],
    outcomes: &[Result<Sale, Refusal>],
    stock: &AHashMap<String, Stock>,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut columns = Columns::default();
    for (order, outcome) in orders.iter().zip(outcomes) {
        if let Ok(Sale::Sold(booking)) = outcome {
            columns.push(order, booking, stock[&order.event].id);
        }
    }
    if columns.ids.is_empty() {
        return Ok(());
    }
    let sold: Vec<&Stock> = stock.values().filter(|stock| stock.bookings > 0).collect();
    let events: Vec<EventId> = sold.iter().map(|stock| stock.id).collect();
    let tickets: Vec<i32> = sold.iter().map(|stock| stock.sold).collect();
    let bookings: Vec<i32> = sold.iter().map(|stock| stock.bookings).collect();
    let Columns {
        ids,
        events: of,
        users,
        tickets: counts,
        dates,
        units,
        codes,
        holds,
        keys,
        fingerprints,
        bodies,
    } = columns;
    let row = tx
        .query_one(
            WRITE,
            &[
                &events,
                &tickets,
                &bookings,
                &ids,
                &of,
                &users,
                &counts,
                &dates,
                &units,
                &codes,
                &holds,
                &now,
                &keys,
                &fingerprints,
                &bodies,
            ],
        )
        .await?;
    assert_eq!(row.get::<_, i64>(0), events.len() as i64, "locked events cannot lose tickets to others");
    Ok(())
}

impl Columns {
    fn push(&mut self, order: &Order, booking: &Booking, event: EventId) {
        self.ids.push(booking.id);
        self.events.push(event);
        self.users.push(order.user);
        self.tickets.push(booking.tickets);
        self.dates.push(booking.event_date);
        self.units.push(booking.unit_cents);
        self.codes.push(booking.code.clone());
        self.holds.push(booking.hold_expires_at);
        if let Some(claim) = &order.claim {
            self.keys.push(claim.key.to_vec());
            self.fingerprints.push(claim.fingerprint.to_vec());
            self.bodies.push(serde_json::to_vec(booking).expect("a booking is plain data"));
        }
    }
}

/// Letters and digits that are not mistaken for one another (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A ticket code of ten characters: 50 random bits, which at a door is more than enough.
pub fn ticket_code(random: u64) -> String {
    (0..10).map(|place| char::from(ALPHABET[(random >> (place * 5) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests;
