//! Words that stand side by side on the page.

use super::words::Piece;

/// Words share a line if their heights overlap by this part of the lower one.
const OVERLAP: f32 = 0.5;
/// … and do not cover each other by more than this part of the narrower one.
const COVER: f32 = 0.5;
/// How many of the last lines a word may join: two columns set differently have some side by side.
const OPEN_LINES: usize = 8;
/// Pieces nearer than this are one word; of the smaller font's size.
const ONE_WORD: f32 = 0.12;
/// Words further apart than this stand in different columns.
const COLUMN: f32 = 0.75;
/// A digit is an exponent if it is smaller than this, and raised by that, of the font before it.
const EXPONENT_SIZE: f32 = 0.82;
const EXPONENT_RISE: f32 = 0.2;

/// Words with single blanks between them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) words: Vec<Piece>,
}

impl Cell {
    pub(super) fn left(&self) -> f32 {
        self.words.first().map_or(0.0, |word| word.left)
    }

    pub(super) fn right(&self) -> f32 {
        self.words.iter().map(|word| word.right).fold(f32::MIN, f32::max)
    }

    /// Letters, blanks between words counted.
    pub(super) fn length(&self) -> usize {
        self.words.iter().map(|word| word.text.chars().count() + 1).sum::<usize>().saturating_sub(1)
    }
}

/// A line of the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) baseline: f32,
    pub(super) cells: Vec<Cell>,
}

pub(super) fn of(mut pieces: Vec<Piece>) -> Vec<Line> {
    pieces.sort_by(|a, b| a.baseline.total_cmp(&b.baseline).then(a.left.total_cmp(&b.left)));
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for piece in pieces {
        let first = lines.len().saturating_sub(OPEN_LINES);
        let home = lines[first..]
            .iter()
            .enumerate()
            .map(|(at, line)| (first + at, overlap(line, &piece)))
            .filter(|(at, overlap)| *overlap >= OVERLAP && !covers(&lines[*at], &piece))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match home {
            Some((at, _)) => lines[at].push(piece),
            None => lines.push(vec![piece]),
        }
    }
    let mut lines: Vec<Line> = lines.into_iter().map(line).collect();
    lines.sort_by(|a, b| a.baseline.total_cmp(&b.baseline));
    lines
}

/// How much of the lower one's height a word shares with the line's tallest.
fn overlap(line: &[Piece], piece: &Piece) -> f32 {
    let Some(tallest) = line.iter().max_by(|a, b| a.size.total_cmp(&b.size)) else { return 0.0 };
    let shared = tallest.bottom().min(piece.bottom()) - tallest.top().max(piece.top());
    shared / (0.95 * tallest.size.min(piece.size))
}

fn covers(line: &[Piece], piece: &Piece) -> bool {
    line.iter().any(|other| {
        let shared = other.right.min(piece.right) - other.left.max(piece.left);
        shared > COVER * (other.right - other.left).min(piece.right - piece.left) && shared > 0.0
    })
}

fn line(mut pieces: Vec<Piece>) -> Line {
    pieces.sort_by(|a, b| a.left.total_cmp(&b.left));
    // That of its largest words: exponents and small print do not move it.
    let size = pieces.iter().map(|piece| piece.size).fold(0.0, f32::max);
    let largest: Vec<f32> = pieces.iter().filter(|it| it.size >= 0.9 * size).map(|it| it.baseline).collect();
    let baseline = largest.iter().sum::<f32>() / largest.len().max(1) as f32;
    let mut cells: Vec<Cell> = Vec::new();
    for mut piece in pieces {
        let Some(cell) = cells.last_mut() else {
            cells.push(Cell { words: vec![piece] });
            continue;
        };
        let Some(last) = cell.words.last_mut() else { continue };
        let gap = piece.left - last.right;
        let size = last.size.min(piece.size);
        if gap < ONE_WORD * size {
            if is_exponent(last, &piece) {
                piece.text = piece.text.chars().map(raised).collect();
            }
            last.text.push_str(&piece.text);
            last.right = last.right.max(piece.right);
            last.size = last.size.max(piece.size);
            last.baseline = last.baseline.max(piece.baseline);
        } else if gap <= COLUMN * last.size.max(piece.size) {
            cell.words.push(piece);
        } else {
            cells.push(Cell { words: vec![piece] });
        }
    }
    Line { baseline, cells }
}

fn is_exponent(base: &Piece, piece: &Piece) -> bool {
    piece.size <= EXPONENT_SIZE * base.size
        && base.baseline - piece.baseline >= EXPONENT_RISE * base.size
        && base.text.ends_with(|letter: char| letter.is_ascii_digit())
        && piece
            .text
            .chars()
            .all(|letter| letter.is_ascii_digit() || matches!(letter, '-' | '+' | '\u{2212}'))
}

fn raised(letter: char) -> char {
    match letter {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        '+' => '⁺',
        _ => '⁻',
    }
}
