//! What a booking is, and how its owner reads it.
//!
//! ```text
//!            paid, or free                       the day is over
//! pending ──────────────────▶ confirmed ──────────────────────────▶ completed
//!    │  │ unpaid for 24 h         │ cancelled by the buyer, or the event is withdrawn
//!    │  └────────▶ expired        ▼
//!    └──────────────────────▶ cancelled
//! ```

use jiff::{Timestamp, civil::Date};
use tokio_postgres::Row;

use super::refund::Visit;
use crate::{
    args,
    db::{Db, DbError},
    ids::{BookingId, UserId},
    key,
};

/// Where a booking is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BookingStatus)]
pub enum Status {
    /// Tickets are held; payment is awaited.
    Pending,
    /// Paid, or free.
    Confirmed,
    /// Given back by the buyer, or the event was withdrawn.
    Cancelled,
    /// The day is over.
    Completed,
    /// Not paid in time.
    Expired,
}

impl Status {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Expired => "expired",
        }
    }

    /// Whether there is a ticket: what was given back has a code that opens no door any more.
    pub const fn has_ticket(self) -> bool {
        matches!(self, Self::Confirmed | Self::Completed)
    }

    pub(super) fn stored(text: &str) -> Self {
        [Self::Pending, Self::Confirmed, Self::Cancelled, Self::Completed, Self::Expired]
            .into_iter()
            .find(|status| status.as_str() == text)
            .expect("bookings_status_known allows no other")
    }
}

/// A booking as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// The event's name in URLs.
    pub event: String,
    /// The event's title.
    pub title: String,
    /// How many.
    pub tickets: i16,
    /// The day of the visit.
    #[schema(value_type = String, format = Date)]
    pub event_date: Date,
    /// Price of one ticket when it was booked.
    pub unit_cents: i64,
    /// Price of all.
    pub total_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where it is in its life.
    pub status: Status,
    /// On the ticket, once confirmed.
    pub code: Option<String>,
    /// Until when the tickets are held without payment.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub hold_expires_at: Option<Timestamp>,
    /// Returned, of the price.
    pub refund_percent: Option<i16>,
    /// Returned.
    pub refund_cents: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
    /// When and where the visit is; for rules and mails, not for answers.
    #[serde(skip)]
    #[schema(ignore)]
    pub visit: VisitRow,
}

/// What [`Visit`] needs, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitRow {
    /// The event's start time.
    pub start_time: Option<jiff::civil::Time>,
    /// The event's time zone.
    pub time_zone: String,
}

/// The columns of [`Booking::from_row`], of tables `b` (bookings) and `e` (events).
macro_rules! booking_columns {
    () => {
        "b.id, e.slug, e.title, b.tickets, b.event_date, b.unit_cents, b.total_cents, b.currency::text, b.status, \
         b.code, b.hold_expires_at, b.refund_percent, b.refund_cents, b.created_at, b.version, e.start_time, e.time_zone"
    };
}
pub(super) use booking_columns;

impl Booking {
    /// Reads the columns of `booking_columns!`.
    pub(super) fn from_row(row: &Row) -> Self {
        let status: String = row.get("status");
        Self {
            id: row.get("id"),
            event: row.get("slug"),
            title: row.get("title"),
            tickets: row.get("tickets"),
            event_date: row.get("event_date"),
            unit_cents: row.get("unit_cents"),
            total_cents: row.get("total_cents"),
            currency: row.get("currency"),
            status: Status::stored(&status),
            code: row.get("code"),
            hold_expires_at: row.get("hold_expires_at"),
            refund_percent: row.get("refund_percent"),
            refund_cents: row.get("refund_cents"),
            created_at: row.get("created_at"),
            version: row.get("version"),
            visit: VisitRow { start_time: row.get("start_time"), time_zone: row.get("time_zone") },
        }
    }

    /// When and where the visit is.
    pub fn visit(&self) -> Visit {
        Visit {
            date: self.event_date,
            start_time: self.visit.start_time,
            time_zone: self.visit.time_zone.clone(),
        }
    }
}

/// A booking of this person; `None` when there is none or it is somebody else's.
pub async fn find(db: &Db, id: BookingId, owner: UserId) -> Result<Option<Booking>, DbError> {
    const FIND: &str = concat!(
        "-- events.booking.find\n SELECT k.n, ",
        booking_columns!(),
        "
        FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS k (id, user_id, n)
        JOIN bookings b ON b.id = k.id AND b.user_id = k.user_id JOIN events e ON e.id = b.event_id"
    );
    Ok(db.lookup(FIND, key![id, owner]).await?.first().map(Booking::from_row))
}

/// Where a page of bookings begins: after this one.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct After(pub Timestamp, pub BookingId);

/// The person's bookings, newest first, at most `limit`, optionally of one status.
pub async fn list(
    db: &Db,
    owner: UserId,
    status: Option<Status>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Booking>, DbError> {
    const LIST: &str = concat!(
        "-- events.booking.list\n SELECT ",
        booking_columns!(),
        "
        FROM bookings b JOIN events e ON e.id = b.event_id
        WHERE b.user_id = $1 AND ($2::text IS NULL OR b.status = $2)
          AND ($3::timestamptz IS NULL OR (b.created_at, b.id) < ($3, $4::uuid))
        ORDER BY b.created_at DESC, b.id DESC LIMIT $5"
    );
    let (at, id) = after.map_or((None, None), |After(at, id)| (Some(at), Some(id)));
    let status = status.map(Status::as_str);
    let rows = db.read(LIST, args![owner, status, at, id, limit]).await?;
    Ok(rows.iter().map(Booking::from_row).collect())
}

/// Whom to write about a booking, and where the visit is.
#[derive(Debug, Clone)]
pub struct Contact {
    /// The address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The person's language.
    pub language: String,
    /// Where the event takes place.
    pub location: String,
}

/// A booking and its buyer, for mails.
pub async fn contact(db: &Db, id: BookingId) -> Result<Option<(Booking, Contact)>, DbError> {
    const CONTACT: &str = concat!(
        "-- events.booking.contact\n SELECT k.n, ",
        booking_columns!(),
        ",
            u.email, u.name, u.language, e.location || ', ' || c.name AS location
        FROM unnest($1::uuid[]) WITH ORDINALITY AS k (id, n)
        JOIN bookings b ON b.id = k.id JOIN events e ON e.id = b.event_id
        JOIN cities c ON c.id = e.city_id JOIN users u ON u.id = b.user_id AND u.erased_at IS NULL"
    );
    let rows = db.lookup(CONTACT, key![id]).await?;
    Ok(rows.first().map(|row| {
        let contact = Contact {
            email: row.get("email"),
            name: row.get("name"),
            language: row.get("language"),
            location: row.get("location"),
        };
        (Booking::from_row(row), contact)
    }))
}
