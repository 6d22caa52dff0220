//! A patient: registered, found, changed, archived.

use jiff::Timestamp;
use postgres_types::Json;

use super::{
    content::{Content, Patient},
    duplicates::{self, Duplicate},
};
use crate::{
    args,
    clinic::rules::patient::{duplicates::name_key, mrn::Mrn},
    db::{Db, DbError, Tx},
    ids::{ClinicId, PatientId, UserId},
};

/// Numbers that are tried for a record without one, of 31⁷ · 8: two are equal once in a lifetime of a clinic.
const TRIES: usize = 3;

/// What of a patient is compared with other patients of the clinic: whoever changes it locks the clinic first, then the record.
pub const WITH_OTHERS: &[&str] = &["first_name", "last_name", "born_on", "fiscal_code", "partner_patient_id"];

/// Why a patient is not written down.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is nobody's clinic, or not theirs to write any more.
    #[error("you may not write down patients here any more")]
    NotAllowed,
    /// The number is somebody else's in this clinic.
    #[error("another patient of this clinic has this medical record number")]
    MrnTaken,
    /// No patient of this clinic.
    #[error("there is no such patient in this clinic")]
    UnknownPartner,
    /// Who is there already.
    #[error(
        "this is probably a patient of this clinic already: look, and say \"is_distinct\": true if it is not"
    )]
    LikelyDuplicate(Vec<Duplicate>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl WriteError {
    fn of(error: DbError) -> Self {
        match error.constraint() {
            Some("patient_mrn_unique") => Self::MrnTaken,
            Some("patient_partner" | "patient_partner_other") => Self::UnknownPartner,
            _ => Self::Db(error),
        }
    }
}

/// Locks the clinic where `user` may write patients until the transaction ends, before any record of it: who becomes somebody
/// else does so one after the other, so that whoever is written down at the same moment is seen.
pub async fn lock_clinic(tx: &mut Tx, user: UserId) -> Result<Option<ClinicId>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.patients.lock_clinic
        SELECT c.id FROM clinic AS c WHERE ",
        at_clinic!("write_patients", "c.id", "$1"),
        " FOR NO KEY UPDATE OF c"
    );
    Ok(tx.query_opt(LOCK, &[&user]).await?.map(|row| row.get("id")))
}

/// Registers a patient in the clinic of `user`. Of many who register the same person at once, one does.
pub async fn create(
    tx: &mut Tx,
    user: UserId,
    content: &Content,
    now: Timestamp,
) -> Result<Patient, WriteError> {
    const CREATE: &str = concat!(
        "-- clinic.patients.create
        INSERT INTO patient AS p (id, clinic_id, name_key, last_entry_at, created_at, updated_at, ",
        patient_content!(),
        ") SELECT $1, $2, $3, $5, $5, $5, ",
        patient_content!(),
        " FROM jsonb_populate_record(NULL::patient, $4)
        ON CONFLICT ON CONSTRAINT patient_mrn_unique DO NOTHING RETURNING ",
        patient_columns!()
    );
    let clinic = lock_clinic(tx, user).await?.ok_or(WriteError::NotAllowed)?;
    look_for_duplicates(tx, clinic, None, content).await?;
    look_for_partner(tx, clinic, content).await?;
    let key = name_key(&content.first_name, &content.last_name);
    let mut content = content.clone();
    let is_given = content.medical_record_number.is_none();
    for _ in 0..if is_given { TRIES } else { 1 } {
        let id = PatientId::new(now);
        if is_given {
            content.medical_record_number = Some(Mrn::given(id.0.as_u64_pair().1).to_string());
        }
        let row = tx.query_opt(CREATE, &[&id, &clinic, &key, &Json(&content), &now]).await;
        if let Some(row) = row.map_err(WriteError::of)? {
            return Ok(Patient::from_row(&row));
        }
    }
    Err(WriteError::MrnTaken)
}

async fn look_for_duplicates(
    tx: &mut Tx,
    clinic: ClinicId,
    but: Option<PatientId>,
    content: &Content,
) -> Result<(), WriteError> {
    if content.is_distinct {
        return Ok(());
    }
    let found = duplicates::likely(tx, clinic, but, content).await?;
    if found.is_empty() { Ok(()) } else { Err(WriteError::LikelyDuplicate(found)) }
}

/// A partner is a record of somebody: none that leads to another one, and none without a person. In a locked clinic, so that it
/// stays one.
async fn look_for_partner(tx: &mut Tx, clinic: ClinicId, content: &Content) -> Result<(), WriteError> {
    const PARTNER: &str = "-- clinic.patients.partner
        SELECT FROM patient AS p
        WHERE p.clinic_id = $1 AND p.id = $2 AND p.merged_into IS NULL AND p.anonymised_at IS NULL";
    let Some(partner) = content.partner_patient_id else { return Ok(()) };
    tx.query_opt(PARTNER, &[&clinic, &partner]).await?.map(|_| ()).ok_or(WriteError::UnknownPartner)
}

/// A patient, for who may read them; also one that was merged into another.
pub async fn find(db: &Db, user: UserId, id: PatientId) -> Result<Option<Patient>, DbError> {
    const FIND: &str = concat!(
        "-- clinic.patients.find
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic!("read_patients", "p.clinic_id", "$1")
    );
    Ok(db.read(FIND, args![user, id]).await?.first().map(Patient::from_row))
}

/// A patient, locked until the transaction ends, for who may write them; also one that is closed.
pub async fn lock(tx: &mut Tx, user: UserId, id: PatientId) -> Result<Option<Patient>, DbError> {
    const LOCK: &str = concat!(
        "-- clinic.patients.lock
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic!("write_patients", "p.clinic_id", "$1"),
        " FOR NO KEY UPDATE OF p"
    );
    Ok(tx.query_opt(LOCK, &[&user, &id]).await?.as_ref().map(Patient::from_row))
}

/// Replaces what is said of a locked patient. Who becomes like somebody else by it is looked for as at the beginning: if any of
/// [`WITH_OTHERS`] changes, the clinic is locked, too.
pub async fn change(
    tx: &mut Tx,
    locked: &Patient,
    content: &Content,
    now: Timestamp,
) -> Result<Patient, WriteError> {
    const CHANGE: &str = concat!(
        "-- clinic.patients.change
        UPDATE patient AS p SET (",
        patient_content!(),
        ") = (SELECT ",
        patient_content!(),
        " FROM jsonb_populate_record(NULL::patient, $2)), name_key = $3, version = p.version + 1, updated_at = $4,
            last_entry_at = $4
        WHERE p.id = $1 RETURNING ",
        patient_columns!()
    );
    let (old, new) = (&locked.content, content);
    let is_somebody_else = (&old.first_name, &old.last_name, old.born_on, &old.fiscal_code)
        != (&new.first_name, &new.last_name, new.born_on, &new.fiscal_code);
    if is_somebody_else {
        look_for_duplicates(tx, locked.clinic_id, Some(locked.id), content).await?;
    }
    if old.partner_patient_id != new.partner_patient_id {
        look_for_partner(tx, locked.clinic_id, content).await?;
    }
    let key = name_key(&content.first_name, &content.last_name);
    let row = tx.query_one(CHANGE, &[&locked.id, &Json(content), &key, &now]).await;
    Ok(Patient::from_row(&row.map_err(WriteError::of)?))
}

/// Archives a locked patient, or takes it out of the archive.
pub async fn archive(
    tx: &mut Tx,
    locked: &Patient,
    is_archived: bool,
    now: Timestamp,
) -> Result<Patient, DbError> {
    const ARCHIVE: &str = concat!(
        "-- clinic.patients.archive
        UPDATE patient AS p SET archived_at = CASE WHEN $2 THEN coalesce(p.archived_at, $3) END,
            version = p.version + 1, updated_at = $3
        WHERE p.id = $1 RETURNING ",
        patient_columns!()
    );
    Ok(Patient::from_row(&tx.query_one(ARCHIVE, &[&locked.id, &is_archived, &now]).await?))
}
