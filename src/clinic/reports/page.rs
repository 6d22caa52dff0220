//! What of a record stands on the paper, as the layout `patient_report` reads it: codes, and what was measured.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    figures::{bounded, day, moment, number, range, rounded, short_day, unit},
    record::{Analysis, Record},
    trends,
};
use crate::{
    clinic::{
        laboratory::names::{self, Group},
        patients::Sex,
        rules::{
            patient::birth::age,
            references::Reference,
            score::{DomainScore, FertilityScore},
            sentences::Sentence,
        },
        values::{LaboratoryValue, list::VALUES_MAX},
    },
    mail::Language,
    notary::time::today,
    pdf::{Document, Layout},
};

/// Of the layout and of this file: another one may say the same otherwise, and is made again.
pub const LAYOUT: &str = "patient_report/1";

/// What is printed, without when.
#[derive(Debug, Clone)]
pub struct Page {
    language: Language,
    data: Value,
}

impl Page {
    /// What a record says on a day.
    pub fn of(record: &Record, language: Language, today: Date) -> Self {
        let count = |is_counted: fn(&LaboratoryValue) -> bool| {
            record.values.iter().filter(|it| is_counted(it)).count()
        };
        let abnormal = count(|it| matches!(it.flag.as_deref(), Some("low" | "high")));
        let has_more = record.values.len() as i64 == VALUES_MAX;
        let said = Say(language);
        let data = json!({
            "clinic": { "name": record.clinic.name, "lines": record.clinic.lines },
            "disclaimer": said.sentence(Sentence::SupportsClinicians),
            "patient": said.patient(record, today),
            "counts": {
                "documents": record.documents.len(), "values": record.values.len(), "abnormal": abnormal,
                "analyses": record.analyses.len(),
            },
            "score": record.score.as_ref().map(|score| said.score(score)),
            "trends": trends::charts(&record.values, language),
            "groups": said.groups(&record.values),
            "shown": has_more.then_some(VALUES_MAX),
            "analyses": record.analyses.iter().map(|it| said.analysis(it)).collect::<Vec<_>>(),
            "documents": record.documents.iter().map(|it| json!({
                "kind": it.kind, "name": it.name, "status": it.status, "day": short_day(crate::notary::time::today(it.created_at)),
            })).collect::<Vec<_>>(),
            "limits": said.limits(record),
            "references": references(record),
        });
        Self { language, data }
    }

    /// The same for everything that reads the same.
    pub fn hash(&self) -> [u8; 32] {
        let data = serde_json::to_vec(&self.data).expect("values of JSON are JSON");
        let hasher = Sha256::new().chain_update(LAYOUT).chain_update([0]).chain_update(self.language.code());
        hasher.chain_update([0]).chain_update(data).finalize().into()
    }

    /// What is to be set: what the record said at this moment.
    pub fn document(self, state_at: Timestamp) -> Document {
        let title = Layout::PatientReport.title(self.language).to_owned();
        let mut data = self.data;
        data["state_of"] = moment(state_at, self.language).into();
        Document {
            layout: Layout::PatientReport,
            language: self.language,
            title,
            made_at: state_at,
            data,
            images: Vec::new(),
        }
    }
}

/// Says things in a language.
struct Say(Language);

impl Say {
    fn sentence(&self, sentence: Sentence) -> &'static str {
        match self.0 {
            Language::It => sentence.italian(),
            Language::En => sentence.english(),
        }
    }

    fn sentences(&self, sentences: &[Sentence]) -> Vec<&'static str> {
        sentences.iter().map(|it| self.sentence(*it)).collect()
    }

    fn patient(&self, record: &Record, today: Date) -> Value {
        let content = &record.patient.content;
        let words = Layout::PatientReport.words(self.0);
        let years = words["label"]["years"].as_str().unwrap_or_default();
        let sex = match content.sex {
            Sex::Female => "female",
            Sex::Male => "male",
            Sex::Other => "other",
        };
        let age = content.born_on.and_then(|born| age(born, today).ok());
        let facts = [
            ("mrn", content.medical_record_number.clone()),
            ("born_on", content.born_on.map(|born| day(born, self.0))),
            ("age", age.map(|age| format!("{age} {years}"))),
            ("sex", words["sex"][sex].as_str().map(str::to_owned)),
            ("fiscal_code", content.fiscal_code.clone()),
            ("consent", record.patient.consented_at.map(|at| day(crate::notary::time::today(at), self.0))),
            ("insurance", content.insurance.clone()),
            ("physician", content.referring_physician.clone()),
        ];
        let facts =
            facts.into_iter().filter_map(|(label, value)| Some(json!({ "label": label, "value": value? })));
        let name = format!("{} {}", content.first_name, content.last_name);
        json!({ "name": name, "facts": facts.collect::<Vec<_>>() })
    }

    fn score(&self, score: &FertilityScore) -> Value {
        let shown = |value: f64| rounded(value, 1, self.0);
        let domain = |it: &DomainScore| {
            json!({ "domain": it.domain, "weight": it.weight, "score": it.score, "shown": it.score.map(shown), "band": it.band,
                "missing": it.missing })
        };
        json!({
            "overall": score.overall.map(shown), "band": score.band, "coverage": score.coverage_percent,
            "method": score.method, "on": day(score.on, self.0),
            "domains": score.domains.iter().map(domain).collect::<Vec<_>>(),
            "critical": self.sentences(&score.critical), "positive": self.sentences(&score.positive),
            "recommendations": self.sentences(&score.recommendations), "improvement": score.improvement,
        })
    }

    /// Groups in their order, in each the analytes in the order of their tables, the newest value first.
    fn groups(&self, values: &[LaboratoryValue]) -> Vec<Value> {
        let places: BTreeMap<&str, usize> =
            names::all().enumerate().map(|(place, it)| (it.code, place)).collect();
        let mut groups: BTreeMap<(usize, &str), Vec<(usize, &LaboratoryValue)>> = BTreeMap::new();
        for value in values {
            let place = places.get(value.analyte.as_str()).copied().unwrap_or(usize::MAX);
            let group = names::by_code(&value.analyte).map(|it| it.group);
            let key = group.map_or((usize::MAX, "other"), |group| (group as usize, group_code(group)));
            groups.entry(key).or_default().push((place, value));
        }
        let table = |((_, group), mut rows): ((usize, &str), Vec<(usize, &LaboratoryValue)>)| {
            rows.sort_by_key(|(place, _)| *place);
            json!({ "group": group, "rows": rows.iter().map(|(_, it)| self.row(it)).collect::<Vec<_>>() })
        };
        groups.into_iter().map(table).collect()
    }

    fn row(&self, value: &LaboratoryValue) -> Value {
        let printed = value.number.as_deref().map(|text| number(text, self.0)).unwrap_or_default();
        json!({
            "analyte": value.analyte, "day": value.observed_on.map(short_day),
            "value": bounded(value.comparator.as_deref(), &printed), "finding": value.finding,
            "unit": value.unit.as_deref().map(|ucum| unit(ucum, self.0)).unwrap_or_default(),
            "range": range(value.range_low.as_deref(), value.range_high.as_deref(), self.0),
            "flag": value.flag, "source": value.source,
        })
    }

    fn analysis(&self, analysis: &Analysis) -> Value {
        let limits = said(analysis, "limits").into_iter().filter(|it| *it != Sentence::SupportsClinicians);
        json!({
            "kind": analysis.kind, "label": analysis.label, "day": short_day(analysis.observed_on),
            "source": analysis.source, "method": analysis.method,
            "sentences": self.sentences(&said(analysis, "sentences")),
            "limits": self.sentences(&limits.collect::<Vec<_>>()),
        })
    }

    /// That of the whole first; those of an analysis stand beside it.
    fn limits(&self, record: &Record) -> Vec<&'static str> {
        let of_score = record.score.iter().flat_map(|it| &it.limits).copied();
        let mut limits = vec![Sentence::SupportsClinicians];
        limits.extend(of_score.filter(|it| *it != Sentence::SupportsClinicians));
        self.sentences(&limits)
    }
}

fn explained<'a>(analysis: &'a Analysis, what: &str) -> impl Iterator<Item = &'a str> {
    let result = &analysis.result;
    let said = result.get("explained").unwrap_or(result).get(what).and_then(Value::as_array);
    said.into_iter().flatten().filter_map(Value::as_str)
}

/// What an analysis says; what only a newer server can say is left out.
fn said(analysis: &Analysis, what: &str) -> Vec<Sentence> {
    let known = |code: &str| Sentence::ALL.iter().find(|it| it.code() == code).copied();
    explained(analysis, what).filter_map(known).collect()
}

/// What all of it rests on, each once, in the order of the list of references.
fn references(record: &Record) -> Vec<&'static str> {
    let of_analyses = record.analyses.iter().flat_map(|it| explained(it, "references")).map(str::to_owned);
    let used = record.score.iter().flat_map(|it| &it.domains).flat_map(|it| &it.inputs);
    let of_score = used.flat_map(|it| &it.references).map(|it| it.code().to_owned());
    let codes: BTreeSet<String> = of_analyses.chain(of_score).collect();
    Reference::ALL.iter().filter(|it| codes.contains(it.code())).map(|it| it.citation()).collect()
}

/// The word by which the layout finds what a group is called.
pub(super) const fn group_code(group: Group) -> &'static str {
    match group {
        Group::ReproductiveHormone => "reproductive_hormone",
        Group::Androgen => "androgen",
        Group::Thyroid => "thyroid",
        Group::Semen => "semen",
        Group::BloodCount => "blood_count",
        Group::Sugar => "sugar",
        Group::Nutrition => "nutrition",
        Group::Infection => "infection",
        Group::Genetics => "genetics",
        Group::OvarianUltrasound => "ovarian_ultrasound",
        Group::UterineUltrasound => "uterine_ultrasound",
    }
}

/// What a record says today at the clinics.
pub fn page(record: &Record, language: Language, now: Timestamp) -> Page {
    Page::of(record, language, today(now))
}
