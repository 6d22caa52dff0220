//! Rows: which part is the value, and what belongs to it.

use jiff::civil::Date;

use super::{
    columns::{Columns, Head as Above},
    heads::{self, Head},
    items::{self, Item, What},
    lines::{Comparator, Kind, Line},
    parts,
    words::{self, Finding, Label},
};
use crate::clinic::laboratory::{
    decimal::{Convention, Decimal},
    flags::Printed,
    names::{self, Analyte, Group, Section},
    plausible,
    ranges::{self, Range},
    units::{Dimension, Unit, spelling},
};

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number, perhaps only its bound.
    Number(Option<Comparator>, Decimal),
    /// A word.
    Finding(Finding),
    /// In ISCN.
    Karyotype(String),
}

/// A name with what stands behind it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub head: Head,
    /// First lexeme.
    pub at: usize,
    /// After the last that was understood.
    pub end: usize,
    /// What it says.
    pub content: Result<Content, Unread>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Values; those of another day than the report's with their day.
    pub values: Vec<(Value, Option<Date>)>,
    /// Their unit.
    pub unit: Option<Unit>,
    /// Their ranges.
    pub ranges: Vec<Range>,
    /// The laboratory's sign.
    pub printed: Option<Printed>,
}

/// Why a row says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unread {
    /// Nothing stands behind the name.
    Empty,
    /// What stands there is no value: in progress, see note.
    NoValue,
    /// Its unit is not known, or nothing this analyte is measured in.
    Unit,
    /// It can be read with decimals or with thousands, and the row does not say which.
    Ambiguous,
}

/// What decides how a row is read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// Heads of the table.
    pub columns: Option<&'c Columns>,
    /// Part of the report.
    pub section: Section,
    /// Decimal sign.
    pub convention: Convention,
}

/// The rows of a line: one, or as many as there are tables side by side.
pub fn read(line: &Line<'_>, context: Context<'_>) -> Vec<Row> {
    let mut found: Vec<(usize, Head)> = Vec::new();
    let mut at = 0;
    // `Urine:   Glucosio   20 mg/dL`
    if line.lexemes.first().is_some_and(|it| words::is_other_specimen(&it.folded)) {
        return Vec::new();
    }
    while at < line.lexemes.len() {
        match heads::read(line, at, context.section) {
            Some(head) => {
                let end = head.end;
                found.push((at, head));
                at = next_start(line, end);
            }
            None => at = next_start(line, at + 1),
        }
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(at, _)| *at).chain([line.lexemes.len()]).collect();
    let rows = found.into_iter().zip(ends).map(|((at, head), to)| {
        let mut items = items::read(line, head.end, to, context.convention);
        join_wide_range(line, &mut items, context.columns);
        let end = items
            .iter()
            .filter(|it| !matches!(it.kind, What::Opaque | What::Band))
            .map(|it| it.end)
            .max()
            .unwrap_or(head.end);
        let content = if is_of_another(line, &head, to) || parts::names_side(line, head.analyte, at, head.end)
        {
            Err(Unread::NoValue)
        } else {
            Assembly { line, head: &head, items: &items, context, is_in_line: true }.content()
        };
        Row { head, at, end, content }
    });
    rows.collect()
}

/// `2.4   -   12.6`: a range whose dash stands in a column of its own, as scans and exports have it. Behind a value, and
/// nowhere under the day of an older one, two numbers with nothing but a dash between them are nothing else; but only if the
/// row has no other range.
fn join_wide_range(line: &Line<'_>, items: &mut Vec<Item>, columns: Option<&Columns>) {
    let has_range = items.iter().any(|it| matches!(it.kind, What::Range(_) | What::Band));
    if has_range || columns.is_some_and(Columns::has_days) {
        return;
    }
    let is_older = |at: usize| {
        let above = columns.and_then(|it| it.above(line.lexemes[at].column));
        matches!(above, Some(Above::Earlier(_)))
    };
    let is_value = |it: &Item| matches!(it.kind, What::Number(_) | What::Bounded(..));
    let Some(value) = items.iter().position(is_value) else { return };
    for first in value + 1..items.len() {
        let What::Number(low) = items[first].kind else { continue };
        let dash = items[first].end;
        let last = first + 1 + usize::from(items.get(first + 1).is_some_and(|it| it.kind == What::Missing));
        let Some(&Item { kind: What::Number(high), at, end }) = items.get(last) else { continue };
        let is_dash = line.lexemes.get(dash).is_some_and(|it| matches!(it.kind, Kind::Sign('-' | '–' | '—')));
        if !is_dash || at != dash + 1 || is_older(items[first].at) || low.compare(high).is_gt() {
            continue;
        }
        let kind = What::Range(ranges::between(low, high));
        let joined = Item { kind, at: items[first].at, end };
        items.splice(first..=last, [joined]);
        return;
    }
}

/// Whether a word before the value makes it another one's: `TSH   anticorpi   0,9`, `Glucosio   urine   20`.
fn is_of_another(line: &Line<'_>, head: &Head, to: usize) -> bool {
    let words =
        line.lexemes[head.end..to].iter().take_while(|it| matches!(it.kind, Kind::Word | Kind::Sign(_)));
    let is_against = |word: &str| words::is_antibody(word) && !head.analyte.is_antibody();
    words.map(|it| it.folded.as_str()).any(|it| words::is_other_specimen(it) || is_against(it))
}

/// Where a name may begin: at the beginning of a cell, and within one behind a comma or an `and`.
fn next_start(line: &Line<'_>, from: usize) -> usize {
    let may_begin = |at: &usize| {
        let before = &line.lexemes[at - 1];
        let links =
            matches!(before.kind, Kind::Sign(',' | ';')) || matches!(before.folded.as_str(), "e" | "and");
        line.is_head(*at) || (links && line.lexemes[*at].kind == Kind::Word)
    };
    (from.max(1)..line.lexemes.len()).find(may_begin).unwrap_or(line.lexemes.len())
}

/// A line without a name as the rest of a row that began above it.
pub fn continued(line: &Line<'_>, head: &Head, context: Context<'_>) -> Result<Content, Unread> {
    let items = items::read(line, 0, line.lexemes.len(), context.convention);
    let context = Context { columns: None, ..context };
    Assembly { line, head, items: &items, context, is_in_line: false }.content()
}

/// A value has no more ranges: men, women, five phases.
pub const RANGES_MAX: usize = 16;

/// A unit as it is meant of an analyte: nothing, if it cannot be written down.
fn of_analyte(unit: Unit, analyte: &Analyte) -> Option<Unit> {
    if analyte.has_international_unit { Some(unit) } else { unit.without_standard() }
}

/// Whether the unit behind a range is that of the value: a range in another one is not compared.
pub fn is_same(its: &Unit, values: Option<&Unit>, analyte: &Analyte) -> bool {
    let its = of_analyte(its.clone(), analyte);
    its.zip(values)
        .is_none_or(|(its, value)| its.dimension() == value.dimension() && its.size() == value.size())
}

/// Whether a line says for which ages ranges are.
pub fn has_bands(line: &Line<'_>, convention: Convention) -> bool {
    items::read(line, 0, line.lexemes.len(), convention).iter().any(|it| it.kind == What::Band)
}

/// The ranges of a line that has nothing else, with the units behind them.
pub fn only_ranges(line: &Line<'_>, convention: Convention) -> Vec<(Range, Option<Unit>)> {
    let items = items::read(line, 0, line.lexemes.len(), convention);
    let is_range = |it: &Item| {
        matches!(it.kind, What::Range(_) | What::Label(Label::Range) | What::Unit(_) | What::Bounded(..))
    };
    // A bound alone needs its label: `Valori di riferimento: < 25`.
    let is_labelled = matches!(items.first().map(|it| &it.kind), Some(What::Label(Label::Range)));
    let has_bound = items.iter().any(|it| matches!(it.kind, What::Bounded(..)));
    if items.is_empty() || !items.iter().all(is_range) || (has_bound && !is_labelled) {
        return Vec::new();
    }
    let unit_behind = |place: usize| match items.get(place + 1).map(|it| &it.kind) {
        Some(What::Unit(unit)) => Some(unit.clone()),
        _ => None,
    };
    let ranges = items.iter().enumerate().take(RANGES_MAX);
    ranges.filter_map(|(place, it)| Some((range_of(&it.kind)?, unit_behind(place)))).collect()
}

const fn range_of(kind: &What) -> Option<Range> {
    match kind {
        What::Range(range) => Some(*range),
        What::Bounded(comparator, end) => Some(ranges::of_bound(*comparator, *end)),
        _ => None,
    }
}

struct Assembly<'l, 't, 'c> {
    line: &'l Line<'t>,
    head: &'l Head,
    items: &'l [Item],
    context: Context<'c>,
    /// Whether the name stands in this line, too.
    is_in_line: bool,
}

impl Assembly<'_, '_, '_> {
    fn content(&self) -> Result<Content, Unread> {
        if self.items.is_empty() {
            return Err(Unread::Empty);
        }
        let columns = self.context.columns;
        let (places, values) = if columns.is_some_and(Columns::has_days) {
            self.values_of_days()
        } else {
            let place = if columns.is_some_and(Columns::has_range_first) {
                self.last_value()
            } else {
                self.first_value()
            };
            let place = place.ok_or(Unread::NoValue)?;
            let value = self.value(place).ok_or(Unread::NoValue)?;
            if self.is_part(place) {
                return Err(Unread::NoValue);
            }
            let (mut places, mut values) = (vec![place], vec![(value, None)]);
            for (place, value, day) in self.earlier(place) {
                places.push(place);
                values.extend(day.map(|day| (value, Some(day))));
            }
            (places, values)
        };
        let first = *places.first().ok_or(Unread::NoValue)?;
        let unit = self.unit(first, &values)?;
        let ranges = self.ranges(&places, unit.as_ref());
        if places.iter().any(|place| self.is_ambiguous(*place, &ranges)) {
            return Err(Unread::Ambiguous);
        }
        Ok(Content { values, unit, ranges, printed: self.printed() })
    }

    /// Whether a number may as well be a thousand times more or less: `2.150` beside `0,27 - 4,20`.
    fn is_ambiguous(&self, place: usize, ranges: &[Range]) -> bool {
        let item = &self.items[place];
        let (What::Number(_) | What::Bounded(..)) = item.kind else { return false };
        let numbers = self.line.lexemes[item.at..item.end].iter();
        let written = numbers.filter(|it| it.kind == Kind::Number).map(|it| it.folded.as_str()).next();
        written
            .is_some_and(|it| plausible::is_ambiguous(it, self.context.convention, ranges, self.head.analyte))
    }

    /// Whether a number is only a part of what was counted; not what stands beside it as an older result, or as a range.
    fn is_part(&self, place: usize) -> bool {
        let is_next = |it: &&Item| !matches!(it.kind, What::Flag(_) | What::Label(_) | What::Missing);
        let next = self.items.iter().enumerate().skip(place + 1).find(|(_, it)| is_next(it));
        let is_explained = next.is_some_and(|(place, it)| {
            let is_older = matches!(self.above(place), Some(Above::Earlier(_) | Above::Labelled(_)));
            matches!(it.kind, What::Range(_) | What::Bounded(..) | What::Band)
                || (self.line.is_head(it.at) && is_older)
        });
        !is_explained
            && parts::is_part(self.line, self.head.analyte, &self.items[place], self.context.convention)
    }

    /// The laboratory's sign, unless it stands beside an older result.
    fn printed(&self) -> Option<Printed> {
        let is_older = |place| matches!(self.above(place), Some(Above::Earlier(_)));
        let flag = |it: &Item| if let What::Flag(flag) = it.kind { Some(flag) } else { None };
        self.items.iter().enumerate().filter(|(place, _)| !is_older(*place)).find_map(|(_, it)| flag(it))
    }

    /// What an item says of this analyte.
    fn value(&self, place: usize) -> Option<Value> {
        let analyte = self.head.analyte;
        match &self.items[place].kind {
            What::Number(number) if analyte.takes_numbers() => Some(Value::Number(None, *number)),
            What::Bounded(comparator, number) if analyte.takes_numbers() => {
                Some(Value::Number(Some(*comparator), *number))
            }
            What::Finding(finding) => meaning(analyte, *finding).map(Value::Finding),
            What::Karyotype(text) if analyte.kind == names::Kind::Karyotype => {
                Some(Value::Karyotype(text.clone()))
            }
            _ => None,
        }
    }

    /// The first thing that can be a value, if nothing unknown stands before it.
    fn first_value(&self) -> Option<usize> {
        let mut has_unit = false;
        for (place, item) in self.items.iter().enumerate() {
            match item.kind {
                What::Unit(_) => has_unit = true,
                // A bound behind a unit or a range is the range: the value itself is missing.
                What::Bounded(..) if has_unit => return None,
                What::Number(_) | What::Bounded(..) | What::Finding(_) | What::Karyotype(_) => {
                    return Some(place);
                }
                What::Opaque if self.is_beside(place) => {}
                What::Opaque | What::Missing | What::Label(Label::Range | Label::Previous) => return None,
                What::Flag(_) | What::Label(_) | What::Range(_) | What::Band => {}
            }
        }
        None
    }

    /// Whether it stands in a column of its own that is not the result's.
    fn is_beside(&self, place: usize) -> bool {
        self.line.is_head(self.items[place].at) && self.above(place) == Some(Above::Other)
    }

    /// The last thing that can be a value: the range stands before it.
    fn last_value(&self) -> Option<usize> {
        let last = self.items.iter().rposition(|it| !matches!(it.kind, What::Unit(_) | What::Flag(_)))?;
        let is_only_one = self.items[..last].iter().all(|it| !matches!(it.kind, What::Number(_)));
        let is_value = self.value(last).is_some();
        let has_range = self.items[..last].iter().any(|it| range_of(&it.kind).is_some());
        (is_value && is_only_one && (has_range || !matches!(self.items[last].kind, What::Bounded(..))))
            .then_some(last)
    }

    fn above(&self, place: usize) -> Option<Above> {
        self.context.columns?.above(self.line.lexemes[self.items[place].at].column)
    }

    /// Values under the days of a cumulative report.
    fn values_of_days(&self) -> (Vec<usize>, Vec<(Value, Option<Date>)>) {
        let under_days = self.items.iter().enumerate().filter_map(|(place, _)| {
            let Some(Above::Day(day)) = self.above(place) else { return None };
            Some((place, (self.value(place)?, Some(day))))
        });
        under_days.unzip()
    }

    /// Numbers under the head of an earlier result.
    fn earlier(&self, after: usize) -> Vec<(usize, Value, Option<Date>)> {
        let behind = (after + 1..self.items.len()).filter_map(|place| match self.above(place) {
            Some(Above::Earlier(day)) => Some((place, self.value(place)?, day)),
            _ => None,
        });
        behind.collect()
    }

    /// `Giorni di astinenza: 4`: the name says the unit, in the line of the name and for what stands directly behind it.
    fn unit_in_name(&self) -> Option<Unit> {
        let is_its = self.head.end > 0
            && self.head.analyte.is_measured_in(Dimension::Time)
            && self.items.first().is_some_and(|it| it.at == self.head.end && self.is_in_line);
        let mut name = self.line.lexemes[..self.head.end.min(self.line.lexemes.len())].iter();
        let says_days = is_its && name.any(|it| matches!(it.folded.as_str(), "giorni" | "days"));
        says_days.then(|| spelling::read_code("d")).flatten()
    }

    /// The unit, if there is one and the analyte is measured in it.
    fn unit(&self, value: usize, values: &[(Value, Option<Date>)]) -> Result<Option<Unit>, Unread> {
        if !values.iter().any(|(it, _)| matches!(it, Value::Number(..))) {
            return Ok(None);
        }
        let analyte = self.head.analyte;
        let unit_of = |it: &Item| if let What::Unit(unit) = &it.kind { Some(unit.clone()) } else { None };
        let behind = &self.items[value + 1..];
        // Behind another number it is that one's: `6,1  1073/uL` is no `/uL`.
        let others = |it: &&Item| !matches!(it.kind, What::Number(_) | What::Opaque);
        let after = behind.iter().take_while(others).find_map(unit_of);
        let unit =
            after.or_else(|| self.items[..value].iter().find_map(unit_of)).or_else(|| self.head.unit.clone());
        match unit.map(|it| of_analyte(it, analyte)) {
            Some(Some(unit)) if analyte.is_measured_in(unit.dimension()) => Ok(Some(unit)),
            Some(_) => Err(Unread::Unit),
            None => {
                // What stands behind is no unit, or a unit that belongs to something else.
                let next = behind.iter().find(|it| !matches!(it.kind, What::Flag(_) | What::Label(_)));
                let is_strange = next.is_some_and(|it| it.kind == What::Opaque)
                    || behind.iter().any(|it| matches!(it.kind, What::Unit(_)));
                if is_strange && matches!(analyte.kind, names::Kind::Quantity(_)) {
                    Err(Unread::Unit)
                } else {
                    Ok(self.unit_in_name())
                }
            }
        }
    }

    /// Ranges in the unit of the value, up to words that explain something else.
    fn ranges(&self, values: &[usize], unit: Option<&Unit>) -> Vec<Range> {
        // The person's age is not known here: none of them is known to be for this person.
        if self.items.iter().any(|it| it.kind == What::Band) {
            return Vec::new();
        }
        let first = values.first().copied().unwrap_or_default();
        let others = self.items.iter().enumerate().filter(|(place, _)| !values.contains(place));
        let explained = |(place, item): &(usize, &Item)| {
            *place < first || !matches!(item.kind, What::Finding(_) | What::Opaque)
        };
        let is_in_unit = |place: usize| match self.items.get(place + 1).map(|it| &it.kind) {
            Some(What::Unit(its)) => is_same(its, unit, self.head.analyte),
            _ => true,
        };
        let ranges = others.take_while(explained).filter(|(place, _)| is_in_unit(*place));
        ranges.filter_map(|(_, item)| range_of(&item.kind)).take(RANGES_MAX).collect()
    }
}

/// What a word says of an analyte: that cells are absent, that a mutation is not there.
fn meaning(analyte: &Analyte, finding: Finding) -> Option<Finding> {
    if analyte.takes_findings() && analyte.group != Group::Semen {
        return Some(match finding {
            Finding::Absent | Finding::NotDetected => Finding::Negative,
            other => other,
        });
    }
    let is_nothing = matches!(finding, Finding::Absent | Finding::NotDetected);
    (analyte.takes_numbers() && is_nothing).then_some(finding)
}
