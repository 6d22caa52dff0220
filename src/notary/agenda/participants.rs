//! Who is invited to an appointment, and whether they come.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    appointment::{Appointment, Reader, blocking, visible},
    decisions::facts,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{AppointmentId, UserId},
    notary::{
        notifications::{Kind, Told, agenda_people},
        rules::machine::{
            Forbidden, Name as _, Who,
            participant::{Event, MACHINE, State},
        },
    },
};

/// People of one appointment.
pub const PER_APPOINTMENT: i64 = 20;

/// What somebody is at an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ParticipantRole)]
pub enum Role {
    /// Has called it.
    Organiser,
    /// Has asked for it.
    Requester,
    /// Is to come.
    Invited,
    /// May come.
    Optional,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Organiser => "organiser",
            Self::Requester => "requester",
            Self::Invited => "invited",
            Self::Optional => "optional",
        }
    }

    fn stored(name: &str) -> Self {
        [Self::Organiser, Self::Requester, Self::Invited]
            .into_iter()
            .find(|role| role.as_str() == name)
            .unwrap_or(Self::Optional)
    }
}

/// Somebody who takes part.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Participant {
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// What they are at it.
    pub role: Role,
    /// Whether they were invited as a partner of the office.
    pub is_partner: bool,
    /// Whether they come.
    pub status: State,
    /// What they said with it.
    pub note: String,
    /// Since when they know.
    #[schema(value_type = String, format = DateTime)]
    pub invited_at: Timestamp,
    /// When they answered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// Whether they have another appointment at this time that they have agreed to. Shown to the office only.
    pub has_conflict: Option<bool>,
}

/// Whether person `p.user_id` has agreed to another appointment at the time of `a`.
macro_rules! conflict {
    () => {
        concat!(
            "EXISTS (SELECT FROM participant q JOIN appointment b ON b.id = q.appointment_id
                WHERE q.user_id = p.user_id AND q.status = 'accepted' AND b.id <> a.id AND b.during && a.during
                AND b.status IN ",
            blocking!(),
            ")"
        )
    };
}

impl Participant {
    fn from_row(row: &Row, is_office: bool) -> Self {
        Self {
            user_id: row.get("user_id"),
            name: row.get("name"),
            role: Role::stored(row.get("role")),
            is_partner: row.get("is_partner"),
            status: State::parse(row.get("status")).expect("the constraint participant_status_known"),
            note: row.get("note"),
            invited_at: row.get("invited_at"),
            answered_at: row.get("answered_at"),
            has_conflict: is_office.then(|| row.get("has_conflict")),
        }
    }
}

/// Who takes part in an appointment that this person sees. `None`: they do not see it.
pub async fn list(
    db: &Db,
    reader: Reader,
    id: AppointmentId,
    is_office: bool,
) -> Result<Vec<Participant>, DbError> {
    const LIST: &str = concat!(
        "-- notary.participants.list
        SELECT p.user_id, u.name, p.role, p.is_partner, p.status, p.note, p.invited_at, p.answered_at, ",
        conflict!(),
        " AS has_conflict
        FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN participant p ON p.appointment_id = a.id
        JOIN users u ON u.id = p.user_id
        WHERE a.id = $1 AND ",
        visible!("$2", "$3"),
        " ORDER BY p.invited_at, p.user_id LIMIT $4"
    );
    let rows = db.read(LIST, args![id, reader.user, reader.is_admin, PER_APPOINTMENT]).await?;
    Ok(rows.iter().map(|row| Participant::from_row(row, is_office)).collect())
}

/// Why somebody is not invited, or an answer not taken.
#[derive(Debug, thiserror::Error)]
pub enum ParticipantError {
    /// They are already.
    #[error("this person takes part already")]
    Twice,
    /// There are [`PER_APPOINTMENT`].
    #[error("{PER_APPOINTMENT} people are the most")]
    TooMany,
    /// They are no partner with a profile.
    #[error("this person has no partner profile: invite them without `is_partner`, or have them make one")]
    NoPartner,
    /// The appointment is over, rejected or cancelled.
    #[error("the appointment has ended")]
    Ended,
    /// They have agreed to another appointment at this time.
    #[error(
        "you have agreed to another appointment at this time: decline that one first, or answer `tentative`"
    )]
    Conflict,
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Invites somebody to a locked appointment; they are told.
pub async fn invite(
    tx: &mut Tx,
    appointment: &Appointment,
    (user, role, is_partner): (UserId, Role, bool),
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, ParticipantError> {
    const LOOK: &str = "-- notary.participants.look
        SELECT count(*) AS people, count(*) FILTER (WHERE user_id = $2) AS them,
            EXISTS (SELECT FROM partner WHERE user_id = $2) AS is_partner
        FROM participant WHERE appointment_id = $1";
    const INVITE: &str = "-- notary.participants.invite
        INSERT INTO participant (appointment_id, user_id, role, is_partner, status, invited_by, invited_at)
        VALUES ($1, $2, $3, $4, 'waiting', $5, $6)";
    if MACHINE.start != State::Waiting
        || crate::notary::rules::machine::appointment::MACHINE.is_end(appointment.status)
    {
        return Err(ParticipantError::Ended);
    }
    let look = tx.query_one(LOOK, &[&appointment.id, &user]).await?;
    if look.get::<_, i64>("them") > 0 {
        return Err(ParticipantError::Twice);
    }
    if look.get::<_, i64>("people") >= PER_APPOINTMENT {
        return Err(ParticipantError::TooMany);
    }
    if is_partner && !look.get::<_, bool>("is_partner") {
        return Err(ParticipantError::NoPartner);
    }
    tx.execute(INVITE, &[&appointment.id, &user, &role.as_str(), &is_partner, &by, &now]).await?;
    let facts = facts(appointment);
    Ok(vec![Told { user, kind: Kind::Other, facts, appointment: Some(appointment.id), act: None }])
}

/// Takes an invitation back. Who asked for the appointment stays.
pub async fn remove(tx: &mut Tx, appointment: &Appointment, user: UserId) -> Result<bool, DbError> {
    const REMOVE: &str = "-- notary.participants.remove
        DELETE FROM participant WHERE appointment_id = $1 AND user_id = $2 AND role <> 'requester'";
    Ok(tx.execute(REMOVE, &[&appointment.id, &user]).await? > 0)
}

/// Answers an invitation; the office is told.
pub async fn answer(
    tx: &mut Tx,
    appointment: &Appointment,
    user: UserId,
    (event, note): (Event, &str),
    now: Timestamp,
) -> Result<Option<Vec<Told>>, ParticipantError> {
    const LOOK: &str = concat!(
        "-- notary.participants.look_at_one
        SELECT p.status, p.is_partner, u.name, ",
        conflict!(),
        " AS has_conflict
        FROM participant p JOIN appointment a ON a.id = p.appointment_id JOIN users u ON u.id = p.user_id
        WHERE p.appointment_id = $1 AND p.user_id = $2 FOR NO KEY UPDATE OF p"
    );
    const ANSWER: &str = "-- notary.participants.answer
        UPDATE participant SET status = $3, note = $4, answered_at = $5 WHERE appointment_id = $1 AND user_id = $2";
    // One after the other for each person: of two that overlap, only one is accepted.
    const LOCK: &str = "-- notary.participants.lock\nSELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    tx.query(LOCK, &[&user]).await?;
    let Some(row) = tx.query_opt(LOOK, &[&appointment.id, &user]).await? else { return Ok(None) };
    if crate::notary::rules::machine::appointment::MACHINE.is_end(appointment.status) {
        return Err(ParticipantError::Ended);
    }
    let from = State::parse(row.get("status")).expect("the constraint participant_status_known");
    let who = if row.get("is_partner") { Who::Partner } else { Who::Client };
    let to = MACHINE.next_by(from, event, who)?;
    if to == State::Accepted && row.get("has_conflict") {
        return Err(ParticipantError::Conflict);
    }
    tx.execute(ANSWER, &[&appointment.id, &user, &to.as_str(), &note, &now]).await?;
    let mut facts = facts(appointment);
    facts.person = row.get("name");
    facts.reason = to.as_str().to_owned();
    let people = agenda_people(tx, appointment.notary_id).await?;
    let told = people.into_iter().filter(|person| *person != user).map(|person| Told {
        user: person,
        kind: Kind::AppointmentChanged,
        facts: facts.clone(),
        appointment: Some(appointment.id),
        act: None,
    });
    Ok(Some(told.collect()))
}
