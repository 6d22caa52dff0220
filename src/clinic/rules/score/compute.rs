//! From points to domains and the score.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    advice,
    measure::{Considered, Domain, Measure, Observed},
};
use crate::clinic::rules::{references::Reference, sentences::Sentence};

/// The method, with its version: any change of a curve, a weight or a rule is another one.
const METHOD: &str = "sportello.fertility-score/3";
/// Older values do not count, in days.
pub const FRESH_DAYS: i32 = 730;
/// Less of the weights covered, in per cent, says little.
const COVERAGE_LITTLE: u8 = 50;
/// A domain in which something is of uncertain meaning has so much at most: nobody can praise what nobody understands.
const UNCERTAIN_MOST: f64 = 50.0;
/// Domains below are listed as to be improved.
const IMPROVE_BELOW: f64 = 70.0;

/// How a number is called; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScoreBand)]
pub enum Band {
    /// From 80.
    Excellent,
    /// From 60.
    Good,
    /// From 40.
    Moderate,
    /// Below.
    SignificantConcerns,
}

impl Band {
    /// Of a number as it is shown.
    pub fn of(score: f64) -> Self {
        match score {
            it if it >= 80.0 => Self::Excellent,
            it if it >= 60.0 => Self::Good,
            it if it >= 40.0 => Self::Moderate,
            _ => Self::SignificantConcerns,
        }
    }
}

/// A value and what it was worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ScoreInputUsed)]
pub struct Used {
    /// The value.
    pub observed: Observed,
    /// 0 to 100.
    pub points: f64,
    /// What its points rest on; empty is a convention of this software.
    pub references: Vec<Reference>,
}

/// Why a value was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScoreLeftOutReason)]
pub enum Reason {
    /// Of more than two years.
    TooOld,
    /// Of a day that has not come.
    InTheFuture,
    /// There is a later one of its kind, or a worse one of the same day.
    Superseded,
    /// The number of spermatozoa counts, or a later concentration.
    OtherCountUsed,
    /// Cannot be, or has no reference interval.
    Unusable,
    /// Nobody knows of which day it is.
    Undated,
    /// Its page names somebody else, and nobody has confirmed that it is of the patient.
    NamesAnotherPerson,
}

/// A value that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ScoreInputLeftOut)]
pub struct LeftOut {
    /// The value.
    pub observed: Considered,
    /// Why.
    pub reason: Reason,
}

/// A domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DomainScore {
    /// Which.
    pub domain: Domain,
    /// Of 100.
    pub weight: u8,
    /// 0 to 100, to a tenth; absent if nothing is known.
    pub score: Option<f64>,
    /// How it is called.
    pub band: Option<Band>,
    /// What it was computed from.
    pub inputs: Vec<Used>,
    /// Codes of what is not known.
    pub missing: Vec<String>,
}

/// The score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FertilityScore {
    /// Method, with its version.
    pub method: String,
    /// The day it was computed for.
    pub on: Date,
    /// 0 to 100, to a tenth; absent if nothing is known.
    pub overall: Option<f64>,
    /// How it is called.
    pub band: Option<Band>,
    /// Weights of the domains of which something is known, of 100.
    pub coverage_percent: u8,
    /// All eight.
    pub domains: Vec<DomainScore>,
    /// Values that did not count.
    pub left_out: Vec<LeftOut>,
    /// What somebody should see first.
    pub critical: Vec<Sentence>,
    /// What is good.
    pub positive: Vec<Sentence>,
    /// Domains below 70.
    pub improvement: Vec<Domain>,
    /// What to discuss.
    pub recommendations: Vec<Sentence>,
    /// What the score cannot say; is shown with it.
    pub limits: Vec<Sentence>,
}

/// The score of what was observed, as of `today`. `held`: what cannot be weighed at all, and is listed with the rest.
pub fn compute(observed: &[Observed], held: &[LeftOut], today: Date) -> FertilityScore {
    let (mut used, left_out) = choose(observed, held, today);
    used.sort_by(|a, b| a.observed.measure.kind().cmp(&b.observed.measure.kind()));
    let advised = advice::of_values(&used, &left_out);
    let domains: Vec<_> = Domain::ALL.iter().map(|domain| domain_score(*domain, &used)).collect();
    let known = || domains.iter().filter_map(|it| Some((it.score?, f64::from(it.weight))));
    let weights: f64 = known().map(|(_, weight)| weight).sum();
    let sum: f64 = known().map(|(score, weight)| score * weight).sum();
    let overall = (weights > 0.0).then(|| tenths(sum / weights));
    let coverage_percent = weights as u8;
    let improvable = |it: &&DomainScore| it.score.is_some_and(|score| score < IMPROVE_BELOW);
    let is_any = |reason| left_out.iter().any(|it| it.reason == reason);
    let limits = [
        Some(Sentence::SupportsClinicians),
        Some(Sentence::ScoreConvention),
        Some(Sentence::ScoreNotProbability),
        (coverage_percent < COVERAGE_LITTLE).then_some(Sentence::ScoreLowCoverage),
        is_any(Reason::TooOld).then_some(Sentence::ScoreOldValues),
        is_any(Reason::Undated).then_some(Sentence::ScoreUndatedValues),
        is_any(Reason::NamesAnotherPerson).then_some(Sentence::ScoreUnconfirmedValues),
    ];
    FertilityScore {
        method: METHOD.to_owned(),
        on: today,
        overall,
        band: overall.map(Band::of),
        coverage_percent,
        improvement: domains.iter().filter(improvable).map(|it| it.domain).collect(),
        recommendations: advice::recommendations(&domains, &used, coverage_percent < COVERAGE_LITTLE),
        limits: limits.into_iter().flatten().collect(),
        domains,
        left_out,
        critical: advised.critical,
        positive: advised.positive,
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Which values count, and why the others do not.
fn choose(observed: &[Observed], held: &[LeftOut], today: Date) -> (Vec<Used>, Vec<LeftOut>) {
    let mut left_out = held.to_vec();
    let mut kinds: BTreeMap<_, Vec<Used>> = BTreeMap::new();
    for it in observed {
        match usable(it, today) {
            Ok(points) => {
                let references = it.measure.references().to_vec();
                let used = Used { observed: it.clone(), points, references };
                kinds.entry(it.measure.kind()).or_default().push(used);
            }
            Err(reason) => left_out.push(LeftOut { observed: it.clone().into(), reason }),
        }
    }
    let leave = |left_out: &mut Vec<LeftOut>, it: Used, reason| {
        left_out.push(LeftOut { observed: it.observed.into(), reason });
    };
    let mut used = Vec::new();
    for (_, mut values) in kinds {
        values.sort_by(by_preference);
        let mut values = values.into_iter();
        used.extend(values.next());
        values.for_each(|it| leave(&mut left_out, it, Reason::Superseded));
    }
    if let Some(at) = other_count(&used) {
        let it = used.remove(at);
        leave(&mut left_out, it, Reason::OtherCountUsed);
    }
    left_out.sort_by(|a, b| {
        let key = |it: &LeftOut| (it.observed.measure.kind(), it.observed.on, it.reason);
        let (a_value, b_value) = (&a.observed.measure, &b.observed.measure);
        let values = || by_value((a_value, &a.observed.source), (b_value, &b.observed.source));
        key(a).cmp(&key(b)).then_with(values)
    });
    (used, left_out)
}

fn usable(it: &Observed, today: Date) -> Result<f64, Reason> {
    let age = it.on.until(today).map_or(i32::MAX, |span| span.get_days());
    if it.on > today {
        return Err(Reason::InTheFuture);
    }
    if age > FRESH_DAYS && !it.measure.stays() {
        return Err(Reason::TooOld);
    }
    it.measure.points().ok_or(Reason::Unusable)
}

/// The latest first, of one day the worse.
fn by_preference(a: &Used, b: &Used) -> std::cmp::Ordering {
    let by_day = Reverse(a.observed.on).cmp(&Reverse(b.observed.on));
    let (a_value, b_value) = (&a.observed.measure, &b.observed.measure);
    let values = || by_value((a_value, &a.observed.source), (b_value, &b.observed.source));
    by_day.then_with(|| a.points.total_cmp(&b.points)).then_with(values)
}

/// An order of its own for values that are worth the same, so that theirs does not matter.
fn by_value((a, a_source): (&Measure, &str), (b, b_source): (&Measure, &str)) -> std::cmp::Ordering {
    let number = |it: &Measure| it.number().unwrap_or(0.0);
    number(a)
        .total_cmp(&number(b))
        .then_with(|| a_source.cmp(b_source))
        .then_with(|| format!("{a:?}").cmp(&format!("{b:?}")))
}

/// Of number and concentration, the one that does not count.
fn other_count(used: &[Used]) -> Option<usize> {
    let total = used.iter().position(|it| matches!(it.observed.measure, Measure::SpermTotal(_)))?;
    let concentration =
        used.iter().position(|it| matches!(it.observed.measure, Measure::SpermConcentration(_)))?;
    let is_total_later = used[total].observed.on >= used[concentration].observed.on;
    Some(if is_total_later { concentration } else { total })
}

fn domain_score(domain: Domain, used: &[Used]) -> DomainScore {
    let inputs: Vec<Used> =
        used.iter().filter(|it| it.observed.measure.domain() == domain).cloned().collect();
    let score = inputs.iter().map(|it| it.points).reduce(f64::min).map(|worst| {
        let mean = inputs.iter().map(|it| it.points).sum::<f64>() / inputs.len() as f64;
        let is_uncertain = inputs.iter().any(|it| it.observed.measure.is_uncertain());
        let most = if is_uncertain { UNCERTAIN_MOST } else { 100.0 };
        tenths(f64::midpoint(mean, worst).min(most))
    });
    let is_known = |code: &&&str| {
        inputs.iter().any(|it| {
            let found = it.observed.measure.code();
            found == **code || (found == "sperm_concentration" && **code == "sperm_total")
        })
    };
    let missing = domain.codes().iter().filter(|code| !is_known(code)).map(|it| (*it).to_owned()).collect();
    let inputs = inputs.into_iter().map(|it| Used { points: tenths(it.points), ..it }).collect();
    DomainScore { domain, weight: domain.weight(), score, band: score.map(Band::of), inputs, missing }
}
