//! What differs from an office's week: closures, and openings besides.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ExceptionId, NotaryId, UserId},
};

/// Exceptions of one office that are not over.
pub const PER_OFFICE: i64 = 500;

/// Whether people are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nobody is met.
    Closure,
    /// People are met besides the hours of the week, on holidays too.
    Opening,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Closure => "closure",
            Self::Opening => "opening",
        }
    }
}

/// An exception, as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewException {
    /// What.
    pub kind: Kind,
    /// From.
    pub starts_at: Timestamp,
    /// Until; later.
    pub ends_at: Timestamp,
    /// Why, for the office.
    pub reason: String,
    /// Of openings: a slot begins every so many minutes.
    pub slot_minutes: Option<i16>,
    /// Of openings: people may book it themselves.
    pub is_online: bool,
}

/// An exception, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AvailabilityException)]
pub struct Exception {
    /// Its id.
    pub id: ExceptionId,
    /// Whether people are met.
    pub kind: Kind,
    /// From.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// Until.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Why, for the office.
    pub reason: String,
    /// Of openings: a slot begins every so many minutes.
    pub slot_minutes: Option<i16>,
    /// Of openings: people may book it themselves.
    pub is_online: bool,
}

macro_rules! exception_columns {
    () => {
        "x.id, x.kind, lower(x.during) AS starts_at, upper(x.during) AS ends_at, x.reason, x.slot_minutes, x.is_online"
    };
}

impl Exception {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            kind: if row.get::<_, &str>("kind") == "opening" { Kind::Opening } else { Kind::Closure },
            starts_at: row.get("starts_at"),
            ends_at: row.get("ends_at"),
            reason: row.get("reason"),
            slot_minutes: row.get("slot_minutes"),
            is_online: row.get("is_online"),
        }
    }
}

/// Adds an exception to an office that this person manages. What is booked in a closure stays: the office is shown it and
/// decides. `None`: there are [`PER_OFFICE`] to come, or it is not their office.
pub async fn create(
    tx: &mut Tx,
    (id, office, by): (ExceptionId, NotaryId, UserId),
    new: &NewException,
    now: Timestamp,
) -> Result<Option<Exception>, DbError> {
    const LOCK: &str = "-- notary.exceptions.lock_office\nSELECT FROM notary WHERE id = $1 FOR NO KEY UPDATE";
    const CREATE: &str = concat!(
        "-- notary.exceptions.create
        INSERT INTO availability_exception AS x (id, notary_id, kind, during, reason, slot_minutes, is_online, created_at,
            updated_at)
        SELECT $1, n.id, $4, tstzrange($5, $6), $7, $8, $9, $10, $10 FROM notary n
        WHERE n.id = $2 AND ",
        staffed!("manage_agenda", "n.id", "$3"),
        " AND $11 > (SELECT count(*) FROM availability_exception o WHERE o.notary_id = n.id AND upper(o.during) > $10)
        RETURNING ",
        exception_columns!()
    );
    let NewException { kind, starts_at, ends_at, reason, slot_minutes, is_online } = new;
    tx.query(LOCK, &[&office]).await?;
    let args: [&(dyn postgres_types::ToSql + Sync); 11] = [
        &id,
        &office,
        &by,
        &kind.as_str(),
        starts_at,
        ends_at,
        reason,
        slot_minutes,
        is_online,
        &now,
        &PER_OFFICE,
    ];
    Ok(tx.query_opt(CREATE, &args).await?.map(|row| Exception::from_row(&row)))
}

/// The exceptions of an office that this person works for which end after a time, in the order in which they begin.
pub async fn list(
    db: &Db,
    (office, by): (NotaryId, UserId),
    ends_after: Timestamp,
    after: Option<(Timestamp, ExceptionId)>,
    limit: i64,
) -> Result<Vec<Exception>, DbError> {
    const LIST: &str = concat!(
        "-- notary.exceptions.list
        SELECT ",
        exception_columns!(),
        " FROM availability_exception x WHERE x.notary_id = $1 AND ",
        staffed!("manage_agenda", "x.notary_id", "$2"),
        " AND x.during && tstzrange($3, NULL)
          AND ($4::timestamptz IS NULL OR (lower(x.during), x.id) > ($4, $5::uuid))
        ORDER BY lower(x.during), x.id LIMIT $6"
    );
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id.0)));
    let rows = db.read(LIST, args![office, by, ends_after, at, id, limit]).await?;
    Ok(rows.iter().map(Exception::from_row).collect())
}

/// Removes an exception. Whether it was there for this person.
pub async fn remove(tx: &mut Tx, id: ExceptionId, by: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = concat!(
        "-- notary.exceptions.remove
        DELETE FROM availability_exception x WHERE x.id = $1 AND ",
        staffed!("manage_agenda", "x.notary_id", "$2")
    );
    Ok(tx.execute(REMOVE, &[&id, &by]).await? > 0)
}
