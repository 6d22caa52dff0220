//! What an analyte is: its names, codes, units, and where it is shown.

use crate::clinic::laboratory::{
    flags::Sex,
    units::{Dimension, conversion::Bridge},
};

/// What a value of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number with a unit of one of these dimensions.
    Quantity(&'static [Dimension]),
    /// A number without a unit.
    Bare,
    /// A word: negative, positive, carrier.
    Finding,
    /// A number or a word.
    QuantityOrFinding(&'static [Dimension]),
    /// A karyotype in ISCN.
    Karyotype,
}

/// The part of a report in which a name means this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Blood, and everything that is called by its full name.
    General,
    /// A semen analysis: there, `volume` is enough.
    Semen,
    /// Urine: nothing of it is read.
    Urine,
}

/// The group a value is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Of reproduction.
    ReproductiveHormone,
    /// Those that men and women have one range each of.
    Androgen,
    /// The thyroid and its antibodies.
    Thyroid,
    /// Semen analysis.
    Semen,
    /// Blood count.
    BloodCount,
    /// Sugar and insulin.
    Sugar,
    /// Iron and vitamins.
    Nutrition,
    /// Serology.
    Infection,
    /// Mutations and karyotype.
    Genetics,
    /// Ovaries by ultrasound.
    OvarianUltrasound,
    /// Uterus by ultrasound.
    UterineUltrasound,
}

/// Something that is measured.
#[derive(Debug, PartialEq, Eq)]
pub struct Analyte {
    /// Ours: stable, in small letters.
    pub code: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Where it is shown.
    pub group: Group,
    /// As people type it, without accents and signs.
    pub names: &'static [&'static str],
    /// As it is called in a semen analysis only.
    pub names_in_semen: &'static [&'static str],
    /// By dimension.
    pub loinc: &'static [(Dimension, &'static str)],
    /// For findings.
    pub loinc_finding: Option<&'static str>,
    /// How its dimensions are converted into each other.
    pub bridge: Option<Bridge>,
    /// Whether a bare U is an International Unit here.
    pub has_international_unit: bool,
}

impl Analyte {
    pub(super) const fn new(
        code: &'static str,
        group: Group,
        kind: Kind,
        names: &'static [&'static str],
    ) -> Self {
        Self {
            code,
            kind,
            group,
            names,
            names_in_semen: &[],
            loinc: &[],
            loinc_finding: None,
            bridge: None,
            has_international_unit: false,
        }
    }

    pub(super) const fn loinc(self, loinc: &'static [(Dimension, &'static str)]) -> Self {
        Self { loinc, ..self }
    }

    pub(super) const fn loinc_finding(self, code: &'static str) -> Self {
        Self { loinc_finding: Some(code), ..self }
    }

    pub(super) const fn bridge(self, bridge: Bridge) -> Self {
        Self { bridge: Some(bridge), ..self }
    }

    pub(super) const fn international(self) -> Self {
        Self { has_international_unit: true, ..self }
    }

    pub(super) const fn in_semen(self, names_in_semen: &'static [&'static str]) -> Self {
        Self { names_in_semen, ..self }
    }

    /// The LOINC code of a value in a dimension.
    pub fn loinc_of(&self, dimension: Dimension) -> Option<&'static str> {
        self.loinc.iter().find(|(it, _)| *it == dimension).map(|(_, code)| *code)
    }

    /// Whether it can be measured in a dimension.
    pub fn is_measured_in(&self, dimension: Dimension) -> bool {
        match self.kind {
            Kind::Quantity(dimensions) | Kind::QuantityOrFinding(dimensions) => {
                dimensions.contains(&dimension)
            }
            Kind::Bare => matches!(dimension, Dimension::Index | Dimension::Number),
            Kind::Finding | Kind::Karyotype => false,
        }
    }

    /// Who alone can have it: what is measured of semen is a man's, what is seen of ovaries and uterus a woman's.
    pub const fn only_of(&self) -> Option<Sex> {
        match self.group {
            Group::Semen => Some(Sex::Male),
            Group::OvarianUltrasound | Group::UterineUltrasound => Some(Sex::Female),
            _ => None,
        }
    }

    /// Whether its name says it all: whatever stands behind it, it is told.
    pub fn is_sentence(&self) -> bool {
        self.code == "azoospermia"
    }

    /// Whether it is an antibody, and may be called so.
    pub fn is_antibody(&self) -> bool {
        const OTHERS: [&str; 2] = ["anti_tpo", "anti_tg"];
        let is_serology = self.group == Group::Infection && !matches!(self.code, "hbsag" | "chlamydia");
        is_serology || OTHERS.contains(&self.code)
    }

    /// Whether words can be its value.
    pub const fn takes_findings(&self) -> bool {
        matches!(self.kind, Kind::Finding | Kind::QuantityOrFinding(_))
    }

    /// Whether numbers can be its value.
    pub const fn takes_numbers(&self) -> bool {
        matches!(self.kind, Kind::Quantity(_) | Kind::QuantityOrFinding(_) | Kind::Bare)
    }
}
