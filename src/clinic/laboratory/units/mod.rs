//! Units: what laboratories print, what UCUM calls it, and what can be converted into what.
//!
//! Reading order: [`spelling`] (a printed unit understood), [`molar`] (molar masses from formulas), [`conversion`]
//! (one analyte's value in another unit).
//!
//! Source of the codes: The Unified Code for Units of Measure, version 2.1 (Schadow, McDonald; Regenstrief Institute).
//!
//! Invariants
//! - A unit is its UCUM code, its dimension and its exact size; nothing else is compared.
//! - An International Unit is converted into a mass or an amount only for the analyte for which a standard says how.

pub mod conversion;
pub mod molar;
pub mod spelling;

use std::fmt;

use super::decimal::Factor;

/// What a unit measures. Concentrations are by volume of the specimen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Grams by litre.
    Mass,
    /// Moles by litre.
    Amount,
    /// International Units by litre: biological activity against a WHO standard.
    Activity,
    /// Units of one maker's own by litre: not comparable with another's.
    Arbitrary,
    /// Cells by litre.
    Count,
    /// Cells, follicles.
    Number,
    /// Parts of a whole.
    Fraction,
    /// Moles by mole.
    AmountFraction,
    /// Litres: of an ejaculate, an ovary, one cell.
    Volume,
    /// Grams: in one cell.
    CellMass,
    /// Metres.
    Length,
    /// Minutes.
    Time,
    /// A ratio to a cut-off, or an index of a maker's own.
    Index,
}

/// A unit that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    ucum: String,
    dimension: Dimension,
    /// How many of the dimension's own unit it is.
    size: Factor,
    /// Written with U: an International Unit for hormones that have one, else a maker's own.
    has_no_standard: bool,
}

impl Unit {
    /// UCUM, case sensitive.
    pub fn ucum(&self) -> &str {
        &self.ucum
    }

    /// What it measures.
    pub const fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// How many of the dimension's own unit (g/L, mol/L, \[IU\]/L, 1/L, 1, L, g, m, min) it is.
    pub const fn size(&self) -> Factor {
        self.size
    }

    /// As a unit of a maker's own, if it was printed as U and the analyte has no International Unit; nothing, if UCUM has no
    /// code for it.
    pub(super) fn without_standard(self) -> Option<Self> {
        if self.has_no_standard && self.dimension == Dimension::Activity {
            let ucum = arbitrary(self.ucum.replace("[IU]", "[arb'U]"), self.size)?;
            Some(Self { ucum, dimension: Dimension::Arbitrary, ..self })
        } else {
            Some(self)
        }
    }
}

/// A unit of a maker's own with its prefix written into the volume: UCUM allows it no prefix.
fn arbitrary(ucum: String, size: Factor) -> Option<String> {
    if ucum.starts_with('[') {
        return Some(ucum);
    }
    let volumes = [(0, "L"), (1, "dL"), (3, "mL"), (6, "uL"), (9, "nL")];
    let (_, volume) = volumes.into_iter().find(|(power, _)| Factor::power(*power) == size)?;
    Some(format!("[arb'U]/{volume}"))
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ucum)
    }
}
