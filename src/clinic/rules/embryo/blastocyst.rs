//! Day 5 to 7.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EmbryoAnalysis, Quality, cleavage::say_class};
use crate::clinic::rules::{
    checks::{Checks, Refused},
    explained::Explained,
    references::Reference,
    sentences::Sentence,
    unknown::{certain, span},
};

/// The method, with its version.
const METHOD: &str = "sportello.embryo.blastocyst/1";
/// From here on, Gardner has letters.
const LETTERS_FROM: u16 = 3;

/// Gardner's letters; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = GardnerLetter)]
pub enum Letter {
    /// Many cells, tightly packed; a cohesive epithelium.
    A,
    /// Several cells, loosely grouped; a loose epithelium.
    B,
    /// Very few cells.
    C,
}

/// What is seen on day 5 to 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BlastocystInput)]
pub struct Blastocyst {
    /// Day after insemination, 5 to 7; its class does not depend on it.
    pub day: Option<u16>,
    /// 1 early to 6 hatched.
    pub expansion: Option<u16>,
    /// Inner cell mass.
    pub inner_cell_mass: Option<Letter>,
    /// Trophectoderm.
    pub trophectoderm: Option<Letter>,
}

impl Blastocyst {
    pub(super) const fn has_finding(self) -> bool {
        self.expansion.is_some() || self.inner_cell_mass.is_some() || self.trophectoderm.is_some()
    }

    fn check(self) -> Result<(), Refused> {
        let mut checks = Checks::default();
        checks.count("/day", self.day, 5..=7);
        checks.count("/expansion", self.expansion, 1..=6);
        let is_early = self.expansion == Some(1);
        checks.contradiction(is_early && self.inner_cell_mass.is_some(), "/inner_cell_mass", "/expansion");
        checks.contradiction(is_early && self.trophectoderm.is_some(), "/trophectoderm", "/expansion");
        checks.end()
    }

    /// Whether it is too early for letters, and none are given.
    fn is_to_be_seen_again(self) -> bool {
        let has_letters = self.inner_cell_mass.is_some() || self.trophectoderm.is_some();
        self.expansion.is_some_and(|it| it < LETTERS_FROM) && !has_letters
    }

    fn quality(self) -> Option<Quality> {
        if self.is_to_be_seen_again() {
            return None;
        }
        // An unknown expansion is 2 at least if there are letters.
        let expansion = span(self.expansion, 6, 2);
        let mass = span(self.inner_cell_mass, Letter::A, Letter::C);
        let epithelium = span(self.trophectoderm, Letter::A, Letter::C);
        certain(class(expansion.0, mass.0, epithelium.0), class(expansion.1, mass.1, epithelium.1))
    }

    fn gardner(self) -> Option<String> {
        let mut name = self.expansion?.to_string();
        match (self.inner_cell_mass, self.trophectoderm) {
            (Some(mass), Some(epithelium)) => {
                write!(name, "{mass:?}{epithelium:?}").expect("writing to a String cannot fail");
            }
            _ if self.is_to_be_seen_again() => {}
            _ => return None,
        }
        Some(name)
    }
}

fn class(expansion: u16, mass: Letter, epithelium: Letter) -> Quality {
    let (better, worse) = (mass.min(epithelium), mass.max(epithelium));
    match expansion {
        4.. if worse == Letter::A => Quality::Excellent,
        3.. if worse <= Letter::B => Quality::Good,
        2.. if better <= Letter::B => Quality::Fair,
        _ => Quality::Poor,
    }
}

pub(super) fn analyse(embryo: Blastocyst) -> Result<EmbryoAnalysis, Refused> {
    embryo.check()?;
    let mut explained = Explained::new(
        METHOD,
        &[Reference::Gardner1999, Reference::Istanbul2011, Reference::Istanbul2025, Reference::ThisSoftware],
        &[Sentence::EmbryoLooksOnly, Sentence::EmbryoHours],
    );
    let quality = embryo.quality();
    explained.lacks(quality.is_none() && embryo.expansion.is_none(), "/expansion");
    explained.lacks(quality.is_none() && embryo.inner_cell_mass.is_none(), "/inner_cell_mass");
    explained.lacks(quality.is_none() && embryo.trophectoderm.is_none(), "/trophectoderm");
    explained.say_if(embryo.is_to_be_seen_again(), Sentence::EmbryoSeeAgain);
    say_class(quality, &mut explained);
    Ok(EmbryoAnalysis { gardner: embryo.gardner(), ..EmbryoAnalysis::of(quality, explained) })
}
