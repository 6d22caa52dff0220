//! A text line by line: what all of its descriptions are, and of which day.

use jiff::{ToSpan as _, civil::Date};

use super::{
    embryos, hysteroscopy, oocytes,
    tokens::{At, Token, tokens},
};
use crate::clinic::{
    analyses::Input,
    laboratory::{
        dates,
        grammar::lines::{Line, lines},
        report::is_italian,
    },
    values::Place,
};

/// Nobody has so many oocytes and embryos in one document.
pub const FOUND_MAX: usize = 100;
/// A longer line is no row of a report.
const LINE_MAX: usize = 400;

/// Something that was described.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Which of the document it is; the same in every run.
    pub item: String,
    /// What people call it.
    pub label: String,
    /// When it was seen, if that is said.
    pub day: Option<Date>,
    /// Where it stands.
    pub places: Vec<Place>,
    /// What is said of it; `None`: it contradicts itself.
    pub input: Option<Input>,
}

impl Described {
    /// The page and the line in which it begins.
    fn line(&self) -> Option<(u32, u32)> {
        self.places.first().map(|it| (it.page.unsigned_abs(), it.line.unsigned_abs()))
    }
}

/// All that was described, and where something was named that is not understood.
#[derive(Debug, Default)]
pub struct Descriptions {
    /// In the order of the text, the hysteroscopy last.
    pub found: Vec<Described>,
    /// Pages and lines.
    pub unread: Vec<(u32, u32)>,
}

impl Descriptions {
    /// Of pages that are pictures only what a second reading of them says, too; the rest was named and is not understood.
    #[must_use]
    pub fn corroborated(mut self, other: &Self, is_picture: impl Fn(u32) -> bool) -> Self {
        let says = |it: &Described| (it.label.clone(), it.day, it.input.clone());
        let of_picture = |it: &Place| u32::try_from(it.page).is_ok_and(&is_picture);
        let (found, doubtful): (Vec<_>, Vec<_>) = self.found.into_iter().partition(|it| {
            !it.places.iter().any(of_picture) || other.found.iter().any(|witness| says(witness) == says(it))
        });
        self.found = found;
        self.unread.extend(doubtful.iter().filter_map(Described::line));
        self
    }

    /// Whether nothing was named.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.unread.is_empty()
    }
}

/// A line in pieces.
pub(super) struct Row<'l> {
    pub(super) page: u32,
    pub(super) number: u32,
    pub(super) tokens: Vec<At<'l>>,
}

impl Row<'_> {
    /// From one token to another.
    pub(super) fn place(&self, first: &At<'_>, last: &At<'_>) -> Place {
        let small = |it: usize| i32::try_from(it).unwrap_or(i32::MAX);
        let whole = |it: u32| i32::try_from(it).unwrap_or(i32::MAX);
        Place {
            page: whole(self.page),
            line: whole(self.number),
            start: small(first.start),
            end: small(last.end),
        }
    }

    /// All of it.
    pub(super) fn whole(&self) -> Option<Place> {
        Some(self.place(self.tokens.first()?, self.tokens.last()?))
    }

    /// The one day that stands in it.
    pub(super) fn day(&self) -> Option<Date> {
        let mut days =
            self.tokens.iter().filter_map(|it| if let Token::Day(day) = it.token { Some(day) } else { None });
        days.next().filter(|_| days.next().is_none())
    }

    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.tokens.iter().any(|it| it.is_one_of(words))
    }
}

/// Days that a document says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days {
    /// Of the egg retrieval.
    pub(super) retrieval: Option<Date>,
    /// Of the document.
    pub(super) document: Option<Date>,
}

impl Days {
    pub(super) fn of_oocytes(self) -> Option<Date> {
        self.retrieval.or(self.document)
    }

    /// Of an embryo of so many days.
    pub(super) fn of_embryo(self, age: Option<u16>) -> Option<Date> {
        match (self.retrieval, age) {
            (Some(start), Some(age)) => start.checked_add(i32::from(age).days()).ok(),
            // The document may call the day of the retrieval its own.
            (Some(start), None) => self.document.filter(|it| *it != start),
            (None, _) => self.document,
        }
    }
}

/// What a text describes; `document` is the day that it has for itself. None is later than `until`; what is of a day before `from`
/// is nothing of this person.
pub fn read(text: &str, document: Option<Date>, (from, until): (Option<Date>, Date)) -> Descriptions {
    let lines = lines(text);
    let order = dates::order(&lines, is_italian(&lines));
    let rows: Vec<Row<'_>> = whole(&lines)
        .map(|it| Row { page: it.page, number: it.number, tokens: tokens(it, order) })
        .filter(|it| !it.tokens.is_empty())
        .collect();
    let days = Days { retrieval: retrieval(&rows), document };
    let mut all = Descriptions::default();
    oocytes::read(&rows, days, &mut all);
    embryos::read(&rows, days, &mut all);
    hysteroscopy::read(&rows, days, &mut all);
    all.found.truncate(FOUND_MAX);
    for it in &mut all.found {
        it.day = it.day.filter(|day| *day <= until);
    }
    let is_early = |it: &mut Described| it.day.zip(from).is_some_and(|(day, from)| day < from);
    let early: Vec<Described> = all.found.extract_if(.., is_early).collect();
    all.unread.extend(early.iter().filter_map(Described::line));
    all.unread.sort_unstable();
    all.unread.dedup();
    all
}

/// Lines that are not pieces of one that is too long.
fn whole<'l, 't>(lines: &'l [Line<'t>]) -> impl Iterator<Item = &'l Line<'t>> {
    let is_next = |at: usize, it: &Line<'_>| {
        lines.get(at).is_some_and(|other| (other.page, other.number) == (it.page, it.number))
    };
    let is_piece = move |at: usize, it: &Line<'_>| is_next(at + 1, it) || (at > 0 && is_next(at - 1, it));
    let is_whole = move |(at, it): &(usize, &Line<'_>)| it.text.len() <= LINE_MAX && !is_piece(*at, it);
    lines.iter().enumerate().filter(is_whole).map(|(_, it)| it)
}

/// `Pick-up: 03/02/2026`; two different days are none.
fn retrieval(rows: &[Row<'_>]) -> Option<Date> {
    const WORDS: [&str; 6] = ["pick", "pickup", "opu", "retrieval", "ovocitario", "ovocitaria"];
    const WORDS_MAX: usize = 6;
    let is_short = |row: &&Row<'_>| row.tokens.iter().filter(|it| it.word().is_some()).count() <= WORDS_MAX;
    let mut days = rows.iter().filter(is_short).filter(|it| it.has(&WORDS)).filter_map(Row::day);
    let first = days.next()?;
    days.all(|it| it == first).then_some(first)
}
