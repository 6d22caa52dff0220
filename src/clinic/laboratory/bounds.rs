//! What a living person can have of everything that is measured in numbers.
//!
//! All are conventions of this software, beside each what it keeps its distance from.
//!
//! Invariants
//! - A bound is far beyond the most that was ever reported of a living person, so that no true value is refused.
//! - What an analyte is measured in has a bound, or is said to have none in the tests here.

use super::decimal::{Decimal, Factor};

/// Between what a person can have.
#[derive(Debug, PartialEq, Eq)]
pub struct Bound {
    /// The analyte's.
    pub code: &'static str,
    /// In UCUM; empty for a bare number.
    pub unit: &'static str,
    least: Least,
    /// A whole number, in this unit.
    pub most: u32,
}

/// The lower end, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Nobody lives with less.
    Living(u32),
    /// No method tells less from nothing. Nothing itself may be printed, and so may that it is less than a number.
    Told(u32),
}

impl Bound {
    const fn new(code: &'static str, unit: &'static str, most: u32) -> Self {
        Self { code, unit, least: Least::Living(0), most }
    }

    /// Nobody lives with less than so many thousandths.
    const fn from(self, thousandths: u32) -> Self {
        Self { least: Least::Living(thousandths), ..self }
    }

    /// No method tells less than so many thousandths from nothing.
    const fn told_from(self, thousandths: u32) -> Self {
        Self { least: Least::Told(thousandths), ..self }
    }

    /// Whether a number in this unit lies within. One that is only a bound itself says nothing of what a method can tell.
    pub fn holds(&self, number: Decimal, is_bound: bool) -> bool {
        let is_enough = match self.least {
            Least::Told(_) if is_bound || number.equals(Decimal::whole(0)) => true,
            Least::Told(_) | Least::Living(_) => self.least().is_none_or(|it| number.compare(it).is_ge()),
        };
        is_enough && number.compare(Decimal::whole(self.most)).is_le()
    }

    fn least(&self) -> Option<Decimal> {
        let (Least::Living(thousandths) | Least::Told(thousandths)) = self.least;
        Decimal::whole(thousandths).times(Factor::power(-3))
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let least = self.least().unwrap_or(Decimal::whole(0));
        write!(f, "between {least} and {}", self.most)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

const fn bound(code: &'static str, unit: &'static str, most: u32) -> Bound {
    Bound::new(code, unit, most)
}

/// One for each way in which an analyte is measured, unless one can be converted into another.
pub const BOUNDS: [Bound; 61] = [
    // Menopause and ovarian failure: up to about 150 IU/L (ranges that laboratories print end at 135). Assays for adults
    // tell from about 0.05 to 0.3.
    bound("fsh", "m[IU]/mL", 300).told_from(50),
    // The peak of ovulation: up to about 100 IU/L. Assays as above.
    bound("lh", "m[IU]/mL", 300).told_from(50),
    // Ovarian hyperstimulation: several thousand pg/mL; the end of pregnancy: up to about 40,000. Mass spectrometry tells
    // from about 0.5.
    bound("estradiol", "pg/mL", 50_000).told_from(100),
    // The end of pregnancy: up to about 300 ng/mL. Mass spectrometry tells from about 0.01.
    bound("progesterone", "ng/mL", 1_000).told_from(5),
    // Polycystic ovaries: up to about 30 ng/mL. The assays that tell least are for menopause: from about 0.001.
    bound("amh", "ng/mL", 100).told_from(1),
    // Large prolactinomas: several thousand ng/mL. Assays tell from about 0.05.
    bound("prolactin", "ng/mL", 20_000).told_from(40),
    // Tumours of the granulosa: several thousand pg/mL.
    bound("inhibin_b", "pg/mL", 100_000),
    // Moles and choriocarcinoma: several million mIU/mL.
    bound("beta_hcg", "m[IU]/mL", 100_000_000),
    // Cushing's syndrome by ectopic ACTH: a few hundred ug/dL. Assays tell from about 0.02.
    bound("cortisol", "ug/dL", 1_000).told_from(15),
    // Men under treatment: up to about 20 ng/mL. Mass spectrometry tells from about 0.003.
    bound("testosterone", "ng/mL", 100).told_from(2),
    // Men: up to about 50 pg/mL; abuse: several times that.
    bound("free_testosterone", "pg/mL", 2_000),
    // Adrenal hyperplasia: up to about 100 ng/mL.
    bound("androstenedione", "ng/mL", 500),
    // Tumours of the adrenal gland: several thousand ug/dL.
    bound("dheas", "ug/dL", 20_000),
    // Adrenal hyperplasia without treatment: up to about 1,000 ng/mL.
    bound("17_ohp", "ng/mL", 5_000),
    // Pregnancy: up to about 600 nmol/L; in grams about a tenth.
    bound("shbg", "nmol/L", 2_000),
    bound("shbg", "mg/L", 200),
    // Untreated hypothyroidism: several hundred mIU/L. The best assays tell from about 0.001.
    bound("tsh", "m[IU]/L", 1_000).told_from(1),
    // Hyperthyroidism: up to about 50 pg/mL.
    bound("ft3", "pg/mL", 200),
    // Hyperthyroidism and overdose: up to about 25 ng/dL.
    bound("ft4", "ng/dL", 100),
    // Hashimoto's thyroiditis: several ten thousand, when diluted.
    bound("anti_tpo", "[IU]/mL", 1_000_000),
    bound("anti_tpo", "[arb'U]/mL", 1_000_000),
    bound("anti_tg", "[IU]/mL", 1_000_000),
    bound("anti_tg", "[arb'U]/mL", 1_000_000),
    // Antibodies against insulin, overdose: several thousand uIU/mL. Assays tell from about 0.2.
    bound("insulin", "u[IU]/mL", 100_000).told_from(100),
    // Intoxication: up to about 1,500 ng/mL. Mass spectrometry tells from about 1.
    bound("vitamin_d", "ng/mL", 3_000).told_from(500),
    // Leukaemia: several hundred. Counters have two decimals.
    bound("leukocytes", "10*9/L", 2_000).told_from(10),
    // Polycythaemia: up to about 11; the worst anaemia: about 0.3.
    bound("erythrocytes", "10*12/L", 20).from(100),
    // Polycythaemia: up to about 26 g/dL; the worst anaemia that was survived: about 0.7.
    bound("haemoglobin", "g/dL", 30).from(300),
    // Polycythaemia: up to about 75 %; the worst anaemia: about 2.
    bound("haematocrit", "%", 85).from(1_000),
    // Megaloblasts: up to about 160 fL; fragments: about 40.
    bound("mcv", "fL", 300).from(20_000),
    // As above: up to about 50 pg, about 12.
    bound("mch", "pg", 100).from(5_000),
    // Cold agglutinins, which disturb the count: up to about 50 g/dL; lack of iron: about 20.
    bound("mchc", "g/dL", 100).from(10_000),
    // Two populations of cells: up to about 45 %.
    bound("rdw", "%", 80).from(1_000),
    // Thrombocythaemia: several thousand. Counters have whole numbers.
    bound("platelets", "10*9/L", 10_000).told_from(500),
    // Hyperosmolar coma: up to about 2,700 mg/dL; insulinoma and overdose: below 10.
    bound("glucose", "mg/dL", 5_000).from(1_000),
    // Insulin as above with the sugar of a healthy person.
    bound("homa_ir", "", 30_000),
    // Diabetes: up to about 20 %; broken cells: about 2. In mmol/mol, by the master equation, 30 % are about 300.
    bound("hba1c", "%", 30).from(1_000),
    bound("hba1c", "mmol/mol", 300),
    // Haemophagocytosis: several hundred thousand ng/mL. Assays tell from about 0.5.
    bound("ferritin", "ng/mL", 2_000_000).told_from(100),
    // Poisoning: up to about 17,000 ug/dL. Methods tell from a few.
    bound("iron", "ug/dL", 50_000).told_from(500),
    bound("iron", "umol/L", 9_000).told_from(90),
    // Pregnancy and lack of iron: up to about 700 mg/dL.
    bound("transferrin", "mg/dL", 2_000),
    // Injections: more than 100,000 pg/mL. Assays tell from about 50.
    bound("vitamin_b12", "pg/mL", 1_000_000).told_from(5_000),
    bound("vitamin_b12", "pmol/L", 1_000_000).told_from(4_000),
    // Tablets: several hundred ng/mL; within red cells: up to about 2,000. Assays tell from about 0.5.
    bound("folate", "ng/mL", 10_000).told_from(50),
    // Hyperspermia begins at 6 mL.
    bound("semen_volume", "mL", 20),
    // WHO 2021: the 95th percentile of fertile men is about 250 million/mL.
    bound("sperm_concentration", "10*6/mL", 1_000),
    // The two above, multiplied.
    bound("sperm_total", "10*6", 20_000),
    // Semen lies between 6 and 9; a strip reads no further.
    bound("semen_ph", "", 10).from(4_000),
    // What is not liquid after an hour stays so; nobody waits for more than a day.
    bound("semen_liquefaction", "min", 1_440),
    // Pus: up to some hundred million/mL.
    bound("semen_leukocytes", "10*6/mL", 1_000),
    bound("semen_round_cells", "10*6/mL", 1_000),
    // Years of abstinence are written down as such, days are not.
    bound("semen_abstinence", "d", 3_650),
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
    // No part is more than the whole: of every fraction that has no bound of its own.
    bound(PART, "%", 100),
];

/// The code of what is no analyte: any part of a whole.
pub const PART: &str = "";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clinic::laboratory::{
        names::{Group, Kind, all, by_code},
        units::{Dimension, conversion, spelling},
    };

    #[test]
    fn every_bound_is_of_something_in_a_unit_of_it() {
        let mut seen = BTreeSet::new();
        for it in BOUNDS.iter().filter(|it| it.code != PART) {
            let analyte = by_code(it.code).unwrap_or_else(|| panic!("{}", it.code));
            let is_bare = it.unit.is_empty();
            let is_its = || analyte.is_measured_in(spelling::read_code(it.unit).unwrap().dimension());
            assert!(is_bare == (analyte.kind == Kind::Bare) && (is_bare || is_its()), "{}", it.code);
            assert!(it.holds(Decimal::whole(it.most), false), "{}", it.code);
            assert!(seen.insert((it.code, it.unit)), "{} has two", it.code);
        }
    }

    /// Serology: an index is its maker's own, and a titre is diluted until it can be read.
    fn has_none(group: Group, dimension: Dimension) -> bool {
        group == Group::Infection
            && matches!(dimension, Dimension::Index | Dimension::Activity | Dimension::Arbitrary)
    }

    #[test]
    fn everything_that_is_measured_has_a_bound() {
        let bounds = |code: &'static str| BOUNDS.iter().filter(move |it| it.code == code);
        for analyte in all().filter(|it| it.takes_numbers()) {
            let (Kind::Quantity(dimensions) | Kind::QuantityOrFinding(dimensions)) = analyte.kind else {
                assert_eq!(bounds(analyte.code).count(), 1, "{}", analyte.code);
                continue;
            };
            for dimension in dimensions {
                let one = Decimal::whole(1);
                let reaches = |it: &Bound| {
                    let to = spelling::read_code(it.unit).unwrap();
                    let others = BOUNDS.iter().filter_map(|it| spelling::read_code(it.unit));
                    let mut from = others.filter(|it| it.dimension() == *dimension);
                    from.any(|it| conversion::convert(one, &it, &to, analyte.bridge).is_some())
                };
                let is_part = *dimension == Dimension::Fraction;
                let is_there = is_part || bounds(analyte.code).any(reaches);
                assert_ne!(is_there, has_none(analyte.group, *dimension), "{} {dimension:?}", analyte.code);
            }
        }
    }

    #[test]
    fn a_bound_says_between_what() {
        assert_eq!(BOUNDS[0].to_string(), "between 0.05 and 300 m[IU]/mL");
        let said = |code: &str| BOUNDS.iter().find(|it| it.code == code).unwrap().to_string();
        assert_eq!(said("semen_ph"), "between 4 and 10");
        assert_eq!(said("beta_hcg"), "between 0 and 100000000 m[IU]/mL");
    }
}
