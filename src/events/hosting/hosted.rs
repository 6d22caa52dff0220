//! Events as their hosts see them: also withdrawn ones, with what was sold.

use jiff::{Timestamp, civil::Date};
use tokio_postgres::Row;

use super::content::{Content, ContentShown, content_columns};
use crate::{
    args,
    db::{Db, DbError, Tx},
    events::catalogue::{Category, average},
    ids::{EventId, UserId},
};

/// Whether an event can be found and booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventStatus)]
pub enum Status {
    /// It can.
    Published,
    /// It cannot; its buyers were refunded.
    Withdrawn,
}

impl Status {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub(super) fn stored(text: &str) -> Self {
        if text == Self::Withdrawn.as_str() { Self::Withdrawn } else { Self::Published }
    }
}

/// What an event has sold so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = EventFigures)]
pub struct Figures {
    /// Places in all.
    pub capacity: i32,
    /// Tickets left.
    pub tickets_left: i32,
    /// Tickets held without payment.
    pub tickets_held: i32,
    /// Tickets paid, or free.
    pub tickets_sold: i32,
    /// What was paid, less what was returned.
    pub revenue_cents: i64,
}

/// An event in the list of its host.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct HostedEvent {
    /// Its id.
    #[serde(skip)]
    #[schema(ignore)]
    pub id: EventId,
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: Category,
    /// The city's name in URLs.
    pub city: String,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub starts_on: Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub ends_on: Date,
    /// Whether it can be found and booked.
    pub status: Status,
    /// Price of a ticket; 0 is free.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// What it has sold.
    pub sales: Figures,
    /// Average rating of 1 to 5; null without reviews.
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: i32,
    /// When it was published.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// An event with everything its host can change.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Hosted {
    /// Its name in URLs.
    pub slug: String,
    /// What can be changed.
    #[serde(flatten)]
    #[schema(value_type = ContentShown)]
    pub content: Content,
    /// The zone of its times (IANA): its city's.
    pub time_zone: String,
    /// Whether it can be found and booked.
    pub status: Status,
    /// ISO 4217.
    pub currency: String,
    /// What it has sold.
    pub sales: Figures,
    /// Average rating of 1 to 5; null without reviews.
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: i32,
    /// When it was published.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When it was withdrawn.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// What was sold of event `e`, as `f`.
macro_rules! figures {
    () => {
        "CROSS JOIN LATERAL (
            SELECT coalesce(sum(b.tickets) FILTER (WHERE b.status = 'pending'), 0)::int AS tickets_held,
                coalesce(sum(b.tickets) FILTER (WHERE b.status IN ('confirmed', 'completed')), 0)::int AS tickets_sold,
                coalesce(sum(b.total_cents - b.refund_cents) FILTER (WHERE b.confirmed_at IS NOT NULL), 0)::bigint
                    AS revenue_cents
            FROM bookings b WHERE b.event_id = e.id) f"
    };
}

impl Figures {
    fn from_row(row: &Row) -> Self {
        Self {
            capacity: row.get("capacity"),
            tickets_left: row.get("tickets_left"),
            tickets_held: row.get("tickets_held"),
            tickets_sold: row.get("tickets_sold"),
            revenue_cents: row.get("revenue_cents"),
        }
    }
}

impl HostedEvent {
    fn from_row(row: &Row) -> Self {
        let count = row.get("rating_count");
        Self {
            id: row.get("id"),
            slug: row.get("slug"),
            title: row.get("title"),
            category: Category::stored(row.get("category")),
            city: row.get("city"),
            starts_on: row.get("starts_on"),
            ends_on: row.get("ends_on"),
            status: Status::stored(row.get("status")),
            price_cents: row.get("price_cents"),
            currency: row.get("currency"),
            sales: Figures::from_row(row),
            rating: average(row.get("rating_sum"), count),
            review_count: count,
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

impl Hosted {
    fn from_row(row: &Row) -> Self {
        let count = row.get("rating_count");
        Self {
            slug: row.get("slug"),
            content: Content::from_row(row),
            time_zone: row.get("time_zone"),
            status: Status::stored(row.get("status")),
            currency: row.get("currency"),
            sales: Figures::from_row(row),
            rating: average(row.get("rating_sum"), count),
            review_count: count,
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            withdrawn_at: row.get("withdrawn_at"),
            version: row.get("version"),
        }
    }
}

const FIND: &str = concat!(
    "-- events.hosting.find\n SELECT e.slug, e.time_zone, e.status, e.currency::text, e.tickets_left, e.rating_sum,
        e.rating_count, e.created_at, e.updated_at, e.withdrawn_at, e.version, f.*, ",
    content_columns!(),
    "
    FROM events e JOIN cities c ON c.id = e.city_id ",
    figures!(),
    " WHERE e.slug = $1 AND ($2::uuid IS NULL OR e.host_id = $2)"
);

/// The event called `slug`, if `manager` may manage it; `None` manages all of them.
pub async fn find(db: &Db, slug: String, manager: Option<UserId>) -> Result<Option<Hosted>, DbError> {
    Ok(db.read(FIND, args![slug, manager]).await?.first().map(Hosted::from_row))
}

/// As [`find`], inside the transaction that changed it.
pub async fn find_in(tx: &mut Tx, slug: &str, manager: Option<UserId>) -> Result<Option<Hosted>, DbError> {
    Ok(tx.query_opt(FIND, &[&slug, &manager]).await?.as_ref().map(Hosted::from_row))
}

/// The host's events, newest first, at most `limit`, optionally of one status.
pub async fn list(
    db: &Db,
    host: UserId,
    status: Option<Status>,
    after: Option<(Timestamp, EventId)>,
    limit: i64,
) -> Result<Vec<HostedEvent>, DbError> {
    const LIST: &str = concat!(
        "-- events.hosting.list
        SELECT e.id, e.slug, e.title, e.category, c.slug AS city, e.starts_on, e.ends_on, e.status, e.price_cents,
            e.currency::text, e.capacity, e.tickets_left, e.rating_sum, e.rating_count, e.created_at, e.version, f.*
        FROM (SELECT * FROM events WHERE host_id = $1 AND ($2::text IS NULL OR status = $2)
                AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
            ORDER BY created_at DESC, id DESC LIMIT $5) e
        JOIN cities c ON c.id = e.city_id ",
        figures!(),
        " ORDER BY e.created_at DESC, e.id DESC"
    );
    let (at, id) = after.unzip();
    let rows = db.read(LIST, args![host, status.map(Status::as_str), at, id, limit]).await?;
    Ok(rows.iter().map(HostedEvent::from_row).collect())
}
