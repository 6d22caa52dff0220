//! Suggestions while somebody types.

use jiff::civil::Date;

use crate::{
    args,
    db::{Db, DbError},
    words::{tsquery, words},
};

/// Fewer characters match too much to be of use.
const CHARS_MIN: usize = 2;

/// A city or an event whose name begins like what was typed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Suggestion {
    /// A city.
    City {
        /// Its name in URLs.
        slug: String,
        /// Its name.
        name: String,
    },
    /// An event.
    Event {
        /// Its name in URLs.
        slug: String,
        /// Its title.
        name: String,
        /// Where in which city.
        location: String,
    },
}

/// At most three cities and five events.
pub async fn suggest(db: &Db, typed: &str, today: Date) -> Result<Vec<Suggestion>, DbError> {
    const SUGGEST: &str = "-- events.catalogue.suggest
        (SELECT 'city' AS type, slug, name, '' AS location FROM cities
         WHERE folded(name) LIKE $1 ORDER BY is_featured DESC, name LIMIT 3)
        UNION ALL
        (SELECT 'event', e.slug, e.title, e.location || ', ' || c.name FROM (
            SELECT slug, title, location, city_id FROM events
            WHERE status = 'published' AND ends_on >= $3 AND search @@ to_tsquery('simple', $2)
            ORDER BY bookings_count DESC, id DESC LIMIT 5) e JOIN cities c ON c.id = e.city_id)";
    let (Some(query), begins) = (tsquery(typed), words(typed).join(" ")) else { return Ok(Vec::new()) };
    if begins.chars().count() < CHARS_MIN {
        return Ok(Vec::new());
    }
    // Only titles and names (weights A and B): a word deep in a description is no suggestion.
    let rows =
        db.public().read(SUGGEST, args![format!("{begins}%"), query.replace(":*", ":*AB"), today]).await?;
    Ok(rows
        .iter()
        .map(|row| match row.get::<_, &str>("type") {
            "city" => Suggestion::City { slug: row.get("slug"), name: row.get("name") },
            _ => Suggestion::Event {
                slug: row.get("slug"),
                name: row.get("name"),
                location: row.get("location"),
            },
        })
        .collect())
}
