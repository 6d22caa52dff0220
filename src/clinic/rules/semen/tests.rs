//! Examinations on the limits, and what follows from what.

use proptest::{option::of, prelude::*};

use super::{Degree, LIMITS, Pellet, Position, Semen, SemenGrade, SemenParameter, SemenTerm, analyse};
use crate::clinic::rules::{checks::said, sentences::Sentence};

/// On every limit exactly.
const ON_THE_LIMITS: Semen = Semen {
    volume_ml: Some(3.0),
    ph: None,
    concentration_million_per_ml: None,
    total_million: Some(39.0),
    total_motility_percent: Some(42.0),
    progressive_percent: Some(30.0),
    non_progressive_percent: None,
    immotile_percent: None,
    vitality_percent: Some(54.0),
    normal_forms_percent: Some(4.0),
    leukocytes_million_per_ml: None,
    abstinence_days: Some(3.0),
    liquefaction_minutes: None,
    pellet: None,
};

fn terms(semen: Semen) -> Vec<SemenTerm> {
    analyse(&semen).unwrap().terms
}

fn value(semen: Semen, parameter: SemenParameter) -> Option<(f64, bool)> {
    let values = analyse(&semen).unwrap().values;
    values.iter().find(|it| it.parameter == parameter).map(|it| (it.value, it.is_derived))
}

#[test]
fn the_limits_are_those_of_2021() {
    let found: Vec<_> = LIMITS.iter().map(|it| (it.limit, it.from, it.until)).collect();
    assert_eq!(
        found,
        [
            (1.4, 1.3, 1.5),
            (39.0, 35.0, 40.0),
            (16.0, 15.0, 18.0),
            (42.0, 40.0, 43.0),
            (30.0, 29.0, 31.0),
            (1.0, 1.0, 1.0),
            (20.0, 19.0, 20.0),
            (54.0, 50.0, 56.0),
            (4.0, 3.9, 4.0),
        ]
    );
    for it in LIMITS {
        assert!(it.from <= it.limit && it.limit <= it.until && it.until < it.median);
        let expected = if it.is_judged { Position::Within } else { Position::NotJudged };
        assert_eq!(it.parameter.position(it.limit), expected, "{:?}", it.parameter);
        let expected = if it.is_judged { Position::Outside } else { Position::NotJudged };
        assert_eq!(it.parameter.position(it.limit - 0.01), expected, "{:?}", it.parameter);
    }
    assert_eq!(SemenParameter::Ph.position(7.2), Position::Outside);
    assert_eq!(SemenParameter::Ph.position(7.3), Position::Within);
    assert_eq!(SemenParameter::Leukocytes.position(0.99), Position::Within);
    assert_eq!(SemenParameter::Leukocytes.position(1.0), Position::Outside);
}

#[test]
fn nothing_is_said_of_nothing() {
    let it = analyse(&Semen::default()).unwrap();
    assert_eq!((it.grade, it.degree, it.terms.len(), it.values.len()), (None, None, 0, 0));
    assert!(it.explained.sentences.is_empty());
    assert_eq!(it.explained.missing, ["/total_million", "/progressive_percent", "/normal_forms_percent"]);
}

#[test]
fn who_reaches_every_limit_is_normozoospermic_and_who_misses_one_is_named_by_it() {
    use SemenTerm::{
        Asthenoteratozoospermia, Asthenozoospermia, Normozoospermia, Oligoasthenoteratozoospermia,
        Oligoasthenozoospermia, Oligoteratozoospermia, Oligozoospermia, Teratozoospermia,
    };
    let few = |semen: Semen| Semen { total_million: Some(38.9), ..semen };
    let slow = |semen: Semen| Semen { progressive_percent: Some(29.9), ..semen };
    let odd = |semen: Semen| Semen { normal_forms_percent: Some(3.9), ..semen };
    for (semen, term, grade) in [
        (ON_THE_LIMITS, Normozoospermia, SemenGrade::WithinReference),
        (few(ON_THE_LIMITS), Oligozoospermia, SemenGrade::OneBelow),
        (slow(ON_THE_LIMITS), Asthenozoospermia, SemenGrade::OneBelow),
        (odd(ON_THE_LIMITS), Teratozoospermia, SemenGrade::OneBelow),
        (few(slow(ON_THE_LIMITS)), Oligoasthenozoospermia, SemenGrade::SeveralBelow),
        (few(odd(ON_THE_LIMITS)), Oligoteratozoospermia, SemenGrade::SeveralBelow),
        (slow(odd(ON_THE_LIMITS)), Asthenoteratozoospermia, SemenGrade::SeveralBelow),
        (few(slow(odd(ON_THE_LIMITS))), Oligoasthenoteratozoospermia, SemenGrade::SeveralBelow),
    ] {
        let it = analyse(&semen).unwrap();
        assert_eq!((it.terms, it.grade), (vec![term], Some(grade)));
        assert!(it.explained.missing.is_empty());
    }
}

#[test]
fn the_values_of_2010_are_not_used() {
    // Enough in 2010: 15 million per mL. Too little in 2010, enough now: 30 % progressive.
    let semen = Semen {
        total_million: None,
        volume_ml: None,
        concentration_million_per_ml: Some(15.0),
        ..ON_THE_LIMITS
    };
    assert_eq!(terms(semen), [SemenTerm::Oligozoospermia]);
    assert_eq!(
        terms(Semen { concentration_million_per_ml: Some(16.0), ..semen }),
        [SemenTerm::Normozoospermia]
    );
}

#[test]
fn what_is_not_known_is_left_open_but_what_is_low_is_named() {
    let open = Semen { normal_forms_percent: None, ..ON_THE_LIMITS };
    let it = analyse(&open).unwrap();
    assert_eq!((it.terms.len(), it.grade), (0, None));
    assert_eq!(it.explained.missing, ["/normal_forms_percent"]);
    let slow = Semen { progressive_percent: Some(20.0), ..open };
    let it = analyse(&slow).unwrap();
    assert_eq!((it.terms, it.grade), (vec![SemenTerm::Asthenozoospermia], None));
}

#[test]
fn the_total_number_comes_before_the_concentration() {
    let much = Semen {
        volume_ml: Some(4.0),
        concentration_million_per_ml: Some(12.0),
        total_million: None,
        ..ON_THE_LIMITS
    };
    let it = analyse(&much).unwrap();
    assert_eq!((it.terms, it.degree), (vec![SemenTerm::Normozoospermia], None));
    assert_eq!(it.explained.sentences, [Sentence::SemenNormozoospermia, Sentence::SemenConcentrationLow]);
    let little = Semen { volume_ml: Some(1.4), concentration_million_per_ml: Some(20.0), ..much };
    assert_eq!(terms(little), [SemenTerm::Oligozoospermia]);
}

#[test]
fn degrees_are_told_by_the_concentration() {
    let of = |concentration| Semen {
        volume_ml: None,
        total_million: None,
        concentration_million_per_ml: Some(concentration),
        ..ON_THE_LIMITS
    };
    for (concentration, degree) in [
        (0.1, Some(Degree::Severe)),
        (4.9, Some(Degree::Severe)),
        (5.0, Some(Degree::Moderate)),
        (9.9, Some(Degree::Moderate)),
        (10.0, Some(Degree::Mild)),
        (15.9, Some(Degree::Mild)),
        (16.0, None),
    ] {
        assert_eq!(analyse(&of(concentration)).unwrap().degree, degree, "{concentration}");
    }
    let unknown = Semen { volume_ml: None, total_million: Some(10.0), ..ON_THE_LIMITS };
    let it = analyse(&unknown).unwrap();
    assert_eq!((it.degree, it.explained.missing), (None, vec!["/concentration_million_per_ml".to_owned()]));
}

#[test]
fn what_follows_is_computed_and_marked() {
    let semen = Semen {
        volume_ml: Some(2.6),
        concentration_million_per_ml: Some(15.0),
        progressive_percent: Some(30.0),
        non_progressive_percent: Some(12.0),
        ..Semen::default()
    };
    for (parameter, expected) in [
        (SemenParameter::TotalNumber, (39.0, true)),
        (SemenParameter::Concentration, (15.0, false)),
        (SemenParameter::TotalMotility, (42.0, true)),
        (SemenParameter::Immotile, (58.0, true)),
        (SemenParameter::TotalProgressive, (11.7, true)),
    ] {
        assert_eq!(value(semen, parameter), Some(expected), "{parameter:?}");
    }
    let backwards = Semen { volume_ml: Some(2.0), total_million: Some(50.0), ..Semen::default() };
    assert_eq!(value(backwards, SemenParameter::Concentration), Some((25.0, true)));
    let rest =
        Semen { immotile_percent: Some(40.0), non_progressive_percent: Some(20.0), ..Semen::default() };
    assert_eq!(value(rest, SemenParameter::Progressive), Some((40.0, true)));
    let alone = Semen { total_million: Some(50.0), ..Semen::default() };
    assert_eq!(value(alone, SemenParameter::Concentration), None);
}

#[test]
fn without_spermatozoa_the_pellet_tells_what_it_is() {
    let none = Semen { volume_ml: Some(3.0), concentration_million_per_ml: Some(0.0), ..Semen::default() };
    let it = analyse(&none).unwrap();
    assert_eq!((it.terms.len(), it.grade), (0, Some(SemenGrade::NoneSeen)));
    assert_eq!(it.explained.sentences, [Sentence::SemenNoneInFresh]);
    assert_eq!(it.explained.missing, ["/pellet"]);
    assert_eq!(value(none, SemenParameter::TotalNumber), Some((0.0, true)));
    let azoospermia = Semen { pellet: Some(Pellet::Absent), ..none };
    assert_eq!(terms(azoospermia), [SemenTerm::Azoospermia]);
    assert_eq!(terms(Semen { pellet: Some(Pellet::Present), ..none }), [SemenTerm::Cryptozoospermia]);
    let obstructed = Semen { volume_ml: Some(1.3), ph: Some(7.2), ..azoospermia };
    let it = analyse(&obstructed).unwrap();
    assert_eq!(it.terms, [SemenTerm::Azoospermia, SemenTerm::Hypospermia]);
    assert!(it.explained.sentences.contains(&Sentence::SemenLowAcidAzoospermia));
    let aspermia = Semen { volume_ml: Some(0.0), ..Semen::default() };
    assert_eq!(terms(aspermia), [SemenTerm::Aspermia]);
}

#[test]
fn what_may_be_besides_is_told_at_its_limit() {
    let dead = Semen {
        total_motility_percent: Some(41.9),
        vitality_percent: Some(53.9),
        progressive_percent: Some(30.0),
        ..ON_THE_LIMITS
    };
    assert_eq!(terms(dead), [SemenTerm::Normozoospermia, SemenTerm::Necrozoospermia]);
    assert_eq!(terms(Semen { vitality_percent: Some(54.0), ..dead }), [SemenTerm::Normozoospermia]);
    assert_eq!(terms(Semen { total_motility_percent: Some(42.0), ..dead }), [SemenTerm::Normozoospermia]);
    let small = Semen { volume_ml: Some(1.39), ..ON_THE_LIMITS };
    assert_eq!(terms(small), [SemenTerm::Normozoospermia, SemenTerm::Hypospermia]);
    assert_eq!(analyse(&small).unwrap().grade, Some(SemenGrade::OneBelow));
    let white = Semen { leukocytes_million_per_ml: Some(1.0), ..ON_THE_LIMITS };
    assert_eq!(terms(white), [SemenTerm::Normozoospermia, SemenTerm::Leukospermia]);
    for (minutes, is_slow) in [(60.0, false), (60.5, true)] {
        let it = analyse(&Semen { liquefaction_minutes: Some(minutes), ..ON_THE_LIMITS }).unwrap();
        assert_eq!(it.explained.sentences.contains(&Sentence::SemenSlowLiquefaction), is_slow);
    }
    for (days, is_outside) in [(1.9, true), (2.0, false), (7.0, false), (7.1, true)] {
        let it = analyse(&Semen { abstinence_days: Some(days), ..ON_THE_LIMITS }).unwrap();
        assert_eq!(it.explained.limits.contains(&Sentence::SemenAbstinenceOutside), is_outside);
    }
}

#[test]
fn a_value_inside_the_interval_of_its_limit_is_near_it() {
    for (forms, is_near) in [(3.8, false), (3.9, true), (4.0, true), (4.1, false)] {
        let it = analyse(&Semen { normal_forms_percent: Some(forms), ..ON_THE_LIMITS }).unwrap();
        let value = it.values.iter().find(|it| it.parameter == SemenParameter::NormalForms).unwrap();
        assert_eq!(value.is_near_limit, is_near, "{forms}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused_with_a_pointer() {
    let semen = Semen::default();
    for (wrong, expected) in [
        (
            Semen { progressive_percent: Some(42.1), ..ON_THE_LIMITS },
            vec!["/progressive_percent contradicts"],
        ),
        (
            Semen { non_progressive_percent: Some(43.0), ..ON_THE_LIMITS },
            vec!["/non_progressive_percent contradicts"],
        ),
        (
            Semen { non_progressive_percent: Some(9.9), ..ON_THE_LIMITS },
            vec!["/total_motility_percent contradicts"],
        ),
        (Semen { immotile_percent: Some(60.1), ..ON_THE_LIMITS }, vec!["/immotile_percent contradicts"]),
        (Semen { immotile_percent: Some(55.9), ..ON_THE_LIMITS }, vec!["/immotile_percent contradicts"]),
        (Semen { vitality_percent: Some(31.9), ..ON_THE_LIMITS }, vec!["/vitality_percent contradicts"]),
        (
            Semen { concentration_million_per_ml: Some(14.0), ..ON_THE_LIMITS },
            vec!["/total_million contradicts"],
        ),
        (
            Semen { concentration_million_per_ml: Some(0.0), total_million: Some(0.5), ..semen },
            vec!["/total_million contradicts"],
        ),
        (
            Semen { progressive_percent: Some(60.0), non_progressive_percent: Some(43.0), ..semen },
            vec!["/non_progressive_percent contradicts"],
        ),
        (
            Semen { concentration_million_per_ml: Some(0.0), progressive_percent: Some(0.0), ..semen },
            vec!["/progressive_percent contradicts"],
        ),
        (
            Semen { concentration_million_per_ml: Some(1.0), pellet: Some(Pellet::Absent), ..semen },
            vec!["/pellet contradicts"],
        ),
        (
            Semen { volume_ml: Some(0.0), ph: Some(7.0), concentration_million_per_ml: Some(0.0), ..semen },
            vec!["/concentration_million_per_ml contradicts", "/ph contradicts"],
        ),
        (
            Semen { volume_ml: Some(20.1), vitality_percent: Some(100.1), ph: Some(f64::NAN), ..semen },
            vec!["/volume_ml out_of_range", "/ph not_a_number", "/vitality_percent out_of_range"],
        ),
    ] {
        assert_eq!(said(analyse(&wrong)), expected, "{wrong:?}");
    }
    // As laboratories round them.
    for right in [
        Semen { non_progressive_percent: Some(10.0), ..ON_THE_LIMITS },
        Semen { immotile_percent: Some(60.0), ..ON_THE_LIMITS },
        Semen { immotile_percent: Some(56.0), ..ON_THE_LIMITS },
        Semen { vitality_percent: Some(32.0), ..ON_THE_LIMITS },
        Semen { concentration_million_per_ml: Some(13.6), ..ON_THE_LIMITS },
    ] {
        assert!(analyse(&right).is_ok(), "{right:?}");
    }
}

#[test]
fn an_examination_is_read_from_json_and_strange_members_are_refused() {
    let semen: Semen = serde_json::from_str(r#"{"volume_ml": 3, "pellet": "absent"}"#).unwrap();
    assert_eq!((semen.volume_ml, semen.pellet), (Some(3.0), Some(Pellet::Absent)));
    assert!(serde_json::from_str::<Semen>(r#"{"volume": 3}"#).is_err());
    let it = analyse(&ON_THE_LIMITS).unwrap();
    let text = serde_json::to_string(&it).unwrap();
    assert_eq!(serde_json::from_str::<super::SemenAnalysis>(&text).unwrap(), it);
}

fn percent() -> impl Strategy<Value = Option<f64>> {
    of((0u32..=1000).prop_map(|it| f64::from(it) / 10.0))
}

proptest! {
    #[test]
    fn no_values_make_it_panic_or_invent_something(
        volume_ml in of(-1.0f64..25.0), concentration in of(0.0f64..300.0), total in of(0.0f64..900.0),
        motility in percent(), progressive in percent(), rest in percent(), forms in percent(), vitality in percent(),
    ) {
        let semen = Semen {
            volume_ml, concentration_million_per_ml: concentration, total_million: total,
            total_motility_percent: motility, progressive_percent: progressive, immotile_percent: rest,
            normal_forms_percent: forms, vitality_percent: vitality, ..Semen::default()
        };
        if let Ok(it) = analyse(&semen) {
            let is_normal = it.terms.contains(&SemenTerm::Normozoospermia);
            prop_assert!(!is_normal || forms.is_some_and(|it| it >= 4.0));
            prop_assert!(it.values.iter().all(|it| it.value.is_finite() && it.value >= 0.0));
            let judged = it.values.iter().filter(|it| it.position == Position::Outside).count();
            prop_assert!(it.grade != Some(SemenGrade::WithinReference) || judged <= 2, "motility or concentration only");
        }
    }

    #[test]
    fn more_of_everything_is_never_a_worse_grade(
        total in 1.0f64..400.0, progressive in 0.0f64..=50.0, forms in 0.0f64..=50.0, factor in 1.0f64..=2.0,
    ) {
        let of = |total, progressive, forms| Semen {
            total_million: Some(total), progressive_percent: Some(progressive), normal_forms_percent: Some(forms),
            ..Semen::default()
        };
        let before = analyse(&of(total, progressive, forms)).unwrap().grade.unwrap();
        for after in [
            of(total * factor, progressive, forms), of(total, progressive * factor, forms), of(total, progressive, forms * factor),
        ] {
            prop_assert!(analyse(&after).unwrap().grade.unwrap() <= before);
        }
    }
}
