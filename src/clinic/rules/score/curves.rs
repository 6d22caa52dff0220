//! From values to points: one line of knots each, straight in between, level beyond.
//!
//! | measure | 50 points | 100 points | source |
//! |---|---|---|---|
//! | number, concentration, motility, forms | fifth centile | fiftieth centile | WHO 2021, Campbell 2021 |
//! | age | 40 (risk factor, Bologna) | up to 32 (slow decline from 32, faster from 37: ACOG 589) | and convention |
//! | cycle length | – | 24 to 38 days; 0 at 90 (amenorrhoea) | FIGO 2018 |
//! | anti-Müllerian hormone | 1.2 ng/mL | twice as much (convention) | POSEIDON |
//! | antral follicles | 7 (end of the Bologna range) | twice as many (convention) | Bologna |
//! | endometrium | 7 mm | 11 mm | Holden 2018 |
//! | body mass index | 30 | 19 to 25 | NICE CG156 |
//! | cigarettes a day | 10 | none | NICE CG156, Augood 1998 |
//! | alcohol a week | 87.5 g (12.5 g a day) | none | Fan 2017 |
//! | hormones | half of the least, or halfway to twice the most | inside the interval of the report | convention |
//! | tubes, cavity, ovulation, endometriosis, genetic tests | – | nothing found | steps are a convention |

use super::measure::{EndometriosisStage, GeneticResult, Measure, Ovulation, Tubes};
use crate::clinic::rules::{
    hysteroscopy::Level,
    references::Reference,
    semen::{LowerLimit, SemenParameter},
};

/// Value and points, values growing.
type Knot = (f64, f64);

const AGE: &[Knot] = &[(32.0, 100.0), (37.0, 75.0), (40.0, 50.0), (45.0, 10.0), (50.0, 0.0)];
const CYCLE: &[Knot] = &[(10.0, 0.0), (24.0, 100.0), (38.0, 100.0), (90.0, 0.0)];
const AMH: &[Knot] = &[(0.0, 0.0), (1.2, 50.0), (2.4, 100.0)];
const FOLLICLES: &[Knot] = &[(0.0, 0.0), (7.0, 50.0), (14.0, 100.0)];
const ENDOMETRIUM: &[Knot] = &[(0.0, 0.0), (7.0, 50.0), (11.0, 100.0)];
const BODY_MASS: &[Knot] = &[(14.0, 0.0), (19.0, 100.0), (25.0, 100.0), (30.0, 50.0), (40.0, 0.0)];
const CIGARETTES: &[Knot] = &[(0.0, 100.0), (10.0, 50.0), (20.0, 0.0)];
const ALCOHOL: &[Knot] = &[(0.0, 100.0), (87.5, 50.0), (175.0, 0.0)];

/// Larger values are mistakes.
const VALUE_MAX: f64 = 1_000_000.0;

fn along(knots: &[Knot], value: f64) -> f64 {
    let [first, .., last] = knots else { return 0.0 };
    if value <= first.0 {
        return first.1;
    }
    let mut pairs = knots.iter().zip(knots.iter().skip(1));
    pairs
        .find(|(_, to)| value <= to.0)
        .map_or(last.1, |(from, to)| from.1 + (to.1 - from.1) * (value - from.0) / (to.0 - from.0))
}

/// The fifth centile is worth 50, the fiftieth 100.
fn by_centiles(parameter: SemenParameter, value: f64) -> Option<f64> {
    let LowerLimit { limit, median, .. } = *parameter.limit()?;
    Some(along(&[(0.0, 0.0), (limit, 50.0), (median, 100.0)], value))
}

/// Inside 100; nothing at nothing, and nothing at twice the most. Without an interval, no points.
fn by_interval(value: f64, least: Option<f64>, most: Option<f64>) -> Option<f64> {
    let is_bound = |bound: Option<f64>| bound.is_none_or(|it| it.is_finite() && it >= 0.0);
    let is_interval = is_bound(least) && is_bound(most) && (least.is_some() || most.is_some());
    let is_turned = least.zip(most).is_some_and(|(least, most)| least >= most);
    if !is_interval || is_turned || most == Some(0.0) {
        return None;
    }
    let low = least.filter(|least| value < *least).map(|least| 100.0 * value / least);
    let high = most.filter(|most| value > *most).map(|most| (100.0 * (2.0 - value / most)).max(0.0));
    Some(low.or(high).unwrap_or(100.0))
}

impl Measure {
    /// 0 to 100; `None` if the value cannot be, or has no interval.
    pub(super) fn points(&self) -> Option<f64> {
        self.number().is_none_or(|it| (0.0..=VALUE_MAX).contains(&it)).then_some(())?;
        Some(match *self {
            Self::SpermTotal(value) => by_centiles(SemenParameter::TotalNumber, value)?,
            Self::SpermConcentration(value) => by_centiles(SemenParameter::Concentration, value)?,
            Self::ProgressiveMotility(value) => by_centiles(SemenParameter::Progressive, value)?,
            Self::NormalForms(value) => by_centiles(SemenParameter::NormalForms, value)?,
            Self::Age(value) => along(AGE, value),
            Self::CycleLength(value) => along(CYCLE, value),
            Self::Ovulation(it) => match it {
                Ovulation::Regular => 100.0,
                Ovulation::Irregular => 50.0,
                Ovulation::Absent => 0.0,
            },
            Self::Endometriosis(it) => match it {
                EndometriosisStage::None => 100.0,
                EndometriosisStage::I => 85.0,
                EndometriosisStage::Ii => 70.0,
                EndometriosisStage::Iii => 45.0,
                EndometriosisStage::Iv => 20.0,
            },
            Self::Amh(value) => along(AMH, value),
            Self::AntralFollicles(value) => along(FOLLICLES, value),
            Self::Tubes(it) => match it {
                Tubes::BothOpen => 100.0,
                Tubes::OneBlocked => 60.0,
                Tubes::Hydrosalpinx => 25.0,
                Tubes::BothBlocked => 0.0,
            },
            Self::Cavity(level) | Self::CavityFindings { level, .. } => match level {
                Level::None => 100.0,
                Level::Minor => 80.0,
                Level::Moderate => 50.0,
                Level::Severe => 20.0,
            },
            Self::EndometrialThickness(value) => along(ENDOMETRIUM, value),
            Self::Hormone { value, least, most, .. } => by_interval(value, least, most)?,
            Self::GeneticTest { result, .. } => match result {
                GeneticResult::Normal => 100.0,
                GeneticResult::Carrier => 70.0,
                GeneticResult::Uncertain => 50.0,
                GeneticResult::Abnormal => 10.0,
            },
            Self::BodyMassIndex(value) => along(BODY_MASS, value),
            Self::Cigarettes(value) => along(CIGARETTES, value),
            Self::Alcohol(value) => along(ALCOHOL, value),
        })
    }

    /// Its number, if it is one.
    pub(super) const fn number(&self) -> Option<f64> {
        match *self {
            Self::SpermTotal(value)
            | Self::SpermConcentration(value)
            | Self::ProgressiveMotility(value)
            | Self::NormalForms(value)
            | Self::Age(value)
            | Self::CycleLength(value)
            | Self::Amh(value)
            | Self::AntralFollicles(value)
            | Self::EndometrialThickness(value)
            | Self::Hormone { value, .. }
            | Self::BodyMassIndex(value)
            | Self::Cigarettes(value)
            | Self::Alcohol(value) => Some(value),
            Self::Ovulation(_)
            | Self::Endometriosis(_)
            | Self::Tubes(_)
            | Self::Cavity(_)
            | Self::CavityFindings { .. }
            | Self::GeneticTest { .. } => None,
        }
    }

    /// What its points rest on.
    pub(super) const fn references(&self) -> &'static [Reference] {
        match self {
            Self::SpermTotal(_)
            | Self::SpermConcentration(_)
            | Self::ProgressiveMotility(_)
            | Self::NormalForms(_) => &[Reference::Who2021, Reference::Campbell2021],
            Self::Age(_) => &[Reference::Acog589, Reference::Bologna2011],
            Self::CycleLength(_) => &[Reference::FigoBleeding2018],
            Self::Endometriosis(_) => &[Reference::Rasrm1997],
            Self::Amh(_) => &[Reference::Poseidon2016],
            Self::AntralFollicles(_) => &[Reference::Bologna2011],
            Self::Tubes(_) => &[Reference::Camus1999],
            Self::EndometrialThickness(_) => &[Reference::Holden2018],
            Self::BodyMassIndex(_) => &[Reference::NiceCg156],
            Self::Cigarettes(_) => &[Reference::NiceCg156, Reference::Augood1998],
            Self::Alcohol(_) => &[Reference::Fan2017],
            Self::Ovulation(_)
            | Self::Cavity(_)
            | Self::CavityFindings { .. }
            | Self::Hormone { .. }
            | Self::GeneticTest { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::measure::Hormone, *};

    type Make = fn(f64) -> Measure;

    fn points(measure: &Measure) -> f64 {
        measure.points().unwrap()
    }

    #[test]
    fn knots_grow_and_stay_between_nothing_and_everything() {
        for knots in [AGE, CYCLE, AMH, FOLLICLES, ENDOMETRIUM, BODY_MASS, CIGARETTES, ALCOHOL] {
            assert!(knots.is_sorted_by(|a, b| a.0 < b.0));
            assert!(knots.iter().all(|(_, points)| (0.0..=100.0).contains(points)));
            for (value, points) in knots {
                assert!((along(knots, *value) - points).abs() < f64::EPSILON);
            }
        }
    }

    #[test]
    fn limits_are_worth_fifty_and_what_is_usual_a_hundred() {
        let table: [(Make, &[Knot]); 12] = [
            (Measure::SpermTotal, &[(0.0, 0.0), (19.5, 25.0), (39.0, 50.0), (210.0, 100.0), (900.0, 100.0)]),
            (Measure::SpermConcentration, &[(0.0, 0.0), (16.0, 50.0), (41.0, 75.0), (66.0, 100.0)]),
            (Measure::ProgressiveMotility, &[(0.0, 0.0), (30.0, 50.0), (55.0, 100.0)]),
            (Measure::NormalForms, &[(0.0, 0.0), (4.0, 50.0), (14.0, 100.0)]),
            (
                Measure::Age,
                &[(18.0, 100.0), (32.0, 100.0), (37.0, 75.0), (40.0, 50.0), (45.0, 10.0), (55.0, 0.0)],
            ),
            (Measure::CycleLength, &[(10.0, 0.0), (24.0, 100.0), (38.0, 100.0), (64.0, 50.0), (90.0, 0.0)]),
            (Measure::Amh, &[(0.0, 0.0), (0.6, 25.0), (1.2, 50.0), (2.4, 100.0), (9.0, 100.0)]),
            (Measure::AntralFollicles, &[(0.0, 0.0), (7.0, 50.0), (14.0, 100.0), (40.0, 100.0)]),
            (Measure::EndometrialThickness, &[(0.0, 0.0), (7.0, 50.0), (9.0, 75.0), (11.0, 100.0)]),
            (Measure::BodyMassIndex, &[(14.0, 0.0), (19.0, 100.0), (25.0, 100.0), (30.0, 50.0), (40.0, 0.0)]),
            (Measure::Cigarettes, &[(0.0, 100.0), (10.0, 50.0), (20.0, 0.0), (60.0, 0.0)]),
            (Measure::Alcohol, &[(0.0, 100.0), (87.5, 50.0), (175.0, 0.0)]),
        ];
        for (measure, expected) in table {
            for (value, expected) in expected {
                let found = points(&measure(*value));
                assert!((found - expected).abs() < 1e-9, "{:?}: {found}", measure(*value));
            }
        }
    }

    #[test]
    fn hormones_count_by_the_interval_of_their_report() {
        let of = |value, least, most| Measure::Hormone { hormone: Hormone::Tsh, value, least, most }.points();
        for (value, least, most, expected) in [
            (0.4, Some(0.4), Some(4.0), Some(100.0)),
            (4.0, Some(0.4), Some(4.0), Some(100.0)),
            (0.2, Some(0.4), Some(4.0), Some(50.0)),
            (0.0, Some(0.4), Some(4.0), Some(0.0)),
            (6.0, Some(0.4), Some(4.0), Some(50.0)),
            (8.0, Some(0.4), Some(4.0), Some(0.0)),
            (80.0, Some(0.4), Some(4.0), Some(0.0)),
            (50.0, None, Some(25.0), Some(0.0)),
            (50.0, Some(25.0), None, Some(100.0)),
            (1.0, None, None, None),
            (1.0, Some(4.0), Some(0.4), None),
            (1.0, None, Some(0.0), None),
            (1.0, None, Some(f64::NAN), None),
            (-1.0, None, Some(4.0), None),
        ] {
            assert_eq!(of(value, least, most), expected, "{value} {least:?} {most:?}");
        }
    }

    #[test]
    fn what_cannot_be_has_no_points() {
        for value in [-0.1, f64::NAN, f64::INFINITY, 1_000_000.1] {
            assert_eq!(Measure::Amh(value).points(), None);
        }
    }

    #[test]
    fn worse_findings_are_worth_less() {
        let tubes = [Tubes::BothOpen, Tubes::OneBlocked, Tubes::Hydrosalpinx, Tubes::BothBlocked];
        let levels = [Level::None, Level::Minor, Level::Moderate, Level::Severe];
        let stages = [
            EndometriosisStage::None,
            EndometriosisStage::I,
            EndometriosisStage::Ii,
            EndometriosisStage::Iii,
            EndometriosisStage::Iv,
        ];
        let results = [
            GeneticResult::Normal,
            GeneticResult::Carrier,
            GeneticResult::Uncertain,
            GeneticResult::Abnormal,
        ];
        let ovulation = [Ovulation::Regular, Ovulation::Irregular, Ovulation::Absent];
        let ladders: [Vec<f64>; 5] = [
            tubes.iter().map(|it| points(&Measure::Tubes(*it))).collect(),
            levels.iter().map(|it| points(&Measure::Cavity(*it))).collect(),
            stages.iter().map(|it| points(&Measure::Endometriosis(*it))).collect(),
            results
                .iter()
                .map(|it| points(&Measure::GeneticTest { test: "CFTR".to_owned(), result: *it }))
                .collect(),
            ovulation.iter().map(|it| points(&Measure::Ovulation(*it))).collect(),
        ];
        for ladder in ladders {
            assert!((ladder[0] - 100.0).abs() < f64::EPSILON);
            assert!(ladder.is_sorted_by(|a, b| a > b), "{ladder:?}");
        }
    }
}
