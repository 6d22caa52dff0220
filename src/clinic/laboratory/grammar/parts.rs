//! Numbers that are not the whole: `6 (dx) + 7 (sn)`, `12 per ovaio`.
//!
//! Nothing is added up here: what is only a part is no value, and its name is listed.
//!
//! Invariants
//! - A number with `+` and another number behind it is never a value.
//! - Follicles that are counted of both ovaries are not those of one: nothing beside the number speaks of a side, and no other
//!   number stands beside it that is not explained.

use super::{
    items::{Item, What},
    lines::{Kind, Line},
};
use crate::clinic::laboratory::{
    decimal::{Convention, Decimal},
    names::Analyte,
};

/// What is counted of both ovaries together.
const WHOLE: &str = "afc";

/// Sides, and both of them one by one.
const SIDES: [&str; 28] = [
    "dx",
    "ds",
    "dex",
    "dxt",
    "dt",
    "destra",
    "destro",
    "sn",
    "sx",
    "sin",
    "sinistra",
    "sinistro",
    "right",
    "left",
    "rt",
    "lt",
    "r",
    "l",
    "d",
    "s",
    "per",
    "each",
    "ciascuno",
    "ciascun",
    "ognuno",
    "cadauno",
    "bilateralmente",
    "bilaterally",
];
/// Words between a number and its side.
const LINKS: [&str; 24] = [
    "e",
    "and",
    "a",
    "al",
    "all",
    "alla",
    "nell",
    "in",
    "on",
    "the",
    "at",
    "lato",
    "side",
    "ovaio",
    "ovary",
    "ovarico",
    "ovarian",
    "follicoli",
    "follicles",
    "antrali",
    "antral",
    "to",
    "of",
    "di",
];
/// So many lexemes may stand between a number and its side.
const REACH: usize = 10;

/// Whether a number that is read as a value is only a part of it.
pub fn is_part(line: &Line<'_>, analyte: &Analyte, item: &Item, convention: Convention) -> bool {
    let (What::Number(number) | What::Bounded(_, number)) = item.kind else { return false };
    is_added(line, item.end) || (analyte.code == WHOLE && is_of_a_side(line, item.end, number, convention))
}

/// Whether a name, or what stands in brackets within it, speaks of a side: `Conta follicoli antrali (dx)`.
pub fn names_side(line: &Line<'_>, analyte: &Analyte, from: usize, to: usize) -> bool {
    let mut words = line.lexemes[from..to].iter().filter(|it| it.kind == Kind::Word);
    analyte.code == WHOLE && words.any(|it| SIDES.contains(&it.folded.as_str()))
}

/// `6 + 7`, `6 mm + 7 mm`, `6 (dx) + 7`: no more than words and units stand before the sign.
fn is_added(line: &Line<'_>, from: usize) -> bool {
    let behind = |at: usize| line.lexemes.get(at).map(|it| it.kind);
    let near = (from..line.lexemes.len()).take(REACH);
    let mut may_stand = near.take_while(|at| {
        matches!(
            behind(*at),
            Some(Kind::Word | Kind::Sign('+' | '(' | ')' | '[' | ']' | '/' | '^' | 'µ' | 'μ' | '.'))
        )
    });
    may_stand.any(|at| behind(at) == Some(Kind::Sign('+')) && behind(at + 1) == Some(Kind::Number))
}

/// Whether a side stands behind a count, or another count that does not explain it: `13 (6 + 7)` is whole.
fn is_of_a_side(line: &Line<'_>, from: usize, whole: Decimal, convention: Convention) -> bool {
    let number = |at: usize| {
        let is_count = line.lexemes.get(at).is_some_and(|it| it.kind == Kind::Number) && !line.is_ordinal(at);
        is_count.then(|| Decimal::read(&line.lexemes[at].folded, convention))
    };
    for at in (from..line.lexemes.len()).take(REACH) {
        let lexeme = &line.lexemes[at];
        match lexeme.kind {
            Kind::Word if SIDES.contains(&lexeme.folded.as_str()) => return true,
            Kind::Word if LINKS.contains(&lexeme.folded.as_str()) => {}
            Kind::Sign('(' | '[') if number(at + 1).is_some() => {
                return !is_explained(line, at + 1, whole, &number);
            }
            Kind::Sign(
                '(' | '[' | ')' | ']' | ',' | ';' | ':' | '-' | '–' | '/' | '&' | '+' | '\'' | '’',
            ) => {}
            Kind::Number => return number(at).is_some(),
            _ => return false,
        }
    }
    false
}

/// Whether the two first numbers in brackets make the whole.
fn is_explained(
    line: &Line<'_>,
    from: usize,
    whole: Decimal,
    number: &impl Fn(usize) -> Option<Option<Decimal>>,
) -> bool {
    let closes = |at: &usize| !matches!(line.lexemes[*at].kind, Kind::Sign(')' | ']'));
    let within = (from..line.lexemes.len()).take(2 * REACH).take_while(closes);
    let parts: Vec<Decimal> = within.filter_map(number).flatten().collect();
    matches!(parts[..], [one, other] if one.plus(other).is_some_and(|it| it.equals(whole)))
}
