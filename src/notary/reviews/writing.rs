//! A client writes a review, changes it, or takes it back.

use jiff::Timestamp;

use super::review::{Opinion, Review, ReviewError, notary_review_columns, notary_review_tables};
use crate::{
    db::{DbError, Tx},
    ids::{ActId, NotaryId, NotaryReviewId, UserId},
    notary::rules::machine::{
        Name as _, Who,
        review::{Event, MACHINE},
    },
};

/// Reviews a signed act of the author's.
pub async fn create(
    tx: &mut Tx,
    (id, author): (NotaryReviewId, UserId),
    act: ActId,
    opinion: &Opinion,
    now: Timestamp,
) -> Result<Review, ReviewError> {
    // Annulled later, it was signed all the same.
    const CREATE: &str = concat!(
        "-- notary.reviews.create
        WITH reviewed AS (
            SELECT a.id, a.notary_id, a.signed_at IS NOT NULL AS is_signed FROM act a WHERE a.id = $3 AND a.client_id = $2
        ), written AS (
            INSERT INTO notary_review (id, act_id, notary_id, client_id, rating, title, comment, status, created_at, updated_at)
            SELECT $1, x.id, x.notary_id, $2, $4, $5, $6, $7, $8, $8 FROM reviewed x WHERE x.is_signed RETURNING *
        )
        SELECT x.is_signed, ",
        notary_review_columns!(),
        " FROM reviewed x JOIN notary n ON n.id = x.notary_id JOIN users u ON u.id = $2 LEFT JOIN written r ON true"
    );
    let status = MACHINE.start.as_str();
    let Opinion { rating, title, comment } = opinion;
    let row = tx.query_opt(CREATE, &[&id, &author, &act, rating, title, comment, &status, &now]).await;
    let row = row.map_err(|error| match error.constraint() {
        Some("notary_review_once") => ReviewError::Twice,
        _ => ReviewError::Db(error),
    })?;
    let row = row.ok_or(ReviewError::NoSuchAct)?;
    if row.get("is_signed") { Ok(Review::from_row(&row)) } else { Err(ReviewError::NotSigned) }
}

/// Changes a review that still is as it was read, which has it looked at again; `None` when it is not, or is gone.
pub async fn change(
    tx: &mut Tx,
    review: &Review,
    opinion: &Opinion,
    now: Timestamp,
) -> Result<Option<Review>, ReviewError> {
    const CHANGE: &str = concat!(
        "-- notary.reviews.change
        WITH before AS (
            SELECT id, version, rating, status FROM notary_review WHERE id = $1 AND version = $2 FOR UPDATE
        ), changed AS (
            UPDATE notary_review r SET rating = $3, title = $4, comment = $5, status = $6, reason = NULL, answer = NULL,
                answered_at = NULL, version = r.version + 1, updated_at = $7
            FROM before b WHERE r.id = b.id AND r.version = b.version
            RETURNING r.*
        ), counted AS (
            UPDATE notary SET rating_sum = rating_sum - b.rating, rating_count = rating_count - 1
            FROM changed c, before b WHERE notary.id = c.notary_id AND b.status = 'approved'
        )
        SELECT ",
        notary_review_columns!(),
        " FROM changed r",
        notary_review_tables!()
    );
    let to = MACHINE.next_by(review.status, Event::Change, Who::Client)?.as_str();
    let Opinion { rating, title, comment } = opinion;
    let row = tx.query_opt(CHANGE, &[&review.id, &review.version, rating, title, comment, &to, &now]).await?;
    Ok(row.as_ref().map(Review::from_row))
}

/// Removes a review of its author, if it still has this version, when one is given. Says of whom it was.
pub async fn remove(
    tx: &mut Tx,
    (id, author): (NotaryReviewId, UserId),
    version: Option<i64>,
) -> Result<Option<NotaryId>, DbError> {
    const REMOVE: &str = "-- notary.reviews.remove
        WITH gone AS (
            DELETE FROM notary_review WHERE id = $1 AND client_id = $2 AND ($3::bigint IS NULL OR version = $3) RETURNING *
        ), counted AS (
            UPDATE notary SET rating_sum = rating_sum - g.rating, rating_count = rating_count - 1
            FROM gone g WHERE notary.id = g.notary_id AND g.status = 'approved'
        )
        SELECT notary_id FROM gone";
    Ok(tx.query_opt(REMOVE, &[&id, &author, &version]).await?.map(|row| row.get("notary_id")))
}
