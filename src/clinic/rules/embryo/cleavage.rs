//! Day 1 to 4.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EmbryoAnalysis, Quality};
use crate::clinic::rules::{
    checks::{Checks, Refused},
    explained::Explained,
    references::Reference,
    sentences::Sentence,
    unknown::{certain, span},
};

/// The method, with its version.
const METHOD: &str = "sportello.embryo.cleavage/2";
/// The method for day 4.
const MORULA: &str = "sportello.embryo.morula/1";
/// Cells of the days 1, 2 and 3.
const EXPECTED: [f64; 3] = [2.0, 4.0, 8.0];
/// Classes A, B and C: at least so many per cent of the expected cells, at most so many of fragments.
const CLASSES: [(Quality, f64, f64); 3] =
    [(Quality::Excellent, 80.0, 10.0), (Quality::Good, 60.0, 25.0), (Quality::Fair, 40.0, 50.0)];
/// Istanbul: mild fragmentation is less.
const MILD: f64 = 10.0;
/// Istanbul: severe fragmentation is more.
const SEVERE: f64 = 25.0;

/// Sizes of the cells; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EmbryoCellSizes)]
pub enum CellSizes {
    /// All as belongs to the stage.
    Even,
    /// Most.
    MostlyEven,
    /// Not.
    Uneven,
}

/// How much of a morula has compacted; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MorulaCompaction)]
pub enum Compaction {
    /// Virtually all of it.
    Whole,
    /// Most of it.
    Most,
    /// Less than half.
    LessThanHalf,
}

/// What is seen on day 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CleavageInput)]
pub struct Cleavage {
    /// Day after insemination, 1 to 3.
    pub day: u16,
    /// Cells.
    pub cells: Option<u16>,
    /// Fragments, of 100 of the volume.
    pub fragmentation_percent: Option<f64>,
    /// Sizes of the cells.
    pub cell_sizes: Option<CellSizes>,
    /// Whether a cell has more than one nucleus.
    pub is_multinucleated: Option<bool>,
}

/// One way the embryo may be.
#[derive(Clone, Copy)]
struct Case {
    cells_percent: f64,
    fragments: f64,
    sizes: CellSizes,
    is_multinucleated: bool,
}

impl Case {
    fn quality(self) -> Quality {
        let is_even = self.sizes == CellSizes::Even;
        let is_class = |(quality, cells, fragments): &(Quality, f64, f64)| {
            self.cells_percent >= *cells
                && self.fragments <= *fragments
                && (*quality != Quality::Excellent || is_even)
                && (*quality == Quality::Fair || !self.is_multinucleated)
        };
        CLASSES.iter().find(|class| is_class(class)).map_or(Quality::Poor, |(quality, ..)| *quality)
    }

    fn istanbul(self) -> u8 {
        let fragments = match self.fragments {
            it if it < MILD => 1,
            it if it <= SEVERE => 2,
            _ => 3,
        };
        let sizes = match self.sizes {
            CellSizes::Even => 1,
            CellSizes::MostlyEven => 2,
            CellSizes::Uneven => 3,
        };
        let nuclei = if self.is_multinucleated { 3 } else { 1 };
        fragments.max(sizes).max(nuclei)
    }
}

impl Cleavage {
    pub(super) const fn has_finding(&self) -> bool {
        self.cells.is_some()
            || self.fragmentation_percent.is_some()
            || self.cell_sizes.is_some()
            || self.is_multinucleated.is_some()
    }

    fn check(&self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        checks.count("/day", Some(self.day), 1..=3);
        checks.count("/cells", self.cells, 1..=16);
        checks.number("/fragmentation_percent", self.fragmentation_percent, 0.0..=100.0);
        // One cell has nothing to be uneven with.
        let is_uneven = self.cell_sizes.is_some_and(|it| it != CellSizes::Even);
        checks.contradiction(self.cells == Some(1) && is_uneven, "/cell_sizes", "/cells");
        checks.end()
    }

    fn cells_percent(&self) -> Option<f64> {
        let expected = EXPECTED.get(usize::from(self.day).checked_sub(1)?)?;
        self.cells.map(|cells| f64::from(cells) / expected * 100.0)
    }

    /// The best and the worst it may be.
    fn cases(&self) -> (Case, Case) {
        let cells = span(self.cells_percent(), f64::INFINITY, 0.0);
        let fragments = span(self.fragmentation_percent, 0.0, 100.0);
        let sizes = span(self.cell_sizes, CellSizes::Even, CellSizes::Uneven);
        let nuclei = span(self.is_multinucleated, false, true);
        let case = |cells_percent, fragments, sizes, is_multinucleated| Case {
            cells_percent,
            fragments,
            sizes,
            is_multinucleated,
        };
        (case(cells.0, fragments.0, sizes.0, nuclei.0), case(cells.1, fragments.1, sizes.1, nuclei.1))
    }
}

pub(super) fn analyse(embryo: &Cleavage) -> Result<EmbryoAnalysis, Refused> {
    embryo.check()?;
    let mut explained = Explained::new(
        METHOD,
        &[Reference::Istanbul2011, Reference::Istanbul2025, Reference::ThisSoftware],
        &[Sentence::EmbryoLooksOnly, Sentence::EmbryoHours],
    );
    let (best, worst) = embryo.cases();
    let quality = certain(best.quality(), worst.quality());
    let istanbul = certain(best.istanbul(), worst.istanbul());
    let is_open = quality.is_none() || istanbul.is_none();
    explained.lacks(quality.is_none() && embryo.cells.is_none(), "/cells");
    explained.lacks(is_open && embryo.fragmentation_percent.is_none(), "/fragmentation_percent");
    explained.lacks(is_open && embryo.cell_sizes.is_none(), "/cell_sizes");
    explained.lacks(is_open && embryo.is_multinucleated.is_none(), "/is_multinucleated");
    say_class(quality, &mut explained);
    let cells = embryo.cells_percent();
    explained.say_if(cells.is_some_and(|it| it < 100.0), Sentence::EmbryoFewCells);
    explained.say_if(cells.is_some_and(|it| it > 100.0), Sentence::EmbryoManyCells);
    explained.say_if(embryo.fragmentation_percent.is_some_and(|it| it > SEVERE), Sentence::EmbryoFragments);
    explained.say_if(embryo.cell_sizes == Some(CellSizes::Uneven), Sentence::EmbryoUneven);
    explained.say_if(embryo.is_multinucleated == Some(true), Sentence::EmbryoMultinucleated);
    Ok(EmbryoAnalysis {
        istanbul,
        cells_percent: cells,
        quality_at_best: Some(best.quality()),
        quality_at_worst: Some(worst.quality()),
        istanbul_at_best: Some(best.istanbul()),
        istanbul_at_worst: Some(worst.istanbul()),
        ..EmbryoAnalysis::of(quality, explained)
    })
}

pub(super) fn say_class(quality: Option<Quality>, explained: &mut Explained) {
    if let Some(quality) = quality {
        explained.say(match quality {
            Quality::Excellent => Sentence::EmbryoExcellent,
            Quality::Good => Sentence::EmbryoGood,
            Quality::Fair => Sentence::EmbryoFair,
            Quality::Poor => Sentence::EmbryoPoor,
        });
    }
}

pub(super) fn morula(compaction: Option<Compaction>) -> EmbryoAnalysis {
    let mut explained = Explained::new(
        MORULA,
        &[Reference::Istanbul2011, Reference::Istanbul2025, Reference::ThisSoftware],
        &[Sentence::EmbryoLooksOnly, Sentence::EmbryoHours],
    );
    let (quality, istanbul) = match compaction {
        Some(Compaction::Whole) => (Some(Quality::Good), Some(1)),
        Some(Compaction::Most) => (Some(Quality::Fair), Some(2)),
        Some(Compaction::LessThanHalf) => (Some(Quality::Poor), Some(3)),
        None => (None, None),
    };
    explained.lacks(compaction.is_none(), "/compaction");
    say_class(quality, &mut explained);
    EmbryoAnalysis {
        istanbul,
        istanbul_at_best: istanbul,
        istanbul_at_worst: istanbul,
        ..EmbryoAnalysis::of(quality, explained)
    }
}
