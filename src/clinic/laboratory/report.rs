//! A whole report: text in, values out, each at most once for a day, each with its place.
//!
//! Invariants
//! - Nothing is invented: a value was printed behind its name, with its unit or with none at all, or below its name with its
//!   unit, or it is not there. What was named but not understood is listed in [`Report::unread`].
//! - Of a picture no number is taken whose unit was not found.
//! - The work is linear in the text: lines are read once, a line has a bounded length, a look-up a bounded depth.

use std::collections::HashMap;

use jiff::civil::Date;

use super::{
    confidence::Recognised,
    dates::{self, Order},
    decimal::Convention,
    domains,
    flags::{self, Flag, Printed, Sex},
    grammar::{
        columns::Columns,
        heads::Head,
        lines::{Kind, Line, lines},
        persons::{self, Whose},
        rows::{self, Content, Context, RANGES_MAX, Unread, Value},
        sections,
    },
    names::{Analyte, Kind as AnalyteKind, Section},
    plausible,
    ranges::Range,
    units::Unit,
};
use crate::clinic::rules::score::Domain;

/// So many lines may stand between a name and its value.
const PENDING_LINES: usize = 3;
/// So many lines may hold the ranges of a value.
const RANGE_LINES: usize = 12;
/// No report has more: whatever more there is, is not read. What is looked at of a patient has room for five such reports.
pub const VALUES_MAX: usize = 1_000;

/// What is known of the person and the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// For ranges that differ.
    pub sex: Option<Sex>,
    /// Whether the text was read from an image.
    pub is_scan: bool,
    /// The day on which the person was born: what is of an earlier one is somebody else's, or misprinted.
    pub from: Option<Date>,
    /// The day on which the text was here: a later one is misprinted, or misread.
    pub until: Option<Date>,
}

/// Where something was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub page: u32,
    /// In its page, from 1.
    pub line: u32,
    /// First byte of that line in the text.
    pub line_start: usize,
    /// First byte in the text: the name.
    pub start: usize,
    /// After the last byte that was understood in that line.
    pub end: usize,
}

/// A value.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Of what.
    pub analyte: &'static Analyte,
    /// What was printed.
    pub value: Value,
    /// In what.
    pub unit: Option<Unit>,
    /// Beside it.
    pub ranges: Vec<Range>,
    /// Where it lies in the range that applies, if one does.
    pub flag: Option<Flag>,
    /// What the laboratory thought.
    pub printed: Option<Printed>,
    /// When the specimen was taken, as far as the report says.
    pub date: Option<Date>,
    /// Where.
    pub place: Place,
    /// How sure it is, and why.
    pub recognised: Recognised,
    /// What it speaks of.
    pub domains: &'static [Domain],
}

impl Reading {
    /// Whether range and sign of the laboratory disagree.
    pub const fn contradicts(&self) -> bool {
        !self.recognised.sign
    }

    /// Its LOINC code, if it has one.
    pub fn loinc(&self) -> Option<&'static str> {
        match (&self.value, &self.unit) {
            (Value::Number(..), Some(unit)) => self.analyte.loinc_of(unit.dimension()),
            (Value::Finding(_), _) => self.analyte.loinc_finding,
            _ => None,
        }
    }
}

/// Something that was named and not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRead {
    /// What was named.
    pub analyte: &'static Analyte,
    /// Where.
    pub place: Place,
    /// Why.
    pub why: Why,
}

/// Why something that was named is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Nothing, or nothing that is a value, stands behind the name.
    NoValue,
    /// Its unit is none of this analyte's, or in a picture none was found.
    Unit,
    /// Another value of the same day was printed before.
    AnotherValue,
    /// It was read from a picture, and a second reading does not say the same.
    Uncorroborated,
    /// It can be read with decimals or with thousands, and nothing says which.
    Ambiguous,
    /// There cannot be so much of it, or so little.
    Impossible,
    /// It stands below the name of somebody else: the partner.
    AnotherPerson,
    /// It is of a day before the person was born.
    BeforeBirth,
    /// Only the other sex has it: it is the partner's.
    OtherSex,
}

impl Why {
    /// Stable, in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoValue => "no_value",
            Self::Unit => "unit",
            Self::AnotherValue => "another_value",
            Self::Ambiguous => "ambiguous",
            Self::Impossible => "impossible",
            Self::AnotherPerson => "another_person",
            Self::BeforeBirth => "before_birth",
            Self::OtherSex => "other_sex",
            Self::Uncorroborated => "uncorroborated",
        }
    }
}

/// What a text says.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the text.
    pub values: Vec<Reading>,
    /// Named and not understood.
    pub unread: Vec<NotRead>,
    /// The day of the report.
    pub date: Option<Date>,
    /// How many lexemes were looked at: a measure of the work.
    pub lexemes: usize,
}

/// Reads a report. Pages end with a form feed.
pub fn read(text: &str, about: About) -> Report {
    let lines = lines(text);
    let is_italian = is_italian(&lines);
    let order = dates::order(&lines, is_italian);
    let mut reader = Reader {
        about,
        order,
        convention: convention(&lines, is_italian),
        day: None,
        report: Report { date: dates::of_report(&lines, order, about.until), ..Report::default() },
        section: Section::General,
        whose: Whose::default(),
        columns: None,
        pending: None,
        last: None,
        seen: HashMap::new(),
    };
    reader.day = reader.report.date;
    let mut later = dates::of_later_pages(&lines, order, about.until).into_iter().peekable();
    for (at, line) in lines.iter().enumerate() {
        while let Some((_, day)) = later.next_if(|(from, _)| *from <= at) {
            reader.day = day;
        }
        reader.report.lexemes += line.lexemes.len();
        if !line.lexemes.is_empty() {
            reader.line(at, line);
        }
    }
    reader.forget_pending();
    reader.report
}

/// Words by which a language is known.
const ITALIAN: [&str; 10] = [
    "esame",
    "risultato",
    "paziente",
    "prelievo",
    "laboratorio",
    "riferimento",
    "nascita",
    "data",
    "di",
    "del",
];
const ENGLISH: [&str; 10] =
    ["test", "result", "patient", "collected", "laboratory", "reference", "birth", "date", "of", "the"];

/// Whether more words of it are Italian than English.
pub fn is_italian(lines: &[Line<'_>]) -> bool {
    let words = || lines.iter().flat_map(|it| &it.lexemes).filter(|it| it.kind == Kind::Word);
    let count = |known: &[&str]| words().filter(|it| known.contains(&it.folded.as_str())).count();
    count(&ITALIAN) > count(&ENGLISH)
}

/// The decimal sign, by the numbers that can only be read in one way; without any, that of the language.
fn convention(lines: &[Line<'_>], is_italian: bool) -> Convention {
    let (mut commas, mut points) = (0_usize, 0_usize);
    for number in lines.iter().flat_map(|it| &it.lexemes).filter(|it| it.kind == Kind::Number) {
        let Some(at) = number.folded.rfind([',', '.']) else { continue };
        let is_grouping = number.folded.len() - at == 4 && !number.folded.starts_with('0');
        let signs = number.folded.bytes().filter(|it| !it.is_ascii_digit()).count();
        let is_mixed = number.folded.contains(',') && number.folded.contains('.');
        if (signs == 1 && !is_grouping) || is_mixed {
            if number.folded[at..].starts_with(',') { commas += 1 } else { points += 1 }
        }
    }
    match commas.cmp(&points) {
        std::cmp::Ordering::Greater => Convention::Comma,
        std::cmp::Ordering::Equal if is_italian => Convention::Comma,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Less => Convention::Point,
    }
}

/// A name that still waits for its value.
struct Pending {
    head: Head,
    place: Place,
    line: usize,
    /// Whether no other name waited before it: of several, nobody knows whose the first value is.
    is_only: bool,
}

struct Reader {
    about: About,
    order: Option<Order>,
    convention: Convention,
    report: Report,
    /// The day of the values that follow.
    day: Option<Date>,
    section: Section,
    /// Whose values follow.
    whose: Whose,
    columns: Option<Columns>,
    pending: Option<Pending>,
    /// The values that ranges below them belong to, and the line of the last of them.
    last: Option<(std::ops::Range<usize>, usize)>,
    seen: HashMap<(&'static str, Option<Date>), usize>,
}

impl Reader {
    fn line(&mut self, at: usize, line: &Line<'_>) {
        if let Some(heading) = persons::heading(line) {
            let is_first = self.report.values.is_empty() && self.report.unread.is_empty();
            if self.whose.changed(heading, self.about.sex, line, is_first) {
                self.forget_pending();
                self.last = None;
                self.columns = None;
                self.section = Section::General;
            }
        }
        if let Some(columns) = Columns::read(line, self.order) {
            self.section = sections::of_table(line).unwrap_or(self.section);
            self.columns = Some(columns);
            self.pending = None;
            self.last = None;
            return;
        }
        if let Some(section) = sections::opened(line, self.section) {
            self.section = section;
            self.pending = None;
            self.last = None;
            return;
        }
        let columns = self.columns.take();
        let context =
            Context { columns: columns.as_ref(), section: self.section, convention: self.convention };
        let rows = rows::read(line, context);
        if rows.is_empty() {
            self.below(at, line, context);
        }
        for row in rows {
            let place = place(line, row.at, row.end);
            let is_only = self.pending.is_none();
            self.forget_pending();
            match row.content {
                _ if self.whose.is_other() => self.leave_out(row.head.analyte, place, Why::AnotherPerson),
                Ok(content) => self.add(&row.head, content, place, at, true),
                Err(Unread::Empty) => {
                    self.pending = Some(Pending { head: row.head, place, line: at, is_only });
                }
                Err(why) => self.leave_out(row.head.analyte, place, why.into()),
            }
        }
        self.columns = columns;
    }

    /// A line without a name: the value of a name above it, ranges of a value above it, or something else.
    fn below(&mut self, at: usize, line: &Line<'_>, context: Context<'_>) {
        let is_remark = line.lexemes[0].folded.starts_with("metod") || line.lexemes[0].folded == "method";
        if is_remark {
            return;
        }
        if let Some(pending) = self.pending.take() {
            let may_have = pending.is_only && pending.place.page == line.page;
            match rows::continued(line, &pending.head, context) {
                Ok(content)
                    if may_have
                        && at - pending.line <= PENDING_LINES
                        && has_unit(&pending.head, &content) =>
                {
                    self.add(&pending.head, content, pending.place, at, false);
                }
                Err(Unread::Empty) if at - pending.line < PENDING_LINES => self.pending = Some(pending),
                _ => self.leave_out(pending.head.analyte, pending.place, Why::NoValue),
            }
            return;
        }
        if let Some((values, _)) = self.last.clone()
            && rows::has_bands(line, self.convention)
        {
            // What stood beside the value is for one of these ages.
            for place in values {
                self.report.values[place].ranges.clear();
                judge(&mut self.report.values[place], self.about.sex);
            }
            self.last = None;
            return;
        }
        let ranges = rows::only_ranges(line, self.convention);
        match self.last.clone() {
            Some((values, since)) if !ranges.is_empty() && at - since <= RANGE_LINES => {
                for place in values.clone() {
                    let reading = &mut self.report.values[place];
                    let is_its = |unit: &Option<Unit>| {
                        unit.as_ref()
                            .is_none_or(|it| rows::is_same(it, reading.unit.as_ref(), reading.analyte))
                    };
                    let room = RANGES_MAX.saturating_sub(reading.ranges.len());
                    let its = ranges.iter().filter(|(_, unit)| is_its(unit)).map(|(range, _)| *range);
                    let its: Vec<Range> = its.take(room).collect();
                    reading.ranges.extend(its);
                    judge(reading, self.about.sex);
                }
                self.last = Some((values, since));
            }
            _ => self.last = None,
        }
    }

    fn forget_pending(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.leave_out(pending.head.analyte, pending.place, Why::NoValue);
        }
    }

    fn leave_out(&mut self, analyte: &'static Analyte, place: Place, why: Why) {
        self.last = None;
        if self.report.unread.len() < VALUES_MAX {
            self.report.unread.push(NotRead { analyte, place, why });
        }
    }

    fn add(&mut self, head: &Head, content: Content, place: Place, line: usize, in_line: bool) {
        let first = self.report.values.len();
        for (value, own_date) in content.values {
            if let Value::Number(comparator, number) = value
                && plausible::broken(head.analyte, number, comparator.is_some(), content.unit.as_ref())
                    .is_some()
            {
                self.leave_out(head.analyte, place, Why::Impossible);
                continue;
            }
            let date = match own_date {
                Some(day) => Some(day).filter(|it| self.about.until.is_none_or(|until| *it <= until)),
                None => self.day,
            };
            if date.zip(self.about.from).is_some_and(|(day, from)| day < from) {
                self.leave_out(head.analyte, place, Why::BeforeBirth);
                continue;
            }
            let has_unit = content.unit.is_some() || !needs_unit(head.analyte, &value);
            // A unit is the only witness of how large a number is meant to be; a picture is read with gaps.
            if self.about.is_scan && !has_unit {
                self.leave_out(head.analyte, place, Why::Unit);
                continue;
            }
            let mut reading = Reading {
                analyte: head.analyte,
                recognised: Recognised {
                    name: !head.depends_on_section,
                    line: in_line,
                    unit: has_unit,
                    text: !self.about.is_scan,
                    range: false,
                    day: date.is_some(),
                    sign: true,
                    person: true,
                },
                value,
                unit: content.unit.clone(),
                ranges: content.ranges.clone(),
                flag: None,
                // The sign stands beside the newest value; whose it is among several days is not said.
                printed: content.printed.filter(|_| own_date.is_none()),
                date,
                place,
                domains: domains::of(head.analyte, self.about.sex),
            };
            judge(&mut reading, self.about.sex);
            match self.seen.get(&(head.analyte.code, date)) {
                Some(known) if self.report.values[*known].value == reading.value => {}
                Some(_) => self.leave_out(head.analyte, place, Why::AnotherValue),
                None if self.report.values.len() >= VALUES_MAX => {}
                None => {
                    self.seen.insert((head.analyte.code, date), self.report.values.len());
                    self.report.values.push(reading);
                }
            }
        }
        self.last = Some((first..self.report.values.len(), line));
    }
}

impl From<Unread> for Why {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Empty | Unread::NoValue => Self::NoValue,
            Unread::Unit => Self::Unit,
            Unread::Ambiguous => Self::Ambiguous,
        }
    }
}

/// Whether a value in another line than its name has what makes it one, and not the number of a page.
fn has_unit(head: &Head, content: &Content) -> bool {
    content.unit.is_some() || !content.values.iter().any(|(value, _)| needs_unit(head.analyte, value))
}

fn needs_unit(analyte: &Analyte, value: &Value) -> bool {
    matches!(value, Value::Number(..)) && analyte.kind != AnalyteKind::Bare
}

/// Compares a value with its range, and the result with the laboratory's sign.
pub(super) fn judge(reading: &mut Reading, sex: Option<Sex>) {
    let range = flags::applying(&reading.ranges, sex);
    reading.flag = match (&reading.value, range) {
        (Value::Number(comparator, number), Some(range)) => flags::flag(*number, *comparator, range),
        _ => None,
    };
    reading.recognised.range = !reading.ranges.is_empty() || !matches!(reading.value, Value::Number(..));
    reading.recognised.sign = !flags::contradict(reading.flag, reading.printed);
}

fn place(line: &Line<'_>, at: usize, end: usize) -> Place {
    let last = line.lexemes[..end].last().map_or(0, |it| it.end);
    Place {
        page: line.page,
        line: line.number,
        line_start: line.whole,
        start: line.start + line.lexemes[at].start,
        end: line.start + last,
    }
}
