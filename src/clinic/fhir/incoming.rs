//! A Bundle that was sent: its Observations as values, and everything that is wrong with them, each with its place.
//!
//! What FHIR allows beside what is used here is passed over (extensions, notes, performers), but for what changes the meaning:
//! modifier extensions, implicit rules, components and a status that is not final are refused.

use jiff::civil::Date;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    find,
    systems::{ANALYTE, FINDING, INTERPRETATION, LOINC, UCUM},
    types::{Concept, Issue},
};
use crate::clinic::{
    laboratory::{
        names::{self, Analyte},
        units::conversion::convert,
    },
    values::entered::{self, Entered, Fitting},
};

/// Entries of one Bundle.
pub const ENTRIES_MAX: usize = 1_000;
/// Issues that are told at once.
pub const ISSUES_MAX: usize = 100;
/// What an identifier may have: `external_id` holds the system, a bar, and the value.
const IDENTIFIER_MAX: usize = 255;

/// A Bundle, its resources not looked into.
#[derive(Debug, Deserialize)]
pub struct Bundle {
    /// `Bundle`.
    #[serde(rename = "resourceType")]
    pub resource_type: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: String,
    /// The entries.
    #[serde(default)]
    pub entry: Vec<Entry>,
}

/// An entry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its name in the Bundle.
    pub full_url: Option<String>,
    /// The resource.
    pub resource: Option<Box<RawValue>>,
    /// What is to be done with it.
    pub request: Option<Request>,
}

/// What is to be done.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// `POST`: nothing else is done here.
    pub method: String,
}

#[derive(Debug, Deserialize)]
struct AnyResource {
    #[serde(rename = "resourceType")]
    resource_type: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Identifier {
    system: Option<String>,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Coding {
    system: Option<String>,
    code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Coded {
    #[serde(default)]
    coding: Vec<Coding>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    reference: Option<String>,
    identifier: Option<Identifier>,
}

#[derive(Debug, Deserialize)]
struct Quantity {
    value: Option<Box<RawValue>>,
    comparator: Option<String>,
    unit: Option<String>,
    system: Option<String>,
    code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferenceRange {
    low: Option<Quantity>,
    high: Option<Quantity>,
    #[serde(default)]
    applies_to: Vec<IgnoredAny>,
    age: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Observation {
    #[serde(default)]
    identifier: Vec<Identifier>,
    status: Option<String>,
    #[serde(default)]
    code: Coded,
    subject: Option<Reference>,
    effective_date_time: Option<String>,
    effective_instant: Option<String>,
    effective_period: Option<IgnoredAny>,
    effective_timing: Option<IgnoredAny>,
    value_quantity: Option<Quantity>,
    value_codeable_concept: Option<Coded>,
    value_string: Option<String>,
    #[serde(default)]
    interpretation: Vec<Coded>,
    #[serde(default)]
    reference_range: Vec<ReferenceRange>,
    #[serde(default)]
    component: Vec<IgnoredAny>,
    modifier_extension: Option<IgnoredAny>,
    implicit_rules: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct PatientIn {
    id: Option<String>,
    #[serde(default)]
    identifier: Vec<Identifier>,
}

/// How a patient is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// By the id here.
    Id(uuid::Uuid),
    /// By identifiers: system and value.
    Named(Vec<(String, String)>),
}

/// A value that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Which entry.
    pub at: usize,
    /// About whom.
    pub subject: Subject,
    /// System and value, with a bar between.
    pub external_id: String,
    /// What fits.
    pub fitting: Fitting,
    /// What the laboratory thought: `low`, `high` or `abnormal`.
    pub printed_flag: Option<&'static str>,
    /// When the specimen was taken.
    pub observed_on: Option<Date>,
}

/// What a Bundle says.
#[derive(Debug, Default)]
pub struct Read {
    /// Values.
    pub sent: Vec<Sent>,
    /// Entries of kinds that are not imported.
    pub passed: Vec<(usize, String)>,
}

/// A patient of the Bundle.
struct Known {
    names: Vec<String>,
    identifiers: Vec<(String, String)>,
}

/// Everything that is wrong, as far as it is told.
#[derive(Debug, Default)]
pub struct Issues(Vec<Issue>);

impl Issues {
    /// Something wrong at a place.
    pub fn add(&mut self, code: &'static str, word: &str, at: String, diagnostics: impl Into<String>) {
        if self.0.len() < ISSUES_MAX {
            let details = Some(Concept { coding: Vec::new(), text: Some(word.to_owned()) });
            let diagnostics = diagnostics.into();
            self.0.push(Issue { severity: "error", code, details, diagnostics, expression: vec![at] });
        }
    }

    /// `Err` if anything was wrong.
    pub fn end(self) -> Result<(), Vec<Issue>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// Reads the entries of a Bundle; everything that is wrong is told at once.
pub fn read(bundle: &Bundle, today: Date) -> Result<Read, Vec<Issue>> {
    let mut issues = Issues::default();
    let kinds = ["transaction", "batch", "collection", "searchset"];
    if bundle.resource_type != "Bundle" {
        issues.add("invalid", "not_allowed", "Bundle.resourceType".to_owned(), "must be Bundle");
    }
    if !kinds.contains(&bundle.kind.as_str()) {
        let detail = format!("must be one of {}", kinds.join(", "));
        issues.add("not-supported", "not_allowed", "Bundle.type".to_owned(), detail);
    }
    if bundle.entry.len() > ENTRIES_MAX {
        let detail = format!("has more than {ENTRIES_MAX} entries");
        issues.add("too-long", "too_many", "Bundle.entry".to_owned(), detail);
        issues.end()?;
        return Ok(Read::default());
    }
    let known = patients(bundle);
    let mut read = Read::default();
    for (at, entry) in bundle.entry.iter().enumerate() {
        one(&mut read, &mut issues, (at, entry), (&known, today));
    }
    let mut names: Vec<_> = read.sent.iter().map(|it| (&it.external_id, it.at)).collect();
    names.sort_unstable();
    for pair in names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let detail = format!("the same identifier as that of entry {}", pair[0].1);
        issues.add(
            "duplicate",
            "repeated",
            format!("Bundle.entry[{}].resource.identifier[0]", pair[1].1),
            detail,
        );
    }
    issues.end()?;
    Ok(read)
}

fn patients(bundle: &Bundle) -> Vec<Known> {
    let known = |entry: &Entry| {
        let resource = entry.resource.as_ref()?;
        let any: AnyResource = serde_json::from_str(resource.get()).ok()?;
        let found: PatientIn =
            (any.resource_type == "Patient").then(|| serde_json::from_str(resource.get()).ok()).flatten()?;
        let names = entry.full_url.clone().into_iter().chain(found.id.map(|id| format!("Patient/{id}")));
        let identifiers = found.identifier.iter().filter_map(named).collect();
        Some(Known { names: names.collect(), identifiers })
    };
    bundle.entry.iter().filter_map(known).collect()
}

fn named(identifier: &Identifier) -> Option<(String, String)> {
    Some((identifier.system.clone()?, identifier.value.clone()?))
}

fn one(read: &mut Read, issues: &mut Issues, (at, entry): (usize, &Entry), (known, today): (&[Known], Date)) {
    let place = format!("Bundle.entry[{at}]");
    let Some(resource) = &entry.resource else {
        return issues.add("required", "required", format!("{place}.resource"), "must be given");
    };
    if entry.request.as_ref().is_some_and(|it| it.method != "POST") {
        let detail = "only POST is done here";
        issues.add("not-supported", "not_allowed", format!("{place}.request.method"), detail);
    }
    let kind: Result<AnyResource, _> = serde_json::from_str(resource.get());
    match kind.map(|it| it.resource_type) {
        Err(_) => {
            let detail = "a resource names its resourceType";
            issues.add("structure", "wrong_type", format!("{place}.resource"), detail);
        }
        Ok(kind) if kind == "Observation" => {
            let mut text = serde_json::Deserializer::from_str(resource.get());
            match serde_path_to_error::deserialize::<_, Observation>(&mut text) {
                Ok(observation) => {
                    let reader = Reader { place: format!("{place}.resource"), known, today };
                    read.sent.extend(reader.sent(at, &observation, issues));
                }
                Err(error) => {
                    let at = match error.path().to_string() {
                        path if path == "." => format!("{place}.resource"),
                        path => format!("{place}.resource.{path}"),
                    };
                    issues.add("structure", "wrong_type", at, "does not fit the structure of R4");
                }
            }
        }
        Ok(kind) => read.passed.push((at, kind)),
    }
}

struct Reader<'a> {
    place: String,
    known: &'a [Known],
    today: Date,
}

impl Reader<'_> {
    fn at(&self, rest: &str) -> String {
        format!("{}.{rest}", self.place)
    }

    fn sent(&self, at: usize, it: &Observation, issues: &mut Issues) -> Option<Sent> {
        self.refuse_what_changes_meaning(it, issues);
        let subject = self.subject(it, issues);
        let external_id = self.external_id(it, issues);
        let observed_on = self.day(it, issues);
        let analyte = self.analyte(it, issues);
        let fitting = analyte.and_then(|(analyte, loinc)| self.fitting(it, analyte, loinc, issues));
        let printed_flag = it.interpretation.iter().flat_map(|it| &it.coding).find_map(|coding| {
            let is_known = coding.system.as_deref() == Some(INTERPRETATION);
            match coding.code.as_deref().filter(|_| is_known)? {
                "L" | "LL" | "LU" => Some("low"),
                "H" | "HH" | "HU" => Some("high"),
                "A" | "AA" => Some("abnormal"),
                _ => None,
            }
        });
        Some(Sent {
            at,
            subject: subject?,
            external_id: external_id?,
            fitting: fitting?,
            printed_flag,
            observed_on: observed_on.ok()?,
        })
    }

    fn refuse_what_changes_meaning(&self, it: &Observation, issues: &mut Issues) {
        let changing = [
            ("modifierExtension", it.modifier_extension.is_some()),
            ("implicitRules", it.implicit_rules.is_some()),
            ("component", !it.component.is_empty()),
            ("effectivePeriod", it.effective_period.is_some()),
            ("effectiveTiming", it.effective_timing.is_some()),
        ];
        for (member, _) in changing.iter().filter(|(_, is_there)| *is_there) {
            issues.add("not-supported", "not_allowed", self.at(member), "is not understood here");
        }
        let status = it.status.as_deref().unwrap_or_default();
        if !["final", "amended", "corrected"].contains(&status) {
            let detail = "only what is final, amended or corrected is imported";
            issues.add("business-rule", "not_allowed", self.at("status"), detail);
        }
    }

    fn subject(&self, it: &Observation, issues: &mut Issues) -> Option<Subject> {
        let place = self.at("subject");
        let Some(subject) = &it.subject else {
            issues.add("required", "required", place, "must be given");
            return None;
        };
        if let Some(reference) = &subject.reference {
            if let Some(known) = self.known.iter().find(|it| it.names.contains(reference)) {
                return Some(Subject::Named(known.identifiers.clone()));
            }
            let id = reference.rsplit_once("Patient/").and_then(|(_, id)| id.parse().ok());
            if let Some(id) = id {
                return Some(Subject::Id(id));
            }
        } else if let Some(name) = subject.identifier.as_ref().and_then(named) {
            return Some(Subject::Named(vec![name]));
        }
        let detail = "must lead to a Patient: by its id here, to one in this Bundle, or by an identifier";
        issues.add("invalid", "unknown_patient", place, detail);
        None
    }

    fn external_id(&self, it: &Observation, issues: &mut Issues) -> Option<String> {
        let name = it.identifier.first().and_then(named).map(|(system, value)| format!("{system}|{value}"));
        let place = self.at("identifier[0]");
        match name {
            None => {
                let detail = "must be given with its system: by it, the same Observation is known when it is sent again";
                issues.add("required", "required", place, detail);
                None
            }
            Some(name) if name.len() > IDENTIFIER_MAX => {
                let detail = format!("system and value have more than {IDENTIFIER_MAX} bytes");
                issues.add("too-long", "too_long", place, detail);
                None
            }
            Some(name) => Some(name),
        }
    }

    /// The day as it was written: that of the place where the specimen was taken. `Err`: it was told what is wrong.
    fn day(&self, it: &Observation, issues: &mut Issues) -> Result<Option<Date>, ()> {
        let (member, text) = match (&it.effective_date_time, &it.effective_instant) {
            (Some(text), _) => ("effectiveDateTime", text),
            (None, Some(text)) => ("effectiveInstant", text),
            (None, None) => return Ok(None),
        };
        let day = text.get(..10).filter(|_| matches!(text.as_bytes().get(10), None | Some(b'T')));
        match day.and_then(|day| day.parse::<Date>().ok()) {
            Some(day) if day > self.today => {
                issues.add("invalid", "in_the_future", self.at(member), "is in the future");
                Err(())
            }
            Some(day) => Ok(Some(day)),
            None => {
                issues.add("value", "invalid", self.at(member), "must name a day: 2026-03-12");
                Err(())
            }
        }
    }

    /// What was measured, and the LOINC code that says so.
    fn analyte<'i>(
        &self,
        it: &'i Observation,
        issues: &mut Issues,
    ) -> Option<(&'static Analyte, Option<&'i str>)> {
        let code = |system: &str| {
            let of = |coding: &&Coding| coding.system.as_deref() == Some(system);
            it.code.coding.iter().find(of).and_then(|coding| coding.code.as_deref())
        };
        let (loinc, ours) = (code(LOINC), code(ANALYTE));
        let by_loinc = loinc.and_then(find::by_loinc);
        let by_ours = ours.and_then(names::by_code);
        let place = self.at("code");
        match (by_loinc, by_ours) {
            (Some(one), Some(other)) if one != other => {
                issues.add("invalid", "contradicts", place, "its codes mean two things");
                None
            }
            (Some(found), _) => Some((found, loinc)),
            (None, Some(found)) if loinc.is_none() => Some((found, None)),
            _ => {
                let named = loinc.map_or_else(|| "no code".to_owned(), |it| format!("LOINC {it}"));
                let detail = format!("{named} is of nothing that is kept here");
                issues.add("code-invalid", "unknown_code", place, detail);
                None
            }
        }
    }

    fn fitting(
        &self,
        it: &Observation,
        analyte: &'static Analyte,
        loinc: Option<&str>,
        issues: &mut Issues,
    ) -> Option<Fitting> {
        let number = it.value_quantity.as_ref().and_then(|it| it.value.as_ref()).map(|it| it.get());
        let unit = it.value_quantity.as_ref().and_then(unit);
        let of_finding = it.value_codeable_concept.as_ref().and_then(|it| {
            it.coding
                .iter()
                .find(|it| it.system.as_deref() == Some(FINDING))
                .and_then(|it| it.code.as_deref())
        });
        let (low, high) = range(it, analyte, unit);
        let entered = Entered {
            analyte,
            comparator: it.value_quantity.as_ref().and_then(|it| it.comparator.as_deref()),
            number,
            unit,
            finding: of_finding.or(it.value_string.as_deref()),
            range_low: low.as_deref(),
            range_high: high.as_deref(),
        };
        let fitting = match entered.check() {
            Ok(fitting) => fitting,
            Err(misfits) => {
                for misfit in misfits {
                    let member = match misfit.member {
                        "unit" => "valueQuantity.code",
                        "comparator" => "valueQuantity.comparator",
                        "range_low" | "range_high" => "referenceRange[0]",
                        _ => "value",
                    };
                    issues.add("value", misfit.why.code(), self.at(member), misfit.why.to_string());
                }
                return None;
            }
        };
        if loinc.is_some() && fitting.loinc() != loinc {
            let detail = "the code is of another kind of unit, or of another kind of value";
            issues.add("invalid", "contradicts", self.at("code"), detail);
            return None;
        }
        Some(fitting)
    }
}

/// The one range that is for everybody, in the unit of the value.
fn range(it: &Observation, analyte: &'static Analyte, of: Option<&str>) -> (Option<String>, Option<String>) {
    let mut plain = it.reference_range.iter().filter(|it| it.applies_to.is_empty() && it.age.is_none());
    let (Some(range), None) = (plain.next(), plain.next()) else { return (None, None) };
    let end = |quantity: &Option<Quantity>| {
        let quantity = quantity.as_ref()?;
        let text = quantity.value.as_ref()?.get();
        let own = unit(quantity);
        if own.is_none() || own == of {
            return Some(text.to_owned());
        }
        let (from, to) = (entered::unit(own?)?, entered::unit(of?)?);
        convert(entered::number(text)?, &from, &to, analyte.bridge).map(|it| it.to_string())
    };
    (end(&range.low), end(&range.high))
}

/// UCUM's code, else what is printed.
fn unit(quantity: &Quantity) -> Option<&str> {
    let code = quantity.code.as_deref().filter(|_| quantity.system.as_deref() == Some(UCUM));
    code.or(quantity.unit.as_deref())
}
