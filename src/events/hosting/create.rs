//! Publishing an event.

use jiff::Timestamp;

use super::{content::Content, slug::candidates};
use crate::{
    db::{DbError, Tx},
    ids::{CityId, EventId, UserId},
};

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// No city is called so.
    #[error("there is no such city")]
    NoSuchCity,
    /// Not even 60 random bits made its name unique: `random` is not random.
    #[error("no unique name was found for the event")]
    NoName,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Publishes an event of `host`; returns its name in URLs.
pub async fn create(
    tx: &mut Tx,
    (id, host): (EventId, UserId),
    content: &Content,
    random: u64,
    now: Timestamp,
) -> Result<String, CreateError> {
    const CREATE: &str = "-- events.hosting.create
        INSERT INTO events (id, slug, host_id, city_id, time_zone, title, description, category, location, starts_on,
            ends_on, start_time, price_cents, capacity, tickets_left, included, things_to_know, cancellation_policy,
            age_restriction, is_featured, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16, $17, $18, $19, $20, $20)
        ON CONFLICT (slug) DO NOTHING";
    let (city, time_zone) = city(tx, &content.city).await?.ok_or(CreateError::NoSuchCity)?;
    for slug in candidates(&content.title, random) {
        let created = tx
            .execute(
                CREATE,
                &[
                    &id,
                    &slug,
                    &host,
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
        if created == 1 {
            return Ok(slug);
        }
    }
    Err(CreateError::NoName)
}

/// A city and its time zone.
pub(super) async fn city(tx: &mut Tx, slug: &str) -> Result<Option<(CityId, String)>, DbError> {
    const CITY: &str = "-- events.hosting.city
        SELECT id, time_zone FROM cities WHERE slug = $1";
    Ok(tx.query_opt(CITY, &[&slug]).await?.map(|row| (row.get("id"), row.get("time_zone"))))
}
