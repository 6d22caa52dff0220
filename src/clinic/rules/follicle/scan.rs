//! What an ultrasound shows, and what is refused.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clinic::rules::checks::{Checks, Refused};

/// Antral follicles are as large, in mm.
pub const ANTRAL: RangeInclusive<f64> = 2.0..=10.0;
/// Follicles that are measured in one ovary.
const MEASURED_MAX: usize = 60;

/// One ovary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = OvaryInput)]
pub struct Ovary {
    /// Follicles of 2 to 10 mm.
    pub antral_follicles: Option<u16>,
    /// Volume.
    pub volume_ml: Option<f64>,
    /// Diameters of those that were measured, in any order.
    pub follicles_mm: Vec<f64>,
}

/// Both, and when.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FollicleInput)]
pub struct FollicleScan {
    /// The left one, if it was seen.
    pub left: Option<Ovary>,
    /// The right one, if it was seen.
    pub right: Option<Ovary>,
    /// Antral follicles of both together.
    pub total_antral_follicles: Option<u16>,
    /// Day of the cycle, 1 is the first of bleeding.
    pub cycle_day: Option<u16>,
}

impl Ovary {
    fn check(&self, name: &str, checks: &mut Checks) {
        checks.count(&format!("/{name}/antral_follicles"), self.antral_follicles, 0..=100);
        checks.number(&format!("/{name}/volume_ml"), self.volume_ml, 0.1..=2000.0);
        checks.length(&format!("/{name}/follicles_mm"), self.follicles_mm.len(), MEASURED_MAX);
        for (index, size) in self.follicles_mm.iter().take(MEASURED_MAX).enumerate() {
            checks.number(&format!("/{name}/follicles_mm/{index}"), Some(*size), 1.0..=200.0);
        }
        let is_more = self.antral_follicles.is_some_and(|counted| self.measured() > counted);
        let pointer = format!("/{name}/follicles_mm");
        checks.contradiction(is_more, &pointer, &format!("/{name}/antral_follicles"));
    }

    /// Antral follicles among those that were measured.
    fn measured(&self) -> u16 {
        self.follicles_mm.iter().take(MEASURED_MAX).filter(|size| ANTRAL.contains(size)).count() as u16
    }

    /// There are so many antral follicles at least.
    fn least(&self) -> u16 {
        self.antral_follicles.unwrap_or_else(|| self.measured())
    }
}

impl FollicleScan {
    pub(super) fn check(&self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        for (name, ovary) in [("left", &self.left), ("right", &self.right)] {
            if let Some(ovary) = ovary {
                ovary.check(name, &mut checks);
            }
        }
        checks.count("/total_antral_follicles", self.total_antral_follicles, 0..=200);
        checks.count("/cycle_day", self.cycle_day, 1..=120);
        let counted = |ovary: &Option<Ovary>| ovary.as_ref().and_then(|it| it.antral_follicles);
        let (left, right) = (counted(&self.left), counted(&self.right));
        let differs = self.total_antral_follicles.is_some_and(|total| {
            let sum = self.ovaries().fold(0_u16, |sum, it| sum.saturating_add(it.least()));
            if left.is_some() && right.is_some() { sum != total } else { sum > total }
        });
        let other = match (left, right) {
            (Some(_), _) => "/left/antral_follicles",
            (None, Some(_)) => "/right/antral_follicles",
            (None, None) if self.left.is_some() => "/left/follicles_mm",
            (None, None) => "/right/follicles_mm",
        };
        checks.contradiction(differs, "/total_antral_follicles", other);
        checks.end()
    }

    /// Both ovaries together; of one alone, nothing is said.
    pub(super) fn total(&self) -> Option<u16> {
        let counted = |ovary: &Option<Ovary>| ovary.as_ref()?.antral_follicles;
        let sum = || Some(counted(&self.left)?.saturating_add(counted(&self.right)?));
        self.total_antral_follicles.or_else(sum)
    }

    pub(super) fn ovaries(&self) -> impl Iterator<Item = &Ovary> {
        self.left.iter().chain(&self.right)
    }

    /// All that were measured.
    pub(super) fn sizes(&self) -> impl Iterator<Item = f64> {
        self.ovaries().flat_map(|it| it.follicles_mm.iter().copied())
    }
}
