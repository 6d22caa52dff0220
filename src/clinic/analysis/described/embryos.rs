//! Embryos: `blastocisti 4AB`, `Embrione 2, giorno 5: 4AB`, `Embryo 1: day 3, 8 cells, fragmentation 10 %, even`.
//!
//! A blastocyst is told by its name after Gardner, in capital letters, beside a word that says that it is one: the stage,
//! Gardner, or a day from 5 to 7. A cleaving embryo is told by its day and its cells; without the day nobody knows how many
//! cells are expected, and the line is not understood. A fragmentation of which only a bound is printed is left out.

use super::{At, Days, Described, Descriptions, Row, Token};
use crate::clinic::{
    analyses::Input,
    rules::embryo::{Blastocyst, CellSizes, Cleavage, Embryo, Letter},
};

/// Nobody has more of one kind.
const COUNT_MAX: u16 = 30;

const STAGE: [&str; 5] = ["blastocisti", "blastociste", "blastocyst", "blastocysts", "gardner"];
const EMBRYO: [&str; 4] = ["embrione", "embrioni", "embryo", "embryos"];
const DAY: [&str; 3] = ["giorno", "day", "giornata"];
const CELLS: [&str; 5] = ["cellule", "cells", "cell", "blastomeri", "blastomeres"];
const FRAGMENTS: [&str; 4] = ["frammentazione", "frammenti", "fragmentation", "fragments"];
const EVEN: [&str; 11] = [
    "regolari",
    "uguali",
    "simmetrici",
    "simmetriche",
    "omogenei",
    "omogenee",
    "even",
    "equal",
    "regular",
    "symmetric",
    "symmetrical",
];
const UNEVEN: [&str; 11] = [
    "irregolari",
    "disuguali",
    "diseguali",
    "asimmetrici",
    "asimmetriche",
    "uneven",
    "unequal",
    "irregular",
    "asymmetric",
    "asymmetrical",
    "disomogenei",
];
const NONE: [&str; 5] = ["assente", "assenti", "absent", "none", "nessuna"];
/// Words that say where it is, or what became of it.
const NEUTRAL: [&str; 48] = [
    "a",
    "al",
    "allo",
    "di",
    "da",
    "in",
    "del",
    "the",
    "on",
    "at",
    "of",
    "n",
    "nr",
    "grado",
    "grade",
    "grading",
    "classe",
    "stadio",
    "stage",
    "secondo",
    "espansa",
    "expanded",
    "trasferita",
    "trasferito",
    "trasferite",
    "transferred",
    "crioconservata",
    "crioconservato",
    "crioconservate",
    "congelata",
    "congelato",
    "vitrificata",
    "vitrificato",
    "vitrificate",
    "vitrified",
    "frozen",
    "cryopreserved",
    "biopsiata",
    "biopsiato",
    "biopsied",
    "data",
    "date",
    "sviluppo",
    "development",
    "coltura",
    "culture",
    "e",
    "and",
];
const SIGNS: [char; 9] = [':', ',', ';', '.', '(', ')', '°', '#', '='];
const DASHES: [char; 3] = ['-', '–', '/'];

/// What a line says.
#[derive(Default)]
struct Said<'t, 'l> {
    ordinal: Option<u16>,
    count: Option<u16>,
    age: Option<u16>,
    /// With its first and its last token.
    names: Vec<(Blastocyst, [&'t At<'l>; 2])>,
    is_stage: bool,
    cells: Option<u16>,
    fragments: Option<f64>,
    sizes: Option<CellSizes>,
    is_multinucleated: Option<bool>,
}

pub(super) fn read(rows: &[Row<'_>], days: Days, all: &mut Descriptions) {
    for row in rows {
        if !names_one(row) {
            continue;
        }
        match said(&row.tokens).map(|it| described(row, &it, days)) {
            Some(found) if !found.is_empty() => all.found.extend(found),
            _ => all.unread.push((row.page, row.number)),
        }
    }
}

/// Whether somebody would look for an embryo here.
fn names_one(row: &Row<'_>) -> bool {
    let tokens = &row.tokens;
    let has_name = (0..tokens.len()).any(|at| gardner(tokens, at).is_some());
    let is_near =
        row.has(&STAGE) || row.has(&EMBRYO) || (0..tokens.len()).any(|at| age(tokens, at).is_some());
    let has_cells = (0..tokens.len()).any(|at| cells(tokens, at).is_some());
    is_near && (has_name || (has_cells && (row.has(&EMBRYO) || row.has(&FRAGMENTS))))
}

fn described(row: &Row<'_>, said: &Said<'_, '_>, days: Days) -> Vec<Described> {
    let one = |embryo, (first, last): (&At<'_>, &At<'_>)| {
        let place = row.place(first, last);
        let label = match (said.ordinal, said.count) {
            (Some(ordinal), _) => format!("{ordinal}"),
            (None, Some(count)) if count > 1 => format!("{count} ×"),
            _ => String::new(),
        };
        Described {
            item: format!("{}:{}:{}", place.page, place.line, place.start),
            label,
            day: row.day().or(days.of_embryo(said.age)),
            places: vec![place],
            input: Some(Input::Embryo(embryo)),
        }
    };
    let is_late = said.age.is_none_or(|it| (5..=7).contains(&it));
    let is_whole = said.names.len() == 1 || (said.ordinal.is_none() && said.count.is_none());
    if !said.names.is_empty() {
        let is_one_kind = said.cells.is_none() && said.fragments.is_none() && said.sizes.is_none();
        if !is_late || !is_whole || !is_one_kind || (!said.is_stage && said.age.is_none()) {
            return Vec::new();
        }
        let of = |(name, [first, last]): &(Blastocyst, [&At<'_>; 2])| {
            one(Embryo::Blastocyst(Blastocyst { day: said.age, ..*name }), (first, last))
        };
        return said.names.iter().map(of).collect();
    }
    let (Some(day @ 1..=3), Some(cells)) = (said.age, said.cells) else { return Vec::new() };
    let (Some(first), Some(last)) = (row.tokens.first(), row.tokens.last()) else { return Vec::new() };
    let cleavage = Cleavage {
        day,
        cells: Some(cells),
        fragmentation_percent: said.fragments,
        cell_sizes: said.sizes,
        is_multinucleated: said.is_multinucleated,
    };
    vec![one(Embryo::Cleavage(cleavage), (first, last))]
}

/// What the whole of a line says, if nothing else stands in it.
fn said<'t, 'l>(tokens: &'t [At<'l>]) -> Option<Said<'t, 'l>> {
    let mut said = Said::default();
    let mut at = 0;
    while let Some(it) = tokens.get(at) {
        at = if let Some(name) = gardner(tokens, at) {
            // `4AA-4BB` and `4AA/4AB` are not two embryos.
            let is_after_dash = at > 0 && tokens[at - 1].is_sign(&DASHES) && !said.names.is_empty();
            if is_after_dash {
                return None;
            }
            said.names.push((name, [it, &tokens[at + 1]]));
            at + 2
        } else if let Some((age, next)) = age(tokens, at) {
            once(&mut said.age, age)?;
            next
        } else if let Some((cells, next)) = cells(tokens, at) {
            once(&mut said.cells, cells)?;
            next
        } else if let Some((fragments, next)) = fragments(tokens, at) {
            if let Some(fragments) = fragments {
                once(&mut said.fragments, fragments)?;
            }
            next
        } else if let Some((is_so, next)) = multinucleation(tokens, at) {
            once(&mut said.is_multinucleated, is_so)?;
            next
        } else if let Some((ordinal, next)) = ordinal(tokens, at) {
            once(&mut said.ordinal, ordinal)?;
            next
        } else if let Some(count) = it.whole().filter(|it| (1..=COUNT_MAX).contains(it))
            && tokens.get(at + 1).is_some_and(|it| it.is_one_of(&STAGE) || it.is_one_of(&EMBRYO))
        {
            once(&mut said.count, count)?;
            at + 1
        } else {
            said.word(it)?;
            at + 1
        };
    }
    Some(said)
}

/// Said twice, it is not understood.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

impl Said<'_, '_> {
    /// A word or sign that stands for itself.
    fn word(&mut self, it: &At<'_>) -> Option<()> {
        match it.token {
            Token::Word(word, _) if STAGE.contains(&word) => self.is_stage = true,
            Token::Word(word, _) if EVEN.contains(&word) => once(&mut self.sizes, CellSizes::Even)?,
            Token::Word(word, _) if UNEVEN.contains(&word) => once(&mut self.sizes, CellSizes::Uneven)?,
            Token::Word("multinucleato" | "multinucleated", _) => once(&mut self.is_multinucleated, true)?,
            Token::Word(word, _)
                if EMBRYO.contains(&word) || CELLS.contains(&word) || NEUTRAL.contains(&word) => {}
            Token::Sign(sign) if SIGNS.contains(&sign) || DASHES.contains(&sign) => {}
            Token::Day(_) => {}
            _ => return None,
        }
        Some(())
    }
}

/// `4AB`, printed as one.
fn gardner(tokens: &[At<'_>], at: usize) -> Option<Blastocyst> {
    let expansion = tokens[at].whole().filter(|it| (1..=6).contains(it))?;
    let letters = tokens.get(at + 1).filter(|it| it.is_attached)?;
    let Token::Word(_, printed) = letters.token else { return None };
    let is_end =
        tokens.get(at + 2).is_none_or(|it| !it.is_attached || it.is_sign(&SIGNS) || it.is_sign(&DASHES));
    let is_start = !tokens[at].is_attached
        || at == 0
        || tokens[at - 1].is_sign(&SIGNS)
        || tokens[at - 1].is_sign(&DASHES);
    let [mass, epithelium] = *printed.as_bytes() else { return None };
    (is_start && is_end).then_some(())?;
    Some(Blastocyst {
        day: None,
        expansion: Some(expansion),
        inner_cell_mass: Some(letter(mass)?),
        trophectoderm: Some(letter(epithelium)?),
    })
}

const fn letter(printed: u8) -> Option<Letter> {
    match printed {
        b'A' => Some(Letter::A),
        b'B' => Some(Letter::B),
        b'C' => Some(Letter::C),
        _ => None,
    }
}

/// `giorno 5`, `day 3`, `D5`, `G3`.
fn age(tokens: &[At<'_>], at: usize) -> Option<(u16, usize)> {
    let Token::Word(word, _) = tokens[at].token else { return None };
    let fits = |it: &u16| (1..=7).contains(it);
    if DAY.contains(&word) {
        let next = tokens.get(at + 1)?;
        let is_alone = tokens.get(at + 2).is_none_or(|it| !(it.is_attached && it.word().is_some()));
        return Some((next.whole().filter(fits).filter(|_| is_alone)?, at + 2));
    }
    let days = word.strip_prefix(['d', 'g']).filter(|it| it.len() == 1)?;
    Some((days.parse().ok().filter(fits)?, at + 1))
}

/// `8 cellule`, `8-cell`.
fn cells(tokens: &[At<'_>], at: usize) -> Option<(u16, usize)> {
    let count = tokens[at].whole()?;
    let is_dash = tokens.get(at + 1).is_some_and(|it| it.is_sign(&['-']));
    let next = at + 1 + usize::from(is_dash);
    tokens.get(next).filter(|it| it.is_one_of(&CELLS)).map(|_| (count, next + 1))
}

/// `frammentazione 10 %`, `10% fragmentation`, `frammentazione assente`, `frammentazione < 10 %` (which is no number).
fn fragments(tokens: &[At<'_>], at: usize) -> Option<(Option<f64>, usize)> {
    let percent = |at: usize| {
        let number = tokens.get(at)?.number()?;
        tokens.get(at + 1).filter(|it| it.is_sign(&['%'])).map(|_| number)
    };
    let names = |at: usize| tokens.get(at).is_some_and(|it| it.is_one_of(&FRAGMENTS));
    if let Some(number) = percent(at).filter(|_| names(at + 2)) {
        return Some((Some(number), at + 3));
    }
    if (tokens[at].is_one_of(&NONE) || tokens[at].is_one_of(&["no"])) && names(at + 1) {
        return Some((Some(0.0), at + 2));
    }
    if !names(at) {
        return None;
    }
    let at = at + 1 + usize::from(tokens.get(at + 1).is_some_and(|it| it.is_sign(&[':', '='])));
    if tokens.get(at).is_some_and(|it| it.is_one_of(&NONE)) {
        return Some((Some(0.0), at + 1));
    }
    let is_bound = tokens.get(at).is_some_and(|it| it.token == Token::Other);
    let at = at + usize::from(is_bound);
    let number = percent(at)?;
    Some((Some(number).filter(|_| !is_bound), at + 2))
}

/// `multinucleazione assente`, `no multinucleation`, `multinucleation: present`.
fn multinucleation(tokens: &[At<'_>], at: usize) -> Option<(bool, usize)> {
    let names = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|it| it.is_one_of(&["multinucleazione", "multinucleazioni", "multinucleation"]))
    };
    if tokens[at].is_one_of(&["no", "nessuna"]) && names(at + 1) {
        return Some((false, at + 2));
    }
    names(at).then_some(())?;
    let at = at + 1 + usize::from(tokens.get(at + 1).is_some_and(|it| it.is_sign(&[':', '='])));
    let said = tokens.get(at)?;
    let is_so = said.is_one_of(&["presente", "presenti", "present", "yes", "si"]);
    let is_not = said.is_one_of(&NONE) || said.is_one_of(&["no"]);
    (is_so || is_not).then_some((is_so, at + 1))
}

/// `embrione 2`, `embryo n. 2`; behind the name of a stage a number could be anything.
fn ordinal(tokens: &[At<'_>], at: usize) -> Option<(u16, usize)> {
    tokens[at].is_one_of(&["embrione", "embryo"]).then_some(())?;
    let mut next = at + 1;
    while tokens.get(next).is_some_and(|it| it.is_one_of(&["n", "nr"]) || it.is_sign(&['.', '°', '#'])) {
        next += 1;
    }
    let number = tokens.get(next)?.whole()?;
    let is_alone = tokens.get(next + 1).is_none_or(|it| it.word().is_none() || !it.is_attached);
    let counts_cells = cells(tokens, next).is_some();
    (is_alone && !counts_cells).then_some((number, next + 1))
}
