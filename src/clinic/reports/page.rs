//! What of a record stands on the paper, as the layout `patient_report` reads it: codes, and what was measured.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    figures::{bounded, day, moment, number, range, short_day, unit},
    record::{Analysis, Record, Score},
    trends,
};
use crate::{
    clinic::{
        analysis::findings::NEGATIVE,
        laboratory::names::{self, Group},
        patients::Sex,
        rules::{patient::birth::age, references::Reference, score::GeneticResult, sentences::Sentence},
        scores::inputs::karyotype,
        values::LaboratoryValue,
    },
    mail::Language,
    notary::time::today,
    pdf::{Document, Layout},
};

/// Values of documents with fewer points of 100 are marked.
const DOUBTFUL_BELOW: i16 = 80;
/// What makes a value doubtful whatever its points are.
const FROM_IMAGE: &str = "read_from_image";

/// What is printed, without when.
#[derive(Debug, Clone)]
pub struct Page {
    language: Language,
    data: Value,
}

impl Page {
    /// What a record says on a day.
    pub fn of(record: &Record, language: Language, today: Date) -> Self {
        let said = Say(language);
        let counts = record.counts;
        let more = |shown: usize, all: i64| (all > shown as i64).then_some(shown);
        let is_any_doubtful = record.values.iter().any(is_doubtful);
        let data = json!({
            "clinic": { "name": record.clinic.name, "lines": record.clinic.lines },
            "disclaimer": said.sentence(Sentence::SupportsClinicians),
            "patient": said.patient(record, today),
            "counts": {
                "documents": counts.documents, "values": counts.values, "abnormal": counts.abnormal,
                "analyses": counts.analyses,
            },
            "more": {
                "documents": more(record.documents.len(), counts.documents),
                "values": more(record.values.len(), counts.values),
                "analyses": more(record.analyses.len(), counts.analyses),
            },
            "score": record.score.shown().map(|score| said.score(score)),
            "no_score": match record.score {
                Score::Of(_) => None,
                Score::None => Some("none_score"),
                Score::Unreadable => Some("unreadable_score"),
            },
            "trends": trends::charts(&record.values, language),
            "groups": said.groups(&record.values, record.patient.content.sex),
            "doubtful_below": is_any_doubtful.then_some(DOUBTFUL_BELOW),
            "analyses": record.analyses.iter().map(|it| said.analysis(it)).collect::<Vec<_>>(),
            "documents": record.documents.iter().map(|it| said.document(it)).collect::<Vec<_>>(),
            "limits": said.limits(record),
            "references": references(record),
        });
        Self { language, data }
    }

    /// The same for everything that looks the same: what is said, and by which edition of the layout.
    pub fn hash(&self) -> [u8; 32] {
        let data = serde_json::to_vec(&self.data).expect("values of JSON are JSON");
        let edition = Layout::PatientReport.edition();
        let hasher = Sha256::new().chain_update(edition).chain_update([0]).chain_update(self.language.code());
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
pub(super) struct Say(pub(super) Language);

impl Say {
    /// What a code is called; one that only a newer server knows is shown as it is.
    pub(super) fn word(&self, of: &str, code: &str) -> String {
        Layout::PatientReport.words(self.0)[of][code].as_str().unwrap_or(code).to_owned()
    }

    pub(super) fn sentence(&self, sentence: Sentence) -> &'static str {
        match self.0 {
            Language::It => sentence.italian(),
            Language::En => sentence.english(),
        }
    }

    pub(super) fn sentences(&self, sentences: &[Sentence]) -> Vec<&'static str> {
        sentences.iter().map(|it| self.sentence(*it)).collect()
    }

    fn patient(&self, record: &Record, today: Date) -> Value {
        let content = &record.patient.content;
        let sex = match content.sex {
            Sex::Female => "female",
            Sex::Male => "male",
            Sex::Other => "other",
        };
        let age = content.born_on.and_then(|born| age(born, today).ok());
        let facts = [
            ("mrn", content.medical_record_number.clone()),
            ("born_on", content.born_on.map(|born| day(born, self.0))),
            ("age", age.map(|age| format!("{age} {}", self.word("answer", "years")))),
            ("sex", Some(self.word("sex", sex))),
            ("fiscal_code", content.fiscal_code.clone()),
            ("consent", record.patient.consented_at.map(|at| day(crate::notary::time::today(at), self.0))),
            ("insurance", content.insurance.clone()),
            ("physician", content.referring_physician.clone()),
        ];
        let facts =
            facts.into_iter().filter_map(|(label, value)| Some(json!({ "label": label, "value": value? })));
        let name = format!("{} {}", content.first_name, content.last_name);
        json!({ "name": name, "mrn": content.medical_record_number, "facts": facts.collect::<Vec<_>>() })
    }

    /// Groups in their order, in each the analytes in the order of their tables, the newest value first.
    fn groups(&self, values: &[LaboratoryValue], sex: Sex) -> Vec<Value> {
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
            json!({ "group": group, "rows": rows.iter().map(|(_, it)| self.row(it, sex)).collect::<Vec<_>>() })
        };
        groups.into_iter().map(table).collect()
    }

    fn row(&self, value: &LaboratoryValue, sex: Sex) -> Value {
        let printed = value.number.as_deref().map(|text| number(text, self.0)).unwrap_or_default();
        json!({
            "analyte": value.analyte, "day": value.observed_on.map(|day| short_day(day, self.0)),
            "value": bounded(value.comparator.as_deref(), &printed), "finding": value.finding,
            "unit": value.unit.as_deref().map(|ucum| unit(ucum, self.0)).unwrap_or_default(),
            "range": range(value.range_low.as_deref(), value.range_high.as_deref(), self.0),
            "outcome": outcome(value, sex), "source": value.source, "is_doubtful": is_doubtful(value),
        })
    }

    fn analysis(&self, analysis: &Analysis) -> Value {
        let limits = said(analysis, "limits").into_iter().filter(|it| *it != Sentence::SupportsClinicians);
        json!({
            "kind": analysis.kind, "label": analysis.label, "day": short_day(analysis.observed_on, self.0),
            "source": analysis.source, "method": analysis.method, "figures": self.graded(analysis),
            "missing": self.missing(explained(analysis, "missing")),
            "sentences": self.sentences(&said(analysis, "sentences")),
            "limits": self.sentences(&limits.collect::<Vec<_>>()),
        })
    }

    /// That of the whole first; those of an analysis stand beside it.
    fn limits(&self, record: &Record) -> Vec<&'static str> {
        let of_score = record.score.shown().into_iter().flat_map(|it| &it.limits).copied();
        let mut limits = vec![Sentence::SupportsClinicians];
        limits.extend(of_score.filter(|it| *it != Sentence::SupportsClinicians));
        self.sentences(&limits)
    }
}

/// A sentence with a number in the place of its `{}`.
pub(super) fn fill(sentence: &str, number: &impl ToString) -> String {
    sentence.replacen("{}", &number.to_string(), 1)
}

/// Where a value lies, as far as somebody has said it: a word of the layout; `None`: it is found to be nothing special.
pub(super) fn outcome(value: &LaboratoryValue, sex: Sex) -> Option<&str> {
    if let Some(finding) = &value.finding {
        let is_nothing = match value.analyte.as_str() {
            "karyotype" => karyotype(finding, sex) == GeneticResult::Normal,
            _ => NEGATIVE.iter().any(|it| it.as_str() == finding),
        };
        return (!is_nothing).then_some("to_see");
    }
    let has_range = value.range_low.is_some() || value.range_high.is_some();
    Some(match (value.flag.as_deref(), value.printed_flag.as_deref()) {
        (Some(flag), _) => flag,
        (None, Some("low")) => "low_printed",
        (None, Some("high")) => "high_printed",
        (None, Some(_)) => "abnormal_printed",
        // A bound that the range includes.
        (None, None) if has_range => "open",
        (None, None) => "no_range",
    })
}

/// Whether somebody should compare a value with the document it is from.
fn is_doubtful(value: &LaboratoryValue) -> bool {
    let is_unsure = value.confidence.is_some_and(|points| points < DOUBTFUL_BELOW);
    is_unsure || value.doubts.iter().any(|doubt| doubt == FROM_IMAGE)
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
    let used = record.score.shown().into_iter().flat_map(|it| &it.domains).flat_map(|it| &it.inputs);
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
