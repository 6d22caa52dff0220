//! Somebody asks for a slot. Requests are provisional: they take nothing from anybody until the office confirms one.

use jiff::Timestamp;

use super::appointment::{Appointment, Mode, appointment_columns, blocking};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{AppointmentId, NotaryId, UserId},
};

/// Requests of one person that one office has not answered.
pub const OPEN_PER_OFFICE: i64 = 5;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The type of appointment.
    pub kind: String,
    /// The type of act that is to come of it.
    pub act_type: Option<String>,
    /// From: the begin of a slot that is left.
    pub starts_at: Timestamp,
    /// Until.
    pub ends_at: Timestamp,
    /// At least one of them is a way to meet.
    pub modes: Vec<Mode>,
    /// In a few words.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// When it expires.
    pub answer_by: Timestamp,
}

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The slot is somebody's by now.
    #[error("the slot was given to somebody else: ask for the slots again")]
    Taken,
    /// They have a request for this time.
    #[error("you have asked this office for an appointment at this time already")]
    Twice,
    /// There are [`OPEN_PER_OFFICE`].
    #[error("the office has {OPEN_PER_OFFICE} of your requests to answer: wait, or cancel one")]
    TooMany,
    /// Notaries do not ask themselves.
    #[error("this is your own office")]
    OwnOffice,
    /// Nobody finds it any more.
    #[error("there is no such office")]
    NoSuchOffice,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The minutes of a type of appointment, if it can be asked for.
pub async fn minutes_of(db: &Db, kind: &str) -> Result<Option<u16>, DbError> {
    const MINUTES: &str = "-- notary.requests.minutes_of
        SELECT minutes FROM appointment_type WHERE code = $1 AND is_active";
    let rows = db.read(MINUTES, args![kind.to_owned()]).await?;
    Ok(rows.first().map(|row| row.get::<_, i16>("minutes").unsigned_abs()))
}

/// Whether there is a type of act that can be asked for.
pub async fn knows_act_type(db: &Db, code: &str) -> Result<bool, DbError> {
    const KNOWS: &str = "-- notary.requests.knows_act_type
        SELECT FROM act_type WHERE code = $1 AND is_active";
    Ok(!db.read(KNOWS, args![code.to_owned()]).await?.is_empty())
}

/// Writes down a request for a slot that was found to be left.
pub async fn create(
    tx: &mut Tx,
    (id, office, client): (AppointmentId, NotaryId, UserId),
    new: &NewRequest,
    now: Timestamp,
) -> Result<Appointment, RequestError> {
    // One after the other for each person: nobody slips past the bound. Other people's requests do not wait.
    const LOCK: &str = "-- notary.requests.lock\nSELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    const LOOK: &str = concat!(
        "-- notary.requests.look
        SELECT n.user_id = $2 AS is_own,
            (SELECT count(*) FROM appointment o
                WHERE o.notary_id = n.id AND o.client_id = $2 AND o.status = 'provisional') AS open,
            EXISTS (SELECT FROM appointment o WHERE o.notary_id = n.id AND o.client_id = $2
                AND o.status = 'provisional' AND o.during && tstzrange($3, $4)) AS is_asked,
            EXISTS (SELECT FROM appointment o WHERE o.notary_id = n.id AND o.during && tstzrange($3, $4)
                AND o.status IN ",
        blocking!(),
        ") AS is_taken
        FROM notary n WHERE n.id = $1 AND n.is_verified"
    );
    const CREATE: &str = concat!(
        "-- notary.requests.create
        WITH new AS (
            INSERT INTO appointment (id, notary_id, client_id, type, act_type, status, during, modes, title, description,
                answer_by, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, 'provisional', tstzrange($6, $7), $8, $9, $10, $11, $12, $12) RETURNING *
        ), requester AS (
            INSERT INTO participant (appointment_id, user_id, role, status, invited_by, invited_at, answered_at)
            SELECT new.id, $3, 'requester', 'accepted', $3, $12, $12 FROM new
        )
        SELECT ",
        appointment_columns!("$3", "false"),
        " FROM new a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id"
    );
    let NewRequest { kind, act_type, starts_at, ends_at, modes, title, description, answer_by } = new;
    tx.query(LOCK, &[&client]).await?;
    let look = tx.query_opt(LOOK, &[&office, &client, starts_at, ends_at]).await?;
    let look = look.ok_or(RequestError::NoSuchOffice)?;
    if look.get("is_own") {
        return Err(RequestError::OwnOffice);
    }
    if look.get("is_asked") {
        return Err(RequestError::Twice);
    }
    if look.get("is_taken") {
        return Err(RequestError::Taken);
    }
    if look.get::<_, i64>("open") >= OPEN_PER_OFFICE {
        return Err(RequestError::TooMany);
    }
    let modes: Vec<&str> = modes.iter().map(|mode| mode.as_str()).collect();
    let args: [&(dyn postgres_types::ToSql + Sync); 12] = [
        &id,
        &office,
        &client,
        kind,
        act_type,
        starts_at,
        ends_at,
        &modes,
        title,
        description,
        answer_by,
        &now,
    ];
    Ok(Appointment::from_row(&tx.query_one(CREATE, &args).await?))
}
