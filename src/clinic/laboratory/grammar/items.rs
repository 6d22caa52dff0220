//! What stands behind a name: numbers, bounds, findings, units, ranges, flags, and what is not understood.

use super::{
    lines::{Comparator, Kind, Lexeme, Line},
    words::{self, Finding, Label},
};
use crate::clinic::laboratory::{
    bands,
    decimal::{Convention, Decimal},
    flags::Printed,
    ranges::{self, Range},
    units::{Unit, spelling},
};

/// A part of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: What,
    /// First lexeme.
    pub at: usize,
    /// After its last.
    pub end: usize,
}

/// Kinds of parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A number.
    Number(Decimal),
    /// A bounded number: a value or a range.
    Bounded(Comparator, Decimal),
    /// A result in words.
    Finding(Finding),
    /// `46,XX`
    Karyotype(String),
    /// Its unit.
    Unit(Unit),
    /// Its range.
    Range(Range),
    /// `35-40 anni: 0,8 - 6,0`: whom a range is for, by age. The rest of its cell is not read.
    Band,
    /// A sign of the laboratory.
    Flag(Printed),
    /// `Risultato:`
    Label(Label),
    /// `-` in a cell of its own: no value.
    Missing,
    /// Not understood; the rest of its cell is not read either.
    Opaque,
}

/// The parts between two lexemes.
pub fn read(line: &Line<'_>, from: usize, to: usize, convention: Convention) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut at, mut has_number) = (from, false);
    while at < to {
        let reader = Reader { line, at, to, convention, has_number };
        let Some((kind, end)) = reader.item() else {
            at += 1;
            continue;
        };
        let hides = matches!(kind, What::Opaque | What::Band);
        let end = if hides { line.cell_end(at).min(to) } else { end };
        has_number |= matches!(kind, What::Number(_) | What::Bounded(..));
        items.push(Item { kind, at, end });
        at = end.max(at + 1);
    }
    items
}

struct Reader<'l, 't> {
    line: &'l Line<'t>,
    at: usize,
    to: usize,
    convention: Convention,
    has_number: bool,
}

impl Reader<'_, '_> {
    /// The next part; nothing, for a sign without meaning.
    fn item(&self) -> Option<(What, usize)> {
        let lexeme = &self.line.lexemes[self.at];
        if let Some(karyotype) = self.karyotype() {
            return Some(karyotype);
        }
        if let Some((unit, end)) = self.unit() {
            return Some((What::Unit(unit), end));
        }
        if bands::begins(self.line, self.at) {
            return Some((What::Band, self.at + 1));
        }
        if let Some((range, end)) =
            ranges::read(self.line, self.at, self.convention).filter(|(_, end)| *end <= self.to)
        {
            return Some((What::Range(range), end));
        }
        match lexeme.kind {
            Kind::Number => Some(self.number()),
            Kind::Comparator(comparator) => Some(self.bounded(comparator)),
            Kind::Word => self.word(),
            Kind::Date(_) => Some((What::Opaque, self.at + 1)),
            Kind::Sign(sign) => self.sign(sign),
        }
    }

    fn unit(&self) -> Option<(Unit, usize)> {
        let lexeme = &self.line.lexemes[self.at];
        let text = &self.line.text[lexeme.start..];
        let flattened = || if self.has_number { spelling::read_flattened(text) } else { None };
        let (unit, length) = spelling::read(text).or_else(flattened)?;
        Some((unit, self.line.lexeme_from(self.at, lexeme.start + length)))
    }

    /// A number that is nothing else: no time, no titre, no ordinal, no size.
    fn number(&self) -> (What, usize) {
        let value = self.number_at(self.at);
        (value.map_or(What::Opaque, What::Number), self.at + 1)
    }

    fn number_at(&self, at: usize) -> Option<Decimal> {
        Decimal::read(&self.line.lexemes[at].folded, self.convention).filter(|_| !self.is_part_of_more(at))
    }

    /// Whether what stands behind a number makes it something else: `8:45`, `1:16`, `3a`, `72 x 41`, `60'`.
    fn is_part_of_more(&self, at: usize) -> bool {
        let lexeme = &self.line.lexemes[at];
        let Some(next) = self.line.lexemes.get(at + 1).filter(|it| it.cell == lexeme.cell) else {
            return false;
        };
        let is_unit = || {
            let text = &self.line.text[next.start..];
            spelling::read(text).is_some() || spelling::read_flattened(text).is_some()
        };
        let is_attached = next.start == lexeme.end;
        match next.kind {
            Kind::Sign(':' | '/') => self.line.lexemes.get(at + 2).is_some_and(|it| it.kind == Kind::Number),
            // `60'` is a time, `6+7` a sum, `2+` a degree.
            Kind::Sign('\'' | '’' | '′' | '+') => is_attached,
            Kind::Sign('×') => !is_unit(),
            // Somebody was not sure: `95?`
            Kind::Sign('?') => true,
            // `5,1-` is how some write that it is less than 0.
            Kind::Sign('-' | '−') => is_attached && self.line.cell_end(at) == at + 2,
            Kind::Word if next.folded == "x" => !is_unit(),
            Kind::Word if is_attached => !is_flag_word(&self.line.text[next.start..next.end]) && !is_unit(),
            _ => false,
        }
    }

    /// `< 0,1`; without a number it is a sign that the value is below or above its range.
    fn bounded(&self, comparator: Comparator) -> (What, usize) {
        let (cell, at) = (self.line.lexemes[self.at].cell, self.at + 1);
        let number = self.line.lexemes.get(at).filter(|it| it.kind == Kind::Number && at < self.to);
        // Before any number, a sign in a column of its own belongs to the number in the next one, unless a range begins
        // there.
        let is_its = |it: &&Lexeme| {
            it.cell == cell || (!self.has_number && ranges::read(self.line, at, self.convention).is_none())
        };
        match number.filter(is_its) {
            Some(_) => {
                let value = self.number_at(at);
                (value.map_or(What::Opaque, |it| What::Bounded(comparator, it)), at + 1)
            }
            None if comparator.is_upper_bound() => (What::Flag(Printed::Low), self.at + 1),
            None => (What::Flag(Printed::High), self.at + 1),
        }
    }

    /// A result in words, a label, a flag; nothing, for a specimen or a method in a column of its own.
    fn word(&self) -> Option<(What, usize)> {
        let lexeme = &self.line.lexemes[self.at];
        if let Some((finding, end)) = words::finding(self.line, self.at) {
            return Some((What::Finding(finding), end));
        }
        if let Some((label, end)) = words::label(self.line, self.at) {
            return Some((What::Label(label), end));
        }
        let flag = match &self.line.text[lexeme.start..lexeme.end] {
            "H" | "HH" | "High" | "HIGH" | "Alto" | "ALTO" => Some(Printed::High),
            // Beside an Italian `B`, `A` is high; elsewhere it is abnormal. Either way it is not normal.
            "L" | "LL" | "B" | "Low" | "LOW" | "Basso" | "BASSO" => Some(Printed::Low),
            "A" => Some(Printed::Abnormal),
            _ => None,
        };
        match flag {
            Some(flag) => Some((What::Flag(flag), self.at + 1)),
            None if words::is_neutral(&lexeme.folded) => None,
            None => Some((What::Opaque, self.at + 1)),
        }
    }

    fn sign(&self, sign: char) -> Option<(What, usize)> {
        let end = self.at + 1;
        let stands_alone = self.line.is_head(self.at) && self.line.cell_end(self.at) == end;
        let is_before_number = || {
            self.line.lexemes.get(end).is_some_and(|it| it.kind == Kind::Number) && !self.line.is_head(end)
        };
        match sign {
            // Nothing that is measured here is less than 0, or is printed as being about something.
            _ if self.line.is_minus(self.at) => Some((What::Opaque, end)),
            '~' | '≈' | '∼' | '≃' | '?' if is_before_number() => Some((What::Opaque, end)),
            '*' | '!' => Some((What::Flag(Printed::Abnormal), end)),
            '↑' | '▲' | '⇑' => Some((What::Flag(Printed::High), end)),
            '↓' | '▼' | '⇓' => Some((What::Flag(Printed::Low), end)),
            '-' | '–' | '—' if stands_alone => Some((What::Missing, end)),
            _ => None,
        }
    }

    /// `46,XX`, `46, XX`, `45,X[4]/46,XX[26]`: two figures, a comma, sex chromosomes, and what goes on behind them.
    fn karyotype(&self) -> Option<(What, usize)> {
        let [number, comma, sexes] = self.line.lexemes.get(self.at..self.at + 3)? else { return None };
        let is_one = number.kind == Kind::Number
            && number.folded.len() == 2
            && comma.kind == Kind::Sign(',')
            && sexes.kind == Kind::Word
            && sexes.folded.starts_with(['x', 'y'])
            && sexes.folded.chars().all(|it| matches!(it, 'x' | 'y' | '0'))
            && sexes.cell == number.cell;
        is_one.then(|| {
            let end = self.line.lexemes[self.line.cell_end(self.at) - 1].end;
            let (rest, length) = iscn(&self.line.text[sexes.start..end]);
            let written = format!("{},{rest}", number.folded);
            (What::Karyotype(written), self.line.lexeme_from(self.at, sexes.start + length))
        })
    }
}

/// What ISCN calls changes.
const CHANGES: [&str; 18] = [
    "add", "del", "der", "dic", "dmin", "dup", "fra", "i", "idic", "ins", "inv", "mar", "psu", "r", "rea",
    "rob", "t", "trp",
];

/// The rest of a karyotype without its blanks, and how many bytes it has with them. Behind a blank it goes on with cells
/// (`[30]`), another line of cells (`/ 46,XX`), or what is changed (`t(9;22)`, `+21`); anything else is a remark.
fn iscn(text: &str) -> (String, usize) {
    let mut written = String::new();
    let (mut end, mut is_named) = (0, false);
    for piece in text.split_inclusive(' ') {
        let word = piece.trim_end();
        let bare = word.trim_start_matches(['+', '-']);
        let name = &bare[..bare.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(bare.len())];
        let is_change =
            CHANGES.contains(&name) || (bare != word && bare.starts_with(|c: char| c.is_ascii_digit()));
        let goes_on = written.is_empty()
            || written.ends_with('/')
            || word.starts_with(['[', '/'])
            || (is_named && word.starts_with('('))
            || (is_change && (written.ends_with(',') || bare[name.len()..].starts_with('(')))
            || word.is_empty();
        if !goes_on {
            break;
        }
        if is_change && !written.ends_with(',') {
            written.push(' ');
        }
        written.push_str(word);
        end += piece.len();
        is_named = is_change && name == bare;
    }
    let whole = written.trim_end_matches(['.', ',', ';', '/']);
    // `(46,XX)`: the bracket was opened before.
    let is_closed = whole.matches(')').count() > whole.matches('(').count();
    let whole = whole.strip_suffix(')').filter(|_| is_closed).unwrap_or(whole);
    (whole.to_owned(), end)
}

fn is_flag_word(text: &str) -> bool {
    matches!(text, "H" | "L" | "HH" | "LL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn kinds(text: &str) -> Vec<String> {
        let lines = lines(text);
        let items = read(&lines[0], 0, lines[0].lexemes.len(), Convention::Comma);
        let show = |it: Item| match it.kind {
            What::Number(value) => value.to_string(),
            What::Bounded(comparator, value) => format!("{}{value}", comparator.as_str()),
            What::Finding(finding) => finding.as_str().to_owned(),
            What::Karyotype(text) => text,
            What::Unit(unit) => unit.to_string(),
            What::Range(range) => {
                let end = |it: Option<Decimal>| it.map_or_else(String::new, |it| it.to_string());
                format!("{}..{}", end(range.low), end(range.high))
            }
            What::Flag(flag) => format!("{flag:?}"),
            What::Label(label) => format!("{label:?}"),
            What::Band => "band".to_owned(),
            What::Missing => "missing".to_owned(),
            What::Opaque => "?".to_owned(),
        };
        items.into_iter().map(show).collect()
    }

    #[test]
    fn parts_are_told_apart_by_their_form() {
        assert_eq!(kinds("7,2 * mUI/mL   3,5 - 12,5"), ["7.2", "Abnormal", "m[IU]/mL", "3.5..12.5"]);
        assert_eq!(kinds("< 0,1   ng/mL   (fino a 25)"), ["<0.1", "ng/mL", "..25"]);
        assert_eq!(kinds("42,5 10^6/mL  > 16"), ["42.5", "10*6/mL", ">16"]);
        assert_eq!(kinds("4,38   106/µL   3,8 - 5,2"), ["4.38", "10*6/uL", "3.8..5.2"]);
        assert_eq!(kinds("106/µL"), ["106", "/uL"]);
        assert_eq!(kinds("0,8 <   mUI/mL"), ["0.8", "Low", "m[IU]/mL"]);
        assert_eq!(kinds("Non reattivo   Non reattivo"), ["negative", "negative"]);
        assert_eq!(kinds("41   -   52"), ["41", "missing", "52"]);
        assert_eq!(kinds("46,XX"), ["46,XX"]);
        assert_eq!(kinds("45,X[4]/46,XX[26]"), ["45,X[4]/46,XX[26]"]);
        assert_eq!(kinds("Risultato: 18,3   U.M.: UI/L"), ["Result", "18.3", "Unit", "[IU]/L"]);
        assert_eq!(kinds("7,1H   13↑"), ["7.1", "High", "13", "High"]);
    }

    #[test]
    fn what_is_not_understood_hides_the_rest_of_its_cell() {
        assert_eq!(kinds("vedi nota (1)   3,5 - 12,5"), ["?", "3.5..12.5"]);
        assert_eq!(kinds("72 x 41 x 38 mm"), ["?"]);
        assert_eq!(kinds("1:8   08:45   120/80"), ["?", "?", "?"]);
        assert_eq!(kinds("3a generazione 5"), ["?"]);
        assert_eq!(kinds("12/03/2024 7,2"), ["?"]);
    }
}
