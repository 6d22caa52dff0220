//! Everything that the text of a document says.

use std::collections::HashSet;

use jiff::civil::Date;

use super::described::{self, Descriptions};
use crate::clinic::{
    documents::{confidence::Confidence, document::Unread, pages::PageText},
    laboratory::{
        corroboration::corroborated,
        flags::Sex,
        identity::{self, Person},
        report::{self, About, NotRead, Reading, Report, Why},
    },
    reading::{Blank, Origin},
    rules::score::Domain,
};

/// What a document says.
#[derive(Debug)]
pub struct Read {
    /// In the order of the text.
    pub values: Vec<Reading>,
    /// What was named and is not among them, and pages that could not be read.
    pub unread: Vec<Unread>,
    /// Oocytes, embryos and a hysteroscopy that it describes.
    pub descriptions: Descriptions,
    /// The day that it names itself.
    pub reported_on: Option<Date>,
    /// How far all this can be relied on.
    pub confidence: Confidence,
    /// Whether a page was read from a picture.
    pub is_scan: bool,
    /// For ranges that differ.
    pub sex: Option<Sex>,
    /// Its pages that say to be about somebody else.
    pub of_another: Vec<u32>,
    /// Somebody has looked at these, and has confirmed that they are of the patient.
    pub is_confirmed: bool,
}

/// Figures and findings of these are at most so many: no report has more, and a text that means harm may.
const UNREAD_MAX: usize = 500;

/// So much text is looked at, in bytes: two hundred pages of any report. Taken apart it needs fifty times its size, and a text
/// that means harm is longer. Pages beyond are said to be unread.
const TEXT_MAX: usize = 512 << 10;

/// Reads pages of somebody's document, which may have been confirmed to be theirs. `uploaded_on`: no day of it is later.
pub fn read(mut pages: Vec<PageText>, (person, is_confirmed): (&Person, bool), uploaded_on: Date) -> Read {
    let too_much = leave_out(&mut pages);
    let pictures = pages.iter().filter(|page| matches!(page.origin, Origin::Picture { .. }));
    let pictures: HashSet<u32> = pictures.map(|page| page.number).collect();
    let is_scan = !pictures.is_empty();
    let count = pages.len() as u32;
    let lost: Vec<Unread> = pages.iter().filter_map(lost).chain(too_much).collect();
    let (text, again) = texts(pages);
    let sex = person.sex;
    let of_another = identity::pages_of_another(&text, |page| pictures.contains(&page), person);
    let about = About { sex, is_scan, from: person.born_on, until: Some(uploaded_on) };
    let mut report = report::read(&text, about);
    let days = (person.born_on, uploaded_on);
    let mut descriptions = described::read(&text, report.date, days);
    if is_scan {
        let is_picture = |page: u32| pictures.contains(&page);
        let other = report::read(&again, about);
        descriptions = descriptions.corroborated(&described::read(&again, other.date, days), is_picture);
        report = corroborated(report, &other, is_picture, sex);
    }
    let mut report = of_one(report, sex);
    for it in &mut report.values {
        it.recognised.person = is_confirmed || !of_another.contains(&it.place.page);
    }
    let named = report.unread.iter().map(named);
    let unread: Vec<Unread> = lost.into_iter().chain(named).take(UNREAD_MAX).collect();
    let points = report.values.iter().map(|it| it.recognised.percent());
    let confidence = Confidence::of(points, &unread, count);
    let reported_on = report.date.filter(|day| person.born_on.is_none_or(|born_on| *day >= born_on));
    Read {
        values: report.values,
        descriptions,
        reported_on,
        unread,
        confidence,
        is_scan,
        sex,
        of_another,
        is_confirmed,
    }
}

/// Without what only people of the other sex have: reports of couples do not always say where the part of the partner begins.
fn of_one(report: Report, sex: Option<Sex>) -> Report {
    let Report { values, mut unread, date, lexemes } = report;
    let is_own = |it: &Reading| it.analyte.only_of().zip(sex).is_none_or(|(only, own)| only == own);
    let (values, others): (Vec<_>, Vec<_>) = values.into_iter().partition(is_own);
    let left_out = |it: Reading| NotRead { analyte: it.analyte, place: it.place, why: Why::OtherSex };
    unread.extend(others.into_iter().map(left_out));
    unread.sort_by_key(|it| it.place.start);
    Report { values, unread, date, lexemes }
}

impl Read {
    /// Whether nobody knows that this page is of the patient: it names somebody else.
    pub fn is_in_question(&self, page: u32) -> bool {
        !self.is_confirmed && self.of_another.contains(&page)
    }

    /// The domains of which its values speak, in the order in which they are shown.
    pub fn domains(&self) -> Vec<&'static str> {
        let speaks = |domain: &Domain| self.values.iter().any(|it| it.domains.contains(domain));
        Domain::ALL.into_iter().filter(speaks).map(Domain::as_str).collect()
    }
}

/// Takes the text out of the pages that are too many.
fn leave_out(pages: &mut [PageText]) -> Vec<Unread> {
    let (mut left, mut unread) = (TEXT_MAX, Vec::new());
    for page in pages {
        if let Some(rest) = left.checked_sub(page.text.len()) {
            left = rest;
        } else {
            page.text = String::new();
            page.again = None;
            let why = "too_much_text".to_owned();
            unread.push(Unread { analyte: None, page: page.number, line: None, why });
        }
    }
    unread
}

/// The text, and that of a second reading of the pages that are pictures: without one there is nothing that it corroborates.
fn texts(mut pages: Vec<PageText>) -> (String, String) {
    let others = pages.iter_mut().map(|page| {
        let other = page.again.take().unwrap_or_default();
        let is_picture = matches!(page.origin, Origin::Picture { .. });
        PageText { text: if is_picture { other } else { page.text.clone() }, ..page.clone() }
    });
    let again = PageText::document(others.collect()).text();
    (PageText::document(pages).text(), again)
}

fn lost(page: &PageText) -> Option<Unread> {
    let why = match page.origin {
        Origin::Blank(Blank::NoOcr) => "no_ocr",
        Origin::Blank(Blank::OcrFailed) => "ocr_failed",
        Origin::Blank(Blank::TooManyPictures) => "too_many_pictures",
        Origin::Blank(Blank::Unreadable) => "unreadable",
        Origin::Blank(Blank::Nothing) | Origin::Text | Origin::Layer | Origin::Picture { .. } => return None,
    };
    Some(Unread { analyte: None, page: page.number, line: None, why: why.to_owned() })
}

fn named(it: &NotRead) -> Unread {
    let analyte = Some(it.analyte.code.to_owned());
    Unread { analyte, page: it.place.page, line: Some(it.place.line), why: it.why.as_str().to_owned() }
}

/// Where most of the text is from, in a stable word.
pub fn text_from(pages: &[PageText]) -> &'static str {
    let any = |is: fn(&Origin) -> bool| pages.iter().any(|page| is(&page.origin));
    if any(|it| matches!(it, Origin::Picture { .. })) {
        "picture"
    } else if any(|it| matches!(it, Origin::Layer)) {
        "layer"
    } else if any(|it| matches!(it, Origin::Text)) {
        "text"
    } else {
        "none"
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn page(number: u32, origin: Origin, text: &str) -> PageText {
        PageText { number, width: 595.0, height: 842.0, origin, text: text.to_owned(), again: None }
    }

    #[test]
    fn a_text_that_is_too_long_is_left_out_by_the_page() {
        let long = "x ".repeat(TEXT_MAX / 2 - 20);
        let value = "FSH   7,2 mUI/mL\n";
        let pages = vec![
            page(1, Origin::Text, value),
            page(2, Origin::Text, &long),
            page(3, Origin::Text, &value.repeat(10)),
        ];
        let read = read(pages, (&Person::of_sex(Sex::Female), false), date(2026, 3, 20));
        assert_eq!((read.values.len(), read.unread.len()), (1, 1));
        assert_eq!((read.unread[0].page, read.unread[0].why.as_str()), (3, "too_much_text"));
    }

    #[test]
    fn pages_that_were_not_read_are_said_and_count() {
        let pages = vec![
            page(
                1,
                Origin::Text,
                "Prelievo del 03/02/2026\nFSH   7,2 mUI/mL   (3,5 - 12,5)\nLH   in corso\n",
            ),
            page(2, Origin::Blank(Blank::NoOcr), ""),
            page(3, Origin::Blank(Blank::Nothing), ""),
        ];
        assert_eq!(text_from(&pages), "text");
        let read = read(pages, (&Person::of_sex(Sex::Female), false), date(2026, 3, 20));
        assert_eq!(read.values.len(), 1);
        let why: Vec<_> = read.unread.iter().map(|it| (it.page, it.why.as_str())).collect();
        assert_eq!(why, [(2, "no_ocr"), (1, "no_value")]);
        assert_eq!((read.confidence.pages, read.confidence.pages_unread), (3, 1));
        assert_eq!(read.confidence.points, Some(33), "half of it was understood, on two pages of three");
        assert_eq!(read.domains(), ["ovarian", "hormonal"]);
    }

    #[test]
    fn what_only_the_other_sex_has_is_unread() {
        let text = "Prelievo del 03/02/2026\nFSH   7,2 mUI/mL\nSPERMIOGRAMMA\nVolume   2,8 mL\nAFC   12\n";
        let said = |sex| {
            let person = Person { sex, ..Person::of_sex(Sex::Female) };
            let read = read(vec![page(1, Origin::Text, text)], (&person, false), date(2026, 3, 20));
            let values: Vec<_> = read.values.iter().map(|it| it.analyte.code).collect();
            let unread: Vec<_> = read.unread.iter().map(|it| format!("{:?} {}", it.line, it.why)).collect();
            (values, unread)
        };
        let unread = |line: u32| vec![format!("Some({line}) other_sex")];
        assert_eq!(said(Some(Sex::Female)), (vec!["fsh", "afc"], unread(4)));
        assert_eq!(said(Some(Sex::Male)), (vec!["fsh", "semen_volume"], unread(5)));
        assert_eq!(said(None), (vec!["fsh", "semen_volume", "afc"], vec![]));
    }

    #[test]
    fn nothing_is_of_a_day_before_the_birth() {
        let text = "Data prelievo: 03/02/1986\nFSH   7,2 mUI/mL\nOvociti recuperati 3\nMII 2 / MI 1\n";
        let person = Person { born_on: Some(date(1990, 5, 17)), ..Person::of_sex(Sex::Female) };
        let read = read(vec![page(1, Origin::Text, text)], (&person, false), date(2026, 3, 20));
        assert_eq!((read.values.len(), read.unread[0].why.as_str()), (0, "before_birth"));
        assert_eq!(
            (read.descriptions.found.len(), read.descriptions.unread.as_slice()),
            (0, [(1, 4)].as_slice())
        );
        assert_eq!(read.reported_on, None);
    }

    #[test]
    fn of_a_picture_only_what_two_readings_say_is_taken() {
        let picture = || Origin::Picture { confidence: 0.9 };
        let first = "Prelievo del 03/02/2026\nFSH   7,2 mUI/mL   3,5 - 12,5\nTSH   27 mUI/L   0,4 - 4,0\n";
        let again = "Prelievo del 03/02/2026\nFSH   7,2 mUI/mL   3,5 - 12,5\nTSH   2,7 mUI/L   0,4 - 4,0\n";
        let scan = PageText { again: Some(again.to_owned()), ..page(1, picture(), first) };
        let text = page(2, Origin::Text, "LH   5,1 mUI/mL\n");
        let read_twice = read(
            vec![scan, text.clone()],
            (&Person::of_sex(Sex::Female), false),
            jiff::civil::date(2026, 3, 20),
        );
        let found: Vec<_> = read_twice.values.iter().map(|it| it.analyte.code).collect();
        assert_eq!((found, read_twice.is_scan), (vec!["fsh", "lh"], true));
        let unread = Unread {
            analyte: Some("tsh".to_owned()),
            page: 1,
            line: Some(3),
            why: "uncorroborated".to_owned(),
        };
        assert_eq!(read_twice.unread, [unread]);
        assert_eq!((read_twice.confidence.values, read_twice.confidence.not_understood), (2, 1));
        // A page whose second reading failed.
        let once = read(
            vec![page(1, picture(), first), text],
            (&Person::of_sex(Sex::Female), false),
            jiff::civil::date(2026, 3, 20),
        );
        assert_eq!(once.values.len(), 1, "only that of the page with text");
    }
}
