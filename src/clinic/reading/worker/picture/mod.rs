//! Pictures, as what reads letters off them likes them: grey, upright, of a size that letters have some twenty pixels.

mod clean;
mod decode;

use hayro::{
    PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings,
    hayro_syntax::page::Page, render, vello_cpu::color::palette::css::WHITE,
};
use image::{
    ExtendedColorType, GrayImage, ImageEncoder as _,
    codecs::png::PngEncoder,
    imageops::{rotate90, rotate180, rotate270},
};

use super::{
    answer::{Answer, Stop, promise},
    input::Format,
};
use crate::clinic::reading::{
    document::Blank,
    frames,
    order::{Limits, PICTURE_BYTES_MAX, PICTURE_SIDE_MAX, QuarterTurn},
    refusal::Refusal,
};

/// Pages are drawn as fine as their finest picture, within these (pixels per point): 150 to 300 dots per inch.
const FINEST: f64 = 300.0 / 72.0;
const COARSEST: f64 = 150.0 / 72.0;

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

/// A page of a PDF, drawn.
pub(super) fn of_page<'p>(
    page: &'p Page<'p>,
    cache: &RenderCache<'p>,
    settings: &InterpreterSettings,
    finest: f64,
) -> Option<GrayImage> {
    let (width, height) = page.render_dimensions();
    let longest = f64::from(width.max(height)).max(1.0);
    let wished = if finest > 0.0 { finest.clamp(COARSEST, FINEST) } else { FINEST };
    let scale = wished.min(f64::from(PICTURE_SIDE_MAX) / longest) as f32;
    let drawing = RenderSettings { hinting: false, ..RenderSettings::default() };
    let pixels = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let drawn = render(page, cache, settings, &drawing, &pixels);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let grey = drawn.data().iter().map(|it| luma(it.r, it.g, it.b)).collect();
    GrayImage::from_raw(width, height, grey).filter(|grey| grey.width() > 0 && grey.height() > 0)
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

/// How bright that is (ITU-R BT.601).
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000) as u8
}
