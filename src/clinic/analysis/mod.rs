//! What is read in a document: from its text to values, domains and findings. Pure, but for what writes the result down.
//!
//! Reading order: [`read`] (everything that a text says), [`findings`] (what is worth a look), [`graded`] (the analyses that
//! its values make up, and those that it describes: [`described`]), [`state`] (how far a document is), [`result`] (all of it written down at once). The steps themselves,
//! and what becomes of a file before it has a text, are the job's: [`crate::jobs::clinic::AnalyseDocument`].
//!
//! Invariants
//! - The same text gives the same result: what was begun by a server that died is ended by another as it would have been.
//! - Nothing is said that the text does not say. What was named and not understood is listed.
//! - A value of a picture is one that two readings of the picture say; what only one says is listed.
//! - The result is one transaction: values, analyses, findings, status, and the end of the job.

pub mod described;
pub mod findings;
pub mod graded;
pub mod read;
pub mod result;
pub mod state;

/// The name of the method, with its version: another one may read something else in the same text.
pub const METHOD: &str = "sportello laboratory grammar 5";
