//! What counts in the score, of all that is known of a patient: the registry, values of laboratories, graded analyses.
//!
//! - A value counts in the unit of its curve (`values::canonical`), a hormone beside the range of its own report. A value of
//!   which only a bound is known counts as the bound, one that was not detectable as nothing. One without a day does not count:
//!   nobody can say whether it is old. Nor does one on a page that names somebody else, until somebody has confirmed it.
//! - Genetic tests count by what was found. "Positive" alone does not say how many copies, and counts as of uncertain meaning;
//!   of deletions it says all. MTHFR does not count: the American College of Medical Genetics advises against the test (Hickey
//!   et al., Genet Med 2013;15:153-156).
//! - A karyotype counts as normal if it is 46,XX or 46,XY, as abnormal if it has another number of chromosomes, and else as of
//!   uncertain meaning: its reader is a geneticist. So is that of the other sex: it is the partner's, or a finding of its own.
//! - What only the other sex has is the partner's, and does not count. Of a man the anti-Müllerian hormone says nothing of ovaries.
//! - Of the registry count the age of a woman, since her last birthday, and what is said of her or his life, since the record
//!   was last changed, and her history, as of the day that it says.

use jiff::civil::Date;

use crate::{
    clinic::{
        analyses::Kind,
        laboratory::names::{self, Group},
        patients::{History, Lifestyle, Patient, Sex, Smoking},
        rules::{
            patient::birth,
            score::{Considered, GeneticResult, Hormone, LeftOut, Measure, Observed, Reason},
        },
        values::LaboratoryValue,
    },
    ids::AnalysisId,
    notary::time::today,
};

/// Of what counts from the registry.
pub(super) const REGISTRY: &str = "registry";
/// Of its history, which has a day of its own.
const HISTORY: &str = "registry history";
/// Grams of alcohol in a unit.
const UNIT_GRAMS: f64 = 10.0;

/// What counts of a patient's registry entry, as of `now`.
pub fn of_registry(patient: &Patient, now: Date) -> Vec<Observed> {
    let content = &patient.content;
    let mut found = Vec::new();
    let born_on = content.born_on.filter(|_| content.sex == Sex::Female);
    if let Some((years, since)) = born_on.and_then(|it| age(it, now)) {
        found.push(Observed { measure: Measure::Age(years), on: since, source: REGISTRY.to_owned() });
    }
    let since = today(patient.updated_at).min(now);
    let life = of_life(&content.lifestyle).map(|measure| Observed {
        measure,
        on: since,
        source: REGISTRY.to_owned(),
    });
    found.extend(life);
    // Of a man it would be his partner's, whose record says it.
    if let Some(on) = content.history.as_of.filter(|_| content.sex != Sex::Male) {
        let of = |measure| Observed { measure, on, source: HISTORY.to_owned() };
        found.extend(of_history(&content.history).map(of));
    }
    found
}

fn of_history(history: &History) -> impl Iterator<Item = Measure> {
    [
        history.tubes.map(Measure::Tubes),
        history.ovulation.map(Measure::Ovulation),
        history.endometriosis.map(Measure::Endometriosis),
        history.cycle_length_days.map(|days| Measure::CycleLength(days.into())),
    ]
    .into_iter()
    .flatten()
}

/// Completed years, and the birthday since which it is so.
fn age(born_on: Date, now: Date) -> Option<(f64, Date)> {
    let years = birth::age(born_on, now).ok()?;
    let year = born_on.year() + years;
    // Who was born on 29 February has the birthday on 1 March of other years.
    let day = Date::new(year, born_on.month(), born_on.day()).or_else(|_| Date::new(year, 3, 1)).ok()?;
    Some((f64::from(years), day))
}

fn of_life(life: &Lifestyle) -> impl Iterator<Item = Measure> {
    let index = life.weight_kg.zip(life.height_cm).map(|(kg, cm)| kg / (cm / 100.0).powi(2));
    let cigarettes = match life.smoking {
        Some(Smoking::Never | Smoking::Former) => Some(0.0),
        Some(Smoking::Current) | None => life.cigarettes_per_day.map(f64::from),
    };
    [
        index.map(Measure::BodyMassIndex),
        cigarettes.map(Measure::Cigarettes),
        life.alcohol_units_per_week.map(|units| Measure::Alcohol(units * UNIT_GRAMS)),
    ]
    .into_iter()
    .flatten()
}

/// What counts of an analysis.
pub fn of_analysis(id: AnalysisId, on: Date, measures: Vec<Measure>) -> impl Iterator<Item = Observed> {
    measures.into_iter().map(move |measure| Observed { measure, on, source: format!("analysis {id}") })
}

/// The kind of analysis that values of an analyte make up in a document.
pub fn graded_as(analyte: &str) -> Option<Kind> {
    match names::by_code(analyte)?.group {
        Group::Semen => Some(Kind::Semen),
        Group::OvarianUltrasound => Some(Kind::Follicle),
        _ => None,
    }
}

/// What counts of a value of somebody of this sex, or why it cannot; nothing, if only the other one has such values.
pub fn of_value(value: &LaboratoryValue, sex: Sex) -> Option<Result<Observed, LeftOut>> {
    if !sex.may_have(names::by_code(&value.analyte)?.only_of()) {
        return None;
    }
    let measure = measure(value, sex)?;
    let source = match value.patient_document_id {
        Some(document) => format!("document {document}"),
        None => format!("value {}", value.id),
    };
    let is_in_question = value.is_in_question();
    Some(match value.observed_on {
        Some(on) if !is_in_question => Ok(Observed { measure, on, source }),
        on => {
            let reason = if is_in_question { Reason::NamesAnotherPerson } else { Reason::Undated };
            Err(LeftOut { observed: Considered { measure, on, source }, reason })
        }
    })
}

fn measure(value: &LaboratoryValue, sex: Sex) -> Option<Measure> {
    if let Some(hormone) = hormone(&value.analyte) {
        return of_hormone(hormone, value);
    }
    let number = match &value.finding {
        Some(finding) if is_none(&value.analyte, finding) => 0.0,
        Some(finding) => return of_test(&value.analyte, finding, sex),
        None => value.canonical?,
    };
    Some(match value.analyte.as_str() {
        "amh" if sex == Sex::Male => return None,
        "amh" => Measure::Amh(number),
        "afc" => Measure::AntralFollicles(number),
        "endometrial_thickness" => Measure::EndometrialThickness(number),
        "sperm_total" => Measure::SpermTotal(number),
        "sperm_concentration" => Measure::SpermConcentration(number),
        "sperm_motility_progressive" => Measure::ProgressiveMotility(number),
        "sperm_morphology_normal" => Measure::NormalForms(number),
        _ => return None,
    })
}

/// Whether a finding says that there is nothing of what is counted. Of other things it says nothing: an endometrium that was not
/// seen is not thin.
fn is_none(analyte: &str, finding: &str) -> bool {
    const COUNTED: [&str; 3] = ["amh", "sperm_total", "sperm_concentration"];
    COUNTED.contains(&analyte) && matches!(finding, "absent" | "not_detected")
}

fn hormone(analyte: &str) -> Option<Hormone> {
    Some(match analyte {
        "fsh" => Hormone::Fsh,
        "lh" => Hormone::Lh,
        "estradiol" => Hormone::Estradiol,
        "progesterone" => Hormone::Progesterone,
        "prolactin" => Hormone::Prolactin,
        "testosterone" => Hormone::Testosterone,
        "tsh" => Hormone::Tsh,
        "ft4" => Hormone::FreeT4,
        _ => return None,
    })
}

/// In the unit in which it was printed, as its range.
fn of_hormone(hormone: Hormone, value: &LaboratoryValue) -> Option<Measure> {
    let read = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
    let (least, most) = (read(&value.range_low), read(&value.range_high));
    Some(Measure::Hormone { hormone, value: read(&value.number)?, least, most })
}

fn of_test(analyte: &str, finding: &str, sex: Sex) -> Option<Measure> {
    /// One copy of a disorder that needs two, or of a risk.
    const COPIES: [&str; 7] =
        ["cftr", "smn1", "fmr1", "tay_sachs", "beta_thalassemia", "factor_v_leiden", "prothrombin_mutation"];
    let result = match analyte {
        "karyotype" => karyotype(finding, sex),
        "y_microdeletion" => match finding {
            "negative" | "absent" | "not_detected" => GeneticResult::Normal,
            "positive" => GeneticResult::Abnormal,
            _ => GeneticResult::Uncertain,
        },
        _ if COPIES.contains(&analyte) => match finding {
            "negative" | "absent" | "not_detected" => GeneticResult::Normal,
            "carrier" | "heterozygous" => GeneticResult::Carrier,
            "homozygous" => GeneticResult::Abnormal,
            _ => GeneticResult::Uncertain,
        },
        _ => return None,
    };
    Some(Measure::GeneticTest { test: analyte.to_owned(), result })
}

/// `46,XX`, perhaps with the number of cells that were looked at.
pub(in crate::clinic) fn karyotype(text: &str, sex: Sex) -> GeneticResult {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let bare = match plain.split_once('[') {
        Some((bare, cells)) if cells.ends_with(']') && !bare.contains('/') => bare,
        _ => plain.as_str(),
    };
    match bare {
        "46,XX" if sex == Sex::Male => GeneticResult::Uncertain,
        "46,XY" if sex == Sex::Female => GeneticResult::Uncertain,
        "46,XX" | "46,XY" => GeneticResult::Normal,
        _ if bare.split('/').any(|line| !line.starts_with("46,")) => GeneticResult::Abnormal,
        _ => GeneticResult::Uncertain,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::{
        clinic::{
            patients::Content,
            rules::score::{EndometriosisStage, Ovulation, Tubes},
            values::Source,
        },
        ids::{ClinicId, LaboratoryValueId, PatientId, UserId},
    };

    fn value(analyte: &str) -> LaboratoryValue {
        let nil = uuid::Uuid::nil();
        LaboratoryValue {
            id: LaboratoryValueId(nil),
            clinic_id: ClinicId(nil),
            patient_id: PatientId(nil),
            source: Source::Form,
            patient_document_id: None,
            external_id: None,
            also_called: Vec::new(),
            analyte: analyte.to_owned(),
            loinc: None,
            comparator: None,
            number: None,
            finding: None,
            unit: None,
            canonical: None,
            canonical_unit: None,
            range_low: None,
            range_high: None,
            flag: None,
            printed_flag: None,
            observed_on: Some(date(2026, 3, 12)),
            confidence: None,
            doubts: Vec::new(),
            domains: Vec::new(),
            place: None,
            recorded_by: UserId(nil),
            withdrawn_at: None,
            replaced_by: None,
            replaces: None,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// What counts of a value of which nothing is in question.
    fn counted(value: &LaboratoryValue, sex: Sex) -> Option<Observed> {
        of_value(value, sex).map(|it| it.expect("it has its day, and names nobody else"))
    }

    #[test]
    fn values_count_in_the_unit_of_their_curve_and_hormones_beside_their_own_range() {
        let amh = LaboratoryValue { number: Some("20".into()), canonical: Some(2.8), ..value("amh") };
        let found = counted(&amh, Sex::Female).unwrap();
        assert_eq!((found.measure, found.on), (Measure::Amh(2.8), date(2026, 3, 12)));
        let fsh = LaboratoryValue {
            number: Some("7.20".into()),
            canonical: Some(7.2),
            range_low: Some("3.5".into()),
            range_high: Some("12.5".into()),
            ..value("fsh")
        };
        let expected =
            Measure::Hormone { hormone: Hormone::Fsh, value: 7.2, least: Some(3.5), most: Some(12.5) };
        assert_eq!(counted(&fsh, Sex::Female).unwrap().measure, expected);
        let left_out = |value: &LaboratoryValue| match of_value(value, Sex::Female).unwrap() {
            Err(it) => (it.observed.on, it.reason),
            Ok(it) => panic!("{it:?}"),
        };
        let undated = LaboratoryValue { observed_on: None, ..amh.clone() };
        assert_eq!(left_out(&undated), (None, Reason::Undated), "nobody knows when");
        let of_another = LaboratoryValue { doubts: vec!["names_another_person".into()], ..amh };
        assert_eq!(left_out(&of_another), (of_another.observed_on, Reason::NamesAnotherPerson));
        assert!(
            counted(&LaboratoryValue { canonical: Some(14.0), ..value("haemoglobin") }, Sex::Female)
                .is_none()
        );
    }

    #[test]
    fn what_was_not_there_counts_as_nothing_of_it() {
        for (analyte, finding, expected) in [
            ("amh", "not_detected", Some(Measure::Amh(0.0))),
            ("sperm_concentration", "absent", Some(Measure::SpermConcentration(0.0))),
            ("sperm_concentration", "not_detected", Some(Measure::SpermConcentration(0.0))),
            ("sperm_total", "absent", Some(Measure::SpermTotal(0.0))),
            ("sperm_total", "negative", None),
            ("sperm_total", "positive", None),
            ("endometrial_thickness", "not_detected", None),
            ("afc", "absent", None),
            ("fsh", "not_detected", None),
        ] {
            let value = LaboratoryValue { finding: Some(finding.into()), ..value(analyte) };
            assert_eq!(counted(&value, Sex::Other).map(|it| it.measure), expected, "{analyte} {finding}");
        }
    }

    #[test]
    fn a_karyotype_of_the_other_sex_is_for_a_geneticist() {
        let of = |finding: &str, sex| {
            let test = LaboratoryValue { finding: Some(finding.into()), ..value("karyotype") };
            match counted(&test, sex).unwrap().measure {
                Measure::GeneticTest { result, .. } => result,
                other => panic!("{other:?}"),
            }
        };
        for (finding, sex, expected) in [
            ("46,XX", Sex::Male, GeneticResult::Uncertain),
            ("46,XY", Sex::Female, GeneticResult::Uncertain),
            ("46,XX", Sex::Female, GeneticResult::Normal),
            ("46,XY [20]", Sex::Male, GeneticResult::Normal),
            ("46,XX", Sex::Other, GeneticResult::Normal),
            ("47,XXY", Sex::Male, GeneticResult::Abnormal),
        ] {
            assert_eq!(of(finding, sex), expected, "{finding} {sex:?}");
        }
    }

    #[test]
    fn what_only_the_other_sex_has_does_not_count() {
        for (analyte, female, male) in [
            ("sperm_concentration", false, true),
            ("sperm_morphology_normal", false, true),
            ("afc", true, false),
            ("endometrial_thickness", true, false),
            ("amh", true, false),
        ] {
            let value = LaboratoryValue { canonical: Some(4.0), ..value(analyte) };
            let counts = |sex| counted(&value, sex).is_some();
            assert_eq!((counts(Sex::Female), counts(Sex::Male)), (female, male), "{analyte}");
            assert!(counts(Sex::Other), "{analyte}");
        }
    }

    #[test]
    fn genetic_tests_count_by_what_was_found() {
        let found = |analyte: &str, finding: &str| {
            let test = LaboratoryValue { finding: Some(finding.into()), ..value(analyte) };
            counted(&test, Sex::Other).map(|it| match it.measure {
                Measure::GeneticTest { test, result } if test == analyte => result,
                other => panic!("{other:?}"),
            })
        };
        for (analyte, finding, expected) in [
            ("cftr", "negative", Some(GeneticResult::Normal)),
            ("cftr", "heterozygous", Some(GeneticResult::Carrier)),
            ("cftr", "positive", Some(GeneticResult::Uncertain)),
            ("beta_thalassemia", "homozygous", Some(GeneticResult::Abnormal)),
            ("y_microdeletion", "positive", Some(GeneticResult::Abnormal)),
            ("y_microdeletion", "not_detected", Some(GeneticResult::Normal)),
            ("mthfr", "homozygous", None),
            ("hiv", "negative", None),
            ("karyotype", "46,XX", Some(GeneticResult::Normal)),
            ("karyotype", "46, XY [30]", Some(GeneticResult::Normal)),
            ("karyotype", "47,XXY", Some(GeneticResult::Abnormal)),
            ("karyotype", "45,X/46,XX", Some(GeneticResult::Abnormal)),
            ("karyotype", "45,X[3]/46,XX[27]", Some(GeneticResult::Abnormal)),
            ("karyotype", "46,XY,inv(9)", Some(GeneticResult::Uncertain)),
        ] {
            assert_eq!(found(analyte, finding), expected, "{analyte} {finding}");
        }
    }

    #[test]
    fn an_age_is_of_the_last_birthday_and_of_women() {
        for (born, now, expected) in [
            (date(1990, 5, 17), date(2026, 5, 16), (35.0, date(2025, 5, 17))),
            (date(1990, 5, 17), date(2026, 5, 17), (36.0, date(2026, 5, 17))),
            (date(1992, 2, 29), date(2026, 11, 22), (34.0, date(2026, 3, 1))),
            (date(1992, 2, 29), date(2028, 3, 1), (36.0, date(2028, 2, 29))),
        ] {
            assert_eq!(age(born, now), Some(expected));
        }
        assert_eq!(age(date(2027, 1, 1), date(2026, 1, 1)), None);
    }

    #[test]
    fn the_registry_says_what_was_written_there() {
        let life = Lifestyle {
            smoking: Some(Smoking::Former),
            alcohol_units_per_week: Some(3.0),
            height_cm: Some(200.0),
            weight_kg: Some(80.0),
            ..Lifestyle::default()
        };
        let found: Vec<_> = of_life(&life).collect();
        assert_eq!(found, [Measure::BodyMassIndex(20.0), Measure::Cigarettes(0.0), Measure::Alcohol(30.0)]);
        let smokes = Lifestyle { smoking: Some(Smoking::Current), ..Lifestyle::default() };
        assert_eq!(of_life(&smokes).count(), 0, "how many is not known");
        let at: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let content: Content = serde_json::from_value(serde_json::json!({
            "first_name": "Anna", "last_name": "Bianchi", "born_on": "1990-05-17", "sex": "male", "lifestyle": life,
        }))
        .unwrap();
        let nil = uuid::Uuid::nil();
        let man = Patient {
            id: PatientId(nil),
            clinic_id: ClinicId(nil),
            content,
            consented_at: None,
            last_entry_at: at,
            archived_at: None,
            anonymised_at: None,
            merged_into: None,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        let codes = |patient: &Patient| {
            of_registry(patient, date(2026, 11, 22)).iter().map(|it| it.measure.code()).collect::<Vec<_>>()
        };
        assert_eq!(codes(&man), ["body_mass_index", "cigarettes", "alcohol"]);
        let woman = Patient { content: Content { sex: Sex::Female, ..man.content.clone() }, ..man };
        assert_eq!(codes(&woman), ["age", "body_mass_index", "cigarettes", "alcohol"]);
        let history = History {
            tubes: Some(Tubes::OneBlocked),
            ovulation: Some(Ovulation::Regular),
            endometriosis: Some(EndometriosisStage::None),
            cycle_length_days: Some(29),
            as_of: Some(date(2026, 2, 3)),
        };
        let told = Patient { content: Content { history, ..woman.content.clone() }, ..woman.clone() };
        let found = of_registry(&told, date(2026, 11, 22));
        let said: Vec<_> = found.iter().filter(|it| it.source == HISTORY).collect();
        assert!(said.iter().all(|it| it.on == date(2026, 2, 3)));
        let measures: Vec<_> = said.into_iter().map(|it| it.measure.clone()).collect();
        assert_eq!(
            measures,
            [
                Measure::Tubes(Tubes::OneBlocked),
                Measure::Ovulation(Ovulation::Regular),
                Measure::Endometriosis(EndometriosisStage::None),
                Measure::CycleLength(29.0),
            ]
        );
        let his = Patient { content: Content { sex: Sex::Male, ..told.content.clone() }, ..told };
        assert!(of_registry(&his, date(2026, 11, 22)).iter().all(|it| it.source != HISTORY));
    }
}
