//! What stands in calendars: an event, and one's bookings. The format: [`crate::calendar`].

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use tokio_postgres::Row;

use crate::{
    args,
    calendar::{Entry, Status, When, calendar, uid},
    db::{Db, DbError},
    events::{booking, hosting, refund::Visit},
    ids::{BookingId, EventId, UserId},
    key,
    mail::Language,
};

/// Bookings in one calendar: more than anybody has in a year.
const BOOKINGS_MAX: i64 = 500;

/// The calendar of one event; `None` if there is none. A withdrawn one is cancelled, so that calendars let it go.
pub async fn of_event(db: &Db, slug: &str, base: &str) -> Result<Option<String>, DbError> {
    const EVENT: &str = "-- events.calendar.event
        SELECT k.n, e.id, e.slug, e.title, e.description, e.location || ', ' || c.name AS location, e.starts_on,
            e.ends_on, e.start_time, e.time_zone, e.status, e.version, e.updated_at
        FROM unnest($1::text[]) WITH ORDINALITY AS k (slug, n)
        JOIN events e ON e.slug = k.slug JOIN cities c ON c.id = e.city_id";
    let rows = db.lookup(EVENT, key![slug]).await?;
    Ok(rows.first().map(|row| {
        let title: String = row.get("title");
        let entry = event_entry(row, base);
        calendar(&title, &[entry])
    }))
}

fn event_entry(row: &Row, base: &str) -> Entry {
    let (from, to): (Date, Date) = (row.get("starts_on"), row.get("ends_on"));
    let (start, zone): (Option<Time>, String) = (row.get("start_time"), row.get("time_zone"));
    let is_withdrawn = row.get::<_, &str>("status") == hosting::Status::Withdrawn.as_str();
    Entry {
        uid: uid(row.get::<_, EventId>("id")),
        sequence: row.get::<_, i64>("version") - 1,
        changed_at: row.get("updated_at"),
        // Of several days the first one's time is not the time of all.
        when: if from == to { when(from, start, zone) } else { When::Days(from, to) },
        status: if is_withdrawn { Status::Cancelled } else { Status::Confirmed },
        summary: row.get("title"),
        location: row.get("location"),
        description: (!is_withdrawn).then(|| row.get("description")),
        url: (!is_withdrawn).then(|| format!("{base}/api/v1/events/{}", row.get::<_, &str>("slug"))),
    }
}

/// The person's bookings for days from `since` on. The codes of tickets are left out: calendars are shared.
pub async fn of_bookings(
    db: &Db,
    (user, language): (UserId, Language),
    since: Date,
    base: &str,
) -> Result<Vec<Entry>, DbError> {
    const BOOKINGS: &str = "-- events.calendar.bookings
        SELECT b.id, b.tickets, b.event_date, b.status, b.version + e.version AS version,
            greatest(b.updated_at, e.updated_at) AS updated_at, e.title, e.location || ', ' || c.name AS location,
            e.start_time, e.time_zone
        FROM bookings b JOIN events e ON e.id = b.event_id JOIN cities c ON c.id = e.city_id
        WHERE b.user_id = $1 AND b.event_date >= $2 ORDER BY b.event_date DESC, b.id DESC LIMIT $3";
    let rows = db.read(BOOKINGS, args![user, since, BOOKINGS_MAX]).await?;
    Ok(rows.iter().map(|row| booking_entry(row, language, base)).collect())
}

fn booking_entry(row: &Row, language: Language, base: &str) -> Entry {
    use booking::Status as Booked;
    let id: BookingId = row.get("id");
    let status = match Booked::stored(row.get("status")) {
        Booked::Pending => Status::Tentative,
        Booked::Confirmed | Booked::Completed => Status::Confirmed,
        Booked::Cancelled | Booked::Expired => Status::Cancelled,
    };
    let tickets = match (language, row.get::<_, i16>("tickets")) {
        (Language::It, 1) => "1 biglietto".to_owned(),
        (Language::It, n) => format!("{n} biglietti"),
        (Language::En, 1) => "1 ticket".to_owned(),
        (Language::En, n) => format!("{n} tickets"),
    };
    Entry {
        uid: uid(id),
        // Both versions start at 1 and only grow.
        sequence: row.get::<_, i64>("version") - 2,
        changed_at: row.get::<_, Timestamp>("updated_at"),
        when: when(row.get("event_date"), row.get("start_time"), row.get("time_zone")),
        status,
        summary: row.get("title"),
        location: row.get("location"),
        description: Some(tickets),
        url: Some(format!("{base}/api/v1/bookings/{id}")),
    }
}

fn when(date: Date, start_time: Option<Time>, time_zone: String) -> When {
    match start_time {
        Some(_) => When::From(Visit { date, start_time, time_zone }.begins()),
        None => When::Days(date, date),
    }
}
