//! Pages of a PDF: their text where they have one, a picture of them where they have none.
//!
//! hayro reads the file (its interpreter forbids unsafe code, follows no reference twice, and draws pages, too). It tells
//! [`device`] what is drawn where; [`page`] decides what of that is the page's text.

mod device;
mod page;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hayro::{
    RenderCache,
    hayro_interpret::InterpreterSettings,
    hayro_syntax::{DecryptionError, LoadPdfError, Pdf, page::Page},
};

use self::page::Content;

use super::{
    answer::{Answer, Stop, promise},
    picture,
};
use crate::clinic::reading::{
    document::Blank,
    order::{Limits, PAGE_SIDE_MAX},
    refusal::Refusal,
};

pub(super) fn read(bytes: Vec<u8>, limits: &Limits, pictures: bool, answer: &mut Answer) -> Result<(), Stop> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Invalid | LoadPdfError::Decryption(DecryptionError::InvalidEncryption) => {
            Refusal::Broken
        }
        LoadPdfError::Decryption(_) => Refusal::Encrypted,
    })?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(Refusal::Broken.into());
    }
    if pages.len() > limits.pages as usize {
        return Err(Refusal::TooManyPages.into());
    }
    let is_too_large = |side: f32| side.is_nan() || side > PAGE_SIDE_MAX;
    let mut sizes = pages.iter().map(Page::render_dimensions);
    if sizes.any(|(width, height)| is_too_large(width) || is_too_large(height)) {
        return Err(Refusal::PageTooLarge.into());
    }
    promise(pages.len())?;
    let settings = InterpreterSettings::default();
    let mut cache = RenderCache::new();
    for (number, page) in (1..).zip(pages.iter()) {
        let size = page.render_dimensions();
        // What one page does to a library does not take the others with it.
        let Ok(content) = catch_unwind(AssertUnwindSafe(|| page::content(page, &settings))) else {
            answer.blank(number, size, Blank::Unreadable)?;
            continue;
        };
        match content? {
            Content::Nothing => answer.blank(number, size, Blank::Nothing)?,
            Content::Text { laid, layer } => answer.page(page::text(number, size, layer, laid))?,
            Content::Drawn { .. } if !pictures => answer.blank(number, size, Blank::NoOcr)?,
            Content::Drawn { .. } if !answer.has_room_for_a_picture() => {
                answer.blank(number, size, Blank::TooManyPictures)?;
            }
            Content::Drawn { dots_per_point } => {
                let drawn = catch_unwind(AssertUnwindSafe(|| {
                    picture::of_page(page, &cache, &settings, dots_per_point)
                }));
                match drawn {
                    Ok(Some(grey)) => picture::send(number, size, grey, answer)?,
                    Ok(None) => answer.blank(number, size, Blank::Unreadable)?,
                    Err(_) => {
                        // It may have been left half changed.
                        cache = RenderCache::new();
                        answer.blank(number, size, Blank::Unreadable)?;
                    }
                }
            }
        }
    }
    Ok(())
}
