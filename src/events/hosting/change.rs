//! Changing and withdrawing an event. Its row is locked first, as sales do: nobody buys what is being changed.

use jiff::{Timestamp, civil::Date};

use super::{
    content::{Content, content_columns},
    create::city,
    hosted::Status,
};
use crate::{
    db::{DbError, Tx},
    events::{amounts::counted, refund::Visit},
    ids::{EventId, UserId},
};

/// An event that waits for a change.
#[derive(Debug, Clone)]
pub struct Locked {
    /// Its id.
    pub id: EventId,
    /// As it is now.
    pub content: Content,
    /// Counts its changes.
    pub version: i64,
    status: Status,
    tickets_left: i32,
    time_zone: String,
}

impl Locked {
    /// Refuses what was withdrawn: it is changed no more, whichever version somebody has read.
    pub fn ensure_published(&self) -> Result<(), Refusal> {
        if self.status == Status::Withdrawn { Err(Refusal::Withdrawn) } else { Ok(()) }
    }
}

/// Why an event was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It was withdrawn, which is for ever.
    #[error("the event was withdrawn, which is for ever")]
    Withdrawn,
    /// Its last day is over.
    #[error("the event is over and cannot be withdrawn")]
    Over,
    /// No city is called so.
    #[error("there is no such city")]
    NoSuchCity,
    /// More tickets are taken than there would be places.
    #[error("{}: the capacity cannot be less", counted(*taken, "ticket is", "tickets are"))]
    CapacityBelowTaken {
        /// Held and sold.
        taken: i32,
    },
    /// Somebody has booked a day that would no longer be one of the event's.
    #[error("{} for days outside: withdraw the event instead, which refunds everybody",
        counted(*bookings, "live booking is", "live bookings are"))]
    DaysBooked {
        /// How many.
        bookings: i64,
    },
    /// Somebody has booked it where it was.
    #[error("the event has {} and cannot move to another city: withdraw it instead",
        counted(*bookings, "live booking", "live bookings"))]
    CityBooked {
        /// How many.
        bookings: i64,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Locks the event called `slug`, if `manager` may manage it; `None` manages all of them.
pub async fn lock(tx: &mut Tx, slug: &str, manager: Option<UserId>) -> Result<Option<Locked>, DbError> {
    const LOCK: &str = concat!(
        "-- events.hosting.lock\n SELECT e.id, e.version, e.status, e.tickets_left, e.time_zone, ",
        content_columns!(),
        "
        FROM events e JOIN cities c ON c.id = e.city_id
        WHERE e.slug = $1 AND ($2::uuid IS NULL OR e.host_id = $2) FOR NO KEY UPDATE OF e"
    );
    let row = tx.query_opt(LOCK, &[&slug, &manager]).await?;
    Ok(row.map(|row| Locked {
        id: row.get("id"),
        content: Content::from_row(&row),
        version: row.get("version"),
        status: Status::stored(row.get("status")),
        tickets_left: row.get("tickets_left"),
        time_zone: row.get("time_zone"),
    }))
}

/// Gives a locked event another content.
pub async fn change(tx: &mut Tx, locked: &Locked, content: &Content, now: Timestamp) -> Result<(), Refusal> {
    const CHANGE: &str = "-- events.hosting.change
        UPDATE events SET city_id = $2, time_zone = $3, title = $4, description = $5, category = $6, location = $7,
            starts_on = $8, ends_on = $9, start_time = $10, price_cents = $11, capacity = $12,
            tickets_left = tickets_left + $12 - capacity, included = $13, things_to_know = $14,
            cancellation_policy = $15, age_restriction = $16, is_featured = $17, version = version + 1,
            updated_at = $18
        WHERE id = $1";
    locked.ensure_published()?;
    let (city, time_zone) = city(tx, &content.city).await?.ok_or(Refusal::NoSuchCity)?;
    check_capacity(locked, content.capacity)?;
    check_bookings(tx, locked, content).await?;
    tx.execute(
        CHANGE,
        &[
            &locked.id,
            &city,
            &time_zone,
            &content.title,
            &content.description,
            &content.category.as_str(),
            &content.location,
            &content.starts_on,
            &content.ends_on,
            &content.start_time,
            &content.price_cents,
            &content.capacity,
            &content.included,
            &content.things_to_know,
            &content.cancellation_policy,
            &content.age_restriction,
            &content.featured,
            &now,
        ],
    )
    .await?;
    Ok(())
}

fn check_capacity(locked: &Locked, capacity: i32) -> Result<(), Refusal> {
    let taken = locked.content.capacity - locked.tickets_left;
    if capacity < taken { Err(Refusal::CapacityBelowTaken { taken }) } else { Ok(()) }
}

/// What was booked stays possible: the day and the city.
async fn check_bookings(tx: &mut Tx, locked: &Locked, content: &Content) -> Result<(), Refusal> {
    const LIVE: &str = "-- events.hosting.live
        SELECT count(*) AS live, count(*) FILTER (WHERE event_date NOT BETWEEN $2 AND $3) AS outside
        FROM bookings WHERE event_id = $1 AND status IN ('pending', 'confirmed')";
    let days = |content: &Content| -> (Date, Date) { (content.starts_on, content.ends_on) };
    let moved = locked.content.city != content.city;
    if !moved && days(&locked.content) == days(content) {
        return Ok(());
    }
    let row = tx.query_one(LIVE, &[&locked.id, &content.starts_on, &content.ends_on]).await?;
    let (live, outside): (i64, i64) = (row.get("live"), row.get("outside"));
    if moved && live > 0 {
        return Err(Refusal::CityBooked { bookings: live });
    }
    if outside > 0 { Err(Refusal::DaysBooked { bookings: outside }) } else { Ok(()) }
}

/// Withdraws a locked event; `false` when it was withdrawn before. The caller enqueues what follows for its bookings.
pub async fn withdraw(tx: &mut Tx, locked: &Locked, now: Timestamp) -> Result<bool, Refusal> {
    const WITHDRAW: &str = "-- events.hosting.withdraw
        UPDATE events SET status = 'withdrawn', withdrawn_at = $2, version = version + 1, updated_at = $2
        WHERE id = $1 AND status = 'published'";
    if locked.ensure_published().is_err() {
        return Ok(false);
    }
    let last = Visit { date: locked.content.ends_on, start_time: None, time_zone: locked.time_zone.clone() };
    if last.days_left(now) < 0 {
        return Err(Refusal::Over);
    }
    Ok(tx.execute(WITHDRAW, &[&locked.id, &now]).await? == 1)
}
