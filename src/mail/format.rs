//! Money, dates and moments as people of a language write them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Language;

/// `1.012,50 €` or `€1,012.50`.
pub fn money(cents: i64, language: Language) -> String {
    let (sign, euros, rest) =
        (if cents < 0 { "-" } else { "" }, cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    let digits = euros.to_string();
    let head = digits.len() % 3;
    let threes = digits.as_bytes()[head..].chunks(3).map(|it| String::from_utf8_lossy(it).into_owned());
    let groups: Vec<String> =
        (head > 0).then(|| digits[..head].to_owned()).into_iter().chain(threes).collect();
    match language {
        Language::It => format!("{sign}{},{rest:02} €", groups.join(".")),
        Language::En => format!("{sign}€{}.{rest:02}", groups.join(",")),
    }
}

/// `giovedì 10 giugno 2027` or `Thursday, 10 June 2027`.
pub fn date(date: Date, language: Language) -> String {
    let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
    let month = usize::from(date.month().unsigned_abs()) - 1;
    match language {
        Language::It => {
            const DAYS: [&str; 7] =
                ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"];
            const MONTHS: [&str; 12] = [
                "gennaio",
                "febbraio",
                "marzo",
                "aprile",
                "maggio",
                "giugno",
                "luglio",
                "agosto",
                "settembre",
                "ottobre",
                "novembre",
                "dicembre",
            ];
            format!("{} {} {} {}", DAYS[weekday], date.day(), MONTHS[month], date.year())
        }
        Language::En => date.strftime("%A, %-d %B %Y").to_string(),
    }
}

/// A date and a time of day in a place.
pub fn moment(at: Timestamp, time_zone: &str, language: Language) -> String {
    let zoned = at.to_zoned(TimeZone::get(time_zone).unwrap_or(TimeZone::UTC));
    format!("{}, {}", date(zoned.date(), language), zoned.strftime("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::{Language, date, moment, money};

    #[test]
    fn people_read_their_own_way_of_writing() {
        assert_eq!(money(1250, Language::It), "12,50 €");
        assert_eq!(money(1205, Language::En), "€12.05");
        assert_eq!(money(12_000_000, Language::It), "120.000,00 €");
        assert_eq!(money(12_345_678_905, Language::En), "€123,456,789.05");
        assert_eq!(
            (money(100_000, Language::It), money(99_999, Language::En)),
            ("1.000,00 €".into(), "€999.99".into())
        );
        assert_eq!((money(0, Language::It), money(-5, Language::En)), ("0,00 €".into(), "-€0.05".into()));
        let day = jiff::civil::date(2027, 6, 10);
        assert_eq!(date(day, Language::It), "giovedì 10 giugno 2027");
        assert_eq!(date(day, Language::En), "Thursday, 10 June 2027");
        let at = "2027-06-10T19:00:00Z".parse().unwrap();
        assert_eq!(moment(at, "Europe/Rome", Language::It), "giovedì 10 giugno 2027, 21:00");
    }
}
