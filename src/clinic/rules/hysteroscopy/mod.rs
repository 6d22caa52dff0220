//! A hysteroscopy: what was found in the cavity, classed by the systems that surgeons use.
//!
//! Sources: myomas by FIGO 0 to 8 (Munro 2018), adhesions by the score of the American Fertility Society 1988 (extent, kind,
//! menses: 1 to 4 mild, 5 to 8 moderate, 9 to 12 severe) and the grades of the European Society of Hysteroscopy as the AAGL
//! and ESGE report of 2017 lists them, septa by ESHRE/ESGE 2013 (an indentation of more than half of the wall is a septum;
//! which, depends on whether it reaches the internal os; without the outer contour, a septum cannot be told from a
//! bicorporeal uterus, and hysteroscopy does not see that), signs of chronic endometritis by Cicinelli 2019.
//!
//! The level (none, minor, moderate, severe) is a convention of this software, so that findings of different kinds can be
//! listed by weight; the level of the whole is the worst of all. It is in `findings.rs`, one line each.
//!
//! An indentation of more than 15 mm is as deep as the American Society for Reproductive Medicine asks of a septum (2016; the
//! angle of less than 90 degrees is not seen here): the heavier of the two systems decides, as with adhesions.
//!
//! What is certain is said even if something is missing: the level "at least" is the worst of what each finding is with the best
//! that its missing details could be (of the AFS score the least sum, FIGO 0 to 2 at least moderate, more than half of the wall
//! at least a partial septum). What is missing is named, and can only make it heavier.
//!
//! What was not described is not normal: a cavity is called normal only if it was seen whole and everything was described.
//! The original proposed a biopsy after any finding; here only after those that histology decides (polyp, suspected
//! hyperplasia, signs of endometritis).

mod findings;
mod grade;
mod input;
#[cfg(test)]
mod tests;

pub use findings::{AfsStage, Finding, FindingKind, Level, UterineClass};
pub use grade::{HysteroscopyAnalysis, analyse};
pub use input::{
    AdhesionExtent, AdhesionKind, Adhesions, Endometrium, EsgeGrade, Hysteroscopy, Menses, Myoma, Polyp,
    Septum, Sign,
};
