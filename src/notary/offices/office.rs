//! An office, as those who work there see it.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{
    content::{Content, office_content},
    services::{Service, services_of},
};
use crate::{
    db::{Db, DbError, Tx},
    ids::{NotaryId, UserId},
    key,
    notary::licence,
};

/// An office.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Office {
    /// Its id.
    pub id: NotaryId,
    /// Its notary's account.
    pub user_id: UserId,
    /// What its notary says of it.
    #[serde(flatten)]
    pub content: Content,
    /// Whether an administrator has seen that its notary is one.
    pub is_verified: bool,
    /// What it may be used for.
    pub licence: Licence,
    /// What it offers, in its order.
    pub services: Vec<Service>,
    /// The average of its reviews, 1 to 5; `null` without any.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: i32,
    /// How many acts.
    pub acts: i32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

/// The licence of an office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OfficeLicence)]
pub struct Licence {
    /// What it is today.
    pub status: licence::Status,
    /// From when on.
    #[schema(value_type = Option<String>, format = Date)]
    pub starts_on: Option<Date>,
    /// Its last day; `null`: without end.
    #[schema(value_type = Option<String>, format = Date)]
    pub ends_on: Option<Date>,
    /// What it costs, in cents.
    pub fee_cents: i64,
    /// `month` or `year`.
    pub fee_every: String,
}

/// The columns of [`Office::from_row`], of a table `n`. Nothing else in the statement may have columns of [`Content`].
macro_rules! office_columns {
    () => {
        concat!(
            "n.id, n.user_id, n.is_verified, n.licence_active, n.licence_starts_on, n.licence_ends_on, n.licence_fee_cents, \
             n.licence_fee_every, n.rating::float8 AS rating, n.rating_count, n.acts_count, n.created_at, n.updated_at, \
             n.version, (SELECT to_jsonb(c) FROM (SELECT ",
            office_content!(),
            ") AS c) AS content, ",
            services_of!(),
            " AS services"
        )
    };
}

impl Office {
    fn from_row(row: &Row, today: Date) -> Self {
        let reviews: i32 = row.get("rating_count");
        let ends_on = row.get("licence_ends_on");
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            content: row.get::<_, Json<Content>>("content").0,
            is_verified: row.get("is_verified"),
            licence: Licence {
                status: licence::status(row.get("licence_active"), ends_on, today),
                starts_on: row.get("licence_starts_on"),
                ends_on,
                fee_cents: row.get("licence_fee_cents"),
                fee_every: row.get("licence_fee_every"),
            },
            services: row.get::<_, Json<Vec<Service>>>("services").0,
            rating: (reviews > 0).then(|| row.get("rating")),
            reviews,
            acts: row.get("acts_count"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

/// Why an office is not made, or changed.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// One notary, one office.
    #[error("you have an office already: change it")]
    HasOne,
    /// Somebody else has this number or address: the name of the field.
    #[error("another office has this {0}")]
    Taken(&'static str),
    /// The database.
    #[error(transparent)]
    Db(DbError),
}

impl From<DbError> for CreateError {
    fn from(error: DbError) -> Self {
        match error.constraint() {
            Some("notary_user_unique") => Self::HasOne,
            Some("notary_roll_number_unique") => Self::Taken("roll_number"),
            Some("notary_fiscal_code_unique") => Self::Taken("fiscal_code"),
            Some("notary_vat_number_unique") => Self::Taken("vat_number"),
            Some("notary_certified_address_unique") => Self::Taken("certified_address"),
            _ => Self::Db(error),
        }
    }
}

/// Makes the office of a notary. Nobody finds it before an administrator has verified it.
pub async fn create(
    tx: &mut Tx,
    (id, user): (NotaryId, UserId),
    content: &Content,
    (today, now): (Date, Timestamp),
) -> Result<Office, CreateError> {
    const CREATE: &str = concat!(
        "-- notary.offices.create
        INSERT INTO notary AS n (id, user_id, created_at, updated_at, ",
        office_content!(),
        ") SELECT $1, $2, $4, $4, ",
        office_content!(),
        " FROM jsonb_populate_record(NULL::notary, $3) RETURNING ",
        office_columns!()
    );
    let row = tx.query_one(CREATE, &[&id, &user, &Json(content), &now]).await?;
    Ok(Office::from_row(&row, today))
}

/// The office where somebody works, as its notary or as a collaborator who has agreed.
pub async fn find(db: &Db, user: UserId, today: Date) -> Result<Option<Office>, DbError> {
    const FIND: &str = concat!(
        "-- notary.offices.find
        SELECT k.n, ",
        office_columns!(),
        " FROM unnest($1::uuid[]) WITH ORDINALITY AS k (who, n) JOIN notary AS n ON ",
        staffed_at_all!("n.id", "k.who"),
        " ORDER BY n.user_id <> k.who" // who has an office of the own sees that
    );
    Ok(db.lookup(FIND, key![user]).await?.first().map(|row| Office::from_row(row, today)))
}

/// A notary's own office, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, user: UserId, today: Date) -> Result<Option<Office>, DbError> {
    const LOCK: &str = concat!(
        "-- notary.offices.lock
        SELECT ",
        office_columns!(),
        " FROM notary AS n WHERE n.user_id = $1 FOR NO KEY UPDATE OF n"
    );
    Ok(tx.query_opt(LOCK, &[&user]).await?.map(|row| Office::from_row(&row, today)))
}

/// Replaces what is said of a locked office, and shows it as it is then. Who says to be somebody else is verified anew.
pub async fn change(
    tx: &mut Tx,
    locked: &Office,
    content: &Content,
    (today, now): (Date, Timestamp),
) -> Result<Office, CreateError> {
    const CHANGE: &str = concat!(
        "-- notary.offices.change
        UPDATE notary AS n SET (",
        office_content!(),
        ") = (SELECT ",
        office_content!(),
        " FROM jsonb_populate_record(NULL::notary, $2)), is_verified = n.is_verified AND $3, version = n.version + 1,
            updated_at = $4
        WHERE n.id = $1 RETURNING ",
        office_columns!()
    );
    let is_same = content.is_same_notary(&locked.content);
    let row = tx.query_one(CHANGE, &[&locked.id, &Json(content), &is_same, &now]).await?;
    Ok(Office::from_row(&row, today))
}
