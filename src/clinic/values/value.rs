//! What is known of a value.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::{
    clinic::laboratory::confidence::NAMES_ANOTHER,
    ids::{ClinicId, LaboratoryValueId, PatientDocumentId, PatientId, UserId},
};

/// Where a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LaboratoryValueSource)]
pub enum Source {
    /// It was printed in a document.
    Document,
    /// Somebody entered it.
    Form,
    /// Another system sent it.
    Fhir,
}

impl Source {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Form => "form",
            Self::Fhir => "fhir",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "document" => Self::Document,
            "fhir" => Self::Fhir,
            _ => Self::Form,
        }
    }
}

/// Where in a document a value was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LaboratoryValuePlace)]
pub struct Place {
    /// The page, from 1.
    pub page: i32,
    /// The line on it, from 1.
    pub line: i32,
    /// The first byte of its name in that line.
    pub start: i32,
    /// The byte after the last that was understood.
    pub end: i32,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LaboratoryValue {
    /// Its id.
    pub id: LaboratoryValueId,
    /// The clinic.
    #[serde(skip)]
    #[schema(ignore)]
    pub clinic_id: ClinicId,
    /// Whose it is.
    pub patient_id: PatientId,
    /// Where it is from.
    pub source: Source,
    /// The document in which it was printed.
    pub patient_document_id: Option<PatientDocumentId>,
    /// How the other system calls it: the system, a bar, and the name there.
    pub external_id: Option<String>,
    /// Further names that it has there.
    pub also_called: Vec<String>,
    /// What was measured: a stable word, for example `fsh`.
    pub analyte: String,
    /// Its LOINC code, if it has one.
    pub loinc: Option<String>,
    /// `<`, `<=`, `>=` or `>`, when only a bound is known.
    pub comparator: Option<String>,
    /// A decimal number in `unit`, with the digits it was printed with.
    #[schema(example = "7.20")]
    pub number: Option<String>,
    /// A word, of what is found or not: `negative`, `carrier`; or a karyotype.
    pub finding: Option<String>,
    /// Its unit, as UCUM writes it; `null` of what has none.
    pub unit: Option<String>,
    /// The number in `canonical_unit`, in which all values of the analyte can be compared.
    pub canonical: Option<f64>,
    /// The unit of `canonical`, as UCUM writes it.
    pub canonical_unit: Option<String>,
    /// Where the range that applies begins, in `unit`.
    pub range_low: Option<String>,
    /// Where it ends.
    pub range_high: Option<String>,
    /// Where the value lies in it: `low`, `normal` or `high`.
    pub flag: Option<String>,
    /// What the laboratory thought: `low`, `high` or `abnormal`.
    pub printed_flag: Option<String>,
    /// The day on which the specimen was taken, as far as it is known.
    #[schema(value_type = Option<String>, format = Date)]
    pub observed_on: Option<Date>,
    /// Points of 100 for what was recognised around it; of values from documents.
    pub confidence: Option<i16>,
    /// What is missing to 100: stable words.
    pub doubts: Vec<String>,
    /// The domains of the fertility score of which it speaks.
    pub domains: Vec<String>,
    /// Where it was printed.
    pub place: Option<Place>,
    /// Who uploaded, entered or sent it.
    pub recorded_by: UserId,
    /// When it was withdrawn: it was wrong, and counts no more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
    /// The value that has taken its place.
    pub replaced_by: Option<LaboratoryValueId>,
    /// The value whose place it has taken.
    pub replaces: Option<LaboratoryValueId>,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// What a [`LaboratoryValue`] is read from: a row `v`.
macro_rules! value_columns {
    () => {
        "v.id, v.clinic_id, v.patient_id, v.source, v.patient_document_id, v.external_id, v.also_called, v.analyte, v.loinc, v.comparator, \
         v.number::text AS number, v.finding, v.unit, v.canonical::float8 AS canonical, v.canonical_unit, \
         v.range_low::text AS range_low, v.range_high::text AS range_high, v.flag, v.printed_flag, v.observed_on, \
         v.confidence, v.doubts, v.domains, v.page, v.line, v.span_start, v.span_end, v.recorded_by, v.withdrawn_at, \
         v.replaced_by, v.replaces, v.created_at"
    };
}

impl LaboratoryValue {
    /// Nobody knows that it is of the patient: its page names somebody else.
    pub fn is_in_question(&self) -> bool {
        self.doubts.iter().any(|doubt| doubt == NAMES_ANOTHER)
    }

    /// From a row of `value_columns!`.
    pub fn from_row(row: &Row) -> Self {
        let place = |page| Place {
            page,
            line: row.get::<_, Option<i32>>("line").unwrap_or_default(),
            start: row.get::<_, Option<i32>>("span_start").unwrap_or_default(),
            end: row.get::<_, Option<i32>>("span_end").unwrap_or_default(),
        };
        Self {
            id: row.get("id"),
            clinic_id: row.get("clinic_id"),
            patient_id: row.get("patient_id"),
            source: Source::of(row.get("source")),
            patient_document_id: row.get("patient_document_id"),
            external_id: row.get("external_id"),
            also_called: row.get("also_called"),
            analyte: row.get("analyte"),
            loinc: row.get("loinc"),
            comparator: row.get("comparator"),
            number: row.get("number"),
            finding: row.get("finding"),
            unit: row.get("unit"),
            canonical: row.get("canonical"),
            canonical_unit: row.get("canonical_unit"),
            range_low: row.get("range_low"),
            range_high: row.get("range_high"),
            flag: row.get("flag"),
            printed_flag: row.get("printed_flag"),
            observed_on: row.get("observed_on"),
            confidence: row.get("confidence"),
            doubts: row.get("doubts"),
            domains: row.get("domains"),
            place: row.get::<_, Option<i32>>("page").map(place),
            recorded_by: row.get("recorded_by"),
            withdrawn_at: row.get("withdrawn_at"),
            replaced_by: row.get("replaced_by"),
            replaces: row.get("replaces"),
            created_at: row.get("created_at"),
        }
    }
}
