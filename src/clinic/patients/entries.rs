//! What must hold before anything is uploaded, analysed or reported about a patient. Whatever writes such things calls
//! [`admit`] in its transaction, and its jobs call [`still_admitted`] in theirs.
//!
//! Both lock the record: consent that is taken back before is seen, and who takes it back waits for what is being written.

use jiff::Timestamp;

use super::content::Patient;
use crate::{
    clinic::staff::Permission,
    db::{DbError, Tx},
    ids::{PatientId, UserId},
};

/// Why nothing is written about a patient.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is none, for this person and this permission.
    #[error("there is no such patient")]
    NoSuchPatient,
    /// Its things are another record's.
    #[error("this record was merged into another")]
    Merged(PatientId),
    /// There is nobody any more.
    #[error("the patient was made anonymous")]
    Anonymised,
    /// It must be taken out of the archive first.
    #[error("the record is archived")]
    Archived,
    /// The patient has not agreed, or has taken it back.
    #[error("the patient has not consented to the processing of health data: write the consent down first")]
    ConsentMissing,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Refused {
    /// What programs are told.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchPatient => "not_found",
            Self::Merged(_) => "merged_into",
            Self::Anonymised => "anonymised",
            Self::Archived => "archived",
            Self::ConsentMissing => "consent_missing",
            Self::Db(_) => "database",
        }
    }
}

/// Whether a record can be written to at all.
pub fn open(patient: &Patient) -> Result<(), Refused> {
    if let Some(target) = patient.merged_into {
        return Err(Refused::Merged(target));
    }
    if patient.anonymised_at.is_some() {
        return Err(Refused::Anonymised);
    }
    if patient.archived_at.is_some() {
        return Err(Refused::Archived);
    }
    Ok(())
}

/// Lets somebody write about a patient, who has consented: the record is locked, and kept anew from now on. What is written
/// must be something that `permission` allows.
pub async fn admit(
    tx: &mut Tx,
    (user, permission): (UserId, Permission),
    id: PatientId,
    now: Timestamp,
) -> Result<Patient, Refused> {
    const ADMIT: &str = concat!(
        "-- clinic.entries.admit
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic_as!("$3", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    let row = tx.query_opt(ADMIT, &[&user, &id, &permission.as_str()]).await?;
    let patient = Patient::from_row(&row.ok_or(Refused::NoSuchPatient)?);
    consented(&patient)?;
    touch(tx, id, now).await?;
    Ok(patient)
}

/// Lets somebody take something away from a record that is open, also without consent: it is locked.
pub async fn lock_open(
    tx: &mut Tx,
    (user, permission): (UserId, Permission),
    id: PatientId,
) -> Result<Patient, Refused> {
    const LOCK: &str = concat!(
        "-- clinic.entries.lock_open
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic_as!("$3", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    let row = tx.query_opt(LOCK, &[&user, &id, &permission.as_str()]).await?;
    let patient = Patient::from_row(&row.ok_or(Refused::NoSuchPatient)?);
    open(&patient)?;
    Ok(patient)
}

/// Records that somebody may write to in some way, locked in the order of their ids, so that two who lock many never wait for each
/// other in a circle. Whether they are open and have consented is asked of each; those that are written to are [`touch_each`]ed.
pub async fn lock_each(
    tx: &mut Tx,
    (user, permission): (UserId, Permission),
    ids: &[PatientId],
) -> Result<Vec<Patient>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.entries.lock_each
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = ANY ($2) AND ",
        at_clinic_as!("$3", "p.clinic_id", "$1"),
        " ORDER BY p.id FOR NO KEY UPDATE OF p"
    );
    let rows = tx.query(LOCK, &[&user, &ids, &permission.as_str()]).await?;
    Ok(rows.iter().map(Patient::from_row).collect())
}

/// Records are kept anew from now on: something is written about them.
pub async fn touch_each(tx: &mut Tx, ids: &[PatientId], now: Timestamp) -> Result<(), DbError> {
    const TOUCH: &str = "-- clinic.entries.touch_each
        UPDATE patient SET last_entry_at = greatest(last_entry_at, $2) WHERE id = ANY ($1)";
    tx.execute(TOUCH, &[&ids, &now]).await?;
    Ok(())
}

/// Lets a job go on that somebody was admitted to begin; the id may have been merged into another since, which is given back.
pub async fn still_admitted(tx: &mut Tx, id: PatientId, now: Timestamp) -> Result<Patient, Refused> {
    let patient = still_open(tx, id).await?;
    touch(tx, patient.id, now).await?;
    Ok(patient)
}

/// The same for what was accepted before and is to be kept: the record may have been archived since, which is given back.
pub async fn still_kept(tx: &mut Tx, id: PatientId) -> Result<Patient, Refused> {
    let patient = still_there(tx, id).await?;
    match open(&patient) {
        Ok(()) | Err(Refused::Archived) => {}
        Err(refused) => return Err(refused),
    }
    if patient.consented_at.is_some() { Ok(patient) } else { Err(Refused::ConsentMissing) }
}

/// The same for a job that writes nothing down: what it computes does not keep the record any longer.
pub async fn still_open(tx: &mut Tx, id: PatientId) -> Result<Patient, Refused> {
    let patient = still_there(tx, id).await?;
    consented(&patient)?;
    Ok(patient)
}

/// The record, or that into which it was merged, locked.
async fn still_there(tx: &mut Tx, id: PatientId) -> Result<Patient, Refused> {
    const STILL: &str = concat!(
        "-- clinic.entries.still_there
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = (SELECT coalesce(o.merged_into, o.id) FROM patient AS o WHERE o.id = $1)
        FOR NO KEY UPDATE OF p"
    );
    let row = tx.query_opt(STILL, &[&id]).await?;
    Ok(Patient::from_row(&row.ok_or(Refused::NoSuchPatient)?))
}

/// Whether something may be written about a patient: the record is open, and there is consent.
pub fn consented(patient: &Patient) -> Result<(), Refused> {
    open(patient)?;
    if patient.consented_at.is_some() { Ok(()) } else { Err(Refused::ConsentMissing) }
}

async fn touch(tx: &mut Tx, id: PatientId, now: Timestamp) -> Result<(), DbError> {
    const TOUCH: &str = "-- clinic.entries.touch
        UPDATE patient SET last_entry_at = greatest(last_entry_at, $2) WHERE id = $1";
    tx.execute(TOUCH, &[&id, &now]).await?;
    Ok(())
}
