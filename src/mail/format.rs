//! Money, dates and moments as people of a language write them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::Language;

/// `12,50 €` or `€12.50`.
pub fn money(cents: i64, language: Language) -> String {
    let (euros, rest) = (cents / 100, (cents % 100).abs());
    match language {
        Language::It => format!("{euros},{rest:02} €"),
        Language::En => format!("€{euros}.{rest:02}"),
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
        let day = jiff::civil::date(2027, 6, 10);
        assert_eq!(date(day, Language::It), "giovedì 10 giugno 2027");
        assert_eq!(date(day, Language::En), "Thursday, 10 June 2027");
        let at = "2027-06-10T19:00:00Z".parse().unwrap();
        assert_eq!(moment(at, "Europe/Rome", Language::It), "giovedì 10 giugno 2027, 21:00");
    }
}
