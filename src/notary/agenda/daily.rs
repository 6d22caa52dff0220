//! The agenda of a day, for the people of an office who want it in the morning.
//!
//! It is a reminder: who wants reminders of appointments by mail is sent it.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use super::appointment::blocking;
use crate::{
    args,
    db::{Db, DbError},
    ids::{NotaryId, UserId},
    mail::Language,
    notary::{
        notifications::Kind,
        rules::{
            holidays::{self, Country},
            machine::Name as _,
        },
        time::ZONE,
    },
};

/// People found by one statement.
pub const BATCH: i64 = 500;
/// Appointments of one office on one day; more than there are quarters of an hour.
const PER_DAY: i64 = 200;

/// Where a walk over the people of all offices is.
pub type Place = (NotaryId, UserId);

/// From when until when a day is, at the offices.
fn bounds(day: Date) -> Option<(Timestamp, Timestamp)> {
    let zone = TimeZone::get(ZONE).ok()?;
    let begin = |day: Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp());
    Some((begin(day)?, begin(day.checked_add(1.day()).ok()?)?))
}

/// The countries in which the day is no holiday, as they are stored.
fn at_work(day: Date) -> Vec<&'static str> {
    [(Country::Italy, "IT"), (Country::SanMarino, "SM")]
        .into_iter()
        .filter(|(country, _)| !holidays::days(&[*country], day, day).contains(&day))
        .map(|(_, name)| name)
        .collect()
}

/// The next people after a place whose office has appointments on a day that is no holiday there, and who want to know.
pub async fn readers(db: &Db, day: Date, after: Option<Place>) -> Result<Vec<Place>, DbError> {
    const READERS: &str = concat!(
        "-- notary.daily_agenda.readers
        SELECT n.id, p.user_id FROM notary n
        JOIN LATERAL (
            SELECT n.user_id UNION SELECT w.user_id FROM collaborator w
            WHERE w.notary_id = n.id AND w.agreed_at IS NOT NULL AND 'manage_agenda' = ANY (w.permissions)
        ) AS p ON true
        JOIN users u ON u.id = p.user_id AND u.status = 'active' AND u.roles && '{notary,collaborator}'
        LEFT JOIN notification_preference f ON f.user_id = p.user_id AND f.kind = $1
        WHERE coalesce(f.by_mail, $2) AND n.country = ANY ($3) AND ($6::uuid IS NULL OR (n.id, p.user_id) > ($6, $7::uuid))
          AND EXISTS (SELECT FROM appointment a WHERE a.notary_id = n.id AND lower(a.during) >= $4 AND lower(a.during) < $5
              AND a.status <> 'completed' AND a.status IN ",
        blocking!(),
        ") ORDER BY n.id, p.user_id LIMIT $8"
    );
    const KIND: Kind = Kind::AppointmentReminder;
    let Some((from, until)) = bounds(day) else { return Ok(Vec::new()) };
    let countries: Vec<String> = at_work(day).into_iter().map(str::to_owned).collect();
    let (office, person) = after.map(|(office, person)| (office.0, person.0)).unzip();
    let (kind, is_default) = (KIND.as_str().to_owned(), KIND.is_mailed_by_default());
    let args = args![kind, is_default, countries, from, until, office, person, BATCH];
    Ok(db.read(READERS, args).await?.iter().map(|row| (row.get("id"), row.get("user_id"))).collect())
}

/// The appointments of an office on a day, a line for each, for somebody who may see its agenda. With the name of the office.
pub async fn lines(
    db: &Db,
    (office, who): Place,
    day: Date,
    language: Language,
) -> Result<Option<(String, Vec<String>)>, DbError> {
    const OF_DAY: &str = concat!(
        "-- notary.daily_agenda.of_day
        SELECT n.office_name, lower(a.during) AS begins, upper(a.during) AS ends, c.name, a.title, t.name_it, t.name_en
        FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        JOIN appointment_type t ON t.code = a.type
        WHERE a.notary_id = $1 AND lower(a.during) >= $3 AND lower(a.during) < $4 AND a.status <> 'completed' AND ",
        staffed!("manage_agenda", "a.notary_id", "$2"),
        " AND a.status IN ",
        blocking!(),
        " ORDER BY lower(a.during) LIMIT $5"
    );
    let Some((from, until)) = bounds(day) else { return Ok(None) };
    let rows = db.read(OF_DAY, args![office, who, from, until, PER_DAY]).await?;
    let line = |row: &tokio_postgres::Row| {
        let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
        let hour =
            |column| row.get::<_, Timestamp>(column).to_zoned(zone.clone()).strftime("%H:%M").to_string();
        let (name, title): (&str, &str) = (row.get("name"), row.get("title"));
        let what: &str = match (title, language) {
            ("", Language::It) => row.get("name_it"),
            ("", Language::En) => row.get("name_en"),
            (title, _) => title,
        };
        format!("{}–{} {name}: {what}", hour("begins"), hour("ends"))
    };
    Ok(rows.first().map(|first| (first.get("office_name"), rows.iter().map(line).collect())))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{at_work, bounds};

    #[test]
    fn a_day_is_the_offices_day_and_holidays_are_each_countrys() {
        let (from, until) = bounds(date(2027, 3, 28)).unwrap();
        assert_eq!(until.duration_since(from).as_hours(), 23, "clocks go forward");
        assert_eq!(at_work(date(2027, 6, 2)), ["SM"], "the Italian Republic's day");
        assert_eq!(at_work(date(2027, 9, 3)), ["IT"], "San Marino's day");
        assert!(at_work(date(2027, 12, 25)).is_empty());
        assert_eq!(at_work(date(2027, 6, 3)), ["IT", "SM"]);
    }
}
