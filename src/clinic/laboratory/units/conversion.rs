//! One analyte's value in another unit.
//!
//! Within a dimension only the size counts. Between dimensions an analyte needs a *bridge*: its molar mass, or what a
//! standard says of its International Unit.
//!
//! Sources of the bridges that are no molar mass:
//! - AMH: 140 kDa, the mass of the homodimer by which the makers convert (1 ng/mL = 7.14 pmol/L).
//! - Prolactin: WHO third International Standard 84/500: 53 mIU in 2.5 µg, so 1 µg = 21.2 mIU.
//! - Insulin: 1 mIU/L = 6.00 pmol/L (Knopp, Holder-Pearson, Chase: J Diabetes Sci Technol 13
//!   (2019) 597).
//! - HbA1c: the master equation NGSP % = 0.09148 × IFCC mmol/mol + 2.152 (Hoelzel et al.: Clin Chem 50 (2004) 166).

use super::{Dimension, Unit, molar};
use crate::clinic::laboratory::decimal::{Decimal, Factor};

/// What connects two dimensions of one analyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bridge {
    /// Moles from grams by formula.
    Molar(molar::Formula),
    /// Moles from grams by a mass in grams by mole that is agreed.
    AgreedMass(u64),
    /// International Units from grams: so many by gram.
    ActivityOfMass(Factor),
    /// Moles from International Units.
    AmountOfActivity(Factor),
}

/// 21.2 mIU by µg = 21,200 IU by gram.
pub const PROLACTIN: Bridge = Bridge::ActivityOfMass(Factor { numerator: 212, denominator: 1, exponent: 2 });
/// 6.00 pmol by mIU = 6 × 10⁻⁹ mol by IU.
pub const INSULIN: Bridge = Bridge::AmountOfActivity(Factor { numerator: 6, denominator: 1, exponent: -9 });
/// 140 kDa.
pub const AMH: Bridge = Bridge::AgreedMass(140_000);

impl Bridge {
    /// The dimensions it connects and the factor from the first to the second.
    const fn ends(self) -> (Dimension, Dimension, Factor) {
        match self {
            Self::Molar(formula) => (Dimension::Mass, Dimension::Amount, molar::moles_in_gram(formula)),
            Self::AgreedMass(grams) => {
                let factor = Factor { numerator: 1, denominator: grams, exponent: 0 };
                (Dimension::Mass, Dimension::Amount, factor)
            }
            Self::ActivityOfMass(factor) => (Dimension::Mass, Dimension::Activity, factor),
            Self::AmountOfActivity(factor) => (Dimension::Activity, Dimension::Amount, factor),
        }
    }
}

/// The value in another unit; nothing, if there is no way between them for this analyte.
pub fn convert(value: Decimal, from: &Unit, to: &Unit, bridge: Option<Bridge>) -> Option<Decimal> {
    let size = from.size().exponent;
    // Sizes are powers of ten, but for days and hours, which are only converted into each other.
    let across = if from.dimension() == to.dimension() {
        Factor::ONE
    } else {
        let (first, second, factor) = bridge?.ends();
        match (from.dimension(), to.dimension()) {
            (a, b) if (a, b) == (first, second) => factor,
            (a, b) if (a, b) == (second, first) => factor.inverse(),
            _ => return None,
        }
    };
    let whole = Factor {
        numerator: across.numerator * from.size().numerator,
        denominator: across.denominator * to.size().numerator,
        exponent: across.exponent + size - to.size().exponent,
    };
    value.times(whole)
}

/// HbA1c in per cent (NGSP) from mmol/mol (IFCC).
pub fn hba1c_percent(mmol_per_mol: Decimal) -> Option<Decimal> {
    let slope = Factor { numerator: 9148, denominator: 1, exponent: -5 };
    let offset = Decimal::whole(2152).times(Factor::power(-3))?;
    mmol_per_mol.times(slope)?.plus(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::{decimal::Convention, units::spelling};

    fn converted(text: &str, from: &str, to: &str, bridge: Option<Bridge>) -> Option<String> {
        let unit = |it| spelling::read(it).unwrap().0;
        let value = Decimal::read(text, Convention::Point).unwrap();
        convert(value, &unit(from), &unit(to), bridge).map(|it| it.to_string())
    }

    #[test]
    fn published_examples_come_out() {
        let estradiol = Some(Bridge::Molar(molar::ESTRADIOL));
        // 100 pg/mL of estradiol are 367 pmol/L, 10 nmol/L of testosterone 2.88 ng/mL, 90 mg/dL of glucose 5.0 mmol/L.
        assert!(converted("100", "pg/mL", "pmol/L", estradiol).unwrap().starts_with("367.12"));
        let testosterone = Some(Bridge::Molar(molar::TESTOSTERONE));
        assert!(converted("10", "nmol/L", "ng/mL", testosterone).unwrap().starts_with("2.88"));
        let glucose = Some(Bridge::Molar(molar::GLUCOSE));
        assert!(converted("90", "mg/dL", "mmol/L", glucose).unwrap().starts_with("4.995"));
        assert!(converted("1", "ng/mL", "pmol/L", Some(AMH)).unwrap().starts_with("7.1428"));
        assert_eq!(converted("10", "ng/mL", "mIU/L", Some(PROLACTIN)).unwrap(), "212");
        assert_eq!(converted("212", "mIU/L", "ng/mL", Some(PROLACTIN)).unwrap(), "10");
        assert_eq!(converted("7.9", "µUI/mL", "pmol/L", Some(INSULIN)).unwrap(), "47.4");
    }

    #[test]
    fn within_a_dimension_only_the_size_counts() {
        assert_eq!(converted("42.5", "10^6/mL", "10^9/L", None).unwrap(), "42.5");
        assert_eq!(converted("7200", "/mmc", "10^3/µL", None).unwrap(), "7.2");
        assert_eq!(converted("0.39", "L/L", "%", None).unwrap(), "39");
        assert_eq!(converted("3", "days", "hours", None).unwrap(), "72");
        assert_eq!(converted("0.29", "ng/mL", "ng/dL", None).unwrap(), "29");
    }

    #[test]
    fn there_is_no_way_without_a_bridge() {
        assert_eq!(converted("7.2", "mIU/mL", "ng/mL", None), None);
        assert_eq!(converted("7.2", "mIU/mL", "pmol/L", Some(PROLACTIN)), None);
        assert_eq!(converted("7.2", "mm", "mL", Some(AMH)), None);
    }

    #[test]
    fn glycated_haemoglobin_follows_the_master_equation() {
        // 42 mmol/mol are 6.0 %, 53 are 7.0 %.
        let percent = |it| hba1c_percent(Decimal::whole(it)).unwrap().to_string();
        assert!(percent(42).starts_with("5.99"));
        assert_eq!(percent(53), "7.00044");
    }
}
