//! The agenda of a day, for the people of an office who want it in the morning.
//!
//! It is a reminder: who wants reminders of appointments by mail is sent it.

use jiff::{Timestamp, civil::Date};

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
        time::zone,
    },
};

/// People found by one statement.
pub const BATCH: i64 = 500;
/// Appointments of one office on one day; more than there are quarters of an hour.
const PER_DAY: i64 = 200;

/// Where a walk over the people of all offices is.
pub type Place = (NotaryId, UserId);

/// From when until when a day is, at the offices. Time ends on the last but one day that has a name ([`Timestamp::MAX`]): nothing can
/// be on what comes after that.
fn bounds(day: Date) -> (Timestamp, Timestamp) {
    let begin = |day: Date| day.to_zoned(zone()).map_or(Timestamp::MAX, |it| it.timestamp());
    (begin(day), day.tomorrow().map_or(Timestamp::MAX, begin))
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
    let (from, until) = bounds(day);
    let countries: Vec<String> = at_work(day).into_iter().map(str::to_owned).collect();
    let (office, person) = after.map(|(office, person)| (office.0, person.0)).unzip();
    let (kind, is_default) = (KIND.as_str().to_owned(), KIND.is_mailed_by_default());
    let args = args![kind, is_default, countries, from, until, office, person, BATCH];
    Ok(db.read(READERS, args).await?.iter().map(|row| (row.get("id"), row.get("user_id"))).collect())
}

/// An appointment of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From when until when, at the offices.
    pub hours: String,
    /// Whose matter it is.
    pub client: String,
    /// What it is about.
    pub matter: String,
    /// Where it is in its life, as it is stored.
    pub status: String,
}

/// A day of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// What the office is called.
    pub office_name: String,
    /// Where it is.
    pub address: String,
    /// What it has on that day, in order.
    pub entries: Vec<Entry>,
}

/// The appointments of an office on a day that are not over, a line for each, for somebody who may see its agenda. With the name
/// of the office; `None`: there are none.
pub async fn lines(
    db: &Db,
    place: Place,
    day: Date,
    language: Language,
) -> Result<Option<(String, Vec<String>)>, DbError> {
    let Some(found) = of_day(db, place, day, (language, false)).await? else { return Ok(None) };
    let line = |it: &Entry| format!("{} {}: {}", it.hours, it.client, it.matter);
    let lines: Vec<String> = found.entries.iter().map(line).collect();
    Ok((!lines.is_empty()).then_some((found.office_name, lines)))
}

/// A day of an office, for somebody who may see its agenda; also what is over already, if that is wanted.
pub async fn of_day(
    db: &Db,
    (office, who): Place,
    day: Date,
    (language, with_completed): (Language, bool),
) -> Result<Option<Day>, DbError> {
    const OF_DAY: &str = concat!(
        "-- notary.daily_agenda.of_day
        SELECT n.office_name, concat_ws(', ', n.street, n.city) AS address, lower(a.during) AS begins,
            upper(a.during) AS ends, a.status, c.name, a.title, t.name_it, t.name_en
        FROM notary n
        LEFT JOIN (appointment a JOIN users c ON c.id = a.client_id JOIN appointment_type t ON t.code = a.type)
            ON a.notary_id = n.id AND lower(a.during) >= $3 AND lower(a.during) < $4
            AND ($6 OR a.status <> 'completed') AND a.status IN ",
        blocking!(),
        " WHERE n.id = $1 AND ",
        staffed!("manage_agenda", "n.id", "$2"),
        " ORDER BY lower(a.during) LIMIT $5"
    );
    let (from, until) = bounds(day);
    let rows = db.read(OF_DAY, args![office, who, from, until, PER_DAY, with_completed]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let hour = |at: Timestamp| at.to_zoned(zone()).strftime("%H:%M").to_string();
    let entry = |row: &tokio_postgres::Row| {
        let begins: Timestamp = row.get::<_, Option<Timestamp>>("begins")?;
        let title: &str = row.get("title");
        let matter: &str = match (title, language) {
            ("", Language::It) => row.get("name_it"),
            ("", Language::En) => row.get("name_en"),
            (title, _) => title,
        };
        Some(Entry {
            hours: format!("{}–{}", hour(begins), hour(row.get("ends"))),
            client: row.get("name"),
            matter: matter.to_owned(),
            status: row.get("status"),
        })
    };
    Ok(Some(Day {
        office_name: first.get("office_name"),
        address: first.get("address"),
        entries: rows.iter().filter_map(entry).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::{Timestamp, at_work, bounds};

    #[test]
    fn a_day_is_the_offices_day_and_holidays_are_each_countrys() {
        let (from, until) = bounds(date(2027, 3, 28));
        assert_eq!(until.duration_since(from).as_hours(), 23, "clocks go forward");
        let (from, until) = bounds(date(9999, 12, 30));
        assert!(from < until && until == Timestamp::MAX, "{from} {until}");
        let (from, until) = bounds(date(9999, 12, 31));
        assert_eq!((from, until), (Timestamp::MAX, Timestamp::MAX), "a day on which nothing can be");
        assert_eq!(at_work(date(2027, 6, 2)), ["SM"], "the Italian Republic's day");
        assert_eq!(at_work(date(2027, 9, 3)), ["IT"], "San Marino's day");
        assert!(at_work(date(2027, 12, 25)).is_empty());
        assert_eq!(at_work(date(2027, 6, 3)), ["IT", "SM"]);
    }
}
