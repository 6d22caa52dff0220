//! How many blanks stand between what is apart on the page: what begins further right begins further right in the text, and
//! what begins at one place of the page begins at one place in every line.

use super::{
    Laid,
    lines::{Cell, Line},
};

/// Beyond this many cells, comparing each with each takes too long: places are read off a grid then.
const COMPARED: usize = 3000;
/// Letters of a line, however wide the page.
const COLUMN_MAX: usize = 400;
/// Empty lines that a hole in the page becomes at most.
const EMPTY_LINES_MAX: usize = 3;
/// A hole is higher than this many times the usual distance of lines.
const HOLE: f32 = 1.6;

pub(super) fn write(lines: &[Line]) -> Laid {
    let starts = starts(lines);
    let pitch = pitch(lines);
    let mut laid = Laid::default();
    let mut number = 0;
    let mut above: Option<f32> = None;
    let mut next = starts.into_iter();
    for line in lines {
        if let Some(above) = above {
            let empty = empty_lines(line.baseline - above, pitch);
            laid.text.extend(std::iter::repeat_n('\n', 1 + empty));
            number += 1 + empty as u32;
        }
        above = Some(line.baseline);
        write_line(&mut laid, number, line, &mut next);
    }
    if !laid.text.is_empty() {
        laid.text.push('\n');
    }
    laid
}

fn write_line(laid: &mut Laid, number: u32, line: &Line, starts: &mut impl Iterator<Item = usize>) {
    let mut length = 0;
    for cell in &line.cells {
        let start = starts.next().unwrap_or(0);
        let blanks = if length == 0 { start } else { start.saturating_sub(length).max(2) };
        laid.text.extend(std::iter::repeat_n(' ', blanks));
        for (at, word) in cell.words.iter().enumerate() {
            if at > 0 {
                laid.text.push(' ');
            }
            let begin = laid.text.len() as u32;
            laid.text.push_str(&word.text);
            let place = [word.left, word.top(), word.right, word.bottom()];
            laid.words.push((number, begin, laid.text.len() as u32, place));
        }
        length += blanks + cell.length();
    }
}

/// The distance that most lines have.
fn pitch(lines: &[Line]) -> f32 {
    let mut distances: Vec<f32> =
        lines.windows(2).map(|pair| pair[1].baseline - pair[0].baseline).filter(|it| *it > 1.0).collect();
    distances.sort_by(f32::total_cmp);
    distances.get(distances.len() / 3).copied().unwrap_or(12.0)
}

fn empty_lines(distance: f32, pitch: f32) -> usize {
    if distance <= HOLE * pitch {
        return 0;
    }
    ((distance / pitch).round() as usize).saturating_sub(1).clamp(1, EMPTY_LINES_MAX)
}

/// Where each cell begins, in letters, in the order of lines and cells.
fn starts(lines: &[Line]) -> Vec<usize> {
    let cells: Vec<&Cell> = lines.iter().flat_map(|line| &line.cells).collect();
    let leftmost = cells.iter().map(|cell| cell.left()).fold(f32::MAX, f32::min);
    if cells.len() > COMPARED {
        let letter = letter_width(&cells);
        return cells.iter().map(|it| (((it.left() - leftmost) / letter) as usize).min(COLUMN_MAX)).collect();
    }
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by(|a, b| cells[*a].left().total_cmp(&cells[*b].left()));
    let mut starts = vec![0; cells.len()];
    for (rank, at) in order.iter().enumerate() {
        let left = cells[*at].left();
        let start = order[..rank].iter().map(|other| after(cells[*other], starts[*other], left)).max();
        starts[*at] = start.unwrap_or(0).min(COLUMN_MAX);
    }
    starts
}

/// The least letter at which something may begin that begins here, seen from a cell that begins further left.
fn after(cell: &Cell, start: usize, left: f32) -> usize {
    let (begin, end) = (cell.left(), cell.right());
    if left >= end {
        return start + cell.length() + 2;
    }
    // It begins above or below some letter of that cell.
    let part = ((left - begin) / (end - begin).max(f32::EPSILON)).clamp(0.0, 1.0);
    start + (part * cell.length() as f32).round() as usize
}

/// As wide as half of the letters are at most.
fn letter_width(cells: &[&Cell]) -> f32 {
    let mut widths: Vec<f32> =
        cells.iter().map(|cell| (cell.right() - cell.left()) / cell.length().max(1) as f32).collect();
    widths.sort_by(f32::total_cmp);
    widths.get(widths.len() / 2).copied().unwrap_or(5.0).max(1.0)
}
