//! Files that are pictures, decoded within bounds: a picture whose header promises too much is not begun.

use std::io::Cursor;

use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, Rgba,
    codecs::{jpeg::JpegDecoder, png::PngDecoder},
    error::LimitErrorKind,
    metadata::Orientation,
};
use tiff::{
    ColorType, TiffError,
    decoder::{Decoder, DecodingResult, Limits as TiffLimits},
    tags::Tag,
};

use super::{Format, Refusal, Stop, luma};
use crate::clinic::reading::order::PICTURE_PIXELS_MAX;

/// What decoding one picture may take: four bytes a pixel.
const DECODED_BYTES_MAX: u64 = 4 * PICTURE_PIXELS_MAX;

/// How many pictures the file has, if that is found out without decoding one, and they are not more than this.
pub(super) fn count(bytes: &[u8], format: Format, most: u32) -> Option<u32> {
    if format != Format::Tiff {
        return Some(1);
    }
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let mut count = 1;
    while decoder.more_images() {
        count += 1;
        if count > most {
            return None;
        }
        decoder.next_image().ok()?;
    }
    Some(count)
}

/// Gives each picture of the file to `with`, grey.
pub(super) fn each(
    bytes: Vec<u8>,
    format: Format,
    mut with: impl FnMut(GrayImage) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match format {
        Format::Jpeg => with(one(JpegDecoder::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?)?),
        Format::Png => with(one(PngDecoder::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?)?),
        Format::Tiff => tiffs(bytes, with),
    }
}

fn one(mut decoder: impl ImageDecoder) -> Result<GrayImage, Refusal> {
    let (width, height) = decoder.dimensions();
    bounded(width, height)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    decoder.set_limits(limits).map_err(|error| refusal(&error))?;
    let orientation = decoder.orientation().map_err(|error| refusal(&error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    // Photographs by telephones lie on their side and say so.
    picture.apply_orientation(orientation);
    if picture.color().has_alpha() {
        // What one sees through is white paper.
        let mut on_white = picture.into_rgba8();
        for pixel in on_white.pixels_mut() {
            let Rgba([red, green, blue, alpha]) = *pixel;
            let over =
                |it: u8| ((u32::from(it) * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255) as u8;
            *pixel = Rgba([over(red), over(green), over(blue), 255]);
        }
        picture = DynamicImage::ImageRgba8(on_white);
    }
    Ok(picture.into_luma8())
}

fn bounded(width: u32, height: u32) -> Result<(), Refusal> {
    match u64::from(width) * u64::from(height) {
        0 => Err(Refusal::Broken),
        pixels if pixels > PICTURE_PIXELS_MAX => Err(Refusal::PageTooLarge),
        _ => Ok(()),
    }
}

fn refusal(error: &ImageError) -> Refusal {
    match error {
        ImageError::Limits(limit) if matches!(limit.kind(), LimitErrorKind::DimensionError) => {
            Refusal::PageTooLarge
        }
        ImageError::Limits(_) => Refusal::OutOfMemory,
        ImageError::Unsupported(_) => Refusal::UnsupportedPicture,
        _ => Refusal::Broken,
    }
}

/// A TIFF may hold many pages, as scanners and fax machines write them.
fn tiffs(bytes: Vec<u8>, mut with: impl FnMut(GrayImage) -> Result<(), Stop>) -> Result<(), Stop> {
    let mut limits = TiffLimits::default();
    limits.decoding_buffer_size = DECODED_BYTES_MAX as usize;
    let mut decoder =
        Decoder::new(Cursor::new(bytes)).map_err(|error| tiff_refusal(&error))?.with_limits(limits);
    loop {
        with(tiff_page(&mut decoder)?)?;
        if !decoder.more_images() {
            return Ok(());
        }
        decoder.next_image().map_err(|error| tiff_refusal(&error))?;
    }
}

fn tiff_page(decoder: &mut Decoder<Cursor<Vec<u8>>>) -> Result<GrayImage, Refusal> {
    let (width, height) = decoder.dimensions().map_err(|error| tiff_refusal(&error))?;
    bounded(width, height)?;
    let color = decoder.colortype().map_err(|error| tiff_refusal(&error))?;
    let decoded = decoder.read_image().map_err(|error| tiff_refusal(&error))?;
    let samples = match decoded {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.into_iter().map(|it| (it >> 8) as u8).collect(),
        _ => return Err(Refusal::UnsupportedPicture),
    };
    let grey = grey(color, samples, width as usize).ok_or(Refusal::UnsupportedPicture)?;
    let wanted = width as usize * height as usize;
    let grey = if grey.len() >= wanted { grey } else { return Err(Refusal::Broken) };
    let grey = GrayImage::from_raw(width, height, grey).ok_or(Refusal::Broken)?;
    // One that says nothing, or what it cannot mean, lies as it lies.
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let mut picture = DynamicImage::ImageLuma8(grey);
    picture
        .apply_orientation(orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms));
    Ok(picture.into_luma8())
}

fn grey(color: ColorType, samples: Vec<u8>, width: usize) -> Option<Vec<u8>> {
    Some(match color {
        ColorType::Gray(8 | 16) => samples,
        // Rows of packed pixels begin with a byte of their own.
        ColorType::Gray(bits @ (1 | 2 | 4)) => {
            let (bits, most) = (usize::from(bits), (1_u16 << bits) - 1);
            let row = (width * bits).div_ceil(8);
            let rows = samples.chunks_exact(row.max(1));
            rows.flat_map(|row| {
                (0..width).map(move |at| {
                    let (byte, within) = (at * bits / 8, at * bits % 8);
                    let value = (u16::from(row[byte]) >> (8 - bits - within)) & most;
                    (value * 255 / most) as u8
                })
            })
            .collect()
        }
        ColorType::RGB(8 | 16) => samples.chunks_exact(3).map(|it| luma(it[0], it[1], it[2])).collect(),
        ColorType::RGBA(8 | 16) => samples.chunks_exact(4).map(|it| luma(it[0], it[1], it[2])).collect(),
        ColorType::GrayA(8 | 16) => samples.chunks_exact(2).map(|it| it[0]).collect(),
        ColorType::CMYK(8 | 16) => samples
            .chunks_exact(4)
            .map(|it| {
                let light = |ink: u8| ((255 - u16::from(ink)) * (255 - u16::from(it[3])) / 255) as u8;
                luma(light(it[0]), light(it[1]), light(it[2]))
            })
            .collect(),
        _ => return None,
    })
}

fn tiff_refusal(error: &TiffError) -> Refusal {
    match error {
        TiffError::LimitsExceeded => Refusal::OutOfMemory,
        TiffError::IntSizeError => Refusal::PageTooLarge,
        TiffError::UnsupportedError(_) => Refusal::UnsupportedPicture,
        _ => Refusal::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_pixels_are_unpacked() {
        let row = [0b1010_0000, 0b1000_0000];
        assert_eq!(grey(ColorType::Gray(1), row.to_vec(), 9).unwrap(), [255, 0, 255, 0, 0, 0, 0, 0, 255]);
        assert_eq!(grey(ColorType::Gray(4), vec![0xf0], 2).unwrap(), [255, 0]);
    }

    #[test]
    fn black_ink_is_black() {
        assert_eq!(grey(ColorType::CMYK(8), vec![0, 0, 0, 255, 0, 0, 0, 0], 2).unwrap(), [0, 255]);
    }

    /// The pictures of a file: how large, and whether each is dark in its upper left corner.
    fn decoded(file: Vec<u8>, format: Format) -> Vec<(u32, u32, bool)> {
        let mut pictures = Vec::new();
        let done = each(file, format, |grey| {
            pictures.push((grey.width(), grey.height(), grey.get_pixel(0, 0).0[0] < 128));
            Ok(())
        });
        assert!(done.is_ok());
        pictures
    }

    /// Sixteen by eight, dark on the left.
    fn dark_on_the_left() -> GrayImage {
        GrayImage::from_fn(16, 8, |x, _| image::Luma([if x < 8 { 0 } else { 255 }]))
    }

    #[test]
    fn a_tiff_that_says_how_it_lies_is_turned() {
        // Nothing, upright, on its head, on its two sides, and what it cannot mean.
        let said = [
            (None, (16, 8, true)),
            (Some(1), (16, 8, true)),
            (Some(3), (16, 8, false)),
            (Some(6), (8, 16, true)),
        ];
        for (orientation, expected) in
            said.into_iter().chain([(Some(8), (8, 16, false)), (Some(99), (16, 8, true))])
        {
            let mut file = Cursor::new(Vec::new());
            let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
            let mut page = encoder.new_image::<tiff::encoder::colortype::Gray8>(16, 8).unwrap();
            if let Some(orientation) = orientation {
                page.encoder().write_tag(Tag::Orientation, orientation as u16).unwrap();
            }
            page.write_data(dark_on_the_left().as_raw()).unwrap();
            assert_eq!(decoded(file.into_inner(), Format::Tiff), [expected], "{orientation:?}");
        }
    }

    #[test]
    fn a_jpeg_that_says_how_it_lies_is_turned() {
        for (orientation, expected) in
            [(1, (16, 8, true)), (3, (16, 8, false)), (6, (8, 16, true)), (8, (8, 16, false))]
        {
            let mut plain = Vec::new();
            image::codecs::jpeg::JpegEncoder::new(&mut plain).encode_image(&dark_on_the_left()).unwrap();
            // Exif: a TIFF directory of one entry, the orientation.
            let mut file = plain[..2].to_vec();
            file.extend_from_slice(b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0");
            file.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
            file.extend_from_slice(&plain[2..]);
            assert_eq!(decoded(file, Format::Jpeg), [expected], "{orientation}");
        }
    }
}
