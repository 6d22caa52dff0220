//! Embryos on the limits of every class, and that better is never worse.

use proptest::{option::of, prelude::*};

use super::{Blastocyst, CellSizes, Cleavage, Compaction, Embryo, EmbryoAnalysis, Letter, Quality, analyse};
use crate::clinic::rules::{checks::said, references::Reference, sentences::Sentence};

fn cleavage(day: u16, cells: u16, fragments: f64, sizes: CellSizes, multinucleated: bool) -> Cleavage {
    Cleavage {
        day,
        cells: Some(cells),
        fragmentation_percent: Some(fragments),
        cell_sizes: Some(sizes),
        is_multinucleated: Some(multinucleated),
    }
}

fn grade(embryo: Cleavage) -> EmbryoAnalysis {
    analyse(&Embryo::Cleavage(embryo)).unwrap()
}

fn blastocyst(expansion: u16, letters: &str) -> Blastocyst {
    let letter = |at| match letters.as_bytes().get(at) {
        Some(b'A') => Some(Letter::A),
        Some(b'B') => Some(Letter::B),
        Some(b'C') => Some(Letter::C),
        _ => None,
    };
    Blastocyst {
        day: Some(5),
        expansion: Some(expansion),
        inner_cell_mass: letter(0),
        trophectoderm: letter(1),
    }
}

#[test]
fn cleavage_is_graded_on_the_limits_of_its_classes() {
    use CellSizes::{Even, MostlyEven, Uneven};
    use Quality::{Excellent, Fair, Good, Poor};
    for (day, cells, fragments, sizes, multinucleated, quality, istanbul) in [
        (1, 2, 0.0, Even, false, Excellent, 1),
        (2, 4, 9.9, Even, false, Excellent, 1),
        (3, 8, 10.0, Even, false, Excellent, 2),
        (3, 8, 10.1, Even, false, Good, 2),
        (3, 7, 5.0, Even, false, Excellent, 1),
        (3, 6, 5.0, Even, false, Good, 1),
        (3, 5, 5.0, Even, false, Good, 1),
        (3, 4, 5.0, Even, false, Fair, 1),
        (3, 3, 5.0, Even, false, Poor, 1),
        (2, 3, 5.0, Even, false, Good, 1),
        (2, 2, 5.0, Even, false, Fair, 1),
        (2, 1, 5.0, Even, false, Poor, 1),
        (1, 1, 5.0, Even, false, Fair, 1),
        (3, 8, 5.0, MostlyEven, false, Good, 2),
        (3, 8, 5.0, Uneven, false, Good, 3),
        (3, 8, 25.0, Even, false, Good, 2),
        (3, 8, 25.1, Even, false, Fair, 3),
        (3, 8, 50.0, Even, false, Fair, 3),
        (3, 8, 50.1, Even, false, Poor, 3),
        (3, 8, 0.0, Even, true, Fair, 3),
        (3, 12, 0.0, Even, false, Excellent, 1),
    ] {
        let it = grade(cleavage(day, cells, fragments, sizes, multinucleated));
        let what = (day, cells, fragments, sizes, multinucleated);
        assert_eq!((it.quality, it.istanbul), (Some(quality), Some(istanbul)), "{what:?}");
        assert_eq!(it.transfer, Some(matches!(quality, Excellent | Good)));
        assert_eq!((it.freeze, it.is_viable), (Some(quality != Poor), Some(quality != Poor)));
        assert!(it.explained.missing.is_empty());
    }
}

#[test]
fn what_is_not_seen_is_left_open_unless_it_changes_nothing() {
    let nothing = Cleavage {
        day: 3,
        cells: None,
        fragmentation_percent: None,
        cell_sizes: None,
        is_multinucleated: None,
    };
    let it = grade(nothing);
    assert_eq!(
        (it.quality, it.istanbul, it.transfer, it.freeze, it.is_viable),
        (None, None, None, None, None)
    );
    assert_eq!(
        it.explained.missing,
        ["/cells", "/fragmentation_percent", "/cell_sizes", "/is_multinucleated"]
    );
    assert!(it.explained.sentences.is_empty());
    let fragmented = grade(Cleavage { fragmentation_percent: Some(60.0), ..nothing });
    assert_eq!(
        (fragmented.quality, fragmented.istanbul),
        (Some(Quality::Poor), Some(3)),
        "whatever the rest is"
    );
    assert!(fragmented.explained.missing.is_empty());
    let unsized_ = grade(Cleavage { cell_sizes: None, ..cleavage(3, 5, 20.0, CellSizes::Even, false) });
    assert_eq!((unsized_.quality, unsized_.istanbul), (Some(Quality::Good), None));
    assert_eq!(unsized_.explained.missing, ["/cell_sizes"]);
}

#[test]
fn a_morula_is_graded_by_its_compaction() {
    for (compaction, quality, istanbul) in [
        (Some(Compaction::Whole), Some(Quality::Good), Some(1)),
        (Some(Compaction::Most), Some(Quality::Fair), Some(2)),
        (Some(Compaction::LessThanHalf), Some(Quality::Poor), Some(3)),
        (None, None, None),
    ] {
        let it = analyse(&Embryo::Morula { compaction }).unwrap();
        assert_eq!((it.quality, it.istanbul), (quality, istanbul));
        assert!(it.explained.references.contains(&Reference::ThisSoftware), "its class is a convention");
    }
}

#[test]
fn blastocysts_are_named_after_gardner_and_classed() {
    use Quality::{Excellent, Fair, Good, Poor};
    for (name, quality) in [
        ("6AA", Excellent),
        ("5AA", Excellent),
        ("4AA", Excellent),
        ("3AA", Good),
        ("2AA", Fair),
        ("6AB", Good),
        ("4AB", Good),
        ("4BA", Good),
        ("3BB", Good),
        ("2BB", Fair),
        ("4AC", Fair),
        ("4CA", Fair),
        ("3BC", Fair),
        ("2CB", Fair),
        ("6CC", Poor),
        ("3CC", Poor),
        ("2CC", Poor),
    ] {
        let (expansion, letters) = name.split_at(1);
        let it = analyse(&Embryo::Blastocyst(blastocyst(expansion.parse().unwrap(), letters))).unwrap();
        assert_eq!((it.quality, it.gardner.as_deref()), (Some(quality), Some(name)));
        assert_eq!(it.istanbul, None);
    }
}

#[test]
fn an_early_blastocyst_is_looked_at_again() {
    for (expansion, name) in [(1, "1"), (2, "2")] {
        let it = analyse(&Embryo::Blastocyst(blastocyst(expansion, ""))).unwrap();
        assert_eq!((it.quality, it.gardner.as_deref()), (None, Some(name)));
        assert_eq!(it.explained.sentences, [Sentence::EmbryoSeeAgain]);
    }
    let open = analyse(&Embryo::Blastocyst(blastocyst(4, ""))).unwrap();
    assert_eq!((open.quality, open.gardner), (None, None));
    assert_eq!(open.explained.missing, ["/inner_cell_mass", "/trophectoderm"]);
    let one = Blastocyst { trophectoderm: None, ..blastocyst(4, "A") };
    assert_eq!(analyse(&Embryo::Blastocyst(one)).unwrap().quality, None, "excellent to fair");
}

#[test]
fn what_cannot_be_is_refused() {
    let cleavage = |it| said(analyse(&Embryo::Cleavage(it)));
    let good = self::cleavage(3, 8, 0.0, CellSizes::Even, false);
    assert_eq!(cleavage(Cleavage { day: 4, ..good }), ["/day out_of_range"]);
    assert_eq!(
        cleavage(Cleavage { day: 0, cells: Some(0), ..good }),
        ["/day out_of_range", "/cells out_of_range"]
    );
    assert_eq!(
        cleavage(Cleavage { fragmentation_percent: Some(100.1), ..good }),
        ["/fragmentation_percent out_of_range"]
    );
    assert_eq!(
        cleavage(Cleavage { cells: Some(1), cell_sizes: Some(CellSizes::Uneven), ..good }),
        ["/cell_sizes contradicts"]
    );
    let blastocyst = |it| said(analyse(&Embryo::Blastocyst(it)));
    let good = self::blastocyst(4, "AA");
    assert_eq!(blastocyst(Blastocyst { day: Some(4), ..good }), ["/day out_of_range"]);
    assert_eq!(blastocyst(Blastocyst { expansion: Some(7), ..good }), ["/expansion out_of_range"]);
    assert_eq!(
        blastocyst(Blastocyst { expansion: Some(1), ..good }),
        ["/inner_cell_mass contradicts", "/trophectoderm contradicts"]
    );
}

#[test]
fn an_embryo_is_read_from_json_and_strange_members_are_refused() {
    let read = |text: &str| serde_json::from_str::<Embryo>(text);
    let embryo = read(
        r#"{"stage": "blastocyst", "day": 5, "expansion": 4, "inner_cell_mass": "A", "trophectoderm": "B"}"#,
    );
    assert_eq!(analyse(&embryo.unwrap()).unwrap().gardner.as_deref(), Some("4AB"));
    assert!(read(r#"{"stage": "cleavage", "day": 3, "cell": 8}"#).is_err());
    assert!(read(r#"{"stage": "cleavage"}"#).is_err(), "the day is needed");
}

fn letters() -> impl Strategy<Value = Option<Letter>> {
    of(prop_oneof![Just(Letter::A), Just(Letter::B), Just(Letter::C)])
}

proptest! {
    #[test]
    fn more_fragments_fewer_cells_or_a_second_nucleus_never_make_it_better(
        day in 1u16..=3, cells in of(1u16..=16), fragments in 0.0f64..=100.0, more in 0.0f64..=100.0, nuclei in of(any::<bool>()),
    ) {
        let before = Cleavage {
            day, cells, fragmentation_percent: Some(fragments), cell_sizes: Some(CellSizes::Even), is_multinucleated: nuclei,
        };
        for after in [
            Cleavage { fragmentation_percent: Some(fragments.max(more)), ..before },
            Cleavage { cells: cells.map(|it| (it - 1).max(1)), ..before },
            Cleavage { is_multinucleated: Some(true), ..before },
        ] {
            let (before, after) = (grade(before), grade(after));
            if let (Some(before), Some(after)) = (before.quality, after.quality) {
                prop_assert!(after >= before);
            }
            if let (Some(before), Some(after)) = (before.istanbul, after.istanbul) {
                prop_assert!(after >= before);
            }
        }
    }

    #[test]
    fn more_expansion_or_a_better_letter_never_makes_it_worse(
        expansion in 2u16..=5, mass in letters(), epithelium in letters(),
    ) {
        let before = Blastocyst { day: Some(5), expansion: Some(expansion), inner_cell_mass: mass, trophectoderm: epithelium };
        let better = Blastocyst { inner_cell_mass: mass.map(|_| Letter::A), ..before };
        let larger = Blastocyst { expansion: Some(expansion + 1), ..before };
        let quality = |it| analyse(&Embryo::Blastocyst(it)).unwrap().quality;
        for after in [better, larger] {
            if let (Some(before), Some(after)) = (quality(before), quality(after)) {
                prop_assert!(after <= before);
            }
        }
    }
}

#[test]
fn between_which_classes_an_embryo_lies_is_said_if_a_sign_is_missing() {
    let seen = Cleavage { is_multinucleated: None, ..cleavage(3, 8, 12.0, CellSizes::Even, false) };
    let it = grade(seen);
    assert_eq!((it.quality, it.istanbul), (None, None), "not described is not none");
    assert_eq!((it.quality_at_best, it.quality_at_worst), (Some(Quality::Good), Some(Quality::Fair)));
    assert_eq!((it.istanbul_at_best, it.istanbul_at_worst), (Some(2), Some(3)));
    assert_eq!(it.explained.missing, ["/is_multinucleated"]);
    let whole = grade(Cleavage { is_multinucleated: Some(false), ..seen });
    assert_eq!((whole.quality, whole.istanbul), (Some(Quality::Good), Some(2)));
    assert_eq!((whole.quality_at_best, whole.istanbul_at_worst), (Some(Quality::Good), Some(2)));
}
