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
    pub also_called: Vec<String>,
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
    pub withdrawn_at: Option<Timestamp>,
    pub replaces: Option<LaboratoryValueId>,
    pub created_at: Timestamp,
}

/// The columns that [`NewValue`] names.
macro_rules! value_fields {
    () => {
        "id, clinic_id, patient_id, source, patient_document_id, external_id, also_called, analyte, loinc, comparator, number, finding, \
         unit, canonical, canonical_unit, range_low, range_high, flag, printed_flag, observed_on, confidence, doubts, \
         domains, page, line, span_start, span_end, recorded_by, withdrawn_at, \
         replaces, created_at"
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
            also_called: Vec::new(),
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
            withdrawn_at: None,
            replaces: None,
            created_at: now,
        }
    }
}

impl NewValue {
    /// Whether it says of a day what `kept` says.
    pub fn says(&self, kept: &LaboratoryValue) -> bool {
        kept.patient_id == self.patient_id
            && kept.analyte == self.analyte
            && kept.comparator.as_deref() == self.comparator
            && kept.number == self.number
            && kept.finding == self.finding
            && kept.unit == self.unit
            && kept.observed_on == self.observed_on
    }
}

const fn printed(flag: Printed) -> &'static str {
    match flag {
        Printed::Low => "low",
        Printed::High => "high",
        Printed::Abnormal => "abnormal",
    }
}

/// Writes values down, given as a JSON array of [`NewValue`].
pub const INSERT: &str = concat!(
    "-- clinic.values.insert
    INSERT INTO laboratory_value AS v (",
    value_fields!(),
    ") SELECT ",
    value_fields!(),
    " FROM jsonb_populate_recordset(NULL::laboratory_value, $1) RETURNING ",
    value_columns!()
);

/// Writes values down; the names of constraints that may refuse them are `laboratory_value_…`.
pub async fn insert(tx: &mut Tx, values: &[NewValue]) -> Result<Vec<LaboratoryValue>, DbError> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    Ok(tx.query(INSERT, &[&Json(values)]).await?.iter().map(LaboratoryValue::from_row).collect())
}

/// Takes away what a document said, for what it says now. What was withdrawn and is read again as it was stays withdrawn:
/// `again` is told so.
pub async fn forget_document(
    tx: &mut Tx,
    document: PatientDocumentId,
    again: &mut [NewValue],
) -> Result<(), DbError> {
    const FORGET: &str = concat!(
        "-- clinic.values.forget_document
        WITH gone AS (DELETE FROM laboratory_value AS v WHERE v.patient_document_id = $1 RETURNING ",
        value_columns!(),
        ") SELECT * FROM gone WHERE withdrawn_at IS NOT NULL"
    );
    for row in tx.query(FORGET, &[&document]).await? {
        let gone = LaboratoryValue::from_row(&row);
        for value in again.iter_mut().filter(|it| it.says(&gone)) {
            value.withdrawn_at = gone.withdrawn_at;
        }
    }
    Ok(())
}

/// Withdraws a value of a locked patient that was wrong. Whether it counted until now; `None`: there is no such value.
pub async fn withdraw(
    tx: &mut Tx,
    (patient, id): (PatientId, LaboratoryValueId),
    now: Timestamp,
) -> Result<Option<bool>, DbError> {
    const WITHDRAW: &str = "-- clinic.values.withdraw
        UPDATE laboratory_value AS v SET withdrawn_at = coalesce(v.withdrawn_at, $3)
        FROM laboratory_value AS o WHERE o.id = v.id AND v.id = $2 AND v.patient_id = $1
        RETURNING o.withdrawn_at IS NULL AS counted";
    Ok(tx.query_opt(WITHDRAW, &[&patient, &id, &now]).await?.map(|row| row.get("counted")))
}

/// Withdraws values of locked patients, each perhaps in favour of another one.
pub async fn withdraw_each(
    tx: &mut Tx,
    values: &[(LaboratoryValueId, Option<LaboratoryValueId>)],
    now: Timestamp,
) -> Result<(), DbError> {
    const WITHDRAW: &str = "-- clinic.values.withdraw_each
        UPDATE laboratory_value AS v SET withdrawn_at = coalesce(v.withdrawn_at, $3), replaced_by = g.by
        FROM unnest($1::uuid[], $2::uuid[]) AS g (id, by) WHERE v.id = g.id";
    if values.is_empty() {
        return Ok(());
    }
    let (ids, by): (Vec<_>, Vec<_>) = values.iter().copied().unzip();
    tx.execute(WITHDRAW, &[&ids, &by, &now]).await?;
    Ok(())
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
