//! Oocytes by their maturity: `MII 8 / MI 2 / GV 1`, `Ovociti recuperati 11, maturi (MII) 8`, `Ovocita 3: MII`.
//!
//! Of oocytes that are only counted one analysis is made for each maturity, called by their number: what is said of one of them
//! is said of each.

use super::{At, Days, Described, Descriptions, Row, Token};
use crate::clinic::{
    analyses::Input,
    rules::oocyte::{Maturity, Oocyte},
};

/// Nobody has more.
const COUNT_MAX: u16 = 100;
/// A maturity in a line of its own stands so close below another one.
const BELOW: u32 = 2;

const MANY: [&str; 4] = ["ovociti", "oociti", "oocytes", "eggs"];
const ONE: [&str; 4] = ["ovocita", "oocita", "ovocito", "oocyte"];
const ALL: [&str; 9] = [
    "recuperati",
    "prelevati",
    "aspirati",
    "retrieved",
    "collected",
    "aspirated",
    "totale",
    "totali",
    "total",
];
const NEUTRAL: [&str; 24] = [
    "n",
    "nr",
    "no",
    "numero",
    "number",
    "di",
    "cui",
    "of",
    "which",
    "in",
    "al",
    "the",
    "con",
    "with",
    "maturita",
    "maturity",
    "nucleare",
    "nuclear",
    "stadio",
    "stage",
    "stadi",
    "ovocitaria",
    "dei",
    "degli",
];
/// First words of names that have two.
const FIRST: [&str; 4] = ["metafase", "metaphase", "vescicola", "germinal"];
const SIGNS: [char; 8] = [':', '=', '(', ')', '.', '°', '-', '•'];
const SEPARATORS: [char; 4] = [',', ';', '/', '+'];

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    All,
    Of(Maturity),
}

#[derive(Clone, Copy)]
enum Piece {
    Number(u16),
    Name(Counted),
}

fn maturity(word: &str) -> Option<Maturity> {
    Some(match word {
        "mii" | "m2" | "maturi" | "mature" => Maturity::MetaphaseIi,
        "mi" | "m1" => Maturity::MetaphaseI,
        "gv" | "vg" => Maturity::GerminalVesicle,
        _ => return None,
    })
}

const fn name(maturity: Maturity) -> &'static str {
    match maturity {
        Maturity::MetaphaseIi => "MII",
        Maturity::MetaphaseI => "MI",
        Maturity::GerminalVesicle => "GV",
    }
}

fn input(maturity: Maturity) -> Input {
    Input::Oocyte(Oocyte { maturity: Some(maturity), ..Oocyte::default() })
}

/// What a line says.
enum Said {
    Counts(Vec<(Counted, u16)>),
    Single(u16, Maturity),
}

pub(super) fn read(rows: &[Row<'_>], days: Days, all: &mut Descriptions) {
    let mut counts: Vec<(Maturity, u16, &Row<'_>)> = Vec::new();
    let mut recovered: Option<u16> = None;
    let (mut contradicts, mut last) = (false, None);
    for row in rows {
        let names_some = row.has(&["mii", "m2"]) || row.has(&MANY) || row.has(&ONE);
        let is_below = last.is_some_and(|(page, number)| page == row.page && row.number - number <= BELOW);
        if !names_some && !is_below {
            continue;
        }
        match said(&row.tokens) {
            Some(Said::Single(number, maturity)) => all.found.extend(single(row, number, maturity, days)),
            Some(Said::Counts(pairs)) => {
                last = Some((row.page, row.number));
                for (counted, count) in pairs {
                    let known = match counted {
                        Counted::All => recovered.replace(count),
                        Counted::Of(it) => counts.iter().find(|(known, ..)| *known == it).map(|it| it.1),
                    };
                    contradicts |= known.is_some_and(|it| it != count);
                    if let (Counted::Of(it), None) = (counted, known) {
                        counts.push((it, count, row));
                    }
                }
            }
            None if names_some && names_a_count(row) => all.unread.push((row.page, row.number)),
            None => {}
        }
    }
    let sum: u16 = counts.iter().map(|it| it.1).sum();
    contradicts |= recovered.is_some_and(|it| sum > it);
    for (maturity, count, row) in counts.into_iter().filter(|it| it.1 > 0) {
        let name = name(maturity);
        all.found.push(Described {
            item: name.to_lowercase(),
            label: format!("{count} × {name}"),
            day: row.day().or(days.of_oocytes()),
            places: row.whole().into_iter().collect(),
            input: (!contradicts).then(|| input(maturity)),
        });
    }
}

fn single(row: &Row<'_>, number: u16, maturity: Maturity, days: Days) -> Option<Described> {
    let place = row.whole()?;
    Some(Described {
        item: format!("{}:{}:{}", place.page, place.line, place.start),
        label: format!("{number}"),
        day: row.day().or(days.of_oocytes()),
        places: vec![place],
        input: Some(input(maturity)),
    })
}

/// Whether somebody would look for a count here.
fn names_a_count(row: &Row<'_>) -> bool {
    let named = row.tokens.iter().any(|it| it.word().and_then(maturity).is_some());
    named && row.tokens.iter().any(|it| it.whole().is_some())
}

/// What the whole of a line says, if nothing else stands in it.
fn said(tokens: &[At<'_>]) -> Option<Said> {
    let tokens: Vec<&At<'_>> = tokens.iter().filter(|it| !matches!(it.token, Token::Day(_))).collect();
    if let [one, number, rest @ ..] = tokens.as_slice()
        && one.is_one_of(&ONE)
        && let Some(number) = number.whole()
    {
        let mut rest = rest.iter().filter(|it| !it.is_sign(&SIGNS));
        let maturity = rest.next()?.word().and_then(maturity)?;
        return rest.next().is_none().then_some(Said::Single(number, maturity));
    }
    let mut pairs = Vec::new();
    for part in tokens.split(|it| it.is_sign(&SEPARATORS) || it.is_one_of(&["e", "and"])) {
        pairs.extend(counted(part)?);
    }
    let names_maturity = pairs.iter().any(|(it, _)| *it != Counted::All);
    (names_maturity || pairs.len() == 1).then_some(Said::Counts(pairs))
}

/// `MII 8`, `8 MII`, `11 ovociti recuperati di cui 8 MII`: each name with its number, all in the same order.
fn counted(part: &[&At<'_>]) -> Option<Vec<(Counted, u16)>> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, it) in part.iter().enumerate() {
        let piece = match it.token {
            Token::Number(_) => Piece::Number(it.whole().filter(|count| *count <= COUNT_MAX)?),
            Token::Word(word, _) if ALL.contains(&word) => Piece::Name(Counted::All),
            Token::Word("vescicola" | "germinal", _) => {
                let next = part.get(at + 1)?;
                next.is_one_of(&["germinale", "vesicle"]).then_some(())?;
                Piece::Name(Counted::Of(Maturity::GerminalVesicle))
            }
            Token::Word("metafase" | "metaphase", _) => match part.get(at + 1)?.word()? {
                "ii" => Piece::Name(Counted::Of(Maturity::MetaphaseIi)),
                "i" => Piece::Name(Counted::Of(Maturity::MetaphaseI)),
                _ => return None,
            },
            Token::Word("germinale" | "vesicle" | "i" | "ii", _)
                if at > 0 && part[at - 1].is_one_of(&FIRST) =>
            {
                continue;
            }
            Token::Word(word, _) => match maturity(word) {
                Some(maturity) => Piece::Name(Counted::Of(maturity)),
                None if NEUTRAL.contains(&word) || MANY.contains(&word) || ONE.contains(&word) => continue,
                None => return None,
            },
            Token::Sign(sign) if SIGNS.contains(&sign) => continue,
            Token::Sign(_) | Token::Day(_) | Token::Other => return None,
        };
        // `maturi (MII)` is one name.
        let is_same = matches!((pieces.last(), piece), (Some(Piece::Name(a)), Piece::Name(b)) if *a == b);
        if !is_same {
            pieces.push(piece);
        }
    }
    let pairs = pieces.chunks(2).map(|pair| match pair {
        [Piece::Name(name), Piece::Number(count)] => Some((true, *name, *count)),
        [Piece::Number(count), Piece::Name(name)] => Some((false, *name, *count)),
        _ => None,
    });
    let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
    let is_one_order = pairs.windows(2).all(|it| it[0].0 == it[1].0);
    is_one_order.then(|| pairs.into_iter().map(|(_, name, count)| (name, count)).collect())
}
