//! Two readings of the same picture, held against each other: what a reader of pictures makes up, it makes up once.
//!
//! A value of a picture is taken only if the other reading has it, too: the same analyte, the same number to its last figure
//! with the same comparator, the same unit, the same day, on the same page. A range that the other reading does not have is
//! left out, and with it what follows from it.

use jiff::civil::Date;

use super::{
    flags::Sex,
    report::{self, NotRead, Reading, Report, Why},
};

/// What both reports say of the pages that were read from pictures, and what the first says of the others.
pub fn corroborated(
    first: Report,
    other: &Report,
    is_picture: impl Fn(u32) -> bool,
    sex: Option<Sex>,
) -> Report {
    let Report { values, mut unread, date, lexemes } = first;
    let mut taken = Vec::with_capacity(values.len());
    for mut reading in values {
        if !is_picture(reading.place.page) {
            taken.push(reading);
            continue;
        }
        if let Some(witness) = other.values.iter().find(|it| is_same(it, &reading)) {
            reading.ranges.retain(|range| witness.ranges.contains(range));
            report::judge(&mut reading, sex);
            taken.push(reading);
        } else {
            let (analyte, place) = (reading.analyte, reading.place);
            unread.push(NotRead { analyte, place, why: Why::Uncorroborated });
        }
    }
    unread.sort_by_key(|it| it.place.start);
    Report { values: taken, unread, date: agreed(date, other.date), lexemes }
}

fn is_same(it: &Reading, other: &Reading) -> bool {
    it.analyte.code == other.analyte.code
        && it.place.page == other.place.page
        && it.date == other.date
        && it.value == other.value
        && it.unit == other.unit
}

/// A day that both readings name.
fn agreed(date: Option<Date>, other: Option<Date>) -> Option<Date> {
    date.filter(|date| other == Some(*date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::laboratory::report::{About, read};

    fn both(first: &str, other: &str) -> Report {
        let about = About { is_scan: true, ..About::default() };
        corroborated(read(first, about), &read(other, about), |page| page == 1, None)
    }

    const FIRST: &str =
        "Prelievo del 03/02/2026\nFSH   7,2 mUI/mL   3,5 - 12,5\nLH   5,1 mUI/mL   2,4 - 12,6\n";

    #[test]
    fn what_both_readings_say_is_taken() {
        let report =
            both(FIRST, "Prelievo del 03/02/2026\nF5H   1\nFSH  7,2 mUl/mL  3,5 - 12,5\nLH  5,1 mUI/mL\n");
        assert_eq!((report.values.len(), report.unread.len()), (2, 0));
        assert!(report.date.is_some());
        let [fsh, lh] = report.values.as_slice() else { panic!() };
        assert!(fsh.flag.is_some() && !fsh.ranges.is_empty());
        assert!(lh.flag.is_none() && lh.ranges.is_empty(), "one reading has no range");
    }

    #[test]
    fn what_only_one_says_is_not() {
        for other in [
            "Prelievo del 03/02/2026\nFSH   72 mUI/mL   3,5 - 12,5\n",
            "Prelievo del 03/02/2026\nFSH   7,20 mUI/mL   3,5 - 12,5\n",
            "Prelievo del 03/02/2026\nFSH   < 7,2 mUI/mL   3,5 - 12,5\n",
            "Prelievo del 03/02/2026\nFSH   7,2 UI/mL   3,5 - 12,5\n",
            "Prelievo del 08/02/2026\nFSH   7,2 mUI/mL   3,5 - 12,5\n",
            "Prelievo del 03/02/2026\n\u{c}FSH   7,2 mUI/mL   3,5 - 12,5\n",
            "",
        ] {
            let report = both(FIRST, other);
            assert!(report.values.is_empty(), "{other}");
            let why: Vec<_> = report.unread.iter().map(|it| (it.analyte.code, it.why)).collect();
            assert_eq!(why, [("fsh", Why::Uncorroborated), ("lh", Why::Uncorroborated)], "{other}");
        }
    }

    #[test]
    fn pages_with_text_need_no_witness() {
        let report =
            both("\u{c}Prelievo del 03/02/2026\nFSH   7,2 mUI/mL\n", "\u{c}Prelievo del 03/02/2026\n");
        assert_eq!((report.values.len(), report.unread.len()), (1, 0));
    }
}
