//! Lists of reviews: those of an office that everybody sees, and one's own.

use jiff::{Timestamp, civil::Date};

use super::review::{PublicReview, Review, notary_review_columns, notary_review_tables};
use crate::{
    args,
    db::{Db, DbError},
    ids::{NotaryId, NotaryReviewId, UserId},
    notary::directory::found,
};

/// The approved reviews of an office that is found on `today`, the newest first, of one rating or all; `None` if nobody
/// finds it.
pub async fn of_office(
    db: &Db,
    (office, today): (NotaryId, Date),
    rating: Option<i16>,
    after: Option<(Timestamp, NotaryReviewId)>,
    limit: i64,
) -> Result<Option<Vec<PublicReview>>, DbError> {
    const OF_OFFICE: &str = concat!(
        "-- notary.reviews.of_office\nSELECT ",
        notary_review_columns!(),
        " FROM notary AS n LEFT JOIN LATERAL (
            SELECT * FROM notary_review WHERE notary_id = n.id AND status = 'approved'
                AND ($3::smallint IS NULL OR rating = $3)
                AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
            ORDER BY created_at DESC, id DESC LIMIT $6) r ON true
        LEFT JOIN users u ON u.id = r.client_id
        WHERE n.id = $1 AND ",
        found!("$2::date"),
        " ORDER BY r.created_at DESC, r.id DESC"
    );
    let (at, id) = after.unzip();
    let rows = db.public().read(OF_OFFICE, args![office, today, rating, at, id, limit]).await?;
    // An office without reviews has one row without a review.
    let reviews = rows.iter().filter(|row| row.get::<_, Option<NotaryReviewId>>("id").is_some());
    Ok((!rows.is_empty()).then(|| reviews.map(|row| Review::from_row(row).into()).collect()))
}

/// The person's own reviews, the newest first.
pub async fn of_author(
    db: &Db,
    author: UserId,
    before: Option<NotaryReviewId>,
    limit: i64,
) -> Result<Vec<Review>, DbError> {
    const OF_AUTHOR: &str = concat!(
        "-- notary.reviews.of_author\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.client_id = $1 AND ($2::uuid IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3"
    );
    let rows = db.read(OF_AUTHOR, args![author, before, limit]).await?;
    Ok(rows.iter().map(Review::from_row).collect())
}
