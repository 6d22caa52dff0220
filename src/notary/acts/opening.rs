//! Opening a case: from an appointment that has come so far, or by the office for somebody who is known by their address.

use jiff::Timestamp;

use super::transitions::{ActError, act_people};
use crate::{
    db::Tx,
    ids::{ActId, AppointmentId, NotaryId, UserId},
    notary::{
        notifications::{Facts, Kind, Told},
        rules::machine::{Name as _, act::MACHINE},
    },
};

/// Whose case it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// That of an appointment; the type of act may be the appointment's.
    Appointment(AppointmentId),
    /// A person's.
    Client(UserId),
}

/// A case to be opened.
#[derive(Debug, Clone)]
pub struct NewAct {
    /// Whose it is.
    pub of: Of,
    /// The type of act, if the appointment does not say it.
    pub act_type: Option<String>,
    /// In a few words; the name of the type if there are none.
    pub title: String,
    /// What it is about.
    pub description: String,
}

/// Opens a case for an office; the client is told.
pub async fn open(
    tx: &mut Tx,
    (id, office): (ActId, NotaryId),
    new: &NewAct,
    by: UserId,
    now: Timestamp,
) -> Result<Vec<Told>, ActError> {
    const MAY: &str = concat!(
        "-- notary.acts.may_open\nSELECT n.user_id, n.office_name, ",
        staffed!("manage_acts", "n.id", "$2"),
        " AS may FROM notary n WHERE n.id = $1"
    );
    const OPEN: &str = "-- notary.acts.open
        INSERT INTO act (id, notary_id, client_id, appointment_id, act_type, status, title, description, created_at, updated_at)
        SELECT $1, $2, $3, $4, t.code, $5, coalesce(nullif($6, ''), t.name_it), $7, $8, $8
        FROM act_type t WHERE t.code = $9 AND t.is_active RETURNING title";
    let row = tx.query_opt(MAY, &[&office, &by]).await?.filter(|row| row.get("may"));
    let Some(row) = row else { return Err(ActError::NotPermitted) };
    let (client, appointment, act_type) = match new.of {
        Of::Client(client) => (client, None, new.act_type.clone()),
        Of::Appointment(appointment) => {
            let (client, act_type) = of_appointment(tx, office, appointment).await?;
            (client, Some(appointment), new.act_type.clone().or(act_type))
        }
    };
    if row.get::<_, UserId>("user_id") == client {
        return Err(ActError::OwnOffice);
    }
    let act_type = act_type.ok_or(ActError::NoSuchType)?;
    let status = MACHINE.start.as_str();
    let args: [&(dyn postgres_types::ToSql + Sync); 9] =
        [&id, &office, &client, &appointment, &status, &new.title, &new.description, &now, &act_type];
    let opened = match tx.query_opt(OPEN, &args).await {
        Err(error) if error.constraint() == Some("act_appointment_once") => return Err(ActError::Twice),
        opened => opened?.ok_or(ActError::NoSuchType)?,
    };
    let facts = Facts { office: row.get("office_name"), act: opened.get("title"), ..Facts::default() };
    let mut people = act_people(tx, office).await?;
    people.push(client);
    Ok(told(people, by, Kind::ActCreated, &facts, id))
}

/// Everybody but who has done it, each once.
pub(super) fn told(mut people: Vec<UserId>, by: UserId, kind: Kind, facts: &Facts, act: ActId) -> Vec<Told> {
    people.sort_unstable();
    people.dedup();
    let people = people.into_iter().filter(|person| *person != by);
    people.map(|user| Told { user, kind, facts: facts.clone(), appointment: None, act: Some(act) }).collect()
}

async fn of_appointment(
    tx: &mut Tx,
    office: NotaryId,
    id: AppointmentId,
) -> Result<(UserId, Option<String>), ActError> {
    const LOOK: &str = "-- notary.acts.look_at_appointment
        SELECT client_id, act_type, status IN ('ready', 'in_progress', 'completed') AS is_far FROM appointment
        WHERE id = $1 AND notary_id = $2 FOR NO KEY UPDATE";
    let row = tx.query_opt(LOOK, &[&id, &office]).await?.ok_or(ActError::NoSuchAppointment)?;
    if !row.get::<_, bool>("is_far") {
        return Err(ActError::NotReady);
    }
    Ok((row.get("client_id"), row.get("act_type")))
}
