//! What becomes of an appointment: somebody who may do so decides, or time does.
//!
//! Every function here takes an appointment that [`super::appointment::lock`] has locked, and asks the state machine.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    appointment::{Appointment, time_zone},
    papers,
};
use crate::{
    db::{DbError, Tx},
    ids::{AppointmentId, UserId},
    notary::{
        notifications::{Facts, Kind, Told, agenda_people},
        rules::machine::{
            Forbidden, Name as _,
            appointment::{Event, State},
        },
    },
};

/// Requests that expire in one transaction.
pub const BATCH: i64 = 100;

/// Why something is not decided so.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The state machine says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Somebody else has the time.
    #[error("another appointment takes this time: reject the request, or move the other one first")]
    Overlaps,
    /// It has begun already.
    #[error("the time of this appointment has come: it cannot be confirmed any more")]
    Over,
    /// An act needs documents that are not all accepted.
    #[error("mandatory documents are missing or were refused: {0}")]
    Papers(String),
    /// The type of act says which documents are needed.
    #[error("documents were handed in for this type of act: it stays")]
    HandedIn,
    /// The catalogue does not know it.
    #[error("there is no such type of act")]
    NoSuchActType,
    /// What was opened for documents is not ready without any.
    #[error("this type of act needs no documents: ask for one by hand, or make another appointment")]
    NeedsNone,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<tokio_postgres::Error> for DecisionError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// What an appointment says of itself in notifications.
pub fn facts(appointment: &Appointment) -> Facts {
    Facts {
        office: appointment.office_name.clone(),
        person: appointment.client_name.clone(),
        starts_at: Some(appointment.starts_at),
        time_zone: appointment.time_zone.clone(),
        reason: appointment.reason.clone().unwrap_or_default(),
        ..Facts::default()
    }
}

fn about(appointment: &Appointment, user: UserId, kind: Kind, facts: Facts) -> Told {
    Told { user, kind, facts, appointment: Some(appointment.id), act: None }
}

/// Tells everybody who takes part, but not who has done it.
pub(super) async fn everybody(
    tx: &mut Tx,
    appointment: &Appointment,
    kind: Kind,
    but: Option<UserId>,
    facts: &Facts,
) -> Result<Vec<Told>, DbError> {
    const PEOPLE: &str = "-- notary.decisions.people
        SELECT user_id FROM participant WHERE appointment_id = $1 AND status <> 'declined'";
    let mut people: Vec<UserId> =
        tx.query(PEOPLE, &[&appointment.id]).await?.iter().map(|row| row.get("user_id")).collect();
    people.push(appointment.client_id);
    people.extend(agenda_people(tx, appointment.notary_id).await?);
    people.sort_unstable();
    people.dedup();
    let people = people.into_iter().filter(|person| Some(*person) != but);
    Ok(people.map(|person| about(appointment, person, kind, facts.clone())).collect())
}

/// Confirms a request: it takes its slot, the requests that overlap lose, and the documents that its act needs are listed.
/// Everybody is told.
pub async fn confirm(
    tx: &mut Tx,
    appointment: &Appointment,
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, DecisionError> {
    const CONFIRM: &str = "-- notary.decisions.confirm
        WITH confirmed AS (
            UPDATE appointment SET status = 'confirmed', decided_by = $2, decided_at = $3, sequence = sequence + 1,
                version = version + 1, updated_at = $3
            WHERE id = $1 AND status = 'provisional' RETURNING id, notary_id, during
        )
        UPDATE appointment l SET status = 'rejected', reason = $4, decided_by = $2, decided_at = $3, ended_at = $3,
            sequence = l.sequence + 1, version = l.version + 1, updated_at = $3
        FROM confirmed w JOIN notary n ON n.id = w.notary_id, users c
        WHERE l.notary_id = w.notary_id AND l.id <> w.id AND l.status = 'provisional' AND l.during && w.during
          AND c.id = l.client_id
        RETURNING l.id, l.client_id, c.name AS client_name, lower(l.during) AS starts_at, n.office_name, n.country,
            l.reason";
    appointment.next(Event::Confirm)?;
    if appointment.starts_at <= now {
        return Err(DecisionError::Over);
    }
    let lost = match tx.query(CONFIRM, &[&appointment.id, &by, &now, &LOST]).await {
        Err(error) if error.constraint() == Some("appointment_no_overlap") => {
            return Err(DecisionError::Overlaps);
        }
        lost => lost?,
    };
    let mut told: Vec<Told> = lost.iter().map(rejected).collect();
    let confirmed = facts(appointment);
    told.extend(everybody(tx, appointment, Kind::AppointmentConfirmed, Some(by), &confirmed).await?);
    told.extend(papers::open(tx, appointment, now).await?);
    Ok(told)
}

/// Why a request lost; put into the reader's words by the text of the notification.
const LOST: &str = "slot_taken";

fn rejected(row: &Row) -> Told {
    let facts = Facts {
        office: row.get("office_name"),
        person: row.get("client_name"),
        starts_at: row.get("starts_at"),
        time_zone: time_zone(row.get("country")).to_owned(),
        reason: row.get::<_, Option<String>>("reason").unwrap_or_default(),
        ..Facts::default()
    };
    Told {
        user: row.get("client_id"),
        kind: Kind::AppointmentRejected,
        facts,
        appointment: Some(row.get("id")),
        act: None,
    }
}

/// Anything but confirming: where the event leads, with a reason where one is given. Those whom it concerns are told.
pub async fn apply(
    tx: &mut Tx,
    appointment: &Appointment,
    (event, reason): (Event, Option<&str>),
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, DecisionError> {
    let to = appointment.next(event)?;
    if event == Event::MakeReady {
        papers::all_accepted(tx, appointment.id).await?.map_err(DecisionError::Papers)?;
    }
    step(tx, appointment.id, (appointment.status, to), reason, Some(by), now).await?;
    let mut facts = facts(appointment);
    facts.reason = reason.unwrap_or_default().to_owned();
    let kind = match event {
        Event::Reject => Kind::AppointmentRejected,
        Event::Cancel => Kind::AppointmentCancelled,
        _ => return Ok(Vec::new()),
    };
    if matches!(event, Event::Reject | Event::Cancel) {
        papers::let_go(tx, appointment.id).await?;
    }
    Ok(everybody(tx, appointment, kind, Some(by), &facts).await?)
}

/// Moves an appointment from one state to another. The state machine was asked by the caller.
pub(super) async fn step(
    tx: &mut Tx,
    id: AppointmentId,
    (from, to): (State, State),
    reason: Option<&str>,
    by: Option<UserId>,
    now: Timestamp,
) -> Result<(), DbError> {
    const STEP: &str = "-- notary.decisions.step
        UPDATE appointment SET status = $3, reason = coalesce($4, reason), decided_by = coalesce($5, decided_by),
            decided_at = CASE WHEN $5::uuid IS NULL THEN decided_at ELSE $6 END,
            ended_at = CASE WHEN $3 IN ('completed', 'rejected', 'cancelled', 'expired') THEN $6::timestamptz END,
            sequence = sequence + 1, version = version + 1, updated_at = $6
        WHERE id = $1 AND status = $2";
    let moved = tx.execute(STEP, &[&id, &from.as_str(), &to.as_str(), &reason, &by, &now]).await?;
    debug_assert_eq!(moved, 1, "the row is locked");
    Ok(())
}

/// Ends requests that nobody has answered in time, at most [`BATCH`]. Who asked is told.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<Vec<Told>, DbError> {
    const EXPIRE: &str = "-- notary.decisions.expire
        WITH due AS (
            SELECT id FROM appointment WHERE status = 'provisional' AND answer_by <= $1
            ORDER BY answer_by LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE appointment l SET status = 'expired', reason = $3, ended_at = $1, sequence = l.sequence + 1,
            version = l.version + 1, updated_at = $1
        FROM due, notary n, users c
        WHERE l.id = due.id AND n.id = l.notary_id AND c.id = l.client_id
        RETURNING l.id, l.client_id, c.name AS client_name, lower(l.during) AS starts_at, n.office_name, n.country,
            l.reason";
    const UNANSWERED: &str = "unanswered";
    Ok(tx.query(EXPIRE, &[&now, &BATCH, &UNANSWERED]).await?.iter().map(rejected).collect())
}

/// Marks appointments whose reminder is due, at most [`BATCH`], and says whom to remind.
pub async fn remind(tx: &mut Tx, now: Timestamp) -> Result<(usize, Vec<Told>), DbError> {
    const REMIND: &str = "-- notary.decisions.remind
        WITH due AS (
            SELECT id FROM appointment
            WHERE reminded_at IS NULL AND reminder_hours > 0
              AND status IN ('confirmed', 'documents_open', 'documents_review', 'documents_partial', 'documents_accepted',
                'ready')
              AND lower(during) > $1 AND lower(during) <= $1 + interval '336 hours'
              AND lower(during) <= $1 + make_interval(hours => reminder_hours)
            ORDER BY lower(during) LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
        ), marked AS (
            UPDATE appointment a SET reminded_at = $1, updated_at = $1 FROM due WHERE a.id = due.id
            RETURNING a.id, a.notary_id, a.client_id, lower(a.during) AS starts_at
        )
        SELECT m.id, m.starts_at, n.office_name, n.country, c.name AS client_name, array(
            SELECT p.user_id FROM participant p WHERE p.appointment_id = m.id AND p.status <> 'declined'
            UNION SELECT n.user_id UNION SELECT m.client_id) AS people
        FROM marked m JOIN notary n ON n.id = m.notary_id JOIN users c ON c.id = m.client_id";
    let rows = tx.query(REMIND, &[&now, &BATCH]).await?;
    let told = rows.iter().flat_map(|row| {
        let facts = Facts {
            office: row.get("office_name"),
            person: row.get("client_name"),
            starts_at: row.get("starts_at"),
            time_zone: time_zone(row.get("country")).to_owned(),
            ..Facts::default()
        };
        let (id, people): (AppointmentId, Vec<UserId>) = (row.get("id"), row.get("people"));
        people.into_iter().map(move |user| Told {
            user,
            kind: Kind::AppointmentReminder,
            facts: facts.clone(),
            appointment: Some(id),
            act: None,
        })
    });
    Ok((rows.len(), told.collect()))
}
