//! Letters that stand together.

use std::collections::HashSet;

use super::Glyph;

/// Letters further apart than this are not of one word; of a font's size.
const APART: f32 = 0.12;
/// Letters that overlap more than this do not follow each other.
const BACK: f32 = 0.5;
/// Baselines further apart than this are different.
const SHIFTED: f32 = 0.05;
/// The same letter nearer than this was drawn twice, to look bold.
const TWICE: f32 = 0.1;
/// What nobody can read is left out, and so is what is larger than a page; points.
const SIZES: std::ops::RangeInclusive<f32> = 0.5..=2000.0;

/// Letters that follow each other without a gap.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) left: f32,
    pub(super) right: f32,
    pub(super) baseline: f32,
    pub(super) size: f32,
    pub(super) text: String,
}

impl Piece {
    pub(super) fn top(&self) -> f32 {
        self.baseline - 0.75 * self.size
    }

    pub(super) fn bottom(&self) -> f32 {
        self.baseline + 0.2 * self.size
    }
}

pub(super) fn of(glyphs: &[Glyph]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut seen = HashSet::new();
    let mut open = false;
    for glyph in glyphs.iter().filter(|glyph| is_sound(glyph)) {
        if glyph.letters.chars().all(char::is_whitespace) {
            open = false;
            continue;
        }
        if is_drawn_again(&mut seen, glyph) {
            continue;
        }
        let right = glyph.x + glyph.advance.max(0.0);
        match pieces.last_mut() {
            Some(last) if open && follows(last, glyph) => {
                last.text.push_str(&glyph.letters);
                last.right = last.right.max(right);
            }
            _ => pieces.push(Piece {
                left: glyph.x,
                right,
                baseline: glyph.y,
                size: glyph.size,
                text: glyph.letters.clone(),
            }),
        }
        open = true;
    }
    pieces
}

fn is_sound(glyph: &Glyph) -> bool {
    let within = |value: f32| value.abs() <= 1e5;
    SIZES.contains(&glyph.size) && within(glyph.x) && within(glyph.y) && within(glyph.advance)
}

fn follows(last: &Piece, glyph: &Glyph) -> bool {
    let size = last.size.min(glyph.size);
    let gap = glyph.x - last.right;
    (glyph.y - last.baseline).abs() <= SHIFTED * size
        && (last.size - glyph.size).abs() <= 0.05 * size
        && gap <= APART * size
        && gap >= -BACK * size
}

/// Whether the same letter stands there already. Places are looked up in squares of the smallest distance.
fn is_drawn_again(seen: &mut HashSet<(String, i64, i64)>, glyph: &Glyph) -> bool {
    let side = TWICE * glyph.size;
    let (column, row) = ((glyph.x / side).floor() as i64, (glyph.y / side).floor() as i64);
    let near = (-1..=1).flat_map(|x| (-1..=1).map(move |y| (x, y)));
    let again = near.into_iter().any(|(x, y)| seen.contains(&(glyph.letters.clone(), column + x, row + y)));
    seen.insert((glyph.letters.clone(), column, row));
    again
}
