//! Pages of PDFs, drawn as grey pictures.

use hayro::{
    PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings,
    hayro_syntax::page::Page, render, vello_cpu::color::palette::css::WHITE,
};
use image::GrayImage;

use crate::clinic::reading::order::PICTURE_SIDE_MAX;

/// Pages are drawn as fine as their finest picture, within these (pixels per point): 150 to 300 dots per inch.
const FINEST: f64 = 300.0 / 72.0;
const COARSEST: f64 = 150.0 / 72.0;

/// A page of a PDF, drawn.
pub(in crate::clinic::reading::worker) fn of_page<'p>(
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

/// How bright that is (ITU-R BT.601).
pub(super) fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000) as u8
}
