//! One event with everything its page shows: one lookup, answered in batches.

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use serde_json::value::RawValue;
use tokio_postgres::Row;

use super::list::average;
use crate::{
    db::{Db, DbError},
    events::images::Image,
    ids::{EventId, UserId},
    key,
};

/// An event as its page shows it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = EventDetail)]
pub struct Detail {
    /// Its id.
    #[serde(skip)]
    #[schema(ignore)]
    pub id: EventId,
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its category.
    pub category: String,
    /// Who hosts it.
    pub host: Host,
    /// Where.
    pub city: CityName,
    /// Where in the city.
    pub location: String,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub starts_on: Date,
    /// The last day.
    #[schema(value_type = String, format = Date)]
    pub ends_on: Date,
    /// When it starts, local time.
    #[schema(value_type = Option<String>, example = "21:00:00")]
    pub start_time: Option<Time>,
    /// The zone of its times (IANA).
    pub time_zone: String,
    /// Price of a ticket; 0 is free.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Places in all.
    pub capacity: i32,
    /// Tickets left.
    pub tickets_left: i32,
    /// What the price includes.
    pub included: Option<String>,
    /// What visitors should know.
    pub things_to_know: Option<String>,
    /// The host's words on cancelling; the desk's refund rule applies all the same.
    pub cancellation_policy: Option<String>,
    /// Youngest visitors, in years.
    pub age_restriction: Option<i16>,
    /// Shown first by the desk.
    pub featured: bool,
    /// Average rating of 1 to 5; null without reviews.
    pub rating: Option<f64>,
    /// How many reviews.
    pub review_count: i32,
    /// The ten latest: `{rating, comment, name, created_at}`.
    #[schema(value_type = Vec<Object>)]
    pub reviews: Box<RawValue>,
    /// Its pictures; the first is the cover.
    #[schema(value_type = Vec<Image>)]
    pub images: Box<RawValue>,
    /// The next three of its category.
    pub similar: Vec<Similar>,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag for editing.
    pub version: i64,
}

/// Who hosts an event.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Host {
    /// The host.
    pub id: UserId,
    /// The host's name.
    pub name: String,
}

/// Another event of the same category.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Similar {
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// The first day.
    #[schema(value_type = String, format = Date)]
    pub starts_on: Date,
    /// Price of a ticket; 0 is free.
    pub price_cents: i64,
}

/// A city, by name.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct CityName {
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its province.
    pub province: String,
}

/// Similar events shown. One more is read: the event itself may be among them.
const SIMILAR: usize = 3;

/// The published event called `slug`; similar ones start on `today` or later.
///
/// The next events of a category are the same for all events of that category, so the lateral join depends on nothing
/// else and PostgreSQL memoizes it: a batch reads them once per category. (In a batch around midnight the earlier day
/// counts for all.)
pub async fn detail(db: &Db, slug: &str, today: Date) -> Result<Option<Detail>, DbError> {
    const DETAIL: &str = "-- events.catalogue.detail
        SELECT k.n, e.id, e.slug, e.title, e.description, e.category, e.host_id, h.name AS host_name,
            c.slug AS city_slug, c.name AS city_name, c.province, e.location, e.starts_on, e.ends_on, e.start_time,
            e.time_zone, e.price_cents, e.currency::text, e.capacity, e.tickets_left, e.included, e.things_to_know,
            e.cancellation_policy, e.age_restriction, e.is_featured, e.rating_sum, e.rating_count, e.updated_at,
            e.version,
            CASE WHEN e.rating_count = 0 THEN '[]' ELSE (SELECT coalesce(json_agg(r), '[]')::text FROM (
                SELECT v.rating, v.comment, split_part(u.name, ' ', 1) AS name, v.created_at
                FROM reviews v JOIN users u ON u.id = v.user_id
                WHERE v.event_id = e.id AND v.status = 'published'
                ORDER BY v.created_at DESC, v.id DESC LIMIT 10) r) END AS reviews,
            (SELECT coalesce(json_agg(i), '[]')::text FROM (
                SELECT m.id, '/media/' || m.key || '.jpg' AS url,
                    CASE WHEN m.thumbnails_at IS NOT NULL THEN '/media/' || m.key || '-960.jpg' END AS medium_url,
                    CASE WHEN m.thumbnails_at IS NOT NULL THEN '/media/' || m.key || '-320.jpg' END AS thumbnail_url,
                    m.width, m.height, m.alt, m.position
                FROM event_images m WHERE m.event_id = e.id ORDER BY m.position) i) AS images,
            s.slugs, s.titles, s.days, s.prices
        FROM unnest($1::text[], $2::date[]) WITH ORDINALITY AS k (slug, today, n)
        JOIN events e ON e.slug = k.slug AND e.status = 'published'
        JOIN users h ON h.id = e.host_id JOIN cities c ON c.id = e.city_id
        LEFT JOIN LATERAL (
            SELECT array_agg(o.slug) AS slugs, array_agg(o.title) AS titles, array_agg(o.starts_on) AS days,
                array_agg(o.price_cents) AS prices
            FROM (SELECT slug, title, starts_on, price_cents FROM events
                WHERE category = e.category AND status = 'published'
                    AND starts_on >= (SELECT min(t) FROM unnest($2::date[]) AS t)
                ORDER BY starts_on, id LIMIT 4) o) s ON true";
    Ok(db.public().lookup(DETAIL, key![slug, today]).await?.first().map(from_row))
}

fn from_row(row: &Row) -> Detail {
    let (sum, count): (i64, i32) = (row.get("rating_sum"), row.get("rating_count"));
    let json = |column: &str| RawValue::from_string(row.get(column)).expect("PostgreSQL writes valid JSON");
    Detail {
        id: row.get("id"),
        slug: row.get("slug"),
        title: row.get("title"),
        description: row.get("description"),
        category: row.get("category"),
        host: Host { id: row.get("host_id"), name: row.get("host_name") },
        city: CityName {
            slug: row.get("city_slug"),
            name: row.get("city_name"),
            province: row.get("province"),
        },
        location: row.get("location"),
        starts_on: row.get("starts_on"),
        ends_on: row.get("ends_on"),
        start_time: row.get("start_time"),
        time_zone: row.get("time_zone"),
        price_cents: row.get("price_cents"),
        currency: row.get("currency"),
        capacity: row.get("capacity"),
        tickets_left: row.get("tickets_left"),
        included: row.get("included"),
        things_to_know: row.get("things_to_know"),
        cancellation_policy: row.get("cancellation_policy"),
        age_restriction: row.get("age_restriction"),
        featured: row.get("is_featured"),
        rating: average(sum, count),
        review_count: count,
        reviews: json("reviews"),
        images: json("images"),
        similar: similar(row),
        updated_at: row.get("updated_at"),
        version: row.get("version"),
    }
}

fn similar(row: &Row) -> Vec<Similar> {
    let Some(slugs) = row.get::<_, Option<Vec<String>>>("slugs") else { return Vec::new() };
    let (own, titles): (&str, Vec<String>) = (row.get("slug"), row.get("titles"));
    let (days, prices): (Vec<Date>, Vec<i64>) = (row.get("days"), row.get("prices"));
    let all = slugs.into_iter().zip(titles).zip(days.into_iter().zip(prices));
    all.map(|((slug, title), (starts_on, price_cents))| Similar { slug, title, starts_on, price_cents })
        .filter(|similar| similar.slug != own)
        .take(SIMILAR)
        .collect()
}
