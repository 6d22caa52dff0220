//! What a worker is told, in its one argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one reading. The constants beside them are not worth configuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Pages of a file.
    pub pages: u32,
    /// Pages that are read as pictures, each twice.
    pub pictures: u32,
    /// Memory of a worker, beside its program.
    pub memory_bytes: u64,
    /// Processor time of a worker; the same for each reading of a picture, and for turning one.
    pub processor: Duration,
    /// Time for all of a file, pictures included.
    pub deadline: Duration,
}

/// Bytes of text of all pages of a file: a thousand full pages have them.
pub const TEXT_BYTES_MAX: usize = 4 << 20;
/// Words of all pages.
pub const WORDS_MAX: usize = 400_000;
/// A side of a page, in points: what ISO 32000 allows (annex C.2).
pub const PAGE_SIDE_MAX: f32 = 14_400.0;
/// A side of a picture that is read: of A4 at 300 dots per inch, and some.
pub const PICTURE_SIDE_MAX: u32 = 3600;
/// Pixels of a picture that is decoded: A3 at 600 dots per inch.
pub const PICTURE_PIXELS_MAX: u64 = 72_000_000;
/// Bytes of a picture that a worker gives out: `PICTURE_SIDE_MAX` squared and more, for grey that cannot be packed.
pub const PICTURE_BYTES_MAX: usize = 16 << 20;

/// By how much a picture is turned so that it stands upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarterTurn {
    /// By 90 degrees clockwise.
    Right,
    /// By 180.
    Around,
    /// By 270 degrees clockwise.
    Left,
}

impl QuarterTurn {
    /// Clockwise.
    pub const fn of_degrees(degrees: u32) -> Option<Self> {
        match degrees {
            90 => Some(Self::Right),
            180 => Some(Self::Around),
            270 => Some(Self::Left),
            _ => None,
        }
    }
}

/// What a worker has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Read the file that comes in.
    Read {
        /// Its limits.
        limits: Limits,
        /// Whether pictures of pages without text are wanted.
        pictures: bool,
    },
    /// Turn the picture that comes in, a PNG that a worker has made, and give it out like one of a file.
    Turn {
        /// Its limits.
        limits: Limits,
        /// How.
        turn: QuarterTurn,
    },
    /// Become this program, which reads a picture, confined.
    Become {
        /// Memory beside the program.
        memory_bytes: u64,
        /// Processor time.
        processor: Duration,
        /// The program's absolute path, and its arguments.
        command: Vec<String>,
    },
}

impl Order {
    /// As the worker's argument.
    pub fn argument(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
