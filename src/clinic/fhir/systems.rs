//! What codes and identifiers are called.

use crate::ids::ClinicId;

/// Regenstrief Institute.
pub const LOINC: &str = "http://loinc.org";
/// The Unified Code for Units of Measure.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// Analytes of this software: those of `clinic::laboratory::names`, also where LOINC has no code.
pub const ANALYTE: &str = "urn:sportello:analyte";
/// What is found or not: `clinic::values::entered::FINDINGS`.
pub const FINDING: &str = "urn:sportello:finding";
/// Kinds of graded analyses.
pub const ANALYSIS: &str = "urn:sportello:analysis";
/// Words of their results.
pub const GRADE: &str = "urn:sportello:grade";
/// Ids that are their own names (RFC 3986).
pub const URI: &str = "urn:ietf:rfc:3986";
/// The codice fiscale, by the Italian registry of object identifiers.
pub const FISCAL_CODE: &str = "urn:oid:2.16.840.1.113883.2.9.4.3.2";
/// HL7 v2, types of identifiers.
pub const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
/// Categories of observations.
pub const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// Where a value lies in its range.
pub const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
/// HL7 v2, sections of diagnostic services.
pub const SERVICE: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";

/// Numbers of records: unique in a clinic.
pub fn medical_record_numbers(clinic: ClinicId) -> String {
    format!("urn:sportello:clinic:{clinic}:mrn")
}

/// The name of a thing of ours everywhere else.
pub fn urn(id: impl std::fmt::Display) -> String {
    format!("urn:uuid:{id}")
}
