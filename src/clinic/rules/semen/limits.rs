//! Table 8.3 of the WHO manual of 2021, and its consensus values.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SemenParameter {
    /// Of the ejaculate.
    Volume,
    /// In the whole ejaculate.
    TotalNumber,
    /// In a millilitre.
    Concentration,
    /// Progressive and non-progressive.
    TotalMotility,
    /// Moving on.
    Progressive,
    /// Moving on the spot.
    NonProgressive,
    /// Not moving.
    Immotile,
    /// Alive.
    Vitality,
    /// Typical morphology.
    NormalForms,
    /// Of the semen.
    Ph,
    /// Peroxidase-positive.
    Leukocytes,
    /// Progressive ones in the whole ejaculate: computed, WHO has no limit for it.
    TotalProgressive,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SemenPosition)]
pub enum Position {
    /// As of most men whose partners conceived.
    Within,
    /// Below the fifth centile, or on the wrong side of a consensus value.
    Outside,
    /// Nothing is judged by it.
    NotJudged,
}

/// A fifth centile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowerLimit {
    /// Of what.
    pub parameter: SemenParameter,
    /// The fifth centile.
    pub limit: f64,
    /// Its 95 % confidence interval: from
    pub from: f64,
    /// and until.
    pub until: f64,
    /// The fiftieth centile of the same men.
    pub median: f64,
    /// Whether less is judged as too little.
    pub is_judged: bool,
}

const fn row(
    parameter: SemenParameter,
    limit: f64,
    (from, until): (f64, f64),
    median: f64,
    is_judged: bool,
) -> LowerLimit {
    LowerLimit { parameter, limit, from, until, median, is_judged }
}

/// Table 8.3.
pub const LIMITS: [LowerLimit; 9] = [
    row(SemenParameter::Volume, 1.4, (1.3, 1.5), 3.0, true),
    row(SemenParameter::TotalNumber, 39.0, (35.0, 40.0), 210.0, true),
    row(SemenParameter::Concentration, 16.0, (15.0, 18.0), 66.0, true),
    row(SemenParameter::TotalMotility, 42.0, (40.0, 43.0), 64.0, true),
    row(SemenParameter::Progressive, 30.0, (29.0, 31.0), 55.0, true),
    row(SemenParameter::NonProgressive, 1.0, (1.0, 1.0), 8.0, false),
    row(SemenParameter::Immotile, 20.0, (19.0, 20.0), 37.0, false),
    row(SemenParameter::Vitality, 54.0, (50.0, 56.0), 78.0, true),
    row(SemenParameter::NormalForms, 4.0, (3.9, 4.0), 14.0, true),
];

/// Consensus: pH is above it.
pub(super) const PH: f64 = 7.2;
/// Consensus: peroxidase-positive leukocytes are fewer, in millions per mL.
pub(super) const LEUKOCYTES: f64 = 1.0;

impl SemenParameter {
    /// UCUM.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Volume => "mL",
            Self::TotalNumber | Self::TotalProgressive => "10*6",
            Self::Concentration | Self::Leukocytes => "10*6/mL",
            Self::Ph => "[pH]",
            Self::TotalMotility
            | Self::Progressive
            | Self::NonProgressive
            | Self::Immotile
            | Self::Vitality
            | Self::NormalForms => "%",
        }
    }

    /// Its line in table 8.3.
    pub fn limit(self) -> Option<&'static LowerLimit> {
        LIMITS.iter().find(|it| it.parameter == self)
    }

    /// Where a value of it stands.
    pub fn position(self, value: f64) -> Position {
        let is_within = match (self, self.limit()) {
            (Self::Ph, _) => value > PH,
            (Self::Leukocytes, _) => value < LEUKOCYTES,
            (_, Some(it)) if it.is_judged => value >= it.limit,
            _ => return Position::NotJudged,
        };
        if is_within { Position::Within } else { Position::Outside }
    }
}
