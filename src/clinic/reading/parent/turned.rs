//! A page that lies on its side or stands on its head. tesseract reads words into it all the same, but is not sure of them: then
//! it is asked how the page stands, a worker turns the picture, and both readings are made anew. A page that is read as it
//! lies is asked nothing, so that it costs nothing.
//!
//! A wrong turn makes no values: what is read after it is taken only if tesseract is surer of it, and what two readings of a
//! turned page do not both say counts as little as on any other.

use tokio::io::AsyncBufRead;

use super::{checked::Bounds, lines, ocr::Ocr, process::ReadError};
use crate::clinic::reading::{
    document::{Blank, Origin, Page},
    frames::{Frame, Picture},
    order::{Limits, Order, PICTURE_BYTES_MAX, QuarterTurn},
    refusal::Refusal,
};

/// A page of which tesseract is as sure stands upright: tried on scans as they lie
/// in the corpus, those upright had 85 % and more, turned ones at most 62 %.
const SURE: f32 = 0.75;
/// It has to be so much surer after a turn: less is chance, since an upright and a turned reading lie 20 % apart and more.
const SURER: f32 = 0.1;

/// Whether this page, as it was read, may be one that is turned.
pub(super) fn is_doubtful(page: &Page) -> bool {
    confidence(page).is_some_and(|it| it < SURE)
}

/// `None`: nothing was tried.
fn confidence(page: &Page) -> Option<f32> {
    match page.origin {
        Origin::Picture { confidence } => Some(confidence),
        Origin::Blank(Blank::Nothing) => Some(0.0),
        Origin::Blank(_) | Origin::Text | Origin::Layer => None,
    }
}

/// The page read twice as it stands upright, if it did not. Its measure stays, and the places are those of its words as it lies.
pub(super) async fn upright(
    ocr: &Ocr<'_>,
    picture: &Picture,
    page: &Page,
    png: Vec<u8>,
) -> Result<Option<Page>, ReadError> {
    let Some(turn) = ocr.turn_wanted(&png).await? else { return Ok(None) };
    let Turned { picture: other, png, again } = turned(ocr, turn, png).await?;
    let (width, height) = match turn {
        QuarterTurn::Around => (picture.width, picture.height),
        QuarterTurn::Right | QuarterTurn::Left => (picture.height, picture.width),
    };
    let other = Picture { number: picture.number, width, height, ..other };
    let mut upright = ocr.read(&other, &png).await?;
    drop(png);
    let sure = |page: &Page| confidence(page).unwrap_or_default();
    if sure(&upright) < sure(page) + SURER {
        return Ok(None);
    }
    upright.again = Some(ocr.read_again(&other, &again).await?);
    for word in &mut upright.words {
        word.place = back(word.place, turn, picture.width, picture.height);
    }
    Ok(Some(Page { width: picture.width, height: picture.height, ..upright }))
}

/// Where that is on a page of this size, as it was before the turn.
fn back([left, top, right, bottom]: [f32; 4], turn: QuarterTurn, width: f32, height: f32) -> [f32; 4] {
    match turn {
        QuarterTurn::Right => [top, height - right, bottom, height - left],
        QuarterTurn::Around => [width - right, height - bottom, width - left, height - top],
        QuarterTurn::Left => [width - bottom, left, width - top, right],
    }
}

/// What a worker gives out that has turned a picture.
struct Turned {
    picture: Picture,
    png: Vec<u8>,
    again: Vec<u8>,
}

/// Nothing is decoded in this process: a worker turns it.
async fn turned(ocr: &Ocr<'_>, turn: QuarterTurn, png: Vec<u8>) -> Result<Turned, ReadError> {
    let limits = Limits { file_bytes: PICTURE_BYTES_MAX as u64, pages: 1, pictures: 1, ..ocr.limits };
    let order = Order::Turn { limits, turn };
    let listen = |output| listen(Bounds::new(&limits), output);
    ocr.starter.run(&order, &[], png.as_slice(), ocr.deadline_of_one(), listen).await
}

/// `None`: it ended before it had said all.
async fn listen(
    mut bounds: Bounds,
    mut output: impl AsyncBufRead + Unpin + Send,
) -> Result<Option<Turned>, ReadError> {
    let mut turned = None;
    while let Some(line) = lines::line(&mut output).await? {
        match serde_json::from_slice(&line).map_err(|_| Refusal::Misbehaved)? {
            Frame::Confined(_) if turned.is_none() => {}
            Frame::Picture(picture) if turned.is_none() => {
                bounds.picture(&picture)?;
                let Some(png) = lines::exactly(&mut output, picture.bytes).await else { return Ok(None) };
                let again = lines::exactly(&mut output, picture.again_bytes).await;
                let Some(again) = again else { return Ok(None) };
                turned = Some(Turned { picture, png, again });
            }
            Frame::End { pages: 1 } if turned.is_some() => return Ok(turned),
            Frame::Refused { refusal } => return Err(refusal.into()),
            _ => return Err(Refusal::Misbehaved.into()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a place is after its page, of this size, was turned.
    fn there(place: [f32; 4], turn: QuarterTurn, width: f32, height: f32) -> [f32; 4] {
        let [left, top, right, bottom] = place;
        match turn {
            QuarterTurn::Right => [height - bottom, left, height - top, right],
            QuarterTurn::Around => [width - right, height - bottom, width - left, height - top],
            QuarterTurn::Left => [top, width - right, bottom, width - left],
        }
    }

    #[test]
    fn places_are_found_again_on_the_page_as_it_lies() {
        for turn in [QuarterTurn::Right, QuarterTurn::Around, QuarterTurn::Left] {
            let place = [10.0, 20.0, 50.0, 30.0];
            let found = back(there(place, turn, 100.0, 200.0), turn, 100.0, 200.0);
            let is_near = found.iter().zip(&place).all(|(one, other)| (one - other).abs() < 0.01);
            assert!(is_near, "{turn:?}: {found:?}");
        }
    }
}
