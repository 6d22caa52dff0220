//! Rules of the clinic desk that need neither a database nor a clock: what is given decides what comes out.
//!
//! Reading order: [`checks`] (what is refused, with a pointer to it), [`sentences`] and [`references`] (what results say and
//! whom they cite, each in one place), [`explained`] (what every result carries), [`unknown`] (what can be said although
//! something is not known); then the graded analyses [`semen`], [`oocyte`], [`embryo`], [`follicle`], [`hysteroscopy`];
//! [`score`] (the fertility score); [`patient`] (who is who, and who is the same).
//!
//! Invariants
//! - Nothing is invented: what the given values do not say is `None`, and what would be needed to say it is in `missing`.
//! - Values that contradict each other are refused with a JSON pointer, never averaged or guessed right.
//! - Every result names its method with a version, what it rests on, and its limits.
//! - Everything here is a function of its arguments; the day is among them where it matters.

pub mod checks;
pub mod embryo;
pub mod explained;
pub mod follicle;
pub mod hysteroscopy;
pub mod oocyte;
pub mod patient;
pub mod references;
pub mod score;
pub mod semen;
pub mod sentences;
pub mod unknown;
