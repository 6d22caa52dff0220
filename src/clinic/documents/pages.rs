//! The text of a document, page by page, as it was laid out: the checkpoint behind the reading, and where each value stands.

use jiff::Timestamp;
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    args,
    clinic::reading::{Document, Origin},
    db::{Db, DbError, Tx},
    ids::{PatientDocumentId, PatientId, UserId},
};

/// A page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PatientDocumentPage)]
pub struct PageText {
    /// From 1.
    pub number: u32,
    /// How wide it is, in points, or in pixels of a picture.
    pub width: f32,
    /// How tall it is, in the same.
    pub height: f32,
    /// Where its text is from: `"text"`, `"layer"`, `{"picture": {"confidence": 0.9}}`, or why there is none: `{"blank": "no_ocr"}`.
    #[schema(value_type = Object)]
    pub origin: Origin,
    /// Its lines; columns are kept apart by two blanks or more.
    pub text: String,
    /// What a second reading of a picture gives: kept for the analysis, not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub again: Option<String>,
}

impl PageText {
    /// Of what was read.
    pub fn of(document: Document) -> Vec<Self> {
        let page = |page: crate::clinic::reading::Page| Self {
            number: page.number,
            width: page.width,
            height: page.height,
            origin: page.origin,
            text: page.text,
            again: page.again,
        };
        document.pages.into_iter().map(page).collect()
    }

    /// As a document again: the places of words are not kept.
    pub fn document(pages: Vec<Self>) -> Document {
        let page = |page: Self| crate::clinic::reading::Page {
            number: page.number,
            width: page.width,
            height: page.height,
            origin: page.origin,
            text: page.text,
            words: Vec::new(),
            again: page.again,
        };
        Document { pages: pages.into_iter().map(page).collect() }
    }
}

/// Keeps the pages of a run of an analysis; behind those of an earlier one until its result is there.
pub async fn keep(
    tx: &mut Tx,
    (id, run): (PatientDocumentId, i32),
    pages: &[PageText],
    now: Timestamp,
) -> Result<(), DbError> {
    const KEEP: &str = "-- clinic.documents.keep_pages
        WITH kept AS (
            INSERT INTO patient_document_text (patient_document_id, run, pages) VALUES ($1, $2, $3)
            ON CONFLICT (patient_document_id) DO UPDATE SET next_run = excluded.run, next_pages = excluded.pages
        )
        UPDATE patient_document SET page_count = $4, updated_at = $5 WHERE id = $1";
    tx.execute(KEEP, &[&id, &run, &Json(pages), &(pages.len() as i32), &now]).await?;
    Ok(())
}

/// The pages of a run, if it has come so far.
pub async fn of_run(
    tx: &mut Tx,
    (id, run): (PatientDocumentId, i32),
) -> Result<Option<Vec<PageText>>, DbError> {
    const OF_RUN: &str = "-- clinic.documents.pages_of_run
        SELECT CASE WHEN next_run = $2 THEN next_pages ELSE pages END AS pages FROM patient_document_text
        WHERE patient_document_id = $1 AND $2 IN (run, next_run)";
    let row = tx.query_opt(OF_RUN, &[&id, &run]).await?;
    Ok(row.map(|row| row.get::<_, Json<Vec<PageText>>>("pages").0))
}

/// The result of a run is there: its pages are those of the document.
pub async fn settle(tx: &mut Tx, (id, run): (PatientDocumentId, i32)) -> Result<(), DbError> {
    const SETTLE: &str = "-- clinic.documents.settle_pages
        UPDATE patient_document_text SET run = next_run, pages = next_pages, next_run = NULL, next_pages = NULL
        WHERE patient_document_id = $1 AND next_run = $2";
    tx.execute(SETTLE, &[&id, &run]).await?;
    Ok(())
}

/// The current runs of these documents have failed: the text of an earlier one, in which its values stand, is that of the document.
pub async fn fall_back(tx: &mut Tx, ids: &[PatientDocumentId]) -> Result<(), DbError> {
    const FALL_BACK: &str = "-- clinic.documents.fall_back
        UPDATE patient_document_text SET next_run = NULL, next_pages = NULL
        WHERE patient_document_id = ANY ($1) AND next_run IS NOT NULL";
    tx.execute(FALL_BACK, &[&ids]).await?;
    Ok(())
}

/// A run may not go on: nothing that it has read is kept.
pub async fn forget(tx: &mut Tx, (id, run): (PatientDocumentId, i32)) -> Result<(), DbError> {
    const FORGET: &str = "-- clinic.documents.forget_pages
        DELETE FROM patient_document_text WHERE patient_document_id = $1 AND run = $2";
    tx.execute(FORGET, &[&id, &run]).await?;
    Ok(())
}

/// Pages of a document, from behind `after` on, for who may read the patient.
pub async fn list(
    db: &Db,
    (user, patient): (UserId, PatientId),
    id: PatientDocumentId,
    after: Option<u32>,
    limit: i64,
) -> Result<Vec<PageText>, DbError> {
    const LIST: &str = concat!(
        "-- clinic.documents.pages
        SELECT p.page FROM patient_document AS d JOIN patient_document_text AS t ON t.patient_document_id = d.id,
            jsonb_array_elements(t.pages) WITH ORDINALITY AS p (page, number)
        WHERE d.id = $3 AND d.patient_id = $2 AND ",
        at_clinic!("read_patients", "d.clinic_id", "$1"),
        " AND p.number > $4 ORDER BY p.number LIMIT $5"
    );
    let after = i64::from(after.unwrap_or(0));
    let rows = db.read(LIST, args![user, patient, id, after, limit]).await?;
    let shown = |page: PageText| PageText { again: None, ..page };
    Ok(rows.iter().map(|row| shown(row.get::<_, Json<PageText>>("page").0)).collect())
}
