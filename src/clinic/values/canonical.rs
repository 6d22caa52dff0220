//! One unit for all values of an analyte, so that those of two laboratories are on one line of a chart.
//!
//! It is the unit in which most laboratories here print it, and for what the fertility score counts the unit of its curves.
//! Values in units of a maker's own, and indices, are comparable with nothing: they have no canonical value.

use crate::clinic::laboratory::{
    decimal::Decimal,
    names::{Analyte, Group, Kind},
    units::{Dimension, Unit, conversion, spelling},
};

/// By the analyte's code, as UCUM writes it.
const UNITS: [(&str, &str); 60] = [
    ("fsh", "m[IU]/mL"),
    ("lh", "m[IU]/mL"),
    ("estradiol", "pg/mL"),
    ("progesterone", "ng/mL"),
    ("amh", "ng/mL"),
    ("prolactin", "ng/mL"),
    ("inhibin_b", "pg/mL"),
    ("beta_hcg", "m[IU]/mL"),
    ("cortisol", "ug/dL"),
    ("testosterone", "ng/mL"),
    ("free_testosterone", "pg/mL"),
    ("androstenedione", "ng/mL"),
    ("dheas", "ug/dL"),
    ("17_ohp", "ng/mL"),
    ("shbg", "nmol/L"),
    ("tsh", "m[IU]/L"),
    ("ft3", "pg/mL"),
    ("ft4", "ng/dL"),
    ("anti_tpo", "[IU]/mL"),
    ("anti_tg", "[IU]/mL"),
    ("insulin", "m[IU]/L"),
    ("vitamin_d", "ng/mL"),
    ("leukocytes", "10*3/uL"),
    ("erythrocytes", "10*6/uL"),
    ("haemoglobin", "g/dL"),
    ("haematocrit", "%"),
    ("mcv", "fL"),
    ("mch", "pg"),
    ("mchc", "g/dL"),
    ("rdw", "%"),
    ("platelets", "10*3/uL"),
    ("glucose", "mg/dL"),
    ("hba1c", "%"),
    ("ferritin", "ng/mL"),
    ("iron", "ug/dL"),
    ("transferrin", "mg/dL"),
    ("vitamin_b12", "pg/mL"),
    ("folate", "ng/mL"),
    ("semen_abstinence", "d"),
    ("semen_volume", "mL"),
    ("semen_liquefaction", "min"),
    ("sperm_concentration", "10*6/mL"),
    ("sperm_total", "10*6"),
    ("sperm_motility_total", "%"),
    ("sperm_motility_progressive", "%"),
    ("sperm_motility_nonprogressive", "%"),
    ("sperm_immotile", "%"),
    ("sperm_morphology_normal", "%"),
    ("sperm_vitality", "%"),
    ("semen_leukocytes", "10*6/mL"),
    ("semen_round_cells", "10*6/mL"),
    ("hbs_ab", "m[IU]/mL"),
    ("rubella_igg", "[IU]/mL"),
    ("toxo_igg", "[IU]/mL"),
    ("ovary_volume_right", "mL"),
    ("ovary_volume_left", "mL"),
    ("dominant_follicle", "mm"),
    ("endometrial_thickness", "mm"),
    ("rubella_igm", "[IU]/mL"),
    ("toxo_igm", "[IU]/mL"),
];

/// What UCUM calls a number without a unit.
pub const UNITY: &str = "1";

/// The unit in which all values of an analyte are compared, if there is one.
pub fn unit(analyte: &Analyte) -> Option<&'static str> {
    if analyte.kind == Kind::Bare {
        return Some(UNITY);
    }
    UNITS.iter().find(|(code, _)| *code == analyte.code).map(|(_, unit)| *unit)
}

/// A value in that unit; nothing, if there is no way there.
pub fn of(analyte: &Analyte, number: Decimal, from: Option<&Unit>) -> Option<(Decimal, &'static str)> {
    let to = unit(analyte)?;
    if analyte.kind == Kind::Bare {
        return Some((number, to));
    }
    let from = from?;
    let is_glycated =
        from.dimension() == Dimension::AmountFraction && analyte.group == Group::Sugar && to == "%";
    let found = if is_glycated {
        let usual = spelling::read_code("mmol/mol")?;
        conversion::hba1c_percent(conversion::convert(number, from, &usual, None)?)
    } else {
        conversion::convert(number, from, &spelling::read_code(to)?, analyte.bridge)
    };
    Some((found?, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::{decimal::Convention, names};

    #[test]
    fn every_unit_is_one_in_which_its_analyte_is_measured() {
        for (code, ucum) in UNITS {
            let analyte = names::by_code(code).unwrap_or_else(|| panic!("{code}"));
            let unit = spelling::read_code(ucum).unwrap_or_else(|| panic!("{code}: {ucum}"));
            assert!(analyte.is_measured_in(unit.dimension()), "{code} in {ucum}");
        }
    }

    #[test]
    fn every_quantity_has_one() {
        let without: Vec<_> = names::all()
            .filter(|it| it.takes_numbers() && it.group != Group::Infection && unit(it).is_none())
            .map(|it| it.code)
            .collect();
        assert_eq!(without, [] as [&str; 0]);
    }

    #[test]
    fn values_of_two_laboratories_are_on_one_line() {
        let of = |code: &str, text: &str, ucum: &str| {
            let analyte = names::by_code(code).unwrap();
            let number = Decimal::read(text, Convention::Point).unwrap();
            super::of(analyte, number, spelling::read_code(ucum).as_ref()).map(|(it, _)| it.to_f64())
        };
        let near = |found: Option<f64>, wanted: f64| {
            assert!(found.is_some_and(|it| (it - wanted).abs() < 0.01), "{found:?} {wanted}");
        };
        near(of("amh", "20", "pmol/L"), 2.8);
        near(of("estradiol", "367.12", "pmol/L"), 100.0);
        near(of("hba1c", "42", "mmol/mol"), 5.99);
        near(of("hba1c", "6.1", "%"), 6.1);
        near(of("sperm_concentration", "42.5", "10*9/L"), 42.5);
        near(of("afc", "12", ""), 12.0);
        assert_eq!(of("anti_tpo", "12", "[arb'U]/mL"), None);
        assert_eq!(of("fsh", "7.2", "ng/mL"), None);
    }
}
