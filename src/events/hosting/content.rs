//! What a host says about an event: what a new one needs, and what can be changed.

use jiff::civil::{Date, Time};
use tokio_postgres::Row;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::events::catalogue::Category;

/// Everything about an event that its host decides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its title.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// What it is about.
    #[schema(min_length = 1, max_length = 10_000)]
    pub description: String,
    /// Its category.
    pub category: Category,
    /// The city's name in URLs.
    #[schema(min_length = 1, max_length = 100, example = "bologna")]
    pub city: String,
    /// Where in the city.
    #[schema(min_length = 1, max_length = 200)]
    pub location: String,
    /// The first day: not past, at most five years ahead.
    #[schema(value_type = String, format = Date)]
    pub starts_on: Date,
    /// The last day: the first one or later, at most a year later.
    #[schema(value_type = String, format = Date)]
    pub ends_on: Date,
    /// When it starts on each day, local time, in whole minutes.
    #[schema(value_type = Option<String>, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$", example = "21:00:00")]
    pub start_time: Option<Time>,
    /// Price of a ticket; 0 is free. What was booked keeps its price.
    #[schema(minimum = 0, maximum = 10_000_000)]
    pub price_cents: i64,
    /// Places in all; never fewer than are taken.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub capacity: i32,
    /// What the price includes.
    #[schema(max_length = 2000)]
    pub included: Option<String>,
    /// What visitors should know.
    #[schema(max_length = 2000)]
    pub things_to_know: Option<String>,
    /// The host's words on cancelling; the desk's refund rule applies all the same.
    #[schema(max_length = 2000)]
    pub cancellation_policy: Option<String>,
    /// Youngest visitors, in years.
    #[schema(minimum = 0, maximum = 99)]
    pub age_restriction: Option<i16>,
    /// Shown first by the desk; only administrators change it.
    #[serde(default)]
    pub featured: bool,
}

/// [`Content`] as a part of an answer, which has other members beside it.
pub(super) struct ContentShown;

impl PartialSchema for ContentShown {
    fn schema() -> RefOr<Schema> {
        let mut schema = Content::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.additional_properties = None;
        }
        schema
    }
}

impl ToSchema for ContentShown {}

/// The columns of [`Content::from_row`], of tables `e` (events) and `c` (cities).
macro_rules! content_columns {
    () => {
        "e.title, e.description, e.category, c.slug AS city, e.location, e.starts_on, e.ends_on, e.start_time, \
         e.price_cents, e.capacity, e.included, e.things_to_know, e.cancellation_policy, e.age_restriction, e.is_featured"
    };
}
pub(super) use content_columns;

impl Content {
    /// Reads the columns of `content_columns!`.
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            title: row.get("title"),
            description: row.get("description"),
            category: Category::stored(row.get("category")),
            city: row.get("city"),
            location: row.get("location"),
            starts_on: row.get("starts_on"),
            ends_on: row.get("ends_on"),
            start_time: row.get("start_time"),
            price_cents: row.get("price_cents"),
            capacity: row.get("capacity"),
            included: row.get("included"),
            things_to_know: row.get("things_to_know"),
            cancellation_policy: row.get("cancellation_policy"),
            age_restriction: row.get("age_restriction"),
            featured: row.get("is_featured"),
        }
    }
}
