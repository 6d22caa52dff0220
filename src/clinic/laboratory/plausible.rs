//! Numbers that cannot be: beyond what exists, or as easily a thousand times another number.
//!
//! This is no judgement of a patient. A number beyond these bounds is a slip of the pen, of the reader or of the unit, and
//! nothing is computed from it.
//!
//! Invariant: what a number breaks is a bound of its own analyte in [`super::bounds`], in whatever unit it was printed.

use std::cmp::Ordering;

use super::{
    bounds::{BOUNDS, Bound, PART},
    decimal::{Convention, Decimal},
    names::{Analyte, Group},
    ranges::Range,
    units::{Dimension, Unit, conversion, spelling},
};

/// The bound that a number breaks, if there is one. Without a unit nothing is known of a hormone; of semen there is but one
/// in use, and of what is counted there is none. A number that is only a bound, `< 0.01`, is none that was told from 0.
pub fn broken(
    analyte: &Analyte,
    number: Decimal,
    is_bound: bool,
    unit: Option<&Unit>,
) -> Option<&'static Bound> {
    let is_part = analyte.is_measured_in(Dimension::Fraction)
        && unit.map_or(analyte.group == Group::Semen, |it| it.dimension() == Dimension::Fraction);
    let of = |code: &'static str| BOUNDS.iter().filter(move |it| it.code == code);
    let mut bounds = of(analyte.code).chain(of(PART).filter(|_| is_part));
    let (bound, is_within) =
        bounds.find_map(|it| Some((it, is_within(it, analyte, number, is_bound, unit)?)))?;
    (!is_within).then_some(bound)
}

/// Whether a number lies within a bound; nothing, if there is no way into its unit.
fn is_within(
    bound: &Bound,
    analyte: &Analyte,
    number: Decimal,
    is_bound: bool,
    unit: Option<&Unit>,
) -> Option<bool> {
    let compared = match unit {
        _ if bound.unit.is_empty() => number,
        Some(unit) => {
            let to = spelling::read_code(bound.unit)?;
            match conversion::convert(number, unit, &to, analyte.bridge) {
                Some(it) => it,
                // A number too large to be converted is too large.
                None if unit.dimension() == to.dimension() => return Some(false),
                None => return None,
            }
        }
        None if analyte.group == Group::Semen => number,
        None => return None,
    };
    Some(bound.holds(compared, is_bound))
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
    use crate::clinic::laboratory::names::by_code;

    fn is_possible(code: &str, number: &str, unit: &str) -> bool {
        let number = Decimal::read(number, Convention::Point).unwrap();
        let unit = (!unit.is_empty()).then(|| spelling::read_code(unit).unwrap());
        broken(by_code(code).unwrap(), number, false, unit.as_ref()).is_none()
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
            ("haematocrit", "0.85", "L/L"),
            ("hba1c", "120", "mmol/mol"),
            ("hba1c", "14", "%"),
            ("fsh", "0", "m[IU]/mL"),
            ("fsh", "0.05", "m[IU]/mL"),
            ("fsh", "50", "m[IU]/L"),
            ("prolactin", "300", "m[IU]/L"),
            ("haemoglobin", "131", "g/L"),
            ("leukocytes", "6.1", "10*3/uL"),
            ("leukocytes", "6100", "/uL"),
            ("platelets", "250000", "/uL"),
            ("shbg", "5", "mg/L"),
            ("anti_tpo", "600", "k[IU]/L"),
            ("beta_hcg", "0", "m[IU]/mL"),
            ("sperm_morphology_normal", "0", "%"),
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
            ("haematocrit", "86", "%"),
            ("haematocrit", "0.41", "%"),
            ("hba1c", "38", "%"),
            ("fsh", "7.2", "m[IU]/L"),
            ("lh", "5.1", "u[IU]/mL"),
            ("prolactin", "15", "ng/L"),
            ("prolactin", "0.4", "m[IU]/L"),
            ("estradiol", "45", "pg/L"),
            ("insulin", "8.5", "u[IU]/L"),
            ("haemoglobin", "131", "g/dL"),
            ("haemoglobin", "0", "g/dL"),
            ("leukocytes", "6100", "10*3/uL"),
            ("leukocytes", "6.1", "/uL"),
            ("platelets", "250", "/uL"),
            ("glucose", "0.95", "mg/dL"),
            ("shbg", "50", "g/L"),
            ("iron", "90", "g/L"),
            ("iron", "16", "mol/L"),
            ("tsh", "999999999999", "[IU]/mL"),
        ] {
            assert!(!is_possible(code, more, unit), "{more} {unit} of {code}");
        }
        assert!(is_possible("amh", "120", ""), "of which unit is not known");
    }

    #[test]
    fn what_is_less_than_a_method_can_tell_may_be_said_to_be_less() {
        let less = Decimal::read("0.01", Convention::Point).unwrap();
        let unit = spelling::read_code("m[IU]/mL");
        let fsh = by_code("fsh").unwrap();
        assert!(broken(fsh, less, true, unit.as_ref()).is_none(), "less than that: an assay may say so");
        assert!(broken(fsh, less, false, unit.as_ref()).is_some());
    }
}
