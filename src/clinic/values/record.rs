//! How values are written down. Whoever calls this has been admitted to write about the patient, whose record is locked.

use jiff::{Timestamp, civil::Date};
use postgres_types::Json;
use serde::Serialize;

use super::{
    canonical,
    value::{LaboratoryValue, Source},
};
use crate::{
    clinic::laboratory::{
        flags::{self, Flag, Printed},
        grammar::{lines::Comparator, rows::Value},
        report::{Place, Reading},
    },
    db::{DbError, Tx},
    ids::{ClinicId, LaboratoryValueId, PatientDocumentId, PatientId, UserId},
};

/// Characters of a word that is kept: a karyotype may be longer than the column.
const FINDING_MAX: usize = 100;

/// A value that is to be written down. The names of the fields are those of the columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "they are those of LaboratoryValue")]
pub struct NewValue {
    pub id: LaboratoryValueId,
    pub clinic_id: ClinicId,
    pub patient_id: PatientId,
    pub source: Source,
    pub patient_document_id: Option<PatientDocumentId>,
    pub external_id: Option<String>,
    pub analyte: &'static str,
    pub loinc: Option<&'static str>,
    pub comparator: Option<&'static str>,
    pub number: Option<String>,
    pub finding: Option<String>,
    pub unit: Option<String>,
    pub canonical: Option<String>,
    pub canonical_unit: Option<&'static str>,
    pub range_low: Option<String>,
    pub range_high: Option<String>,
    pub flag: Option<&'static str>,
    pub printed_flag: Option<&'static str>,
    pub observed_on: Option<Date>,
    pub confidence: Option<u8>,
    pub doubts: Vec<&'static str>,
    pub domains: Vec<&'static str>,
    pub page: Option<u32>,
    pub line: Option<u32>,
    pub span_start: Option<usize>,
    pub span_end: Option<usize>,
    pub recorded_by: UserId,
    pub created_at: Timestamp,
}

/// The columns that [`NewValue`] names.
macro_rules! value_fields {
    () => {
        "id, clinic_id, patient_id, source, patient_document_id, external_id, analyte, loinc, comparator, number, finding, \
         unit, canonical, canonical_unit, range_low, range_high, flag, printed_flag, observed_on, confidence, doubts, \
         domains, page, line, span_start, span_end, recorded_by, created_at"
    };
}

/// Whose values they are.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    /// The clinic.
    pub clinic: ClinicId,
    /// The patient.
    pub patient: PatientId,
    /// The document in which they stand.
    pub document: PatientDocumentId,
    /// Who uploaded it.
    pub by: UserId,
}

impl NewValue {
    /// What was read in a document.
    pub fn of_reading(reading: &Reading, of: Of, sex: Option<flags::Sex>, now: Timestamp) -> Self {
        let (comparator, number, finding) = match &reading.value {
            Value::Number(comparator, number) => (comparator.map(Comparator::as_str), Some(*number), None),
            Value::Finding(finding) => (None, None, Some(finding.as_str().to_owned())),
            Value::Karyotype(text) => (None, None, Some(text.chars().take(FINDING_MAX).collect())),
        };
        let unit = reading.unit.as_ref();
        let compared = number.and_then(|it| canonical::of(reading.analyte, it, unit));
        let range = number.and_then(|_| flags::applying(&reading.ranges, sex));
        let Place { page, line, line_start, start, end } = reading.place;
        Self {
            id: LaboratoryValueId::new(now),
            clinic_id: of.clinic,
            patient_id: of.patient,
            source: Source::Document,
            patient_document_id: Some(of.document),
            external_id: None,
            analyte: reading.analyte.code,
            loinc: reading.loinc(),
            comparator,
            number: number.map(|it| it.to_string()),
            finding,
            unit: unit.map(|it| it.ucum().to_owned()),
            canonical: compared.map(|(it, _)| it.to_string()),
            canonical_unit: compared.map(|(_, unit)| unit),
            range_low: range.and_then(|it| it.low).map(|it| it.to_string()),
            range_high: range.and_then(|it| it.high).map(|it| it.to_string()),
            flag: reading.flag.map(Flag::as_str),
            printed_flag: reading.printed.map(printed),
            observed_on: reading.date,
            confidence: Some(reading.recognised.percent()),
            doubts: reading.recognised.missing().collect(),
            domains: reading.domains.iter().map(|it| it.as_str()).collect(),
            page: Some(page),
            line: Some(line),
            span_start: Some(start - line_start),
            span_end: Some(end - line_start),
            recorded_by: of.by,
            created_at: now,
        }
    }
}

const fn printed(flag: Printed) -> &'static str {
    match flag {
        Printed::Low => "low",
        Printed::High => "high",
        Printed::Abnormal => "abnormal",
    }
}

/// Writes values down; the names of constraints that may refuse them are `laboratory_value_…`.
pub async fn insert(tx: &mut Tx, values: &[NewValue]) -> Result<Vec<LaboratoryValue>, DbError> {
    const INSERT: &str = concat!(
        "-- clinic.values.insert
        INSERT INTO laboratory_value AS v (",
        value_fields!(),
        ") SELECT ",
        value_fields!(),
        " FROM jsonb_populate_recordset(NULL::laboratory_value, $1) RETURNING ",
        value_columns!()
    );
    if values.is_empty() {
        return Ok(Vec::new());
    }
    Ok(tx.query(INSERT, &[&Json(values)]).await?.iter().map(LaboratoryValue::from_row).collect())
}

/// Replaces what a document said by what it says now. How many values went.
pub async fn forget_document(tx: &mut Tx, document: PatientDocumentId) -> Result<u64, DbError> {
    const FORGET: &str =
        "-- clinic.values.forget_document\nDELETE FROM laboratory_value WHERE patient_document_id = $1";
    tx.execute(FORGET, &[&document]).await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clinic::laboratory::report::{About, read};

    fn first_of(text: &str) -> NewValue {
        let about = About { sex: Some(flags::Sex::Female), ..About::default() };
        let report = read(text, about);
        let nil = Uuid::nil();
        let of = Of {
            clinic: ClinicId(nil),
            patient: PatientId(nil),
            document: PatientDocumentId(nil),
            by: UserId(nil),
        };
        NewValue::of_reading(&report.values[0], of, about.sex, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_place_is_counted_from_the_start_of_a_line_however_long_it_is() {
        let before = "vedi nota ".repeat(1000);
        let value = first_of(&format!("Laboratorio\n{before}  FSH   7,2 mUI/mL"));
        assert_eq!((value.line, value.span_start), (Some(2), Some(before.len() + 2)));
        assert_eq!(value.span_end, Some(before.len() + 2 + "FSH   7,2 mUI/mL".len()));
    }

    #[test]
    fn a_value_is_kept_as_it_was_printed_with_its_place_in_its_line() {
        let value = first_of("Laboratorio\n\u{c}Prelievo del 03/02/2026\nAMH   20,0 pmol/L   (7,1 - 35,7)\n");
        assert_eq!((value.analyte, value.number.as_deref()), ("amh", Some("20.0")));
        assert_eq!((value.unit.as_deref(), value.canonical_unit), (Some("pmol/L"), Some("ng/mL")));
        assert_eq!(value.canonical.as_deref(), Some("2.8"));
        assert_eq!((value.range_low.as_deref(), value.range_high.as_deref()), (Some("7.1"), Some("35.7")));
        assert_eq!((value.page, value.line, value.span_start), (Some(2), Some(2), Some(0)));
        assert_eq!(value.domains, ["ovarian", "hormonal"]);
        assert_eq!((value.flag, value.confidence), (Some("normal"), Some(100)));
    }
}
