//! Cities and how much is on in each.

use jiff::civil::Date;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError},
    key,
};

/// A city.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct City {
    /// Its name in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its province.
    pub province: String,
    /// Its country.
    pub country: String,
    /// Shown first by the desk.
    pub featured: bool,
    /// Published events that are not over.
    pub events: i64,
}

impl City {
    fn from_row(row: &Row) -> Self {
        Self {
            slug: row.get("slug"),
            name: row.get("name"),
            province: row.get("province"),
            country: row.get("country"),
            featured: row.get("is_featured"),
            events: row.get("events"),
        }
    }
}

/// Every city, by name. There are some hundred at most.
pub async fn cities(db: &Db, today: Date) -> Result<Vec<City>, DbError> {
    const CITIES: &str = "-- events.catalogue.cities
        SELECT c.slug, c.name, c.province, c.country, c.is_featured, coalesce(e.n, 0) AS events
        FROM cities c LEFT JOIN (
            SELECT city_id, count(*) AS n FROM events WHERE status = 'published' AND ends_on >= $1 GROUP BY city_id
        ) e ON e.city_id = c.id ORDER BY c.name, c.slug";
    Ok(db.public().read(CITIES, args![today]).await?.iter().map(City::from_row).collect())
}

/// The city called `slug`.
pub async fn city(db: &Db, slug: &str, today: Date) -> Result<Option<City>, DbError> {
    const CITY: &str = "-- events.catalogue.city
        SELECT k.n, c.slug, c.name, c.province, c.country, c.is_featured,
            (SELECT count(*) FROM events e
             WHERE e.city_id = c.id AND e.status = 'published' AND e.ends_on >= k.today) AS events
        FROM unnest($1::text[], $2::date[]) WITH ORDINALITY AS k (slug, today, n) JOIN cities c ON c.slug = k.slug";
    Ok(db.public().lookup(CITY, key![slug, today]).await?.first().map(City::from_row))
}
