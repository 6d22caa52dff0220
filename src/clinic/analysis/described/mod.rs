//! What embryologists and surgeons write in sentences: oocytes by their maturity, embryos, what a hysteroscopy has found.
//!
//! Reading order: [`text`] (what is found, and of which day), [`tokens`] (a line in pieces), [`oocytes`], [`embryos`], [`hysteroscopy`].
//!
//! The grammars are strict: each knows a closed list of words, and a line in which another one stands is not understood. So
//! `nessuna blastocisti 4AB`, `4AA-4BB: ottima qualità` and `MII 73 %` say nothing. What names something and is not understood is
//! told, and never guessed.
//!
//! The day is that of the line, if it has one; else that of the egg retrieval, for embryos with the days that they have lived
//! since (insemination is on the day of the retrieval); else that of the document.
//!
//! Invariants
//! - Nothing is found that is not printed, and everything that is found says where.
//! - The work is linear in the text; at most [`FOUND_MAX`] are found.

mod embryos;
mod hysteroscopy;
mod oocytes;
mod text;
mod tokens;

use text::{Days, Row};
pub use text::{Described, Descriptions, FOUND_MAX, read};
use tokens::{At, Token};

#[cfg(test)]
mod tests;
