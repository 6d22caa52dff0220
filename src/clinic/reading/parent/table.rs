//! The table that tesseract writes (TSV): a row for each word, with its line, its box in pixels and its confidence.

use super::figures::{Figures, Number};
use crate::clinic::reading::{
    document::{Blank, Origin, Page, Word},
    frames::Picture,
    order::TEXT_BYTES_MAX,
};

/// The head of the table.
const HEAD: &str =
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext";
/// How the row of a word begins: other levels are pages, blocks and lines.
const WORD: &str = "5\t";
/// A gap wider than this many times the height of the letters beside it divides columns.
const COLUMN: f32 = 1.1;
/// A letter nearer than so many heights may have been torn off a word.
const TORN: f32 = 0.3;
/// At least so many blanks stand between columns.
const COLUMN_BLANKS: usize = 3;
/// Words it is less sure of than this are noise, in percent.
const SURE_MIN: f32 = 5.0;
/// No page has more columns of letters.
const COLUMNS_MAX: f32 = 400.0;

/// A word of the table.
struct Row<'t> {
    line: (u32, u32, u32),
    left: f32,
    top: f32,
    width: f32,
    height: f32,
    confidence: f32,
    text: &'t str,
}

/// The page; `None` if that is no table. Places are turned back into the page's measure, not by the few degrees by which
/// the picture was turned.
pub(super) fn page(picture: &Picture, table: &[u8]) -> Option<Page> {
    Some(write(picture, &rows(table)?))
}

/// The text of a second reading, against which the first is held: question marks stand for numbers that are not as wide as
/// their figures ([`super::figures`]). How sure tesseract is of a number tells nothing more: it was measured. `None` if that is
/// no table.
pub(super) fn again(picture: &Picture, table: &[u8]) -> Option<String> {
    let rows = rows(table)?;
    let number = |row: &Row<'_>| Number::of(row.text, row.width, row.height);
    let numbers: Vec<Number> = rows.iter().filter_map(number).collect();
    let figures = Figures::of(&numbers);
    let fits = |row: &Row<'_>| figures.zip(number(row)).is_none_or(|(figures, number)| figures.fit(&number));
    let marks = |row: &Row<'_>| if fits(row) { String::new() } else { "?".repeat(row.text.len()) };
    let marks: Vec<String> = rows.iter().map(marks).collect();
    let marked = rows.into_iter().zip(&marks);
    let rows: Vec<Row<'_>> =
        marked.map(|(row, marks)| if marks.is_empty() { row } else { Row { text: marks, ..row } }).collect();
    Some(write(picture, &rows).text)
}

fn rows(table: &[u8]) -> Option<Vec<Row<'_>>> {
    let table = std::str::from_utf8(table).ok()?;
    let mut rows = table.lines();
    if rows.next()?.trim_end() != HEAD {
        return None;
    }
    Some(rows.filter_map(row).collect())
}

fn row(line: &str) -> Option<Row<'_>> {
    let line = line.strip_prefix(WORD)?;
    // Page, block, paragraph, line, word, left, top, width, height, confidence.
    let mut fields = line.splitn(11, '\t');
    let mut number = || fields.next()?.trim().parse::<f32>().ok().filter(|it| it.is_finite());
    let _page = number()?;
    let line = (number()? as u32, number()? as u32, number()? as u32);
    let _word = number()?;
    let (left, top, width, height) = (number()?, number()?, number()?, number()?);
    let confidence = number()?;
    let text = fields.next()?.trim();
    let is_word = !text.is_empty() && confidence >= SURE_MIN;
    is_word.then_some(Row { line, left, top, width, height, confidence, text })
}

fn write(picture: &Picture, rows: &[Row<'_>]) -> Page {
    let (across, down) =
        (picture.width / picture.pixels.0.max(1) as f32, picture.height / picture.pixels.1.max(1) as f32);
    let layout = Layout::of(rows);
    let mut text = String::new();
    let mut words: Vec<Word> = Vec::new();
    let (mut line, mut column) = (0, 0);
    let mut last: Option<&Row<'_>> = None;
    for row in rows {
        // More than this is refused.
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
        let blanks = match last {
            Some(last) if last.line == row.line => {
                let gap = (row.left - (last.left + last.width)) / last.height.max(row.height);
                if gap > COLUMN {
                    layout.column(row).saturating_sub(column).max(COLUMN_BLANKS)
                } else {
                    usize::from(!is_torn_off(last, row, gap))
                }
            }
            _ => {
                if last.is_some() {
                    text.push('\n');
                    line += 1;
                }
                column = 0;
                layout.column(row)
            }
        };
        text.extend(std::iter::repeat_n(' ', blanks));
        last = Some(row);
        let start = text.len() as u32;
        // It separates words by their places; blanks inside of one are none of the page's.
        text.extend(row.text.chars().filter(|letter| !letter.is_whitespace()));
        column += blanks + text[start as usize..].chars().count();
        let place = [
            row.left * across,
            row.top * down,
            (row.left + row.width) * across,
            (row.top + row.height) * down,
        ];
        let confidence = (row.confidence / 100.0).clamp(0.0, 1.0);
        words.push(Word { line, start, end: text.len() as u32, place, confidence });
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let sum: f32 = words.iter().map(|word| word.confidence).sum();
    let confidence = if words.is_empty() { 0.0 } else { sum / words.len() as f32 };
    let origin =
        if words.is_empty() { Origin::Blank(Blank::Nothing) } else { Origin::Picture { confidence } };
    let (number, width, height) = (picture.number, picture.width, picture.height);
    Page { number, width, height, origin, text, words, again: None }
}

/// Whether a word lacks its first letter, which was taken for one of its own: `E stradiolo`.
fn is_torn_off(first: &Row<'_>, rest: &Row<'_>, gap: f32) -> bool {
    let mut letters = first.text.chars();
    let is_capital = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    let goes_on = rest.text.chars().count() > 1 && rest.text.starts_with(char::is_lowercase);
    is_capital && goes_on && (-TORN..TORN).contains(&gap)
}

/// In which column of letters a word begins: tables stay tables.
struct Layout {
    left: f32,
    letter: f32,
}

impl Layout {
    fn of(rows: &[Row<'_>]) -> Self {
        let widths = rows.iter().filter_map(|row| {
            let letters = row.text.chars().count();
            (letters >= 3).then(|| row.width / letters as f32)
        });
        let mut widths: Vec<f32> = widths.collect();
        widths.sort_by(f32::total_cmp);
        let letter = widths.get(widths.len() / 2).copied().unwrap_or_default().max(1.0);
        Self { left: rows.iter().map(|row| row.left).fold(f32::MAX, f32::min), letter }
    }

    fn column(&self, row: &Row<'_>) -> usize {
        ((row.left - self.left) / self.letter).round().clamp(0.0, COLUMNS_MAX) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn picture() -> Picture {
        Picture {
            number: 1,
            width: 100.0,
            height: 200.0,
            pixels: (400, 800),
            turned: 0.0,
            bytes: 1,
            again_bytes: 1,
        }
    }

    #[test]
    fn words_of_a_line_stay_together_and_columns_apart() {
        let table = format!(
            "{HEAD}\n4\t1\t1\t1\t1\t0\t0\t0\t400\t20\t-1\t\n5\t1\t1\t1\t1\t1\t0\t0\t60\t20\t96.5\tBeta\n\
             5\t1\t1\t1\t1\t2\t68\t0\t60\t20\t90\tHCG\n5\t1\t1\t1\t1\t3\t300\t0\t40\t20\t80\t7,2\n\
             5\t1\t1\t1\t2\t1\t0\t30\t40\t20\t70\tLH\n"
        );
        let page = page(&picture(), table.as_bytes()).unwrap();
        assert_eq!(page.text, format!("Beta HCG{}7,2\nLH\n", " ".repeat(12)), "7,2 stands in column 20");
        let value = page.words[2];
        assert_eq!(&page.text[value.start as usize..value.end as usize], "7,2");
        assert_eq!(value.place.map(|side| side as i32), [75, 0, 85, 5]);
        assert_eq!((value.line, page.words[3].line), (0, 1));
        assert!(matches!(page.origin, Origin::Picture { confidence } if (confidence - 0.841).abs() < 0.001));
    }

    /// Words with their left edge, width and height, each line 40 pixels below the last.
    fn table(lines: &[&[(&str, u32, u32, u32)]]) -> String {
        let mut table = HEAD.to_owned();
        for (line, words) in lines.iter().enumerate() {
            for (word, (text, left, width, height)) in words.iter().enumerate() {
                let top = 40 * line;
                let place = format!("{left}\t{top}\t{width}\t{height}");
                write!(table, "\n5\t1\t1\t1\t{line}\t{word}\t{place}\t90\t{text}").unwrap();
            }
        }
        table
    }

    #[test]
    fn columns_of_a_table_stand_below_each_other() {
        let table = table(&[
            &[("Esame", 100, 50, 20), ("12/03", 300, 50, 20), ("14/06", 400, 50, 20)],
            &[("FSH", 100, 30, 20), ("7,2", 410, 30, 20)],
            &[("3,5", 300, 30, 20), ("-", 337, 7, 3), ("12,5", 350, 40, 20)],
        ]);
        let page = page(&picture(), table.as_bytes()).unwrap();
        let lines: Vec<_> = page.text.lines().collect();
        assert_eq!(lines[0].find("14/06"), Some(30));
        assert_eq!(lines[1].find("7,2"), Some(31));
        assert_eq!(lines[2].trim(), "3,5 - 12,5", "a dash is flat, and no wall between columns");
    }

    #[test]
    fn a_letter_that_was_torn_off_is_joined() {
        let lines: [&[(&str, u32, u32, u32)]; 3] = [
            &[("E", 0, 15, 20), ("stradiolo", 19, 100, 20)],
            &[("Vitamina", 0, 80, 20), ("E", 88, 12, 20), ("sierica", 110, 70, 20)],
            &[("A", 0, 15, 20), ("FSH", 19, 40, 20)],
        ];
        let page = page(&picture(), table(&lines).as_bytes()).unwrap();
        assert_eq!(page.text, "Estradiolo\nVitamina E sierica\nA FSH\n");
    }

    #[test]
    fn a_number_that_lost_its_comma_is_no_witness() {
        let numbers: &[_] = &[
            ("3,5", 0, 48, 36),
            ("12,5", 100, 68, 36),
            ("166", 200, 58, 30),
            ("2024", 300, 78, 30),
            ("7", 400, 18, 30),
            ("114", 500, 68, 30),
        ];
        let table = table(&[&[("FSH", 0, 60, 30)], numbers]);
        let text = again(&picture(), table.as_bytes()).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words, ["FSH", "3,5", "12,5", "166", "2024", "7", "???"]);
        let few = self::table(&[&[("FSH", 0, 60, 30), ("114", 500, 68, 30)]]);
        assert!(again(&picture(), few.as_bytes()).unwrap().contains("114"), "nothing to measure it by");
    }

    #[test]
    fn what_is_no_table_is_none() {
        assert_eq!(page(&picture(), b""), None);
        assert_eq!(again(&picture(), b""), None);
        assert_eq!(page(&picture(), b"\xff\xfe"), None);
        assert_eq!(page(&picture(), b"Empty page!!"), None);
        assert!(page(&picture(), HEAD.as_bytes()).unwrap().text.is_empty());
    }

    #[test]
    fn broken_rows_are_left_out() {
        let table = format!(
            "{HEAD}\n5\t1\t1\n5\t1\t1\t1\t1\t1\tNaN\t0\t60\t20\t96\tx\n5\t1\t1\t1\t1\t1\t0\t0\t6\t2\t1\ty\n"
        );
        assert!(page(&picture(), table.as_bytes()).unwrap().words.is_empty());
    }
}
