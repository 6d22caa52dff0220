//! Each kind of finding, classed and weighed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::{
    AdhesionExtent, AdhesionKind, Adhesions, Endometrium, EsgeGrade, Menses, Myoma, Polyp, Septum,
};
use crate::clinic::rules::unknown::{certain, span};

/// A polyp of as many millimetres is moderate.
const POLYP_MODERATE: f64 = 10.0;
/// A myoma in the cavity of as many millimetres is severe: it is seldom removed in one step.
const MYOMA_SEVERE: f64 = 40.0;
/// Submucous types of FIGO.
const SUBMUCOUS: u16 = 2;
/// Of the wall: more is a septum, or a second body.
const HALF: f64 = 0.5;

/// How much a finding weighs; least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UterineFindingLevel)]
pub enum Level {
    /// Nothing found.
    None,
    /// Does not change the cavity much.
    Minor,
    /// Changes the cavity, or needs treatment.
    Moderate,
    /// Takes much of the cavity.
    Severe,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UterineFindingKind)]
pub enum FindingKind {
    /// A polyp.
    Polyp,
    /// A myoma.
    Myoma,
    /// Adhesions.
    Adhesions,
    /// An indentation of the fundus.
    Septum,
    /// Suspected hyperplasia.
    Hyperplasia,
    /// Atrophy.
    Atrophy,
    /// Signs of chronic endometritis.
    Endometritis,
}

/// Stages of the American Fertility Society.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = AdhesionStage)]
pub enum AfsStage {
    /// Score 1 to 4: mild.
    I,
    /// 5 to 8: moderate.
    II,
    /// 9 to 12: severe.
    III,
}

/// Classes of ESHRE/ESGE that an indentation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UterineClass {
    /// Normal: no indentation.
    U0,
    /// Not more than half of the wall.
    U1c,
    /// Septate, which one is not known.
    U2,
    /// Septate, partial: ends above the internal os.
    U2a,
    /// Septate, complete.
    U2b,
    /// Bicorporeal.
    U3,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = UterineFinding)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// In its own system, if the description says it: `FIGO 2-5`, `AFS II (6)`, `ESH IIa`, `ESHRE/ESGE U2a`.
    pub class: Option<String>,
    /// Its largest diameter.
    pub size_mm: Option<f64>,
    /// How much it weighs; absent if the description does not say.
    pub level: Option<Level>,
}

impl Polyp {
    pub(super) fn finding(self) -> Finding {
        let level = |size| if size >= POLYP_MODERATE { Level::Moderate } else { Level::Minor };
        Finding {
            kind: FindingKind::Polyp,
            class: None,
            size_mm: self.size_mm,
            level: self.size_mm.map(level),
        }
    }
}

impl Myoma {
    pub(super) fn finding(self) -> Finding {
        let class = match self.figo_serosa {
            Some(serosa) => format!("FIGO {}-{serosa}", self.figo),
            None => format!("FIGO {}", self.figo),
        };
        let (least, most) = span(self.size_mm, 0.0, f64::INFINITY);
        let level = |size| match self.figo {
            0..=SUBMUCOUS if size >= MYOMA_SEVERE => Level::Severe,
            0..=SUBMUCOUS => Level::Moderate,
            _ => Level::Minor,
        };
        let level = certain(level(least), level(most));
        Finding { kind: FindingKind::Myoma, class: Some(class), size_mm: self.size_mm, level }
    }
}

impl Adhesions {
    /// The score of the American Fertility Society, if all of it is known.
    pub(super) fn afs(self) -> Option<(u8, AfsStage)> {
        let extent = match self.extent? {
            AdhesionExtent::UnderOneThird => 1,
            AdhesionExtent::OneToTwoThirds => 2,
            AdhesionExtent::OverTwoThirds => 4,
        };
        let kind = match self.kind? {
            AdhesionKind::Filmy => 1,
            AdhesionKind::FilmyAndDense => 2,
            AdhesionKind::Dense => 4,
        };
        let menses = match self.menses? {
            Menses::Normal => 0,
            Menses::Hypomenorrhoea => 2,
            Menses::Amenorrhoea => 4,
        };
        let score = extent + kind + menses;
        let stage = match score {
            ..=4 => AfsStage::I,
            5..=8 => AfsStage::II,
            _ => AfsStage::III,
        };
        Some((score, stage))
    }

    pub(super) fn finding(self) -> Finding {
        let afs = self.afs();
        let by_score = afs.map(|(_, stage)| match stage {
            AfsStage::I => Level::Minor,
            AfsStage::II => Level::Moderate,
            AfsStage::III => Level::Severe,
        });
        let by_grade = self.esge.map(|grade| match grade {
            EsgeGrade::I => Level::Minor,
            EsgeGrade::II | EsgeGrade::IIa => Level::Moderate,
            EsgeGrade::III | EsgeGrade::IIIa | EsgeGrade::IIIb | EsgeGrade::IV => Level::Severe,
        });
        let names = [
            afs.map(|(score, stage)| format!("AFS {stage:?} ({score})")),
            self.esge.map(|grade| format!("ESH {grade:?}")),
        ];
        let names: Vec<_> = names.into_iter().flatten().collect();
        let class = (!names.is_empty()).then(|| names.join(", "));
        Finding { kind: FindingKind::Adhesions, class, size_mm: None, level: by_score.max(by_grade) }
    }
}

impl Septum {
    /// What the measures say; hysteroscopy alone does not see the outer contour.
    pub(super) fn class(self) -> Option<UterineClass> {
        if self.indentation_mm == 0.0 {
            return Some(UterineClass::U0);
        }
        let half = self.wall_mm? * HALF;
        if self.indentation_mm <= half {
            return Some(UterineClass::U1c);
        }
        if self.external_indentation_mm? > half {
            return Some(UterineClass::U3);
        }
        Some(match self.reaches_internal_os {
            Some(true) => UterineClass::U2b,
            Some(false) => UterineClass::U2a,
            None => UterineClass::U2,
        })
    }

    /// Nothing if there is no indentation.
    pub(super) fn finding(self) -> Option<Finding> {
        let class = self.class();
        let level = class.and_then(|class| match class {
            UterineClass::U0 => Some(Level::None),
            UterineClass::U1c => Some(Level::Minor),
            UterineClass::U2a | UterineClass::U3 => Some(Level::Moderate),
            UterineClass::U2b => Some(Level::Severe),
            UterineClass::U2 => None,
        });
        if level == Some(Level::None) {
            return None;
        }
        let class = class.map(|class| format!("ESHRE/ESGE {class:?}"));
        Some(Finding { kind: FindingKind::Septum, class, size_mm: Some(self.indentation_mm), level })
    }
}

impl Endometrium {
    pub(super) fn finding(self) -> Option<Finding> {
        let kind = match self {
            Self::Regular => return None,
            Self::SuspectedHyperplasia => FindingKind::Hyperplasia,
            Self::Atrophic => FindingKind::Atrophy,
        };
        Some(Finding { kind, class: None, size_mm: None, level: Some(Level::Moderate) })
    }
}

/// Any sign is enough to look for plasma cells.
pub(super) const fn endometritis() -> Finding {
    Finding { kind: FindingKind::Endometritis, class: None, size_mm: None, level: Some(Level::Moderate) }
}
