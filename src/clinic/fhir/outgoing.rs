//! From what is kept to resources.

use jiff::Timestamp;

use super::{
    systems::{
        ANALYSIS, ANALYTE, CATEGORY, FINDING, FISCAL_CODE, GRADE, IDENTIFIER_TYPE, INTERPRETATION, LOINC,
        SERVICE, UCUM, URI, medical_record_numbers, urn,
    },
    types::{
        Coding, Concept, ContactPoint, DiagnosticReport, Digits, Entry, HumanName, Identifier, Meta,
        Observation, Patient, Quantity, Reference, ReferenceRange, Resource, Search,
    },
};
use crate::clinic::{
    analyses::{GradedAnalysis, Kind},
    laboratory::names::{self, Group},
    patients::{self, Sex},
    values::{LaboratoryValue, canonical::UNITY},
};

fn instant(at: Timestamp) -> String {
    // FHIR instants have milliseconds at most in many libraries.
    format!("{at:.3}")
}

fn identifier(system: impl Into<String>, value: impl Into<String>) -> Identifier {
    Identifier { kind: None, system: system.into(), value: value.into() }
}

/// A patient.
pub fn patient(of: &patients::Patient) -> Patient {
    let content = &of.content;
    let is_nobody = of.anonymised_at.is_some();
    let number = content.medical_record_number.as_ref().map(|number| Identifier {
        kind: Some(Concept::coded(IDENTIFIER_TYPE, "MR")),
        ..identifier(medical_record_numbers(of.clinic_id), number)
    });
    let code = content.fiscal_code.as_ref().map(|code| identifier(FISCAL_CODE, code));
    let name = HumanName { family: content.last_name.clone(), given: vec![content.first_name.clone()] };
    let contact = |system, value: &Option<String>| value.clone().map(|value| ContactPoint { system, value });
    Patient {
        resource_type: "Patient",
        id: of.id.to_string(),
        meta: Meta { version_id: Some(of.version.to_string()), last_updated: instant(of.updated_at) },
        identifier: number.into_iter().chain(code).collect(),
        active: of.archived_at.is_none() && of.merged_into.is_none(),
        name: if is_nobody { Vec::new() } else { vec![name] },
        telecom: [contact("phone", &content.phone), contact("email", &content.email)]
            .into_iter()
            .flatten()
            .collect(),
        gender: match content.sex {
            Sex::Female => "female",
            Sex::Male => "male",
            Sex::Other => "other",
        },
        birth_date: content
            .born_on
            .map(|day| if is_nobody { day.year().to_string() } else { day.to_string() }),
    }
}

/// A value.
pub fn observation(value: &LaboratoryValue) -> Observation {
    let is_karyotype = value.analyte == "karyotype";
    let finding = value.finding.as_ref();
    let coded = finding
        .filter(|_| !is_karyotype)
        .map(|word| Concept::coded(FINDING, word).named(word.replace('_', " ")));
    Observation {
        resource_type: "Observation",
        id: value.id.to_string(),
        meta: Meta {
            version_id: None,
            last_updated: instant(value.withdrawn_at.unwrap_or(value.created_at)),
        },
        identifier: names_of(value),
        status: match (value.withdrawn_at, value.replaces) {
            (Some(_), _) => "entered-in-error",
            // Nobody knows yet that it is of the patient: no other system should take it for a fact, nor does this one import it.
            (None, _) if value.is_in_question() => "preliminary",
            (None, Some(_)) => "corrected",
            (None, None) => "final",
        },
        category: vec![Concept::coded(CATEGORY, category(&value.analyte))],
        code: code(value),
        subject: Reference { reference: format!("Patient/{}", value.patient_id) },
        effective_date_time: value.observed_on.map(|day| day.to_string()),
        issued: instant(value.created_at),
        value_quantity: value.number.as_ref().map(|number| Quantity {
            comparator: value.comparator.clone(),
            ..quantity(number, value.unit.as_deref())
        }),
        value_codeable_concept: coded,
        value_string: finding.filter(|_| is_karyotype).cloned(),
        interpretation: interpretation(value).into_iter().collect(),
        reference_range: range(value).into_iter().collect(),
    }
}

/// By what another system calls it, else by its id: imported elsewhere and sent back, it is known.
fn names_of(value: &LaboratoryValue) -> Vec<Identifier> {
    let given = value.external_id.iter().chain(&value.also_called);
    let named: Vec<_> =
        given.filter_map(|it| it.split_once('|')).map(|(system, name)| identifier(system, name)).collect();
    if named.is_empty() { vec![identifier(URI, urn(value.id))] } else { named }
}

fn category(analyte: &str) -> &'static str {
    let group = names::by_code(analyte).map(|it| it.group);
    match group {
        Some(Group::OvarianUltrasound | Group::UterineUltrasound) => "imaging",
        _ => "laboratory",
    }
}

fn code(value: &LaboratoryValue) -> Concept {
    let loinc = value.loinc.as_ref().map(|code| Coding { system: LOINC, code: code.clone(), display: None });
    let ours = Coding { system: ANALYTE, code: value.analyte.clone(), display: None };
    let text = names::by_code(&value.analyte).and_then(|it| it.names.first().or(it.names_in_semen.first()));
    Concept {
        coding: loinc.into_iter().chain([ours]).collect(),
        text: Some(text.map_or_else(|| value.analyte.clone(), |it| (*it).to_owned())),
    }
}

fn quantity(number: &str, unit: Option<&str>) -> Quantity {
    let unit = unit.unwrap_or(UNITY);
    Quantity {
        value: Digits(number.to_owned()),
        comparator: None,
        unit: Some(unit.to_owned()).filter(|it| it != UNITY),
        system: Some(UCUM),
        code: Some(unit.to_owned()),
    }
}

fn interpretation(value: &LaboratoryValue) -> Option<Concept> {
    let code = match value.flag.as_deref().or(value.printed_flag.as_deref())? {
        "low" => "L",
        "high" => "H",
        "normal" => "N",
        _ => "A",
    };
    Some(Concept::coded(INTERPRETATION, code))
}

fn range(value: &LaboratoryValue) -> Option<ReferenceRange> {
    let end = |text: &Option<String>| text.as_ref().map(|it| quantity(it, value.unit.as_deref()));
    let (low, high) = (end(&value.range_low), end(&value.range_high));
    (low.is_some() || high.is_some()).then_some(ReferenceRange { low, high })
}

/// A graded analysis. Its conclusion is in English, with the limits of the method behind it.
pub fn report(analysis: &GradedAnalysis) -> DiagnosticReport {
    let kind = analysis.graded.kind();
    let service = match kind {
        Kind::Semen | Kind::Oocyte | Kind::Embryo => "LAB",
        Kind::Follicle => "US",
        Kind::Hysteroscopy => "OTH",
    };
    let said = analysis.explanation.sentences.iter().chain(&analysis.explanation.limits);
    DiagnosticReport {
        resource_type: "DiagnosticReport",
        id: analysis.id.to_string(),
        meta: Meta {
            version_id: Some(analysis.version.to_string()),
            last_updated: instant(analysis.updated_at),
        },
        identifier: vec![identifier(URI, urn(analysis.id))],
        status: if analysis.withdrawn_at.is_some() { "entered-in-error" } else { "final" },
        category: vec![Concept::coded(SERVICE, service)],
        code: Concept::coded(ANALYSIS, kind.as_str()).named(kind.as_str()),
        subject: Reference { reference: format!("Patient/{}", analysis.patient_id) },
        effective_date_time: analysis.observed_on.to_string(),
        issued: instant(analysis.created_at),
        conclusion: said.map(|it| it.en).collect::<Vec<_>>().join(" "),
        conclusion_code: analysis.grade.iter().map(|word| Concept::coded(GRADE, word)).collect(),
    }
}

/// A resource of the answer to a search, below `base`, where this API is.
pub fn found(resource: Resource, mode: &'static str, base: &str) -> Entry {
    let named = match &resource {
        Resource::Patient(it) => Some((it.resource_type, &it.id)),
        Resource::Observation(it) => Some((it.resource_type, &it.id)),
        Resource::DiagnosticReport(it) => Some((it.resource_type, &it.id)),
        Resource::Outcome(_) => None,
    };
    let full_url = named.map(|(kind, id)| format!("{base}/{kind}/{id}"));
    Entry { full_url, resource: Some(resource), search: Some(Search { mode }), response: None }
}
