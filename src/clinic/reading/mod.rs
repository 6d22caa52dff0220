//! From a file that somebody sent to the text on its pages, so that the file can hurt nobody.
//!
//! Reading order: [`document`] is what comes out, [`refusal`] why nothing does, [`order`] what a worker is told and
//! [`frames`] what it answers. [`worker`] is the other process: it confines itself, then looks at the file. [`parent`] is
//! this side: it starts workers, feeds them, believes nothing they say, ends them in time, and has pictures of pages read by
//! tesseract, confined like them.
//!
//! Invariants
//! - No byte of a file is parsed here in the server's process. (What comes before: the first step of an analysis has
//!   [`crate::documents::check`] look at every file that is uploaded, in this process, on a thread of its own: the ends of PDF files,
//!   segments of JPEG, chunks of PNG, directories of TIFF, and archives unpacked, in safe Rust and within bounds.) Of a file in
//!   the server's memory there is a buffer of its stream, the text of its pages within [`order::Limits`], and one picture of a
//!   page at a time (three while one is turned: it, and the two that are read of it).
//! - A worker has no files, no network, no other processes, no environment; its memory and processor time have limits of the
//!   kernel, its time has one of ours, and it ends with whoever started it.
//! - Every file ends in a [`document::Document`] or in a [`refusal::Refusal`].

pub mod document;
pub mod frames;
mod letters;
pub mod order;
pub mod parent;
pub mod refusal;
pub mod worker;

pub use document::{Blank, Document, Origin, Page, Word};
pub use order::Limits;
pub use parent::{PageReached, ReadError, Reader};
pub use refusal::Refusal;
