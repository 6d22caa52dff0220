//! From what somebody sent to a picture that is safe to show: pure functions that keep a processor busy; whoever calls
//! them bounds how many run at once.
//!
//! Every picture becomes a JPEG in its upright position, at most [`SIDE_MAX`] pixels wide and high. Transparent parts
//! become white, of an animation the first frame stays. Nothing but the colour profile is taken over.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageEncoder as _, ImageError, ImageFormat, ImageReader, Limits,
    codecs::jpeg::JpegEncoder, imageops::FilterType, metadata::Orientation,
};

use super::whole::is_whole;

/// More than a screen shows at once; bounds what is stored and served.
const SIDE_MAX: u32 = 2560;
/// JPEG quality of pictures: beyond it files grow and nobody sees why.
const QUALITY: u8 = 85;
/// The same for the smaller ones.
const THUMBNAIL_QUALITY: u8 = 80;
/// Width of [`super::Size::Medium`] and [`super::Size::Small`].
const WIDTHS: [u32; 2] = [960, 320];
/// Decoded pictures of 8 bits per channel need no more for a pixel.
const BYTES_PER_PIXEL: u64 = 4;
/// What decoders may use besides the picture itself.
const DECODER_BYTES: u64 = 64 << 20;
/// Profiles of cameras and screens have a few kilobytes; larger ones are for printing.
const PROFILE_MAX: usize = 16 << 10;
/// Where a profile says what its colours are made of.
const PROFILE_COLOURS: std::ops::Range<usize> = 16..20;

/// A picture that is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The JPEG.
    pub jpeg: Vec<u8>,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// The smaller JPEGs of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnails {
    /// [`super::Size::Medium`].
    pub medium: Vec<u8>,
    /// [`super::Size::Small`].
    pub small: Vec<u8>,
}

/// Why something sent is no picture of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Its first bytes are those of no format that is taken.
    #[error("this is neither a JPEG nor a PNG nor a WebP picture")]
    UnknownKind,
    /// It begins like a picture and is none, or not to its end.
    #[error("the picture is damaged, or not all of it arrived")]
    Broken,
    /// It is larger than can be decoded with the memory there is.
    #[error(
        "the picture has {width} × {height} pixels, at most {most} are allowed, half as many with 16 bits per channel"
    )]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Pixels allowed.
        most: u64,
    },
}

impl From<ImageError> for PictureError {
    fn from(_: ImageError) -> Self {
        Self::Broken
    }
}

/// Decodes what was sent, whatever it is called, and encodes it again. The header is looked at before any pixel: a
/// small file cannot hide a huge picture.
pub fn prepare(sent: &[u8], max_pixels: u64) -> Result<Picture, PictureError> {
    let mut decoder = decoder(sent, max_pixels)?;
    if !kind(sent).is_some_and(|format| is_whole(sent, format)) {
        return Err(PictureError::Broken);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_plain_rgb(profile));
    let image = flattened(DynamicImage::from_decoder(decoder)?);
    let mut image = shrunk(image, SIDE_MAX, SIDE_MAX);
    image.apply_orientation(orientation);
    let (width, height) = (image.width(), image.height());
    Ok(Picture { jpeg: encoded(image, QUALITY, profile)?, width, height })
}

/// The smaller ones of a picture that [`prepare`] made. A picture that is small already stays as it is.
pub fn thumbnails(jpeg: &[u8]) -> Result<Thumbnails, PictureError> {
    let mut decoder = decoder(jpeg, u64::from(SIDE_MAX).pow(2))?;
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder)?;
    let made = WIDTHS
        .map(|width| encoded(shrunk(image.clone(), width, u32::MAX), THUMBNAIL_QUALITY, profile.clone()));
    let [medium, small] = made;
    Ok(Thumbnails { medium: medium?, small: small? })
}

/// By its first bytes; names and headers of requests say what they like.
fn kind(bytes: &[u8]) -> Option<ImageFormat> {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    [
        (starts(b"\xff\xd8\xff"), ImageFormat::Jpeg),
        (starts(b"\x89PNG\r\n\x1a\n"), ImageFormat::Png),
        (webp, ImageFormat::WebP),
    ]
    .into_iter()
    .find_map(|(is, format)| is.then_some(format))
}

fn decoder(bytes: &[u8], max_pixels: u64) -> Result<impl ImageDecoder + '_, PictureError> {
    let format = kind(bytes).ok_or(PictureError::UnknownKind)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_pixels * BYTES_PER_PIXEL + DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > max_pixels || decoder.total_bytes() > max_pixels * BYTES_PER_PIXEL {
        return Err(PictureError::TooLarge { width, height, most: max_pixels });
    }
    Ok(decoder)
}

/// JPEG knows no transparency: on a white page nobody misses it.
fn flattened(image: DynamicImage) -> DynamicImage {
    if !image.color().has_alpha() {
        return image;
    }
    let mut image = image.into_rgba8();
    for pixel in image.pixels_mut() {
        let alpha = u16::from(pixel[3]);
        for channel in &mut pixel.0[..3] {
            *channel = ((u16::from(*channel) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
        pixel[3] = u8::MAX;
    }
    DynamicImage::ImageRgba8(image)
}

/// At most so wide and high, with the same proportions; never larger than it was.
fn shrunk(image: DynamicImage, width_max: u32, height_max: u32) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    if width <= width_max && height <= height_max {
        return image;
    }
    let ratio = f64::min(f64::from(width_max) / f64::from(width), f64::from(height_max) / f64::from(height));
    let scaled = |side: u32| ((f64::from(side) * ratio).round() as u32).max(1);
    let (to_width, to_height) = (scaled(width), scaled(height));
    if ratio <= 0.5 {
        // The mean of each block: good when blocks are large, and needs no further memory.
        image.thumbnail_exact(to_width, to_height)
    } else {
        image.resize_exact(to_width, to_height, FilterType::Triangle)
    }
}

fn encoded(image: DynamicImage, quality: u8, profile: Option<Vec<u8>>) -> Result<Vec<u8>, PictureError> {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, quality);
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile); // JPEG takes any
    }
    let rgb = image.into_rgb8();
    encoder.write_image(&rgb, rgb.width(), rgb.height(), image::ExtendedColorType::Rgb8)?;
    Ok(jpeg)
}

/// Without their profile the colours of many cameras would be dull; other profiles do not fit what we encode.
fn is_plain_rgb(profile: &[u8]) -> bool {
    profile.len() <= PROFILE_MAX && profile.get(PROFILE_COLOURS) == Some(b"RGB ")
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn sent(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn decoded(jpeg: &[u8]) -> RgbImage {
        assert_eq!(kind(jpeg), Some(ImageFormat::Jpeg));
        image::load_from_memory(jpeg).unwrap().into_rgb8()
    }

    #[test]
    fn every_kind_becomes_a_jpeg_of_its_size() {
        let image = DynamicImage::ImageRgb8(RgbImage::from_pixel(60, 40, Rgb([200, 30, 30])));
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let picture = prepare(&sent(&image, format), 1 << 20).unwrap();
            assert_eq!((picture.width, picture.height), (60, 40), "{format:?}");
            let [red, green, _] = decoded(&picture.jpeg).get_pixel(30, 20).0;
            assert!(red > 180 && green < 60, "{format:?}");
        }
    }

    #[test]
    fn transparent_parts_become_white() {
        let image = DynamicImage::ImageRgba8(RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0])));
        let picture = prepare(&sent(&image, ImageFormat::Png), 1 << 20).unwrap();
        assert_eq!(decoded(&picture.jpeg).get_pixel(4, 4).0, [255, 255, 255]);
    }

    #[test]
    fn pictures_shrink_to_what_is_shown_and_never_grow() {
        let wide = DynamicImage::ImageRgb8(RgbImage::new(4000, 1000));
        let picture = prepare(&sent(&wide, ImageFormat::Png), 1 << 24).unwrap();
        assert_eq!((picture.width, picture.height), (2560, 640));
        let made = thumbnails(&picture.jpeg).unwrap();
        let size = |jpeg: &[u8]| decoded(jpeg).dimensions();
        assert_eq!((size(&made.medium), size(&made.small)), ((960, 240), (320, 80)));
        let tiny = prepare(&sent(&DynamicImage::new_rgb8(10, 3000), ImageFormat::Png), 1 << 24).unwrap();
        let made = thumbnails(&tiny.jpeg).unwrap();
        assert_eq!((size(&made.medium), size(&made.small)), ((9, 2560), (9, 2560)));
    }

    #[test]
    fn what_is_too_large_broken_or_unknown_is_refused() {
        let image = sent(&DynamicImage::new_rgb8(100, 100), ImageFormat::Png);
        assert_eq!(
            prepare(&image, 9_999),
            Err(PictureError::TooLarge { width: 100, height: 100, most: 9_999 })
        );
        let deep = sent(&DynamicImage::new_rgba16(100, 100), ImageFormat::Png);
        assert!(matches!(prepare(&deep, 10_000), Err(PictureError::TooLarge { .. })));
        assert!(prepare(&deep, 20_000).is_ok());
        assert_eq!(prepare(&image[..image.len() / 2], 1 << 20), Err(PictureError::Broken));
        assert_eq!(prepare(b"\xff\xd8\xff not a picture", 1 << 20), Err(PictureError::Broken));
        for unknown in [&b"GIF89a"[..], b"<svg/>", b"%PDF-1.7", b""] {
            assert_eq!(prepare(unknown, 1 << 20), Err(PictureError::UnknownKind));
        }
    }

    #[test]
    fn only_profiles_of_screens_are_kept() {
        let profile = |colours: &[u8], length: usize| {
            let mut profile = vec![0; length];
            profile[PROFILE_COLOURS].copy_from_slice(colours);
            profile
        };
        let kept = |profile: Vec<u8>| {
            let mut jpeg = Vec::new();
            let mut encoder = JpegEncoder::new(&mut jpeg);
            encoder.set_icc_profile(profile).unwrap();
            encoder.write_image(&[9; 12], 2, 2, image::ExtendedColorType::Rgb8).unwrap();
            let picture = prepare(&jpeg, 1 << 20).unwrap();
            decoder(&picture.jpeg, 1 << 20).unwrap().icc_profile().unwrap()
        };
        assert_eq!(kept(profile(b"RGB ", 500)), Some(profile(b"RGB ", 500)));
        assert_eq!(kept(profile(b"CMYK", 500)), None);
        assert_eq!(kept(profile(b"RGB ", PROFILE_MAX + 1)), None);
    }
}
