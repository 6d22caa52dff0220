//! Slots on plain days, on both awkward nights, and against a slow and plain second way to find them.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time, Weekday, date, time},
    tz::TimeZone,
};

use super::{Availability, Exception, Question, Range, Slot, SlotsError, slots};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn rome() -> TimeZone {
    TimeZone::get("Europe/Rome").unwrap()
}

fn hours(weekday: Weekday, start: Time, end: Time, slot_minutes: u16) -> Availability {
    Availability {
        weekday,
        start,
        end,
        valid_from: date(2000, 1, 1),
        valid_until: None,
        slot_minutes,
        online: true,
    }
}

struct Desk {
    zone: TimeZone,
    days: (Date, Date),
    minutes: Option<u16>,
    earliest: Timestamp,
    availabilities: Vec<Availability>,
    exceptions: Vec<Exception>,
    holidays: BTreeSet<Date>,
    busy: Vec<(Timestamp, Timestamp)>,
}

impl Desk {
    fn new(from: Date, until: Date, availabilities: Vec<Availability>) -> Self {
        Self {
            zone: rome(),
            days: (from, until),
            minutes: None,
            earliest: Timestamp::MIN,
            availabilities,
            exceptions: Vec::new(),
            holidays: BTreeSet::new(),
            busy: Vec::new(),
        }
    }

    fn ask(&self) -> Result<Vec<Slot>, SlotsError> {
        slots(&Question {
            from: self.days.0,
            until: self.days.1,
            minutes: self.minutes,
            earliest: self.earliest,
            zone: &self.zone,
            availabilities: &self.availabilities,
            exceptions: &self.exceptions,
            holidays: &self.holidays,
            busy: &self.busy,
        })
    }

    /// Begin and end with offsets.
    fn said(&self) -> Vec<String> {
        let say = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%H:%M%:::z").to_string();
        self.ask().unwrap().iter().map(|slot| format!("{} {}", say(slot.start), say(slot.end))).collect()
    }

    fn starts(&self) -> Vec<String> {
        let say = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%d %H:%M").to_string();
        self.ask().unwrap().iter().map(|slot| say(slot.start)).collect()
    }
}

/// A Monday.
const MONDAY: Date = date(2027, 3, 1);

#[test]
fn hours_of_the_week_become_slots_that_end_before_they_do() {
    let mut desk =
        Desk::new(MONDAY, MONDAY, vec![hours(Weekday::Monday, time(9, 0, 0, 0), time(10, 50, 0, 0), 30)]);
    assert_eq!(desk.said(), ["09:00+01 09:30+01", "09:30+01 10:00+01", "10:00+01 10:30+01"]);
    desk.minutes = Some(60);
    assert_eq!(desk.said(), ["09:00+01 10:00+01", "09:30+01 10:30+01"]);
    desk.earliest = "2027-03-01T08:00:01Z".parse().unwrap();
    assert_eq!(desk.said(), ["09:30+01 10:30+01"]);
    desk.days = (MONDAY.yesterday().unwrap(), MONDAY.yesterday().unwrap());
    assert!(desk.said().is_empty(), "a Sunday");
}

#[test]
fn hours_count_only_while_they_are_valid_and_not_on_holidays() {
    let mut week = hours(Weekday::Monday, time(9, 0, 0, 0), time(10, 0, 0, 0), 60);
    week.valid_from = date(2027, 3, 2);
    week.valid_until = Some(date(2027, 3, 29));
    let mut desk = Desk::new(MONDAY, date(2027, 4, 12), vec![week]);
    assert_eq!(desk.starts(), ["08 09:00", "15 09:00", "22 09:00", "29 09:00"]);
    desk.holidays.insert(date(2027, 3, 29));
    assert_eq!(desk.starts(), ["08 09:00", "15 09:00", "22 09:00"]);
    let open = Range::Civil(date(2027, 3, 29).at(15, 0, 0, 0), date(2027, 3, 29).at(16, 0, 0, 0));
    desk.exceptions.push(Exception::Opening { range: open, slot_minutes: 60, online: true });
    assert_eq!(desk.starts(), ["08 09:00", "15 09:00", "22 09:00", "29 15:00"]);
}

#[test]
fn closures_and_bookings_take_what_they_touch_and_no_more() {
    let mut desk =
        Desk::new(MONDAY, MONDAY, vec![hours(Weekday::Monday, time(9, 0, 0, 0), time(12, 0, 0, 0), 30)]);
    desk.busy.push(("2027-03-01T08:30:00Z".parse().unwrap(), "2027-03-01T09:00:00Z".parse().unwrap()));
    desk.exceptions.push(Exception::Closure(Range::Civil(MONDAY.at(10, 59, 0, 0), MONDAY.at(11, 30, 0, 0))));
    assert_eq!(desk.starts(), ["01 09:00", "01 10:00", "01 11:30"]);
    let opening =
        Range::Instants("2027-03-01T10:00:00Z".parse().unwrap(), "2027-03-01T11:00:00Z".parse().unwrap());
    desk.exceptions.push(Exception::Opening { range: opening, slot_minutes: 60, online: true });
    assert_eq!(desk.starts(), ["01 09:00", "01 10:00", "01 11:30"], "a closure wins against an opening");
}

#[test]
fn of_two_openings_with_the_same_slot_the_bookable_one_counts() {
    let mut private = hours(Weekday::Monday, time(9, 0, 0, 0), time(10, 0, 0, 0), 60);
    private.online = false;
    let public = Availability { online: true, ..private.clone() };
    for availabilities in [vec![private.clone(), public.clone()], vec![public, private]] {
        let slots = Desk::new(MONDAY, MONDAY, availabilities).ask().unwrap();
        assert_eq!(slots.iter().map(|slot| slot.online).collect::<Vec<_>>(), [true]);
    }
}

#[test]
fn wall_times_that_the_night_of_28_march_2027_skips_are_no_slots() {
    let sunday = date(2027, 3, 28);
    let mut desk =
        Desk::new(sunday, sunday, vec![hours(Weekday::Sunday, time(0, 30, 0, 0), time(4, 0, 0, 0), 30)]);
    assert_eq!(
        desk.said(),
        [
            "00:30+01 01:00+01",
            "01:00+01 01:30+01",
            "01:30+01 03:00+02",
            "03:00+02 03:30+02",
            "03:30+02 04:00+02",
        ]
    );
    desk.minutes = Some(60);
    assert_eq!(
        desk.said(),
        ["00:30+01 01:30+01", "01:00+01 03:00+02", "01:30+01 03:30+02", "03:00+02 04:00+02"]
    );
    // Hours that end in the gap end when it begins.
    desk.minutes = None;
    desk.availabilities = vec![hours(Weekday::Sunday, time(1, 0, 0, 0), time(2, 30, 0, 0), 30)];
    assert_eq!(desk.said(), ["01:00+01 01:30+01", "01:30+01 03:00+02"]);
    // Hours that begin in it keep their grid.
    desk.availabilities = vec![hours(Weekday::Sunday, time(2, 10, 0, 0), time(4, 0, 0, 0), 30)];
    assert_eq!(desk.said(), ["03:10+02 03:40+02"]);
    desk.availabilities = vec![hours(Weekday::Sunday, time(2, 0, 0, 0), time(3, 0, 0, 0), 15)];
    assert!(desk.said().is_empty(), "nothing of them exists");
}

#[test]
fn wall_times_that_come_twice_on_31_october_2027_are_slots_once() {
    let sunday = date(2027, 10, 31);
    let mut desk =
        Desk::new(sunday, sunday, vec![hours(Weekday::Sunday, time(1, 30, 0, 0), time(4, 0, 0, 0), 30)]);
    assert_eq!(
        desk.said(),
        [
            "01:30+02 02:00+02",
            "02:00+02 02:30+02",
            "02:30+02 02:00+01",
            "03:00+01 03:30+01",
            "03:30+01 04:00+01",
        ]
    );
    desk.minutes = Some(90);
    assert_eq!(
        desk.said(),
        [
            "01:30+02 02:00+01",
            "02:00+02 02:30+01",
            "02:30+02 03:00+01",
            // From 02:30 the second time there are 90 minutes too, but it is not offered.
        ]
    );
    // Hours that end at a time that comes twice end the first time.
    desk.minutes = None;
    desk.availabilities = vec![hours(Weekday::Sunday, time(1, 30, 0, 0), time(2, 30, 0, 0), 30)];
    assert_eq!(desk.said(), ["01:30+02 02:00+02", "02:00+02 02:30+02"]);
    // A closure until a time that comes twice lasts until the second time.
    desk.availabilities = vec![hours(Weekday::Sunday, time(1, 30, 0, 0), time(4, 0, 0, 0), 30)];
    desk.exceptions = vec![Exception::Closure(Range::Civil(sunday.at(2, 0, 0, 0), sunday.at(2, 30, 0, 0)))];
    assert_eq!(desk.said(), ["01:30+02 02:00+02", "03:00+01 03:30+01", "03:30+01 04:00+01"]);
}

#[test]
fn an_hour_that_is_booked_in_the_second_of_two_equal_hours_is_known_by_its_moment() {
    let sunday = date(2027, 10, 31);
    let mut desk =
        Desk::new(sunday, sunday, vec![hours(Weekday::Sunday, time(2, 0, 0, 0), time(4, 0, 0, 0), 30)]);
    desk.busy.push(("2027-10-31T01:00:00Z".parse().unwrap(), "2027-10-31T02:00:00Z".parse().unwrap()));
    assert_eq!(
        desk.said(),
        ["02:00+02 02:30+02", "02:30+02 02:00+01", "03:00+01 03:30+01", "03:30+01 04:00+01"]
    );
}

#[test]
fn hours_until_midnight_are_until_the_end_of_the_day() {
    let desk =
        Desk::new(MONDAY, MONDAY, vec![hours(Weekday::Monday, time(23, 0, 0, 0), Time::midnight(), 30)]);
    assert_eq!(desk.said(), ["23:00+01 23:30+01", "23:30+01 00:00+01"]);
}

#[test]
fn an_opening_of_years_is_answered_for_the_days_that_are_asked_for() {
    let mut desk = Desk::new(MONDAY, MONDAY, Vec::new());
    let range = Range::Civil(date(1950, 1, 1).at(0, 5, 0, 0), date(2100, 1, 1).at(0, 0, 0, 0));
    desk.exceptions.push(Exception::Opening { range, slot_minutes: 480, online: false });
    assert_eq!(desk.starts(), ["01 00:05", "01 08:05", "01 16:05"]);
    let range = Range::Civil(date(1950, 1, 1).at(0, 0, 0, 0), date(2100, 1, 1).at(0, 0, 0, 0));
    desk.exceptions = vec![Exception::Opening { range, slot_minutes: 480, online: false }];
    assert_eq!(desk.starts(), ["01 00:00", "01 08:00", "01 16:00"], "midnight is of the day that it begins");
}

#[test]
fn questions_without_an_answer_are_refused() {
    let mut desk = Desk::new(MONDAY, MONDAY, Vec::new());
    desk.days = (MONDAY, MONDAY.yesterday().unwrap());
    assert_eq!(desk.ask(), Err(SlotsError::Backwards));
    desk.days = (MONDAY, MONDAY + 59.days());
    assert_eq!(desk.ask(), Ok(Vec::new()));
    desk.days = (MONDAY, MONDAY + 60.days());
    assert_eq!(desk.ask(), Err(SlotsError::TooManyDays));
    desk.days = (MONDAY, MONDAY);
    for minutes in [0, 14, 481] {
        desk.minutes = Some(minutes);
        assert_eq!(desk.ask(), Err(SlotsError::Minutes(minutes)));
        desk.minutes = None;
        desk.availabilities = vec![hours(Weekday::Monday, time(9, 0, 0, 0), time(10, 0, 0, 0), minutes)];
        assert_eq!(desk.ask(), Err(SlotsError::Minutes(minutes)));
        desk.availabilities.clear();
    }
}

/// Every minute of some days, and what the clock on the wall shows then.
struct Minutes {
    all: Vec<(Timestamp, DateTime)>,
}

impl Minutes {
    fn of(desk: &Desk) -> Self {
        let around = |date: Date, days: i32| {
            let midnight = (date + days.days()).to_datetime(Time::midnight());
            TimeZone::UTC.to_timestamp(midnight).unwrap()
        };
        let end = around(desk.days.1, 2);
        let mut at = around(desk.days.0, -1);
        let mut all = Vec::new();
        while at < end {
            all.push((at, desk.zone.to_datetime(at)));
            at += MINUTE;
        }
        Self { all }
    }

    /// Between two moments, or from the first minute that shows `from` or later to the first (the last) one that shows
    /// `until` or later.
    fn inside(&self, range: Range, furthest: bool) -> Vec<bool> {
        let shows =
            |wall: DateTime| self.all.iter().position(|minute| minute.1 >= wall).unwrap_or(self.all.len());
        let (first, end) = match range {
            Range::Instants(from, until) => {
                let begins = |at| self.all.partition_point(|minute| minute.0 < at);
                (begins(from), begins(until))
            }
            Range::Civil(from, until) if furthest => {
                let last = self.all.iter().rposition(|minute| minute.1 < until);
                (shows(from), last.map_or(0, |last| last + 1))
            }
            Range::Civil(from, until) => (shows(from), shows(until)),
        };
        (0..self.all.len()).map(|minute| first <= minute && minute < end).collect()
    }

    /// All slots, minute by minute.
    fn slots(&self, desk: &Desk) -> BTreeSet<(Timestamp, Timestamp)> {
        let mut closed = vec![false; self.all.len()];
        let closures = desk.exceptions.iter().filter_map(|it| match it {
            Exception::Closure(range) => Some(*range),
            Exception::Opening { .. } => None,
        });
        for range in closures.chain(desk.busy.iter().map(|(from, until)| Range::Instants(*from, *until))) {
            let inside = self.inside(range, true);
            closed.iter_mut().zip(inside).for_each(|(closed, inside)| *closed |= inside);
        }
        let mut found = BTreeSet::new();
        for (range, step) in ranges(desk) {
            let open = self.inside(range, false);
            let grid = match range {
                Range::Instants(from, _) => desk.zone.to_datetime(from),
                Range::Civil(from, _) => from,
            };
            for (number, (at, wall)) in self.all.iter().enumerate() {
                let since = wall.duration_since(grid).as_mins();
                let is_asked = (desk.days.0..=desk.days.1).contains(&wall.date()) && *at >= desk.earliest;
                if !is_asked || since < 0 || since % i64::from(step) != 0 {
                    continue;
                }
                let length = usize::from(desk.minutes.unwrap_or(step));
                let minutes = number..number + length;
                let is_second = self.all[number.saturating_sub(300)..number].iter().any(|it| it.1 == *wall);
                if !is_second
                    && minutes.clone().all(|minute| open[minute])
                    && !minutes.clone().any(|minute| closed[minute])
                {
                    found.insert((*at, self.all[number + length].0));
                }
            }
        }
        found
    }
}

fn ranges(desk: &Desk) -> Vec<(Range, u16)> {
    let mut ranges = Vec::new();
    let mut day = desk.days.0;
    while day <= desk.days.1 {
        for it in &desk.availabilities {
            let is_valid = it.valid_from <= day && it.valid_until.is_none_or(|until| day <= until);
            if it.weekday == day.weekday() && is_valid && !desk.holidays.contains(&day) {
                let end = if it.end == Time::midnight() { day.tomorrow().unwrap() } else { day };
                ranges.push((
                    Range::Civil(day.to_datetime(it.start), end.to_datetime(it.end)),
                    it.slot_minutes,
                ));
            }
        }
        day = day.tomorrow().unwrap();
    }
    for it in &desk.exceptions {
        if let Exception::Opening { range, slot_minutes, .. } = it {
            ranges.push((*range, *slot_minutes));
        }
    }
    ranges
}

/// xorshift64*: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as i64 % end
    }

    fn minutes(&mut self) -> u16 {
        [15, 20, 30, 37, 45, 60, 90, 240][self.below(8) as usize]
    }

    fn wall(&mut self, around: Date) -> DateTime {
        // Mostly near the night in the middle, where clocks change.
        let spread = if self.below(3) == 0 { 4 * 1440 } else { 400 };
        let midnight = around.to_datetime(Time::midnight());
        midnight + SignedDuration::from_mins(self.below(spread) - spread / 2 + 120)
    }

    fn range(&mut self, zone: &TimeZone, around: Date) -> Range {
        let from = self.wall(around);
        let length = SignedDuration::from_mins(1 + self.below(500));
        if self.below(2) == 0 {
            return Range::Civil(from, from + length);
        }
        let zoned = zone.to_ambiguous_zoned(from);
        let from = if self.below(2) == 0 { zoned.earlier() } else { zoned.later() }.unwrap().timestamp();
        Range::Instants(from, from + length)
    }

    fn desk(&mut self, zone: &str, change: Date) -> Desk {
        let zone = TimeZone::get(zone).unwrap();
        let days = (change - self.below(3).days(), change + self.below(3).days());
        let mut availabilities = Vec::new();
        for _ in 0..self.below(4) {
            let mut at = || time(0, 0, 0, 0) + SignedDuration::from_mins(self.below(300));
            let (one, other) = (at(), at());
            let end = if self.below(8) == 0 { Time::midnight() } else { one.max(other) };
            availabilities.push(Availability {
                weekday: (change + (self.below(3) - 1).days()).weekday(),
                start: one.min(other),
                end,
                valid_from: change - self.below(4).days(),
                valid_until: (self.below(3) == 0).then(|| change + self.below(3).days()),
                slot_minutes: self.minutes(),
                online: self.below(2) == 0,
            });
        }
        let mut exceptions = Vec::new();
        for _ in 0..self.below(3) {
            exceptions.push(Exception::Closure(self.range(&zone, change)));
        }
        for _ in 0..self.below(3) {
            let range = self.range(&zone, change);
            exceptions.push(Exception::Opening { range, slot_minutes: self.minutes(), online: true });
        }
        let moment = |range| match range {
            Range::Instants(from, until) => Some((from, until)),
            Range::Civil(..) => None,
        };
        let busy = (0..self.below(4)).filter_map(|_| moment(self.range(&zone, change))).collect();
        let earliest = zone.to_timestamp(change.to_datetime(Time::midnight())).unwrap();
        Desk {
            days,
            minutes: (self.below(2) == 0).then(|| self.minutes()),
            earliest: earliest + SignedDuration::from_mins(self.below(600) - 900),
            availabilities,
            exceptions,
            holidays: (0..self.below(2)).map(|_| change + (self.below(3) - 1).days()).collect(),
            busy,
            zone,
        }
    }
}

#[test]
fn slots_are_those_that_are_found_minute_by_minute() {
    let mut dice = Dice(0x5EED_0F51_0757_5EED);
    let mut count = 0;
    for _ in 0..40 {
        for (zone, change) in [
            ("Europe/Rome", date(2027, 3, 28)),
            ("Europe/Rome", date(2027, 10, 31)),
            ("Europe/Rome", date(2027, 6, 9)),
            // Half an hour, and a night without a midnight.
            ("Australia/Lord_Howe", date(2027, 4, 4)),
            ("Australia/Lord_Howe", date(2027, 10, 3)),
            ("America/Sao_Paulo", date(2018, 11, 4)),
            ("America/Sao_Paulo", date(2018, 2, 18)),
        ] {
            let desk = dice.desk(zone, change);
            let found: Vec<_> = desk.ask().unwrap().iter().map(|slot| (slot.start, slot.end)).collect();
            let expected: Vec<_> = Minutes::of(&desk).slots(&desk).into_iter().collect();
            count += expected.len();
            assert_eq!(
                found, expected,
                "{zone}: {:?} {:?} {:?}",
                desk.availabilities, desk.exceptions, desk.busy
            );
        }
    }
    assert!(count > 1_500, "the dice left hardly any slot: {count}");
}
