//! How pages look: whole, legible and archivable, whatever stands on them.

use super::*;

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
        nothing_leaves_its_place(&pdf);
        is_archivable(&pdf, title);
    }
}

#[test]
fn what_is_not_shown_is_counted_and_said() {
    let mut record = record(many(1));
    record.counts = Counts { documents: 120, values: 5_001, abnormal: 777, analyses: 101 };
    let text = words(&pdf(&record, Language::It));
    for part in [
        "Sono mostrati i 16 valori più recenti.",
        "Sono mostrati i 2 documenti più recenti.",
        "Sono mostrate le 1 analisi più recenti.",
        "120 5001 777 101",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn charts_and_bars_are_drawn() {
    const BAND: [u8; 3] = [0xd8, 0xea, 0xdf];
    const WARN: [u8; 3] = [0xa5, 0x40, 0x2d];
    const CALM: [u8; 3] = [0x2f, 0x6f, 0x8f];
    let count = |record: &Record, page| colours(&pdf(record, Language::It), page);
    let of = |found: &BTreeMap<[u8; 3], usize>, colour| found.get(&colour).copied().unwrap_or_default();
    // The bars of page 1: red below 40, blue above; without a score none.
    let with = count(&record(Vec::new()), 1);
    let mut bare = record(Vec::new());
    bare.score = Score::None;
    let without = count(&bare, 1);
    assert!(of(&with, CALM) > of(&without, CALM) + 200, "{} {}", of(&with, CALM), of(&without, CALM));
    assert!(of(&with, WARN) > of(&without, WARN) + 50, "{} {}", of(&with, WARN), of(&without, WARN));
    // A chart: its band, what lies above it, and the line; of one day there is none.
    bare.values = many(4);
    let drawn = count(&bare, 1);
    assert!(of(&drawn, BAND) > 2_000, "{}", of(&drawn, BAND));
    assert_eq!(of(&without, BAND), 0);
    // A range with one end is drawn to the edge.
    let up = |low: Option<&str>, high: Option<&str>| {
        let mut values = vec![
            value("fsh", "4", "m[IU]/mL", ("3", "12"), 1),
            value("fsh", "8", "m[IU]/mL", ("3", "12"), 9),
        ];
        for it in &mut values {
            (it.range_low, it.range_high) = (low.map(str::to_owned), high.map(str::to_owned));
        }
        let mut record = record(values);
        record.score = Score::None;
        of(&count(&record, 1), BAND)
    };
    let (both, one, none) = (up(Some("5"), Some("7")), up(Some("5"), None), up(None, None));
    assert!(none == 0 && both > 300 && one > both + 300, "{none} {both} {one}");
}

/// Everything that people and laboratories write, as long as it may be.
fn adverse(text: &str) -> Record {
    let numbers = ["0.00000000012", "123456789012", "7.2"];
    let mut values: Vec<LaboratoryValue> = numbers
        .iter()
        .map(|number| {
            let mut it = value("sperm_total", number, "10*6", ("0.000000001", "123456789012"), 5);
            it.comparator = Some("<=".to_owned());
            it.doubts = vec!["read_from_image".to_owned()];
            it
        })
        .collect();
    let karyotypes = [
        "45,XX,der(13;14)(q10;q10)",
        "46,XY,t(11;22)(q23.3;q11.2)[20]",
        &text.chars().take(100).collect::<String>(),
    ];
    values.extend(karyotypes.map(|it| found("karyotype", it)));
    values.extend([found("hiv", "positive"), found("factor_v_leiden", "heterozygous")]);
    let mut record = record(values);
    record.clinic.name = text.chars().take(100).collect();
    record.clinic.lines = vec![text.to_owned()];
    record.patient.content.first_name = text.chars().take(60).collect();
    record.patient.content.referring_physician = Some(text.to_owned());
    record.patient.content.insurance = Some(text.to_owned());
    record.analyses[0].label = text.to_owned();
    record.documents.push(document("lab_report", text, "completed"));
    record.documents.push(document("lab_report", &"W".repeat(255), "failed"));
    record
}

#[test]
fn no_text_lies_on_another_however_long_it_is() {
    for text in long_words() {
        for language in BOTH {
            let pdf = pdf(&adverse(&text), language);
            nothing_leaves_its_place(&pdf);
            is_archivable(&pdf, Layout::PatientReport.title(language));
        }
    }
    let shown = words(&pdf(&adverse("x"), Language::It));
    for part in ["45,XX,der(13;14)(q10;q10)", "46,XY,t(11;22)(q23.3;q11.2)[20]"] {
        assert!(shown.contains(part), "in one line: {part}: {shown}");
    }
}

#[test]
fn each_page_says_whose_it_is_by_name_and_number() {
    let pages = pages(&pdf(&record(many(12)), Language::It));
    assert!(pages.len() > 3);
    for page in &pages[1..] {
        assert!(page.contains("D'Angelo · MR-7K2P9QX"), "{page}");
    }
}

/// The largest report takes a bounded memory: it is set in the server.
#[cfg(target_os = "linux")]
#[test]
fn the_largest_report_takes_a_bounded_memory() {
    /// MiB; `config/default.toml` says so beside `pdf.threads`.
    const MOST: u64 = 200;
    let mut record = scanned();
    let (scan, analysis) = (record.documents[0].clone(), record.analyses[0].clone());
    record.values = many(VALUES_SHOWN as i32 / 16 + 1);
    record.values.truncate(VALUES_SHOWN as usize);
    record.documents = vec![scan; DOCUMENTS_SHOWN as usize];
    record.analyses = vec![analysis; ANALYSES_SHOWN as usize];
    pdf(&self::record(Vec::new()), Language::It);
    let before = crate::pdf::tests::memory("VmHWM");
    let largest = pdf(&record, Language::It);
    let most = crate::pdf::tests::memory("VmHWM") - before;
    println!("{most} MiB, {} pages, {} bytes", pages(&largest).len(), largest.len());
    assert!(most < MOST, "{most} MiB");
}
