//! Favourites: events that somebody wants to find again. Adding and removing may be repeated.

use jiff::Timestamp;

use super::catalogue::{Summary, summary_columns};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{EventId, UserId},
    key,
};

/// An event that somebody keeps.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub struct Favourite {
    /// The event.
    #[serde(flatten)]
    pub event: Summary,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub favourite_since: Timestamp,
    /// The event's id.
    #[serde(skip)]
    #[schema(ignore)]
    pub id: EventId,
}

/// What became of the wish to keep an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is kept, now or before.
    Kept,
    /// No event is called so.
    NoSuchEvent,
    /// Nobody finds it any more.
    Withdrawn,
}

/// Keeps a published event.
pub async fn add(tx: &mut Tx, user: UserId, event: &str, now: Timestamp) -> Result<Added, DbError> {
    const ADD: &str = "-- events.favourites.add
        WITH event AS (
            SELECT id, status = 'withdrawn' AS is_withdrawn FROM events WHERE slug = $2
        ), added AS (
            INSERT INTO favourites (user_id, event_id, created_at)
            SELECT $1, id, $3 FROM event WHERE NOT is_withdrawn ON CONFLICT DO NOTHING
        )
        SELECT is_withdrawn FROM event";
    let event = tx.query_opt(ADD, &[&user, &event, &now]).await?;
    Ok(match event.map(|row| row.get("is_withdrawn")) {
        None => Added::NoSuchEvent,
        Some(true) => Added::Withdrawn,
        Some(false) => Added::Kept,
    })
}

/// Lets an event go; `false` when there is no such event.
pub async fn remove(tx: &mut Tx, user: UserId, event: &str) -> Result<bool, DbError> {
    const REMOVE: &str = "-- events.favourites.remove
        WITH event AS (
            SELECT id FROM events WHERE slug = $2
        ), removed AS (
            DELETE FROM favourites f USING event WHERE f.user_id = $1 AND f.event_id = event.id
        )
        SELECT id FROM event";
    Ok(tx.query_opt(REMOVE, &[&user, &event]).await?.is_some())
}

/// Whether somebody keeps the event: asked beside the public page, which is the same for everybody.
pub async fn is_favourite(db: &Db, user: UserId, event: &str) -> Result<bool, DbError> {
    const IS_FAVOURITE: &str = "-- events.favourites.is_favourite
        SELECT k.n FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS k (user_id, slug, n)
        JOIN events e ON e.slug = k.slug JOIN favourites f ON f.user_id = k.user_id AND f.event_id = e.id";
    Ok(!db.lookup(IS_FAVOURITE, key![user, event]).await?.is_empty())
}

/// What somebody keeps, latest first, at most `limit`; withdrawn events are left out.
pub async fn list(
    db: &Db,
    user: UserId,
    after: Option<(Timestamp, EventId)>,
    limit: i64,
) -> Result<Vec<Favourite>, DbError> {
    const LIST: &str = concat!(
        "-- events.favourites.list
        SELECT f.created_at AS favourite_since, ",
        summary_columns!(),
        " FROM favourites f JOIN events p ON p.id = f.event_id AND p.status = 'published'
        JOIN cities c ON c.id = p.city_id
        WHERE f.user_id = $1 AND ($2::timestamptz IS NULL OR (f.created_at, f.event_id) < ($2, $3::uuid))
        ORDER BY f.created_at DESC, f.event_id DESC LIMIT $4"
    );
    let (at, id) = after.unzip();
    let rows = db.read(LIST, args![user, at, id, limit]).await?;
    let favourites = rows.iter().map(|row| Favourite {
        event: Summary::from_row(row),
        favourite_since: row.get("favourite_since"),
        id: row.get("id"),
    });
    Ok(favourites.collect())
}
