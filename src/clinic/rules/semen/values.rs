//! What a laboratory gives, what is refused, and what follows from it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clinic::rules::checks::{Checks, Refused};

/// Total and concentration times volume may differ so much, as a part: each is rounded by itself.
const PRODUCT_TOLERANCE: f64 = 0.05;
/// The same in millions, for small numbers.
const PRODUCT_TOLERANCE_MILLION: f64 = 1.0;
/// Parts of motility are whole per cents: their sum may miss the whole by this.
const SUM_TOLERANCE: f64 = 2.0;
/// Who moves lives. Two counts of 200 may still differ so much (WHO 2021, acceptable differences of two percentages).
const VITALITY_TOLERANCE: f64 = 10.0;

/// Spermatozoa in the pellet, looked for when the fresh preparation showed none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SemenPellet)]
pub enum Pellet {
    /// None there either.
    Absent,
    /// Some.
    Present,
}

/// Values of an examination; each may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SemenInput)]
pub struct Semen {
    /// Of the ejaculate; 0 is none.
    pub volume_ml: Option<f64>,
    /// Of the semen.
    pub ph: Option<f64>,
    /// Millions of spermatozoa per mL.
    pub concentration_million_per_ml: Option<f64>,
    /// Millions of spermatozoa in the ejaculate.
    pub total_million: Option<f64>,
    /// Progressive and non-progressive, of 100.
    pub total_motility_percent: Option<f64>,
    /// Moving on, of 100.
    pub progressive_percent: Option<f64>,
    /// Moving on the spot, of 100.
    pub non_progressive_percent: Option<f64>,
    /// Not moving, of 100.
    pub immotile_percent: Option<f64>,
    /// Alive, of 100.
    pub vitality_percent: Option<f64>,
    /// Of typical morphology, of 100.
    pub normal_forms_percent: Option<f64>,
    /// Millions of peroxidase-positive cells per mL.
    pub leukocytes_million_per_ml: Option<f64>,
    /// Days of abstinence before.
    pub abstinence_days: Option<f64>,
    /// Until it was liquid.
    pub liquefaction_minutes: Option<f64>,
    /// What centrifuging showed.
    pub pellet: Option<Pellet>,
}

/// A value, and whether it follows from others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    pub(super) value: f64,
    pub(super) is_derived: bool,
}

/// What is given and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Derived {
    pub(super) total: Option<Known>,
    pub(super) concentration: Option<Known>,
    pub(super) motility: Option<Known>,
    pub(super) progressive: Option<Known>,
    pub(super) non_progressive: Option<Known>,
    pub(super) immotile: Option<Known>,
    pub(super) total_progressive: Option<Known>,
}

/// Two decimals: 2.6 × 15 is 39.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The same of millions; of a few, each one counts: some are never none.
fn rounded_millions(value: f64) -> f64 {
    let single = (value * 1e6).round() / 1e6;
    [rounded(value), single].into_iter().find(|it| *it > 0.0).unwrap_or(value)
}

fn or_derived(given: Option<f64>, derived: Option<f64>, rounded: fn(f64) -> f64) -> Option<Known> {
    let given = given.map(|value| Known { value, is_derived: false });
    given.or_else(|| derived.map(|value| Known { value: rounded(value), is_derived: true }))
}

fn both<T>(a: Option<f64>, b: Option<f64>, then: impl FnOnce(f64, f64) -> T) -> Option<T> {
    Some(then(a?, b?))
}

impl Semen {
    /// Whether the fresh preparation showed none.
    pub(super) fn has_none(&self) -> bool {
        self.concentration_million_per_ml == Some(0.0) || self.total_million == Some(0.0)
    }

    fn motile_of_100(&self) -> Option<f64> {
        let sum = both(self.progressive_percent, self.non_progressive_percent, |a, b| a + b);
        self.total_motility_percent.or(sum)
    }

    pub(super) fn check(&self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        self.check_bounds(&mut checks);
        self.check_numbers(&mut checks);
        self.check_motility(&mut checks);
        self.check_absence(&mut checks);
        checks.end()
    }

    fn check_bounds(&self, checks: &mut Checks) {
        checks.number("/volume_ml", self.volume_ml, 0.0..=20.0);
        checks.number("/ph", self.ph, 4.0..=10.0);
        checks.number("/concentration_million_per_ml", self.concentration_million_per_ml, 0.0..=1000.0);
        checks.number("/total_million", self.total_million, 0.0..=20_000.0);
        for (pointer, value) in self.percentages() {
            checks.number(pointer, value, 0.0..=100.0);
        }
        checks.number("/leukocytes_million_per_ml", self.leukocytes_million_per_ml, 0.0..=500.0);
        checks.number("/abstinence_days", self.abstinence_days, 0.0..=3650.0);
        checks.number("/liquefaction_minutes", self.liquefaction_minutes, 0.0..=1440.0);
    }

    const fn percentages(&self) -> [(&'static str, Option<f64>); 6] {
        [
            ("/total_motility_percent", self.total_motility_percent),
            ("/progressive_percent", self.progressive_percent),
            ("/non_progressive_percent", self.non_progressive_percent),
            ("/immotile_percent", self.immotile_percent),
            ("/vitality_percent", self.vitality_percent),
            ("/normal_forms_percent", self.normal_forms_percent),
        ]
    }

    fn check_numbers(&self, checks: &mut Checks) {
        let product = both(self.volume_ml, self.concentration_million_per_ml, |a, b| a * b);
        let differs = both(product, self.total_million, |product, total| {
            (product - total).abs() > (total * PRODUCT_TOLERANCE).max(PRODUCT_TOLERANCE_MILLION)
        });
        checks.contradiction(differs == Some(true), "/total_million", "/concentration_million_per_ml");
        // Without a volume there is no product, but some of nothing is still a contradiction.
        let zeros =
            both(self.total_million, self.concentration_million_per_ml, |a, b| (a > 0.0) != (b > 0.0));
        let is_new = zeros == Some(true) && differs != Some(true);
        checks.contradiction(is_new, "/total_million", "/concentration_million_per_ml");
    }

    fn check_motility(&self, checks: &mut Checks) {
        let more = |a, b| both(a, b, |a, b| a > b) == Some(true);
        let (total, progressive) = (self.total_motility_percent, self.progressive_percent);
        let non_progressive = self.non_progressive_percent;
        let is_progressive_more = more(progressive, total);
        let is_non_progressive_more = more(non_progressive, total);
        checks.contradiction(is_progressive_more, "/progressive_percent", "/total_motility_percent");
        checks.contradiction(is_non_progressive_more, "/non_progressive_percent", "/total_motility_percent");
        let sum = both(progressive, non_progressive, |a, b| a + b);
        let differs = both(sum, total, |sum, total| (sum - total).abs() > SUM_TOLERANCE) == Some(true);
        let is_new = differs && !is_progressive_more && !is_non_progressive_more;
        checks.contradiction(is_new, "/total_motility_percent", "/non_progressive_percent");
        let is_sum_over = total.is_none() && sum.is_some_and(|sum| sum > 100.0 + SUM_TOLERANCE);
        checks.contradiction(is_sum_over, "/non_progressive_percent", "/progressive_percent");

        // What is known of the motile ones may already be too much beside the immotile ones.
        let motile = self.motile_of_100();
        let is_whole = motile.is_some();
        let wrong =
            both(motile.or(progressive).or(non_progressive), self.immotile_percent, |motile, rest| {
                let over = motile + rest - 100.0;
                over > SUM_TOLERANCE || (is_whole && over < -SUM_TOLERANCE)
            });
        let beside = if total.is_some() { "/total_motility_percent" } else { "/progressive_percent" };
        checks.contradiction(wrong == Some(true), "/immotile_percent", beside);
        let living = both(self.vitality_percent, motile.or(progressive), |living, moving| {
            moving > living + VITALITY_TOLERANCE
        });
        checks.contradiction(living == Some(true), "/vitality_percent", beside);
    }

    /// Of nothing, there are no parts.
    fn check_absence(&self, checks: &mut Checks) {
        if self.volume_ml == Some(0.0) {
            let numbers = [
                ("/concentration_million_per_ml", self.concentration_million_per_ml),
                ("/total_million", self.total_million.filter(|total| *total > 0.0)),
                ("/ph", self.ph),
                ("/leukocytes_million_per_ml", self.leukocytes_million_per_ml),
                ("/liquefaction_minutes", self.liquefaction_minutes),
            ];
            for (pointer, value) in numbers.into_iter().chain(self.percentages()) {
                checks.contradiction(value.is_some(), pointer, "/volume_ml");
            }
            checks.contradiction(self.pellet.is_some(), "/pellet", "/volume_ml");
            return;
        }
        let other =
            if self.total_million == Some(0.0) { "/total_million" } else { "/concentration_million_per_ml" };
        if self.has_none() && self.pellet != Some(Pellet::Present) {
            for (pointer, value) in self.percentages() {
                checks.contradiction(value.is_some(), pointer, other);
            }
        }
        let has_some = self.concentration_million_per_ml.or(self.total_million).is_some_and(|it| it > 0.0);
        checks.contradiction(has_some && self.pellet == Some(Pellet::Absent), "/pellet", other);
    }

    pub(super) fn derive(&self) -> Derived {
        let none = self.has_none().then_some(0.0);
        let (volume, concentration) = (self.volume_ml, self.concentration_million_per_ml);
        let product = both(volume, concentration, |a, b| a * b);
        let quotient =
            both(self.total_million, volume.filter(|it| *it > 0.0), |total, volume| total / volume);
        let motility = self.motile_of_100().or(self.immotile_percent.map(|rest| 100.0 - rest));
        let (progressive, non_progressive) = (self.progressive_percent, self.non_progressive_percent);
        // A difference of rounded numbers may be just below nothing.
        let rest = |whole, part| both(whole, part, |whole, part| f64::max(whole - part, 0.0));
        let of_100 = |given, derived| or_derived(given, derived, rounded);
        let millions = |given, derived| or_derived(given, derived, rounded_millions);
        let total = millions(self.total_million, none.or(product));
        let progressive = of_100(progressive, rest(motility, non_progressive));
        let total_progressive =
            both(total.map(|it| it.value), progressive.map(|it| it.value), |total, of_100| {
                total * of_100 / 100.0
            });
        Derived {
            total,
            concentration: millions(concentration, none.or(quotient)),
            motility: of_100(self.total_motility_percent, motility),
            progressive,
            non_progressive: of_100(non_progressive, rest(motility, self.progressive_percent)),
            immotile: of_100(self.immotile_percent, motility.map(|it| f64::max(100.0 - it, 0.0))),
            total_progressive: millions(None, total_progressive),
        }
    }
}
