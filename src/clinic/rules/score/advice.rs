//! What is said besides the number: what somebody should see first, what is good, what to discuss.
//!
//! The limits are the original's (AMH 0.5, 1.0 and 2.0 ng/mL; 5 and 20 million per mL; domains below 60), conventions of this
//! software. Advice follows from values and domains only; it never names a treatment.

use super::{
    compute::{DomainScore, LeftOut, Reason, Used},
    measure::{CavityFinding, Domain, EndometriosisStage, Measure, Ovulation, Tubes},
};
use crate::clinic::rules::{hysteroscopy::Level, sentences::Sentence};

/// Domains below are to be discussed.
const DISCUSS_BELOW: f64 = 60.0;
/// Anti-Müllerian hormone below is critical, ng/mL.
const AMH_CRITICAL: f64 = 0.5;
/// Below, timing is to be discussed.
const AMH_LOW: f64 = 1.0;
/// Above is good.
const AMH_GOOD: f64 = 2.0;
/// Millions per mL below are critical.
const SPERM_CRITICAL: f64 = 5.0;
/// Above is good.
const SPERM_GOOD: f64 = 20.0;

/// What single values say.
pub(super) struct Advised {
    pub(super) critical: Vec<Sentence>,
    pub(super) positive: Vec<Sentence>,
}

/// What single values say; the concentration does also when the number of the same day counts. An older one was replaced.
pub(super) fn of_values(used: &[Used], left_out: &[LeftOut]) -> Advised {
    let is_count = |it: &Measure| matches!(it, Measure::SpermTotal(_) | Measure::SpermConcentration(_));
    let counted_on = used.iter().find(|it| is_count(&it.observed.measure)).map(|it| it.observed.on);
    let is_other = |it: &&LeftOut| it.reason == Reason::OtherCountUsed && it.observed.on == counted_on;
    let other = left_out.iter().filter(is_other);
    let measures = used.iter().map(|it| &it.observed.measure).chain(other.map(|it| &it.observed.measure));
    let (mut critical, mut positive) = (Vec::new(), Vec::new());
    for measure in measures {
        critical.extend(worrying(measure));
        positive.extend(good(measure));
    }
    critical.sort_unstable();
    critical.dedup();
    positive.sort_unstable();
    positive.dedup();
    Advised { critical, positive }
}

fn worrying(measure: &Measure) -> Option<Sentence> {
    Some(match measure {
        Measure::Amh(value) if *value < AMH_CRITICAL => Sentence::ScoreAmhCritical,
        Measure::SpermTotal(0.0) | Measure::SpermConcentration(0.0) => Sentence::ScoreNoSperm,
        Measure::SpermConcentration(value) if *value < SPERM_CRITICAL => Sentence::ScoreSpermCritical,
        Measure::Tubes(Tubes::BothBlocked) => Sentence::ScoreTubesBlocked,
        Measure::Tubes(Tubes::Hydrosalpinx) => Sentence::ScoreHydrosalpinx,
        Measure::Endometriosis(EndometriosisStage::Iv) => Sentence::ScoreSevereEndometriosis,
        Measure::Ovulation(Ovulation::Absent) => Sentence::ScoreNoOvulation,
        _ => return None,
    })
}

fn good(measure: &Measure) -> Option<Sentence> {
    Some(match measure {
        Measure::Amh(value) if *value > AMH_GOOD => Sentence::ScoreAmhPositive,
        Measure::SpermConcentration(value) if *value > SPERM_GOOD => Sentence::ScoreSpermPositive,
        Measure::Ovulation(Ovulation::Regular) => Sentence::ScoreRegularOvulation,
        Measure::Tubes(Tubes::BothOpen) => Sentence::ScoreTubesOpen,
        Measure::Cavity(Level::None) => Sentence::ScoreCavityFree,
        _ => return None,
    })
}

/// What to discuss; a follow-up always, if there is anything to follow.
pub(super) fn recommendations(domains: &[DomainScore], used: &[Used], is_little: bool) -> Vec<Sentence> {
    let low = domains.iter().filter(|it| it.score.is_some_and(|score| score < DISCUSS_BELOW));
    let mut advice: Vec<_> = low.map(|it| of_domain(it.domain)).collect();
    advice.extend(used.iter().flat_map(|it| of_cavity(&it.observed.measure)));
    let is_amh_low = used.iter().any(|it| matches!(it.observed.measure, Measure::Amh(v) if v < AMH_LOW));
    advice.extend(is_amh_low.then_some(Sentence::AdviseLowAmh));
    advice.extend(is_little.then_some(Sentence::AdviseMoreData));
    advice.extend((!used.is_empty()).then_some(Sentence::AdviseFollowUp));
    advice
}

/// What hysteroscopy has found, also if the domain is good: a small polyp too.
fn of_cavity(measure: &Measure) -> Vec<Sentence> {
    let Measure::CavityFindings { found, .. } = measure else { return Vec::new() };
    let advice = found.iter().map(|it| match it {
        CavityFinding::Polyp => Sentence::AdvisePolyp,
        CavityFinding::SubmucousMyoma => Sentence::AdviseMyoma,
        CavityFinding::Adhesions => Sentence::AdviseAdhesions,
        CavityFinding::Septum => Sentence::AdviseSeptum,
    });
    advice.collect()
}

const fn of_domain(domain: Domain) -> Sentence {
    match domain {
        Domain::Male => Sentence::AdviseMale,
        Domain::Female => Sentence::AdviseFemale,
        Domain::Ovarian => Sentence::AdviseOvarian,
        Domain::Tubal => Sentence::AdviseTubal,
        Domain::Uterine => Sentence::AdviseUterine,
        Domain::Hormonal => Sentence::AdviseHormonal,
        Domain::Genetic => Sentence::AdviseGenetic,
        Domain::Lifestyle => Sentence::AdviseLifestyle,
    }
}
