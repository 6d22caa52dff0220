//! Which slots of an office are left: everything that decides it, of up to 60 days, in one query.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;

use super::appointment::{blocking, time_zone};
use crate::{
    args,
    db::{Db, DbError},
    ids::{AppointmentId, NotaryId},
    notary::{
        licence,
        rules::{
            holidays::{self, Country},
            slots::{self, Availability, Exception, Question, Range, Slot, SlotsError},
        },
    },
};

/// Which slots are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// First day, in the office's time zone.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// The day on which the licence has to be valid.
    pub today: Date,
    /// How long; the minutes of the opening if nobody says.
    pub minutes: Option<u16>,
    /// No slot begins earlier.
    pub earliest: Timestamp,
    /// As if this appointment did not exist: for moving it.
    pub except: Option<AppointmentId>,
}

/// Slots of an office.
#[derive(Debug, Clone)]
pub struct Openings {
    /// In order; none without a valid licence.
    pub slots: Vec<Slot>,
    /// Of the office.
    pub time_zone: &'static str,
    /// Whether anybody may book.
    pub licence: licence::Status,
}

/// Why there are no slots.
#[derive(Debug, thiserror::Error)]
pub enum OpeningsError {
    /// The question.
    #[error(transparent)]
    Slots(#[from] SlotsError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Deserialize)]
struct HoursRow(i8, Time, Time, Date, Option<Date>, u16, bool);
#[derive(Deserialize)]
struct ExceptionRow(String, Timestamp, Timestamp, Option<u16>, bool);

/// The slots of an office that are left. `None`: there is no such office that people find.
pub async fn find(db: &Db, office: NotaryId, wanted: Wanted) -> Result<Option<Openings>, OpeningsError> {
    // The days of every time zone that an office has are within these bounds of UTC.
    const GATHER: &str = concat!(
        "-- notary.openings.gather
        SELECT n.country, n.licence_active, n.licence_ends_on,
            (SELECT coalesce(jsonb_agg(jsonb_build_array(v.weekday, v.start_time, v.end_time, v.valid_from, v.valid_until,
                    v.slot_minutes, v.is_online)), '[]')
                FROM availability v WHERE v.notary_id = n.id AND v.valid_from <= $3
                AND (v.valid_until IS NULL OR v.valid_until >= $2)) AS hours,
            (SELECT coalesce(jsonb_agg(jsonb_build_array(x.kind, lower(x.during), upper(x.during), x.slot_minutes,
                    x.is_online)), '[]')
                FROM availability_exception x WHERE x.notary_id = n.id
                AND x.during && tstzrange($2 - interval '1 day', $3 + interval '2 days')) AS exceptions,
            (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(a.during), upper(a.during))), '[]')
                FROM appointment a WHERE a.notary_id = n.id AND a.status IN ",
        blocking!(),
        " AND a.during && tstzrange($2 - interval '1 day', $3 + interval '2 days')
                AND ($4::uuid IS NULL OR a.id <> $4)) AS busy
        FROM notary n WHERE n.id = $1 AND n.is_verified"
    );
    slots::days(wanted.from, wanted.until)?;
    let except = wanted.except.map(|id| id.0);
    let rows = db.read(GATHER, args![office, wanted.from, wanted.until, except]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let read = |name: &str| row.get::<_, serde_json::Value>(name);
    let zone_name = time_zone(row.get("country"));
    let zone = TimeZone::get(zone_name).unwrap_or(TimeZone::UTC);
    let country = if row.get::<_, &str>("country") == "SM" { Country::SanMarino } else { Country::Italy };
    let question = Question {
        from: wanted.from,
        until: wanted.until,
        minutes: wanted.minutes,
        earliest: wanted.earliest,
        zone: &zone,
        availabilities: &hours(read("hours")),
        exceptions: &exceptions(read("exceptions")),
        holidays: &holidays::days(&[country], wanted.from, wanted.until),
        busy: &stored::<Vec<(Timestamp, Timestamp)>>(read("busy")),
    };
    let licence = licence::status(row.get("licence_active"), row.get("licence_ends_on"), wanted.today);
    let slots = slots::slots(&question)?;
    let slots = if licence.valid().is_ok() { slots } else { Vec::new() };
    Ok(Some(Openings { slots, time_zone: zone_name, licence }))
}

/// What the statement made is read as it was made.
fn stored<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).expect("the statement `notary.openings.gather` makes this shape")
}

fn hours(json: serde_json::Value) -> Vec<Availability> {
    let rows: Vec<HoursRow> = stored(json);
    let rows = rows.into_iter().filter_map(|HoursRow(day, start, end, from, until, slot_minutes, online)| {
        let weekday = Weekday::from_monday_one_offset(day).ok()?;
        Some(Availability { weekday, start, end, valid_from: from, valid_until: until, slot_minutes, online })
    });
    rows.collect()
}

fn exceptions(json: serde_json::Value) -> Vec<Exception> {
    let rows: Vec<ExceptionRow> = stored(json);
    let rows = rows.into_iter().map(|ExceptionRow(kind, from, until, minutes, online)| {
        let range = Range::Instants(from, until);
        match minutes.filter(|_| kind == "opening") {
            Some(slot_minutes) => Exception::Opening { range, slot_minutes, online },
            None => Exception::Closure(range),
        }
    });
    rows.collect()
}
