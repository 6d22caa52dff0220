//! Pages, lines, cells and lexemes of a text.
//!
//! A page ends with a form feed. A cell ends where two blanks, a tab, a bar or a row of dots stand: that is what is left of
//! a table in the text of a PDF.
//!
//! Invariants
//! - Reading is linear: every byte is looked at a bounded number of times.
//! - A line longer than [`LINE_BYTES_MAX`] is read in pieces, so whatever is quadratic in a line has a bound.

use jiff::civil::Date;

use crate::clinic::laboratory::{dates, names::dictionary::fold};

/// A line of a page set as small as it can be read has some hundreds.
pub const LINE_BYTES_MAX: usize = 4096;
/// A date has at most ten.
const DATE_BYTES_MAX: usize = 10;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexeme {
    /// What it is.
    pub kind: Kind,
    /// First byte in the line.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
    /// Letters before it.
    pub column: usize,
    /// Cells before its own.
    pub cell: usize,
    /// Words in small letters without accents; numbers as they are.
    pub folded: String,
}

/// Kinds of lexemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Letters, and digits after the first.
    Word,
    /// Digits, with points and commas in between.
    Number,
    /// A day in figures, as far as it can be one.
    Date(dates::Written),
    /// `<`, `≥`, …
    Comparator(Comparator),
    /// Anything else.
    Sign(char),
}

/// How a value is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// `<`
    Less,
    /// `≤`
    AtMost,
    /// `>`
    Greater,
    /// `≥`
    AtLeast,
}

impl Comparator {
    /// As FHIR writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Whether the value lies below.
    pub const fn is_upper_bound(self) -> bool {
        matches!(self, Self::Less | Self::AtMost)
    }
}

/// A line, or a piece of one that is too long.
#[derive(Debug)]
pub struct Line<'a> {
    /// Without its end.
    pub text: &'a str,
    /// First byte in the whole text.
    pub start: usize,
    /// First byte of the line that it is a piece of.
    pub whole: usize,
    /// From 1.
    pub page: u32,
    /// In its page, from 1.
    pub number: u32,
    /// What it consists of.
    pub lexemes: Vec<Lexeme>,
}

impl Line<'_> {
    /// Whether a lexeme is the first of its cell.
    pub fn is_head(&self, at: usize) -> bool {
        at == 0 || self.lexemes[at - 1].cell != self.lexemes[at].cell
    }

    /// The first lexeme of the next cell.
    pub fn cell_end(&self, at: usize) -> usize {
        let cell = self.lexemes[at].cell;
        at + self.lexemes[at..].iter().take_while(|it| it.cell == cell).count()
    }

    /// Whether nothing stands between two neighbours.
    pub fn is_attached(&self, at: usize) -> bool {
        self.lexemes.get(at + 1).is_some_and(|next| next.start == self.lexemes[at].end)
    }

    /// Whether a minus sign stands directly before a number here. `3,5 -12,5` is a range, `TSH-3rd` a generation.
    pub fn is_minus(&self, at: usize) -> bool {
        const MINUS: [char; 6] = ['-', '–', '—', '‐', '−', '‑'];
        let is_sign = matches!(self.lexemes[at].kind, Kind::Sign(sign) if MINUS.contains(&sign));
        let before = at.checked_sub(1).map(|it| &self.lexemes[it]);
        let is_behind_number =
            before.is_some_and(|it| it.kind == Kind::Number && it.cell == self.lexemes[at].cell);
        let is_number = self.lexemes.get(at + 1).is_some_and(|it| it.kind == Kind::Number);
        is_sign && is_number && self.is_attached(at) && !is_behind_number && !self.is_ordinal(at + 1)
    }

    /// `3a`, `4th`, `3°`
    pub fn is_ordinal(&self, at: usize) -> bool {
        let behind = self.lexemes.get(at + 1).filter(|_| self.is_attached(at));
        behind.is_some_and(|it| {
            matches!(it.folded.as_str(), "a" | "rd" | "th" | "nd" | "st" | "ª" | "°")
                || matches!(it.kind, Kind::Sign('°' | 'ª'))
        })
    }

    /// A number that is one: `3a`.
    pub fn is_ordinal_number(&self, at: usize) -> bool {
        self.lexemes.get(at).is_some_and(|it| it.kind == Kind::Number) && self.is_ordinal(at)
    }

    /// The first lexeme at or after a byte.
    pub fn lexeme_from(&self, mut at: usize, byte: usize) -> usize {
        while self.lexemes.get(at).is_some_and(|it| it.start < byte) {
            at += 1;
        }
        at
    }

    /// Words and numbers from a lexeme to the end of its cell, past the signs that stand within names.
    pub fn words(&self, at: usize) -> impl Iterator<Item = (usize, &str)> {
        let cell = self.lexemes.get(at).map(|it| it.cell);
        let near = self.lexemes.iter().enumerate().skip(at).take(NAME_LEXEMES_MAX);
        near.take_while(move |(_, it)| Some(it.cell) == cell)
            .take_while(|(_, it)| !matches!(it.kind, Kind::Sign(sign) if !NAME_SIGNS.contains(&sign)))
            .filter(|(_, it)| matches!(it.kind, Kind::Word | Kind::Number))
            .map(|(place, it)| (place, it.folded.as_str()))
    }
}

/// What may stand between the words of a name.
const NAME_SIGNS: [char; 14] = ['-', '–', '/', '\'', '’', '.', ',', '(', ')', '+', '&', '°', '"', '‐'];

/// A name with all its signs has no more.
const NAME_LEXEMES_MAX: usize = 32;

/// The lines of a text.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (page, content) in (1..).zip(text.split('\u{c}')) {
        let mut at = start;
        for (number, line) in (1..).zip(content.split('\n')) {
            let mut from = at;
            for piece in pieces(line.strip_suffix('\r').unwrap_or(line)) {
                lines.push(Line {
                    text: piece,
                    start: from,
                    whole: at,
                    page,
                    number,
                    lexemes: lexemes(piece),
                });
                from += piece.len();
            }
            at += line.len() + 1;
        }
        start += content.len() + 1;
    }
    lines
}

/// A line in pieces that are short enough, cut at blanks where there are some.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        if line.len() <= LINE_BYTES_MAX {
            rest = None;
            return Some(line);
        }
        let longest = line.floor_char_boundary(LINE_BYTES_MAX);
        let cut = line[..longest].rfind(' ').filter(|it| *it > 0).unwrap_or(longest);
        let (piece, after) = line.split_at(cut);
        rest = Some(after);
        Some(piece)
    })
}

/// What a line consists of.
fn lexemes(line: &str) -> Vec<Lexeme> {
    let mut lexer = Lexer { line, at: 0, column: 0, cell: 0, lexemes: Vec::new() };
    while lexer.at < line.len() {
        lexer.step();
    }
    lexer.lexemes
}

struct Lexer<'a> {
    line: &'a str,
    at: usize,
    column: usize,
    cell: usize,
    lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.line[self.at..];
        let Some(first) = rest.chars().next() else { return };
        if first.is_whitespace() || first.is_control() || first == '\u{feff}' {
            return self.gap(rest);
        }
        if first == '|' || is_leader(rest) {
            self.next_cell();
            let length = rest.len() - rest.trim_start_matches([first]).len();
            return self.advance(length);
        }
        if first.is_ascii_digit() {
            return self.figure(rest);
        }
        if self.is_cut(rest) {
            let length = 1 + rest[1..].find(|it: char| !is_figure(it)).unwrap_or(rest.len() - 1);
            return self.push(Kind::Number, length, rest[..length].to_owned());
        }
        if first.is_alphabetic() {
            let length = rest.find(|it: char| !it.is_alphanumeric()).unwrap_or(rest.len());
            return self.push(Kind::Word, length, fold(&rest[..length]));
        }
        let comparator = match first {
            '<' | '>' => {
                let or_equal = rest[1..].starts_with('=');
                let kind = match (first, or_equal) {
                    ('<', false) => Comparator::Less,
                    ('<', true) => Comparator::AtMost,
                    (_, false) => Comparator::Greater,
                    (_, true) => Comparator::AtLeast,
                };
                Some((kind, 1 + usize::from(or_equal)))
            }
            '≤' | '⩽' => Some((Comparator::AtMost, first.len_utf8())),
            '≥' | '⩾' => Some((Comparator::AtLeast, first.len_utf8())),
            _ => None,
        };
        match comparator {
            Some((comparator, length)) => self.push(Kind::Comparator(comparator), length, String::new()),
            None => self.push(Kind::Sign(first), first.len_utf8(), String::new()),
        }
    }

    /// `.5`, `,5`: a number whose beginning is not there. It stays one lexeme, which is read as no number: what was lost may
    /// have been more than a 0.
    fn is_cut(&self, rest: &str) -> bool {
        let is_behind = self.line[..self.at].ends_with(char::is_alphanumeric);
        !is_behind && rest.starts_with(['.', ',']) && rest[1..].starts_with(|it: char| it.is_ascii_digit())
    }

    /// Blanks: two of them, or a tab, end a cell.
    fn gap(&mut self, rest: &str) {
        let is_blank = |it: char| it.is_whitespace() || it.is_control() || it == '\u{feff}';
        let length = rest.find(|it: char| !is_blank(it)).unwrap_or(rest.len());
        let gap = &rest[..length];
        if gap.contains('\t') || gap.chars().count() > 1 {
            self.next_cell();
        }
        self.advance(length);
    }

    /// A date or a number.
    fn figure(&mut self, rest: &str) {
        let head = &rest[..rest.floor_char_boundary(DATE_BYTES_MAX + 1)];
        if let Some((written, length)) = dates::Written::read(head) {
            return self.push(Kind::Date(written), length, String::new());
        }
        let mut length = 0;
        let bytes = rest.as_bytes();
        while bytes.get(length).is_some_and(u8::is_ascii_digit)
            || (matches!(bytes.get(length), Some(b'.' | b','))
                && bytes.get(length + 1).is_some_and(u8::is_ascii_digit))
        {
            length += 1;
        }
        self.push(Kind::Number, length, rest[..length].to_owned());
    }

    fn next_cell(&mut self) {
        if self.lexemes.last().is_some_and(|it| it.cell == self.cell) {
            self.cell += 1;
        }
    }

    fn advance(&mut self, length: usize) {
        self.column += self.line[self.at..self.at + length].chars().count();
        self.at += length;
    }

    fn push(&mut self, kind: Kind, length: usize, folded: String) {
        let (start, column, cell) = (self.at, self.column, self.cell);
        self.lexemes.push(Lexeme { kind, start, end: start + length, column, cell, folded });
        self.advance(length);
    }
}

const fn is_figure(it: char) -> bool {
    it.is_ascii_digit() || matches!(it, '.' | ',')
}

/// Dots or lines that lead from a name to its value.
fn is_leader(rest: &str) -> bool {
    ["...", "___", "…", "---", "···"].iter().any(|it| rest.starts_with(it))
}

impl Kind {
    /// The day, if it is one, in the order of the document.
    pub fn date(self, order: Option<dates::Order>) -> Option<Date> {
        if let Self::Date(written) = self { written.day(order) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<String> {
        let line = &lines(text)[0];
        let mut cells = vec![String::new(); line.lexemes.last().map_or(0, |it| it.cell + 1)];
        for it in &line.lexemes {
            cells[it.cell].push_str(&text[it.start..it.end]);
            cells[it.cell].push(' ');
        }
        cells.into_iter().map(|it| it.trim().to_owned()).collect()
    }

    #[test]
    fn cells_end_where_a_table_had_its_columns() {
        assert_eq!(cells("FSH   7,2 *  mUI/mL\t3,5 - 12,5"), ["FSH", "7,2 *", "mUI / mL", "3,5 - 12,5"]);
        assert_eq!(cells("FSH ........ 7,2 mUI/ml"), ["FSH", "7,2 mUI / ml"]);
        assert_eq!(cells("| FSH | 7,2 |  | <25 |"), ["FSH", "7,2", "< 25"]);
        assert_eq!(cells("17-beta-Estradiolo 46,XX"), ["17 - beta - Estradiolo 46 , XX"]);
        assert_eq!(cells(""), [""; 0]);
    }

    #[test]
    fn places_are_those_of_the_whole_text() {
        let text = "a\r\nàb  c\u{c}\nd 12/03/2024";
        let lines = lines(text);
        for line in &lines {
            assert_eq!(&text[line.start..line.start + line.text.len()], line.text);
            assert_eq!(line.whole, line.start, "short lines are read as a whole");
        }
        let places: Vec<_> = lines.iter().map(|it| (it.page, it.number)).collect();
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 2)]);
        assert_eq!(lines[1].lexemes[1].column, 4, "columns count letters, not bytes");
        assert!(matches!(lines[3].lexemes[1].kind, Kind::Date(_)));
    }

    #[test]
    fn long_lines_are_read_in_pieces() {
        let text = "parola ".repeat(10_000);
        let lines = lines(&text);
        assert!(lines.len() > 10 && lines.iter().all(|it| it.text.len() <= LINE_BYTES_MAX && it.number == 1));
        assert!(lines.iter().all(|it| it.whole == 0), "whose they are is known");
        assert_eq!(lines.iter().map(|it| it.text.len()).sum::<usize>(), text.len());
        assert!(lines.iter().flat_map(|it| &it.lexemes).all(|it| it.folded == "parola"), "words stay whole");
    }
}
