//! A scan made easier to read: of a good size, without specks, upright. Each step was measured on the corpus
//! (`tests/it/clinic/reading`).

use image::{
    GrayImage, Luma,
    imageops::{FilterType, resize},
};

use crate::clinic::reading::order::PICTURE_SIDE_MAX;

/// A page of this width has letters that are read well: A4 at 300 dots per inch. (Scans are cut in their height.) One that is
/// finer gains nothing by being enlarged, one half as wide a lot.
const GOOD_WIDTH: u32 = 2480;
const ENLARGED_MOST: f64 = 2.0;
/// Scans lean by this much at most, in degrees.
const LEAN_MAX: f32 = 6.0;
/// Less than this tesseract copes with; turning blurs.
const LEAN_MIN: f32 = 1.0;
/// The height of the small picture whose rows are compared.
const COMPARED_SIDE: u32 = 900;

/// The picture, and by how many degrees it was turned.
pub(super) fn clean(grey: GrayImage) -> (GrayImage, f32) {
    let grey = without_specks(grey);
    let grey = sized(grey);
    let lean = lean(&grey);
    if lean.abs() < LEAN_MIN { (grey, 0.0) } else { (turned(&grey, -lean), -lean) }
}

/// Larger if it is coarse, smaller if it is huge.
fn sized(grey: GrayImage) -> GrayImage {
    let longest = f64::from(grey.width().max(grey.height()));
    let most = f64::from(PICTURE_SIDE_MAX) / longest;
    let factor = (f64::from(GOOD_WIDTH) / f64::from(grey.width())).clamp(1.0, ENLARGED_MOST).min(most);
    if (factor - 1.0).abs() < 0.05 {
        return grey;
    }
    let side = |side: u32| ((f64::from(side) * factor).round() as u32).max(1);
    let filter = if factor > 1.0 { FilterType::Lanczos3 } else { FilterType::Triangle };
    resize(&grey, side(grey.width()), side(grey.height()), filter)
}

/// In pictures that are black and white only, single black pixels are dust.
fn without_specks(grey: GrayImage) -> GrayImage {
    let is_two_coloured = grey.as_raw().iter().all(|it| *it <= 8 || *it >= 247);
    let (width, height) = grey.dimensions();
    if !is_two_coloured || width < 3 || height < 3 {
        return grey;
    }
    let mut clean = grey.clone();
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let own = grey.get_pixel(x, y).0[0] < 128;
            let around = (0..9).filter(|at| *at != 4).filter(|at| {
                let near = grey.get_pixel(x + at % 3 - 1, y + at / 3 - 1).0[0] < 128;
                near == own
            });
            if around.count() == 0 {
                clean.put_pixel(x, y, Luma([if own { 255 } else { 0 }]));
            }
        }
    }
    clean
}

/// By how many degrees lines of text fall to the right. Rows of an upright page are either full of letters or empty: the
/// angle at which rows differ most is the one.
fn lean(grey: &GrayImage) -> f32 {
    let dark = dark_points(grey);
    if dark.len() < 200 {
        return 0.0;
    }
    let best_of = |angles: &mut dyn Iterator<Item = f32>| {
        angles
            .map(|angle| (contrast(&dark, angle), angle))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(0.0, |(_, angle)| angle)
    };
    let steps = (LEAN_MAX / 0.5) as i32;
    let coarse = best_of(&mut (-steps..=steps).map(|step| step as f32 * 0.5));
    let fine = best_of(&mut (-5..=5).map(|step| coarse + step as f32 * 0.1));
    // A page of a picture has no rows: then no angle is better than standing.
    if contrast(&dark, fine) < 1.05 * contrast(&dark, 0.0) { 0.0 } else { fine }
}

/// Dark pixels of the picture made small.
fn dark_points(grey: &GrayImage) -> Vec<(f32, f32)> {
    let factor = f64::from(COMPARED_SIDE) / f64::from(grey.width().max(grey.height()));
    let side = |side: u32| ((f64::from(side) * factor.min(1.0)) as u32).max(1);
    let small = resize(grey, side(grey.width()), side(grey.height()), FilterType::Triangle);
    let mean =
        small.as_raw().iter().map(|it| u64::from(*it)).sum::<u64>() / small.as_raw().len().max(1) as u64;
    let dark = (mean * 4 / 5) as u8;
    small
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel.0[0] < dark)
        .map(|(x, y, _)| (x as f32, y as f32))
        .collect()
}

/// How much neighbouring rows differ if they fall by this angle.
fn contrast(dark: &[(f32, f32)], degrees: f32) -> f64 {
    let slope = degrees.to_radians().tan();
    let margin = COMPARED_SIDE as i32;
    let mut rows = vec![0_u32; 3 * COMPARED_SIDE as usize];
    for (x, y) in dark {
        let row = (y - x * slope).round() as i32 + margin;
        if let Some(row) = usize::try_from(row).ok().and_then(|row| rows.get_mut(row)) {
            *row += 1;
        }
    }
    rows.windows(2).map(|pair| (f64::from(pair[0]) - f64::from(pair[1])).powi(2)).sum()
}

/// Turned around its middle, as large as it was; what comes in from outside is white.
fn turned(grey: &GrayImage, degrees: f32) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = grey.dimensions();
    let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
    GrayImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 - middle_x, y as f32 - middle_y);
        Luma([sample(grey, x * cos + y * sin + middle_x, y * cos - x * sin + middle_y)])
    })
}

/// Between four pixels.
fn sample(grey: &GrayImage, x: f32, y: f32) -> u8 {
    let at = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && x < grey.width() as f32 && y < grey.height() as f32;
        if inside { f32::from(grey.get_pixel(x as u32, y as u32).0[0]) } else { 255.0 }
    };
    let (left, top) = (x.floor(), y.floor());
    let (right, down) = (x - left, y - top);
    let above = at(left, top) * (1.0 - right) + at(left + 1.0, top) * right;
    let below = at(left, top + 1.0) * (1.0 - right) + at(left + 1.0, top + 1.0) * right;
    (above * (1.0 - down) + below * down).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of text, as dark bars with gaps.
    fn page() -> GrayImage {
        GrayImage::from_fn(600, 800, |x, y| {
            let in_margins = (60..540).contains(&x) && (60..740).contains(&y);
            Luma([if in_margins && y % 20 < 8 && (x / 7) % 3 != 0 { 20 } else { 250 }])
        })
    }

    #[test]
    fn a_leaning_page_is_put_upright() {
        for degrees in [-3.0_f32, -0.8, 0.0, 1.5, 4.0] {
            let lean = lean(&turned(&page(), degrees));
            assert!((lean - degrees).abs() <= 0.2, "{degrees}: {lean}");
        }
    }

    #[test]
    fn dust_goes_and_letters_stay() {
        let mut picture = GrayImage::from_pixel(20, 20, Luma([255]));
        picture.put_pixel(4, 4, Luma([0]));
        picture.put_pixel(10, 10, Luma([0]));
        picture.put_pixel(10, 11, Luma([0]));
        let clean = without_specks(picture);
        assert_eq!((clean.get_pixel(4, 4).0, clean.get_pixel(10, 10).0), ([255], [0]));
    }

    #[test]
    fn coarse_pictures_grow_and_huge_ones_shrink() {
        assert_eq!(sized(GrayImage::new(60, 80)).dimensions(), (120, 160));
        assert_eq!(sized(GrayImage::new(100, 7200)).dimensions(), (50, 3600));
        assert_eq!(sized(GrayImage::new(2480, 20)).dimensions(), (2480, 20));
    }
}
