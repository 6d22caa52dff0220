//! Lists: one statement per *shape* (which filters, which order), so that each is planned for just what it asks.
//!
//! Shapes are few (bounded by the filters) and their texts are kept for ever: that makes them `'static`, as prepared
//! statements want. Pages are walked by key, never by offset: each order has its index (migration 0003).

use std::fmt::Write as _;

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use tokio_postgres::Row;

use super::{Category, Filter, Sort};
use crate::{
    args,
    db::{Arg, Db, DbError, shape},
    ids::EventId,
    words::{tsquery, words},
};

/// Titles offered instead when no word was found.
const SIMILAR_MAX: i64 = 20;

/// An event in a list.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// Its name in URLs.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its category.
    pub category: String,
    /// The city's name in URLs.
    pub city: String,
    /// The city's name.
    pub city_name: String,
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
    /// Price of a ticket; 0 is free.
    pub price_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// Tickets left.
    pub tickets_left: i32,
    /// Shown first by the desk.
    pub featured: bool,
    /// Average rating of 1 to 5; null without reviews.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: i32,
    /// The cover, at most 320 pixels wide once that is made.
    pub image: Option<String>,
    #[serde(skip)]
    position: PositionParts,
}

#[derive(Debug, Clone)]
struct PositionParts {
    id: EventId,
    created_at: Timestamp,
    bookings: i32,
}

/// Where the next page begins: after an event with this sort value and id.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Position {
    /// By time of creation.
    At(Timestamp, EventId),
    /// By price or popularity.
    Number(i64, EventId),
    /// By first day.
    Day(Date, EventId),
}

impl Position {
    /// Whether it is a place in this order.
    pub fn fits(&self, sort: Sort) -> bool {
        match self {
            Self::At(..) => sort == Sort::New,
            Self::Day(..) => sort == Sort::Soonest,
            Self::Number(..) => matches!(sort, Sort::Cheapest | Sort::Dearest | Sort::Popular),
        }
    }
}

impl Summary {
    /// Where a page that ends with this event continues.
    pub fn position(&self, sort: Sort) -> Position {
        let id = self.position.id;
        match sort {
            Sort::New => Position::At(self.position.created_at, id),
            Sort::Cheapest | Sort::Dearest => Position::Number(self.price_cents, id),
            Sort::Soonest => Position::Day(self.starts_on, id),
            Sort::Popular => Position::Number(i64::from(self.position.bookings), id),
        }
    }

    pub(in crate::events) fn from_row(row: &Row) -> Self {
        let (sum, reviews): (i64, i32) = (row.get("rating_sum"), row.get("rating_count"));
        Self {
            slug: row.get("slug"),
            title: row.get("title"),
            category: row.get("category"),
            city: row.get("city"),
            city_name: row.get("city_name"),
            location: row.get("location"),
            starts_on: row.get("starts_on"),
            ends_on: row.get("ends_on"),
            start_time: row.get("start_time"),
            price_cents: row.get("price_cents"),
            currency: row.get("currency"),
            tickets_left: row.get("tickets_left"),
            featured: row.get("is_featured"),
            rating: average(sum, reviews),
            reviews,
            image: row.get("image"),
            position: PositionParts {
                id: row.get("id"),
                created_at: row.get("created_at"),
                bookings: row.get("bookings_count"),
            },
        }
    }
}

/// The average rating, to two decimals.
pub(in crate::events) fn average(sum: i64, count: i32) -> Option<f64> {
    (count > 0).then(|| (sum as f64 / f64::from(count) * 100.0).round() / 100.0)
}

/// The columns of [`Summary::from_row`], of tables `p` (events of the page) and `c` (cities).
macro_rules! summary_columns {
    () => {
        "p.id, p.slug, p.title, p.category, c.slug AS city, c.name AS city_name, p.location, p.starts_on, p.ends_on, \
         p.start_time, p.price_cents, p.currency::text, p.tickets_left, p.is_featured, p.rating_sum, p.rating_count, \
         p.created_at, p.bookings_count, \
         (SELECT '/media/' || i.key || CASE WHEN i.thumbnails_at IS NULL THEN '.jpg' ELSE '-320.jpg' END \
            FROM event_images i WHERE i.event_id = p.id AND i.position = 0) AS image"
    };
}
pub(in crate::events) use summary_columns;

/// The page is chosen first, on the narrow index; only its rows are joined.
const SELECT: &str = concat!(
    "SELECT ",
    summary_columns!(),
    "
    FROM (SELECT e.* FROM events e WHERE e.status = 'published'"
);

/// Events of a page, at most `limit`, that are not over on `today`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    today: Date,
    limit: i64,
) -> Result<Vec<Summary>, DbError> {
    let mut query = Query::default();
    query.filter(filter, today);
    if filter.q.is_some() && query.is_empty {
        return Ok(Vec::new()); // nothing but punctuation was typed
    }
    query.order(sort, after, limit);
    let rows = db.public().read(shape(query.text), query.args).await?;
    Ok(rows.iter().map(Summary::from_row).collect())
}

/// Events whose title resembles `q`: for typing mistakes, when [`list`] found nothing.
pub async fn similar_titles(db: &Db, q: &str, today: Date) -> Result<Vec<Summary>, DbError> {
    const SIMILAR: &str = "-- events.catalogue.similar_titles
        SELECT p.id, p.slug, p.title, p.category, c.slug AS city, c.name AS city_name, p.location, p.starts_on,
            p.ends_on, p.start_time, p.price_cents, p.currency::text, p.tickets_left, p.is_featured, p.rating_sum,
            p.rating_count, p.created_at, p.bookings_count,
            (SELECT '/media/' || i.key || CASE WHEN i.thumbnails_at IS NULL THEN '.jpg' ELSE '-320.jpg' END
            FROM event_images i WHERE i.event_id = p.id AND i.position = 0)
                AS image
        FROM (SELECT * FROM events WHERE status = 'published' AND folded(title) %> $1 AND ends_on >= $2
            ORDER BY folded(title) <->> $1, id LIMIT $3) p
        JOIN cities c ON c.id = p.city_id ORDER BY folded(p.title) <->> $1, p.id";
    let folded = words(q).join(" ");
    if folded.is_empty() {
        return Ok(Vec::new());
    }
    let rows = db.public().read(SIMILAR, args![folded, today, SIMILAR_MAX]).await?;
    Ok(rows.iter().map(Summary::from_row).collect())
}

/// A statement being put together, with its arguments.
struct Query {
    text: String,
    args: Vec<Arg>,
    is_empty: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self { text: format!("-- events.catalogue.list\n{SELECT}"), args: Vec::new(), is_empty: false }
    }
}

impl Query {
    /// Adds a condition; `$` stands for its argument.
    fn and<T: postgres_types::ToSql + Send + Sync + 'static>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            self.args.push(Box::new(value));
            let _ = write!(self.text, " AND {}", condition.replace('$', &format!("${}", self.args.len())));
        }
    }

    fn filter(&mut self, filter: &Filter, today: Date) {
        self.and("e.ends_on >= $", Some(filter.from.map_or(today, |from| from.max(today))));
        if let Some(q) = &filter.q {
            let words = tsquery(q);
            self.is_empty = words.is_none();
            self.and("e.search @@ to_tsquery('simple', $)", words);
        }
        self.and("e.city_id = (SELECT id FROM cities WHERE slug = $)", filter.city.clone());
        self.and("e.category = $", filter.category.map(Category::as_str));
        self.and("$ BETWEEN e.starts_on AND e.ends_on", filter.date);
        self.and("e.starts_on <= $", filter.to);
        self.and("e.price_cents >= $", filter.min_price);
        self.and("e.price_cents <= $", filter.max_price);
        self.and("(e.price_cents = 0) = $", filter.free);
        self.and("e.is_featured = $", filter.featured);
        self.and("e.host_id = $", filter.host);
    }

    fn order(&mut self, sort: Sort, after: Option<&Position>, limit: i64) {
        let (column, direction, beyond) = match sort {
            Sort::New => ("created_at", "DESC", "<"),
            Sort::Cheapest => ("price_cents", "ASC", ">"),
            Sort::Dearest => ("price_cents", "DESC", "<"),
            Sort::Soonest => ("starts_on", "ASC", ">"),
            Sort::Popular => ("bookings_count", "DESC", "<"),
        };
        if sort == Sort::Soonest {
            // The walk begins where the longest event that is not over may have begun. $1 is the day of `filter`.
            self.text.push_str(
                " AND e.starts_on >= $1 - (SELECT max(ends_on - starts_on) FROM events WHERE status = 'published')",
            );
        }
        match after {
            None => {}
            Some(Position::At(at, id)) => self.beyond(column, beyond, *at, *id),
            Some(Position::Day(day, id)) => self.beyond(column, beyond, *day, *id),
            Some(Position::Number(number, id)) if column == "bookings_count" => {
                self.beyond(column, beyond, *number as i32, *id);
            }
            Some(Position::Number(number, id)) => self.beyond(column, beyond, *number, *id),
        }
        self.args.push(Box::new(limit));
        let order = format!("{column} {direction}, id {direction}");
        let _ = write!(
            self.text,
            " ORDER BY e.{column} {direction}, e.id {direction} LIMIT ${}) p
            JOIN cities c ON c.id = p.city_id ORDER BY p.{}",
            self.args.len(),
            order.replace(", id", ", p.id")
        );
    }

    fn beyond<T: postgres_types::ToSql + Send + Sync + 'static>(
        &mut self,
        column: &str,
        beyond: &str,
        value: T,
        id: EventId,
    ) {
        self.args.push(Box::new(value));
        self.args.push(Box::new(id));
        let n = self.args.len();
        let _ = write!(self.text, " AND (e.{column}, e.id) {beyond} (${}, ${n})", n - 1);
    }
}
