//! A record, and its parts.

use super::*;

/// A value with a range, on a day.
pub(super) fn value(
    analyte: &str,
    number: &str,
    unit: &str,
    (low, high): (&str, &str),
    day: i32,
) -> LaboratoryValue {
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
        created_at: now(),
        also_called: Vec::new(),
        withdrawn_at: None,
        replaced_by: None,
        replaces: None,
    }
}

/// Of sixteen analytes, so many each, newest first.
pub(super) fn many(each: i32) -> Vec<LaboratoryValue> {
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

pub(super) fn document(kind: &str, name: &str, status: &str) -> Document {
    Document {
        kind: kind.to_owned(),
        name: name.to_owned(),
        status: status.to_owned(),
        failure: None,
        text_from: None,
        confidence: None,
        findings: Vec::new(),
        created_at: now(),
    }
}

pub(super) fn record(values: Vec<LaboratoryValue>) -> Record {
    let long = format!("Relazione {} fine.pdf", "con-un-nome-molto-lungo".repeat(6));
    let documents = vec![
        document("lab_report", "Referto \\u{41} $x^2$ <b>.pdf", "completed"),
        document("ultrasound_image", &long, "failed"),
    ];
    let abnormal = values.iter().filter(|it| matches!(it.flag.as_deref(), Some("low" | "high"))).count();
    Record {
        clinic: Clinic {
            name: "Clinica Aurora".to_owned(),
            lines: vec!["Via Roma 1, Bologna (BO)".to_owned()],
        },
        patient: patient(),
        counts: Counts {
            documents: documents.len() as i64,
            values: values.len() as i64,
            abnormal: abnormal as i64,
            analyses: 1,
        },
        documents,
        values,
        analyses: vec![analysis()],
        score: Score::Of(Box::new(score())),
        state: "x".to_owned(),
    }
}

pub(super) fn pdf(record: &Record, language: Language) -> bytes::Bytes {
    print(&Page::of(record, language, date(2026, 11, 22)).document(now())).unwrap()
}

/// The texts of each page.
pub(super) fn pages(pdf: &[u8]) -> Vec<String> {
    let text = ask("pdftotext", &["-layout", "@", "-"], pdf);
    let page = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.trim_end_matches('\u{c}').split('\u{c}').map(page).collect()
}

/// A finding, in place of a number.
pub(super) fn found(analyte: &str, finding: &str) -> LaboratoryValue {
    let mut it = value(analyte, "1", "1", ("0", "2"), 0);
    (it.number, it.canonical, it.unit, it.canonical_unit) = (None, None, None, None);
    (it.range_low, it.range_high, it.flag) = (None, None, None);
    it.finding = Some(finding.to_owned());
    it
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T10:20:30Z".parse().unwrap()
}

pub(super) fn patient() -> Patient {
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

pub(super) fn score() -> FertilityScore {
    let observed = |measure| Observed { measure, on: date(2026, 11, 1), source: "form".to_owned() };
    let measures = [Measure::Age(36.0), Measure::Amh(0.4), Measure::AntralFollicles(9.0)];
    compute(&measures.map(observed), &[], date(2026, 11, 22))
}

pub(super) fn analysis() -> Analysis {
    Analysis {
        kind: "semen".to_owned(),
        label: "campione 1".to_owned(),
        observed_on: date(2026, 3, 3),
        source: "form".to_owned(),
        method: "sportello.semen/1".to_owned(),
        input: json!({}),
        result: json!({ "explained": { "sentences": ["semen.forms_low", "of.a_newer_server"],
            "limits": ["general.supports_clinicians", "semen.one_sample"], "references": ["who_2021"] } }),
    }
}

/// A scan whose values are doubtful, and a file of which nothing was read.
pub(super) fn scanned() -> Record {
    let mut record = record(vec![
        value("fsh", "27.2", "m[IU]/mL", ("3.5", "12.5"), 0),
        value("lh", "4", "m[IU]/mL", ("2", "12"), 0),
    ]);
    let finding = |sentence, analyte: Option<&str>| Finding {
        sentence,
        analyte: analyte.map(str::to_owned),
        page: Some(1),
        line: Some(3),
    };
    record.values[0].doubts = vec!["read_from_image".to_owned()];
    record.values[0].confidence = Some(90);
    let scan = &mut record.documents[0];
    (scan.text_from, scan.confidence) = (Some("picture".to_owned()), Some(61));
    scan.findings = vec![
        finding(Sentence::DocumentValueHigh, Some("fsh")),
        finding(Sentence::DocumentNotUnderstood, Some("tsh")),
        finding(Sentence::DocumentNotUnderstood, Some("prolactin")),
        finding(Sentence::DocumentNotUnderstood, Some("tsh")),
        finding(Sentence::DocumentFromPicture, None),
    ];
    record.documents[1].failure = Some("encrypted".to_owned());
    record
}
