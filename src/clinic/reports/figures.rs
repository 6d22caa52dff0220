//! Numbers, units and days as people read them.

use jiff::{Timestamp, civil::Date};

use crate::{
    mail::{self, Language},
    notary::time::{ZONE, today},
};

/// What UCUM writes otherwise than people; the longer first.
const UNITS: [(&str, &str); 12] = [
    ("[IU]", "IU"),
    ("[arb'U]", "U"),
    ("10*12", "10¹²"),
    ("10*9", "10⁹"),
    ("10*6", "10⁶"),
    ("10*3", "10³"),
    ("mm3", "mm³"),
    ("cm3", "cm³"),
    ("um3", "µm³"),
    ("{", ""),
    ("}", ""),
    ("/u", "/µ"),
];

/// A decimal number with the digits it has: `7,20` in Italian.
pub fn number(text: &str, language: Language) -> String {
    match language {
        Language::It => text.replace('.', ","),
        Language::En => text.to_owned(),
    }
}

/// The same of a number of ours, with so many digits after the point.
pub fn rounded(value: f64, digits: usize, language: Language) -> String {
    number(&format!("{value:.digits$}"), language)
}

/// With the sign in front of it, if only a bound is known.
pub fn bounded(comparator: Option<&str>, number: &str) -> String {
    let sign = match comparator {
        Some("<=") => "≤ ",
        Some(">=") => "≥ ",
        Some("<") => "< ",
        Some(">") => "> ",
        _ => "",
    };
    format!("{sign}{number}")
}

/// From where to where.
pub fn range(low: Option<&str>, high: Option<&str>, language: Language) -> String {
    let shown = |text: &str| number(text, language);
    match (low, high) {
        (Some(low), Some(high)) => format!("{} – {}", shown(low), shown(high)),
        (Some(low), None) => format!("≥ {}", shown(low)),
        (None, Some(high)) => format!("≤ {}", shown(high)),
        (None, None) => String::new(),
    }
}

/// A unit: UCUM is for programs.
pub fn unit(ucum: &str, language: Language) -> String {
    let (day, minute) = match language {
        Language::It => ("giorni", "min"),
        Language::En => ("days", "min"),
    };
    let plain = match ucum {
        "1" | "{index}" | "[pH]" => return String::new(),
        "d" => return day.to_owned(),
        "min" => return minute.to_owned(),
        other => other,
    };
    let mut shown = UNITS.iter().fold(plain.to_owned(), |text, (ucum, sign)| text.replace(ucum, sign));
    if shown.starts_with('u') {
        shown.replace_range(..1, "µ");
    }
    if language == Language::It { shown.replace("IU", "UI") } else { shown }
}

/// A number with its unit: powers of ten are times it.
pub fn quantity(number: &str, ucum: &str, language: Language) -> String {
    let unit = unit(ucum, language);
    let times = if unit.starts_with("10") { " ×" } else { "" };
    format!("{number}{times} {unit}").trim_end().to_owned()
}

/// A day in a table: in English with the name of the month, which comes first for half of the world.
pub fn short_day(day: Date, language: Language) -> String {
    let form = match language {
        Language::It => "%d/%m/%Y",
        Language::En => "%-d %b %Y",
    };
    day.strftime(form).to_string()
}

/// A day in a sentence, without its name.
pub fn day(day: Date, language: Language) -> String {
    let long = mail::date(day, language);
    // `giovedì 10 giugno 2027`, `Thursday, 10 June 2027`
    long.split_once(' ').map_or(long.clone(), |(_, rest)| rest.to_owned())
}

/// A moment at the clinics: all of them are in one time zone.
pub fn moment(at: Timestamp, language: Language) -> String {
    let time = mail::moment(at, ZONE, language);
    let time = time.rsplit_once(", ").map_or("", |(_, time)| time);
    format!("{}, {time}", day(today(at), language))
}
