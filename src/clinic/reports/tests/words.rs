//! What codes are called: every one has a word, and no word is left over.

use super::*;

#[test]
fn every_code_has_a_word() {
    let mut it = BTreeSet::new();
    names_of(Layout::PatientReport.words(Language::It), "", &mut it);
    let of = |table: &'static str, codes: &[&str]| -> Vec<String> {
        codes.iter().map(|code| format!("/{table}/{code}")).collect()
    };
    let codes: Vec<&str> = names::all().map(|it| it.code).collect();
    let groups: Vec<&str> = names::all().map(|it| group_code(it.group)).collect();
    let measures: Vec<&str> = Domain::ALL.iter().flat_map(|it| it.codes()).copied().collect();
    let domains: Vec<&str> = Domain::ALL.iter().map(|it| it.as_str()).collect();
    let kinds: Vec<&str> = Kind::ALL.iter().map(|it| it.as_str()).collect();
    let statuses: Vec<&str> = Status::ALL.iter().map(|it| it.as_str()).collect();
    let refusals: Vec<&str> = Refusal::ALL.iter().map(|it| it.name()).collect();
    let expected = [
        of("analyte", &codes),
        of("group", &groups),
        of("domain", &domains),
        of("measure", &measures),
        of("document_kind", &kinds),
        of("status", &statuses),
        of("failure", &refusals),
        of(
            "failure",
            &["no_ocr", "ocr_failed", "no_text", "no_content", "internal_error", "interrupted", "infected"],
        ),
        of("finding", &values::entered::FINDINGS),
        of("band", &["excellent", "good", "moderate", "significant_concerns"]),
        of("analysis_kind", &["semen", "oocyte", "embryo", "follicle", "hysteroscopy"]),
        of("source", &["document", "form", "fhir", "program"]),
        of(
            "left_out",
            &[
                "too_old",
                "in_the_future",
                "superseded",
                "other_count_used",
                "unusable",
                "undated",
                "names_another_person",
            ],
        ),
    ];
    for path in expected.concat() {
        assert!(it.contains(&path), "{path} has no word");
    }
    let analytes = it.iter().filter(|it| it.starts_with("/analyte/")).count();
    assert_eq!(analytes, codes.len(), "no word too many");
}

#[test]
fn every_member_of_an_input_has_its_name_and_its_place() {
    let mut given = BTreeSet::new();
    for kind in
        [AnalysisKind::Semen, AnalysisKind::Oocyte, AnalysisKind::Follicle, AnalysisKind::Hysteroscopy]
    {
        let empty = serde_json::to_value(Input::stored(kind, json!({})).unwrap()).unwrap();
        given.extend(empty["input"].as_object().unwrap().keys().cloned());
    }
    let members = given::MEMBERS.iter().chain(&given::OF_SEPTUM).map(|it| (*it).to_owned());
    // Those stand beside it as what came out.
    let results = ["morphology_score", "total_antral_follicles"].map(str::to_owned);
    let named: BTreeSet<String> = members.chain(results).collect();
    assert!(given.is_subset(&named), "{:?}", given.difference(&named));
    for language in BOTH {
        let words = Layout::PatientReport.words(language)["given"].as_object().unwrap();
        assert_eq!(words.keys().cloned().collect::<BTreeSet<_>>(), named);
    }
}

#[test]
fn every_label_and_heading_is_used() {
    let code = [
        include_str!("../page.rs"),
        include_str!("../papers.rs"),
        include_str!("../scored.rs"),
        include_str!("../../../pdf/layouts/patient_report.typ"),
    ]
    .concat();
    let words = Layout::PatientReport.words(Language::It);
    for of in ["label", "heading"] {
        for name in words[of].as_object().unwrap().keys() {
            let cut = name.strip_prefix("more_").map(|what| format!("cut(\"{what}\")"));
            let forms = [format!("\"{name}\""), format!("texts.{of}.{name}")];
            let is_used = forms.iter().chain(&cut).any(|form| code.contains(form.as_str()));
            assert!(is_used, "{of} {name} stands nowhere");
        }
    }
}

/// Every measure, with each of its answers.
fn measures() -> Vec<Measure> {
    let hormones = [
        Hormone::Fsh,
        Hormone::Lh,
        Hormone::Estradiol,
        Hormone::Progesterone,
        Hormone::Prolactin,
        Hormone::Testosterone,
        Hormone::Tsh,
        Hormone::FreeT4,
    ];
    let results =
        [GeneticResult::Normal, GeneticResult::Uncertain, GeneticResult::Carrier, GeneticResult::Abnormal];
    let stages = [
        EndometriosisStage::None,
        EndometriosisStage::I,
        EndometriosisStage::Ii,
        EndometriosisStage::Iii,
        EndometriosisStage::Iv,
    ];
    let numbers: [fn(f64) -> Measure; 11] = [
        Measure::SpermTotal,
        Measure::SpermConcentration,
        Measure::ProgressiveMotility,
        Measure::NormalForms,
        Measure::Age,
        Measure::CycleLength,
        Measure::Amh,
        Measure::AntralFollicles,
        Measure::EndometrialThickness,
        Measure::Cigarettes,
        Measure::Alcohol,
    ];
    let mut all: Vec<Measure> = numbers.iter().map(|of| of(7.5)).collect();
    all.extend([Ovulation::Regular, Ovulation::Irregular, Ovulation::Absent].map(Measure::Ovulation));
    all.extend(stages.map(Measure::Endometriosis));
    let tubes = [Tubes::BothOpen, Tubes::OneBlocked, Tubes::Hydrosalpinx, Tubes::BothBlocked];
    all.extend(tubes.map(Measure::Tubes));
    all.extend([Level::None, Level::Minor, Level::Moderate, Level::Severe].map(Measure::Cavity));
    let hormone = |hormone| Measure::Hormone { hormone, value: 7.2, least: Some(3.5), most: None };
    all.extend(hormones.map(hormone));
    all.extend(results.map(|result| Measure::GeneticTest { test: "cftr".to_owned(), result }));
    let at_least = |level| Measure::CavityFindings { level, is_at_least: true, found: Vec::new() };
    all.extend([Level::Minor, Level::Moderate].map(at_least));
    all.push(Measure::BodyMassIndex(22.04));
    all
}

#[test]
fn every_input_of_a_score_is_said_in_words() {
    for language in BOTH {
        for measure in measures() {
            let said = Say(language).measured(&measure);
            assert!(!said.contains('_'), "{said}");
            if let Measure::Hormone { hormone, .. } = measure {
                assert!(names::by_code(scored::analyte(hormone)).is_some(), "{hormone:?}");
            }
        }
    }
    let it = |measure: &Measure| Say(Language::It).measured(measure);
    assert_eq!(it(&Measure::Amh(0.4)), "AMH: 0,4 ng/mL");
    let cavity = Measure::CavityFindings { level: Level::Moderate, is_at_least: true, found: Vec::new() };
    assert_eq!(it(&cavity), "cavità uterina: almeno reperti moderati");
    assert_eq!(it(&Measure::Tubes(Tubes::OneBlocked)), "stato delle tube: una chiusa o mancante");
    let fsh = Measure::Hormone { hormone: Hormone::Fsh, value: 12.9, least: Some(3.5), most: Some(12.5) };
    assert_eq!(it(&fsh), "FSH: 12,9 (3,5 – 12,5)");
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
