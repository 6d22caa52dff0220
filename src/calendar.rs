//! Calendars (RFC 5545) for calendar programs: lines that end in CRLF, are folded at 75 octets, and have their texts escaped.
//!
//! An entry keeps its UID for ever and its SEQUENCE only grows; what was withdrawn or cancelled stays as `CANCELLED`,
//! so that programs take it away. The text is a function of what is stored: unchanged rows give the same bytes.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};

/// Octets of a line without its end (RFC 5545, 3.1).
const LINE_MAX: usize = 75;
/// Nobody says when an event ends, and calendars want to show something.
const ASSUMED_LENGTH: SignedDuration = SignedDuration::from_hours(2);
/// How often programs should ask again.
const REFRESH: &str = "PT6H";

/// What an entry means to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may come to it.
    Tentative,
    /// It will.
    Confirmed,
    /// It will not.
    Cancelled,
}

/// When it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It begins then, and nobody has said when it ends.
    From(Timestamp),
    /// It begins and ends then.
    Between(Timestamp, Timestamp),
    /// All of these days, the last one included.
    Days(Date, Date),
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name for ever: see [`uid`].
    pub uid: String,
    /// Counts its changes.
    pub sequence: i64,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// When it is.
    pub when: When,
    /// Whether it will be.
    pub status: Status,
    /// In a few words.
    pub summary: String,
    /// Where.
    pub location: String,
    /// More words.
    pub description: Option<String>,
    /// Where to read more.
    pub url: Option<String>,
}

/// The name of the entry of something.
pub fn uid(id: impl std::fmt::Display) -> String {
    format!("{id}@sportello")
}

/// A whole calendar.
pub fn calendar(name: &str, entries: &[Entry]) -> String {
    let mut text = Lines(String::new());
    text.line("BEGIN", "VCALENDAR");
    text.line("VERSION", "2.0");
    text.line("PRODID", "-//Sportello//Sportello//EN");
    text.line("CALSCALE", "GREGORIAN");
    text.line("METHOD", "PUBLISH");
    for property in ["NAME", "X-WR-CALNAME"] {
        text.line(property, &escaped(name));
    }
    text.line("REFRESH-INTERVAL;VALUE=DURATION", REFRESH);
    if entries.is_empty() {
        text.nothing();
    }
    for entry in entries {
        text.entry(entry);
    }
    text.line("END", "VCALENDAR");
    text.0
}

struct Lines(String);

impl Lines {
    /// A calendar has at least one component; this one says nothing.
    fn nothing(&mut self) {
        self.line("BEGIN", "VTIMEZONE");
        self.line("TZID", "Etc/UTC");
        self.line("BEGIN", "STANDARD");
        self.line("DTSTART", "19700101T000000");
        self.line("TZOFFSETFROM", "+0000");
        self.line("TZOFFSETTO", "+0000");
        self.line("END", "STANDARD");
        self.line("END", "VTIMEZONE");
    }

    fn entry(&mut self, entry: &Entry) {
        self.line("BEGIN", "VEVENT");
        self.line("UID", &escaped(&entry.uid));
        self.line("SEQUENCE", &entry.sequence.to_string());
        self.line("DTSTAMP", &moment(entry.changed_at));
        self.line("LAST-MODIFIED", &moment(entry.changed_at));
        match entry.when {
            When::From(start) => {
                self.line("DTSTART", &moment(start));
                self.line("DTEND", &moment(start.saturating_add(ASSUMED_LENGTH).unwrap_or(start)));
            }
            When::Between(start, end) => {
                self.line("DTSTART", &moment(start));
                self.line("DTEND", &moment(end));
            }
            When::Days(from, to) => {
                self.line("DTSTART;VALUE=DATE", &day(from));
                self.line("DTEND;VALUE=DATE", &day(to.saturating_add(1.day())));
            }
        }
        let status = match entry.status {
            Status::Tentative => "TENTATIVE",
            Status::Confirmed => "CONFIRMED",
            Status::Cancelled => "CANCELLED",
        };
        self.line("STATUS", status);
        self.line("SUMMARY", &escaped(&entry.summary));
        self.line("LOCATION", &escaped(&entry.location));
        if let Some(description) = &entry.description {
            self.line("DESCRIPTION", &escaped(description));
        }
        if let Some(url) = &entry.url {
            self.line("URL", url);
        }
        self.line("END", "VEVENT");
    }

    /// One content line, folded between characters.
    fn line(&mut self, name: &str, value: &str) {
        let mut octets = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if octets + c.len_utf8() > LINE_MAX {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(c);
            octets += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// A TEXT value (RFC 5545, 3.3.11); control characters have no place in one.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push('\t'),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn day(date: Date) -> String {
    let mut text = String::with_capacity(8);
    let _ = write!(text, "{:04}{:02}{:02}", date.year(), date.month(), date.day());
    text
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Entry, Lines, Status, When, calendar, escaped};

    fn entry(when: When) -> Entry {
        Entry {
            uid: "1@sportello".to_owned(),
            sequence: 2,
            changed_at: "2027-05-01T08:00:00Z".parse().unwrap(),
            when,
            status: Status::Confirmed,
            summary: "Caffè, jazz; e altro".to_owned(),
            location: "Piazza Maggiore, Bologna".to_owned(),
            description: None,
            url: Some("https://example.org/a,b".to_owned()),
        }
    }

    #[test]
    fn an_entry_is_written_as_the_standard_wants() {
        let text = calendar("Prenotazioni", &[entry(When::From("2027-06-10T19:00:00Z".parse().unwrap()))]);
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Sportello//Sportello//EN\r\n\
            CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nNAME:Prenotazioni\r\nX-WR-CALNAME:Prenotazioni\r\n\
            REFRESH-INTERVAL;VALUE=DURATION:PT6H\r\nBEGIN:VEVENT\r\nUID:1@sportello\r\nSEQUENCE:2\r\n\
            DTSTAMP:20270501T080000Z\r\nLAST-MODIFIED:20270501T080000Z\r\nDTSTART:20270610T190000Z\r\n\
            DTEND:20270610T210000Z\r\nSTATUS:CONFIRMED\r\nSUMMARY:Caffè\\, jazz\\; e altro\r\n\
            LOCATION:Piazza Maggiore\\, Bologna\r\nURL:https://example.org/a,b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_has_an_end_ends_then() {
        let (from, until) =
            ("2027-06-10T09:00:00Z".parse().unwrap(), "2027-06-10T09:45:00Z".parse().unwrap());
        let text = calendar("x", &[entry(When::Between(from, until))]);
        assert!(text.contains("DTSTART:20270610T090000Z\r\nDTEND:20270610T094500Z\r\n"), "{text}");
    }

    #[test]
    fn days_end_before_the_day_after() {
        let text = calendar("x", &[entry(When::Days(date(2027, 12, 30), date(2027, 12, 31)))]);
        assert!(text.contains("DTSTART;VALUE=DATE:20271230\r\nDTEND;VALUE=DATE:20280101\r\n"), "{text}");
    }

    #[test]
    fn long_lines_are_folded_between_characters_and_unfold_to_the_same() {
        for text in ["x".repeat(300), "è".repeat(150), "🎷".repeat(80), "x".repeat(67), "x".repeat(68)] {
            let mut lines = Lines(String::new());
            lines.line("SUMMARY", &text);
            for line in lines.0.trim_end().split("\r\n") {
                assert!(line.len() <= 75, "{} octets", line.len());
            }
            assert_eq!(lines.0.replace("\r\n ", ""), format!("SUMMARY:{text}\r\n"));
        }
    }

    #[test]
    fn what_people_write_never_becomes_a_line_of_its_own() {
        assert_eq!(escaped("a\r\nEND:VEVENT\\\u{7}"), "a\\nEND:VEVENT\\\\");
    }

    #[test]
    fn a_calendar_without_entries_still_has_a_component() {
        assert!(calendar("x", &[]).contains("BEGIN:VTIMEZONE\r\n"));
    }
}
