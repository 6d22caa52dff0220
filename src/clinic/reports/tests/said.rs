//! What is said, and what is not.

use super::*;

#[test]
fn a_record_with_nothing_in_it_says_so_and_what_people_write_is_shown_as_it_is() {
    let mut bare = record(Vec::new());
    bare.score = Score::None;
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
fn what_is_only_a_bound_is_drawn_as_one() {
    let mut below = value("amh", "0.01", "ng/mL", ("1", "6.8"), 0);
    (below.comparator, below.flag) = (Some("<".to_owned()), Some("low".to_owned()));
    let mut above = value("amh", "5", "ng/mL", ("1", "6.8"), 10);
    (above.comparator, above.flag) = (Some(">=".to_owned()), None);
    let mut bare = value("amh", "2", "ng/mL", ("1", "6.8"), 20);
    (bare.flag, bare.range_low, bare.range_high) = (None, None, None);
    let mut unsigned = value("amh", "2", "ng/mL", ("1", "6.8"), 30);
    unsigned.flag = None;
    let values = [below, above.clone(), bare, unsigned, value("amh", "9", "ng/mL", ("1", "6.8"), 40)];
    let charts = trends::charts(&values, Language::It);
    let marks: Vec<_> =
        charts[0]["points"].as_array().unwrap().iter().map(|it| it["mark"].as_str().unwrap()).collect();
    assert_eq!(marks, ["below", "above", "none", "normal", "high"]);
    assert_eq!(outcome(&above, Sex::Female), Some("open"), "its range is printed beside it");
    // Numbers beside the axis have room for some digits.
    let large = [
        value("sperm_total", "250000000", "1", ("0", "500000000"), 0),
        value("sperm_total", "123456789", "1", ("0", "500000000"), 9),
    ];
    let charts = trends::charts(&large, Language::It);
    let ticks: Vec<_> =
        charts[0]["ticks"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert!(ticks.contains(&"2,5·10⁸"), "{ticks:?}");
}

#[test]
fn what_is_found_is_to_be_looked_at_unless_it_is_nothing() {
    for nothing in ["negative", "absent", "not_detected"] {
        assert_eq!(outcome(&found("hiv", nothing), Sex::Female), None, "{nothing}");
    }
    for (analyte, finding) in
        [("hiv", "positive"), ("cftr", "carrier"), ("mthfr", "heterozygous"), ("rubella_igm", "borderline")]
    {
        assert_eq!(outcome(&found(analyte, finding), Sex::Female), Some("to_see"), "{finding}");
    }
    for (karyotype, expected) in [
        ("46,XX", None),
        ("46, xx [20]", None),
        ("45,X", Some("to_see")),
        ("45,XX,der(13;14)(q10;q10)", Some("to_see")),
    ] {
        assert_eq!(outcome(&found("karyotype", karyotype), Sex::Female), expected, "{karyotype}");
    }
    assert_eq!(outcome(&found("karyotype", "46,XY"), Sex::Female), Some("to_see"), "whoever else's it is");
    let text = words(&pdf(&record(vec![found("hiv", "positive")]), Language::It));
    assert!(text.contains("HIV 1/2 01/01/2024 positivo da vedere"), "{text}");
    // The laboratory's own sign stands where no range applies.
    let mut phases = value("fsh", "7.2", "m[IU]/mL", ("0", "9"), 0);
    (phases.range_low, phases.range_high, phases.flag) = (None, None, None);
    assert_eq!(outcome(&phases, Sex::Female), Some("no_range"));
    for (sign, expected) in
        [("low", "low_printed"), ("high", "high_printed"), ("abnormal", "abnormal_printed")]
    {
        phases.printed_flag = Some(sign.to_owned());
        assert_eq!(outcome(&phases, Sex::Female), Some(expected));
    }
    let text = words(&pdf(&record(vec![phases]), Language::En));
    assert!(text.contains("marked") && text.contains("(laboratory)"), "{text}");
}

#[test]
fn a_document_says_what_was_found_in_it_how_sure_that_is_and_why_it_failed() {
    let text = words(&pdf(&scanned(), Language::It));
    let parts = [
        "27,2* mUI/mL",
        "* Lettura incerta",
        "Affidabilità della lettura: 61 su 100 · testo letto da un'immagine",
        Sentence::DocumentFromPicture.italian(),
        "non sono stati compresi. (Prolattina, TSH)",
        "sopra l'intervallo stampato nel referto. (FSH)",
        "Il file è protetto da una password.",
    ];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("4* m"), "what is sure has no mark");
    let places: Vec<_> = parts[3..6].iter().map(|part| text.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "what makes values doubtful stands first");
    let same = |record: &Record| Page::of(record, Language::It, date(2026, 11, 22)).hash();
    let mut other = scanned();
    other.documents[1].failure = Some("broken".to_owned());
    assert_ne!(same(&scanned()), same(&other), "it is another report");
    let mut unsure = scanned();
    unsure.values[0].doubts.clear();
    assert!(!words(&pdf(&unsure, Language::It)).contains("Lettura incerta"));
    unsure.values[0].confidence = Some(79);
    assert!(words(&pdf(&unsure, Language::It)).contains("Lettura incerta"));
}

#[test]
fn a_score_is_shown_with_what_it_was_computed_from_and_what_was_left_out() {
    let observed = |measure, on| Observed { measure, on, source: "form".to_owned() };
    let today = date(2026, 11, 22);
    let inputs = [
        observed(Measure::Amh(0.4), date(2026, 11, 1)),
        observed(Measure::Amh(1.4), date(2026, 10, 1)),
        observed(Measure::Amh(2.4), date(2026, 9, 1)),
        observed(Measure::AntralFollicles(9.0), date(2020, 1, 1)),
    ];
    let mut record = record(Vec::new());
    record.score = Score::Of(Box::new(compute(&inputs, &[], today)));
    let text = words(&pdf(&record, Language::It));
    let amh =
        compute(&inputs, &[], today).domains.into_iter().find(|it| it.domain == Domain::Ovarian).unwrap();
    let points = figures::rounded(amh.inputs[0].points, 1, Language::It);
    for part in [
        &*format!("Riserva ovarica AMH: 0,4 ng/mL 01/11/2026 {points}"),
        "AMH: 1,4 ng/mL (01/10/2026; in tutto 2): c'è un valore più recente",
        "follicoli antrali: 9 (01/01/2020): ha più di due anni",
        "Un ambito vale la media",
        "Data del calcolo: 22 novembre 2026",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let caution = Sentence::ScoreLowCoverage.italian();
    assert!(text.find(caution) < text.find("Copertura:"), "beside the number: {text}");
    record.score = Score::Unreadable;
    let text = words(&pdf(&record, Language::It));
    assert!(text.contains("non può leggerlo") && !text.contains("non ci sono dati"), "{text}");
}

/// As an analysis is stored.
fn graded(kind: &str, input: Value) -> Analysis {
    let graded = Input::stored(AnalysisKind::of(kind).unwrap(), input).unwrap().grade().unwrap();
    let stored = serde_json::to_value(&graded).unwrap();
    Analysis {
        kind: kind.to_owned(),
        input: stored["input"].clone(),
        result: stored["result"].clone(),
        ..analysis()
    }
}

#[test]
fn an_analysis_shows_the_figures_on_which_its_sentences_rest() {
    let of = |kind, input| Say(Language::It).graded(&graded(kind, input));
    let semen = of("semen", json!({ "volume_ml": 2.5, "concentration_million_per_ml": 8, "ph": 7.4 }));
    let semen = semen.join(" · ");
    for part in [
        "Concentrazione di spermatozoi: 8 × 10⁶/mL (≥ 16)",
        "Numero totale di spermatozoi: 20 × 10⁶ (≥ 39)",
        "pH dell'eiaculato: 7,4",
    ] {
        assert!(semen.contains(part), "{part}: {semen}");
    }
    let embryo = of(
        "embryo",
        json!({ "stage": "blastocyst", "day": 5, "expansion": 4, "inner_cell_mass": "A", "trophectoderm": "B" }),
    );
    assert_eq!(embryo[0], "Gardner: 4AB");
    assert_eq!(of("follicle", json!({ "total_antral_follicles": 9 })), ["Follicoli antrali (AFC): 9"]);
    let cells = json!({ "stage": "cleavage", "day": 3, "cells": 8, "fragmentation_percent": 12.0, "cell_sizes": "even" });
    assert_eq!(
        of("embryo", cells.clone()),
        [
            "grado del consenso di Istanbul: 2 – 3",
            "classe: B (buona) – C (discreta)",
            "cellule rispetto alle attese: 100 %",
            "stadio: clivaggio",
            "giorno: 3",
            "cellule: 8",
            "frammentazione: 12 %",
            "dimensioni delle cellule: uniformi",
        ]
    );
    let oocyte = of("oocyte", json!({ "maturity": "metaphase_ii", "zona": "deviating", "vacuole_um": 15.5 }));
    assert_eq!(
        oocyte,
        ["maturità: metafase II", "zona pellucida: con deviazioni", "vacuolo maggiore: 15,5 µm"]
    );
    let ovaries = json!({ "left": { "antral_follicles": 22, "volume_ml": 11.5 }, "right": { "follicles_mm": [17.0, 9.5] },
        "cycle_day": 3 });
    assert_eq!(
        of("follicle", ovaries),
        [
            "follicolo maggiore: 17 mm",
            "follicoli di almeno 11 mm: 1",
            "ovaio sinistro: volume 11,5 mL, follicoli antrali 22",
            "ovaio destro: follicoli 17 mm; 9,5 mm",
            "giorno del ciclo: 3",
        ]
    );
    let mut record = record(Vec::new());
    record.analyses = vec![graded("embryo", cells)];
    assert!(words(&pdf(&record, Language::En)).contains("Not given: multinucleation"));
    record.analyses = vec![graded("follicle", json!({ "total_antral_follicles": 9 }))];
    assert!(words(&pdf(&record, Language::En)).contains("Antral follicles (AFC): 9"));
}

#[test]
fn a_cavity_shows_sizes_extents_and_types_and_what_it_is_at_least() {
    let cavity = json!({ "is_complete": true, "polyps": [{ "size_mm": 12.0 }], "myomas": [{ "figo": 1, "size_mm": 22.0 }],
        "adhesions": { "extent": "over_two_thirds", "kind": "dense" }, "septum": { "indentation_mm": 16.0 } });
    let mut record = record(Vec::new());
    record.analyses = vec![graded("hysteroscopy", cavity.clone())];
    let measured = Input::stored(AnalysisKind::Hysteroscopy, cavity).unwrap().grade().unwrap().measures();
    let observed = |measure| Observed { measure, on: date(2026, 11, 1), source: "form".to_owned() };
    let observed: Vec<_> = measured.into_iter().map(observed).collect();
    record.score = Score::Of(Box::new(compute(&observed, &[], date(2026, 11, 22))));
    let italian = words(&pdf(&record, Language::It));
    for part in [
        "Cavità uterina: almeno reperti moderati",
        "classificazione: AFS ≥ II (≥ 8)",
        "polipo: diametro 12 mm",
        "mioma: FIGO 1, diametro 22 mm",
        "sinechie: estensione più di due terzi della cavità, tipo dense",
        "indentazione del fondo: profondità 16 mm",
        "Non indicato: endometrio; segni di endometrite; sinechie, mestruazioni; indentazione del fondo, spessore della parete",
        "cavità uterina: almeno reperti moderati",
        Sentence::AdvisePolyp.italian(),
        Sentence::AdviseMyoma.italian(),
        Sentence::AdviseAdhesions.italian(),
        Sentence::AdviseSeptum.italian(),
    ] {
        assert!(italian.contains(part), "{part}: {italian}");
    }
    let english = words(&pdf(&record, Language::En));
    for part in
        ["at least moderate findings", "polyp: diameter 12 mm", "extent more than two thirds of the cavity"]
    {
        assert!(english.contains(part), "{part}: {english}");
    }
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
