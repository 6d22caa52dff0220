//! Findings on the limits of their systems.

use proptest::prelude::*;

use super::{
    AdhesionExtent, AdhesionKind, Adhesions, AfsStage, Endometrium, EsgeGrade, FindingKind, Hysteroscopy,
    Level, Menses, Myoma, Polyp, Septum, Sign, UterineClass, analyse,
};
use crate::clinic::rules::{checks::said, sentences::Sentence};

/// Seen whole, everything described, nothing found.
fn normal() -> Hysteroscopy {
    Hysteroscopy {
        is_complete: Some(true),
        polyps: Some(vec![]),
        myomas: Some(vec![]),
        has_adhesions: Some(false),
        adhesions: None,
        has_indentation: Some(false),
        septum: None,
        endometrium: Some(Endometrium::Regular),
        endometritis_signs: Some(vec![]),
    }
}

fn with_myoma(figo: u16, figo_serosa: Option<u16>, size_mm: Option<f64>) -> Hysteroscopy {
    Hysteroscopy { myomas: Some(vec![Myoma { figo, figo_serosa, size_mm }]), ..normal() }
}

fn with_adhesions(adhesions: Adhesions) -> Hysteroscopy {
    Hysteroscopy { has_adhesions: Some(true), adhesions: Some(adhesions), ..normal() }
}

fn with_septum(septum: Septum) -> Hysteroscopy {
    Hysteroscopy { has_indentation: Some(true), septum: Some(septum), ..normal() }
}

fn level(seen: &Hysteroscopy) -> Option<Level> {
    analyse(seen).unwrap().level
}

#[test]
fn only_what_was_seen_whole_and_described_is_normal() {
    let it = analyse(&normal()).unwrap();
    assert_eq!((it.level, it.uterine_class), (Some(Level::None), Some(UterineClass::U0)));
    assert_eq!(it.is_biopsy_suggested, Some(false));
    assert_eq!(it.explained.sentences, [Sentence::HysteroscopyNormal]);
    let nothing = analyse(&Hysteroscopy::default()).unwrap();
    assert_eq!((nothing.level, nothing.uterine_class, nothing.is_biopsy_suggested), (None, None, None));
    assert!(nothing.findings.is_empty() && nothing.explained.sentences.is_empty());
    assert_eq!(nothing.explained.missing.len(), 7);
    for (open, missing) in [
        (Hysteroscopy { polyps: None, ..normal() }, "/polyps"),
        (Hysteroscopy { has_adhesions: None, ..normal() }, "/has_adhesions"),
        (Hysteroscopy { is_complete: Some(false), ..normal() }, "/is_complete"),
    ] {
        let it = analyse(&open).unwrap();
        assert_eq!((it.level, it.explained.missing), (None, vec![missing.to_owned()]));
    }
}

#[test]
fn polyps_weigh_by_their_size_and_are_for_histology() {
    for (size, expected) in [(9.9, Level::Minor), (10.0, Level::Moderate)] {
        let seen = Hysteroscopy { polyps: Some(vec![Polyp { size_mm: Some(size) }]), ..normal() };
        let it = analyse(&seen).unwrap();
        assert_eq!((it.level, it.is_biopsy_suggested), (Some(expected), Some(true)));
    }
    let unmeasured = Hysteroscopy { polyps: Some(vec![Polyp { size_mm: None }]), ..normal() };
    assert_eq!(level(&unmeasured), None);
}

#[test]
fn myomas_are_classed_by_figo() {
    use Level::{Minor, Moderate, Severe};
    for (figo, serosa, size, class, expected) in [
        (0, None, Some(39.9), "FIGO 0", Some(Moderate)),
        (1, None, Some(40.0), "FIGO 1", Some(Severe)),
        (2, None, None, "FIGO 2", None),
        (2, Some(5), Some(20.0), "FIGO 2-5", Some(Moderate)),
        (3, None, None, "FIGO 3", Some(Minor)),
        (4, None, Some(90.0), "FIGO 4", Some(Minor)),
        (8, None, None, "FIGO 8", Some(Minor)),
    ] {
        let it = analyse(&with_myoma(figo, serosa, size)).unwrap();
        assert_eq!((it.findings[0].class.as_deref(), it.level), (Some(class), expected));
        assert_eq!(it.is_biopsy_suggested, Some(false));
    }
}

#[test]
fn adhesions_are_scored_by_the_american_fertility_society() {
    use AdhesionExtent::{OneToTwoThirds, OverTwoThirds, UnderOneThird};
    use AdhesionKind::{Dense, Filmy, FilmyAndDense};
    use Menses::{Amenorrhoea, Hypomenorrhoea, Normal};
    for (extent, kind, menses, score, stage, expected) in [
        (UnderOneThird, Filmy, Normal, 2, AfsStage::I, Level::Minor),
        (OneToTwoThirds, FilmyAndDense, Normal, 4, AfsStage::I, Level::Minor),
        (UnderOneThird, FilmyAndDense, Hypomenorrhoea, 5, AfsStage::II, Level::Moderate),
        (OverTwoThirds, Dense, Normal, 8, AfsStage::II, Level::Moderate),
        (OverTwoThirds, Filmy, Amenorrhoea, 9, AfsStage::III, Level::Severe),
        (OverTwoThirds, Dense, Amenorrhoea, 12, AfsStage::III, Level::Severe),
    ] {
        let adhesions =
            Adhesions { extent: Some(extent), kind: Some(kind), menses: Some(menses), esge: None };
        assert_eq!(adhesions.afs(), Some((score, stage)));
        let it = analyse(&with_adhesions(adhesions)).unwrap();
        assert_eq!(it.level, Some(expected));
        assert_eq!(it.findings[0].class, Some(format!("AFS {stage:?} ({score})")));
    }
}

#[test]
fn the_surgeons_grade_counts_and_the_heavier_of_two_decides() {
    let graded = |esge| Adhesions { extent: None, kind: None, menses: None, esge: Some(esge) };
    for (esge, expected) in [
        (EsgeGrade::I, Level::Minor),
        (EsgeGrade::II, Level::Moderate),
        (EsgeGrade::IIa, Level::Moderate),
        (EsgeGrade::III, Level::Severe),
        (EsgeGrade::IIIa, Level::Severe),
        (EsgeGrade::IV, Level::Severe),
    ] {
        let it = analyse(&with_adhesions(graded(esge))).unwrap();
        assert_eq!((it.level, it.findings[0].class.clone()), (Some(expected), Some(format!("ESH {esge:?}"))));
        assert_eq!(it.explained.missing, ["/adhesions/extent", "/adhesions/kind", "/adhesions/menses"]);
    }
    let light = Adhesions {
        extent: Some(AdhesionExtent::UnderOneThird),
        kind: Some(AdhesionKind::Dense),
        menses: Some(Menses::Normal),
        esge: Some(EsgeGrade::III),
    };
    assert_eq!(level(&with_adhesions(light)), Some(Level::Severe));
    assert_eq!(level(&Hysteroscopy { has_adhesions: Some(true), ..normal() }), None);
}

#[test]
fn an_indentation_is_a_septum_when_it_is_more_than_half_of_the_wall() {
    let septum = |indentation_mm, external, reaches_internal_os| Septum {
        indentation_mm,
        wall_mm: Some(10.0),
        external_indentation_mm: external,
        reaches_internal_os,
    };
    for (septum, class, expected) in [
        (septum(0.0, None, None), Some(UterineClass::U0), Some(Level::None)),
        (septum(5.0, None, None), Some(UterineClass::U1c), Some(Level::Minor)),
        (septum(5.1, Some(5.0), Some(false)), Some(UterineClass::U2a), Some(Level::Moderate)),
        (septum(40.0, Some(0.0), Some(true)), Some(UterineClass::U2b), Some(Level::Severe)),
        (septum(20.0, Some(0.0), None), Some(UterineClass::U2), None),
        (septum(20.0, Some(5.1), None), Some(UterineClass::U3), Some(Level::Moderate)),
        (septum(20.0, None, Some(true)), None, None),
    ] {
        let it = analyse(&with_septum(septum)).unwrap();
        assert_eq!((it.uterine_class, it.level), (class, expected), "{septum:?}");
    }
    let unseen = analyse(&with_septum(septum(20.0, None, Some(true)))).unwrap();
    assert_eq!(unseen.explained.missing, ["/septum/external_indentation_mm"]);
    assert!(unseen.explained.limits.contains(&Sentence::HysteroscopyOuterContour));
}

#[test]
fn the_endometrium_and_signs_of_inflammation_are_findings() {
    for (endometrium, expected, biopsy) in [
        (Endometrium::SuspectedHyperplasia, Level::Moderate, true),
        (Endometrium::Atrophic, Level::Moderate, false),
    ] {
        let it = analyse(&Hysteroscopy { endometrium: Some(endometrium), ..normal() }).unwrap();
        assert_eq!((it.level, it.is_biopsy_suggested), (Some(expected), Some(biopsy)));
    }
    let signs = Hysteroscopy { endometritis_signs: Some(vec![Sign::Micropolyps]), ..normal() };
    let it = analyse(&signs).unwrap();
    assert_eq!((it.level, it.is_biopsy_suggested), (Some(Level::Moderate), Some(true)));
    assert_eq!(it.findings[0].kind, FindingKind::Endometritis);
}

#[test]
fn a_severe_finding_is_the_worst_whatever_was_not_described() {
    let seen = Hysteroscopy { polyps: None, endometrium: None, ..with_myoma(0, None, Some(50.0)) };
    assert_eq!(level(&seen), Some(Level::Severe));
    let lighter = Hysteroscopy { polyps: None, ..with_myoma(0, None, Some(5.0)) };
    assert_eq!(level(&lighter), None);
}

#[test]
fn what_cannot_be_is_refused() {
    assert_eq!(said(analyse(&with_myoma(9, None, None))), ["/myomas/0/figo out_of_range"]);
    assert_eq!(said(analyse(&with_myoma(2, Some(4), None))), ["/myomas/0/figo_serosa out_of_range"]);
    assert_eq!(said(analyse(&with_myoma(4, Some(5), None))), ["/myomas/0/figo_serosa contradicts"]);
    let scarred = Adhesions {
        extent: None,
        kind: Some(AdhesionKind::Dense),
        menses: Some(Menses::Normal),
        esge: Some(EsgeGrade::IIIa),
    };
    assert_eq!(said(analyse(&with_adhesions(scarred))), ["/adhesions/esge contradicts"]);
    let thin = Adhesions { esge: Some(EsgeGrade::I), ..scarred };
    assert_eq!(said(analyse(&with_adhesions(thin))), ["/adhesions/esge contradicts"]);
    let none = Hysteroscopy { has_adhesions: Some(false), ..with_adhesions(scarred) };
    assert_eq!(said(analyse(&none)), ["/adhesions contradicts", "/adhesions/esge contradicts"]);
    let septum = Septum {
        indentation_mm: -1.0,
        wall_mm: None,
        external_indentation_mm: None,
        reaches_internal_os: None,
    };
    let none = Hysteroscopy { has_indentation: Some(false), ..with_septum(septum) };
    assert_eq!(said(analyse(&none)), ["/septum contradicts", "/septum/indentation_mm out_of_range"]);
}

proptest! {
    #[test]
    fn the_order_of_findings_does_not_matter_and_one_more_never_makes_it_lighter(
        sizes in proptest::collection::vec((0u16..=8, 1.0f64..=100.0), 0..8), size in 1.0f64..=100.0,
    ) {
        let myomas: Vec<_> =
            sizes.iter().map(|(figo, size)| Myoma { figo: *figo, figo_serosa: None, size_mm: Some(*size) }).collect();
        let seen = Hysteroscopy { myomas: Some(myomas.clone()), ..normal() };
        let turned = Hysteroscopy { myomas: Some(myomas.into_iter().rev().collect()), ..normal() };
        prop_assert_eq!(analyse(&seen), analyse(&turned));
        let more = Hysteroscopy { polyps: Some(vec![Polyp { size_mm: Some(size) }]), ..seen.clone() };
        prop_assert!(level(&more) >= level(&seen));
    }
}

#[test]
fn a_detail_that_leaves_the_whole_open_is_named() {
    let unknown = Adhesions { extent: None, kind: None, menses: None, esge: None };
    for (seen, missing) in [
        (Hysteroscopy { polyps: Some(vec![Polyp { size_mm: None }]), ..normal() }, vec!["/polyps/0/size_mm"]),
        (
            Hysteroscopy {
                polyps: Some(vec![Polyp { size_mm: Some(4.0) }, Polyp { size_mm: None }]),
                ..normal()
            },
            vec!["/polyps/1/size_mm"],
        ),
        (with_myoma(1, None, None), vec!["/myomas/0/size_mm"]),
        (with_myoma(4, None, None), vec![]),
        (Hysteroscopy { has_adhesions: Some(true), ..normal() }, vec!["/adhesions"]),
        (with_adhesions(unknown), vec!["/adhesions/extent", "/adhesions/kind", "/adhesions/menses"]),
        (Hysteroscopy { has_indentation: Some(true), ..normal() }, vec!["/septum"]),
        (normal(), vec![]),
    ] {
        let it = analyse(&seen).unwrap();
        assert_eq!(it.explained.missing, missing, "{seen:?}");
        assert_eq!(it.level.is_none(), !missing.is_empty(), "{seen:?}");
    }
}

#[test]
fn what_is_certain_is_said_although_something_is_missing() {
    use AdhesionExtent::{OverTwoThirds, UnderOneThird};
    use AdhesionKind::{Dense, Filmy};
    let adhesions = |extent, kind, menses| Adhesions { extent, kind, menses, esge: None };
    let (moderate, severe) = (Some(Level::Moderate), Some(Level::Severe));
    for (given, class, known, least) in [
        (adhesions(Some(OverTwoThirds), Some(Dense), None), "AFS ≥ II (≥ 8)", None, moderate),
        (adhesions(Some(UnderOneThird), Some(Filmy), None), "AFS ≥ I (≥ 2)", None, Some(Level::Minor)),
        (adhesions(None, Some(Dense), Some(Menses::Amenorrhoea)), "AFS III (≥ 9)", severe, severe),
        (
            Adhesions { esge: Some(EsgeGrade::I), ..adhesions(Some(OverTwoThirds), Some(Filmy), None) },
            "AFS ≥ II (≥ 5), ESH I",
            moderate,
            moderate,
        ),
    ] {
        let it = analyse(&with_adhesions(given)).unwrap();
        assert_eq!(
            (it.level, it.level_at_least, it.findings[0].class.as_deref()),
            (known, least, Some(class))
        );
    }
    let septum = |indentation_mm, wall_mm, external_indentation_mm| {
        let septum = Septum { indentation_mm, wall_mm, external_indentation_mm, reaches_internal_os: None };
        let it = analyse(&with_septum(septum)).unwrap();
        (it.level, it.level_at_least, it.explained.sentences.contains(&Sentence::HysteroscopyDeep))
    };
    assert_eq!(septum(14.0, None, None), (None, Some(Level::Minor), false));
    assert_eq!(septum(15.0, None, None), (None, Some(Level::Minor), false));
    assert_eq!(septum(15.1, None, None), (None, moderate, true), "ASRM 2016");
    assert_eq!(septum(6.0, Some(10.0), None), (None, moderate, false), "a septum or a second body");
    assert_eq!(septum(6.0, Some(10.0), Some(0.0)), (None, moderate, false), "which septum is open");
    assert_eq!(septum(16.0, Some(32.0), None), (moderate, moderate, true), "the heavier of two systems");
    assert_eq!(analyse(&with_myoma(2, None, None)).unwrap().level_at_least, moderate);
    let polyp = Hysteroscopy { polyps: Some(vec![Polyp { size_mm: None }]), ..normal() };
    assert_eq!(analyse(&polyp).unwrap().level_at_least, Some(Level::Minor));
    assert_eq!(analyse(&Hysteroscopy::default()).unwrap().level_at_least, None);
    assert_eq!(analyse(&normal()).unwrap().level_at_least, Some(Level::None));
}

#[test]
fn a_cavity_full_of_findings_is_at_least_as_heavy_as_they_are_and_what_is_missing_is_named() {
    let seen: Hysteroscopy = serde_json::from_value(serde_json::json!({
        "is_complete": true, "polyps": [{ "size_mm": 12.0 }], "myomas": [{ "figo": 1, "size_mm": 22.0 }],
        "adhesions": { "extent": "over_two_thirds", "kind": "dense" }, "septum": { "indentation_mm": 16.0 },
    }))
    .unwrap();
    let it = analyse(&seen).unwrap();
    assert_eq!((it.level, it.level_at_least), (None, Some(Level::Moderate)));
    assert_eq!(it.explained.sentences[0], Sentence::HysteroscopyAtLeastModerate);
    let missing = [
        "/endometrium",
        "/endometritis_signs",
        "/adhesions/menses",
        "/septum/wall_mm",
        "/septum/external_indentation_mm",
    ];
    assert_eq!(it.explained.missing, missing);
    assert!(it.findings.iter().all(|it| it.level_at_least == Some(Level::Moderate)), "{:?}", it.findings);
}

proptest! {
    #[test]
    fn it_is_never_lighter_than_it_was_said_to_be_at_least(
        parts in (0u8..4, 0u8..4, 0u8..4), hides in (any::<bool>(), any::<bool>(), any::<bool>()),
        depth in 1.0f64..60.0, wall in 1.0f64..60.0, outer in 0.0f64..30.0, reaches in any::<bool>(),
    ) {
        let extent = [None, Some(AdhesionExtent::UnderOneThird), Some(AdhesionExtent::OneToTwoThirds),
            Some(AdhesionExtent::OverTwoThirds)][usize::from(parts.0)];
        let kind = [None, Some(AdhesionKind::Filmy), Some(AdhesionKind::FilmyAndDense), Some(AdhesionKind::Dense)]
            [usize::from(parts.1)];
        let menses = [None, Some(Menses::Normal), Some(Menses::Hypomenorrhoea), Some(Menses::Amenorrhoea)]
            [usize::from(parts.2)];
        let known = Adhesions { extent, kind, menses, esge: None };
        let hidden = Adhesions {
            extent: extent.filter(|_| !hides.0), kind: kind.filter(|_| !hides.1), menses: menses.filter(|_| !hides.2),
            esge: None,
        };
        let least = |seen: &Hysteroscopy| analyse(seen).unwrap().level_at_least;
        prop_assert!(least(&with_adhesions(hidden)) <= least(&with_adhesions(known)));
        let whole = Septum { indentation_mm: depth, wall_mm: Some(wall), external_indentation_mm: Some(outer),
            reaches_internal_os: Some(reaches) };
        let part = Septum { wall_mm: whole.wall_mm.filter(|_| !hides.0),
            external_indentation_mm: whole.external_indentation_mm.filter(|_| !hides.1),
            reaches_internal_os: whole.reaches_internal_os.filter(|_| !hides.2), ..whole };
        prop_assert!(least(&with_septum(part)) <= level(&with_septum(whole)));
    }
}
