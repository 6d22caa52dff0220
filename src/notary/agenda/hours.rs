//! Hours of the week in which an office meets people.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
};
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{AvailabilityId, NotaryId, UserId},
    notary::rules::slots::Availability,
};

/// Hours of one office: several a day, for winter and summer.
pub const PER_OFFICE: i64 = 100;

/// Hours, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Hours {
    /// Their id.
    pub id: AvailabilityId,
    /// The day of the week (ISO 8601): 1 is Monday, 7 is Sunday.
    #[schema(minimum = 1, maximum = 7)]
    pub weekday: i16,
    /// From, as the clock of the office shows it.
    #[schema(value_type = String, example = "09:00:00")]
    pub start_time: Time,
    /// Until; `00:00:00` is the end of the day.
    #[schema(value_type = String, example = "13:00:00")]
    pub end_time: Time,
    /// A slot begins every so many minutes, and is as long if nobody says.
    pub slot_minutes: i16,
    /// Whether people may book it themselves.
    pub is_online: bool,
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub valid_from: Date,
    /// Last day; `null`: without end.
    #[schema(value_type = Option<String>, format = Date)]
    pub valid_until: Option<Date>,
    /// Counts their changes; their ETag.
    pub version: i64,
}

impl Hours {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            weekday: row.get("weekday"),
            start_time: row.get("start_time"),
            end_time: row.get("end_time"),
            slot_minutes: row.get("slot_minutes"),
            is_online: row.get("is_online"),
            valid_from: row.get("valid_from"),
            valid_until: row.get("valid_until"),
            version: row.get("version"),
        }
    }
}

macro_rules! hours_columns {
    () => {
        "v.id, v.weekday, v.start_time, v.end_time, v.slot_minutes, v.is_online, v.valid_from, v.valid_until, v.version"
    };
}

/// The number of a day of the week.
pub(super) fn number(day: Weekday) -> i16 {
    i16::from(day.to_monday_one_offset())
}

/// Adds hours to an office that this person manages. `None`: there are [`PER_OFFICE`], or it is not their office.
pub async fn create(
    tx: &mut Tx,
    (id, office, by): (AvailabilityId, NotaryId, UserId),
    rule: &Availability,
    now: Timestamp,
) -> Result<Option<Hours>, DbError> {
    const LOCK: &str = "-- notary.hours.lock_office\nSELECT FROM notary WHERE id = $1 FOR NO KEY UPDATE";
    const CREATE: &str = concat!(
        "-- notary.hours.create
        INSERT INTO availability AS v (id, notary_id, weekday, start_time, end_time, slot_minutes, is_online, valid_from,
            valid_until, created_at, updated_at)
        SELECT $1, n.id, $4, $5, $6, $7, $8, $9, $10, $11, $11 FROM notary n
        WHERE n.id = $2 AND ",
        staffed!("manage_agenda", "n.id", "$3"),
        " AND $12 > (SELECT count(*) FROM availability o WHERE o.notary_id = n.id)
        RETURNING ",
        hours_columns!()
    );
    let Availability { weekday, start, end, valid_from, valid_until, slot_minutes, online } = rule;
    let (weekday, minutes) = (number(*weekday), i16::try_from(*slot_minutes).unwrap_or(i16::MAX));
    tx.query(LOCK, &[&office]).await?;
    let args: [&(dyn postgres_types::ToSql + Sync); 12] = [
        &id,
        &office,
        &by,
        &weekday,
        start,
        end,
        &minutes,
        online,
        valid_from,
        valid_until,
        &now,
        &PER_OFFICE,
    ];
    Ok(tx.query_opt(CREATE, &args).await?.map(|row| Hours::from_row(&row)))
}

/// The hours of an office that this person works for, through the week.
pub async fn list(db: &Db, office: NotaryId, by: UserId) -> Result<Vec<Hours>, DbError> {
    const LIST: &str = concat!(
        "-- notary.hours.list
        SELECT ",
        hours_columns!(),
        " FROM availability v WHERE v.notary_id = $1 AND ",
        staffed!("manage_agenda", "v.notary_id", "$2"),
        " ORDER BY v.weekday, v.start_time, v.id LIMIT $3"
    );
    Ok(db.read(LIST, args![office, by, PER_OFFICE]).await?.iter().map(Hours::from_row).collect())
}

/// Replaces hours that have this version. `None`: they are not there for this person, or have another version.
pub async fn replace(
    tx: &mut Tx,
    (id, version, by): (AvailabilityId, i64, UserId),
    rule: &Availability,
    now: Timestamp,
) -> Result<Option<Hours>, DbError> {
    const REPLACE: &str = concat!(
        "-- notary.hours.replace
        UPDATE availability AS v SET weekday = $4, start_time = $5, end_time = $6, slot_minutes = $7, is_online = $8,
            valid_from = $9, valid_until = $10, version = v.version + 1, updated_at = $11
        WHERE v.id = $1 AND v.version = $2 AND ",
        staffed!("manage_agenda", "v.notary_id", "$3"),
        " RETURNING ",
        hours_columns!()
    );
    let Availability { weekday, start, end, valid_from, valid_until, slot_minutes, online } = rule;
    let (weekday, minutes) = (number(*weekday), i16::try_from(*slot_minutes).unwrap_or(i16::MAX));
    let args: [&(dyn postgres_types::ToSql + Sync); 11] =
        [&id, &version, &by, &weekday, start, end, &minutes, online, valid_from, valid_until, &now];
    Ok(tx.query_opt(REPLACE, &args).await?.map(|row| Hours::from_row(&row)))
}

/// Hours that this person may manage.
pub async fn find(db: &Db, id: AvailabilityId, by: UserId) -> Result<Option<Hours>, DbError> {
    const FIND: &str = concat!(
        "-- notary.hours.find
        SELECT ",
        hours_columns!(),
        " FROM availability v WHERE v.id = $1 AND ",
        staffed!("manage_agenda", "v.notary_id", "$2")
    );
    Ok(db.read(FIND, args![id, by]).await?.first().map(Hours::from_row))
}

/// Removes hours; what is booked in them stays. Whether they were there for this person.
pub async fn remove(tx: &mut Tx, id: AvailabilityId, by: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = concat!(
        "-- notary.hours.remove
        DELETE FROM availability v WHERE v.id = $1 AND ",
        staffed!("manage_agenda", "v.notary_id", "$2")
    );
    Ok(tx.execute(REMOVE, &[&id, &by]).await? > 0)
}
