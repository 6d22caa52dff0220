//! Administrators look at reviews before everybody sees them.

use jiff::Timestamp;

use super::review::{Review, ReviewError, notary_review_columns, notary_review_tables};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{NotaryId, NotaryReviewId},
    notary::rules::machine::{
        Name as _, Who,
        review::{Event, MACHINE, State},
    },
};

/// A review, locked: of two administrators at once the second sees what the first did.
pub async fn lock(tx: &mut Tx, id: NotaryReviewId) -> Result<Option<Review>, DbError> {
    const ROW: &str = "-- notary.reviews.lock_row\nSELECT FROM notary_review WHERE id = $1 FOR UPDATE";
    const LOCK: &str = concat!(
        "-- notary.reviews.lock\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.id = $1"
    );
    tx.query(ROW, &[&id]).await?;
    Ok(tx.query_opt(LOCK, &[&id]).await?.as_ref().map(Review::from_row))
}

/// Approves or rejects a locked review; the rating of the office follows.
pub async fn decide(
    tx: &mut Tx,
    review: &Review,
    (event, reason): (Event, Option<&str>),
    now: Timestamp,
) -> Result<Review, ReviewError> {
    const DECIDE: &str = concat!(
        "-- notary.reviews.decide
        WITH decided AS (
            UPDATE notary_review SET status = $2, reason = $3, version = version + 1, updated_at = $4 WHERE id = $1
            RETURNING *
        ), counted AS (
            UPDATE notary SET rating_sum = rating_sum + $5::smallint * d.rating, rating_count = rating_count + $5::smallint
            FROM decided d WHERE notary.id = d.notary_id AND $5::smallint <> 0
        )
        SELECT ",
        notary_review_columns!(),
        " FROM decided r",
        notary_review_tables!()
    );
    let to = MACHINE.next_by(review.status, event, Who::Admin)?;
    let more: i16 = match (review.status, to) {
        (State::Approved, State::Approved) => 0,
        (State::Approved, _) => -1,
        (_, State::Approved) => 1,
        _ => 0,
    };
    let row = tx.query_one(DECIDE, &[&review.id, &to.as_str(), &reason, &now, &more]).await?;
    Ok(Review::from_row(&row))
}

/// Reviews in a state, who has waited longest first; of one office, or all.
pub async fn queue(
    db: &Db,
    (status, office): (State, Option<NotaryId>),
    after: Option<(Timestamp, NotaryReviewId)>,
    limit: i64,
) -> Result<Vec<Review>, DbError> {
    const QUEUE: &str = concat!(
        "-- notary.reviews.queue\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.status = $1 AND ($2::uuid IS NULL OR r.notary_id = $2)
          AND ($3::timestamptz IS NULL OR (r.created_at, r.id) > ($3, $4::uuid))
        ORDER BY r.created_at, r.id LIMIT $5"
    );
    let (at, id) = after.unzip();
    let rows = db.read(QUEUE, args![status.as_str().to_owned(), office, at, id, limit]).await?;
    Ok(rows.iter().map(Review::from_row).collect())
}
