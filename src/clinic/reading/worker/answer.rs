//! What a worker says, counted.

use std::io::{self, Write as _};

use crate::clinic::reading::{
    document::Blank,
    frames::{Frame, Picture, Text},
    order::{Limits, TEXT_BYTES_MAX, WORDS_MAX},
    refusal::Refusal,
};

/// Why a worker stops before the end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file is refused.
    Refused(Refusal),
    /// Nobody reads what it says.
    Gone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Standard output, and what is left of the limits.
#[derive(Debug)]
pub(super) struct Answer {
    text_left: usize,
    words_left: usize,
    pictures_left: u32,
    pages: u32,
}

impl Answer {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { text_left: TEXT_BYTES_MAX, words_left: WORDS_MAX, pictures_left: limits.pictures, pages: 0 }
    }

    /// A page's text.
    pub(super) fn page(&mut self, text: Text) -> Result<(), Stop> {
        let left = |left: usize, used: usize| left.checked_sub(used).ok_or(Refusal::TooMuchText);
        self.text_left = left(self.text_left, text.text.len())?;
        self.words_left = left(self.words_left, text.words.len())?;
        self.pages += 1;
        send(&Frame::Page(text))
    }

    /// A page without text.
    pub(super) fn blank(&mut self, number: u32, size: (f32, f32), blank: Blank) -> Result<(), Stop> {
        let (width, height) = size;
        let (text, words) = (String::new(), Vec::new());
        self.page(Text { number, width, height, layer: false, blank: Some(blank), text, words })
    }

    /// Whether one more picture may be given out.
    pub(super) fn has_room_for_a_picture(&mut self) -> bool {
        let left = self.pictures_left.checked_sub(1);
        self.pictures_left = left.unwrap_or(0);
        left.is_some()
    }

    /// A page's picture, and the one that is read against it.
    pub(super) fn picture(&mut self, picture: &Picture, png: &[u8], again: &[u8]) -> Result<(), Stop> {
        self.pages += 1;
        send(&Frame::Picture(picture.clone()))?;
        write(png)?;
        write(again)
    }

    /// All went well.
    pub(super) fn end(&self) -> Result<(), Stop> {
        send(&Frame::End { pages: self.pages })
    }
}

/// How many pages will come, before the first of them.
pub(super) fn promise(pages: usize) -> Result<(), Stop> {
    u32::try_from(pages).map_or(Ok(()), |count| send(&Frame::Pages { count }))
}

/// One frame.
pub(super) fn send(frame: &Frame) -> Result<(), Stop> {
    let mut line = serde_json::to_vec(frame).map_err(|_| Stop::Gone)?;
    line.push(b'\n');
    write(&line)
}

fn write(bytes: &[u8]) -> Result<(), Stop> {
    let mut output = io::stdout().lock();
    output.write_all(bytes).and_then(|()| output.flush()).map_err(|_| Stop::Gone)
}
