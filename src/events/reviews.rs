//! Reviews: by those who have been there, one per person and event, moderated by administrators.
//!
//! Invariants
//! - `rating_sum` and `rating_count` of an event are those of its published reviews: each statement here that writes a
//!   review moves them too.
//! - A hidden review keeps its text and may be changed by its author; it stays hidden until it is shown again.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ReviewId, UserId},
};

/// Whether everybody sees a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReviewStatus)]
pub enum Status {
    /// Everybody.
    Published,
    /// Its author and administrators.
    Hidden,
}

impl Status {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Hidden => "hidden",
        }
    }

    fn stored(text: &str) -> Self {
        if text == Self::Hidden.as_str() { Self::Hidden } else { Self::Published }
    }
}

/// What somebody says about an event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// From 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: i16,
    /// In words.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub comment: String,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// The event's name in URLs.
    pub event: String,
    /// The first name of its author.
    pub name: String,
    /// From 1 to 5.
    pub rating: i16,
    /// In words.
    pub comment: String,
    /// Whether everybody sees it.
    pub status: Status,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its author last changed it.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// The columns of [`Review::from_row`], of tables `r` (reviews), `e` (events) and `u` (users).
macro_rules! review_columns {
    () => {
        "r.id, e.slug, split_part(u.name, ' ', 1) AS name, r.rating, r.comment, r.status, r.created_at, r.updated_at, \
         r.version"
    };
}

impl Review {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            event: row.get("slug"),
            name: row.get("name"),
            rating: row.get("rating"),
            comment: row.get("comment"),
            status: Status::stored(row.get("status")),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }

    /// What its author can change.
    pub fn opinion(&self) -> Opinion {
        Opinion { rating: self.rating, comment: self.comment.clone() }
    }
}

/// Why a review was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// No event is called so.
    #[error("there is no such event")]
    NoSuchEvent,
    /// Nobody finds it any more.
    #[error("the event was withdrawn: it cannot be reviewed")]
    Withdrawn,
    /// No confirmed booking of this person has a day that is over.
    #[error("only who has been at an event may review it, from the day after")]
    NotAttended,
    /// Hosts do not review themselves.
    #[error("hosts do not review their own events")]
    OwnEvent,
    /// There is one already.
    #[error("you have reviewed this event already: change that review")]
    Twice,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Writes a review of a published event.
pub async fn create(
    tx: &mut Tx,
    (id, author): (ReviewId, UserId),
    event: &str,
    opinion: &Opinion,
    now: Timestamp,
) -> Result<Review, ReviewError> {
    const CREATE: &str = concat!(
        "-- events.reviews.create
        WITH event AS (
            SELECT e.id, e.slug, e.status = 'withdrawn' AS is_withdrawn, e.host_id = $2 AS is_own, EXISTS (
                SELECT FROM bookings b WHERE b.event_id = e.id AND b.user_id = $2
                    AND b.status IN ('confirmed', 'completed')
                    AND b.event_date < ($6::timestamptz AT TIME ZONE e.time_zone)::date) AS has_attended
            FROM events e WHERE e.slug = $3
        ), written AS (
            INSERT INTO reviews (id, event_id, user_id, rating, comment, created_at, updated_at)
            SELECT $1, event.id, $2, $4, $5, $6, $6 FROM event
            WHERE event.has_attended AND NOT event.is_own AND NOT event.is_withdrawn
            RETURNING *
        ), counted AS (
            UPDATE events SET rating_sum = rating_sum + w.rating, rating_count = rating_count + 1
            FROM written w WHERE events.id = w.event_id
        )
        SELECT e.is_withdrawn, e.is_own, e.has_attended, ",
        review_columns!(),
        " FROM event e JOIN users u ON u.id = $2 LEFT JOIN written r ON true"
    );
    let row = tx.query_opt(CREATE, &[&id, &author, &event, &opinion.rating, &opinion.comment, &now]).await;
    let row = row.map_err(|error| match error.constraint() {
        Some("reviews_one_per_person") => ReviewError::Twice,
        _ => ReviewError::Db(error),
    })?;
    let row = row.ok_or(ReviewError::NoSuchEvent)?;
    if row.get("is_withdrawn") {
        return Err(ReviewError::Withdrawn);
    }
    if row.get("is_own") {
        return Err(ReviewError::OwnEvent);
    }
    if row.get("has_attended") { Ok(Review::from_row(&row)) } else { Err(ReviewError::NotAttended) }
}

/// A review, if `author` wrote it; `None` sees all of them.
pub async fn find(db: &Db, id: ReviewId, author: Option<UserId>) -> Result<Option<Review>, DbError> {
    const FIND: &str = concat!(
        "-- events.reviews.find\n SELECT ",
        review_columns!(),
        "
        FROM reviews r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id
        WHERE r.id = $1 AND ($2::uuid IS NULL OR r.user_id = $2)"
    );
    Ok(db.read(FIND, args![id, author]).await?.first().map(Review::from_row))
}

/// Changes a review that still has this version; `None` when it has another by now, or is gone.
pub async fn change(
    tx: &mut Tx,
    (id, version): (ReviewId, i64),
    opinion: &Opinion,
    now: Timestamp,
) -> Result<Option<Review>, DbError> {
    const CHANGE: &str = concat!(
        "-- events.reviews.change
        WITH before AS (
            SELECT id, version, rating FROM reviews WHERE id = $1 AND version = $2
        ), changed AS (
            UPDATE reviews r SET rating = $3, comment = $4, version = r.version + 1, updated_at = $5
            FROM before b WHERE r.id = b.id AND r.version = b.version
            RETURNING r.*, r.rating - b.rating AS more
        ), counted AS (
            UPDATE events SET rating_sum = rating_sum + c.more
            FROM changed c WHERE events.id = c.event_id AND c.status = 'published' AND c.more <> 0
        )
        SELECT ",
        review_columns!(),
        " FROM changed r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id"
    );
    let row = tx.query_opt(CHANGE, &[&id, &version, &opinion.rating, &opinion.comment, &now]).await?;
    Ok(row.as_ref().map(Review::from_row))
}

/// Deletes a review of its author, if it still has this version, when one is given. Returns the event's name in URLs.
pub async fn delete(
    tx: &mut Tx,
    id: ReviewId,
    author: UserId,
    version: Option<i64>,
) -> Result<Option<String>, DbError> {
    const DELETE: &str = "-- events.reviews.delete
        WITH gone AS (
            DELETE FROM reviews WHERE id = $1 AND user_id = $2 AND ($3::bigint IS NULL OR version = $3) RETURNING *
        ), counted AS (
            UPDATE events SET rating_sum = rating_sum - g.rating, rating_count = rating_count - 1
            FROM gone g WHERE events.id = g.event_id AND g.status = 'published'
        )
        SELECT e.slug FROM gone JOIN events e ON e.id = gone.event_id";
    Ok(tx.query_opt(DELETE, &[&id, &author, &version]).await?.map(|row| row.get("slug")))
}

/// Hides or shows a review; also whether that changed anything.
pub async fn moderate(tx: &mut Tx, id: ReviewId, status: Status) -> Result<Option<(Review, bool)>, DbError> {
    // Two moderators at once: the second sees what the first did.
    const LOCK: &str = "-- events.reviews.lock
        SELECT id FROM reviews WHERE id = $1 FOR NO KEY UPDATE";
    const MODERATE: &str = concat!(
        "-- events.reviews.moderate
        WITH changed AS (
            UPDATE reviews SET status = $2, version = version + 1 WHERE id = $1 AND status <> $2 RETURNING *
        ), counted AS (
            UPDATE events SET rating_sum = rating_sum + CASE c.status WHEN 'published' THEN c.rating ELSE -c.rating END,
                rating_count = rating_count + CASE c.status WHEN 'published' THEN 1 ELSE -1 END
            FROM changed c WHERE events.id = c.event_id
        ), moderated AS (
            SELECT true AS has_changed, * FROM changed
            UNION ALL
            SELECT false, * FROM reviews WHERE id = $1 AND NOT EXISTS (SELECT FROM changed)
        )
        SELECT r.has_changed, ",
        review_columns!(),
        " FROM moderated r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id"
    );
    tx.query_opt(LOCK, &[&id]).await?;
    let row = tx.query_opt(MODERATE, &[&id, &status.as_str()]).await?;
    Ok(row.map(|row| (Review::from_row(&row), row.get("has_changed"))))
}

/// Where a page of reviews begins: after this one.
pub type After = (Timestamp, ReviewId);

/// The published reviews of a published event, newest first, at most `limit`; `None` if there is no such event.
pub async fn of_event(
    db: &Db,
    event: String,
    after: Option<After>,
    limit: i64,
) -> Result<Option<Vec<Review>>, DbError> {
    const OF_EVENT: &str = concat!(
        "-- events.reviews.of_event
        SELECT ",
        review_columns!(),
        " FROM events e LEFT JOIN LATERAL (
            SELECT * FROM reviews WHERE event_id = e.id AND status = 'published'
                AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
            ORDER BY created_at DESC, id DESC LIMIT $4) r ON true
        LEFT JOIN users u ON u.id = r.user_id
        WHERE e.slug = $1 AND e.status = 'published' ORDER BY r.created_at DESC, r.id DESC"
    );
    let (at, id) = after.unzip();
    let rows = db.read(OF_EVENT, args![event, at, id, limit]).await?;
    // An event without reviews has one row without a review.
    let reviews = rows.iter().filter(|row| row.get::<_, Option<ReviewId>>("id").is_some());
    Ok((!rows.is_empty()).then(|| reviews.map(Review::from_row).collect()))
}

/// The person's own reviews, newest first, at most `limit`.
pub async fn of_author(
    db: &Db,
    author: UserId,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Review>, DbError> {
    const OF_AUTHOR: &str = concat!(
        "-- events.reviews.of_author\n SELECT ",
        review_columns!(),
        "
        FROM reviews r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id
        WHERE r.user_id = $1 AND ($2::timestamptz IS NULL OR (r.created_at, r.id) < ($2, $3::uuid))
        ORDER BY r.created_at DESC, r.id DESC LIMIT $4"
    );
    let (at, id) = after.unzip();
    let rows = db.read(OF_AUTHOR, args![author, at, id, limit]).await?;
    Ok(rows.iter().map(Review::from_row).collect())
}

/// Reviews of all events, or of one, or of one status, for moderators: newest first, at most `limit`.
pub async fn latest(
    db: &Db,
    event: Option<String>,
    status: Option<Status>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Review>, DbError> {
    const LATEST: &str = concat!(
        "-- events.reviews.latest\n SELECT ",
        review_columns!(),
        "
        FROM reviews r JOIN events e ON e.id = r.event_id JOIN users u ON u.id = r.user_id
        WHERE ($1::text IS NULL OR r.event_id = (SELECT id FROM events WHERE slug = $1))
            AND ($2::text IS NULL OR r.status = $2)
            AND ($3::timestamptz IS NULL OR (r.created_at, r.id) < ($3, $4::uuid))
        ORDER BY r.created_at DESC, r.id DESC LIMIT $5"
    );
    let (at, id) = after.unzip();
    let rows = db.read(LATEST, args![event, status.map(Status::as_str), at, id, limit]).await?;
    Ok(rows.iter().map(Review::from_row).collect())
}
