//! Days in reports: how they are written, and which of them is the day of the values.
//!
//! Invariant: a day that can be read in two ways is no day. `03/04/2024` is 3 April in an Italian report; in an English one
//! only if another date of the same report shows the order.

use jiff::civil::Date;

use super::grammar::lines::{Kind, Lexeme, Line};

/// Two figures mean a year of this century up to this one, later ones the last.
const SHORT_YEAR_MAX: i16 = 68;
/// Words before a date that are looked at.
const LABEL_WORDS: usize = 5;
/// A date without a label is looked for in so many lines of the first page.
const HEAD_LINES: u32 = 15;

/// Three figures that may be a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// `2024-03-12`
    YearFirst(i16, i8, i8),
    /// `12/03/2024`: day and month in an order that is still to be known.
    YearLast(i8, i8, i16),
}

/// What comes first where the year comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As everywhere.
    DayFirst,
    /// As in the United States.
    MonthFirst,
}

impl Written {
    /// A date at the beginning of a text, and its length.
    pub fn read(text: &str) -> Option<(Self, usize)> {
        let mut numbers = [0_i16; 3];
        let mut lengths = [0; 3];
        let (mut at, mut separator) = (0, None);
        for part in 0..3 {
            let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            numbers[part] = text[at..at + digits].parse().ok().filter(|_| digits <= 4)?;
            lengths[part] = digits;
            at += digits;
            if part < 2 {
                let sign = text[at..].chars().next().filter(|it| matches!(it, '/' | '-' | '.'))?;
                if separator.is_some_and(|it| it != sign) {
                    return None;
                }
                separator = Some(sign);
                at += 1;
            }
        }
        if text[at..].starts_with(|c: char| c.is_alphanumeric() || c == '/') {
            return None;
        }
        let [a, b, c] = numbers;
        let written = match lengths {
            [4, 2, 2] => Self::YearFirst(a, b as i8, c as i8),
            [1 | 2, 1 | 2, 4] => Self::YearLast(a as i8, b as i8, c),
            // Two points and short figures are a number of a chapter rather than a date.
            [2, 2, 2] if separator != Some('.') => Self::YearLast(a as i8, b as i8, in_full(c)),
            _ => return None,
        };
        (written.day(Some(Order::DayFirst)).is_some() || written.day(Some(Order::MonthFirst)).is_some())
            .then_some((written, at))
    }

    /// The day, if the order says which.
    pub fn day(self, order: Option<Order>) -> Option<Date> {
        let (year, month, day) = match (self, order) {
            (Self::YearFirst(year, month, day), _)
            | (Self::YearLast(day, month, year), Some(Order::DayFirst))
            | (Self::YearLast(month, day, year), Some(Order::MonthFirst)) => (year, month, day),
            (Self::YearLast(same, other, year), None) if same == other => (year, same, same),
            (Self::YearLast(..), None) => return None,
        };
        Date::new(year, month, day).ok().filter(|_| (1900..=2100).contains(&year))
    }

    /// The order it shows.
    const fn shows(self) -> Option<Order> {
        match self {
            Self::YearLast(first, _, _) if first > 12 => Some(Order::DayFirst),
            Self::YearLast(_, second, _) if second > 12 => Some(Order::MonthFirst),
            _ => None,
        }
    }
}

/// The order of all dates of a report: what they show, if they agree; else that of the language.
pub fn order(lines: &[Line<'_>], is_italian: bool) -> Option<Order> {
    let (mut day_first, mut month_first) = (false, false);
    for lexeme in lines.iter().flat_map(|it| &it.lexemes) {
        if let Kind::Date(written) = lexeme.kind {
            day_first |= written.shows() == Some(Order::DayFirst);
            month_first |= written.shows() == Some(Order::MonthFirst);
        }
    }
    match (day_first, month_first) {
        (true, false) => Some(Order::DayFirst),
        (false, true) => Some(Order::MonthFirst),
        (false, false) if is_italian => Some(Order::DayFirst),
        _ => None,
    }
}

/// What a date is the date of; the first is the best for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Collected,
    Received,
    Reported,
    Unlabelled,
}

/// Words that make a date one of these.
const LABELS: [(&str, Label); 18] = [
    ("prelievo", Label::Collected),
    ("prelevato", Label::Collected),
    ("raccolta", Label::Collected),
    ("raccolto", Label::Collected),
    ("collected", Label::Collected),
    ("collection", Label::Collected),
    ("sample", Label::Collected),
    ("sampled", Label::Collected),
    ("specimen", Label::Collected),
    ("drawn", Label::Collected),
    ("accettazione", Label::Received),
    ("accettato", Label::Received),
    ("received", Label::Received),
    ("referto", Label::Reported),
    ("refertazione", Label::Reported),
    ("reported", Label::Reported),
    ("report", Label::Reported),
    ("esame", Label::Collected),
];

/// Words with which a date is not of the values at all.
const OTHERS: [&str; 26] = [
    "precedente",
    "precedenti",
    "previous",
    "prior",
    "rev",
    "revisione",
    "scade",
    "expires",
    "expiry",
    "nascita",
    "nato",
    "nata",
    "birth",
    "born",
    "dob",
    "lmp",
    "mestruazione",
    "aut",
    "san",
    "um",
    "scadenza",
    "stampa",
    "stampato",
    "stampata",
    "print",
    "printed",
];

/// Words with which it is that of something else, unless a word of [`LABELS`] stands nearer: `3° giorno del ciclo, prelievo`.
const THINGS: [&str; 8] =
    ["ciclo", "cycle", "mestruale", "mestruali", "menstrual", "terapia", "therapy", "treatment"];

/// The day of the values of a report, as far as it is not later than the text: that of the collection, if one is printed. One
/// that can be read in two ways is no reason to take the day of the report instead.
pub fn of_report(lines: &[Line<'_>], order: Option<Order>, until: Option<Date>) -> Option<Date> {
    let mut best: Option<(Label, Option<Date>)> = None;
    for line in lines {
        for at in 0..line.lexemes.len() {
            let points = with_points(&line.lexemes[at]);
            let day = points.and_then(|it| it.day(order)).or_else(|| Some(day_at(line, at, order)?.0));
            let is_date = day.is_some() || points.is_some() || matches!(line.lexemes[at].kind, Kind::Date(_));
            if !is_date || until.zip(day).is_some_and(|(until, day)| day > until) {
                continue;
            }
            // Two points and short figures are a number of a chapter, unless a label says otherwise.
            let label = label_of(line, at).filter(|it| points.is_none() || *it != Label::Unlabelled);
            let Some(label) = label else { continue };
            if best.is_none_or(|(known, _)| label < known) {
                best = Some((label, day));
            }
        }
    }
    best.and_then(|(_, day)| day)
}

/// `03.02.26`
fn with_points(lexeme: &Lexeme) -> Option<Written> {
    let parts: Vec<&str> = lexeme.folded.split('.').filter(|it| it.len() == 2).collect();
    let [day, month, year] = parts.as_slice() else { return None };
    let is_whole = lexeme.kind == Kind::Number && lexeme.folded.len() == 8;
    let year: i16 = year.parse().ok().filter(|_| is_whole)?;
    Some(Written::YearLast(day.parse().ok()?, month.parse().ok()?, in_full(year)))
}

/// The year of two figures.
const fn in_full(year: i16) -> i16 {
    if year <= SHORT_YEAR_MAX { 2000 + year } else { 1900 + year }
}

/// Days of collection on pages behind the first one that has any: the line from which each counts. On a page with but one it
/// counts for the whole page, wherever it stands there. One that can be read in two ways is no day, but ends the one before.
pub fn of_later_pages(
    lines: &[Line<'_>],
    order: Option<Order>,
    until: Option<Date>,
) -> Vec<(usize, Option<Date>)> {
    let mut found: Vec<(usize, Option<Date>)> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        for at in 0..line.lexemes.len() {
            let day = day_at(line, at, order).map(|(day, _)| day);
            let is_date = day.is_some() || matches!(line.lexemes[at].kind, Kind::Date(_));
            let is_later = until.zip(day).is_some_and(|(until, day)| day > until);
            if is_date && !is_later && label_of(line, at) == Some(Label::Collected) {
                found.push((place, day));
            }
        }
    }
    let first_page = found.first().map(|(place, _)| lines[*place].page);
    found.retain(|(place, _)| Some(lines[*place].page) != first_page);
    for of_page in found.chunk_by_mut(|one, next| lines[one.0].page == lines[next.0].page) {
        let (page, day) = (lines[of_page[0].0].page, of_page[0].1);
        if of_page.iter().all(|it| it.1 == day) {
            of_page[0].0 = lines.partition_point(|it| it.page < page);
        }
    }
    found
}

/// The day that begins at a lexeme, in figures or with the name of the month, and where it ends.
pub fn day_at(line: &Line<'_>, at: usize, order: Option<Order>) -> Option<(Date, usize)> {
    let lexeme = &line.lexemes[at];
    if let Some(day) = lexeme.kind.date(order) {
        return Some((day, at + 1));
    }
    let mut parts = [""; 3];
    let mut end = at;
    for part in &mut parts {
        // `12 Mar. 2024`, `12-Mar-2024`, `1° marzo 2024`, `March 3rd, 2024`
        let is_between = |it: &Lexeme| match it.kind {
            Kind::Sign(sign) => matches!(sign, ',' | '.' | '-' | '°' | 'º'),
            _ => matches!(it.folded.as_str(), "st" | "nd" | "rd" | "th" | "of"),
        };
        while line.lexemes.get(end).is_some_and(is_between) {
            end += 1;
        }
        *part = line.lexemes.get(end).filter(|it| it.cell == lexeme.cell)?.folded.as_str();
        end += 1;
    }
    let (day, month, year) = match (month_of(parts[1]), month_of(parts[0])) {
        (Some(month), _) => (parts[0], month, parts[2]),
        (_, Some(month)) => (parts[1], month, parts[2]),
        _ => return None,
    };
    let year = year.parse().ok().filter(|it| (1900..=2100).contains(it))?;
    Some((Date::new(year, month, day.parse().ok()?).ok()?, end))
}

/// Italian and English, whole or its first three letters.
fn month_of(word: &str) -> Option<i8> {
    const MONTHS: [(&str, &str); 12] = [
        ("gennaio", "january"),
        ("febbraio", "february"),
        ("marzo", "march"),
        ("aprile", "april"),
        ("maggio", "may"),
        ("giugno", "june"),
        ("luglio", "july"),
        ("agosto", "august"),
        ("settembre", "september"),
        ("ottobre", "october"),
        ("novembre", "november"),
        ("dicembre", "december"),
    ];
    let is_it = |name: &str| name == word || (word.len() == 3 && name.starts_with(word));
    let found = (1..).zip(MONTHS).find(|(_, (italian, english))| is_it(italian) || is_it(english));
    found.map(|(month, _)| month)
}

/// What the words before a date say it is; nothing, if it is somebody's birthday or stands in a sentence.
fn label_of(line: &Line<'_>, at: usize) -> Option<Label> {
    let cell = line.lexemes[at].cell;
    let is_colon = |it: &usize| line.lexemes[*it].kind == Kind::Sign(':');
    // `Data prelievo:   12/03/2024`: the label may be a cell of its own.
    let earliest = at.checked_sub(1).filter(is_colon).map_or(cell, |it| line.lexemes[it].cell);
    let before = line.lexemes[..at].iter().rev().take_while(|it| it.cell >= earliest && it.cell <= cell);
    let words: Vec<&str> =
        before.filter(|it| it.kind == Kind::Word).map(|it| it.folded.as_str()).take(LABEL_WORDS).collect();
    if words.iter().any(|it| OTHERS.contains(it)) {
        return None;
    }
    let named = words.iter().position(|word| LABELS.iter().any(|(it, _)| it == word));
    if words[..named.unwrap_or(words.len())].iter().any(|it| THINGS.contains(it)) {
        return None;
    }
    let named = named.and_then(|place| LABELS.iter().find(|(it, _)| *it == words[place]));
    let is_short = words.len() < LABEL_WORDS;
    if let Some((_, label)) = named {
        return Some(*label).filter(|_| is_short);
    }
    let stands_alone = words.len() <= 2 && line.page == 1 && line.number <= HEAD_LINES;
    let is_last = line.cell_end(at) <= at + 3;
    (stands_alone && is_last).then_some(Label::Unlabelled)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn day(text: &str, is_italian: bool) -> Option<Date> {
        let lines = lines(text);
        of_report(&lines, order(&lines, is_italian), None)
    }

    #[test]
    fn the_day_of_collection_is_the_day_of_the_values() {
        let text = "Data di nascita: 05/05/1988\nData accettazione: 02/05/2024   Data prelievo: 01/05/2024\nReferto del 04/05/2024";
        assert_eq!(day(text, true), Some(date(2024, 5, 1)));
        assert_eq!(day("Collected: 18 March 2024\nReported: March 20, 2024", false), Some(date(2024, 3, 18)));
        assert_eq!(day("Data referto: 4.5.2024", true), Some(date(2024, 5, 4)));
        for text in [
            "Collected: 03-Jan-2026   Reported: 05 Feb 2026",
            "Data prelievo: 03.01.26  Data referto: 10/02/2026",
            "Prelievo del 03-gen-2026",
            "Collected: January 3rd, 2026",
            "Prelievo: 3° gennaio 2026",
        ] {
            assert_eq!(day(text, !text.starts_with('C')), Some(date(2026, 1, 3)), "{text}");
        }
        assert_eq!(day("Collected 2024-03-12", false), Some(date(2024, 3, 12)));
        assert_eq!(day("Roma, 06/05/24", true), Some(date(2024, 5, 6)));
    }

    #[test]
    fn other_dates_are_none() {
        for text in [
            "Nata il 05/05/1988",
            "Ultima mestruazione: 02/05/2024",
            "La paziente assume progesterone 200 mg dal 14/01/2024",
            "DOB 12/05/1990",
            "Data esame precedente: 14/03/2023",
            "Ultimo ciclo 02/05/2024",
            "Inizio terapia 01/02/2024",
            "Rev. 01/01/2019",
            "Scade il 12/05/2027",
            "Capitolo 12.03.24, versione 1.2.3",
            "99/99/2024",
        ] {
            assert_eq!(day(text, true), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_can_be_read_in_two_ways_is_none() {
        assert_eq!(day("Collected: 03/04/2024", false), None);
        assert_eq!(day("Collected: 03/04/2024", true), Some(date(2024, 4, 3)));
        assert_eq!(day("DOB: 01/31/1990\nCollected: 03/04/2024", false), Some(date(2024, 3, 4)));
        assert_eq!(day("DOB: 31/01/1990\nCollected: 03/04/2024", false), Some(date(2024, 4, 3)));
        assert_eq!(day("DOB: 31/01/1990, seen 01/31/2024\nCollected: 03/04/2024", false), None);
        assert_eq!(day("Collected: 04/04/2024", false), Some(date(2024, 4, 4)));
        assert_eq!(day("Collected: 02/04/2024\nReported: 04/04/2024", false), None, "not that of the report");
    }
}
