//! A Bundle that was sent: its Observations as values, and everything that is wrong with them, each with its place.
//!
//! What FHIR allows beside what is used here is left out and told (extensions, notes, performers), but for what changes the meaning:
//! modifier extensions, implicit rules, a focus, components and a status that says less than final are refused. Of an Observation that was
//! entered in error nothing is read but its names: what it says is not true.

use jiff::{Timestamp, civil::Date};

use super::{
    bundle::{AnyResource, Bundle, Coding, Entry, Identifier, Observation, PatientIn, Quantity},
    elements, find,
    systems::{ANALYTE, FINDING, INTERPRETATION, LOINC, UCUM},
    types::{Concept, Issue},
};
use crate::clinic::{
    analyses::list::EXPORTED_MAX,
    laboratory::{
        names::{self, Analyte},
        units::conversion::convert,
    },
    values::entered::{self, Entered, FIRST_DAY, Fitting},
};

/// Observations of one Bundle.
pub const OBSERVATIONS_MAX: usize = 1_000;
/// Entries of one Bundle: so many Observations, and what an export of them has beside them: the Patient, the analyses, and an
/// OperationOutcome.
pub const ENTRIES_MAX: usize = OBSERVATIONS_MAX + EXPORTED_MAX as usize + 2;
/// Bytes of an entry with an Observation: the largest that is exported has 20 names of 255 bytes, each of which JSON may double,
/// and less than 2 KiB besides. A test makes it. What is left over is for the analyses, which are smaller.
pub const ENTRY_BYTES_MAX: usize = 16 << 10;
/// Bytes of one Bundle: whatever is exported with so many Observations can be imported.
pub const BUNDLE_BYTES_MAX: usize = OBSERVATIONS_MAX * ENTRY_BYTES_MAX;
/// Issues that are told at once.
pub const ISSUES_MAX: usize = 100;
/// What an identifier may have: `external_id` holds the system, a bar, and the value.
const IDENTIFIER_MAX: usize = 255;
/// Identifiers of one Observation; the first is `external_id`, the others are `also_called`.
const IDENTIFIERS_MAX: usize = 20;

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
    /// Its names, at least one: system and value, with a bar between.
    pub names: Vec<String>,
    /// Whether it puts right what was sent before.
    pub is_correction: bool,
    /// What fits.
    pub fitting: Fitting,
    /// What the laboratory thought: `low`, `high` or `abnormal`.
    pub printed_flag: Option<&'static str>,
    /// When the specimen was taken.
    pub observed_on: Option<Date>,
}

/// A value that was sent by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which entry.
    pub at: usize,
    /// Its names.
    pub names: Vec<String>,
}

/// What a Bundle says.
#[derive(Debug, Default)]
pub struct Read {
    /// Values.
    pub sent: Vec<Sent>,
    /// Values that are none.
    pub mistakes: Vec<Mistake>,
    /// Entries of kinds that are not imported.
    pub passed: Vec<(usize, String)>,
    /// Elements of each Observation that are not kept.
    pub left: Vec<(usize, Vec<String>)>,
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

/// What entries are read with.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// Where this API is, as others reach it.
    pub base: &'a str,
    /// The day.
    pub today: Date,
}

/// Reads the entries of a Bundle; everything that is wrong is told at once.
pub fn read(bundle: &Bundle, here: Here<'_>) -> Result<Read, Vec<Issue>> {
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
        one(&mut read, &mut issues, (at, entry), (&known, here));
    }
    if read.sent.len() + read.mistakes.len() > OBSERVATIONS_MAX {
        let detail = format!("has more than {OBSERVATIONS_MAX} Observations");
        issues.add("too-long", "too_many", "Bundle.entry".to_owned(), detail);
        issues.end()?;
        return Ok(Read::default());
    }
    let sent = read.sent.iter().map(|it| (it.at, &it.names));
    let all = sent.chain(read.mistakes.iter().map(|it| (it.at, &it.names)));
    let mut names: Vec<_> = all.flat_map(|(at, names)| names.iter().map(move |name| (name, at))).collect();
    names.sort_unstable();
    for pair in names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        let detail = format!("the same identifier as that of entry {}", pair[0].1);
        let place = format!("Bundle.entry[{}].resource.identifier", pair[1].1);
        issues.add("duplicate", "repeated", place, detail);
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

fn one(
    read: &mut Read,
    issues: &mut Issues,
    (at, entry): (usize, &Entry),
    (known, here): (&[Known], Here<'_>),
) {
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
            read.left.push((at, elements::check(resource.get(), &format!("{place}.resource"), issues)));
            let mut text = serde_json::Deserializer::from_str(resource.get());
            match serde_path_to_error::deserialize::<_, Observation>(&mut text) {
                Ok(observation) => {
                    let full_url = entry.full_url.as_deref();
                    let reader = Reader { place: format!("{place}.resource"), full_url, known, here };
                    if observation.status.as_deref() == Some("entered-in-error") {
                        read.mistakes.extend(reader.mistake(at, &observation, issues));
                    } else {
                        read.sent.extend(reader.sent(at, &observation, issues));
                    }
                }
                Err(error) => {
                    let path = format!("{place}.resource.{}", error.path());
                    let at = path.trim_end_matches("..").to_owned();
                    issues.add("structure", "wrong_type", at, "does not fit the structure of R4");
                }
            }
        }
        Ok(kind) => read.passed.push((at, kind)),
    }
}

struct Reader<'a> {
    place: String,
    full_url: Option<&'a str>,
    known: &'a [Known],
    here: Here<'a>,
}

impl Reader<'_> {
    fn at(&self, rest: &str) -> String {
        format!("{}.{rest}", self.place)
    }

    fn mistake(&self, at: usize, it: &Observation, issues: &mut Issues) -> Option<Mistake> {
        self.refuse(
            [
                ("modifierExtension", it.modifier_extension.is_some()),
                ("implicitRules", it.implicit_rules.is_some()),
            ],
            issues,
        );
        Some(Mistake { at, names: self.names(it, issues)? })
    }

    fn sent(&self, at: usize, it: &Observation, issues: &mut Issues) -> Option<Sent> {
        self.refuse_what_changes_meaning(it, issues);
        let subject = self.subject(it, issues);
        let names = self.names(it, issues);
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
            names: names?,
            is_correction: it.status.as_deref() != Some("final"),
            fitting: fitting?,
            printed_flag,
            observed_on: observed_on.ok()?,
        })
    }

    fn refuse_what_changes_meaning(&self, it: &Observation, issues: &mut Issues) {
        self.refuse(
            [
                ("modifierExtension", it.modifier_extension.is_some()),
                ("implicitRules", it.implicit_rules.is_some()),
                ("focus", it.focus.is_some()),
                ("component", !it.component.is_empty()),
                ("effectivePeriod", it.effective_period.is_some()),
                ("effectiveTiming", it.effective_timing.is_some()),
            ],
            issues,
        );
        let status = it.status.as_deref().unwrap_or_default();
        if !["final", "amended", "corrected"].contains(&status) {
            let detail = "only what is final, amended, corrected or entered-in-error is imported";
            issues.add("business-rule", "not_allowed", self.at("status"), detail);
        }
    }

    fn refuse<const N: usize>(&self, members: [(&str, bool); N], issues: &mut Issues) {
        for (member, _) in members.iter().filter(|(_, is_there)| *is_there) {
            issues.add("not-supported", "not_allowed", self.at(member), "is not understood here");
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
            if let Some(id) = self.patient_here(reference) {
                return Some(Subject::Id(id));
            }
        } else if let Some(name) = subject.identifier.as_ref().and_then(named) {
            return Some(Subject::Named(vec![name]));
        }
        let detail = "must lead to a Patient: by its id here, to one in this Bundle, or by an identifier";
        issues.add("invalid", "unknown_patient", place, detail);
        None
    }

    /// The id of a patient of this server: named by the whole address, or relative to a resource that is not another server's.
    fn patient_here(&self, reference: &str) -> Option<uuid::Uuid> {
        let bare = reference.split_once("/_history/").map_or(reference, |(bare, _)| bare);
        let below = |url: &str| url.strip_prefix(self.here.base).is_some_and(|rest| rest.starts_with('/'));
        let relative = if below(bare) {
            &bare[self.here.base.len() + 1..]
        } else {
            if self.full_url.is_some_and(|url| url.starts_with("http") && !below(url)) {
                return None;
            }
            bare
        };
        relative.strip_prefix("Patient/")?.parse().ok()
    }

    /// All names that it has in some system: they have no order.
    fn names(&self, it: &Observation, issues: &mut Issues) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for (system, value) in it.identifier.iter().filter_map(named) {
            let name = format!("{system}|{value}");
            if !names.contains(&name) && names.len() <= IDENTIFIERS_MAX {
                names.push(name);
            }
        }
        let (code, word, detail) = if names.is_empty() {
            let detail = "one must be given with its system: by it, the same Observation is known when it is sent again";
            ("required", "required", detail.to_owned())
        } else if names.len() > IDENTIFIERS_MAX {
            ("too-long", "too_many", format!("more than {IDENTIFIERS_MAX} are given with their systems"))
        } else if names.iter().any(|name| name.len() > IDENTIFIER_MAX) {
            let detail = format!("system and value of one have more than {IDENTIFIER_MAX} bytes");
            ("too-long", "too_long", detail)
        } else if names.iter().any(|name| name.contains(is_no_text)) {
            ("value", "invalid", "system and value have no control characters".to_owned())
        } else {
            return Some(names);
        };
        issues.add(code, word, self.at("identifier"), detail);
        None
    }

    /// The day as it was written: that of the place where the specimen was taken. `Err`: it was told what is wrong.
    fn day(&self, it: &Observation, issues: &mut Issues) -> Result<Option<Date>, ()> {
        let (member, text) = match (&it.effective_date_time, &it.effective_instant) {
            (Some(text), _) => ("effectiveDateTime", text),
            (None, Some(text)) => ("effectiveInstant", text),
            (None, None) => return Ok(None),
        };
        let (code, word, detail) = match day_of(text) {
            Some(day) if day > self.here.today => ("invalid", "in_the_future", "is in the future"),
            Some(day) if day < FIRST_DAY => ("value", "out_of_range", "is too long ago"),
            Some(day) => return Ok(Some(day)),
            None => ("value", "invalid", "must name a day: 2026-03-12, or 2026-03-12T08:30:00+01:00"),
        };
        issues.add(code, word, self.at(member), detail);
        Err(())
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

/// What no string of FHIR has; JSON writes it six times as long.
const fn is_no_text(c: char) -> bool {
    c < ' ' && !matches!(c, '\t' | '\n' | '\r')
}

/// The day of a date, or of a moment with its offset.
fn day_of(text: &str) -> Option<Date> {
    let (day, time) = text.split_at_checked("2026-03-12".len())?;
    let is_sign = |c: char| c.is_ascii_digit() || "T:.+-Z".contains(c);
    let is_moment =
        || time.starts_with('T') && time.chars().all(is_sign) && text.parse::<Timestamp>().is_ok();
    if !day.starts_with(|c: char| c.is_ascii_digit()) || !(time.is_empty() || is_moment()) {
        return None;
    }
    day.parse().ok()
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
