//! What the office writes down or moves, and the waiting room.

use jiff::Timestamp;

use super::{
    appointment::{Appointment, Mode},
    decisions::{DecisionError, everybody, facts},
    papers,
};
use crate::{
    db::{DbError, Tx},
    ids::UserId,
    notary::notifications::{Kind, Told},
};

/// Changes to an appointment; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// From and until.
    pub time: Option<(Timestamp, Timestamp)>,
    /// In a few words.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Where; empty: in the office.
    pub location: Option<String>,
    /// Where to meet by video; empty: nowhere.
    pub meeting_url: Option<String>,
    /// How people meet.
    pub modes: Option<Vec<Mode>>,
    /// What the office notes for itself.
    pub office_note: Option<String>,
    /// Hours before which people are reminded; 0: never.
    pub reminder_hours: Option<i16>,
    /// The type of act, of the catalogue.
    pub act_type: Option<String>,
}

/// Changes a locked appointment that has not ended. Who is concerned by a new time or place is told, and asked again whether
/// they come; nobody is reminded of the old time.
pub async fn change(
    tx: &mut Tx,
    appointment: &Appointment,
    changes: &Changes,
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, DecisionError> {
    const CHANGE: &str = "-- notary.changes.change
        UPDATE appointment SET
            during = CASE WHEN $2::timestamptz IS NULL THEN during ELSE tstzrange($2, $3) END,
            reminded_at = CASE WHEN $2::timestamptz IS NULL THEN reminded_at END,
            title = coalesce($4, title), description = coalesce($5, description),
            location = CASE WHEN $6::text IS NULL THEN location ELSE nullif($6, '') END,
            meeting_url = CASE WHEN $7::text IS NULL THEN meeting_url ELSE nullif($7, '') END,
            modes = coalesce($8, modes), office_note = coalesce($9, office_note),
            reminder_hours = coalesce($10, reminder_hours), sequence = sequence + 1, version = version + 1,
            updated_at = $11
        WHERE id = $1";
    const ASK_AGAIN: &str = "-- notary.changes.ask_again
        UPDATE participant SET status = 'waiting', answered_at = NULL
        WHERE appointment_id = $1 AND role <> 'requester' AND status <> 'waiting'";
    let Changes {
        time,
        title,
        description,
        location,
        meeting_url,
        modes,
        office_note,
        reminder_hours,
        act_type,
    } = changes;
    let (from, until) = time.map_or((None, None), |(from, until)| (Some(from), Some(until)));
    let modes: Option<Vec<&str>> =
        modes.as_ref().map(|modes| modes.iter().map(|mode| mode.as_str()).collect());
    let args: [&(dyn postgres_types::ToSql + Sync); 11] = [
        &appointment.id,
        &from,
        &until,
        title,
        description,
        location,
        meeting_url,
        &modes,
        office_note,
        reminder_hours,
        &now,
    ];
    match tx.execute(CHANGE, &args).await {
        Err(error) if error.constraint() == Some("appointment_no_overlap") => {
            return Err(DecisionError::Overlaps);
        }
        changed => changed?,
    };
    let mut told = match act_type {
        Some(act_type) => papers::retype(tx, appointment, act_type, now).await?,
        None => Vec::new(),
    };
    if time.is_some() {
        tx.execute(ASK_AGAIN, &[&appointment.id]).await?;
    }
    if time.is_none() && location.is_none() && meeting_url.is_none() {
        return Ok(told);
    }
    let mut facts = facts(appointment);
    facts.starts_at = from.or(facts.starts_at);
    told.extend(everybody(tx, appointment, Kind::AppointmentChanged, Some(by), &facts).await?);
    Ok(told)
}

/// Lets the client in from the waiting room, or turns them away; either takes the other back.
pub async fn admit(
    tx: &mut Tx,
    appointment: &Appointment,
    is_admitted: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    const ADMIT: &str = "-- notary.changes.admit
        UPDATE appointment SET admitted_at = CASE WHEN $2 THEN $3::timestamptz END,
            turned_away_at = CASE WHEN $2 THEN NULL ELSE $3::timestamptz END, version = version + 1, updated_at = $3
        WHERE id = $1";
    tx.execute(ADMIT, &[&appointment.id, &is_admitted, &now]).await?;
    Ok(())
}
