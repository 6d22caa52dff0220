//! Structures of FHIR R4, as far as they are sent. Members that are empty are left out, as FHIR wants.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A number with its digits.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = f64)]
pub struct Digits(pub String);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// A code of a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirCoding)]
pub struct Coding {
    /// Whose code it is.
    pub system: &'static str,
    /// The code.
    pub code: String,
    /// As people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// Something with codes, or in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirCodeableConcept)]
pub struct Concept {
    /// Its codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coding: Vec<Coding>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A name that programs give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirIdentifier)]
pub struct Identifier {
    /// What kind of name.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Concept>,
    /// Who gives it.
    pub system: String,
    /// The name.
    pub value: String,
}

/// Another resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirReference)]
pub struct Reference {
    /// Its type and id.
    pub reference: String,
}

/// A number with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirQuantity)]
pub struct Quantity {
    /// The number.
    pub value: Digits,
    /// When only a bound is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    /// As people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// UCUM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<&'static str>,
    /// The unit's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What is usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirReferenceRange)]
pub struct ReferenceRange {
    /// From.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<Quantity>,
    /// Until.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<Quantity>,
}

/// When it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirMeta)]
pub struct Meta {
    /// Its version, as in the ETag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub last_updated: String,
}

/// A person's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirHumanName)]
pub struct HumanName {
    /// Last name.
    pub family: String,
    /// First names.
    pub given: Vec<String>,
}

/// Where somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirContactPoint)]
pub struct ContactPoint {
    /// `phone` or `email`.
    pub system: &'static str,
    /// The number or address.
    pub value: String,
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirPatient)]
pub struct Patient {
    /// `Patient`.
    #[schema(pattern = "^Patient$")]
    pub resource_type: &'static str,
    /// The id.
    pub id: String,
    /// When it was changed.
    pub meta: Meta,
    /// The number of the record, the fiscal code.
    pub identifier: Vec<Identifier>,
    /// Whether something is written about the patient still.
    pub active: bool,
    /// The name; an anonymous record has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub name: Vec<HumanName>,
    /// Where the patient is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telecom: Vec<ContactPoint>,
    /// `female`, `male` or `other`.
    pub gender: &'static str,
    /// The day of birth; of an anonymous record the year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<String>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirObservation)]
pub struct Observation {
    /// `Observation`.
    #[schema(pattern = "^Observation$")]
    pub resource_type: &'static str,
    /// The id.
    pub id: String,
    /// When it was written down.
    pub meta: Meta,
    /// What it is called elsewhere: sent again, it is known by this.
    pub identifier: Vec<Identifier>,
    /// `final`; `corrected`: it has taken the place of what was sent before; `entered-in-error`: it was withdrawn.
    pub status: &'static str,
    /// Of a laboratory, or an examination.
    pub category: Vec<Concept>,
    /// What was measured: LOINC where there is a code, and the name that this software has.
    pub code: Concept,
    /// The patient.
    pub subject: Reference,
    /// The day, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_date_time: Option<String>,
    /// When it was written down here.
    #[schema(format = DateTime)]
    pub issued: String,
    /// A number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_quantity: Option<Quantity>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_codeable_concept: Option<Concept>,
    /// A karyotype.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_string: Option<String>,
    /// Where the number lies in its range.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interpretation: Vec<Concept>,
    /// The range of the laboratory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_range: Vec<ReferenceRange>,
}

/// A graded analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirDiagnosticReport)]
pub struct DiagnosticReport {
    /// `DiagnosticReport`.
    #[schema(pattern = "^DiagnosticReport$")]
    pub resource_type: &'static str,
    /// The id.
    pub id: String,
    /// When it was changed.
    pub meta: Meta,
    /// What it is called elsewhere.
    pub identifier: Vec<Identifier>,
    /// `final`, or `entered-in-error`: it was withdrawn.
    pub status: &'static str,
    /// The section of the diagnostic service.
    pub category: Vec<Concept>,
    /// What was graded.
    pub code: Concept,
    /// The patient.
    pub subject: Reference,
    /// When it was seen.
    pub effective_date_time: String,
    /// When it was graded.
    #[schema(format = DateTime)]
    pub issued: String,
    /// What is said, with what the method cannot say.
    pub conclusion: String,
    /// The whole in one word.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conclusion_code: Vec<Concept>,
}

/// A resource of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = FhirResource)]
pub enum Resource {
    /// A patient.
    Patient(Box<Patient>),
    /// A value.
    Observation(Box<Observation>),
    /// A graded analysis.
    DiagnosticReport(Box<DiagnosticReport>),
    /// What is to be said of the answer.
    Outcome(Box<Outcome>),
}

/// Why a resource is in the answer of a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirSearchEntry)]
pub struct Search {
    /// `match`, or `outcome`.
    pub mode: &'static str,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirEntryResponse)]
pub struct EntryResponse {
    /// `201 Created`; `200 OK` for what was there.
    pub status: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// A resource in a bundle, or what became of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirBundleEntry)]
pub struct Entry {
    /// Its name everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_url: Option<String>,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// Why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<EntryResponse>,
}

/// Where a bundle goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirBundleLink)]
pub struct Link {
    /// `self` or `next`.
    pub relation: &'static str,
    /// Where.
    pub url: String,
}

/// Resources together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirBundle)]
pub struct Bundle {
    /// `Bundle`.
    #[schema(pattern = "^Bundle$")]
    pub resource_type: &'static str,
    /// `searchset`, `transaction-response` or `batch-response`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many fit, if that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// Where it goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<Link>,
    /// The resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry: Vec<Entry>,
}

/// Something that is wrong, or to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FhirIssue)]
pub struct Issue {
    /// `error`, `warning` or `information`.
    pub severity: &'static str,
    /// A code of FHIR's issue types.
    pub code: &'static str,
    /// The code that problems have elsewhere in this API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Concept>,
    /// For people.
    pub diagnostics: String,
    /// Where, as FHIRPath.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expression: Vec<String>,
}

/// What is wrong, or to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FhirOperationOutcome)]
pub struct Outcome {
    /// `OperationOutcome`.
    #[schema(pattern = "^OperationOutcome$")]
    pub resource_type: &'static str,
    /// At least one.
    pub issue: Vec<Issue>,
}

impl Outcome {
    /// Of issues.
    pub const fn of(issue: Vec<Issue>) -> Self {
        Self { resource_type: "OperationOutcome", issue }
    }
}

impl Concept {
    /// One code.
    pub fn coded(system: &'static str, code: impl Into<String>) -> Self {
        Self { coding: vec![Coding { system, code: code.into(), display: None }], text: None }
    }

    /// With words.
    #[must_use]
    pub fn named(self, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..self }
    }
}

impl Bundle {
    /// Of resources.
    pub const fn of(kind: &'static str, entry: Vec<Entry>) -> Self {
        Self { resource_type: "Bundle", kind, total: None, link: Vec::new(), entry }
    }
}
