//! What stands on the paper, read back by programs of others: `qpdf` and poppler's tools.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _, civil::date};
use serde_json::{Value, json};

use super::{
    figures,
    page::{Page, group_code},
    record::{Analysis, Clinic, Document, Record},
    trends,
};
use crate::{
    clinic::{
        laboratory::names,
        patients::{Content, History, Lifestyle, Patient, Sex},
        rules::{
            score::{Domain, FertilityScore, Measure, Observed, compute},
            sentences::Sentence,
        },
        values::{LaboratoryValue, Source},
    },
    ids::{ClinicId, LaboratoryValueId, PatientId, UserId},
    mail::Language,
    pdf::{
        Layout, print,
        tests::{ask, names_of, words},
    },
};

const BOTH: [Language; 2] = [Language::It, Language::En];

fn now() -> Timestamp {
    "2026-11-22T10:20:30Z".parse().unwrap()
}

fn patient() -> Patient {
    let nobody = uuid::Uuid::nil();
    Patient {
        id: PatientId(nobody),
        clinic_id: ClinicId(nobody),
        content: Content {
            medical_record_number: Some("MR-7K2P9QX".to_owned()),
            first_name: "Anna #eval(\"1\")".to_owned(),
            last_name: "D'Angelo".to_owned(),
            born_on: Some(date(1990, 5, 17)),
            sex: Sex::Female,
            fiscal_code: None,
            email: None,
            phone: None,
            insurance: None,
            referring_physician: Some("Dott.ssa Paola Verdi".to_owned()),
            partner_patient_id: None,
            lifestyle: Lifestyle::default(),
            history: History::default(),
            notes: "*never shown*".to_owned(),
            is_distinct: false,
        },
        consented_at: Some(now()),
        last_entry_at: now(),
        archived_at: None,
        anonymised_at: None,
        merged_into: None,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

/// A value with a range, on a day.
fn value(analyte: &str, number: &str, unit: &str, (low, high): (&str, &str), day: i32) -> LaboratoryValue {
    let read: f64 = number.parse().unwrap();
    let flag = if read < low.parse().unwrap() {
        "low"
    } else if read > high.parse().unwrap() {
        "high"
    } else {
        "normal"
    };
    LaboratoryValue {
        id: LaboratoryValueId(uuid::Uuid::nil()),
        clinic_id: ClinicId(uuid::Uuid::nil()),
        patient_id: PatientId(uuid::Uuid::nil()),
        source: Source::Document,
        patient_document_id: None,
        external_id: None,
        also_called: Vec::new(),
        analyte: analyte.to_owned(),
        loinc: None,
        comparator: None,
        number: Some(number.to_owned()),
        finding: None,
        unit: Some(unit.to_owned()),
        canonical: Some(read),
        canonical_unit: Some(unit.to_owned()),
        range_low: Some(low.to_owned()),
        range_high: Some(high.to_owned()),
        flag: Some(flag.to_owned()),
        printed_flag: None,
        observed_on: Some(date(2024, 1, 1).checked_add(i64::from(day).days()).unwrap()),
        confidence: None,
        doubts: Vec::new(),
        domains: Vec::new(),
        place: None,
        recorded_by: UserId(uuid::Uuid::nil()),
        withdrawn_at: None,
        replaced_by: None,
        replaces: None,
        created_at: now(),
    }
}

/// Of sixteen analytes, so many each, newest first.
fn many(each: i32) -> Vec<LaboratoryValue> {
    const WHAT: [(&str, &str, (&str, &str)); 16] = [
        ("fsh", "m[IU]/mL", ("3.5", "12.5")),
        ("lh", "m[IU]/mL", ("2.4", "12.6")),
        ("estradiol", "pg/mL", ("12.4", "233")),
        ("progesterone", "ng/mL", ("0.2", "25")),
        ("amh", "ng/mL", ("1.0", "6.8")),
        ("prolactin", "ng/mL", ("4.8", "23.3")),
        ("testosterone", "ng/mL", ("0.08", "0.48")),
        ("tsh", "m[IU]/L", ("0.27", "4.2")),
        ("ft4", "ng/dL", ("0.93", "1.7")),
        ("anti_tpo", "[IU]/mL", ("0", "34")),
        ("haemoglobin", "g/dL", ("12", "16")),
        ("leukocytes", "10*3/uL", ("4", "10")),
        ("platelets", "10*3/uL", ("150", "400")),
        ("glucose", "mg/dL", ("70", "100")),
        ("ferritin", "ng/mL", ("15", "150")),
        ("sperm_morphology_normal", "%", ("4", "100")),
    ];
    let of = |day: i32| {
        WHAT.iter().enumerate().map(move |(place, (analyte, unit, range))| {
            let (low, high): (f64, f64) = (range.0.parse().unwrap(), range.1.parse().unwrap());
            let wave = f64::from((day * 7 + place as i32 * 3) % 13) / 10.0 - 0.1;
            value(analyte, &format!("{:.2}", (low + wave * (high - low)).max(0.0)), unit, *range, day * 30)
        })
    };
    (0..each).rev().flat_map(of).collect()
}

fn score() -> FertilityScore {
    let observed = |measure| Observed { measure, on: date(2026, 11, 1), source: "form".to_owned() };
    let measures = [Measure::Age(36.0), Measure::Amh(0.4), Measure::AntralFollicles(9.0)];
    compute(&measures.map(observed), date(2026, 11, 22))
}

fn record(values: Vec<LaboratoryValue>) -> Record {
    let long = format!("Relazione {} fine.pdf", "con-un-nome-molto-lungo".repeat(6));
    let document = |kind: &str, name: &str, status: &str| Document {
        kind: kind.to_owned(),
        name: name.to_owned(),
        status: status.to_owned(),
        created_at: now(),
    };
    Record {
        clinic: Clinic {
            name: "Clinica Aurora".to_owned(),
            lines: vec!["Via Roma 1, Bologna (BO)".to_owned()],
        },
        patient: patient(),
        documents: vec![
            document("lab_report", "Referto \\u{41} $x^2$ <b>.pdf", "completed"),
            document("ultrasound_image", &long, "failed"),
        ],
        values,
        analyses: vec![Analysis {
            kind: "semen".to_owned(),
            label: "campione 1".to_owned(),
            observed_on: date(2026, 3, 3),
            source: "form".to_owned(),
            method: "sportello.semen/1".to_owned(),
            result: json!({ "explained": { "sentences": ["semen.forms_low", "of.a_newer_server"],
                "limits": ["general.supports_clinicians", "semen.one_sample"], "references": ["who_2021"] } }),
        }],
        score: Some(score()),
        state: "x".to_owned(),
    }
}

fn pdf(record: &Record, language: Language) -> bytes::Bytes {
    print(&Page::of(record, language, date(2026, 11, 22)).document(now())).unwrap()
}

/// The texts of each page.
fn pages(pdf: &[u8]) -> Vec<String> {
    let text = ask("pdftotext", &["-layout", "@", "-"], pdf);
    let page = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('\u{c}').split('\u{c}').map(page).collect()
}

#[test]
fn every_code_has_a_word() {
    let words = Layout::PatientReport.words(Language::It);
    let mut it = BTreeSet::new();
    names_of(words, "", &mut it);
    let expected = names::all()
        .map(|it| format!("/analyte/{}", it.code))
        .chain(names::all().map(|it| format!("/group/{}", group_code(it.group))))
        .chain(
            Domain::ALL
                .iter()
                .map(|it| format!("/domain/{}", serde_json::to_value(it).unwrap().as_str().unwrap())),
        )
        .chain(Domain::ALL.iter().flat_map(|it| it.codes()).map(|code| format!("/measure/{code}")))
        .chain(["excellent", "good", "moderate", "significant_concerns"].map(|it| format!("/band/{it}")))
        .chain(
            ["semen", "oocyte", "embryo", "follicle", "hysteroscopy"]
                .map(|it| format!("/analysis_kind/{it}")),
        )
        .chain(["document", "form", "fhir", "program"].map(|it| format!("/source/{it}")))
        .chain(["pending", "processing", "completed", "failed"].map(|it| format!("/status/{it}")))
        .chain(["negative", "positive", "carrier", "not_detected"].map(|it| format!("/finding/{it}")));
    for path in expected {
        assert!(it.contains(&path), "{path} has no word");
    }
    assert_eq!(
        it.iter().filter(|it| it.starts_with("/analyte/")).count(),
        names::all().count(),
        "no word too many"
    );
}

#[test]
fn five_hundred_values_are_on_their_pages_with_a_head_on_each_and_the_sentence_at_every_foot() {
    let record = record(many(32));
    assert_eq!(record.values.len(), 512);
    for language in BOTH {
        let pdf = pdf(&record, language);
        let pages = pages(&pdf);
        let (sentence, head, title) = match language {
            Language::It => {
                (Sentence::SupportsClinicians.italian(), "Esame Data Valore", "Scheda riassuntiva")
            }
            Language::En => (Sentence::SupportsClinicians.english(), "Test Date Value", "Patient summary"),
        };
        assert!((10..=20).contains(&pages.len()), "{} pages", pages.len());
        let said = pages[0].find(sentence).unwrap();
        assert!(said < pages[0].find("MR-7K2P9QX").unwrap(), "it stands first");
        for (place, page) in pages.iter().enumerate() {
            assert!(page.contains(&format!("Clinica Aurora · {sentence}")), "page {place}: {page}");
            assert!(place == 0 || page.contains(title), "page {place}");
            let rows = page.matches(" document").count().max(page.matches(" documento").count());
            assert!(rows < 6 || page.contains(head), "page {place} has {rows} rows and no head: {page}");
        }
        // Each value, as it was printed.
        let all = words(&pdf);
        for value in &record.values {
            let shown = figures::number(value.number.as_deref().unwrap(), language);
            assert!(all.contains(&shown), "{} {shown}", value.analyte);
        }
        assert_eq!(
            all.matches(figures::unit("m[IU]/mL", language).as_str()).count(),
            2 * 32 + 2,
            "in the tables, and in two charts"
        );
        nothing_leaves_the_page(&pdf);
        is_archivable(&pdf, title);
    }
}

/// Every word lies within the margins: nothing is cut.
fn nothing_leaves_the_page(pdf: &[u8]) {
    let boxes = ask("pdftotext", &["-bbox", "@", "-"], pdf);
    let number = |line: &str, name: &str| -> f64 {
        let rest = line.split(&format!("{name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let (mut words, mut least) = (0, f64::MAX);
    for line in boxes.lines().filter(|line| line.contains("<word ")) {
        let (left, right) = (number(line, "xMin"), number(line, "xMax"));
        let (top, bottom) = (number(line, "yMin"), number(line, "yMax"));
        assert!(left > 50.0 && right < 595.3 - 50.0 && top > 30.0 && bottom < 841.9 - 25.0, "{line}");
        least = least.min(bottom - top);
        words += 1;
    }
    assert!(words > 100);
    assert!(least > 6.0, "the smallest letters have {least} points of height");
}

/// What PDF/A-2b asks for, as far as it can be seen from outside.
fn is_archivable(pdf: &[u8], title: &str) {
    assert!(ask("qpdf", &["--check", "@"], pdf).contains("No syntax or stream encoding errors"));
    let metadata = ask("pdfinfo", &["-meta", "@"], pdf);
    for part in ["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>B</pdfaid:conformance>", title] {
        assert!(metadata.contains(part), "{part}: {metadata}");
    }
    let fonts = ask("pdffonts", &["@"], pdf);
    for font in fonts.lines().skip(2) {
        let embedded: Vec<&str> = font.split_whitespace().rev().take(5).collect();
        assert_eq!(embedded[2..], ["yes", "yes", "yes"], "embedded, a subset, with its letters: {font}");
    }
    let objects = ask("qpdf", &["--json", "@"], pdf);
    assert!(objects.contains("/GTS_PDFA1") && objects.contains("/DestOutputProfile"));
    for forbidden in ["/JavaScript", "/Encrypt", "/Launch", "/EmbeddedFiles", "/LZWDecode", "/AA\""] {
        assert!(!objects.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn a_record_with_nothing_in_it_says_so_and_what_people_write_is_shown_as_it_is() {
    let mut bare = record(Vec::new());
    bare.score = None;
    bare.analyses.clear();
    let text = words(&pdf(&bare, Language::It));
    for part in [
        "Nessun valore registrato.",
        "Nessun punteggio: non ci sono dati da cui calcolarlo.",
        "Nessuna analisi.",
        "Anna #eval(\"1\") D'Angelo",
        "Referto \\u{41} $x^2$ <b>.pdf",
        "17 maggio 1990",
        "36 anni",
        "domenica",
    ] {
        assert_eq!(text.contains(part), part != "domenica", "{part}: {text}");
    }
    assert!(!text.contains("never shown"), "notes are for the clinic");
    let whole = words(&pdf(&record(many(2)), Language::En));
    for part in [
        Sentence::SemenFormsLow.english(),
        Sentence::SemenOneSample.english(),
        Sentence::ScoreAmhCritical.english(),
        Sentence::ScoreNotProbability.english(),
        "World Health Organization",
        "State of the record: 22 November 2026, 11:20",
        "not known",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    assert!(!whole.contains("newer_server"));
}

#[test]
fn a_trend_needs_two_days_and_shows_each_value_against_its_own_range() {
    let one_day =
        [value("fsh", "7.2", "m[IU]/mL", ("3", "12"), 1), value("fsh", "8", "m[IU]/mL", ("3", "12"), 1)];
    assert_eq!(trends::charts(&one_day, Language::It), [] as [Value; 0]);
    let mut moles = value("estradiol", "367", "pmol/L", ("100", "800"), 100);
    moles.canonical = Some(100.0);
    let values = [
        moles,
        value("estradiol", "120.5", "pg/mL", ("30", "200"), 50),
        value("estradiol", "20", "pg/mL", ("30", "200"), 0),
    ];
    let charts = trends::charts(&values, Language::It);
    assert_eq!(charts.len(), 1);
    let chart = &charts[0];
    assert_eq!(
        (&chart["unit"], &chart["from"], &chart["until"]),
        (&json!("pg/mL"), &json!("01/01/2024"), &json!("10/04/2024"))
    );
    let points: Vec<_> = chart["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["x"].as_f64().unwrap(), it["y"].as_f64().unwrap()))
        .collect();
    assert_eq!(points, [(0.0, 20.0), (0.5, 120.5), (1.0, 100.0)], "from left to right, in one unit");
    let ranges = chart["ranges"].as_array().unwrap();
    assert_eq!(ranges.len(), 2, "two laboratories, two ranges: {ranges:?}");
    assert_eq!((&ranges[0]["low"], &ranges[0]["until"]), (&json!(30.0), &json!(0.75)));
    let high = ranges[1]["high"].as_f64().unwrap();
    assert!((217.0..219.0).contains(&high), "800 pmol/L: {high}");
    assert!(chart["high"].as_f64().unwrap() > high && chart["low"].as_f64().unwrap() < 20.0);
}

#[test]
fn what_says_the_same_is_the_same_and_what_does_not_is_another() {
    let today = date(2026, 11, 22);
    let hash = |record: &Record, language, today| Page::of(record, language, today).hash();
    let one = record(many(3));
    let same = hash(&one, Language::It, today);
    assert_eq!(same, hash(&one, Language::It, date(2026, 11, 23)), "not of the day");
    assert_ne!(same, hash(&one, Language::En, today));
    assert_ne!(same, hash(&one, Language::It, date(2027, 5, 17)), "somebody is a year older");
    let mut other = one.clone();
    other.values[0].number = Some("9.99".to_owned());
    assert_ne!(same, hash(&other, Language::It, today));
    let mut other = one.clone();
    other.patient.content.notes = "something else".to_owned();
    assert_eq!(same, hash(&other, Language::It, today), "what is not printed does not matter");
    let document = Page::of(&one, Language::It, today).document(now());
    assert_eq!(print(&document).unwrap(), print(&document).unwrap());
}

#[test]
fn numbers_and_units_are_written_as_people_write_them() {
    let (it, en) = (Language::It, Language::En);
    let units = [
        ("m[IU]/mL", "mUI/mL", "mIU/mL"),
        ("ug/dL", "µg/dL", "µg/dL"),
        ("10*6/mL", "10⁶/mL", "10⁶/mL"),
        ("10*3/uL", "10³/µL", "10³/µL"),
        ("1", "", ""),
        ("d", "giorni", "days"),
        ("%", "%", "%"),
        ("[arb'U]/mL", "U/mL", "U/mL"),
        ("{S/CO}", "S/CO", "S/CO"),
    ];
    for (ucum, italian, english) in units {
        assert_eq!(
            (figures::unit(ucum, it), figures::unit(ucum, en)),
            (italian.to_owned(), english.to_owned())
        );
    }
    assert_eq!(figures::bounded(Some("<"), &figures::number("0.01", it)), "< 0,01");
    assert_eq!(figures::range(Some("1.0"), None, it), "≥ 1,0");
    assert_eq!(figures::range(Some("3.5"), Some("12.5"), en), "3.5 – 12.5");
    assert_eq!(figures::moment(now(), en), "22 November 2026, 11:20");
    assert_eq!(figures::moment(now(), it), "22 novembre 2026, 11:20");
}
