//! Worked examples, and the properties that the score promises.

use jiff::{
    ToSpan as _,
    civil::{Date, date},
};
use proptest::prelude::*;

use super::{
    Band, CavityFinding, Considered, Domain, EndometriosisStage, FertilityScore, GeneticResult, Hormone,
    LeftOut, Measure, Observed, Ovulation, Reason, Tubes,
};
use crate::clinic::rules::{hysteroscopy::Level, sentences::Sentence};

const TODAY: Date = date(2026, 11, 22);

fn on(day: Date, measure: Measure) -> Observed {
    Observed { measure, on: day, source: "laboratory report".to_owned() }
}

fn compute(observed: &[Observed], today: Date) -> FertilityScore {
    super::compute(observed, &[], today)
}

fn score(measures: Vec<Measure>) -> FertilityScore {
    let observed: Vec<_> = measures.into_iter().map(|it| on(TODAY, it)).collect();
    compute(&observed, TODAY)
}

fn of_domain(score: &FertilityScore, domain: Domain) -> Option<f64> {
    score.domains.iter().find(|it| it.domain == domain).unwrap().score
}

fn reasons(score: &FertilityScore) -> Vec<(&'static str, Reason)> {
    score.left_out.iter().map(|it| (it.observed.measure.code(), it.reason)).collect()
}

#[test]
fn the_weights_are_the_documented_ones() {
    let weights: Vec<_> = Domain::ALL.iter().map(|it| it.weight()).collect();
    assert_eq!(weights, [25, 25, 15, 10, 10, 10, 3, 2]);
    assert_eq!(weights.iter().sum::<u8>(), 100);
}

#[test]
fn nothing_comes_from_nothing() {
    let it = score(vec![]);
    assert_eq!((it.overall, it.band, it.coverage_percent), (None, None, 0));
    assert!(it.domains.iter().all(|it| it.score.is_none() && it.inputs.is_empty() && !it.missing.is_empty()));
    assert!(it.critical.is_empty() && it.positive.is_empty() && it.improvement.is_empty());
    assert_eq!(it.recommendations, [Sentence::AdviseMoreData]);
    assert!(it.limits.starts_with(&[
        Sentence::SupportsClinicians,
        Sentence::ScoreConvention,
        Sentence::ScoreNotProbability,
    ]));
}

#[test]
fn a_domain_is_half_its_mean_and_half_its_worst() {
    // 100 and 50 points: mean 75, worst 50.
    let it = score(vec![Measure::Amh(2.4), Measure::AntralFollicles(7.0)]);
    assert_eq!(of_domain(&it, Domain::Ovarian), Some(62.5));
    assert_eq!((it.overall, it.band, it.coverage_percent), (Some(62.5), Some(Band::Good), 15));
    assert_eq!(it.recommendations, [Sentence::AdviseMoreData, Sentence::AdviseFollowUp]);
    assert_eq!(it.improvement, [Domain::Ovarian]);
}

#[test]
fn domains_that_are_known_keep_their_proportions() {
    // Male 50 of weight 25, tubal 100 of weight 10: (1250 + 1000) / 35.
    let it = score(vec![
        Measure::SpermTotal(39.0),
        Measure::ProgressiveMotility(30.0),
        Measure::NormalForms(4.0),
        Measure::Tubes(Tubes::BothOpen),
    ]);
    assert_eq!((it.overall, it.coverage_percent), (Some(64.3), 35));
    assert_eq!(of_domain(&it, Domain::Male), Some(50.0));
    assert_eq!(of_domain(&it, Domain::Female), None);
    assert_eq!(
        it.recommendations,
        [Sentence::AdviseMale, Sentence::AdviseMoreData, Sentence::AdviseFollowUp]
    );
    assert_eq!(it.positive, [Sentence::ScoreTubesOpen]);
    assert!(it.limits.contains(&Sentence::ScoreLowCoverage));
}

#[test]
fn with_everything_at_its_best_it_is_a_hundred() {
    let it = score(vec![
        Measure::SpermTotal(210.0),
        Measure::ProgressiveMotility(55.0),
        Measure::NormalForms(14.0),
        Measure::Age(30.0),
        Measure::CycleLength(28.0),
        Measure::Ovulation(Ovulation::Regular),
        Measure::Endometriosis(EndometriosisStage::None),
        Measure::Amh(3.0),
        Measure::AntralFollicles(16.0),
        Measure::Tubes(Tubes::BothOpen),
        Measure::Cavity(Level::None),
        Measure::EndometrialThickness(11.0),
        Measure::Hormone { hormone: Hormone::Tsh, value: 2.0, least: Some(0.4), most: Some(4.0) },
        Measure::GeneticTest { test: "karyotype".to_owned(), result: GeneticResult::Normal },
        Measure::BodyMassIndex(22.0),
        Measure::Cigarettes(0.0),
        Measure::Alcohol(0.0),
    ]);
    assert_eq!((it.overall, it.band, it.coverage_percent), (Some(100.0), Some(Band::Excellent), 100));
    assert!(it.domains.iter().all(|it| it.missing.is_empty()));
    assert_eq!(it.recommendations, [Sentence::AdviseFollowUp]);
    assert_eq!(it.limits.len(), 3);
}

#[test]
fn what_is_of_uncertain_meaning_is_never_praised_and_is_to_be_discussed() {
    let test = |test: &str, result| Measure::GeneticTest { test: test.to_owned(), result };
    let karyotype = test("karyotype", GeneticResult::Uncertain);
    for others in [vec![], vec![test("cftr", GeneticResult::Normal), test("fmr1", GeneticResult::Normal)]] {
        let it = score([others, vec![karyotype.clone()]].concat());
        let genetic = it.domains.iter().find(|it| it.domain == Domain::Genetic).unwrap();
        assert_eq!((genetic.score, genetic.band), (Some(50.0), Some(Band::Moderate)));
        assert!(it.recommendations.contains(&Sentence::AdviseGenetic), "{:?}", it.recommendations);
    }
    let worse = score(vec![karyotype, test("cftr", GeneticResult::Abnormal)]);
    assert!(of_domain(&worse, Domain::Genetic) < Some(50.0));
}

#[test]
fn what_was_found_in_the_cavity_is_to_be_discussed_and_never_better_than_it_is_at_least() {
    let found = vec![
        CavityFinding::Polyp,
        CavityFinding::SubmucousMyoma,
        CavityFinding::Adhesions,
        CavityFinding::Septum,
    ];
    let cavity = |level| Measure::CavityFindings { level, is_at_least: true, found: found.clone() };
    let it = score(vec![cavity(Level::Moderate)]);
    assert_eq!(of_domain(&it, Domain::Uterine), Some(50.0));
    let expected = [
        Sentence::AdviseUterine,
        Sentence::AdvisePolyp,
        Sentence::AdviseMyoma,
        Sentence::AdviseAdhesions,
        Sentence::AdviseSeptum,
    ];
    assert!(it.recommendations.starts_with(&expected), "{:?}", it.recommendations);
    assert_eq!(it.domains[4].missing, ["endometrial_thickness"]);
    let good = score(vec![cavity(Level::Minor), Measure::EndometrialThickness(11.0)]);
    assert_eq!(of_domain(&good, Domain::Uterine), Some(85.0));
    assert!(good.recommendations.starts_with(&expected[1..]), "{:?}", good.recommendations);
    for level in [Level::None, Level::Minor, Level::Moderate, Level::Severe] {
        assert_eq!(cavity(level).points(), Measure::Cavity(level).points());
    }
}

#[test]
fn bands_begin_at_eighty_sixty_and_forty() {
    for (number, band) in [
        (100.0, Band::Excellent),
        (80.0, Band::Excellent),
        (79.9, Band::Good),
        (60.0, Band::Good),
        (59.9, Band::Moderate),
        (40.0, Band::Moderate),
        (39.9, Band::SignificantConcerns),
        (0.0, Band::SignificantConcerns),
    ] {
        assert_eq!(Band::of(number), band, "{number}");
    }
    // 59.96 points are shown, and called, as 60.0.
    let it = score(vec![Measure::Amh(1.2 * 59.96 / 50.0)]);
    assert_eq!((it.overall, it.band), (Some(60.0), Some(Band::Good)));
}

#[test]
fn the_latest_value_counts_and_of_one_day_the_worse() {
    let earlier = date(2026, 3, 1);
    let observed = [
        on(earlier, Measure::Amh(0.3)),
        on(TODAY, Measure::Amh(2.4)),
        on(TODAY, Measure::Amh(1.2)),
        on(TODAY, Measure::Hormone { hormone: Hormone::Tsh, value: 1.0, least: None, most: Some(4.0) }),
        on(TODAY, Measure::Hormone { hormone: Hormone::Fsh, value: 18.0, least: None, most: Some(12.0) }),
    ];
    let it = compute(&observed, TODAY);
    assert_eq!(of_domain(&it, Domain::Ovarian), Some(50.0));
    assert_eq!(reasons(&it), [("amh", Reason::Superseded), ("amh", Reason::Superseded)]);
    assert_eq!(it.domains[5].inputs.len(), 2, "two hormones are two things");
    assert!(it.critical.is_empty(), "what was superseded says nothing");
}

#[test]
fn the_number_counts_before_the_concentration_of_the_same_day() {
    let both = score(vec![Measure::SpermTotal(210.0), Measure::SpermConcentration(4.9)]);
    assert_eq!(of_domain(&both, Domain::Male), Some(100.0));
    assert_eq!(reasons(&both), [("sperm_concentration", Reason::OtherCountUsed)]);
    assert_eq!(both.critical, [Sentence::ScoreSpermCritical], "it is critical all the same");
    let later = compute(
        &[on(date(2026, 1, 1), Measure::SpermTotal(210.0)), on(TODAY, Measure::SpermConcentration(16.0))],
        TODAY,
    );
    assert_eq!(of_domain(&later, Domain::Male), Some(50.0));
    assert_eq!(reasons(&later), [("sperm_total", Reason::OtherCountUsed)]);
    assert_eq!(later.domains[0].missing, ["progressive_motility", "normal_forms"]);
}

#[test]
fn a_count_that_another_sample_has_replaced_says_nothing() {
    let earlier = date(2026, 1, 1);
    for (old, new, positive) in [
        (Measure::SpermConcentration(3.0), Measure::SpermTotal(210.0), vec![]),
        (Measure::SpermConcentration(60.0), Measure::SpermTotal(210.0), vec![]),
        (Measure::SpermTotal(0.0), Measure::SpermConcentration(60.0), vec![Sentence::ScoreSpermPositive]),
    ] {
        let it = compute(&[on(earlier, old.clone()), on(TODAY, new)], TODAY);
        assert_eq!((&it.critical, &it.positive), (&vec![], &positive), "{old:?}");
    }
}

#[test]
fn values_of_more_than_two_years_do_not_count_unless_they_stay() {
    let limit = TODAY.checked_sub(730.days()).unwrap();
    let older = limit.yesterday().unwrap();
    let fresh = compute(&[on(limit, Measure::Amh(2.4))], TODAY);
    assert_eq!((fresh.overall, fresh.left_out.len()), (Some(100.0), 0));
    let old = compute(&[on(older, Measure::Amh(2.4))], TODAY);
    assert_eq!((old.overall, reasons(&old)), (None, vec![("amh", Reason::TooOld)]));
    assert!(old.limits.contains(&Sentence::ScoreOldValues));
    let test = Measure::GeneticTest { test: "CFTR".to_owned(), result: GeneticResult::Carrier };
    assert_eq!(compute(&[on(date(1999, 1, 1), test)], TODAY).overall, Some(70.0));
    let future = compute(&[on(TODAY.tomorrow().unwrap(), Measure::Amh(2.4))], TODAY);
    assert_eq!(reasons(&future), [("amh", Reason::InTheFuture)]);
}

#[test]
fn what_cannot_be_is_left_out_with_its_reason() {
    let it = score(vec![
        Measure::Amh(f64::NAN),
        Measure::NormalForms(-1.0),
        Measure::Hormone { hormone: Hormone::Lh, value: 5.0, least: None, most: None },
    ]);
    assert_eq!(it.overall, None);
    assert_eq!(
        reasons(&it),
        [("normal_forms", Reason::Unusable), ("amh", Reason::Unusable), ("hormone", Reason::Unusable)]
    );
}

#[test]
fn what_has_no_day_or_may_be_somebody_elses_is_listed_and_counts_nowhere() {
    let held = |measure, on, reason| {
        let observed = Considered { measure, on, source: "document 1".to_owned() };
        LeftOut { observed, reason }
    };
    let of_another = held(Measure::Amh(0.1), Some(TODAY), Reason::NamesAnotherPerson);
    let undated = held(Measure::AntralFollicles(3.0), None, Reason::Undated);
    let own = [on(date(2026, 1, 1), Measure::Amh(2.4))];
    let it = super::compute(&own, &[undated.clone(), of_another.clone()], TODAY);
    assert_eq!((it.overall, it.critical.len()), (Some(100.0), 0), "the older one of her own counts");
    let reasons: Vec<_> = it.left_out.iter().map(|it| it.reason).collect();
    assert_eq!((reasons.len(), it.left_out.contains(&of_another)), (2, true));
    let said = [Sentence::ScoreUndatedValues, Sentence::ScoreUnconfirmedValues];
    assert!(it.limits.ends_with(&said), "{:?}", it.limits);
    let again = super::compute(&own, &[of_another, undated], TODAY);
    assert_eq!(again, it, "whatever their order");
}

#[test]
fn single_values_are_critical_or_good_at_their_limits() {
    for (measure, critical, positive) in [
        (Measure::Amh(0.49), Some(Sentence::ScoreAmhCritical), None),
        (Measure::Amh(0.5), None, None),
        (Measure::Amh(2.0), None, None),
        (Measure::Amh(2.01), None, Some(Sentence::ScoreAmhPositive)),
        (Measure::SpermConcentration(0.0), Some(Sentence::ScoreNoSperm), None),
        (Measure::SpermTotal(0.0), Some(Sentence::ScoreNoSperm), None),
        (Measure::SpermConcentration(4.9), Some(Sentence::ScoreSpermCritical), None),
        (Measure::SpermConcentration(5.0), None, None),
        (Measure::SpermConcentration(20.0), None, None),
        (Measure::SpermConcentration(20.1), None, Some(Sentence::ScoreSpermPositive)),
        (Measure::Tubes(Tubes::BothBlocked), Some(Sentence::ScoreTubesBlocked), None),
        (Measure::Tubes(Tubes::Hydrosalpinx), Some(Sentence::ScoreHydrosalpinx), None),
        (Measure::Tubes(Tubes::OneBlocked), None, None),
        (Measure::Endometriosis(EndometriosisStage::Iv), Some(Sentence::ScoreSevereEndometriosis), None),
        (Measure::Endometriosis(EndometriosisStage::Iii), None, None),
        (Measure::Ovulation(Ovulation::Absent), Some(Sentence::ScoreNoOvulation), None),
        (Measure::Ovulation(Ovulation::Regular), None, Some(Sentence::ScoreRegularOvulation)),
        (Measure::Cavity(Level::None), None, Some(Sentence::ScoreCavityFree)),
    ] {
        let it = score(vec![measure.clone()]);
        let found = (it.critical.first().copied(), it.positive.first().copied());
        assert_eq!(found, (critical, positive), "{measure:?}");
    }
}

#[test]
fn advice_follows_from_domains_below_sixty_and_from_amh_below_one() {
    for (amh, domain, low) in
        [(1.0, true, false), (0.99, true, true), (1.43, true, false), (1.44, false, false)]
    {
        let it = score(vec![Measure::Amh(amh)]);
        assert_eq!(it.recommendations.contains(&Sentence::AdviseOvarian), domain, "{amh}");
        assert_eq!(it.recommendations.contains(&Sentence::AdviseLowAmh), low, "{amh}");
    }
}

#[test]
fn a_score_is_kept_as_json_and_read_back() {
    let it = score(vec![
        Measure::Amh(1.0),
        Measure::Hormone { hormone: Hormone::FreeT4, value: 1.0, least: Some(0.8), most: Some(1.8) },
        Measure::GeneticTest { test: "SMA".to_owned(), result: GeneticResult::Normal },
    ]);
    let text = serde_json::to_string(&it).unwrap();
    assert_eq!(serde_json::from_str::<FertilityScore>(&text).unwrap(), it);
    assert!(text.contains(r#"{"measure":"amh","value":1.0}"#));
}

/// Any value, of a few kinds so that some meet.
fn measure() -> impl Strategy<Value = Measure> {
    let hormone = prop_oneof![Just(Hormone::Fsh), Just(Hormone::Tsh)];
    prop_oneof![
        (0.0f64..500.0).prop_map(Measure::SpermTotal),
        (0.0f64..150.0).prop_map(Measure::SpermConcentration),
        (0.0f64..100.0).prop_map(Measure::ProgressiveMotility),
        (18.0f64..55.0).prop_map(Measure::Age),
        (-1.0f64..10.0).prop_map(Measure::Amh),
        (0.0f64..40.0).prop_map(Measure::AntralFollicles),
        (0.0f64..60.0).prop_map(Measure::Cigarettes),
        prop_oneof![Just(Tubes::BothOpen), Just(Tubes::Hydrosalpinx)].prop_map(Measure::Tubes),
        (hormone, 0.0f64..50.0, proptest::option::of(1.0f64..30.0))
            .prop_map(|(hormone, value, most)| Measure::Hormone { hormone, value, least: None, most }),
    ]
}

fn observed(least: usize) -> impl Strategy<Value = Vec<Observed>> {
    let one = (measure(), 0i32..900, "[ab]").prop_map(|(measure, days, source)| Observed {
        measure,
        on: TODAY.saturating_sub(days.days()),
        source,
    });
    proptest::collection::vec(one, least..12)
}

/// The same value, better by `step`.
fn better(measure: &Measure, step: f64) -> Measure {
    match *measure {
        Measure::SpermTotal(it) => Measure::SpermTotal(it + step),
        Measure::SpermConcentration(it) => Measure::SpermConcentration(it + step),
        Measure::ProgressiveMotility(it) => Measure::ProgressiveMotility(it + step),
        Measure::Age(it) => Measure::Age((it - step).max(18.0)),
        Measure::Amh(it) => Measure::Amh(if it < 0.0 { it } else { it + step }),
        Measure::AntralFollicles(it) => Measure::AntralFollicles(it + step),
        Measure::Cigarettes(it) => Measure::Cigarettes((it - step).max(0.0)),
        Measure::Tubes(_) => Measure::Tubes(Tubes::BothOpen),
        Measure::Hormone { hormone, value, least, most } => {
            Measure::Hormone { hormone, value: (value - step).max(0.0), least, most }
        }
        ref other => other.clone(),
    }
}

proptest! {
    #[test]
    fn it_stays_between_nothing_and_a_hundred_and_accounts_for_every_value(observed in observed(0)) {
        let it = compute(&observed, TODAY);
        let numbers = it.domains.iter().filter_map(|it| it.score).chain(it.overall);
        prop_assert!(numbers.into_iter().all(|it| (0.0..=100.0).contains(&it)));
        let used: usize = it.domains.iter().map(|it| it.inputs.len()).sum();
        prop_assert_eq!(used + it.left_out.len(), observed.len());
        prop_assert_eq!(it.overall.is_some(), used > 0);
        let covered: u8 = it.domains.iter().filter(|it| it.score.is_some()).map(|it| it.weight).sum();
        prop_assert_eq!(it.coverage_percent, covered);
        let lowest = it.domains.iter().filter_map(|it| it.score).reduce(f64::min);
        let highest = it.domains.iter().filter_map(|it| it.score).reduce(f64::max);
        prop_assert!(it.overall >= lowest && it.overall <= highest);
    }

    #[test]
    fn the_order_of_values_does_not_matter(observed in observed(0), seed in any::<u64>()) {
        let mut turned = observed.clone();
        let mut seed = seed;
        for at in (1..turned.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            turned.swap(at, (seed >> 33) as usize % (at + 1));
        }
        // Values that are no numbers equal nothing, not themselves: there are none here.
        prop_assert_eq!(compute(&observed, TODAY), compute(&turned, TODAY));
    }

    #[test]
    fn a_better_value_never_lowers_it(observed in observed(1), at in any::<prop::sample::Index>(), step in 0.0f64..50.0) {
                let at = at.index(observed.len());
        let mut after = observed.clone();
        after[at].measure = better(&observed[at].measure, step);
        let (before, after) = (compute(&observed, TODAY), compute(&after, TODAY));
        prop_assert!(after.overall >= before.overall, "{before:?} {after:?}");
        for (before, after) in before.domains.iter().zip(&after.domains) {
            prop_assert!(after.score >= before.score);
        }
    }
}

#[test]
fn domains_are_stored_by_the_names_that_the_api_has() {
    for domain in Domain::ALL {
        assert_eq!(serde_json::to_value(domain).unwrap(), domain.as_str());
    }
}
