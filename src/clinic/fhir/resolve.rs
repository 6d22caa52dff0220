//! What a Bundle names, as it is known here: patients, and values that were sent before. As many statements for a thousand as for
//! one.

use std::collections::{BTreeMap, HashMap};

use super::{
    import::Importer,
    incoming::{Read, Sent, Subject},
    systems::{FISCAL_CODE, URI, medical_record_numbers},
};
use crate::{
    clinic::values::LaboratoryValue,
    db::{DbError, Tx},
    ids::{LaboratoryValueId, PatientId},
};

/// The patient of each subject, if there is one in this clinic; a record that was merged leads to the other.
pub(super) async fn subjects<'s>(
    tx: &mut Tx,
    importer: Importer,
    sent: &'s [Sent],
) -> Result<BTreeMap<&'s Subject, Option<PatientId>>, DbError> {
    const BY_ID: &str = concat!(
        "-- clinic.fhir.by_id
        SELECT p.id AS given, coalesce(p.merged_into, p.id) AS id FROM patient AS p WHERE p.id = ANY ($2) AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1")
    );
    let mut found: BTreeMap<&Subject, Option<PatientId>> =
        sent.iter().map(|it| (&it.subject, None)).collect();
    let given = |subject: &&Subject| match subject {
        Subject::Id(id) => Some(*id),
        Subject::Named(_) => None,
    };
    let ids: Vec<uuid::Uuid> = found.keys().filter_map(given).collect();
    if !ids.is_empty() {
        let rows = tx.query(BY_ID, &[&importer.user, &ids]).await?;
        let known: HashMap<uuid::Uuid, PatientId> =
            rows.iter().map(|row| (row.get("given"), row.get("id"))).collect();
        for (subject, patient) in &mut found {
            *patient = given(subject).and_then(|id| known.get(&id).copied());
        }
    }
    by_name(tx, importer, &mut found).await?;
    Ok(found)
}

/// Of subjects that are named by identifiers: who has one of them. Two are as bad as none: nobody knows who is meant.
async fn by_name(
    tx: &mut Tx,
    importer: Importer,
    found: &mut BTreeMap<&Subject, Option<PatientId>>,
) -> Result<(), DbError> {
    const BY_NAME: &str = concat!(
        "-- clinic.fhir.by_name
        SELECT k.n, coalesce(p.merged_into, p.id) AS id FROM unnest($2::int[], $3::text[]) AS k (n, name)
        JOIN patient AS p ON p.medical_record_number = k.name AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1"),
        " UNION SELECT k.n, p.id FROM unnest($4::int[], $5::text[]) AS k (n, name)
        JOIN patient AS p ON p.fiscal_code = k.name AND p.merged_into IS NULL AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1")
    );
    let numbers_of = medical_record_numbers(importer.clinic);
    let (mut numbers, mut codes) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    let subjects: Vec<&Subject> = found.keys().copied().collect();
    for (&subject, n) in subjects.iter().zip(0_i32..) {
        let Subject::Named(names) = subject else { continue };
        for (system, name) in names {
            let known = match system.as_str() {
                FISCAL_CODE => &mut codes,
                system if system == numbers_of => &mut numbers,
                _ => continue,
            };
            known.0.push(n);
            known.1.push(name.as_str());
        }
    }
    if numbers.0.is_empty() && codes.0.is_empty() {
        return Ok(());
    }
    let rows = tx.query(BY_NAME, &[&importer.user, &numbers.0, &numbers.1, &codes.0, &codes.1]).await?;
    let mut meant: HashMap<i32, Vec<PatientId>> = HashMap::new();
    for row in &rows {
        meant.entry(row.get("n")).or_default().push(row.get("id"));
    }
    for (&subject, n) in subjects.iter().zip(0_i32..) {
        if let Some([only]) = meant.get(&n).map(Vec::as_slice) {
            found.insert(subject, Some(*only));
        }
    }
    Ok(())
}

/// Values that are kept already of what is sent: under the other system's names, or sent back under their own.
#[derive(Debug, Default)]
pub(super) struct Kept {
    values: Vec<LaboratoryValue>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Kept {
    /// Those that have any of the names of a Bundle.
    pub(super) async fn find(tx: &mut Tx, importer: Importer, read: &Read) -> Result<Self, DbError> {
        const KEPT: &str = concat!(
            "-- clinic.fhir.kept
            SELECT ",
            value_columns!(),
            " FROM laboratory_value AS v WHERE v.external_id = ANY ($2) AND ",
            at_clinic!("write_analyses", "v.clinic_id", "$1"),
            " UNION SELECT ",
            value_columns!(),
            " FROM laboratory_value AS v WHERE v.also_called && $2 AND v.also_called <> '{}' AND ",
            at_clinic!("write_analyses", "v.clinic_id", "$1"),
            " UNION SELECT ",
            value_columns!(),
            " FROM laboratory_value AS v WHERE v.id = ANY ($3) AND ",
            at_clinic!("write_analyses", "v.clinic_id", "$1"),
            " ORDER BY id"
        );
        let names = read.sent.iter().map(|it| &it.names).chain(read.mistakes.iter().map(|it| &it.names));
        let names: Vec<&str> = names.flatten().map(String::as_str).collect();
        let ids: Vec<LaboratoryValueId> = names.iter().filter_map(|name| own_id(name)).collect();
        let rows = tx.query(KEPT, &[&importer.user, &names, &ids]).await?;
        let values: Vec<_> = rows.iter().map(LaboratoryValue::from_row).collect();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, value) in values.iter().enumerate() {
            let own = format!("{URI}|urn:uuid:{}", value.id);
            for name in value.external_id.iter().chain(&value.also_called).chain([&own]) {
                by_name.entry(name.clone()).or_default().push(at);
            }
        }
        Ok(Self { values, by_name })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &LaboratoryValue> {
        self.values.iter()
    }

    /// Those that have one of these names, oldest first, each once.
    pub(super) fn called(&self, names: &[String]) -> Vec<&LaboratoryValue> {
        let mut found: Vec<usize> =
            names.iter().filter_map(|it| self.by_name.get(it)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| &self.values[at]).collect()
    }
}

/// The id behind a name that is one.
fn own_id(name: &str) -> Option<LaboratoryValueId> {
    let (system, value) = name.split_once('|')?;
    value.strip_prefix("urn:uuid:").filter(|_| system == URI)?.parse().ok()
}
