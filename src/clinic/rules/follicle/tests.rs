//! Scans on the limits.

use proptest::prelude::*;

use super::{FollicleAnalysis, FollicleScan, Leading, Ovary, Response, analyse};
use crate::clinic::rules::{checks::said, sentences::Sentence};

fn ovary(antral: u16) -> Ovary {
    Ovary { antral_follicles: Some(antral), ..Ovary::default() }
}

fn scan(left: u16, right: u16) -> FollicleScan {
    FollicleScan {
        left: Some(ovary(left)),
        right: Some(ovary(right)),
        cycle_day: Some(3),
        ..FollicleScan::default()
    }
}

fn measured(sizes: &[f64]) -> FollicleAnalysis {
    let left = Ovary { follicles_mm: sizes.to_vec(), ..Ovary::default() };
    analyse(&FollicleScan { left: Some(left), ..FollicleScan::default() }).unwrap()
}

#[test]
fn the_count_of_both_ovaries_decides_at_its_limits() {
    use Response::{Borderline, High, Low, Normal};
    for (left, right, expected) in [
        (0, 0, Low),
        (2, 2, Low),
        (2, 3, Borderline),
        (3, 3, Borderline),
        (3, 4, Normal),
        (12, 12, Normal),
        (12, 13, High),
        (40, 40, High),
    ] {
        let it = analyse(&scan(left, right)).unwrap();
        assert_eq!((it.total_antral_follicles, it.response), (Some(left + right), Some(expected)));
        assert!(it.explained.missing.is_empty());
    }
}

#[test]
fn of_one_ovary_no_total_is_made() {
    let one = FollicleScan { right: None, ..scan(9, 0) };
    let it = analyse(&one).unwrap();
    assert_eq!((it.total_antral_follicles, it.response, it.is_polycystic), (None, None, None));
    assert_eq!(it.explained.missing, ["/right/antral_follicles"]);
    let both = FollicleScan { total_antral_follicles: Some(11), ..one };
    assert_eq!(analyse(&both).unwrap().response, Some(Response::Normal));
    let nothing = analyse(&FollicleScan::default()).unwrap();
    assert_eq!((nothing.response, nothing.leading, nothing.from_11_mm), (None, None, None));
    assert!(nothing.explained.sentences.is_empty());
}

#[test]
fn one_ovary_is_enough_to_look_polycystic() {
    for (left, right, expected) in [(19, 19, Some(false)), (20, 3, Some(true)), (3, 20, Some(true))] {
        assert_eq!(analyse(&scan(left, right)).unwrap().is_polycystic, expected);
    }
    let large = |volume, follicles_mm| {
        let left = Ovary { volume_ml: Some(volume), follicles_mm, ..ovary(8) };
        analyse(&FollicleScan { left: Some(left), ..scan(0, 8) }).unwrap().is_polycystic
    };
    assert_eq!(large(9.9, vec![]), Some(false));
    assert_eq!(large(10.0, vec![]), Some(true));
    assert_eq!(large(10.0, vec![10.1]), Some(false), "a dominant follicle makes it large");
    let alone = FollicleScan { left: Some(ovary(20)), ..FollicleScan::default() };
    assert_eq!(analyse(&alone).unwrap().is_polycystic, Some(true));
}

#[test]
fn the_largest_follicle_is_named_by_its_size() {
    use Leading::{Antral, Cystic, Growing, Large, Mature};
    for (size, expected) in [
        (9.9, Antral),
        (10.0, Growing),
        (15.9, Growing),
        (16.0, Mature),
        (22.0, Mature),
        (22.1, Large),
        (30.0, Large),
        (30.1, Cystic),
    ] {
        let it = measured(&[2.0, size, 5.0]);
        assert_eq!((it.leading_mm, it.leading), (Some(size), Some(expected)));
    }
}

#[test]
fn more_than_eighteen_follicles_from_eleven_millimetres_are_a_high_response() {
    for (count, is_high) in [(18, false), (19, true)] {
        let it = measured(&[vec![11.0; count], vec![10.9; 5]].concat());
        assert_eq!(it.from_11_mm, Some(count as u16));
        assert_eq!(it.explained.sentences.contains(&Sentence::FollicleHighResponse), is_high);
    }
}

#[test]
fn a_count_on_another_day_says_so() {
    for (day, limit) in [
        (Some(1), Some(Sentence::FollicleOtherDay)),
        (Some(2), None),
        (Some(4), None),
        (Some(5), Some(Sentence::FollicleOtherDay)),
        (None, Some(Sentence::FollicleDayUnknown)),
    ] {
        let it = analyse(&FollicleScan { cycle_day: day, ..scan(5, 5) }).unwrap();
        let found = it
            .explained
            .limits
            .iter()
            .copied()
            .find(|it| matches!(it, Sentence::FollicleOtherDay | Sentence::FollicleDayUnknown));
        assert_eq!(found, limit);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let total = |total, scan| said(analyse(&FollicleScan { total_antral_follicles: Some(total), ..scan }));
    assert_eq!(total(11, scan(5, 5)), ["/total_antral_follicles contradicts"]);
    assert_eq!(total(4, FollicleScan { right: None, ..scan(5, 0) }), ["/total_antral_follicles contradicts"]);
    let measured = |count| Some(Ovary { follicles_mm: vec![5.0; count], ..Ovary::default() });
    let both = FollicleScan { left: measured(3), right: measured(2), ..FollicleScan::default() };
    assert_eq!(total(4, both.clone()), ["/total_antral_follicles contradicts"], "more were measured");
    assert_eq!(
        total(4, FollicleScan { left: Some(ovary(3)), ..both.clone() }),
        ["/total_antral_follicles contradicts"]
    );
    assert!(
        analyse(&FollicleScan { total_antral_follicles: Some(9), ..both }).is_ok(),
        "not all were measured"
    );
    let left = Ovary { follicles_mm: vec![2.0, 10.0, 10.1], ..ovary(1) };
    assert_eq!(
        said(analyse(&FollicleScan { left: Some(left), ..scan(0, 1) })),
        ["/left/follicles_mm contradicts"]
    );
    let right =
        Ovary { follicles_mm: vec![0.5, f64::INFINITY], volume_ml: Some(0.0), antral_follicles: Some(101) };
    assert_eq!(
        said(analyse(&FollicleScan { right: Some(right), cycle_day: Some(0), ..FollicleScan::default() })),
        [
            "/right/antral_follicles out_of_range",
            "/right/volume_ml out_of_range",
            "/right/follicles_mm/0 out_of_range",
            "/right/follicles_mm/1 not_a_number",
            "/cycle_day out_of_range"
        ]
    );
    let many = Ovary { follicles_mm: vec![5.0; 61], ..Ovary::default() };
    assert_eq!(
        said(analyse(&FollicleScan { left: Some(many), ..FollicleScan::default() })),
        ["/left/follicles_mm too_many"]
    );
}

proptest! {
    #[test]
    fn more_follicles_never_let_expect_less(left in 0u16..=50, right in 0u16..=50, more in 0u16..=50) {
        let response = |left, right| analyse(&scan(left, right)).unwrap().response.unwrap();
        prop_assert!(response(left + more, right) >= response(left, right));
        prop_assert_eq!(response(left, right), response(right, left));
    }

    #[test]
    fn the_order_of_follicles_does_not_matter(sizes in proptest::collection::vec(2.0f64..=40.0, 0..20)) {
        let mut turned = sizes.clone();
        turned.reverse();
        prop_assert_eq!(measured(&sizes), measured(&turned));
    }
}
