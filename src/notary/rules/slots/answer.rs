//! From openings to slots.

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::{
    DAYS_MAX, Exception, MINUTES_MAX, MINUTES_MIN, Question, Range, Slot, SlotsError,
    wall::{Twice, begin, moment},
};

/// A grid of wall times, and the moments between which its slots lie.
struct Opening {
    grid: DateTime,
    from: Timestamp,
    until: Timestamp,
    slot_minutes: u16,
    online: bool,
}

/// The slots of the days asked for, in order; each start and end once.
pub fn slots(question: &Question<'_>) -> Result<Vec<Slot>, SlotsError> {
    days(question.from, question.until)?;
    if let Some(minutes) = question.minutes {
        allowed(minutes)?;
    }
    let taken = taken(question);
    let mut slots = Vec::new();
    for opening in openings(question)? {
        slots.extend(of_opening(question, &opening).filter(|slot| is_free(&taken, slot)));
    }
    // Of two that are the same, one that people may book stays.
    slots.sort_unstable_by_key(|slot| (slot.start, slot.end, !slot.online));
    slots.dedup_by_key(|slot| (slot.start, slot.end));
    Ok(slots)
}

/// Whether so many days may be asked for at once.
pub fn days(from: Date, until: Date) -> Result<(), SlotsError> {
    let days = until.duration_since(from).as_hours() / 24 + 1;
    if days < 1 {
        return Err(SlotsError::Backwards);
    }
    if days > i64::from(DAYS_MAX) { Err(SlotsError::TooManyDays) } else { Ok(()) }
}

fn allowed(minutes: u16) -> Result<u16, SlotsError> {
    let is_allowed = (MINUTES_MIN..=MINUTES_MAX).contains(&minutes);
    if is_allowed { Ok(minutes) } else { Err(SlotsError::Minutes(minutes)) }
}

/// The hours of each day, and extra openings.
fn openings(question: &Question<'_>) -> Result<Vec<Opening>, SlotsError> {
    let mut openings = Vec::new();
    for hours in question.availabilities {
        let slot_minutes = allowed(hours.slot_minutes)?;
        for day in question.from.series(Span::new().days(1)).take_while(|day| *day <= question.until) {
            let is_valid = hours.valid_from <= day && hours.valid_until.is_none_or(|until| day <= until);
            if day.weekday() != hours.weekday || !is_valid || question.holidays.contains(&day) {
                continue;
            }
            let end = if hours.end == Time::midnight() { day.tomorrow() } else { Ok(day) };
            let Ok(end) = end.map(|day| day.to_datetime(hours.end)) else { continue };
            let range = Range::Civil(day.to_datetime(hours.start), end);
            openings.extend(opening(question.zone, range, slot_minutes, hours.online));
        }
    }
    for exception in question.exceptions {
        if let Exception::Opening { range, slot_minutes, online } = *exception {
            openings.extend(opening(question.zone, range, allowed(slot_minutes)?, online));
        }
    }
    Ok(openings)
}

fn opening(zone: &TimeZone, range: Range, slot_minutes: u16, online: bool) -> Option<Opening> {
    let (grid, from, until) = match range {
        Range::Instants(from, until) => (zone.to_datetime(from), from, until),
        Range::Civil(from, until) => {
            (from, moment(zone, from, Twice::First)?, moment(zone, until, Twice::First)?)
        }
    };
    Some(Opening { grid, from, until, slot_minutes, online })
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count * 60)
}

/// The slots of an opening that begin on the days asked for, taken or not.
fn of_opening(question: &Question<'_>, opening: &Opening) -> impl Iterator<Item = Slot> {
    let step = i64::from(opening.slot_minutes);
    let length = minutes(question.minutes.unwrap_or(opening.slot_minutes).into());
    // An opening of years is not walked through from its first day.
    let before = question.from.to_datetime(Time::midnight()).duration_since(opening.grid).as_mins();
    let first = before.div_euclid(step).max(0);
    let walls = (first..).map_while(move |number| opening.grid.checked_add(minutes(number * step)).ok());
    let walls = walls.skip_while(|wall| wall.date() < question.from);
    // Wall times that grow have moments that grow: after the end comes nothing.
    let begins = walls
        .take_while(|wall| wall.date() <= question.until)
        .take_while(|wall| moment(question.zone, *wall, Twice::First).is_some_and(|at| at < opening.until))
        .filter_map(|wall| begin(question.zone, wall));
    begins.filter_map(move |start| {
        let end = start.checked_add(length).ok()?;
        let fits = opening.from <= start && end <= opening.until && question.earliest <= start;
        fits.then_some(Slot { start, end, online: opening.online })
    })
}

/// What is closed or booked, in order and without overlap.
fn taken(question: &Question<'_>) -> Vec<(Timestamp, Timestamp)> {
    let closures = question.exceptions.iter().filter_map(|exception| match *exception {
        Exception::Closure(Range::Instants(from, until)) => Some((from, until)),
        Exception::Closure(Range::Civil(from, until)) => {
            Some((moment(question.zone, from, Twice::First)?, moment(question.zone, until, Twice::Second)?))
        }
        Exception::Opening { .. } => None,
    });
    let all = closures.chain(question.busy.iter().copied());
    let mut all: Vec<_> = all.filter(|(from, until)| from < until).collect();
    all.sort_unstable();
    all.dedup_by(|next, last| {
        let meets = next.0 <= last.1;
        if meets {
            last.1 = last.1.max(next.1);
        }
        meets
    });
    all
}

fn is_free(taken: &[(Timestamp, Timestamp)], slot: &Slot) -> bool {
    let next = taken.partition_point(|(_, until)| *until <= slot.start);
    taken.get(next).is_none_or(|(from, _)| slot.end <= *from)
}
