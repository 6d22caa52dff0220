//! Molar masses, computed from formulas rather than remembered.
//!
//! Sources: IUPAC/CIAAW, abridged standard atomic weights (2021): H 1.008, C 12.011, N 14.007, O 15.999, S 32.06,
//! I 126.90. Formulas: PubChem, under the number given with each.

use crate::clinic::laboratory::decimal::Factor;

/// How many atoms of each element a molecule has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Formula {
    /// Carbon.
    pub c: u64,
    /// Hydrogen.
    pub h: u64,
    /// Nitrogen.
    pub n: u64,
    /// Oxygen.
    pub o: u64,
    /// Sulphur.
    pub s: u64,
    /// Iodine.
    pub i: u64,
}

/// Carbon, hydrogen and oxygen.
const fn cho(c: u64, h: u64, o: u64) -> Formula {
    Formula { c, h, n: 0, o, s: 0, i: 0 }
}

/// PubChem 5757.
pub const ESTRADIOL: Formula = cho(18, 24, 2);
/// PubChem 5994.
pub const PROGESTERONE: Formula = cho(21, 30, 2);
/// PubChem 6013.
pub const TESTOSTERONE: Formula = cho(19, 28, 2);
/// PubChem 6128.
pub const ANDROSTENEDIONE: Formula = cho(19, 26, 2);
/// PubChem 6238: 17-hydroxyprogesterone.
pub const HYDROXYPROGESTERONE: Formula = cho(21, 30, 3);
/// PubChem 5754.
pub const CORTISOL: Formula = cho(21, 30, 5);
/// PubChem 12594: dehydroepiandrosterone sulfate.
pub const DHEAS: Formula = Formula { s: 1, ..cho(19, 28, 5) };
/// PubChem 5819.
pub const THYROXINE: Formula = Formula { n: 1, i: 4, ..cho(15, 11, 4) };
/// PubChem 5920: liothyronine.
pub const TRIIODOTHYRONINE: Formula = Formula { n: 1, i: 3, ..cho(15, 12, 4) };
/// PubChem 5793.
pub const GLUCOSE: Formula = cho(6, 12, 6);
/// PubChem 5283731: calcifediol, 25-hydroxyvitamin D3.
pub const CALCIFEDIOL: Formula = cho(27, 44, 2);
/// PubChem 135398658: folic acid, by which serum folate is given.
pub const FOLIC_ACID: Formula = Formula { n: 7, ..cho(19, 19, 6) };

/// Thousandths of a gram by mole: every weight above has at most three decimals, so nothing is rounded.
const fn milligrams(formula: Formula) -> u64 {
    formula.c * 12_011
        + formula.h * 1_008
        + formula.n * 14_007
        + formula.o * 15_999
        + formula.s * 32_060
        + formula.i * 126_900
}

/// Moles in a gram.
pub const fn moles_in_gram(formula: Formula) -> Factor {
    Factor { numerator: 1, denominator: milligrams(formula), exponent: 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_are_those_that_are_published() {
        // PubChem's molecular weights, to a tenth of a gram.
        for (formula, tenths) in [
            (ESTRADIOL, 2724),
            (PROGESTERONE, 3145),
            (TESTOSTERONE, 2884),
            (ANDROSTENEDIONE, 2864),
            (HYDROXYPROGESTERONE, 3305),
            (CORTISOL, 3625),
            (DHEAS, 3685),
            (THYROXINE, 7769),
            (TRIIODOTHYRONINE, 6510),
            (GLUCOSE, 1802),
            (CALCIFEDIOL, 4006),
            (FOLIC_ACID, 4414),
        ] {
            assert_eq!((milligrams(formula) + 50) / 100, tenths, "{formula:?}");
        }
    }
}
