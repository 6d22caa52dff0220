//! What may come in. A file is looked at whole before anybody can see it, with a bounded part of it in memory: its name,
//! what it is (by its bytes, whatever it says), whether it is there to its end, and what archives hold.
//!
//! These functions block; whoever calls them gives them a thread of their own.

mod archive;
mod directory;
mod encoding;
mod kind;
mod name;
mod picture;
mod read;
mod refusal;
mod text;

use std::path::Path;

pub use encoding::{Encoding, Texts, of as encoding_of};
pub use kind::Kind;
pub use name::clean as clean_name;
pub use read::{ReadAt, Section};
pub use refusal::{CheckError, Refusal};

/// A file that is to be checked.
pub struct Candidate<'f> {
    /// Its content.
    pub file: &'f dyn ReadAt,
    /// Its name, as [`clean_name`] left it.
    pub name: &'f str,
    /// What the client says it is.
    pub declared: Option<&'f str>,
    /// What texts may be in.
    pub texts: Texts,
    /// Where archives inside of archives are laid down for a moment.
    pub scratch: &'f Path,
}

/// What the file is, if it may come in.
pub fn check(candidate: &Candidate<'_>) -> Result<Kind, CheckError> {
    let kind = kind::of(candidate.file)?;
    let kind = match kind {
        Kind::Zip => archive::check(candidate.file, candidate.scratch)?,
        Kind::Text => text::check(candidate.file, candidate.texts)?,
        Kind::Mail => text::check_mail(candidate.file)?,
        kind => {
            picture::whole(candidate.file, kind)?;
            kind
        }
    };
    kind.agrees(candidate.name, candidate.declared)
}

#[cfg(test)]
mod tests;
