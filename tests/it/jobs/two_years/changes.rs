//! Every policy for changes of the clocks; and ticks missed across them.

use jiff::{SignedDuration, Timestamp};
use sportello::jobs::schedules::{Fold, Gap, Missed};

use super::{
    eight::{
        AT_HALF_PAST_TWO, AT_THREE, FIVE, HOURLY, LEAP_DAY, MONDAYS, ON_THE_31ST, WORKDAYS, new_year, rome,
    },
    run::Run,
};
use Fold::{Both, First, Second};
use Gap::{Shift, Skip};

/// A schedule and what it must do.
struct Line {
    spec: &'static str,
    gap: Gap,
    fold: Fold,
    /// Ticks in 2027 and in 2028.
    ticks: [usize; 2],
    /// All ticks of the days around the change of March 2027, and of October, in UTC; of a frequent schedule, of its
    /// hours.
    spring: &'static [&'static str],
    autumn: &'static [&'static str],
}

impl Line {
    /// Local times of two years that the policies drop, each with a decision of its own: a night in March and one in
    /// October, each year, of the one schedule that both changes hit.
    fn dropped(&self) -> usize {
        if self.spec != AT_HALF_PAST_TWO {
            return 0;
        }
        2 * (usize::from(self.gap == Skip) + usize::from(self.fold != Both))
    }
}

/// What is the same under every policy is written once.
const fn line(
    spec: &'static str,
    (gap, fold): (Gap, Fold),
    ticks: [usize; 2],
    spring: &'static [&'static str],
    autumn: &'static [&'static str],
) -> Line {
    Line { spec, gap, fold, ticks, spring, autumn }
}

/// 27, 28 and 29 March; 30 and 31 October and 1 November.
const SPRING_DAYS: [&str; 2] = ["2027-03-27", "2027-03-30"];
const AUTUMN_DAYS: [&str; 2] = ["2027-10-30", "2027-11-02"];

const HALF_PAST_TWO_SHIFTED: &[&str] = &["03-27T01:30", "03-28T01:30", "03-29T00:30"];
const HALF_PAST_TWO_SKIPPED: &[&str] = &["03-27T01:30", "03-29T00:30"];
const HALF_PAST_TWO_FIRST: &[&str] = &["10-30T00:30", "10-31T00:30", "11-01T01:30"];
const HALF_PAST_TWO_SECOND: &[&str] = &["10-30T00:30", "10-31T01:30", "11-01T01:30"];
const HALF_PAST_TWO_BOTH: &[&str] = &["10-30T00:30", "10-31T00:30", "10-31T01:30", "11-01T01:30"];

/// As in [`Line`], without policies.
type Steady = (&'static str, [usize; 2], &'static [&'static str], &'static [&'static str]);

/// Schedules that the changes move but never double or drop: the same under all six policies.
const STEADY: [Steady; 5] = [
    (
        AT_THREE,
        [365, 366],
        &["03-27T02:00", "03-28T01:00", "03-29T01:00"],
        &["10-30T01:00", "10-31T02:00", "11-01T02:00"],
    ),
    (MONDAYS, [52, 52], &["03-29T07:00"], &["11-01T08:00"]),
    (ON_THE_31ST, [7, 7], &[], &["10-31T11:00"]),
    (LEAP_DAY, [0, 1], &[], &[]),
    (WORKDAYS, [261, 260], &["03-29T06:15"], &["11-01T07:15"]),
];

const POLICIES: [(Gap, Fold); 6] =
    [(Shift, First), (Shift, Second), (Shift, Both), (Skip, First), (Skip, Second), (Skip, Both)];

/// The one that both changes hit.
const HIT: [Line; 6] = [
    line(AT_HALF_PAST_TWO, POLICIES[0], [365, 366], HALF_PAST_TWO_SHIFTED, HALF_PAST_TWO_FIRST),
    line(AT_HALF_PAST_TWO, POLICIES[1], [365, 366], HALF_PAST_TWO_SHIFTED, HALF_PAST_TWO_SECOND),
    line(AT_HALF_PAST_TWO, POLICIES[2], [366, 367], HALF_PAST_TWO_SHIFTED, HALF_PAST_TWO_BOTH),
    line(AT_HALF_PAST_TWO, POLICIES[3], [364, 365], HALF_PAST_TWO_SKIPPED, HALF_PAST_TWO_FIRST),
    line(AT_HALF_PAST_TWO, POLICIES[4], [364, 365], HALF_PAST_TWO_SKIPPED, HALF_PAST_TWO_SECOND),
    line(AT_HALF_PAST_TWO, POLICIES[5], [365, 366], HALF_PAST_TWO_SKIPPED, HALF_PAST_TWO_BOTH),
];

fn check(line: &Line) {
    let mut run = Run::new(line.spec, (line.gap, line.fold), Missed::Skip);
    run.go_on(new_year(2029));
    let name = format!("{} {:?} {:?}", line.spec, line.gap, line.fold);
    assert!(run.in_order(), "{name}");
    assert_eq!(run.decisions, run.fired.len() + line.dropped(), "{name}: nothing was missed");
    assert_eq!(run.years(), line.ticks, "{name}");
    let around = |[from, to]: [&str; 2]| run.between(rome(from), rome(to));
    assert_eq!(around(SPRING_DAYS), line.spring, "{name}");
    assert_eq!(around(AUTUMN_DAYS), line.autumn, "{name}");
}

#[test]
fn ticks_of_every_day_week_month_and_leap_year_are_counted_by_hand() {
    HIT.iter().for_each(check);
    for (spec, ticks, spring, autumn) in STEADY {
        for policy in POLICIES {
            check(&line(spec, policy, ticks, spring, autumn));
        }
    }
}

#[test]
fn the_31st_keeps_noon_in_winter_and_in_summer() {
    let mut run = Run::new(ON_THE_31ST, (Shift, First), Missed::One);
    run.go_on(new_year(2028));
    let noon = ["01-31T11", "03-31T10", "05-31T10", "07-31T10", "08-31T10", "10-31T11", "12-31T11"];
    assert_eq!(run.between(new_year(2027), new_year(2028)), noon.map(|at| format!("{at}:00")));
    let mut run = Run::new(LEAP_DAY, (Shift, First), Missed::One);
    run.go_on(new_year(2029));
    assert_eq!(run.between(new_year(2027), new_year(2029)), ["02-28T23:00"], "midnight in Rome");
    assert_eq!(run.next_at.unwrap().to_string(), "2032-02-28T23:00:00Z");
}

/// The hours from 23:00 UTC of the day before to 03:00 UTC of the change: which minutes tick.
fn hours(run: &Run, day: &str) -> [usize; 4] {
    let change: Timestamp = format!("{day}T01:00:00Z").parse().unwrap();
    [-2, -1, 0, 1].map(|hour| {
        let from = change + SignedDuration::from_hours(hour);
        run.between(from, from + SignedDuration::from_hours(1)).len()
    })
}

fn check_frequent(spec: &str, hourly: usize, years: [usize; 2], (gap, fold): (Gap, Fold)) {
    // What is missing in March: nothing, on the clock of the server. In October: an hour, unless both count.
    let (twice, autumn) = match fold {
        First => (0, [1, 1, 0, 1]),
        Second => (0, [1, 0, 1, 1]),
        Both => (1, [1, 1, 1, 1]),
    };
    let mut run = Run::new(spec, (gap, fold), Missed::Skip);
    run.go_on(new_year(2029));
    assert!(run.in_order());
    let expected = years.map(|ticks| ticks - hourly + twice * hourly);
    assert_eq!(run.years(), expected, "{spec} {gap:?} {fold:?}");
    assert_eq!(hours(&run, "2027-03-28"), [hourly; 4], "{spec} {gap:?} {fold:?}");
    assert_eq!(hours(&run, "2027-10-31"), autumn.map(|it| it * hourly), "{spec} {gap:?} {fold:?}");
}

#[test]
fn ticks_of_every_hour_neither_double_nor_stop_unless_the_policy_says_so() {
    for policy in POLICIES {
        check_frequent(HOURLY, 1, [8_760, 8_784], policy);
    }
}

#[test]
fn ticks_of_every_five_minutes_neither_double_nor_stop_unless_the_policy_says_so() {
    // Each gap and each fold; the hourly schedule goes through all six.
    std::thread::scope(|threads| {
        for policy in [POLICIES[0], POLICIES[2], POLICIES[4]] {
            threads.spawn(move || check_frequent(FIVE, 12, [105_120, 105_408], policy));
        }
    });
}

/// Times in which nobody was there, in UTC.
const AWAY: [(&str, &str); 4] = [
    // 01:10 to 05:10 in Rome, less the hour that does not exist: three ticks at half past.
    ("2027-03-28T00:10:00Z", "2027-03-28T03:10:00Z"),
    // 72 ticks; those of the last 24 hours are within the window.
    ("2027-06-01T00:00:00Z", "2027-06-04T00:10:00Z"),
    // 01:10 to 04:10 in Rome, with the hour that exists twice: four ticks, three without its second time.
    ("2027-10-30T23:10:00Z", "2027-10-31T03:10:00Z"),
    // Half a minute: on time is on time.
    ("2027-12-24T11:29:50Z", "2027-12-24T11:30:20Z"),
];

/// The ticks that fire late, and those decided for: both by absence.
fn absences(missed: Missed, fold: Fold, max: usize) -> ([usize; 4], [usize; 4]) {
    let mut run = Run::new(HOURLY, (Shift, fold), missed);
    run.max = max;
    let outcome = AWAY.map(|(from, to)| {
        run.go_on(from.parse().unwrap());
        let before = (run.fired.len(), run.decisions);
        run.look(to.parse().unwrap());
        (run.fired.len() - before.0, run.decisions - before.1)
    });
    run.go_on(new_year(2029));
    assert!(run.in_order());
    let on_time = if fold == Both { 8_760 + 8_784 } else { 8_759 + 8_783 };
    let [missed, made_up] = [AWAY_TICKS, outcome.map(|(fired, _)| fired)].map(|it| it.iter().sum::<usize>());
    let without_second = usize::from(fold != Both);
    assert_eq!(run.fired.len(), on_time - (missed - without_second) + made_up);
    (outcome.map(|(fired, _)| fired), outcome.map(|(_, decisions)| decisions))
}

/// Ticks in each absence, where both times count.
const AWAY_TICKS: [usize; 4] = [3, 72, 4, 1];

#[test]
fn ticks_missed_across_the_changes_are_made_up_for_by_policy_within_the_window() {
    // The 48 ticks older than the window share one decision: 1 + 24.
    let decided = [3, 25, 4, 1];
    assert_eq!(absences(Missed::Skip, Both, 100), ([0, 0, 0, 1], decided));
    assert_eq!(absences(Missed::One, Both, 100), ([1, 1, 1, 1], decided));
    assert_eq!(absences(Missed::All, Both, 100), ([3, 24, 4, 1], decided));
    assert_eq!(absences(Missed::All, Both, 2), ([2, 2, 2, 1], decided), "the newest two");
    for fold in [First, Second] {
        // The time that the policy does not take is decided, too.
        assert_eq!(absences(Missed::All, fold, 100), ([3, 24, 3, 1], decided));
        assert_eq!(absences(Missed::One, fold, 100), ([1, 1, 1, 1], decided));
    }
}
