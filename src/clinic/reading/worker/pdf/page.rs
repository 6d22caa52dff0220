//! What of all that is drawn on a page is its text.

use hayro::{
    hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt as _, interpret_page},
    hayro_syntax::page::Page,
    kurbo::{Rect, Vec2},
};

use super::device::{Drawn, Marks};
use crate::clinic::reading::{
    frames::Text,
    letters::steers,
    refusal::Refusal,
    worker::layout::{Glyph, Laid, lay_out},
};

/// A page with fewer letters than this is no page of text: a stamp on a scan, a page number.
const LETTERS_MIN: usize = 12;
/// … if pictures cover this part of it.
const COVERED: f64 = 0.25;
/// Outlines instead of letters: a page without text and with as many paths has to be looked at.
const PATHS_MIN: usize = 100;
/// Letters of which the file does not say what they are, of a hundred: beyond it, the page has to be looked at.
const UNKNOWN_PERCENT: usize = 20;
/// Text that leans more than this (the tangent) is a watermark.
const LEANING: f64 = 0.09;

/// What there is on a page.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Text {
        laid: Laid,
        layer: bool,
    },
    /// It has to be read as a picture.
    Drawn {
        /// How fine its pictures are.
        dots_per_point: f64,
    },
}

pub(super) fn content(page: &Page<'_>, settings: &InterpreterSettings) -> Result<Content, Refusal> {
    let (width, height) = page.render_dimensions();
    let cache = InterpreterCache::new();
    let transform = page.initial_transform(true).to_kurbo();
    let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut context = Context::new(transform, area, &cache, page.xref(), settings.clone());
    let mut marks = Marks::on(width, height);
    interpret_page(page, &mut context, &mut marks);
    if marks.has_too_many {
        return Err(Refusal::TooMuchText);
    }
    Ok(judge(&marks, width, height))
}

fn judge(marks: &Marks, width: f32, height: f32) -> Content {
    let is_written = |it: &&Drawn| it.letters.as_ref().is_none_or(|letters| !letters.trim().is_empty());
    let written: Vec<&Drawn> = marks.letters.iter().filter(is_written).collect();
    let seen = written.iter().filter(|it| !it.is_hidden).count();
    let unknown = written.iter().filter(|it| it.letters.as_deref().is_none_or(is_unknown)).count();
    let hidden = written.len() - seen;
    let is_scan = marks.covered >= COVERED;
    let is_drawn = is_scan || marks.paths >= PATHS_MIN;
    let dots_per_point = marks.finest;
    if written.is_empty() {
        return if is_drawn || marks.covered > 0.0 {
            Content::Drawn { dots_per_point }
        } else {
            Content::Nothing
        };
    }
    // Somebody's program has read the scan and laid its text over it. Of the same page we trust what is seen more.
    let layer = is_scan && hidden > seen;
    if unknown * 100 > written.len() * UNKNOWN_PERCENT || (is_scan && !layer && seen < LETTERS_MIN) {
        return Content::Drawn { dots_per_point };
    }
    let letters: Vec<&Drawn> = marks.letters.iter().filter(|it| it.is_hidden == layer).collect();
    let laid = lay(&letters, width, height);
    if !laid.text.is_empty() {
        Content::Text { laid, layer }
    } else if is_drawn {
        Content::Drawn { dots_per_point }
    } else {
        Content::Nothing
    }
}

fn is_unknown(letters: &str) -> bool {
    letters.chars().all(|it| it == '\u{fffd}' || ('\u{e000}'..='\u{f8ff}').contains(&it) || it.is_control())
}

/// Which way text goes: quarter turns clockwise from going to the right. `None` for text that leans.
fn turn(along: Vec2) -> Option<usize> {
    let (x, y) = (along.x, along.y);
    if y.abs() <= LEANING * x.abs() {
        Some(if x >= 0.0 { 0 } else { 2 })
    } else if x.abs() <= LEANING * y.abs() {
        Some(if y >= 0.0 { 1 } else { 3 })
    } else {
        None
    }
}

/// Text that goes the way of most letters; then what goes other ways, for example along the margin.
fn lay(letters: &[&Drawn], width: f32, height: f32) -> Laid {
    let mut ways: [Vec<Glyph>; 4] = Default::default();
    for letter in letters {
        // Letters have a direction even if they take no room.
        let along =
            if letter.along.hypot() > 1e-6 { letter.along } else { Vec2::new(-letter.up.y, letter.up.x) };
        if let Some(turn) = turn(along) {
            ways[turn].push(upright(letter, turn, width, height));
        }
    }
    let mut order = [0, 1, 2, 3];
    order.sort_by_key(|turn| std::cmp::Reverse(ways[*turn].len()));
    let mut all = Laid::default();
    for turn in order {
        let part = lay_out(&ways[turn]);
        let lines = all.text.matches('\n').count() as u32;
        let bytes = all.text.len() as u32;
        all.text.push_str(&part.text);
        all.words.extend(part.words.into_iter().map(|(line, start, end, place)| {
            (line + lines, start + bytes, end + bytes, back(place, turn, width, height))
        }));
    }
    all
}

/// As if the page had been turned so that the text goes to the right.
fn upright(letter: &Drawn, turn: usize, width: f32, height: f32) -> Glyph {
    let (x, y) = (letter.origin.x as f32, letter.origin.y as f32);
    let (x, y) = match turn {
        0 => (x, y),
        1 => (y, width - x),
        2 => (width - x, height - y),
        _ => (height - y, x),
    };
    let letters = letter.letters.as_deref().map_or_else(|| "\u{fffd}".to_owned(), spelt);
    Glyph { x, y, advance: letter.along.hypot() as f32, size: letter.up.hypot() as f32, letters }
}

/// Where that is on the page as it is.
fn back([left, top, right, bottom]: [f32; 4], turn: usize, width: f32, height: f32) -> [f32; 4] {
    match turn {
        0 => [left, top, right, bottom],
        1 => [width - bottom, left, width - top, right],
        2 => [width - right, height - bottom, width - left, height - top],
        _ => [top, height - right, bottom, height - left],
    }
}

/// Ligatures as letters; no soft hyphens, no characters that only steer.
fn spelt(letters: &str) -> String {
    let mut spelt = String::with_capacity(letters.len());
    for letter in letters.chars() {
        match letter {
            '\u{fb00}' => spelt.push_str("ff"),
            '\u{fb01}' => spelt.push_str("fi"),
            '\u{fb02}' => spelt.push_str("fl"),
            '\u{fb03}' => spelt.push_str("ffi"),
            '\u{fb04}' => spelt.push_str("ffl"),
            '\u{ad}' => spelt.push('-'),
            letter if letter.is_whitespace() => spelt.push(' '),
            letter if steers(letter) => {}
            letter => spelt.push(letter),
        }
    }
    // Letters that say nothing still take their room.
    if spelt.is_empty() { " ".to_owned() } else { spelt }
}

/// As a frame.
pub(super) fn text(number: u32, (width, height): (f32, f32), layer: bool, laid: Laid) -> Text {
    Text { number, width, height, layer, blank: None, text: laid.text, words: laid.words }
}
