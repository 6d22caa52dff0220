//! Appointments as calendar entries, for those who see them. The format: [`crate::calendar`].
//!
//! Calendars are shared and kept by others: what the office notes, and what the matter is about, is not in them.

use jiff::Timestamp;

use super::appointment::{Appointment, Mode, Reader, appointment_columns, find};
use crate::{
    args,
    calendar::{Entry, Status, When, calendar, uid},
    db::{Db, DbError},
    ids::{AppointmentId, UserId},
    mail::Language,
    notary::rules::machine::appointment::State,
};

/// Appointments in one calendar: more than an office has in a season.
const APPOINTMENTS_MAX: i64 = 2000;

/// The calendar of one appointment, if this person sees it.
pub async fn of_appointment(
    db: &Db,
    reader: Reader,
    language: Language,
    id: AppointmentId,
    base: &str,
) -> Result<Option<String>, DbError> {
    let found = find(db, reader, id).await?;
    Ok(found.map(|found| {
        let entry = entry(&found, language, base);
        calendar(&entry.summary.clone(), &[entry])
    }))
}

/// Everything where the person is expected: own appointments and invitations that end after `since`, and the agenda of the
/// office one manages, after `agenda_since`.
pub async fn of_person(
    db: &Db,
    (user, language): (UserId, Language),
    (since, agenda_since): (Timestamp, Timestamp),
    base: &str,
) -> Result<Vec<Entry>, DbError> {
    const OF_PERSON: &str = concat!(
        "-- notary.calendar.of_person
        WITH mine AS (
            SELECT a.id FROM appointment a WHERE a.client_id = $1 AND upper(a.during) > $3
            UNION SELECT a.id FROM participant p JOIN appointment a ON a.id = p.appointment_id
            WHERE p.user_id = $1 AND upper(a.during) > $3
            UNION SELECT a.id FROM appointment a WHERE upper(a.during) > $4 AND ",
        staffed!("manage_agenda", "a.notary_id", "$1"),
        ")
        SELECT ",
        appointment_columns!("$1", "$2"),
        " FROM mine JOIN appointment a ON a.id = mine.id JOIN notary n ON n.id = a.notary_id
        JOIN users c ON c.id = a.client_id ORDER BY lower(a.during) DESC, a.id DESC LIMIT $5"
    );
    let args = args![user, false, since, agenda_since, APPOINTMENTS_MAX];
    let rows = db.read(OF_PERSON, args).await?;
    Ok(rows.iter().map(|row| entry(&Appointment::from_row(row), language, base)).collect())
}

fn entry(appointment: &Appointment, language: Language, base: &str) -> Entry {
    let status = match appointment.status {
        State::Provisional => Status::Tentative,
        State::Rejected | State::Cancelled | State::Expired => Status::Cancelled,
        _ => Status::Confirmed,
    };
    // The office reads whom it meets, everybody else where.
    let with =
        if appointment.standing.is_office() { &appointment.client_name } else { &appointment.office_name };
    let what = match language {
        Language::It => "Appuntamento",
        Language::En => "Appointment",
    };
    let by_phone = match language {
        Language::It => "Telefono",
        Language::En => "Telephone",
    };
    let is = |mode| appointment.modes.contains(&mode);
    let place = if let Some(place) = &appointment.location {
        place.clone()
    } else if let Some(url) = &appointment.meeting_url {
        url.clone()
    } else if is(Mode::Phone) && !is(Mode::InPerson) {
        by_phone.to_owned()
    } else {
        appointment.office_name.clone()
    };
    Entry {
        uid: uid(appointment.id),
        sequence: i64::from(appointment.sequence),
        changed_at: appointment.updated_at,
        when: When::Between(appointment.starts_at, appointment.ends_at),
        status,
        summary: format!("{what}: {with}"),
        location: place,
        description: None,
        url: Some(format!("{base}/api/v1/appointments/{}", appointment.id)),
    }
}
