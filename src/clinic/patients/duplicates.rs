//! Who is probably there already. The rule is [`crate::clinic::rules::patient::duplicates`]; here are those it is asked of:
//! who shares a fiscal code, a name or a day of birth within the clinic, each found by an index.

use jiff::civil::Date;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::content::{Content, Patient};
use crate::{
    args,
    clinic::rules::patient::duplicates::{Likeness, Person, likeness, name_key},
    db::{Db, DbError, Tx},
    ids::{ClinicId, PatientId, UserId},
    notary::rules::fiscal_code::FiscalCode,
};

/// Patients of a clinic with one name, or one day of birth, that are compared.
const CANDIDATES_MAX: i64 = 500;

/// Somebody who may be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PatientDuplicate)]
pub struct Duplicate {
    /// The patient.
    pub id: PatientId,
    /// The number of the record.
    pub medical_record_number: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The day of birth.
    #[schema(value_type = Option<String>, format = Date)]
    pub born_on: Option<Date>,
    /// What is alike, the surest first: `fiscal_code`, `name_and_birth`, `similar_name_and_birth`, `name_and_similar_birth`.
    #[schema(value_type = String)]
    pub likeness: &'static str,
}

/// Fiscal code `$3`, name `$4` and day of birth `$5` within the clinic `$1`, but for `$2`.
macro_rules! duplicate_candidates {
    () => {
        "SELECT p.id, p.medical_record_number, p.first_name, p.last_name, p.born_on, p.fiscal_code FROM patient AS p
        WHERE p.anonymised_at IS NULL AND p.id IS DISTINCT FROM $2 AND p.id IN (
            (SELECT f.id FROM patient AS f WHERE f.clinic_id = $1 AND f.fiscal_code = $3 AND f.merged_into IS NULL
             LIMIT $6)
            UNION ALL (SELECT n.id FROM patient AS n WHERE n.clinic_id = $1 AND n.name_key = $4
                AND n.merged_into IS NULL LIMIT $6)
            UNION ALL (SELECT b.id FROM patient AS b WHERE b.clinic_id = $1 AND b.born_on = $5
                AND b.merged_into IS NULL LIMIT $6))
        ORDER BY p.id"
    };
}

/// Those who are compared.
pub const CANDIDATES: &str = concat!("-- clinic.patients.duplicates\n", duplicate_candidates!());

/// Who is likely to be the same as somebody who is written down in a locked clinic.
pub async fn likely(
    tx: &mut Tx,
    clinic: ClinicId,
    but: Option<PatientId>,
    content: &Content,
) -> Result<Vec<Duplicate>, DbError> {
    let key = name_key(&content.first_name, &content.last_name);
    let rows = tx
        .query(CANDIDATES, &[&clinic, &but, &content.fiscal_code, &key, &content.born_on, &CANDIDATES_MAX])
        .await?;
    Ok(alike(&rows, content, Likeness::NameAndBirth))
}

/// Who may be the same as a patient, for who may read both; also those who are only nearly alike.
pub async fn of(db: &Db, user: UserId, patient: &Patient) -> Result<Vec<Duplicate>, DbError> {
    const OF: &str = concat!(
        "-- clinic.patients.duplicates_of
        WITH allowed AS (SELECT FROM patient AS a WHERE a.id = $2 AND ",
        at_clinic!("read_patients", "a.clinic_id", "$7"),
        ") SELECT d.* FROM allowed CROSS JOIN (",
        duplicate_candidates!(),
        ") AS d"
    );
    let content = &patient.content;
    let key = name_key(&content.first_name, &content.last_name);
    let (clinic, id) = (patient.clinic_id, Some(patient.id));
    let args = args![clinic, id, content.fiscal_code.clone(), key, content.born_on, CANDIDATES_MAX, user];
    Ok(alike(&db.read(OF, args).await?, content, Likeness::NameAndSimilarBirth))
}

/// Those of `rows` that are at least so much like somebody, the surest first.
fn alike(rows: &[Row], content: &Content, least: Likeness) -> Vec<Duplicate> {
    let Some(birth) = content.born_on else { return Vec::new() };
    let code = |text: Option<&str>| text.and_then(|text| text.parse::<FiscalCode>().ok());
    let ours = code(content.fiscal_code.as_deref());
    let (first_name, last_name) = (&*content.first_name, &*content.last_name);
    let one = Person { first_name, last_name, birth, fiscal_code: ours.as_ref() };
    let mut found: Vec<(Likeness, Duplicate)> = rows
        .iter()
        .filter_map(|row| {
            let born_on: Option<Date> = row.get("born_on");
            let theirs = code(row.get("fiscal_code"));
            let (first_name, last_name) = (row.get("first_name"), row.get("last_name"));
            let other = Person { first_name, last_name, birth: born_on?, fiscal_code: theirs.as_ref() };
            let alike = likeness(&one, &other).filter(|it| *it >= least)?;
            let duplicate = Duplicate {
                id: row.get("id"),
                medical_record_number: row.get("medical_record_number"),
                first_name: first_name.to_owned(),
                last_name: last_name.to_owned(),
                born_on,
                likeness: alike.as_str(),
            };
            Some((alike, duplicate))
        })
        .collect();
    found.sort_by_key(|(alike, _)| std::cmp::Reverse(*alike));
    found.into_iter().map(|(_, duplicate)| duplicate).collect()
}
