//! Clinics: made by administrators, who see that they exist; described by those who manage them.

use jiff::Timestamp;
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::tiers::Tier;
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ClinicId, UserId},
};

/// What is said of a clinic. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClinicContent)]
pub struct Content {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// Street and number.
    #[schema(min_length = 1, max_length = 200)]
    pub street: Option<String>,
    /// The city.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// The province, by its two letters.
    #[schema(min_length = 2, max_length = 2)]
    pub province: Option<String>,
    /// Where it is called.
    #[schema(min_length = 5, max_length = 20)]
    pub phone: Option<String>,
    /// Where it is written to.
    #[schema(max_length = 254)]
    pub email: Option<String>,
}

/// A clinic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Clinic {
    /// Its id.
    pub id: ClinicId,
    /// What is said of it.
    #[serde(flatten)]
    pub content: Content,
    /// What it has: the requests an hour of its members' keys together.
    pub tier: Tier,
    /// How many people work there.
    pub members: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
}

macro_rules! clinic_content {
    () => {
        "name, street, city, province, phone, email"
    };
}

macro_rules! clinic_columns {
    () => {
        "c.id, (SELECT to_jsonb(x) FROM (SELECT c.name, c.street, c.city, c.province, c.phone, c.email) AS x) AS content, \
         c.tier, c.created_at, c.version, (SELECT count(*) FROM clinic_member AS w WHERE w.clinic_id = c.id \
         AND w.agreed_at IS NOT NULL) AS members"
    };
}

impl Clinic {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            content: row.get::<_, Json<Content>>("content").0,
            tier: Tier::of(row.get("tier")),
            members: row.get("members"),
            created_at: row.get("created_at"),
            version: row.get("version"),
        }
    }
}

/// Makes a clinic.
pub async fn create(tx: &mut Tx, id: ClinicId, content: &Content, now: Timestamp) -> Result<Clinic, DbError> {
    const CREATE: &str = concat!(
        "-- clinic.clinics.create
        INSERT INTO clinic AS c (id, created_at, updated_at, ",
        clinic_content!(),
        ") SELECT $1, $3, $3, ",
        clinic_content!(),
        " FROM jsonb_populate_record(NULL::clinic, $2) RETURNING ",
        clinic_columns!()
    );
    Ok(Clinic::from_row(&tx.query_one(CREATE, &[&id, &Json(content), &now]).await?))
}

/// All clinics, newest first, from below `before` on.
pub async fn list(db: &Db, before: Option<ClinicId>, limit: i64) -> Result<Vec<Clinic>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.clinics.list
        SELECT ",
        clinic_columns!(),
        " FROM clinic AS c WHERE $1::uuid IS NULL OR c.id < $1 ORDER BY c.id DESC LIMIT $2"
    );
    Ok(db.read(LIST, args![before, limit]).await?.iter().map(Clinic::from_row).collect())
}

/// One clinic.
pub async fn find(db: &Db, id: ClinicId) -> Result<Option<Clinic>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.clinics.find
        SELECT ",
        clinic_columns!(),
        " FROM clinic AS c WHERE c.id = $1"
    );
    Ok(db.read(FIND, args![id]).await?.first().map(Clinic::from_row))
}

/// The clinic where somebody works.
pub async fn of_member(db: &Db, user: UserId) -> Result<Option<Clinic>, DbError> {
    const OF: &str = concat!(
        "-- clinic.clinics.of_member
        SELECT ",
        clinic_columns!(),
        " FROM clinic AS c WHERE ",
        at_clinic_at_all!("c.id", "$1")
    );
    Ok(db.read(OF, args![user]).await?.first().map(Clinic::from_row))
}

/// The clinic that somebody manages, locked until the transaction ends.
pub async fn lock_managed(tx: &mut Tx, user: UserId) -> Result<Option<Clinic>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.clinics.lock_managed
        SELECT ",
        clinic_columns!(),
        " FROM clinic AS c WHERE ",
        at_clinic!("manage_members", "c.id", "$1"),
        " FOR NO KEY UPDATE OF c"
    );
    Ok(tx.query_opt(LOCK, &[&user]).await?.as_ref().map(Clinic::from_row))
}

/// A clinic, locked until the transaction ends: for administrators, and for who leaves it.
pub async fn lock(tx: &mut Tx, id: ClinicId) -> Result<Option<Clinic>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.clinics.lock
        SELECT ",
        clinic_columns!(),
        " FROM clinic AS c WHERE c.id = $1 FOR NO KEY UPDATE OF c"
    );
    Ok(tx.query_opt(LOCK, &[&id]).await?.as_ref().map(Clinic::from_row))
}

/// Replaces what is said of a locked clinic.
pub async fn change(
    tx: &mut Tx,
    locked: &Clinic,
    content: &Content,
    now: Timestamp,
) -> Result<Clinic, DbError> {
    const CHANGE: &str = concat!(
        "-- clinic.clinics.change
        UPDATE clinic AS c SET (",
        clinic_content!(),
        ") = (SELECT ",
        clinic_content!(),
        " FROM jsonb_populate_record(NULL::clinic, $2)), version = c.version + 1, updated_at = $3
        WHERE c.id = $1 RETURNING ",
        clinic_columns!()
    );
    Ok(Clinic::from_row(&tx.query_one(CHANGE, &[&locked.id, &Json(content), &now]).await?))
}

/// Sets what a locked clinic has.
pub async fn set_tier(tx: &mut Tx, id: ClinicId, tier: Tier, now: Timestamp) -> Result<Clinic, DbError> {
    const SET: &str = concat!(
        "-- clinic.clinics.set_tier
        UPDATE clinic AS c SET tier = $2, version = c.version + 1, updated_at = $3 WHERE c.id = $1 RETURNING ",
        clinic_columns!()
    );
    Ok(Clinic::from_row(&tx.query_one(SET, &[&id, &tier.as_str(), &now]).await?))
}

/// What the clinic has where somebody works.
pub async fn tier_of(db: &Db, user: UserId) -> Result<Option<Tier>, DbError> {
    Ok(of_member(db, user).await?.map(|clinic| clinic.tier))
}
