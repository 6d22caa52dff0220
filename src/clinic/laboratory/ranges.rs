//! Reference ranges as they are printed.
//!
//! There are no ranges of our own here: what is normal depends on the method, and the laboratory says it. (The limits that
//! gradings compare with are the rules', each with its source.)
//!
//! Invariant: a range is understood as a whole or not at all, and its lower end is not above its upper.

use std::cmp::Ordering;

use super::{
    decimal::{Convention, Decimal},
    grammar::{
        lines::{Comparator, Kind, Line},
        words,
    },
};

/// Whom a range is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Population {
    /// Nobody in particular.
    Everyone,
    /// Men.
    Men,
    /// Women.
    Women,
    /// Women before ovulation.
    Follicular,
    /// Women at ovulation.
    Ovulatory,
    /// Women after ovulation.
    Luteal,
    /// Women after menopause.
    Postmenopausal,
}

/// A printed range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Whom it is for.
    pub population: Population,
    /// Lower end.
    pub low: Option<Decimal>,
    /// Upper end.
    pub high: Option<Decimal>,
    /// Whether its one end is not of it: `< 25`, `inferiore a 25`.
    pub is_open: bool,
}

/// Signs between two ends.
pub(super) const DASHES: [char; 8] = ['-', '–', '—', '÷', '~', '‐', '−', '‑'];
/// Words before an upper end, each with the word that may follow.
pub(super) const UPPER: [&str; 10] =
    ["fino", "inferiore", "inf", "minore", "max", "up", "below", "under", "less", "sino"];
/// Words before a lower end.
pub(super) const LOWER: [&str; 9] =
    ["superiore", "sup", "maggiore", "oltre", "over", "above", "greater", "more", "almeno"];
/// So many signs may stand before a range: `: (`.
const OPENING_MAX: usize = 2;
/// So many words and signs may stand behind one of these: `inf. a`.
const LINKS_MAX: usize = 2;
/// Words whose end is of the range; that of the others is not.
const INCLUSIVE: [&str; 5] = ["fino", "max", "up", "sino", "almeno"];
/// Words that follow these.
pub(super) const LINKS: [&str; 4] = ["a", "to", "than", "di"];

/// The range that begins at a lexeme, and where it ends. A comparator with a number is none: it may be the value.
pub fn read(line: &Line<'_>, at: usize, convention: Convention) -> Option<(Range, usize)> {
    let (population, mut from) = population(line, at);
    let named = from > at;
    for _ in 0..OPENING_MAX {
        from += usize::from(sign(line, from).is_some_and(|it| matches!(it, ':' | '(' | '[')));
    }
    let reader = Reader { line, convention };
    let found = reader
        .two_ends(from)
        .or_else(|| reader.one_end_in_words(from))
        .or_else(|| reader.bounded(from).filter(|_| named));
    let Ends { low, high, is_open, mut end } = found?;
    if sign(line, end).is_some_and(|it| matches!(it, ')' | ']')) {
        end += 1;
    }
    let is_ordered = low.zip(high).is_none_or(|(low, high)| low.compare(high) != Ordering::Greater);
    is_ordered.then_some((Range { population, low, high, is_open }, end))
}

/// A comparator and its number as a range.
pub const fn of_bound(comparator: Comparator, end: Decimal) -> Range {
    let is_open = matches!(comparator, Comparator::Less | Comparator::Greater);
    let (low, high) = if comparator.is_upper_bound() { (None, Some(end)) } else { (Some(end), None) };
    Range { population: Population::Everyone, low, high, is_open }
}

/// Two ends, both of the range, for everyone.
pub const fn between(low: Decimal, high: Decimal) -> Range {
    Range { population: Population::Everyone, low: Some(low), high: Some(high), is_open: false }
}

/// `Fase follicolare:`, `M:`; a letter alone needs its colon.
pub(super) fn population(line: &Line<'_>, at: usize) -> (Population, usize) {
    if let Some((population, end)) = words::population(line, at) {
        return (population, end);
    }
    let letter =
        line.lexemes.get(at).filter(|_| sign(line, at + 1) == Some(':')).map(|it| it.folded.as_str());
    match letter {
        Some("m" | "u") => (Population::Men, at + 1),
        Some("f" | "d" | "w") => (Population::Women, at + 1),
        _ => (Population::Everyone, at),
    }
}

pub(super) fn sign(line: &Line<'_>, at: usize) -> Option<char> {
    if let Kind::Sign(sign) = line.lexemes.get(at)?.kind { Some(sign) } else { None }
}

struct Reader<'l, 't> {
    line: &'l Line<'t>,
    convention: Convention,
}

struct Ends {
    low: Option<Decimal>,
    high: Option<Decimal>,
    is_open: bool,
    /// After the last lexeme.
    end: usize,
}

impl Reader<'_, '_> {
    fn number(&self, at: usize) -> Option<Decimal> {
        let lexeme = self.line.lexemes.get(at).filter(|it| it.kind == Kind::Number)?;
        Decimal::read(&lexeme.folded, self.convention)
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.line.lexemes.get(at).filter(|it| it.kind == Kind::Word).map(|it| it.folded.as_str())
    }

    fn is_same_cell(&self, first: usize, last: usize) -> bool {
        self.line.lexemes.get(last).is_some_and(|it| it.cell == self.line.lexemes[first].cell)
    }

    /// `3,5 - 12,5`, `da 3,5 a 12,5`, `3.5 to 12.5`, `tra 3,5 e 12,5`.
    fn two_ends(&self, at: usize) -> Option<Ends> {
        let opens = self.word(at).is_some_and(|it| matches!(it, "da" | "from" | "tra" | "between" | "fra"));
        let first = at + usize::from(opens);
        let low = self.number(first)?;
        let joins = sign(self.line, first + 1).is_some_and(|it| DASHES.contains(&it))
            || self.word(first + 1).is_some_and(|it| matches!(it, "a" | "to" | "e" | "and"));
        let high = self.number(first + 2).filter(|_| joins && self.is_same_cell(first, first + 2))?;
        // `12-03-2024` and `1-2-3` are no ranges.
        let goes_on = sign(self.line, first + 3).is_some_and(|it| DASHES.contains(&it))
            && self.line.is_attached(first + 2);
        (!goes_on).then_some(Ends { low: Some(low), high: Some(high), is_open: false, end: first + 3 })
    }

    /// `fino a 25`, `up to 25`, `superiore a 15`.
    fn one_end_in_words(&self, at: usize) -> Option<Ends> {
        let word = self.word(at)?;
        let is_upper = UPPER.contains(&word);
        if !is_upper && !LOWER.contains(&word) {
            return None;
        }
        let mut from = at + 1;
        for _ in 0..LINKS_MAX {
            from += usize::from(
                sign(self.line, from) == Some('.') || self.word(from).is_some_and(|it| LINKS.contains(&it)),
            );
        }
        let number = self.number(from).filter(|_| self.is_same_cell(at, from))?;
        let (low, high) = if is_upper { (None, Some(number)) } else { (Some(number), None) };
        Some(Ends { low, high, is_open: !INCLUSIVE.contains(&word), end: from + 1 })
    }

    /// `< 25`, `≥ 15`.
    fn bounded(&self, at: usize) -> Option<Ends> {
        let Kind::Comparator(comparator) = self.line.lexemes.get(at)?.kind else { return None };
        let end = self.number(at + 1)?;
        let Range { low, high, is_open, .. } = of_bound(comparator, end);
        Some(Ends { low, high, is_open, end: at + 2 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn range(text: &str) -> Option<(Population, String, String)> {
        let lines = lines(text);
        let (range, end) = read(&lines[0], 0, Convention::Comma)?;
        assert_eq!(end, lines[0].lexemes.len(), "{text} is read to its end");
        let show = |it: Option<Decimal>| it.map_or_else(String::new, |it| it.to_string());
        Some((range.population, show(range.low), show(range.high)))
    }

    #[test]
    fn ranges_are_printed_in_many_ways() {
        for text in [
            "3,5 - 12,5",
            "3,5-12,5",
            "3,5–12,5",
            "3,5 ÷ 12,5",
            "(3,5 - 12,5)",
            "[3,5 - 12,5]",
            "da 3,5 a 12,5",
            "3.5 to 12.5",
            "from 3.5 to 12.5",
            "tra 3,5 e 12,5",
        ] {
            assert_eq!(range(text), Some((Population::Everyone, "3.5".into(), "12.5".into())), "{text}");
        }
        for text in ["fino a 25", "inferiore a 25", "inf. a 25", "up to 25", "less than 25"] {
            assert_eq!(range(text), Some((Population::Everyone, String::new(), "25".into())), "{text}");
        }
        for text in ["superiore a 15", "over 15", "greater than 15", "maggiore di 15"] {
            assert_eq!(range(text), Some((Population::Everyone, "15".into(), String::new())), "{text}");
        }
    }

    #[test]
    fn an_end_is_of_its_range_or_not() {
        let is_open = |text| {
            let lines = lines(text);
            read(&lines[0], 0, Convention::Comma).unwrap().0.is_open
        };
        for text in ["inferiore a 25", "less than 25", "superiore a 15", "Donne: < 25", "M: > 15"] {
            assert!(is_open(text), "{text}");
        }
        for text in ["3,5 - 12,5", "fino a 25", "up to 25", "almeno 15", "Donne: ≤ 25", "M: >= 15"] {
            assert!(!is_open(text), "{text}");
        }
    }

    #[test]
    fn a_range_says_whom_it_is_for() {
        let of = |text| range(text).unwrap().0;
        assert_eq!(of("Fase follicolare: 3,5 - 12,5"), Population::Follicular);
        assert_eq!(of("Post-menopausa: < 54,7"), Population::Postmenopausal);
        assert_eq!(of("Luteal phase 1.7 - 7.7"), Population::Luteal);
        assert_eq!(of("Donne: 12 - 16"), Population::Women);
        assert_eq!(of("M: 13,5-17,5"), Population::Men);
    }

    #[test]
    fn what_is_not_understood_is_no_range() {
        for text in
            ["7,2", "< 25", "12 - 5", "1-2-3", "12-03-2024", "3,5  -  12,5", "vedi 3 - 5", "fino", "", "da 3"]
        {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
