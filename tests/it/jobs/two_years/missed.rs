//! Every policy for ticks that were missed: a scheduler that is always late, and one that was away four times.

use jiff::SignedDuration;
use sportello::jobs::schedules::{Fold::Both, Gap::Shift, Missed};

use super::{
    eight::{AT_HALF_PAST_TWO, AT_THREE, FIVE, HOURLY, LEAP_DAY, MONDAYS, ON_THE_31ST, WORKDAYS, new_year},
    run::Run,
};

const EVERY: [Missed; 3] = [Missed::Skip, Missed::One, Missed::All];

/// Times in which nobody was there, in UTC; what is older than a day at their end shares one decision.
const AWAY: [(&str, &str); 4] = [
    // Across the change of March 2027: Saturday to Monday.
    ("2027-03-27T12:12:00Z", "2027-03-29T12:12:00Z"),
    // The holidays: Friday 30 July to Tuesday 31 August, 32 days.
    ("2027-07-30T12:12:00Z", "2027-08-31T12:12:00Z"),
    // Sunday 27 February to the leap day, a Tuesday.
    ("2028-02-27T12:12:00Z", "2028-02-29T12:12:00Z"),
    // Across the change of October 2028: Saturday to Sunday, 18 hours.
    ("2028-10-28T12:12:00Z", "2028-10-29T06:12:00Z"),
];

/// A schedule, with both local times where there are two.
struct Line {
    spec: &'static str,
    /// In both years.
    ticks: usize,
    /// By absence: the ticks missed.
    missed: [usize; 4],
    /// Those of the last day: a policy `all` makes up for them, but for a hundred at most; `one` for the last of them.
    newest: [usize; 4],
}

const TABLE: [Line; 8] = [
    // 12 an hour: 48 hours, 32 days, 48 hours, 18 hours.
    Line { spec: FIVE, ticks: 210_528, missed: [576, 9216, 576, 216], newest: [288, 288, 288, 216] },
    Line { spec: HOURLY, ticks: 17_544, missed: [48, 768, 48, 18], newest: [24, 24, 24, 18] },
    // The night of the change in October has two; that of March has one, moved to half past three.
    Line { spec: AT_HALF_PAST_TWO, ticks: 733, missed: [2, 32, 2, 2], newest: [1, 1, 1, 2] },
    Line { spec: AT_THREE, ticks: 731, missed: [2, 32, 2, 1], newest: [1, 1, 1, 1] },
    // 29 March, this morning; five in August, the last one yesterday morning, too long ago; 28 February, the same.
    Line { spec: MONDAYS, ticks: 104, missed: [1, 5, 1, 0], newest: [1, 0, 0, 0] },
    // July's and August's.
    Line { spec: ON_THE_31ST, ticks: 14, missed: [0, 2, 0, 0], newest: [0, 1, 0, 0] },
    Line { spec: LEAP_DAY, ticks: 1, missed: [0, 0, 1, 0], newest: [0, 0, 1, 0] },
    // 29 March; from Monday 2 to Tuesday 31 August four weeks and two days; 28 and 29 February.
    Line { spec: WORKDAYS, ticks: 521, missed: [1, 22, 2, 0], newest: [1, 1, 1, 0] },
];

/// Every schedule under every policy, side by side.
fn each(check: impl Fn(&Line, Missed) + Sync) {
    std::thread::scope(|threads| {
        for line in &TABLE {
            for missed in EVERY {
                let check = &check;
                threads.spawn(move || check(line, missed));
            }
        }
    });
}

/// Ticks, and fires of a scheduler that decides every tick this late: for both years; for 2028 of the one of every five
/// minutes, whose 366 days have 288 ticks each.
fn always_late(line: &Line, missed: Missed, late: SignedDuration) -> (usize, usize) {
    let mut run = Run::new(line.spec, (Shift, Both), missed);
    let mut ticks = line.ticks;
    if line.spec == FIVE {
        (run.next_at, ticks) = (Some(new_year(2028)), 105_408);
    }
    while let Some(next_at) = run.next_at.filter(|next_at| *next_at < new_year(2029)) {
        run.look(next_at + late);
    }
    assert!(run.in_order());
    assert_eq!(run.decisions, ticks, "{}: each tick has its decision", line.spec);
    (ticks, run.fired.len())
}

#[test]
fn half_a_minute_late_is_on_time_under_every_policy_for_two_years() {
    each(|line, missed| {
        let (ticks, fired) = always_late(line, missed, SignedDuration::from_secs(30));
        assert_eq!(fired, ticks, "{} {missed:?}", line.spec);
    });
}

#[test]
fn a_minute_and_a_half_late_is_missed_for_two_years() {
    each(|line, missed| {
        let (ticks, fired) = always_late(line, missed, SignedDuration::from_secs(90));
        let expected = if missed == Missed::Skip { 0 } else { ticks };
        assert_eq!(fired, expected, "{} {missed:?}", line.spec);
    });
}

#[test]
fn four_absences_in_two_years_are_made_up_for_by_policy() {
    each(|line, missed| {
        let mut run = Run::new(line.spec, (Shift, Both), missed);
        for (place, (from, to)) in AWAY.into_iter().enumerate() {
            run.go_on(from.parse().unwrap());
            let before = (run.fired.len(), run.decisions);
            run.look(to.parse().unwrap());
            let newest = line.newest[place];
            let made_up = match missed {
                Missed::Skip => 0,
                Missed::One => newest.min(1),
                Missed::All => newest.min(100),
            };
            let older = usize::from(line.missed[place] > newest);
            let outcome = (run.fired.len() - before.0, run.decisions - before.1);
            assert_eq!(outcome, (made_up, newest + older), "{} {missed:?}, from {from}", line.spec);
        }
        run.go_on(new_year(2029));
        assert!(run.in_order());
        let made_up: usize = match missed {
            Missed::Skip => 0,
            Missed::One => line.newest.iter().map(|newest| *newest.min(&1)).sum(),
            Missed::All => line.newest.iter().map(|newest| *newest.min(&100)).sum(),
        };
        let on_time = line.ticks - line.missed.iter().sum::<usize>();
        assert_eq!(run.fired.len(), on_time + made_up, "{} {missed:?}: all others on time", line.spec);
    });
}
