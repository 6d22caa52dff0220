//! Deeds: the text of an act, drafted from a template, until the one that is signed.
//!
//! Reading order: [`deed`] (what is kept, and who sees it), [`drafting`] (from a template and values to the next draft),
//! [`freezing`] (what asking for the signature needs), [`rendering`] (how it becomes a PDF, also the one that is signed).
//!
//! Invariants
//! - A deed does not change: drafting again makes the next. It keeps its text and what filled it, so that the PDF that is
//!   signed says what the draft said, whatever becomes of the template and of the people.
//! - The signature is asked for a deed that says what the act says at that moment, with nothing missing; from then on it is
//!   frozen, and no other is drafted.

pub mod deed;
pub mod drafting;
pub mod freezing;
pub mod rendering;
