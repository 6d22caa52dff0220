//! Numbers that cannot be: beyond what exists, or as easily a thousand times another number.
//!
//! This is no judgement of a patient. A number beyond these bounds is a slip of the pen, of the reader or of the unit, and
//! nothing is computed from it.
//!
//! Invariant: a bound is far beyond the most that was ever reported of a living person, so that no true value is refused.

use std::cmp::Ordering;

use super::{
    decimal::{Convention, Decimal},
    names::{Analyte, Group},
    ranges::Range,
    units::{Dimension, Unit, conversion, spelling},
};

/// Between what a person can have.
#[derive(Debug, PartialEq, Eq)]
pub struct Bound {
    code: &'static str,
    /// In UCUM; empty for a bare number.
    unit: &'static str,
    least: u32,
    most: u32,
}

const fn bound(code: &'static str, unit: &'static str, most: u32) -> Bound {
    Bound { code, unit, least: 0, most }
}

/// All are conventions of this software, beside each what it keeps its distance from.
const BOUNDS: [Bound; 20] = [
    // Menopause and ovarian failure: up to about 150 IU/L (ranges that laboratories print end at 135).
    bound("fsh", "m[IU]/mL", 300),
    // The peak of ovulation: up to about 100 IU/L.
    bound("lh", "m[IU]/mL", 300),
    // Ovarian hyperstimulation: several thousand pg/mL; the end of pregnancy: up to about 40,000.
    bound("estradiol", "pg/mL", 50_000),
    // The end of pregnancy: up to about 300 ng/mL.
    bound("progesterone", "ng/mL", 1_000),
    // Polycystic ovaries: up to about 30 ng/mL.
    bound("amh", "ng/mL", 100),
    // Large prolactinomas: several thousand ng/mL.
    bound("prolactin", "ng/mL", 20_000),
    // Untreated hypothyroidism: several hundred mIU/L.
    bound("tsh", "m[IU]/L", 1_000),
    // Men under treatment: up to about 20 ng/mL.
    bound("testosterone", "ng/mL", 100),
    // Hyperspermia begins at 6 mL.
    bound("semen_volume", "mL", 20),
    // WHO 2021: the 95th percentile of fertile men is about 250 million/mL.
    bound("sperm_concentration", "10*6/mL", 1_000),
    // The two above, multiplied.
    bound("sperm_total", "10*6", 20_000),
    // Semen lies between 6 and 9; a strip reads no further.
    Bound { code: "semen_ph", unit: "", least: 4, most: 10 },
    // Polycystic ovaries: up to about 80 in both.
    bound("afc", "", 200),
    bound("afc_left", "", 100),
    bound("afc_right", "", 100),
    // Ovaries that are stimulated too much: several hundred mL.
    bound("ovary_volume_left", "mL", 2_000),
    bound("ovary_volume_right", "mL", 2_000),
    // What is larger is a cyst.
    bound("dominant_follicle", "mm", 200),
    // Cancer and polyps: up to about 50 mm.
    bound("endometrial_thickness", "mm", 100),
    // Years of abstinence are written down as such, days are not.
    bound("semen_abstinence", "d", 3_650),
];

/// No part is more than the whole.
const PARTS: Bound = bound("", "%", 100);

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "between {} and {}", self.least, self.most)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

/// The bound that a number breaks, if there is one. Without a unit nothing is known of a hormone; of semen there is but one
/// in use, and of what is counted there is none.
pub fn broken(analyte: &Analyte, number: Decimal, unit: Option<&Unit>) -> Option<&'static Bound> {
    let is_part = analyte.is_measured_in(Dimension::Fraction)
        && unit.map_or(analyte.group == Group::Semen, |it| it.dimension() == Dimension::Fraction);
    let bound = if is_part { &PARTS } else { BOUNDS.iter().find(|it| it.code == analyte.code)? };
    let compared = match unit {
        Some(unit) if !bound.unit.is_empty() => {
            // A number too large to be converted is too large.
            let to = spelling::read_code(bound.unit)?;
            match conversion::convert(number, unit, &to, analyte.bridge) {
                Some(it) => it,
                None if unit.dimension() == to.dimension() => return Some(bound),
                None => return None,
            }
        }
        None if analyte.group != Group::Semen && !bound.unit.is_empty() => return None,
        _ => number,
    };
    let is_within = compared.compare(Decimal::whole(bound.least)) != Ordering::Less
        && compared.compare(Decimal::whole(bound.most)) != Ordering::Greater;
    (!is_within).then_some(bound)
}

/// A value may be so many times beyond its range and still be read without doubt.
const NEAR: f64 = 20.0;

/// Hormones of which there are thousands as often as not. The range of hCG is that of those who are not pregnant.
const THOUSANDS: [&str; 2] = ["beta_hcg", "estradiol"];
/// Its range does not say how much of it there may be.
const UNBOUNDED: &str = "beta_hcg";

/// Whether a number with one mark and three digits behind it, which the convention of its report reads in one way, may as
/// well be meant in the other. Its own range decides: what lies near it was meant. If both do, or neither, thousands are
/// believed of cells only, and decimals if a thousand times more were still further away. Without a range, decimals are
/// believed of everything, and thousands of cells and [`THOUSANDS`].
pub fn is_ambiguous(written: &str, convention: Convention, ranges: &[Range], analyte: &Analyte) -> bool {
    let ways = (Decimal::read(written, convention), Decimal::read(written, convention.other()));
    let (Some(meant), Some(other)) = ways else { return false };
    if meant.equals(other) {
        return false;
    }
    let is_thousands = meant.compare(other) == Ordering::Greater;
    let is_of_cells = analyte.group == Group::BloodCount;
    let ranges = if analyte.code == UNBOUNDED { &[] } else { ranges };
    match (is_near(meant, ranges), is_near(other, ranges)) {
        (Some(true), Some(false)) => false,
        (Some(false), Some(true)) => true,
        (Some(is_near), Some(_)) if !is_thousands => is_near || !is_above(meant, ranges),
        (Some(_), Some(_)) => !is_of_cells,
        _ => is_thousands && !is_of_cells && !THOUSANDS.contains(&analyte.code),
    }
}

/// Whether a number lies above one of the ranges.
fn is_above(number: Decimal, ranges: &[Range]) -> bool {
    ranges.iter().any(|it| it.high.is_some_and(|high| number.compare(high) == Ordering::Greater))
}

/// Whether a number lies near one of the ranges; nothing, without any that has an end.
fn is_near(number: Decimal, ranges: &[Range]) -> Option<bool> {
    let number = number.to_f64();
    let ended: Vec<&Range> = ranges.iter().filter(|it| it.low.is_some() || it.high.is_some()).collect();
    let is_near = |it: &&Range| {
        it.low.is_none_or(|low| number * NEAR >= low.to_f64())
            && it.high.is_none_or(|high| number <= high.to_f64() * NEAR)
    };
    (!ended.is_empty()).then(|| ended.iter().any(is_near))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::names::{all, by_code};

    fn is_possible(code: &str, number: &str, unit: &str) -> bool {
        let number = Decimal::read(number, Convention::Point).unwrap();
        let unit = (!unit.is_empty()).then(|| spelling::read_code(unit).unwrap());
        broken(by_code(code).unwrap(), number, unit.as_ref()).is_none()
    }

    #[test]
    fn every_bound_is_of_something_in_a_unit_of_it() {
        for it in &BOUNDS {
            let analyte = by_code(it.code).unwrap_or_else(|| panic!("{}", it.code));
            let is_bare = it.unit.is_empty();
            let is_its = || analyte.is_measured_in(spelling::read_code(it.unit).unwrap().dimension());
            assert!(is_bare || is_its(), "{}", it.code);
            assert!(it.least < it.most);
        }
        assert!(all().any(|it| it.is_measured_in(Dimension::Fraction)));
    }

    #[test]
    fn what_can_be_read_or_entered_can_be_graded() {
        use crate::clinic::rules::{
            follicle::{self, FollicleScan, Ovary},
            semen::{self, Semen},
        };
        let most = |code: &str| Some(f64::from(BOUNDS.iter().find(|it| it.code == code).unwrap().most));
        for it in [
            Semen { volume_ml: most("semen_volume"), ph: most("semen_ph"), ..Semen::default() },
            Semen { concentration_million_per_ml: most("sperm_concentration"), ..Semen::default() },
            Semen { total_million: most("sperm_total"), ..Semen::default() },
            Semen { abstinence_days: most("semen_abstinence"), ph: Some(4.0), ..Semen::default() },
        ] {
            assert!(semen::analyse(&it).is_ok(), "{it:?}");
        }
        let whole = |code: &str| most(code).map(|it| it as u16);
        let ovary = |side: &str| Ovary {
            antral_follicles: whole(&format!("afc_{side}")),
            volume_ml: most(&format!("ovary_volume_{side}")),
            follicles_mm: most("dominant_follicle").into_iter().collect(),
        };
        let scan = FollicleScan {
            left: Some(ovary("left")),
            right: Some(ovary("right")),
            total_antral_follicles: whole("afc"),
            cycle_day: None,
        };
        assert_eq!(follicle::analyse(&scan).err(), None);
    }

    #[test]
    fn what_cannot_be_is_told_in_every_unit() {
        for (code, most, unit) in [
            ("tsh", "1000", "m[IU]/L"),
            ("tsh", "1000", "u[IU]/mL"),
            ("tsh", "1", "m[IU]/mL"),
            ("amh", "100", "ng/mL"),
            ("amh", "714", "pmol/L"),
            ("fsh", "300", "[IU]/L"),
            ("estradiol", "183000", "pmol/L"),
            ("semen_volume", "20", ""),
            ("semen_ph", "10", ""),
            ("sperm_motility_progressive", "100", "%"),
            ("sperm_vitality", "100", ""),
            ("afc", "200", ""),
            ("dominant_follicle", "20", "cm"),
            ("endometrial_thickness", "100", ""),
            ("haematocrit", "1", "L/L"),
            ("hba1c", "120", "mmol/mol"),
        ] {
            assert!(is_possible(code, most, unit), "{most} {unit} of {code}");
        }
        for (code, more, unit) in [
            ("tsh", "1000.1", "m[IU]/L"),
            ("tsh", "2.15", "m[IU]/mL"),
            ("amh", "1050", "pmol/L"),
            ("estradiol", "184000", "pmol/L"),
            ("semen_volume", "21", ""),
            ("semen_ph", "77", ""),
            ("semen_ph", "3.9", ""),
            ("sperm_motility_progressive", "140", "%"),
            ("sperm_vitality", "100.5", ""),
            ("afc", "201", ""),
            ("dominant_follicle", "21", "cm"),
            ("haematocrit", "1.1", "L/L"),
            ("tsh", "999999999999", "[IU]/mL"),
        ] {
            assert!(!is_possible(code, more, unit), "{more} {unit} of {code}");
        }
        assert!(is_possible("amh", "120", ""), "of which unit is not known");
    }
}
