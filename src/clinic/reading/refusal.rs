//! Why a file gives no document.

use serde::{Deserialize, Serialize};

/// Why a file was not read. None of them gets better by trying again, but [`Refusal::is_of_the_moment`] may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// Neither a PDF, nor a picture, nor text.
    #[error("the file is neither a PDF, nor a picture, nor text")]
    WrongType,
    /// A password is needed to open it, or it is sealed in a way nobody knows.
    #[error("the file is protected by a password")]
    Encrypted,
    /// It is not what its beginning says, or cut off.
    #[error("the file is damaged")]
    Broken,
    /// It has more bytes than are read.
    #[error("the file is too large")]
    TooLarge,
    /// It has more pages than are read.
    #[error("the file has too many pages")]
    TooManyPages,
    /// A page or a picture is larger than any that is printed.
    #[error("a page of the file is too large")]
    PageTooLarge,
    /// It has more text than is read.
    #[error("the file has too much text")]
    TooMuchText,
    /// Things in it lie in each other deeper than is followed.
    #[error("the file is nested too deeply")]
    TooDeep,
    /// Reading it needs more memory than a worker has: it may be a bomb.
    #[error("the file needs too much memory")]
    OutOfMemory,
    /// Reading it takes longer than a worker has.
    #[error("the file takes too long to read")]
    TooSlow,
    /// A picture of a sort that nobody here can decode.
    #[error("the picture has a format that cannot be read")]
    UnsupportedPicture,
    /// The worker failed on it.
    #[error("reading the file failed")]
    Crashed,
    /// The worker said what a worker never says.
    #[error("reading the file went wrong")]
    Misbehaved,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Empty,
        Self::WrongType,
        Self::Encrypted,
        Self::Broken,
        Self::TooLarge,
        Self::TooManyPages,
        Self::PageTooLarge,
        Self::TooMuchText,
        Self::TooDeep,
        Self::OutOfMemory,
        Self::TooSlow,
        Self::UnsupportedPicture,
        Self::Crashed,
        Self::Misbehaved,
    ];

    /// Its name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::WrongType => "wrong_type",
            Self::Encrypted => "encrypted",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::TooManyPages => "too_many_pages",
            Self::PageTooLarge => "page_too_large",
            Self::TooMuchText => "too_much_text",
            Self::TooDeep => "too_deep",
            Self::OutOfMemory => "out_of_memory",
            Self::TooSlow => "too_slow",
            Self::UnsupportedPicture => "unsupported_picture",
            Self::Crashed => "crashed",
            Self::Misbehaved => "misbehaved",
        }
    }

    /// Whether a machine with less to do might have read it: worth one more attempt.
    pub const fn is_of_the_moment(self) -> bool {
        matches!(self, Self::TooSlow | Self::OutOfMemory | Self::Crashed)
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn names_are_those_of_the_frames() {
        for refusal in Refusal::ALL {
            assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.name());
        }
    }
}
