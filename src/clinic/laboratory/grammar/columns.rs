//! Heads of tables: where the dates of a cumulative report stand, where an older result, and whether the range comes first.

use jiff::civil::Date;

use super::{
    lines::{Kind, Line},
    words::{self, Label},
};
use crate::clinic::laboratory::dates::{self, Order};

/// Heads may have so many cells that are not known (specimen, method), if they say where the result stands.
const OTHERS_MAX: usize = 3;

/// The heads of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Vec<Column>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    head: Head,
    /// Letters before it.
    column: usize,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// As its label says.
    Labelled(Label),
    /// Values of a day.
    Day(Date),
    /// Values of an earlier day, if it is said.
    Earlier(Option<Date>),
    /// Something else: a specimen, a method.
    Other,
}

impl Columns {
    /// The heads, if a line consists of them.
    pub fn read(line: &Line<'_>, order: Option<Order>) -> Option<Self> {
        let mut columns = Vec::new();
        let mut at = 0;
        while at < line.lexemes.len() {
            let column = line.lexemes[at].column;
            if let Some((head, after)) = head(line, at, order) {
                columns.push(Column { head, column });
                at = after;
            } else if line.lexemes[at].kind == Kind::Sign(':') {
                return None; // A label with its value.
            } else {
                columns.push(Column { head: Head::Other, column });
                at = line.cell_end(at);
            }
        }
        let has = |wanted: Label| columns.iter().any(|it| it.head == Head::Labelled(wanted));
        let days = columns.iter().filter(|it| matches!(it.head, Head::Day(_))).count();
        let others = columns.iter().filter(|it| it.head == Head::Other).count();
        let known = columns.len() - others;
        let is_head = match days {
            0 => has(Label::Result) && known > 1 && others <= OTHERS_MAX && known >= others,
            1 => has(Label::Name) && (has(Label::Range) || has(Label::Unit)) && others <= 1,
            _ => others <= 1,
        };
        is_head.then_some(Self(columns))
    }

    /// Whether values of several days stand side by side.
    pub fn has_days(&self) -> bool {
        self.0.iter().any(|it| matches!(it.head, Head::Day(_)))
    }

    /// Whether ranges stand before results.
    pub fn has_range_first(&self) -> bool {
        let place = |wanted| self.0.iter().find(|it| it.head == Head::Labelled(wanted)).map(|it| it.column);
        place(Label::Range).zip(place(Label::Result)).is_some_and(|(range, result)| range < result)
    }

    /// The head that something stands below.
    pub fn above(&self, column: usize) -> Option<Head> {
        self.0.iter().min_by_key(|it| it.column.abs_diff(column)).map(|it| it.head)
    }
}

/// The head that begins here, and where it ends. Narrow columns leave but one blank between two heads.
fn head(line: &Line<'_>, at: usize, order: Option<Order>) -> Option<(Head, usize)> {
    if let Some((day, after)) = dates::day_at(line, at, order) {
        return Some((Head::Day(day), after));
    }
    let (label, mut after) = words::label(line, at)?;
    let cell = line.lexemes[at].cell;
    while line
        .lexemes
        .get(after)
        .is_some_and(|it| it.cell == cell && matches!(it.kind, Kind::Sign('.' | '(' | ')' | '*')))
    {
        after += 1;
    }
    if label != Label::Previous {
        return Some((Head::Labelled(label), after));
    }
    let is_dated = line.lexemes.get(after).is_some_and(|it| it.cell == cell);
    match dates::day_at(line, after.min(line.lexemes.len() - 1), order).filter(|_| is_dated) {
        Some((day, after)) => Some((Head::Earlier(Some(day)), line.cell_end(after - 1).min(after + 1))),
        None => Some((Head::Earlier(None), after)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::clinic::laboratory::grammar::lines::lines;

    fn columns(text: &str) -> Option<Columns> {
        Columns::read(&lines(text)[0], Some(Order::DayFirst))
    }

    #[test]
    fn heads_say_what_stands_below_them() {
        let simple = columns("Esame      Risultato   U.M.   Valori di riferimento").unwrap();
        assert!(!simple.has_days() && !simple.has_range_first());
        assert_eq!(simple.above(13), Some(Head::Labelled(Label::Result)));
        assert!(columns("Test   Reference interval   Units   Result").unwrap().has_range_first());
        let days = columns("Esame   U.M.   11/09/2023   05/12/2023   Valori di riferimento").unwrap();
        assert!(days.has_days());
        assert_eq!(days.above(29), Some(Head::Day(date(2023, 12, 5))));
        let earlier = columns("Esame    Risultato    U.M.    Precedente 14/03/2023").unwrap();
        assert_eq!(earlier.above(31), Some(Head::Earlier(Some(date(2023, 3, 14)))));
        let narrow = columns("Test      Units    14 February 2023 22 August 2023 20 February 2024").unwrap();
        assert_eq!(narrow.above(36), Some(Head::Day(date(2023, 8, 22))));
        assert_eq!(columns("Test   Result   Previous result").unwrap().above(18), Some(Head::Earlier(None)));
    }

    #[test]
    fn other_lines_are_no_heads() {
        for text in [
            "Data prelievo: 05/02/2024   Data referto: 07/02/2024",
            "Risultato: 18,3",
            "FSH   7,2",
            "",
            "Test",
            "Result of the test of John Smith   12",
        ] {
            assert_eq!(columns(text), None, "{text}");
        }
    }
}
