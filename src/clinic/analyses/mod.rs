//! Graded analyses: entered by form, found in a document, or asked for by another system; each kept with what was given,
//! what came out, and the method that said so.
//!
//! Reading order: [`graded`] (an input of a kind, and its result), [`analysis`] (written down, changed, withdrawn), [`list`]
//! (how they are read).
//!
//! Invariants
//! - Every analysis is written down by [`analysis::insert`], after [`crate::clinic::patients::entries`] has locked the record and
//!   `Content::unfit` has found nothing against it.
//! - What was given and what came out are never changed, but by another analysis of the same document: a mistake is withdrawn,
//!   stays readable, and counts no more. The values of a document that its analysis was made of count no more with it.
//! - A document has one analysis of a kind, or of each oocyte and embryo that it describes, however often it is analysed; one that
//!   was withdrawn stays withdrawn.

// First: the others use its macros.
#[macro_use]
pub mod analysis;

pub mod graded;
pub mod list;

pub use analysis::{GradedAnalysis, InDocument, NewAnalysis, Source};
pub use graded::{Graded, Input, Kind};
