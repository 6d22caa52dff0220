//! From values to words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    limits::{Position, SemenParameter},
    values::{Derived, Known, Pellet, Semen},
};
use crate::clinic::rules::{
    checks::Refused, explained::Explained, references::Reference, sentences::Sentence,
};

/// The method, with its version.
const METHOD: &str = "sportello.semen/1";
/// Below: severe oligozoospermia, in millions per mL (EAU).
const SEVERE: f64 = 5.0;
/// Below: moderate, by convention.
const MODERATE: f64 = 10.0;
/// Days of abstinence that WHO asks for.
const ABSTINENCE: std::ops::RangeInclusive<f64> = 2.0..=7.0;
/// Minutes after which it should be liquid.
const LIQUEFACTION: f64 = 60.0;

/// The words of the WHO manual's nomenclature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SemenTerm {
    /// Number, progressive motility and normal forms reach the limits.
    Normozoospermia,
    /// Number below.
    Oligozoospermia,
    /// Progressive motility below.
    Asthenozoospermia,
    /// Normal forms below.
    Teratozoospermia,
    /// Number and motility below.
    Oligoasthenozoospermia,
    /// Number and forms below.
    Oligoteratozoospermia,
    /// Motility and forms below.
    Asthenoteratozoospermia,
    /// All three below.
    Oligoasthenoteratozoospermia,
    /// No spermatozoa, neither in the pellet.
    Azoospermia,
    /// None in fresh preparations, some in the pellet.
    Cryptozoospermia,
    /// Few are alive and few move.
    Necrozoospermia,
    /// No ejaculate.
    Aspermia,
    /// Volume below.
    Hypospermia,
    /// Leukocytes at or above the consensus value.
    Leukospermia,
}

/// How few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OligozoospermiaDegree)]
pub enum Degree {
    /// From 10 million per mL.
    Mild,
    /// From 5 million per mL.
    Moderate,
    /// Fewer.
    Severe,
}

/// The whole in one word; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SemenGrade {
    /// Number, progressive motility, forms, and volume and vitality if given, reach their limits.
    WithinReference,
    /// One does not.
    OneBelow,
    /// More do not.
    SeveralBelow,
    /// There are no spermatozoa in the fresh preparation, or no ejaculate.
    NoneSeen,
}

/// A value beside its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SemenValue {
    /// Of what.
    pub parameter: SemenParameter,
    /// As given, or computed.
    pub value: f64,
    /// UCUM.
    pub unit: String,
    /// Whether it was computed from others.
    pub is_derived: bool,
    /// The fifth centile.
    pub limit: Option<f64>,
    /// The limit's 95 % confidence interval: from
    pub limit_from: Option<f64>,
    /// and until.
    pub limit_until: Option<f64>,
    /// Where the value stands.
    pub position: Position,
    /// Whether it lies in the interval: another sample may well fall on the other side.
    pub is_near_limit: bool,
}

/// What can be said of an examination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SemenAnalysis {
    /// The whole in one word, if the values say it.
    pub grade: Option<SemenGrade>,
    /// What it is called; the first is about the spermatozoa.
    pub terms: Vec<SemenTerm>,
    /// How few, if there are too few.
    pub degree: Option<Degree>,
    /// Every value beside its limit, given and computed.
    pub values: Vec<SemenValue>,
    /// Why.
    pub explained: Explained,
}

/// Three of them make a name.
struct Main {
    /// By total number, else by concentration.
    number: Option<bool>,
    progressive: Option<bool>,
    forms: Option<bool>,
}

/// Grades an examination.
pub fn analyse(semen: &Semen) -> Result<SemenAnalysis, Refused> {
    semen.check()?;
    let derived = semen.derive();
    let mut explained = Explained::new(
        METHOD,
        &[Reference::Who2021, Reference::Campbell2021, Reference::Who2010],
        &[Sentence::SemenOneSample, Sentence::SemenNotFertility],
    );
    let (mut terms, mut degree) = (Vec::new(), None);
    if semen.volume_ml == Some(0.0) {
        terms.push(SemenTerm::Aspermia);
        explained.say(Sentence::SemenAspermia);
    } else if semen.has_none() {
        none_seen(semen, &mut terms, &mut explained);
    } else {
        let main = Main::of(semen, &derived);
        terms.extend(main.term());
        main.explain(&mut explained);
        degree = oligozoospermia(&main, &derived, &mut explained);
    }
    besides(semen, &derived, &mut terms, &mut explained);
    circumstances(semen, &mut explained);
    let grade = grade(semen, &derived);
    Ok(SemenAnalysis { grade, terms, degree, values: values(semen, &derived), explained })
}

fn is_outside(parameter: SemenParameter, value: f64) -> bool {
    parameter.position(value) == Position::Outside
}

fn none_seen(semen: &Semen, terms: &mut Vec<SemenTerm>, explained: &mut Explained) {
    match semen.pellet {
        Some(Pellet::Absent) => {
            terms.push(SemenTerm::Azoospermia);
            explained.say(Sentence::SemenAzoospermia);
            let volume = semen.volume_ml.is_some_and(|it| is_outside(SemenParameter::Volume, it));
            let ph = semen.ph.is_some_and(|it| is_outside(SemenParameter::Ph, it));
            explained.say_if(volume && ph, Sentence::SemenLowAcidAzoospermia);
        }
        Some(Pellet::Present) => {
            terms.push(SemenTerm::Cryptozoospermia);
            explained.say(Sentence::SemenCryptozoospermia);
        }
        None => {
            explained.say(Sentence::SemenNoneInFresh);
            explained.lacks(true, "/pellet");
        }
    }
}

impl Main {
    fn of(semen: &Semen, derived: &Derived) -> Self {
        let low = |parameter, known: Option<Known>| known.map(|it| is_outside(parameter, it.value));
        let number = low(SemenParameter::TotalNumber, derived.total);
        Self {
            number: number.or_else(|| low(SemenParameter::Concentration, derived.concentration)),
            progressive: low(SemenParameter::Progressive, derived.progressive),
            forms: semen.normal_forms_percent.map(|it| is_outside(SemenParameter::NormalForms, it)),
        }
    }

    /// What is low gives the name; that nothing is must be known of all three.
    fn term(&self) -> Option<SemenTerm> {
        let is = |low: Option<bool>| low == Some(true);
        Some(match (is(self.number), is(self.progressive), is(self.forms)) {
            (true, true, true) => SemenTerm::Oligoasthenoteratozoospermia,
            (true, true, false) => SemenTerm::Oligoasthenozoospermia,
            (true, false, true) => SemenTerm::Oligoteratozoospermia,
            (false, true, true) => SemenTerm::Asthenoteratozoospermia,
            (true, false, false) => SemenTerm::Oligozoospermia,
            (false, true, false) => SemenTerm::Asthenozoospermia,
            (false, false, true) => SemenTerm::Teratozoospermia,
            (false, false, false) if self.is_complete() => SemenTerm::Normozoospermia,
            (false, false, false) => return None,
        })
    }

    fn is_complete(&self) -> bool {
        self.number.is_some() && self.progressive.is_some() && self.forms.is_some()
    }

    fn explain(&self, explained: &mut Explained) {
        explained.say_if(self.term() == Some(SemenTerm::Normozoospermia), Sentence::SemenNormozoospermia);
        explained.say_if(self.number == Some(true), Sentence::SemenNumberLow);
        explained.say_if(self.progressive == Some(true), Sentence::SemenProgressiveLow);
        explained.say_if(self.forms == Some(true), Sentence::SemenFormsLow);
        explained.lacks(self.number.is_none(), "/total_million");
        explained.lacks(self.progressive.is_none(), "/progressive_percent");
        explained.lacks(self.forms.is_none(), "/normal_forms_percent");
    }
}

fn oligozoospermia(main: &Main, derived: &Derived, explained: &mut Explained) -> Option<Degree> {
    let concentration = derived.concentration.map(|it| it.value);
    if main.number != Some(true) {
        let is_thin = concentration.is_some_and(|it| is_outside(SemenParameter::Concentration, it));
        explained.say_if(is_thin, Sentence::SemenConcentrationLow);
        return None;
    }
    let Some(concentration) = concentration else {
        explained.lacks(true, "/concentration_million_per_ml");
        return None;
    };
    explained.references.extend([Reference::EauSexual, Reference::ThisSoftware]);
    Some(match concentration {
        it if it < SEVERE => {
            explained.say(Sentence::SemenSevereOligozoospermia);
            Degree::Severe
        }
        it if it < MODERATE => Degree::Moderate,
        _ => Degree::Mild,
    })
}

/// What may be besides.
fn besides(semen: &Semen, derived: &Derived, terms: &mut Vec<SemenTerm>, explained: &mut Explained) {
    let motility = derived.motility.map(|it| is_outside(SemenParameter::TotalMotility, it.value));
    let vitality = semen.vitality_percent.map(|it| is_outside(SemenParameter::Vitality, it));
    if motility == Some(true) && vitality == Some(true) {
        terms.push(SemenTerm::Necrozoospermia);
        explained.say(Sentence::SemenNecrozoospermia);
    } else {
        explained.say_if(motility == Some(true), Sentence::SemenMotilityLow);
        explained.say_if(vitality == Some(true), Sentence::SemenVitalityLow);
        explained.lacks(motility == Some(true) && vitality.is_none(), "/vitality_percent");
    }
    let is_small = semen.volume_ml.is_some_and(|it| it > 0.0 && is_outside(SemenParameter::Volume, it));
    if is_small {
        terms.push(SemenTerm::Hypospermia);
        explained.say(Sentence::SemenHypospermia);
    }
    if semen.leukocytes_million_per_ml.is_some_and(|it| is_outside(SemenParameter::Leukocytes, it)) {
        terms.push(SemenTerm::Leukospermia);
        explained.say(Sentence::SemenLeukospermia);
    }
    explained.say_if(semen.ph.is_some_and(|it| is_outside(SemenParameter::Ph, it)), Sentence::SemenAcid);
    let is_slow = semen.liquefaction_minutes.is_some_and(|it| it > LIQUEFACTION);
    explained.say_if(is_slow, Sentence::SemenSlowLiquefaction);
}

fn circumstances(semen: &Semen, explained: &mut Explained) {
    match semen.abstinence_days {
        Some(days) => explained.limit_if(!ABSTINENCE.contains(&days), Sentence::SemenAbstinenceOutside),
        None => explained.limit_if(true, Sentence::SemenAbstinenceUnknown),
    }
}

fn grade(semen: &Semen, derived: &Derived) -> Option<SemenGrade> {
    if semen.volume_ml == Some(0.0) || semen.has_none() {
        return Some(SemenGrade::NoneSeen);
    }
    let main = Main::of(semen, derived);
    let volume = semen.volume_ml.map(|it| is_outside(SemenParameter::Volume, it));
    let vitality = semen.vitality_percent.map(|it| is_outside(SemenParameter::Vitality, it));
    let all = [main.number, main.progressive, main.forms, volume, vitality];
    match all.iter().filter(|low| **low == Some(true)).count() {
        2.. => Some(SemenGrade::SeveralBelow),
        1 if main.is_complete() => Some(SemenGrade::OneBelow),
        0 if main.is_complete() => Some(SemenGrade::WithinReference),
        _ => None,
    }
}

fn values(semen: &Semen, derived: &Derived) -> Vec<SemenValue> {
    let given = |value: Option<f64>| value.map(|value| Known { value, is_derived: false });
    let all = [
        (SemenParameter::Volume, given(semen.volume_ml)),
        (SemenParameter::TotalNumber, derived.total),
        (SemenParameter::Concentration, derived.concentration),
        (SemenParameter::TotalMotility, derived.motility),
        (SemenParameter::Progressive, derived.progressive),
        (SemenParameter::NonProgressive, derived.non_progressive),
        (SemenParameter::Immotile, derived.immotile),
        (SemenParameter::Vitality, given(semen.vitality_percent)),
        (SemenParameter::NormalForms, given(semen.normal_forms_percent)),
        (SemenParameter::Ph, given(semen.ph)),
        (SemenParameter::Leukocytes, given(semen.leukocytes_million_per_ml)),
        (SemenParameter::TotalProgressive, derived.total_progressive),
    ];
    all.into_iter().filter_map(|(parameter, known)| Some(value(parameter, known?))).collect()
}

fn value(parameter: SemenParameter, known: Known) -> SemenValue {
    let Known { value, is_derived } = known;
    let limit = parameter.limit();
    let is_near = limit.is_some_and(|it| it.is_judged && (it.from..=it.until).contains(&value));
    SemenValue {
        parameter,
        value,
        unit: parameter.unit().to_owned(),
        is_derived,
        limit: limit.map(|it| it.limit),
        limit_from: limit.map(|it| it.from),
        limit_until: limit.map(|it| it.until),
        position: parameter.position(value),
        is_near_limit: is_near,
    }
}
