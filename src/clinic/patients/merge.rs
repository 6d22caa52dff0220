//! Two records of one patient are made one: the target takes everything of the source, and what it does not know itself.
//!
//! Invariants
//! - All of it is one transaction under the locks of both records, taken in the order of their ids: of two merges and a change
//!   at once each is done whole, or refused ([`MergeError::Merged`], a version that is old).
//! - The source stays as it was, leads to the target, and is never written to again. Records that were merged into it lead
//!   to the target from then on, so that one step always leads to where the things are.
//! - What was agreed to last, to whichever record, counts.
//! - There is no way back: records of people who are probably two are merged only if somebody says that they are one, and what
//!   contradicted it stays in the history.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{
    content::{Content, Lifestyle, NOTES_MAX, Patient, Sex},
    held::HELD,
};
use crate::{
    args,
    clinic::rules::patient::duplicates::have_common_name,
    db::{Db, DbError, Tx},
    ids::{PatientId, UserId},
};

/// A merge that was done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = PatientMerge)]
pub struct Merge {
    /// Its number.
    pub id: i64,
    /// The record that was merged.
    pub source_id: PatientId,
    /// Its medical record number.
    pub source_medical_record_number: String,
    /// What was noted in it.
    pub source_notes: String,
    /// Which of `sex`, `born_on` and `fiscal_code` the records said otherwise: somebody has said that they are one nevertheless.
    pub differed: Vec<String>,
    /// The sex that it says.
    pub source_sex: Sex,
    /// The day of birth that it says.
    #[schema(value_type = Option<String>, format = Date)]
    pub source_born_on: Option<Date>,
    /// The codice fiscale that it says.
    pub source_fiscal_code: Option<String>,
    /// The record that took its things, which may itself have been merged since.
    pub target_id: PatientId,
    /// What the target did not know and got.
    pub filled: Vec<String>,
    /// How many rows of what were moved.
    #[schema(value_type = Object)]
    pub moved: Value,
    /// Who did it.
    pub merged_by: UserId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub merged_at: Timestamp,
}

impl Merge {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            source_id: row.get("source_id"),
            source_medical_record_number: row.get("medical_record_number"),
            source_notes: row.get("notes"),
            differed: row.get("differed"),
            source_sex: row.get::<_, Json<Sex>>("sex").0,
            source_born_on: row.get("born_on"),
            source_fiscal_code: row.get("fiscal_code"),
            target_id: row.get("target_id"),
            filled: row.get("filled"),
            moved: row.get::<_, Json<Value>>("moved").0,
            merged_by: row.get("merged_by"),
            merged_at: row.get("merged_at"),
        }
    }
}

/// Why two records are not merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The target does not exist for this person.
    #[error("there is no such patient")]
    NoSuchPatient,
    /// The source does not exist for this person.
    #[error("there is no such patient in this clinic")]
    UnknownSource,
    /// They are one.
    #[error("a record cannot be merged into itself")]
    Same,
    /// Somebody was faster; the record that has the things now.
    #[error("one of them was merged into another record")]
    Merged(PatientId),
    /// There is nobody any more.
    #[error("one of them was made anonymous")]
    Anonymised,
    /// Nothing is written to the target.
    #[error("the record that is to be kept is archived")]
    Archived,
    /// What they say otherwise of the person.
    #[error(
        "these are probably two people: look, and say \"is_same_person\": true if they are one; there is no way back"
    )]
    LikelyDistinct(Vec<&'static str>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Locks two records of the clinic of `user`, who may merge them: the target, then the source.
pub async fn lock(
    tx: &mut Tx,
    user: UserId,
    (target, source): (PatientId, PatientId),
) -> Result<(Patient, Patient), MergeError> {
    // One after the other in each clinic: merging also writes to the partners of both.
    const CLINIC: &str = concat!(
        "-- clinic.merge.lock_clinic
        SELECT c.id FROM clinic AS c WHERE ",
        at_clinic!("merge_patients", "c.id", "$1"),
        " FOR NO KEY UPDATE OF c"
    );
    const LOCK: &str = concat!(
        "-- clinic.merge.lock
        SELECT ",
        patient_columns!(),
        " FROM patient AS p WHERE p.id IN ($2, $3) AND ",
        at_clinic!("merge_patients", "p.clinic_id", "$1"),
        " ORDER BY p.id FOR NO KEY UPDATE OF p"
    );
    tx.query_opt(CLINIC, &[&user]).await?.ok_or(MergeError::NoSuchPatient)?;
    let rows = tx.query(LOCK, &[&user, &target, &source]).await?;
    let mut found: Vec<Patient> = rows.iter().map(Patient::from_row).collect();
    let at = found.iter().position(|it| it.id == target).ok_or(MergeError::NoSuchPatient)?;
    let kept = found.remove(at);
    if target == source {
        return Err(MergeError::Same);
    }
    let gone = found.pop().ok_or(MergeError::UnknownSource)?;
    for patient in [&kept, &gone] {
        if let Some(into) = patient.merged_into {
            return Err(MergeError::Merged(into));
        }
        if patient.anonymised_at.is_some() {
            return Err(MergeError::Anonymised);
        }
    }
    if kept.archived_at.is_some() {
        return Err(MergeError::Archived);
    }
    Ok((kept, gone))
}

/// Which of what hardly ever changes of a person two records say otherwise: of first names, when no word is
/// common; a last name changes with marriage. Who has no fiscal code may have the other's.
fn differing(one: &Content, other: &Content) -> Vec<&'static str> {
    let codes = one.fiscal_code.as_ref().zip(other.fiscal_code.as_ref());
    [
        ("first_name", !have_common_name(&one.first_name, &other.first_name)),
        ("sex", one.sex != other.sex),
        ("born_on", one.born_on != other.born_on),
        ("fiscal_code", codes.is_some_and(|(one, other)| one != other)),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// Refuses to take the persons of two locked records for one when they are probably two, unless somebody has looked.
/// What the records say otherwise, for [`merge`].
pub fn same_person(
    (target, source): (&Patient, &Patient),
    has_looked: bool,
) -> Result<Vec<&'static str>, MergeError> {
    let differing = differing(&target.content, &source.content);
    if differing.is_empty() || has_looked {
        Ok(differing)
    } else {
        Err(MergeError::LikelyDistinct(differing))
    }
}

/// Merges the locked `source` into the locked `target`, and shows it as it is then; what [`same_person`] has found differing is
/// kept.
pub async fn merge(
    tx: &mut Tx,
    (target, source, differed): (&Patient, &Patient, &[&'static str]),
    user: UserId,
    now: Timestamp,
) -> Result<Patient, DbError> {
    const WRITE: &str = "-- clinic.merge.write
        INSERT INTO patient_merge (source_id, target_id, filled, moved, differed, merged_by, merged_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let mut moved = Map::new();
    for held in HELD {
        let Some(statement) = held.merge else { continue };
        let rows = tx.execute(statement, &[&target.id, &source.id]).await?;
        if rows > 0 {
            moved.insert(held.table.to_owned(), rows.into());
        }
    }
    point(tx, target.id, source.id, now).await?;
    let filled = filled(target, source);
    tx.execute(WRITE, &[&source.id, &target.id, &filled, &Json(&moved), &differed, &user, &now]).await?;
    take(tx, target, source, now).await
}

/// What leads to the source leads to the target from now on.
async fn point(tx: &mut Tx, target: PatientId, source: PatientId, now: Timestamp) -> Result<(), DbError> {
    const CLOSE: &str = "-- clinic.merge.close
        UPDATE patient SET merged_into = $1, version = version + 1, updated_at = $3
        WHERE id = $2 OR merged_into = $2";
    // Two records of one person may have been written down as each other's partners.
    const PARTNERS: &str = "-- clinic.merge.partners
        UPDATE patient AS p SET partner_patient_id = nullif($1, p.id), version = p.version + 1, updated_at = $3
        WHERE p.partner_patient_id = $2 AND p.merged_into IS NULL
          AND p.clinic_id = (SELECT c.clinic_id FROM patient AS c WHERE c.id = $2)";
    tx.execute(CLOSE, &[&target, &source, &now]).await?;
    tx.execute(PARTNERS, &[&target, &source, &now]).await?;
    Ok(())
}

/// The names of what the target does not know and the source does: the columns of [`take`].
fn filled(target: &Patient, source: &Patient) -> Vec<&'static str> {
    let (ours, theirs) = (&target.content, &source.content);
    let partner = theirs.partner_patient_id.filter(|it| *it != target.id);
    [
        ("fiscal_code", ours.fiscal_code.is_none() && theirs.fiscal_code.is_some()),
        ("email", ours.email.is_none() && theirs.email.is_some()),
        ("phone", ours.phone.is_none() && theirs.phone.is_some()),
        ("insurance", ours.insurance.is_none() && theirs.insurance.is_some()),
        ("referring_physician", ours.referring_physician.is_none() && theirs.referring_physician.is_some()),
        ("partner_patient_id", ours.partner_patient_id.is_none_or(|it| it == source.id) && partner.is_some()),
        ("lifestyle", lifestyle(ours.lifestyle, theirs.lifestyle) != ours.lifestyle),
        ("history", ours.history.with(&theirs.history) != ours.history),
        ("notes", notes(&ours.notes, &theirs.notes) != ours.notes),
    ]
    .into_iter()
    .filter_map(|(name, is_filled)| is_filled.then_some(name))
    .collect()
}

/// What is known of how somebody lives, from both records. How much is smoked is taken only with what it belongs to.
fn lifestyle(ours: Lifestyle, theirs: Lifestyle) -> Lifestyle {
    let is_silent = ours.smoking.is_none() && ours.cigarettes_per_day.is_none();
    let fits = is_silent || ours.smoking == theirs.smoking;
    Lifestyle {
        smoking: if is_silent { theirs.smoking } else { ours.smoking },
        cigarettes_per_day: ours.cigarettes_per_day.or(theirs.cigarettes_per_day.filter(|_| fits)),
        alcohol_units_per_week: ours.alcohol_units_per_week.or(theirs.alcohol_units_per_week),
        height_cm: ours.height_cm.or(theirs.height_cm),
        weight_kg: ours.weight_kg.or(theirs.weight_kg),
    }
}

/// The notes of both, as long as there is room; those of the source stay in the history of the merges.
fn notes(ours: &str, theirs: &str) -> String {
    if ours.is_empty() || theirs.is_empty() || ours.contains(theirs) {
        return if ours.is_empty() { theirs } else { ours }.to_owned();
    }
    let both = format!("{ours}\n\n{theirs}");
    if both.chars().count() <= NOTES_MAX { both } else { ours.to_owned() }
}

/// The target gets what it does not know, and the consent that was given or taken back last.
async fn take(tx: &mut Tx, target: &Patient, source: &Patient, now: Timestamp) -> Result<Patient, DbError> {
    const TAKE: &str = concat!(
        "-- clinic.merge.take
        UPDATE patient AS p SET fiscal_code = coalesce(p.fiscal_code, o.fiscal_code), email = coalesce(p.email, o.email),
            phone = coalesce(p.phone, o.phone), insurance = coalesce(p.insurance, o.insurance),
            referring_physician = coalesce(p.referring_physician, o.referring_physician),
            partner_patient_id = coalesce(p.partner_patient_id, nullif(o.partner_patient_id, p.id)),
            lifestyle = $4, notes = $5, history = $6,
            consented_at = (SELECT CASE WHEN c.is_given THEN c.at END FROM patient_consent AS c
                WHERE c.patient_id = $1 ORDER BY c.at DESC, c.id DESC LIMIT 1),
            last_entry_at = greatest(p.last_entry_at, o.last_entry_at, $3), version = p.version + 1, updated_at = $3
        FROM patient AS o WHERE p.id = $1 AND o.id = $2 RETURNING ",
        patient_columns!()
    );
    let (ours, theirs) = (&target.content, &source.content);
    let (lifestyle, notes) = (lifestyle(ours.lifestyle, theirs.lifestyle), notes(&ours.notes, &theirs.notes));
    let history = ours.history.with(&theirs.history);
    let (lifestyle, history) = (Json(lifestyle), Json(history));
    let row = tx.query_one(TAKE, &[&target.id, &source.id, &now, &lifestyle, &notes, &history]).await?;
    Ok(Patient::from_row(&row))
}

/// What was merged into a record, directly or before, newest first, from below `before` on.
pub async fn history(
    db: &Db,
    user: UserId,
    patient: PatientId,
    (before, limit): (Option<i64>, i64),
) -> Result<Vec<Merge>, DbError> {
    const HISTORY: &str = concat!(
        "-- clinic.merge.history
        SELECT m.id, m.source_id, o.medical_record_number, o.notes, to_jsonb(o.sex) AS sex, o.born_on, o.fiscal_code,
            m.target_id, m.filled, m.moved, m.differed, m.merged_by, m.merged_at
        FROM patient_merge AS m JOIN patient AS o ON o.id = m.source_id
        WHERE o.merged_into = $2 AND ",
        at_clinic!("read_patients", "o.clinic_id", "$1"),
        " AND ($3::bigint IS NULL OR m.id < $3) ORDER BY m.id DESC LIMIT $4"
    );
    let rows = db.read(HISTORY, args![user, patient, before, limit]).await?;
    Ok(rows.iter().map(Merge::from_row).collect())
}

#[cfg(test)]
mod tests {
    use super::{Lifestyle, NOTES_MAX, lifestyle, notes};
    use crate::clinic::patients::Smoking;

    #[test]
    fn lifestyles_are_joined_without_contradicting_themselves() {
        let smoker =
            |smoking, cigarettes_per_day| Lifestyle { smoking, cigarettes_per_day, ..Lifestyle::default() };
        let check = |ours: Lifestyle, theirs: Lifestyle, expected: Lifestyle| {
            assert_eq!(lifestyle(ours, theirs), expected, "{ours:?} and {theirs:?}");
        };
        let (never, current) = (Some(Smoking::Never), Some(Smoking::Current));
        check(smoker(None, None), smoker(current, Some(10)), smoker(current, Some(10)));
        check(smoker(never, None), smoker(current, Some(10)), smoker(never, None));
        check(smoker(current, None), smoker(current, Some(10)), smoker(current, Some(10)));
        check(smoker(None, Some(5)), smoker(never, None), smoker(None, Some(5)));
        let (tall, heavy) = (
            Lifestyle { height_cm: Some(170.0), weight_kg: Some(60.0), ..Lifestyle::default() },
            Lifestyle { weight_kg: Some(80.0), alcohol_units_per_week: Some(2.0), ..Lifestyle::default() },
        );
        check(tall, heavy, Lifestyle { alcohol_units_per_week: Some(2.0), ..tall });
    }

    #[test]
    fn notes_are_joined_while_there_is_room() {
        assert_eq!(notes("", "allergica"), "allergica");
        assert_eq!(notes("allergica", ""), "allergica");
        assert_eq!(notes("molto allergica", "allergica"), "molto allergica");
        assert_eq!(notes("astemia", "allergica"), "astemia\n\nallergica");
        let long = "è".repeat(NOTES_MAX - 10);
        assert_eq!(notes(&long, "allergica"), long);
    }
}
