//! Templates of acts: what the text of a deed is made from.
//!
//! Reading order: [`markup`] (what a body may say), [`fields`] (what is filled from the act), [`built_in`] (for offices
//! without templates of their own), [`template`] (those of an office).
//!
//! Invariants
//! - A body is data: a small markup of headings, paragraphs, items and bold, and fields `{{name}}`. What fills a field is text
//!   and never read as markup.
//! - A template does not change: a new text is a new version. Of an office and a type of act one at most is active.

pub mod built_in;
pub mod fields;
pub mod markup;
pub mod template;
