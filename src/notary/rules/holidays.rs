//! Public holidays of Italy and San Marino, by the laws of each year.
//!
//! Sources, Italy: law 260/1949 (the list); law 54/1977 (took six away, 2 June and 4 November to Sundays); DPR 792/1985
//! (Epiphany again); law 336/2000 (2 June again); decree-law 5/2011 (17 March 2011, once); law 151/2025 (4 October, from
//! 2026). San Marino: law 7/1961 and law 152/1990 "Calendario delle festività"; 24 and 31 December from the calendar of its
//! central bank: without banks no act is signed that moves money.
//!
//! Invariants
//! - Sundays are holidays by law in both countries; they are not listed, a notary's week says whether they are worked.
//! - Local days (the patron saint of a town) are not listed: they are exceptions of the notary.
//! - Years before 1950 (Italy) and 1991 (San Marino) are not known and have no holidays here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan as _, civil::Date};

/// First year of the Gregorian computus.
const COMPUTUS_FROM: i16 = 1583;
/// Later, the calendar itself may be wrong by a day.
const COMPUTUS_UNTIL: i16 = 4099;
/// A law that is still in force.
const OPEN: i16 = i16::MAX;

/// Whose holidays a notary keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Country {
    /// The Italian Republic.
    Italy,
    /// The Republic of San Marino.
    SanMarino,
}

/// A day on which nobody works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holiday {
    /// When.
    pub date: Date,
    /// Whose.
    pub country: Country,
    /// Its name in Italian.
    pub name_it: &'static str,
    /// Its name in English.
    pub name_en: &'static str,
}

enum Day {
    /// Month and day.
    Fixed(i8, i8),
    /// Days after Easter Sunday.
    Easter(i32),
}

/// A holiday in the years in which a law made it one.
struct Rule {
    country: Country,
    day: Day,
    from: i16,
    until: i16,
    name_it: &'static str,
    name_en: &'static str,
}

const fn italy(day: Day, from: i16, until: i16, name_it: &'static str, name_en: &'static str) -> Rule {
    Rule { country: Country::Italy, day, from, until, name_it, name_en }
}

const fn san_marino(day: Day, name_it: &'static str, name_en: &'static str) -> Rule {
    Rule { country: Country::SanMarino, day, from: 1991, until: OPEN, name_it, name_en }
}

const RULES: [Rule; 41] = [
    italy(Day::Fixed(1, 1), 1950, OPEN, "Capodanno", "New Year's Day"),
    italy(Day::Fixed(1, 6), 1950, 1977, "Epifania", "Epiphany"),
    italy(Day::Fixed(1, 6), 1986, OPEN, "Epifania", "Epiphany"),
    italy(Day::Fixed(3, 17), 2011, 2011, "150° dell'Unità d'Italia", "150 years of Italian unity"),
    italy(Day::Fixed(3, 19), 1950, 1976, "San Giuseppe", "Saint Joseph's Day"),
    italy(Day::Easter(0), 1950, OPEN, "Pasqua", "Easter Sunday"),
    italy(Day::Easter(1), 1950, OPEN, "Lunedì dell'Angelo", "Easter Monday"),
    italy(Day::Fixed(4, 25), 1950, OPEN, "Festa della Liberazione", "Liberation Day"),
    italy(Day::Fixed(5, 1), 1950, OPEN, "Festa del Lavoro", "Labour Day"),
    italy(Day::Easter(39), 1950, 1976, "Ascensione", "Ascension Day"),
    italy(Day::Easter(60), 1950, 1976, "Corpus Domini", "Corpus Christi"),
    italy(Day::Fixed(6, 2), 1950, 1976, "Festa della Repubblica", "Republic Day"),
    italy(Day::Fixed(6, 2), 2001, OPEN, "Festa della Repubblica", "Republic Day"),
    italy(Day::Fixed(6, 29), 1950, 1976, "Santi Pietro e Paolo", "Saints Peter and Paul"),
    italy(Day::Fixed(8, 15), 1950, OPEN, "Assunzione di Maria Vergine", "Assumption Day"),
    italy(Day::Fixed(10, 4), 2026, OPEN, "San Francesco d'Assisi", "Saint Francis of Assisi"),
    italy(Day::Fixed(11, 1), 1950, OPEN, "Ognissanti", "All Saints' Day"),
    italy(Day::Fixed(11, 4), 1950, 1976, "Giorno dell'Unità Nazionale", "National Unity Day"),
    italy(Day::Fixed(12, 8), 1950, OPEN, "Immacolata Concezione", "Immaculate Conception"),
    italy(Day::Fixed(12, 25), 1950, OPEN, "Natale", "Christmas Day"),
    italy(Day::Fixed(12, 26), 1950, OPEN, "Santo Stefano", "Saint Stephen's Day"),
    san_marino(Day::Fixed(1, 1), "Capodanno", "New Year's Day"),
    san_marino(Day::Fixed(1, 6), "Epifania", "Epiphany"),
    san_marino(Day::Fixed(2, 5), "Sant'Agata", "Saint Agatha's Day"),
    san_marino(Day::Fixed(3, 25), "Anniversario dell'Arengo", "Anniversary of the Arengo"),
    san_marino(Day::Fixed(4, 1), "Insediamento dei Capitani Reggenti", "Investiture of the Captains Regent"),
    san_marino(Day::Easter(0), "Pasqua", "Easter Sunday"),
    san_marino(Day::Easter(1), "Lunedì dell'Angelo", "Easter Monday"),
    san_marino(Day::Fixed(5, 1), "Festa del Lavoro", "Labour Day"),
    san_marino(Day::Easter(60), "Corpus Domini", "Corpus Christi"),
    san_marino(Day::Fixed(7, 28), "Caduta del Fascismo", "Liberation from Fascism"),
    san_marino(Day::Fixed(8, 15), "Assunzione di Maria Vergine", "Assumption Day"),
    san_marino(
        Day::Fixed(9, 3),
        "San Marino e Fondazione della Repubblica",
        "Saint Marinus and the Foundation of the Republic",
    ),
    san_marino(Day::Fixed(10, 1), "Insediamento dei Capitani Reggenti", "Investiture of the Captains Regent"),
    san_marino(Day::Fixed(11, 1), "Ognissanti", "All Saints' Day"),
    san_marino(Day::Fixed(11, 2), "Commemorazione dei defunti", "All Souls' Day"),
    san_marino(Day::Fixed(12, 8), "Immacolata Concezione", "Immaculate Conception"),
    san_marino(Day::Fixed(12, 24), "Vigilia di Natale", "Christmas Eve"),
    san_marino(Day::Fixed(12, 25), "Natale", "Christmas Day"),
    san_marino(Day::Fixed(12, 26), "Santo Stefano", "Saint Stephen's Day"),
    san_marino(Day::Fixed(12, 31), "San Silvestro", "New Year's Eve"),
];

/// Easter Sunday of a year from 1583 to 4099, else `None`.
///
/// The anonymous Gregorian rule (Nature, 20 April 1876; Butcher 1877; Meeus, Astronomical Algorithms, chapter 8).
pub fn easter(year: i16) -> Option<Date> {
    if !(COMPUTUS_FROM..=COMPUTUS_UNTIL).contains(&year) {
        return None;
    }
    let year = i32::from(year);
    let golden = year % 19;
    let (century, rest) = (year / 100, year % 100);
    let skipped = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - skipped + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let sum = epact + to_sunday - 7 * late + 114;
    Date::new(year as i16, (sum / 31) as i8, (sum % 31 + 1) as i8).ok()
}

/// The holidays of `country` in `year`, in order.
pub fn of_year(country: Country, year: i16) -> Vec<Holiday> {
    let easter = easter(year);
    let rules =
        RULES.iter().filter(|rule| rule.country == country && (rule.from..=rule.until).contains(&year));
    let mut holidays: Vec<_> = rules
        .filter_map(|rule| {
            let date = match rule.day {
                Day::Fixed(month, day) => Date::new(year, month, day).ok(),
                Day::Easter(days) => easter.and_then(|easter| easter.checked_add(days.days()).ok()),
            };
            let Rule { name_it, name_en, .. } = *rule;
            date.map(|date| Holiday { date, country, name_it, name_en })
        })
        .collect();
    // Two may fall on one day, as Easter Monday and 25 April in 2011: both are listed.
    holidays.sort_by_key(|holiday| holiday.date);
    holidays
}

/// All holidays of `countries` from `from` to `until`, both included, by day.
pub fn between(countries: &[Country], from: Date, until: Date) -> BTreeMap<Date, Vec<Holiday>> {
    let mut days: BTreeMap<Date, Vec<Holiday>> = BTreeMap::new();
    let countries: BTreeSet<Country> = countries.iter().copied().collect();
    for country in countries {
        for holiday in (from.year()..=until.year()).flat_map(|year| of_year(country, year)) {
            if (from..=until).contains(&holiday.date) {
                days.entry(holiday.date).or_default().push(holiday);
            }
        }
    }
    days
}

/// The days on which there are holidays of `countries`, from `from` to `until`.
pub fn days(countries: &[Country], from: Date, until: Date) -> BTreeSet<Date> {
    between(countries, from, until).into_keys().collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date};

    use super::*;

    /// Easter from 2001 to 2066, as days from the last of February: OEIS A060958.
    const PUBLISHED: [i32; 66] = [
        46, 31, 51, 42, 27, 47, 39, 23, 43, 35, 55, 39, 31, 51, 36, 27, 47, 32, 52, 43, 35, 48, 40, 31, 51,
        36, 28, 47, 32, 52, 44, 28, 48, 40, 25, 44, 36, 56, 41, 32, 52, 37, 29, 48, 40, 25, 45, 36, 49, 41,
        33, 52, 37, 29, 49, 33, 53, 45, 30, 49, 41, 26, 46, 37, 29, 42,
    ];

    fn listed(country: Country, year: i16) -> Vec<(i8, i8)> {
        of_year(country, year).iter().map(|it| (it.date.month(), it.date.day())).collect()
    }

    #[test]
    fn easter_is_where_the_published_table_has_it() {
        for (year, days) in (2001..).zip(PUBLISHED) {
            assert_eq!(easter(year), Some(date(year, 2, 28).last_of_month() + days.days()), "{year}");
        }
        // The earliest and the latest possible, and the two exceptions of Gauss' rule.
        for it in [
            date(1818, 3, 22),
            date(2285, 3, 22),
            date(1943, 4, 25),
            date(2038, 4, 25),
            date(1954, 4, 18),
            date(1981, 4, 19),
        ] {
            assert_eq!(easter(it.year()), Some(it));
        }
    }

    #[test]
    fn easter_is_a_sunday_between_22_march_and_25_april() {
        for year in COMPUTUS_FROM..=COMPUTUS_UNTIL {
            let easter = easter(year).unwrap();
            assert_eq!(easter.weekday(), Weekday::Sunday, "{year}");
            assert!((date(year, 3, 22)..=date(year, 4, 25)).contains(&easter), "{easter}");
        }
        assert_eq!((easter(1582), easter(4100)), (None, None));
    }

    #[test]
    fn italy_has_saint_francis_again_from_2026() {
        let days_2025 = [
            (1, 1),
            (1, 6),
            (4, 20),
            (4, 21),
            (4, 25),
            (5, 1),
            (6, 2),
            (8, 15),
            (11, 1),
            (12, 8),
            (12, 25),
            (12, 26),
        ];
        assert_eq!(listed(Country::Italy, 2025), days_2025);
        let days_2027 = [
            (1, 1),
            (1, 6),
            (3, 28),
            (3, 29),
            (4, 25),
            (5, 1),
            (6, 2),
            (8, 15),
            (10, 4),
            (11, 1),
            (12, 8),
            (12, 25),
            (12, 26),
        ];
        assert_eq!(listed(Country::Italy, 2027), days_2027);
        assert!(listed(Country::Italy, 2026).contains(&(10, 4)));
    }

    #[test]
    fn italian_laws_count_from_the_year_in_which_they_took_effect() {
        let has = |year, day| listed(Country::Italy, year).contains(&day);
        let epiphany: Vec<i16> = (1970..1990).filter(|year| !has(*year, (1, 6))).collect();
        assert_eq!(epiphany, (1978..=1985).collect::<Vec<_>>());
        let republic: Vec<i16> = (1970..2010).filter(|year| !has(*year, (6, 2))).collect();
        assert_eq!(republic, (1977..=2000).collect::<Vec<_>>());
        assert!(has(1976, (3, 19)) && !has(1977, (3, 19)));
        assert!(has(1976, (6, 17)), "Corpus Domini");
        assert!(has(2011, (3, 17)) && !has(2010, (3, 17)) && !has(2012, (3, 17)));
    }

    #[test]
    fn san_marino_keeps_its_own_days() {
        let days_2026 = [
            (1, 1),
            (1, 6),
            (2, 5),
            (3, 25),
            (4, 1),
            (4, 5),
            (4, 6),
            (5, 1),
            (6, 4),
            (7, 28),
            (8, 15),
            (9, 3),
            (10, 1),
            (11, 1),
            (11, 2),
            (12, 8),
            (12, 24),
            (12, 25),
            (12, 26),
            (12, 31),
        ];
        assert_eq!(listed(Country::SanMarino, 2026), days_2026);
        // Corpus Domini of 2023 and 2006, as its press had them.
        assert!(listed(Country::SanMarino, 2023).contains(&(6, 8)));
        assert!(listed(Country::SanMarino, 2006).contains(&(6, 15)));
    }

    #[test]
    fn both_countries_together_have_19_fixed_days_and_3_movable_ones_before_saint_francis() {
        let both = [Country::Italy, Country::SanMarino, Country::Italy];
        let days = between(&both, date(2025, 1, 1), date(2025, 12, 31));
        assert_eq!(days.len(), 19 + 3);
        assert_eq!(days[&date(2025, 12, 25)].len(), 2, "one of each country");
        let days = between(&both, date(2024, 12, 26), date(2025, 1, 6));
        assert_eq!(
            days.into_keys().collect::<Vec<_>>(),
            [date(2024, 12, 26), date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 6)]
        );
    }
}
