//! Pictures, as what reads letters off them likes them: grey, upright, of a size that letters have some twenty pixels.

mod clean;
mod decode;
mod drawn;

use image::{
    ExtendedColorType, GrayImage, ImageEncoder as _,
    codecs::png::PngEncoder,
    imageops::{rotate90, rotate180, rotate270},
};

use drawn::luma;
pub(super) use drawn::of_page;

use super::{
    answer::{Answer, Stop, promise},
    input::Format,
};
use crate::clinic::reading::{
    document::Blank,
    frames,
    order::{Limits, PICTURE_BYTES_MAX, QuarterTurn},
    refusal::Refusal,
};

/// The pictures of a file that is one, or several.
pub(super) fn read(
    bytes: Vec<u8>,
    format: Format,
    limits: &Limits,
    pictures: bool,
    answer: &mut Answer,
) -> Result<(), Stop> {
    if let Some(count) = decode::count(&bytes, format, limits.pages) {
        promise(count as usize)?;
    }
    let mut number = 0;
    decode::each(bytes, format, |grey| {
        number += 1;
        if number > limits.pages {
            return Err(Refusal::TooManyPages.into());
        }
        let size = (grey.width() as f32, grey.height() as f32);
        if !pictures {
            answer.blank(number, size, Blank::NoOcr)
        } else if !answer.has_room_for_a_picture() {
            answer.blank(number, size, Blank::TooManyPictures)
        } else {
            send(number, size, grey, answer)
        }
    })
}

/// A picture that was given out and does not stand upright, turned. It is cleaned once more: rows are rows only now, so that
/// how far they lean is seen, and how wide the page is.
pub(super) fn turn(png: Vec<u8>, turn: QuarterTurn, answer: &mut Answer) -> Result<(), Stop> {
    decode::each(png, Format::Png, |grey| {
        let grey = match turn {
            QuarterTurn::Right => rotate90(&grey),
            QuarterTurn::Around => rotate180(&grey),
            QuarterTurn::Left => rotate270(&grey),
        };
        let size = (grey.width() as f32, grey.height() as f32);
        send(1, size, grey, answer)
    })
}

/// Cleans a picture and gives it out, as that of this page.
pub(super) fn send(number: u32, size: (f32, f32), grey: GrayImage, answer: &mut Answer) -> Result<(), Stop> {
    let (grey, turned) = clean::clean(grey);
    let again = clean::again(&grey);
    let (Some(png), Some(again)) = (packed(&grey), packed(&again)) else {
        return answer.blank(number, size, Blank::Unreadable);
    };
    let picture = frames::Picture {
        number,
        width: size.0,
        height: size.1,
        pixels: (grey.width(), grey.height()),
        turned,
        bytes: png.len(),
        again_bytes: again.len(),
    };
    answer.picture(&picture, &png, &again)
}

/// As PNG; nothing, if it cannot be packed.
fn packed(grey: &GrayImage) -> Option<Vec<u8>> {
    let mut png = Vec::new();
    let (width, height) = grey.dimensions();
    let written = PngEncoder::new(&mut png).write_image(grey.as_raw(), width, height, ExtendedColorType::L8);
    (written.is_ok() && png.len() <= PICTURE_BYTES_MAX).then_some(png)
}
