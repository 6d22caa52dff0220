//! The result of an analysis, written down at once: values, graded analyses, findings and the state of the document.
//!
//! What an earlier run has found is replaced in the same transaction; unique indexes say that each value and each analysis of
//! a document is there once, however often its analysis runs.

use jiff::Timestamp;
use postgres_types::Json;

use super::{
    METHOD,
    graded::{Grading, Made},
    read::Read,
};
use crate::{
    clinic::{
        analyses::{InDocument, NewAnalysis, Source, analysis},
        documents::{
            document::{Finding, PatientDocument},
            pages,
        },
        patients::Patient,
        values::record::{self, NewValue, Of},
    },
    db::{DbError, Tx},
    ids::PatientDocumentId,
};

/// What was found.
#[derive(Debug)]
pub struct Found<'r> {
    /// In the text.
    pub read: &'r Read,
    /// What its values make up.
    pub gradings: &'r [Grading],
    /// What is worth a look.
    pub findings: &'r [Finding],
    /// Where the text is from.
    pub text_from: &'static str,
}

/// Writes the result of a run down; the patient is admitted and locked. How many values there are; `None`: there is a newer run,
/// or the document was taken away.
pub async fn write(
    tx: &mut Tx,
    (patient, document): (&Patient, &PatientDocument),
    found: &Found<'_>,
    now: Timestamp,
) -> Result<Option<usize>, DbError> {
    const COMPLETE: &str = "-- clinic.analysis.complete
        UPDATE patient_document SET status = 'completed', step = 'findings', failure = NULL, text_from = $3, reported_on = $4,
            confidence = $5, domains = $6, findings = $7, unread = $8, method = $9, analysed_at = $10,
            version = version + 1, updated_at = $10
        WHERE id = $1 AND run = $2 AND status = 'processing'";
    let Found { read, gradings, findings, text_from } = found;
    let confidence = read.confidence.points.map(i16::from);
    let args: [&(dyn postgres_types::ToSql + Sync); 10] = [
        &document.id,
        &document.run,
        text_from,
        &read.reported_on,
        &confidence,
        &read.domains(),
        &Json(findings),
        &Json(&read.unread),
        &METHOD,
        &now,
    ];
    if tx.execute(COMPLETE, &args).await? == 0 {
        return Ok(None);
    }
    let of = Of {
        clinic: patient.clinic_id,
        patient: patient.id,
        document: document.id,
        by: document.uploaded_by,
    };
    pages::settle(tx, (document.id, document.run)).await?;
    let value = |it| NewValue::of_reading(it, of, read.sex, now);
    let mut values: Vec<NewValue> = read.values.iter().map(value).collect();
    record::forget_document(tx, document.id, &mut values).await?;
    let written = record::insert(tx, &values).await?.len();
    let made: Vec<&Made> = gradings.iter().filter_map(Grading::made).collect();
    forget_others(tx, document.id, &made).await?;
    for Made { graded, observed_on, item, label, places, .. } in made {
        let new = NewAnalysis {
            patient,
            source: Source::Document,
            document: Some(InDocument { id: document.id, item, places }),
            case_id: None,
            label,
            note: "",
            observed_on: *observed_on,
            graded: graded.clone(),
            by: document.uploaded_by,
        };
        analysis::insert(tx, &new, now).await?;
    }
    Ok(Some(written))
}

/// Analyses of an earlier run that this one has not found.
async fn forget_others(tx: &mut Tx, document: PatientDocumentId, made: &[&Made]) -> Result<(), DbError> {
    const FORGET: &str = "-- clinic.analysis.forget_others
        DELETE FROM graded_analysis AS g WHERE g.patient_document_id = $1
          AND (g.kind, g.item) NOT IN (SELECT f.kind, f.item FROM unnest($2::text[], $3::text[]) AS f (kind, item))";
    let (kinds, items): (Vec<_>, Vec<_>) =
        made.iter().map(|it| (it.graded.kind().as_str(), it.item.as_str())).unzip();
    tx.execute(FORGET, &[&document, &kinds, &items]).await?;
    Ok(())
}
