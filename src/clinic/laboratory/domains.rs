//! Which domains of the fertility score a value speaks of.
//!
//! Speaking of a domain is not counting in it: what counts, and how, is decided by the score.

use super::{
    flags::Sex,
    names::{Analyte, Group},
};
use crate::clinic::rules::score::Domain;

/// Analytes that are measures of the ovarian reserve.
const RESERVE: [&str; 4] = ["amh", "fsh", "estradiol", "inhibin_b"];

/// The domains of an analyte, for a person of a sex. Without the sex, hormones of reproduction are just hormones.
pub fn of(analyte: &Analyte, sex: Option<Sex>) -> &'static [Domain] {
    let is_reserve = RESERVE.contains(&analyte.code);
    match (analyte.group, sex) {
        (Group::Semen, _) => &[Domain::Male],
        (Group::ReproductiveHormone | Group::Androgen, Some(Sex::Male)) => &[Domain::Male, Domain::Hormonal],
        (Group::ReproductiveHormone, Some(Sex::Female)) if is_reserve => &[Domain::Ovarian, Domain::Hormonal],
        (Group::ReproductiveHormone | Group::Androgen | Group::Thyroid | Group::Sugar, _) => {
            &[Domain::Hormonal]
        }
        (Group::OvarianUltrasound, _) => &[Domain::Ovarian],
        (Group::UterineUltrasound, _) => &[Domain::Uterine],
        (Group::Genetics, _) => &[Domain::Genetic],
        (Group::Nutrition, _) => &[Domain::Lifestyle],
        // They are safety checks before treatment: no part of the score. Nothing that a laboratory measures speaks of the
        // tubes.
        (Group::BloodCount | Group::Infection, _) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::names::by_code;

    #[test]
    fn the_same_hormone_speaks_of_different_things() {
        let domains = |code, sex| of(by_code(code).unwrap(), sex);
        assert_eq!(domains("fsh", Some(Sex::Female)), [Domain::Ovarian, Domain::Hormonal]);
        assert_eq!(domains("fsh", Some(Sex::Male)), [Domain::Male, Domain::Hormonal]);
        assert_eq!(domains("fsh", None), [Domain::Hormonal]);
        assert_eq!(domains("progesterone", Some(Sex::Female)), [Domain::Hormonal]);
        assert_eq!(domains("sperm_concentration", None), [Domain::Male]);
        assert_eq!(domains("endometrial_thickness", Some(Sex::Female)), [Domain::Uterine]);
        assert_eq!(domains("cftr", None), [Domain::Genetic]);
        assert_eq!(domains("tsh", Some(Sex::Male)), [Domain::Hormonal]);
        assert_eq!(domains("vitamin_d", None), [Domain::Lifestyle]);
        assert_eq!(domains("haemoglobin", None), [] as [Domain; 0]);
    }
}
