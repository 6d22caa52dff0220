//! Laboratory values from the text of a report: pure functions, no database, no clock.
//!
//! Reading order: [`report`] (what comes out), [`grammar`] (how a row is understood), [`names`] and [`units`] (what can
//! stand in it), [`dates`], [`decimal`], [`ranges`], [`bands`], [`bounds`], [`plausible`], [`flags`], [`confidence`], [`domains`],
//! [`corroboration`] (of pictures), [`identity`] (whose it is).
//!
//! The software supports clinicians and does not diagnose: a flag is the laboratory's range applied to the laboratory's
//! number, nothing more.
//!
//! Invariants
//! - Nothing is invented. What is not understood as a whole is absent, and said to be unread if it was named.
//! - Of a picture only what two readings of it say is taken.
//! - How well this works is measured, on a corpus of which a third was held back while the rules were written:
//!   `tests/corpus/clinic/README.md` and the tests here.

pub mod bands;
pub mod bounds;
pub mod confidence;
pub mod corroboration;
pub mod dates;
pub mod decimal;
pub mod domains;
pub mod flags;
pub mod grammar;
pub mod identity;
pub mod names;
pub mod plausible;
pub mod ranges;
pub mod report;
pub mod units;

#[cfg(test)]
mod tests;
