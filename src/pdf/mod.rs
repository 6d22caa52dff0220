//! PDF documents, made of a layout and values: deeds, reports, and whatever else is handed out on paper.
//!
//! Reading order: [`document`] (what is to be made), [`letters`] (what the fonts can print), [`press`] (how it is made, on the
//! thread that asks). `layouts` are written in typst, each behind `common.typ`; `texts` is the place for what they say, in Italian
//! and English. Who wants a document asks a [`Rendering`], which makes a bounded number at once.
//!
//! Invariants
//! - Values are data, which a layout reads as JSON: nothing that a person has written is ever read as markup or code.
//! - The same document gives the same bytes, whenever and wherever it is made: PDF/A-2b with the fonts of this binary, and the
//!   time that the document says.
//! - No text leaves its place: layouts show what people write through `fit`, which breaks what is too long.
//! - Whatever text comes, something is printed: what no font has is shown as `�`, and [`unprintable`] says so beforehand.

mod document;
mod letters;
mod press;
#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;

pub use document::{BYTES_MAX, Document, Image, Layout};
pub use letters::unprintable;
pub use press::{PressError, print};

/// Why there is no PDF.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Too many wait, or the renderer is being restarted: try again later.
    #[error("no document can be set at the moment")]
    Busy,
    /// It took longer than `pdf.deadline`.
    #[error("setting the document takes too long")]
    Late,
    /// The document itself.
    #[error(transparent)]
    Refused(#[from] PressError),
}

/// Makes PDF documents of what it is given, a bounded number at once.
pub trait Rendering: Sync {
    /// The document as PDF/A-2b.
    fn render(&self, document: Document) -> impl Future<Output = Result<Bytes, RenderError>> + Send;
}
