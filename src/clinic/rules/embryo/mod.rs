//! An embryo: at cleavage (day 1 to 3), as a morula (day 4) and as a blastocyst (day 5 to 7).
//!
//! Sources: Istanbul consensus 2011, kept in its update of 2025 for what is graded here (expected 2, 4 and 8 cells at 26 ± 1,
//! 44 ± 1 and 68 ± 1 hours; fragmentation below 10 %, 10 to 25 %, above 25 %; cells of the size of their stage; no
//! multinucleation; compaction of a morula), Gardner and Schoolcraft 1999 for blastocysts.
//!
//! Cleavage has two grades. That of the consensus (1 good, 2 fair, 3 poor) is the worst of fragmentation, cell size and
//! nuclei. The quality class (A to D: excellent to poor) is the original's and a convention of this software: A with at least
//! 80 % of the expected cells, at most 10 % fragments, even cells and no multinucleation; B with 60 %, 25 % and no
//! multinucleation; C with 40 % and 50 %; else D. The limits differ on purpose at exactly 10 %: both grades are shown.
//!
//! The consensus asks of a good and of a fair embryo that no multinucleation is seen: whether nuclei were looked at has to be said,
//! "not described" is not "none". Without it, or another sign, the classes and grades between which the embryo lies are said.
//!
//! A morula has the grade of the consensus. Its class, a convention: whole compaction good, most of it fair, less poor.
//!
//! Blastocysts are named after Gardner (expansion, inner cell mass, trophectoderm); letters belong to expansion 3 and more.
//! The quality class, a convention: excellent from expansion 4 with AA; good from 3 with nothing worse than B; fair from 2 with
//! not more than one C; else poor. (The original had good end at 5 and fair at 3: a hatched 6AB came out poor, below 3AB.)
//! Without letters, a blastocyst of expansion 1 or 2 has no class: it is looked at again.
//!
//! "Transfer" is the classes excellent and good, "freeze" fair too, as in the original; neither is a decision.

mod blastocyst;
mod cleavage;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use blastocyst::{Blastocyst, Letter};
pub use cleavage::{CellSizes, Cleavage, Compaction};

use super::{checks::Refused, explained::Explained};

/// What is seen of an embryo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "stage", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = EmbryoInput)]
pub enum Embryo {
    /// Day 1 to 3.
    Cleavage(Cleavage),
    /// Day 4.
    Morula {
        /// How much of it has compacted.
        compaction: Option<Compaction>,
    },
    /// Day 5 to 7.
    Blastocyst(Blastocyst),
}

/// Quality class; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EmbryoQuality)]
pub enum Quality {
    /// A.
    Excellent,
    /// B.
    Good,
    /// C.
    Fair,
    /// D.
    Poor,
}

/// What can be said of an embryo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EmbryoAnalysis {
    /// Quality class, if what is seen says it.
    pub quality: Option<Quality>,
    /// Grade of the Istanbul consensus: 1 good, 2 fair, 3 poor. Not for blastocysts.
    pub istanbul: Option<u8>,
    /// The class with the best that what is missing could be; the same, if it is known. Of blastocysts only then.
    pub quality_at_best: Option<Quality>,
    /// And with the worst.
    pub quality_at_worst: Option<Quality>,
    /// The grade with the best that what is missing could be; the same, if it is known.
    pub istanbul_at_best: Option<u8>,
    /// And with the worst.
    pub istanbul_at_worst: Option<u8>,
    /// Name after Gardner, such as 4AB.
    pub gardner: Option<String>,
    /// Cells of those expected that day, of 100.
    pub cells_percent: Option<f64>,
    /// Of a class that is transferred.
    pub transfer: Option<bool>,
    /// Of a class that is frozen.
    pub freeze: Option<bool>,
    /// Of a class better than poor.
    pub is_viable: Option<bool>,
    /// Why.
    pub explained: Explained,
}

impl Embryo {
    /// Whether anything is said of how it looks.
    pub fn has_finding(&self) -> bool {
        match self {
            Self::Cleavage(it) => it.has_finding(),
            Self::Morula { compaction } => compaction.is_some(),
            Self::Blastocyst(it) => it.has_finding(),
        }
    }
}

/// Grades an embryo.
pub fn analyse(embryo: &Embryo) -> Result<EmbryoAnalysis, Refused> {
    match embryo {
        Embryo::Cleavage(it) => cleavage::analyse(it),
        Embryo::Morula { compaction } => Ok(cleavage::morula(*compaction)),
        Embryo::Blastocyst(it) => blastocyst::analyse(*it),
    }
}

impl EmbryoAnalysis {
    /// With what follows from its class.
    fn of(quality: Option<Quality>, explained: Explained) -> Self {
        Self {
            quality,
            istanbul: None,
            quality_at_best: quality,
            quality_at_worst: quality,
            istanbul_at_best: None,
            istanbul_at_worst: None,
            gardner: None,
            cells_percent: None,
            transfer: quality.map(|it| it <= Quality::Good),
            freeze: quality.map(|it| it <= Quality::Fair),
            is_viable: quality.map(|it| it != Quality::Poor),
            explained,
        }
    }
}
