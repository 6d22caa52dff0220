//! The table that tesseract writes (TSV): a row for each word, with its line, its box in pixels and its confidence.

use crate::clinic::reading::{
    document::{Blank, Origin, Page, Word},
    frames::Picture,
};

/// The head of the table.
const HEAD: &str =
    "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext";
/// How the row of a word begins: other levels are pages, blocks and lines.
const WORD: &str = "5\t";
/// A gap wider than this many times the height of the line's letters divides columns.
const COLUMN: f32 = 1.1;
/// Words it is less sure of than this are noise, in percent.
const SURE_MIN: f32 = 5.0;

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
    let table = std::str::from_utf8(table).ok()?;
    let mut rows = table.lines();
    if rows.next()?.trim_end() != HEAD {
        return None;
    }
    let words: Vec<Row<'_>> = rows.filter_map(row).collect();
    Some(write(picture, &words))
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
    let mut text = String::new();
    let mut words: Vec<Word> = Vec::new();
    let mut line = 0;
    let mut last: Option<&Row<'_>> = None;
    for row in rows {
        match last {
            None => {}
            Some(last) if last.line != row.line => {
                text.push('\n');
                line += 1;
            }
            Some(last) => {
                let gap = row.left - (last.left + last.width);
                text.push_str(if gap > COLUMN * last.height.min(row.height) { "   " } else { " " });
            }
        }
        last = Some(row);
        let start = text.len() as u32;
        // It separates words by their places; blanks inside of one are none of the page's.
        text.extend(row.text.chars().filter(|letter| !letter.is_whitespace()));
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
    Page { number: picture.number, width: picture.width, height: picture.height, origin, text, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture { number: 1, width: 100.0, height: 200.0, pixels: (400, 800), turned: 0.0, bytes: 1 }
    }

    #[test]
    fn words_of_a_line_stay_together_and_columns_apart() {
        let table = format!(
            "{HEAD}\n4\t1\t1\t1\t1\t0\t0\t0\t400\t20\t-1\t\n5\t1\t1\t1\t1\t1\t0\t0\t60\t20\t96.5\tBeta\n\
             5\t1\t1\t1\t1\t2\t68\t0\t60\t20\t90\tHCG\n5\t1\t1\t1\t1\t3\t300\t0\t40\t20\t80\t7,2\n\
             5\t1\t1\t1\t2\t1\t0\t30\t40\t20\t70\tLH\n"
        );
        let page = page(&picture(), table.as_bytes()).unwrap();
        assert_eq!(page.text, "Beta HCG   7,2\nLH\n");
        let value = page.words[2];
        assert_eq!(&page.text[value.start as usize..value.end as usize], "7,2");
        assert_eq!(value.place.map(|side| side as i32), [75, 0, 85, 5]);
        assert_eq!((value.line, page.words[3].line), (0, 1));
        assert!(matches!(page.origin, Origin::Picture { confidence } if (confidence - 0.841).abs() < 0.001));
    }

    #[test]
    fn what_is_no_table_is_none() {
        assert_eq!(page(&picture(), b""), None);
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
