//! A review, and who sees it: its author and administrators always, the office and everybody else once it is approved.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError},
    ids::{ActId, NotaryId, NotaryReviewId, UserId},
    notary::{
        agenda::appointment::Reader,
        rules::machine::{Forbidden, Name as _, review::State},
    },
};

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotaryOpinion)]
pub struct Opinion {
    /// From 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub rating: i16,
    /// In a few words.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: String,
    /// The rest.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub comment: String,
}

/// A review, as its author, the office and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = NotaryReview)]
pub struct Review {
    /// Its id.
    pub id: NotaryReviewId,
    /// Of which act.
    pub act_id: ActId,
    /// Of whom.
    pub notary_id: NotaryId,
    /// The office.
    pub office_name: String,
    /// The first name of its author.
    pub name: String,
    /// From 1 to 5.
    pub rating: i16,
    /// In a few words.
    pub title: String,
    /// The rest.
    pub comment: String,
    /// Whether everybody sees it.
    pub status: State,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// What the office says to it.
    pub answer: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// A review, as everybody sees it: of which act it is, is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = PublicNotaryReview)]
pub struct PublicReview {
    /// Its id.
    pub id: NotaryReviewId,
    /// The first name of its author.
    pub name: String,
    /// From 1 to 5.
    pub rating: i16,
    /// In a few words.
    pub title: String,
    /// The rest.
    pub comment: String,
    /// What the office says to it.
    pub answer: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<Review> for PublicReview {
    fn from(review: Review) -> Self {
        let Review { id, name, rating, title, comment, answer, answered_at, created_at, .. } = review;
        Self { id, name, rating, title, comment, answer, answered_at, created_at }
    }
}

/// Why something is not done with a review.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The person has no such act.
    #[error("there is no such act")]
    NoSuchAct,
    /// It is not signed.
    #[error("an act is reviewed once it was signed")]
    NotSigned,
    /// There is one already.
    #[error("you have reviewed this act already: change that review")]
    Twice,
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The office has said something already.
    #[error("this review was answered already")]
    Answered,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The columns of [`Review::from_row`], of tables `r` (review), `n` (notary) and `u` (users, the author).
macro_rules! notary_review_columns {
    () => {
        "r.id, r.act_id, r.notary_id, n.office_name, split_part(u.name, ' ', 1) AS name, r.rating, r.title, r.comment, \
         r.status, r.reason, r.answer, r.answered_at, r.created_at, r.updated_at, r.version"
    };
}
pub(super) use notary_review_columns;

/// The tables of [`notary_review_columns`] beside `r`.
macro_rules! notary_review_tables {
    () => {
        " JOIN notary n ON n.id = r.notary_id JOIN users u ON u.id = r.client_id"
    };
}
pub(super) use notary_review_tables;

impl Review {
    pub(super) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            act_id: row.get("act_id"),
            notary_id: row.get("notary_id"),
            office_name: row.get("office_name"),
            name: row.get("name"),
            rating: row.get("rating"),
            title: row.get("title"),
            comment: row.get("comment"),
            status: State::parse(row.get("status")).expect("the constraint notary_review_status_known"),
            reason: row.get("reason"),
            answer: row.get("answer"),
            answered_at: row.get("answered_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }

    /// What its author can change.
    pub fn opinion(&self) -> Opinion {
        Opinion { rating: self.rating, title: self.title.clone(), comment: self.comment.clone() }
    }
}

/// A review that this person wrote, or looks after.
pub async fn find(db: &Db, reader: Reader, id: NotaryReviewId) -> Result<Option<Review>, DbError> {
    const FIND: &str = concat!(
        "-- notary.reviews.find\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.id = $1 AND ($3::boolean OR r.client_id = $2 OR (r.status = 'approved' AND ",
        staffed_at_all!("r.notary_id", "$2"),
        "))"
    );
    let rows = db.read(FIND, args![id, reader.user, reader.is_admin]).await?;
    Ok(rows.first().map(Review::from_row))
}

/// A review that this person wrote.
pub async fn find_own(db: &Db, author: UserId, id: NotaryReviewId) -> Result<Option<Review>, DbError> {
    const OWN: &str = concat!(
        "-- notary.reviews.find_own\nSELECT ",
        notary_review_columns!(),
        " FROM notary_review r",
        notary_review_tables!(),
        " WHERE r.id = $1 AND r.client_id = $2"
    );
    Ok(db.read(OWN, args![id, author]).await?.first().map(Review::from_row))
}
