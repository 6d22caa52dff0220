//! A scan made easier to read: of a good size, on white paper, without specks, upright. Each step was measured on scans of the
//! corpus that are not held back, and on others made like them (`tests/corpus/clinic/README.md`).

use image::{
    GrayImage, Luma,
    imageops::{FilterType, blur, resize, thumbnail},
};

use crate::clinic::reading::order::PICTURE_SIDE_MAX;

/// A page of this width has letters that are read well: A4 at 300 dots per inch. (Scans are cut in their height.) One that is
/// finer gains nothing by being enlarged, one half as wide a lot.
const GOOD_WIDTH: u32 = 2480;
const ENLARGED_MOST: f64 = 2.5;
/// A dot of one pixel is dust on a page of this width or less, of two on one twice as wide: commas are larger.
const SPECK_OF: u32 = 800;
const SPECK_MAX: usize = 4;
/// How a pixel and those around it are mixed, in parts of 36.
const SOFT: [[u32; 3]; 3] = [[1, 4, 1], [4, 16, 4], [1, 4, 1]];
/// Paper is looked at in squares of so many pixels: larger than the strokes of letters.
const PAPER_SQUARE: u32 = 16;
/// So bright as the paper beside it is paper.
const PAPER_MIN: f32 = 0.97;
/// This part of a page is as dark as ink gets.
const INK_PART: f32 = 0.005;
/// Paper and ink that differ by less are one: there is nothing on the page.
const CONTRAST_MIN: f32 = 0.1;
/// The second picture of a page is so much smaller than the first: letters fall on other pixels.
const AGAIN: f64 = 0.9;
/// Scans lean by this much at most, in degrees.
const LEAN_MAX: f32 = 6.0;
/// Less than this tesseract copes with; turning blurs.
const LEAN_MIN: f32 = 1.0;
/// The height of the small picture whose rows are compared.
const COMPARED_SIDE: u32 = 900;

/// The picture, and by how many degrees it was turned.
pub(super) fn clean(grey: GrayImage) -> (GrayImage, f32) {
    let grey = without_specks(grey);
    let grey = on_white_paper(sized(grey));
    let lean = lean(&grey);
    if lean.abs() < LEAN_MIN { (grey, 0.0) } else { (turned(&grey, -lean), -lean) }
}

/// The same page in another picture, of which a second reading is made. What both say was not made up by the reader.
pub(super) fn again(clean: &GrayImage) -> GrayImage {
    let side = |side: u32| ((f64::from(side) * AGAIN).round() as u32).max(1);
    resize(clean, side(clean.width()), side(clean.height()), FilterType::Triangle)
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

/// Shadows and grey paper become white, pale ink becomes black.
fn on_white_paper(mut grey: GrayImage) -> GrayImage {
    let side = |side: u32| (side / PAPER_SQUARE).max(1);
    let small = thumbnail(&grey, side(grey.width()), side(grey.height()));
    // In a square full of letters the paper is that of the squares around it.
    let paper = blur(&brightest_around(&small), 3.0);
    let (width, height) = (grey.width() as usize, grey.height());
    let across: Vec<_> = (0..grey.width()).map(|x| between(x, grey.width(), paper.width())).collect();
    let original = grey.clone();
    let mut counts = [0_u32; 256];
    for (y, row) in (0..height).zip(grey.chunks_exact_mut(width)) {
        let (above, below, part) = between(y, height, paper.height());
        let light = |x: u32, y: u32| f32::from(paper.get_pixel(x, y).0[0]);
        let mixed = (0..paper.width()).map(|x| light(x, above) * (1.0 - part) + light(x, below) * part);
        let mixed: Vec<f32> = mixed.collect();
        for (pixel, (left, right, part)) in row.iter_mut().zip(&across) {
            let paper = mixed[*left as usize] * (1.0 - part) + mixed[*right as usize] * part;
            *pixel = (f32::from(*pixel) * 255.0 / paper.max(1.0)).min(255.0) as u8;
            counts[usize::from(*pixel)] += 1;
        }
    }
    let mut left = (original.as_raw().len() as f32 * INK_PART) as u32;
    let ink = counts.iter().position(|count| {
        let is_reached = *count >= left;
        left = left.saturating_sub(*count);
        is_reached
    });
    let ink = ink.unwrap_or_default() as f32 / 255.0;
    if PAPER_MIN - ink < CONTRAST_MIN {
        return original;
    }
    let shades: Vec<u8> = (0..=255_u8)
        .map(|it| (f32::from(it) / 255.0 - ink) / (PAPER_MIN - ink))
        .map(|light| (light.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    grey.iter_mut().for_each(|pixel| *pixel = shades[usize::from(*pixel)]);
    grey
}

/// Between which two pixels of a picture with `few` of them one lies that has `many`, and how near it is to the second.
fn between(at: u32, many: u32, few: u32) -> (u32, u32, f32) {
    let place = ((at as f32 + 0.5) * few as f32 / many as f32 - 0.5).clamp(0.0, (few - 1) as f32);
    let first = place.floor();
    (first as u32, (first as u32 + 1).min(few - 1), place - first)
}

/// Each pixel as bright as the brightest of the five by five around it.
fn brightest_around(grey: &GrayImage) -> GrayImage {
    GrayImage::from_fn(grey.width(), grey.height(), |x, y| {
        let near = |at: u32, side: u32| at.saturating_sub(2)..(at + 3).min(side);
        let rows = near(y, grey.height()).flat_map(|y| near(x, grey.width()).map(move |x| (x, y)));
        Luma([rows.map(|(x, y)| grey.get_pixel(x, y).0[0]).max().unwrap_or(255)])
    })
}

/// In pictures that are black and white only, dots of a few pixels are dust, and stairs are smoothed.
fn without_specks(grey: GrayImage) -> GrayImage {
    let is_two_coloured = grey.as_raw().iter().all(|it| *it <= 8 || *it >= 247);
    let (width, height) = grey.dimensions();
    if !is_two_coloured || width < 3 || height < 3 {
        return grey;
    }
    let most = (width / SPECK_OF).clamp(1, SPECK_MAX as u32) as usize;
    let mut clean = grey.clone();
    for (x, y, pixel) in clean.enumerate_pixels_mut() {
        if is_speck(&grey, (x, y), most) {
            *pixel = Luma([255]);
        }
    }
    softened(&clean)
}

/// Whether a black pixel belongs to a dot of no more than so many.
fn is_speck(grey: &GrayImage, pixel: (u32, u32), most: usize) -> bool {
    let is_black = |x: u32, y: u32| grey.get_pixel(x, y).0[0] < 128;
    if !is_black(pixel.0, pixel.1) {
        return false;
    }
    let mut dot = [pixel; SPECK_MAX];
    let (mut known, mut at) = (1, 0);
    while at < known {
        let (x, y) = dot[at];
        at += 1;
        for y in y.saturating_sub(1)..(y + 2).min(grey.height()) {
            for x in x.saturating_sub(1)..(x + 2).min(grey.width()) {
                if is_black(x, y) && !dot[..known].contains(&(x, y)) {
                    if known == most {
                        return false;
                    }
                    dot[known] = (x, y);
                    known += 1;
                }
            }
        }
    }
    true
}

/// Each pixel mixed with the eight around it.
fn softened(grey: &GrayImage) -> GrayImage {
    let (width, height) = grey.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        if x == 0 || y == 0 || x == width - 1 || y == height - 1 {
            return *grey.get_pixel(x, y);
        }
        let mixed =
            SOFT.iter().zip(y - 1..).flat_map(|(row, y)| row.iter().zip(x - 1..).map(move |it| (it, y)));
        let sum: u32 = mixed.map(|((part, x), y)| part * u32::from(grey.get_pixel(x, y).0[0])).sum();
        Luma([(sum / 36) as u8])
    })
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

/// Between four pixels; beyond the edge it is white.
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
        // One pixel, two, three.
        let dots = [(4, 4), (10, 10), (10, 11), (4, 16), (5, 17), (6, 16)];
        for (width, are_dust) in [(20, [true, false, false]), (1700, [true, true, false])] {
            let mut picture = GrayImage::from_pixel(width, 20, Luma([255]));
            for (x, y) in dots {
                picture.put_pixel(x, y, Luma([0]));
            }
            let clean = without_specks(picture);
            for ((x, y), is_dust) in [dots[0], dots[1], dots[3]].into_iter().zip(are_dust) {
                assert_eq!(clean.get_pixel(x, y).0[0] == 255, is_dust, "{x} {y} of {width}");
            }
        }
    }

    #[test]
    fn shadows_and_pale_ink_go_and_letters_stay() {
        let is_ink = |x: u32, y: u32| y % 48 < 10 && !(x / 7).is_multiple_of(3);
        // Ink of 100 on paper of 190, in a shadow that takes half of the light at the left.
        let pale = GrayImage::from_fn(600, 800, |x, y| {
            let light = 0.5 + x as f32 / 1200.0;
            Luma([(light * if is_ink(x, y) { 100.0 } else { 190.0 }) as u8])
        });
        let clean = on_white_paper(pale);
        let wrong = clean
            .enumerate_pixels()
            .filter(|(x, y, pixel)| if is_ink(*x, *y) { pixel.0[0] > 127 } else { pixel.0[0] < 200 });
        assert!(wrong.count() * 50 < clean.as_raw().len());
        let empty = GrayImage::from_pixel(64, 64, Luma([200]));
        assert_eq!(on_white_paper(empty.clone()), empty);
    }

    #[test]
    fn the_second_picture_is_another_one() {
        assert_eq!(again(&GrayImage::new(2480, 100)).dimensions(), (2232, 90));
        assert_eq!(again(&GrayImage::new(1, 1)).dimensions(), (1, 1));
    }

    #[test]
    fn coarse_pictures_grow_and_huge_ones_shrink() {
        assert_eq!(sized(GrayImage::new(60, 80)).dimensions(), (150, 200));
        assert_eq!(sized(GrayImage::new(100, 7200)).dimensions(), (50, 3600));
        assert_eq!(sized(GrayImage::new(2480, 20)).dimensions(), (2480, 20));
    }
}
