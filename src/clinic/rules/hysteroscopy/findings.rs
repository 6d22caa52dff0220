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

/// An indentation of more millimetres is as deep as a septum (ASRM 2016).
const ASRM_DEPTH: f64 = 15.0;

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
    /// How much it weighs at least, whatever the description does not say.
    pub level_at_least: Option<Level>,
}

impl Finding {
    /// Weighed as far as the description goes: from the lightest to the heaviest that it may be.
    fn of(kind: FindingKind, (least, most): (Level, Level)) -> Self {
        let level = certain(least, most);
        Self { kind, class: None, size_mm: None, level, level_at_least: Some(least) }
    }

    /// A myoma that distorts the cavity: FIGO 0 to 2.
    pub fn is_submucous(&self) -> bool {
        let figo = self.class.as_deref().and_then(|it| it.strip_prefix("FIGO "));
        figo.is_some_and(|it| it.starts_with(['0', '1', '2']))
    }

    /// An indentation of not more than half of the wall, which is no septum.
    pub fn is_slight(&self) -> bool {
        self.kind == FindingKind::Septum && self.level == Some(Level::Minor)
    }
}

impl Polyp {
    pub(super) fn finding(self) -> Finding {
        let level = |size| if size >= POLYP_MODERATE { Level::Moderate } else { Level::Minor };
        let (least, most) = span(self.size_mm, 0.0, f64::INFINITY);
        Finding { size_mm: self.size_mm, ..Finding::of(FindingKind::Polyp, (level(least), level(most))) }
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
        let found = Finding::of(FindingKind::Myoma, (level(least), level(most)));
        Finding { class: Some(class), size_mm: self.size_mm, ..found }
    }
}

impl Adhesions {
    /// The least and the most that the score of the American Fertility Society may be: what is not known has as many points as
    /// fit. Nothing, if none of it is known.
    fn afs_span(self) -> Option<(u8, u8)> {
        let extent = self.extent.map(|it| match it {
            AdhesionExtent::UnderOneThird => 1,
            AdhesionExtent::OneToTwoThirds => 2,
            AdhesionExtent::OverTwoThirds => 4,
        });
        let kind = self.kind.map(|it| match it {
            AdhesionKind::Filmy => 1,
            AdhesionKind::FilmyAndDense => 2,
            AdhesionKind::Dense => 4,
        });
        let menses = self.menses.map(|it| match it {
            Menses::Normal => 0,
            Menses::Hypomenorrhoea => 2,
            Menses::Amenorrhoea => 4,
        });
        extent.or(kind).or(menses)?;
        let spans = [span(extent, 1, 4), span(kind, 1, 4), span(menses, 0, 4)];
        Some(spans.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1)))
    }

    /// The score of the American Fertility Society, if all of it is known.
    pub(super) fn afs(self) -> Option<(u8, AfsStage)> {
        let (least, most) = self.afs_span()?;
        certain(least, most).map(|score| (score, AfsStage::of(score)))
    }

    /// In words of the two systems, as far as they are known: `AFS ≥ II (≥ 8)` if something is missing for the score.
    fn class(self) -> Option<String> {
        let by_score = self.afs_span().map(|(least, most)| {
            let (from, until) = (AfsStage::of(least), AfsStage::of(most));
            match (least == most, from == until) {
                (true, _) => format!("AFS {from:?} ({least})"),
                (false, true) => format!("AFS {from:?} (≥ {least})"),
                (false, false) => format!("AFS ≥ {from:?} (≥ {least})"),
            }
        });
        let names: Vec<_> =
            by_score.into_iter().chain(self.esge.map(|grade| format!("ESH {grade:?}"))).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The heavier of both systems decides. Where the surgeon has graded, what is missing for the score is not waited for.
    pub(super) fn finding(self) -> Finding {
        let by_score =
            self.afs_span().map(|(least, most)| (AfsStage::of(least).level(), AfsStage::of(most).level()));
        let by_grade = self.esge.map(|grade| match grade {
            EsgeGrade::I => Level::Minor,
            EsgeGrade::II | EsgeGrade::IIa => Level::Moderate,
            EsgeGrade::III | EsgeGrade::IIIa | EsgeGrade::IIIb | EsgeGrade::IV => Level::Severe,
        });
        let (least, most) = by_score.unwrap_or((Level::Minor, Level::Severe));
        let span = match by_grade {
            Some(grade) if by_score.is_none() => (grade, grade),
            Some(grade) => (grade.max(least), grade.max(least)),
            None => (least, most),
        };
        Finding { class: self.class(), ..Finding::of(FindingKind::Adhesions, span) }
    }

    /// Of which only is said that they are there.
    pub(super) fn undescribed() -> Finding {
        Self { extent: None, kind: None, menses: None, esge: None }.finding()
    }
}

impl AfsStage {
    const fn of(score: u8) -> Self {
        match score {
            ..=4 => Self::I,
            5..=8 => Self::II,
            _ => Self::III,
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::I => Level::Minor,
            Self::II => Level::Moderate,
            Self::III => Level::Severe,
        }
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
        let by_class = match class {
            Some(UterineClass::U0) => return None,
            Some(UterineClass::U1c) => (Level::Minor, Level::Minor),
            Some(UterineClass::U2a | UterineClass::U3) => (Level::Moderate, Level::Moderate),
            Some(UterineClass::U2b) => (Level::Severe, Level::Severe),
            Some(UterineClass::U2) => (Level::Moderate, Level::Severe),
            // More than half of the wall is a septum or a second body; complete is the worst of them.
            None if self.wall_mm.is_some() => (Level::Moderate, Level::Severe),
            None => (Level::Minor, Level::Severe),
        };
        let least = if self.is_deep() { Level::Moderate } else { Level::Minor };
        let class = class.map(|class| format!("ESHRE/ESGE {class:?}"));
        let found = Finding::of(FindingKind::Septum, (by_class.0.max(least), by_class.1.max(least)));
        Some(Finding { class, size_mm: Some(self.indentation_mm), ..found })
    }

    /// As deep as the American Society for Reproductive Medicine asks of a septum; its angle is not known here.
    pub(super) fn is_deep(self) -> bool {
        self.indentation_mm > ASRM_DEPTH
    }

    /// Of which only is said that it is there.
    pub(super) fn undescribed() -> Finding {
        Finding::of(FindingKind::Septum, (Level::Minor, Level::Severe))
    }
}

impl Endometrium {
    pub(super) fn finding(self) -> Option<Finding> {
        let kind = match self {
            Self::Regular => return None,
            Self::SuspectedHyperplasia => FindingKind::Hyperplasia,
            Self::Atrophic => FindingKind::Atrophy,
        };
        Some(Finding::of(kind, (Level::Moderate, Level::Moderate)))
    }
}

/// Any sign is enough to look for plasma cells.
pub(super) fn endometritis() -> Finding {
    Finding::of(FindingKind::Endometritis, (Level::Moderate, Level::Moderate))
}
