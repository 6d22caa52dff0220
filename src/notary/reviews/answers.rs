//! The office answers a review, once and in public.

use jiff::Timestamp;

use super::review::{Review, ReviewError, notary_review_columns, notary_review_tables};
use crate::{
    db::{DbError, Tx},
    ids::{NotaryReviewId, UserId},
};

/// A review, locked, for the notary whom it is about, who does not know of it before it is approved.
pub async fn lock(tx: &mut Tx, id: NotaryReviewId, notary: UserId) -> Result<Option<Review>, DbError> {
    const ROW: &str =
        "-- notary.reviews.lock_to_answer_row\nSELECT FROM notary_review WHERE id = $1 FOR UPDATE";
    const LOCK: &str = concat!(
        "-- notary.reviews.lock_to_answer\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.id = $1 AND n.user_id = $2 AND r.status = 'approved'"
    );
    tx.query(ROW, &[&id]).await?;
    Ok(tx.query_opt(LOCK, &[&id, &notary]).await?.as_ref().map(Review::from_row))
}

/// Answers a locked review that everybody sees. When its author changes it, the answer goes and may be given anew.
pub async fn answer(
    tx: &mut Tx,
    review: &Review,
    answer: &str,
    now: Timestamp,
) -> Result<Review, ReviewError> {
    const ANSWER: &str = concat!(
        "-- notary.reviews.answer
        WITH answered AS (
            UPDATE notary_review SET answer = $2, answered_at = $3, version = version + 1 WHERE id = $1 RETURNING *
        )
        SELECT ",
        notary_review_columns!(),
        " FROM answered r",
        notary_review_tables!()
    );
    if review.answer.is_some() {
        return Err(ReviewError::Answered);
    }
    Ok(Review::from_row(&tx.query_one(ANSWER, &[&review.id, &answer, &now]).await?))
}
