//! Ranges that are for an age, or for days: `35-40 anni: 0,8 - 6,0`.
//!
//! The figures of an age look like a range. Which band is the person's is not known where a text is read, so a band is only
//! recognised, and nothing of it is used.
//!
//! Invariant: two numbers with a word for years behind them, or a colon, are never a range.

use super::{
    grammar::lines::{Kind, Line},
    ranges::{DASHES, LINKS, LOWER, UPPER, population, sign},
};

/// Behind figures: those are an age, whatever follows.
const YEARS: [&str; 14] = [
    "anni",
    "anno",
    "aa",
    "yr",
    "yrs",
    "year",
    "years",
    "yo",
    "mesi",
    "months",
    "settimane",
    "settimana",
    "weeks",
    "sett",
];
/// Behind two figures and before a colon: a letter alone may be something else, and days are a unit, too.
const SHORT: [&str; 9] = ["a", "y", "d", "gg", "g", "giorni", "days", "giorno", "day"];
/// Before figures.
const AGE: [&str; 5] = ["eta", "age", "ages", "aged", "anni"];
/// So many signs may stand before figures: `: (`.
const SIGNS_MAX: usize = 2;
/// So many words and dots may stand between a word of a bound and its number: `sup. a`.
const LINKS_MAX: usize = 2;

/// Whether a band begins at a lexeme.
pub fn begins(line: &Line<'_>, at: usize) -> bool {
    let (_, at) = population(line, at);
    let mut from = past_signs(line, at);
    let is_named = word(line, from).is_some_and(|it| AGE.contains(&it));
    if is_named {
        from = past_signs(line, from + 1);
    }
    let Some(figures) = Figures::read(line, from) else { return false };
    let mut end = figures.end;
    let unit = word(line, end);
    let has_years = unit.is_some_and(|it| YEARS.contains(&it));
    let has_short = figures.is_two && unit.is_some_and(|it| SHORT.contains(&it));
    if has_years || has_short {
        end += 1 + usize::from(sign(line, end + 1) == Some('.'));
    }
    end += usize::from(sign(line, end).is_some_and(|it| matches!(it, ')' | ']')));
    let has_colon = sign(line, end) == Some(':') && !line.is_head(end);
    // `< 20: 5`, but not `< 0,1: see below`, which is a value.
    let goes_on =
        line.lexemes.get(end + 1).is_some_and(|it| matches!(it.kind, Kind::Number | Kind::Comparator(_)));
    is_named
        || has_years
        || (has_colon && (figures.is_two || (figures.is_bound && goes_on && !line.is_attached(end))))
}

/// `35-40`, `> 40`, `fino a 35`, `tra 18 e 45`, `35`.
struct Figures {
    is_two: bool,
    is_bound: bool,
    end: usize,
}

impl Figures {
    fn read(line: &Line<'_>, at: usize) -> Option<Self> {
        let is_number = |at: usize| line.lexemes.get(at).is_some_and(|it| it.kind == Kind::Number);
        let first = word(line, at);
        let is_compared = line.lexemes.get(at).is_some_and(|it| matches!(it.kind, Kind::Comparator(_)));
        let is_bound = is_compared || first.is_some_and(|it| UPPER.contains(&it) || LOWER.contains(&it));
        let opens = first.is_some_and(|it| matches!(it, "da" | "from" | "tra" | "between" | "fra"));
        let mut from = at + usize::from(is_bound || opens);
        for _ in 0..LINKS_MAX {
            let is_link =
                sign(line, from) == Some('.') || word(line, from).is_some_and(|it| LINKS.contains(&it));
            from += usize::from(is_bound && is_link);
        }
        if !is_number(from) {
            return None;
        }
        let joins = sign(line, from + 1).is_some_and(|it| DASHES.contains(&it))
            || word(line, from + 1).is_some_and(|it| matches!(it, "a" | "to" | "e" | "and"));
        let is_two = joins && is_number(from + 2);
        Some(Self { is_two, is_bound, end: if is_two { from + 3 } else { from + 1 } })
    }
}

fn past_signs(line: &Line<'_>, mut at: usize) -> usize {
    for _ in 0..SIGNS_MAX {
        at += usize::from(sign(line, at).is_some_and(|it| matches!(it, ':' | '(' | '[' | '.')));
    }
    at
}

fn word<'l>(line: &'l Line<'_>, at: usize) -> Option<&'l str> {
    line.lexemes.get(at).filter(|it| it.kind == Kind::Word).map(|it| it.folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn is_band(text: &str) -> bool {
        begins(&lines(text)[0], 0)
    }

    #[test]
    fn figures_of_an_age_are_no_range() {
        for text in [
            "35-40 anni: 0,8 - 6,0",
            "18 - 45 anni: 3,5 - 12,5",
            "20-49 anni 2,5 - 8,4",
            "(25-30 anni) 117 - 329",
            "30-39 a: 61 - 337",
            "30-34: 1,2-8,0",
            "25-29 y: 1.2-9.0",
            "2-4 d: 12.5-166",
            "Donne 20-29 anni: 1,5-9,5",
            "Adulti (> 18 anni): 3,5 - 12,5",
            "> 40 anni: 0,2 - 5",
            "> 40: 0,2 - 5",
            "oltre 40 anni: < 5",
            "fino a 35 anni: > 1",
            "tra 18 e 45 anni",
            "Age 35-40: 0.8-6.0",
            "eta: 35-40 0,8-6,0",
            "35   anni   0,8 - 6,0",
        ] {
            assert!(is_band(text), "{text}");
        }
    }

    #[test]
    fn ranges_and_values_are_no_bands() {
        for text in [
            "3,5 - 12,5",
            "12 a 16",
            "70 a 99 mg/dL",
            "7,2 mUI/mL",
            "< 0,1",
            "< 0,1: vedi nota",
            "2 - 7 giorni",
            "4 gg",
            "fino a 25",
            "Donne: 12 - 16",
            "M: 30-400 F: 13-150",
            "1:16",
            "anni",
            "",
        ] {
            if !text.is_empty() {
                assert!(!is_band(text), "{text}");
            }
        }
    }
}
