//! What a worker writes: lines of JSON, after a picture's line the bytes of its two PNGs.

use serde::{Deserialize, Serialize};

use super::{document::Blank, refusal::Refusal};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case", deny_unknown_fields)]
pub enum Frame {
    /// The first: how the worker is confined.
    Confined(Confinement),
    /// The second, if the file says it: how many pages will come.
    Pages {
        /// So many.
        count: u32,
    },
    /// A page with text, or one that has nothing to read.
    Page(Text),
    /// A page that has to be read as a picture; its PNGs follow.
    Picture(Picture),
    /// The last, if nothing comes of it.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The last, if all went well.
    End {
        /// Pages that were sent.
        pages: u32,
    },
}

/// Which walls stand, beside the limits on memory and time, without which a worker does not start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confinement {
    /// Landlock: no files.
    pub files: bool,
    /// Seccomp: no calls but those for memory, and for its own three streams.
    pub calls: bool,
}

/// A page's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// From 1.
    pub number: u32,
    /// In points.
    pub width: f32,
    /// In points.
    pub height: f32,
    /// Whether the text is one that is not seen, over a picture.
    #[serde(default)]
    pub layer: bool,
    /// Why there is none.
    #[serde(default)]
    pub blank: Option<Blank>,
    /// The text.
    pub text: String,
    /// Line, first byte, byte after the last; left, top, right, bottom.
    pub words: Vec<(u32, u32, u32, [f32; 4])>,
}

/// A page's picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// From 1.
    pub number: u32,
    /// Of the page, in points.
    pub width: f32,
    /// Of the page, in points.
    pub height: f32,
    /// Of the picture, in pixels.
    pub pixels: (u32, u32),
    /// By how many degrees it was turned to stand upright.
    pub turned: f32,
    /// How many bytes of PNG follow.
    pub bytes: usize,
    /// How many bytes of another PNG of the same page follow those, for a second reading.
    pub again_bytes: usize,
}
