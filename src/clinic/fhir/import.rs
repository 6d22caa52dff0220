//! A Bundle written down: all of it or nothing, and once, however often it is sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    incoming::{Issues, Read, Sent, Subject},
    systems::{FISCAL_CODE, URI, medical_record_numbers},
    types::Issue,
};
use crate::{
    clinic::{
        patients::{
            Patient,
            entries::{self, Refused},
        },
        staff::Permission,
        values::{LaboratoryValue, NewValue, Source, entered::Of, record},
    },
    db::{DbError, Tx},
    ids::{ClinicId, LaboratoryValueId, PatientId, UserId},
};

/// What became of an Observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Which entry.
    pub at: usize,
    /// The value.
    pub id: LaboratoryValueId,
    /// Whose.
    pub patient: PatientId,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What is wrong with which entry.
    #[error("nothing was imported")]
    Wrong(Vec<Issue>),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who imports, where.
#[derive(Debug, Clone, Copy)]
pub struct Importer {
    /// Who.
    pub user: UserId,
    /// Where.
    pub clinic: ClinicId,
}

/// Writes values down about patients who have consented. Those that were sent before and say the same stay as they are.
pub async fn write(
    tx: &mut Tx,
    importer: Importer,
    read: &Read,
    now: Timestamp,
) -> Result<Vec<Imported>, ImportError> {
    let mut issues = Issues::default();
    let subjects = resolve(tx, importer, &read.sent).await?;
    let ids: BTreeSet<PatientId> = subjects.values().flatten().copied().collect();
    let mut patients: HashMap<PatientId, Result<Patient, (&'static str, String)>> = HashMap::new();
    // In the order of their ids: two imports never wait for each other in a circle.
    for id in ids {
        let admitted = entries::admit(tx, (importer.user, Permission::WriteAnalyses), id, now).await;
        let admitted = match admitted {
            Err(Refused::Db(error)) => return Err(error.into()),
            other => other.map_err(|refused| (refused.code(), refused.to_string())),
        };
        patients.insert(id, admitted);
    }
    let known = known(tx, importer.clinic, &read.sent).await?;
    let (mut new, mut imported) = (Vec::new(), Vec::new());
    for sent in &read.sent {
        let place = format!("Bundle.entry[{}].resource", sent.at);
        let patient = subjects.get(&sent.subject).copied().flatten().and_then(|id| patients.get(&id));
        let patient = match patient {
            Some(Ok(patient)) => patient,
            Some(Err((code, detail))) => {
                issues.add(issue_of(code), code, format!("{place}.subject"), detail.clone());
                continue;
            }
            None => {
                let detail = "there is no such patient in this clinic: register the patient first";
                issues.add("not-found", "unknown_patient", format!("{place}.subject"), detail);
                continue;
            }
        };
        let of = Of {
            patient,
            source: Source::Fhir,
            external_id: Some(&sent.external_id),
            observed_on: sent.observed_on,
            printed_flag: sent.printed_flag,
            by: importer.user,
        };
        let value = sent.fitting.value(of, now);
        let before = known.iter().find(|it| is_called(it, &sent.external_id));
        match before {
            None => {
                imported.push(Imported { at: sent.at, id: value.id, patient: patient.id, is_new: true });
                new.push(value);
            }
            Some(before) if is_same(before, &value) => {
                imported.push(Imported { at: sent.at, id: before.id, patient: patient.id, is_new: false });
            }
            Some(_) => {
                let detail = "an Observation of this identifier is kept already, and says something else";
                issues.add("conflict", "taken", format!("{place}.identifier[0]"), detail);
            }
        }
    }
    issues.end().map_err(ImportError::Wrong)?;
    match record::insert(tx, &new).await {
        Ok(_) => Ok(imported),
        // Somebody sends the same at this moment: the next time it is known.
        Err(error) if error.constraint() == Some("laboratory_value_sent_once") => {
            let mut issues = Issues::default();
            issues.add("conflict", "taken", "Bundle".to_owned(), "the same is being imported: send it again");
            Err(issues.end().map_or_else(ImportError::Wrong, |()| ImportError::Db(error)))
        }
        Err(error) => Err(error.into()),
    }
}

const fn issue_of(code: &str) -> &'static str {
    match code.as_bytes() {
        b"consent_missing" => "forbidden",
        b"not_found" => "not-found",
        _ => "business-rule",
    }
}

/// The patient of each subject, if there is one in this clinic; a record that was merged leads to the other.
async fn resolve(
    tx: &mut Tx,
    importer: Importer,
    sent: &[Sent],
) -> Result<BTreeMap<Subject, Option<PatientId>>, DbError> {
    const BY_ID: &str = concat!(
        "-- clinic.fhir.by_id
        SELECT coalesce(p.merged_into, p.id) AS id FROM patient AS p WHERE p.id = $2 AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1")
    );
    const BY_NAME: &str = concat!(
        "-- clinic.fhir.by_name
        SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM patient AS p
        WHERE (p.medical_record_number = ANY ($2) OR (p.fiscal_code = ANY ($3) AND p.merged_into IS NULL)) AND ",
        at_clinic!("write_analyses", "p.clinic_id", "$1")
    );
    let numbers_of = medical_record_numbers(importer.clinic);
    let mut found = BTreeMap::new();
    for subject in sent.iter().map(|it| &it.subject) {
        if found.contains_key(subject) {
            continue;
        }
        let rows = match subject {
            Subject::Id(id) => tx.query(BY_ID, &[&importer.user, id]).await?,
            Subject::Named(names) => {
                let of = |wanted: &str| -> Vec<&str> {
                    let fits = names.iter().filter(|(system, _)| system == wanted);
                    fits.map(|(_, value)| value.as_str()).collect()
                };
                tx.query(BY_NAME, &[&importer.user, &of(&numbers_of), &of(FISCAL_CODE)]).await?
            }
        };
        // Two are as bad as none: nobody knows who is meant.
        let only = rows.first().filter(|_| rows.len() == 1).map(|row: &Row| row.get("id"));
        found.insert(subject.clone(), only);
    }
    Ok(found)
}

/// What is kept already of what is sent: under the other system's name, or sent back under its own.
async fn known(tx: &mut Tx, clinic: ClinicId, sent: &[Sent]) -> Result<Vec<LaboratoryValue>, DbError> {
    const KNOWN: &str = concat!(
        "-- clinic.fhir.known
        SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v WHERE v.clinic_id = $1 AND v.external_id = ANY ($2)
        UNION ALL SELECT ",
        value_columns!(),
        " FROM laboratory_value AS v WHERE v.clinic_id = $1 AND v.id = ANY ($3)"
    );
    let names: Vec<&str> = sent.iter().map(|it| it.external_id.as_str()).collect();
    let ids: Vec<LaboratoryValueId> = names.iter().filter_map(|name| own_id(name)).collect();
    let rows = tx.query(KNOWN, &[&clinic, &names, &ids]).await?;
    Ok(rows.iter().map(LaboratoryValue::from_row).collect())
}

/// The id behind a name that is one.
fn own_id(name: &str) -> Option<LaboratoryValueId> {
    let (system, value) = name.split_once('|')?;
    value.strip_prefix("urn:uuid:").filter(|_| system == URI)?.parse().ok()
}

fn is_called(value: &LaboratoryValue, name: &str) -> bool {
    value.external_id.as_deref() == Some(name) || own_id(name) == Some(value.id)
}

/// Whether what is sent says what is kept.
fn is_same(kept: &LaboratoryValue, sent: &NewValue) -> bool {
    kept.patient_id == sent.patient_id
        && kept.analyte == sent.analyte
        && kept.comparator.as_deref() == sent.comparator
        && kept.number == sent.number
        && kept.finding == sent.finding
        && kept.unit == sent.unit
        && kept.observed_on == sent.observed_on
}
