//! An oocyte: how mature it is, and how it looks.
//!
//! Sources: Istanbul consensus 2011 (what is looked at, and that only metaphase II is mature; giant oocytes are not used) and
//! its update of 2025 (giant oocytes are the only ones for which evidence supports exclusion; other deviations are noted).
//! Neither sums the signs up. The score from 1 to 4 is a convention of this software: 4 with no deviation of zona pellucida,
//! perivitelline space, polar body and cytoplasm (with vacuoles above 14 µm and aggregates of smooth endoplasmic reticulum),
//! one less for each group that deviates, at least 1. An embryologist's own score goes before it. Grades by the score as in
//! the original: mature with 3 or 4 is excellent, with 2 good, with 1 fair.
//!
//! A first polar body is what metaphase II is told by: given together, they must fit.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    checks::{Checks, Refused},
    explained::Explained,
    references::Reference,
    sentences::Sentence,
    unknown::certain,
};

/// The method, with its version.
const METHOD: &str = "sportello.oocyte/1";
/// Vacuoles of more micrometres go with failed fertilisation (Istanbul 2011).
const VACUOLE: f64 = 14.0;
/// Without deviation.
const BEST: u8 = 4;

/// How far meiosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OocyteMaturity)]
pub enum Maturity {
    /// Prophase I.
    GerminalVesicle,
    /// Neither vesicle nor polar body.
    MetaphaseI,
    /// A first polar body: mature.
    MetaphaseIi,
}

/// Whether something looks as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OocyteLook)]
pub enum Look {
    /// As usual.
    Usual,
    /// Deviates: colour, thickness, size, granules or debris.
    Deviating,
}

/// The first polar body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolarBody {
    /// Not there.
    Absent,
    /// One, of usual size.
    Usual,
    /// In pieces.
    Fragmented,
    /// Large.
    Large,
}

/// Cumulus and corona.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cumulus {
    /// Expanded, with a radiating corona.
    Expanded,
    /// Compact.
    Compact,
}

/// What is seen; each may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = OocyteInput)]
pub struct Oocyte {
    /// How far meiosis is.
    pub maturity: Option<Maturity>,
    /// An embryologist's own score, 1 to 4.
    pub morphology_score: Option<u16>,
    /// Cumulus and corona; noted, not scored.
    pub cumulus: Option<Cumulus>,
    /// Zona pellucida.
    pub zona: Option<Look>,
    /// Perivitelline space.
    pub perivitelline_space: Option<Look>,
    /// The first polar body.
    pub polar_body: Option<PolarBody>,
    /// Granularity of the cytoplasm.
    pub cytoplasm: Option<Look>,
    /// Diameter of the largest vacuole; 0 is none.
    pub vacuole_um: Option<f64>,
    /// Whether smooth endoplasmic reticulum is aggregated.
    pub reticulum_aggregates: Option<bool>,
    /// Whether it is giant.
    pub is_giant: Option<bool>,
}

/// The whole in one word; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OocyteGrade {
    /// Mature, score 3 or 4.
    Excellent,
    /// Mature, score 2.
    Good,
    /// Mature, score 1.
    Fair,
    /// Metaphase I: may mature.
    MayMature,
    /// Immature, or giant.
    NotSuitable,
}

/// What can be said of an oocyte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OocyteAnalysis {
    /// The whole in one word, if what is seen says it.
    pub grade: Option<OocyteGrade>,
    /// The embryologist's, else counted.
    pub morphology_score: Option<u16>,
    /// Whether it was counted from the signs.
    pub is_score_counted: bool,
    /// Mature and not giant.
    pub is_suitable: Option<bool>,
    /// Why.
    pub explained: Explained,
}

impl Oocyte {
    fn check(&self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        checks.count("/morphology_score", self.morphology_score, 1..=BEST.into());
        checks.number("/vacuole_um", self.vacuole_um, 0.0..=100.0);
        let has_body = self.polar_body.map(|it| it != PolarBody::Absent);
        let is_mature = self.maturity.map(|it| it == Maturity::MetaphaseIi);
        let differs = has_body.is_some() && is_mature.is_some() && has_body != is_mature;
        checks.contradiction(differs, "/polar_body", "/maturity");
        checks.end()
    }

    /// Groups that deviate, each `None` if nothing is said of it.
    fn deviations(&self) -> [(&'static str, Option<bool>); 4] {
        let deviates = |look: Option<Look>| look.map(|it| it == Look::Deviating);
        let vacuole = self.vacuole_um.map(|it| it > VACUOLE);
        let inside = [deviates(self.cytoplasm), vacuole, self.reticulum_aggregates];
        let cytoplasm = if inside.contains(&Some(true)) { Some(true) } else { deviates(self.cytoplasm) };
        let body = self.polar_body.map(|it| matches!(it, PolarBody::Fragmented | PolarBody::Large));
        [
            ("/zona", deviates(self.zona)),
            ("/perivitelline_space", deviates(self.perivitelline_space)),
            ("/polar_body", body),
            ("/cytoplasm", cytoplasm),
        ]
    }

    /// By the signs, from the worst to the best that it may be.
    fn counted(&self) -> (u8, u8) {
        let deviations = self.deviations();
        let count = |what| deviations.iter().filter(|(_, it)| *it == what).count() as u8;
        let (bad, unknown) = (count(Some(true)), count(None));
        let score = |bad: u8| (BEST - bad.min(BEST)).max(1);
        (score(bad + unknown), score(bad))
    }
}

/// Grades an oocyte.
pub fn analyse(oocyte: &Oocyte) -> Result<OocyteAnalysis, Refused> {
    oocyte.check()?;
    let mut explained = Explained::new(
        METHOD,
        &[Reference::Istanbul2011, Reference::Istanbul2025, Reference::ThisSoftware],
        &[Sentence::OocyteLooksOnly],
    );
    let (worst, best) = oocyte.counted();
    let given = oocyte.morphology_score.map(|it| it as u8);
    let counted = certain(best, worst);
    let (worst, best) = given.map_or((worst, best), |given| (given, given));
    let is_giant = oocyte.is_giant == Some(true);
    let grade = match oocyte.maturity {
        _ if is_giant => Some(OocyteGrade::NotSuitable),
        None => None,
        Some(Maturity::GerminalVesicle) => Some(OocyteGrade::NotSuitable),
        Some(Maturity::MetaphaseI) => Some(OocyteGrade::MayMature),
        Some(Maturity::MetaphaseIi) => certain(of_score(best), of_score(worst)),
    };
    let is_mature = oocyte.maturity.map(|it| it == Maturity::MetaphaseIi);
    let is_suitable = if is_giant { Some(false) } else { is_mature };
    explain(oocyte, grade, &mut explained);
    Ok(OocyteAnalysis {
        grade,
        morphology_score: given.or(counted).map(u16::from),
        is_score_counted: given.is_none() && counted.is_some(),
        is_suitable,
        explained,
    })
}

const fn of_score(score: u8) -> OocyteGrade {
    match score {
        3.. => OocyteGrade::Excellent,
        2 => OocyteGrade::Good,
        _ => OocyteGrade::Fair,
    }
}

fn explain(oocyte: &Oocyte, grade: Option<OocyteGrade>, explained: &mut Explained) {
    explained.say_if(oocyte.is_giant == Some(true), Sentence::OocyteGiant);
    match oocyte.maturity {
        None => explained.lacks(true, "/maturity"),
        Some(Maturity::GerminalVesicle) => explained.say(Sentence::OocyteGerminalVesicle),
        Some(Maturity::MetaphaseI) => explained.say(Sentence::OocyteMetaphaseOne),
        Some(Maturity::MetaphaseIi) => explained.say(Sentence::OocyteMature),
    }
    if oocyte.maturity == Some(Maturity::MetaphaseIi) && grade.is_none() {
        for (pointer, deviates) in oocyte.deviations() {
            explained.lacks(deviates.is_none(), pointer);
        }
    }
    let [zona, space, body, _] = oocyte.deviations().map(|(_, deviates)| deviates == Some(true));
    explained.say_if(zona, Sentence::OocyteZona);
    explained.say_if(space, Sentence::OocytePerivitelline);
    explained.say_if(body, Sentence::OocytePolarBody);
    explained.say_if(oocyte.cytoplasm == Some(Look::Deviating), Sentence::OocyteCytoplasm);
    explained.say_if(oocyte.vacuole_um.is_some_and(|it| it > VACUOLE), Sentence::OocyteVacuole);
    explained.say_if(oocyte.reticulum_aggregates == Some(true), Sentence::OocyteReticulum);
    explained.say_if(oocyte.cumulus == Some(Cumulus::Compact), Sentence::OocyteCompactCumulus);
}

#[cfg(test)]
mod tests {
    use proptest::{option::of, prelude::*};

    use super::*;
    use crate::clinic::rules::checks::said;

    fn mature() -> Oocyte {
        Oocyte {
            maturity: Some(Maturity::MetaphaseIi),
            zona: Some(Look::Usual),
            perivitelline_space: Some(Look::Usual),
            polar_body: Some(PolarBody::Usual),
            cytoplasm: Some(Look::Usual),
            ..Oocyte::default()
        }
    }

    fn grade(oocyte: Oocyte) -> (Option<OocyteGrade>, Option<u16>, Option<bool>) {
        let it = analyse(&oocyte).unwrap();
        (it.grade, it.morphology_score, it.is_suitable)
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let it = analyse(&Oocyte::default()).unwrap();
        assert_eq!((it.grade, it.morphology_score, it.is_suitable), (None, None, None));
        assert_eq!((it.explained.missing, it.explained.sentences), (vec!["/maturity".to_owned()], vec![]));
    }

    #[test]
    fn maturity_goes_before_looks() {
        use Maturity::{GerminalVesicle, MetaphaseI, MetaphaseIi};
        let of = |maturity, morphology_score| Oocyte {
            maturity: Some(maturity),
            morphology_score,
            ..Oocyte::default()
        };
        for (oocyte, expected, suitable) in [
            (of(GerminalVesicle, Some(4)), Some(OocyteGrade::NotSuitable), false),
            (of(MetaphaseI, Some(4)), Some(OocyteGrade::MayMature), false),
            (of(MetaphaseIi, Some(4)), Some(OocyteGrade::Excellent), true),
            (of(MetaphaseIi, Some(3)), Some(OocyteGrade::Excellent), true),
            (of(MetaphaseIi, Some(2)), Some(OocyteGrade::Good), true),
            (of(MetaphaseIi, Some(1)), Some(OocyteGrade::Fair), true),
            (of(MetaphaseIi, None), None, true),
            (Oocyte { is_giant: Some(true), ..mature() }, Some(OocyteGrade::NotSuitable), false),
        ] {
            let it = analyse(&oocyte).unwrap();
            assert_eq!((it.grade, it.is_suitable), (expected, Some(suitable)), "{oocyte:?}");
        }
    }

    #[test]
    fn deviations_are_counted_by_group_and_vacuoles_from_fourteen_micrometres() {
        assert_eq!(grade(mature()), (Some(OocyteGrade::Excellent), Some(4), Some(true)));
        for (vacuole, score) in [(0.0, 4), (14.0, 4), (14.1, 3)] {
            assert_eq!(grade(Oocyte { vacuole_um: Some(vacuole), ..mature() }).1, Some(score), "{vacuole}");
        }
        let one = Oocyte { zona: Some(Look::Deviating), ..mature() };
        let two = Oocyte { polar_body: Some(PolarBody::Fragmented), ..one };
        // Three signs of the cytoplasm are one group.
        let three = Oocyte {
            cytoplasm: Some(Look::Deviating),
            vacuole_um: Some(20.0),
            reticulum_aggregates: Some(true),
            ..two
        };
        let four = Oocyte { perivitelline_space: Some(Look::Deviating), ..three };
        assert_eq!(grade(one), (Some(OocyteGrade::Excellent), Some(3), Some(true)));
        assert_eq!(grade(two), (Some(OocyteGrade::Good), Some(2), Some(true)));
        assert_eq!(grade(three), (Some(OocyteGrade::Fair), Some(1), Some(true)));
        assert_eq!(grade(four), (Some(OocyteGrade::Fair), Some(1), Some(true)));
        assert!(analyse(&one).unwrap().is_score_counted);
        let given = Oocyte { morphology_score: Some(4), ..four };
        assert_eq!(
            grade(given),
            (Some(OocyteGrade::Excellent), Some(4), Some(true)),
            "an embryologist's goes first"
        );
        assert!(!analyse(&given).unwrap().is_score_counted);
    }

    #[test]
    fn what_is_not_known_is_left_open_unless_it_changes_nothing() {
        let open = Oocyte { zona: None, ..mature() };
        assert_eq!(
            grade(open),
            (Some(OocyteGrade::Excellent), None, Some(true)),
            "3 and 4 are both excellent"
        );
        let open = Oocyte { perivitelline_space: None, ..open };
        assert_eq!(grade(open), (None, None, Some(true)));
        assert_eq!(analyse(&open).unwrap().explained.missing, ["/zona", "/perivitelline_space"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let of = |maturity, polar_body| Oocyte {
            maturity: Some(maturity),
            polar_body: Some(polar_body),
            ..Oocyte::default()
        };
        for wrong in [
            of(Maturity::MetaphaseIi, PolarBody::Absent),
            of(Maturity::MetaphaseI, PolarBody::Usual),
            of(Maturity::GerminalVesicle, PolarBody::Fragmented),
        ] {
            assert_eq!(said(analyse(&wrong)), ["/polar_body contradicts"]);
        }
        assert!(analyse(&of(Maturity::MetaphaseI, PolarBody::Absent)).is_ok());
        for score in [0, 5] {
            let wrong = Oocyte { morphology_score: Some(score), ..mature() };
            assert_eq!(said(analyse(&wrong)), ["/morphology_score out_of_range"]);
        }
    }

    fn looks() -> impl Strategy<Value = Option<Look>> {
        of(prop_oneof![Just(Look::Usual), Just(Look::Deviating)])
    }

    proptest! {
        #[test]
        fn a_deviation_more_never_makes_it_better(zona in looks(), space in looks(), cytoplasm in looks()) {
            let before = Oocyte { zona, perivitelline_space: space, cytoplasm, ..mature() };
            for after in [
                Oocyte { zona: Some(Look::Deviating), ..before },
                Oocyte { cytoplasm: Some(Look::Deviating), ..before },
                Oocyte { reticulum_aggregates: Some(true), ..before },
                Oocyte { is_giant: Some(true), ..before },
            ] {
                if let (Some(before), Some(after)) = (grade(before).0, grade(after).0) {
                    prop_assert!(after >= before);
                }
            }
        }
    }
}
