//! Every policy for overlap, with runs that last longer than the time between two ticks.
//!
//! Each number is derived here. `allow`: every tick fires; so many run at once as ticks fall into the length of a run.
//! `skip`: a tick fires when no run is live. `queue_one`: a tick fires when none waits for the one that runs; where runs
//! follow each other without a pause, the run number `k` starts at `k` lengths after the first tick, and what fires is the
//! first tick, and for each start the first tick after it (or with it): `2 + ⌊last tick / length⌋` where the last tick is
//! counted from the first. `cancel_old`: every tick fires, and ends the run before if that is live.
//!
//! Daily and rarer schedules tick for both years. The frequent ones would be 210,000 transactions and more per policy: that
//! of every five minutes ticks through the four days of the changes, the hourly one from the day before to the day after.

use jiff::SignedDuration;
use sportello::jobs::schedules::{
    Fold::{self, Both, First},
    Overlap,
};

use super::{
    eight::{
        AT_HALF_PAST_TWO, AT_THREE, FIVE, HOURLY, LEAP_DAY, MONDAYS, ON_THE_31ST, WORKDAYS, new_year, rome,
    },
    hands::{Became, Hands, Span},
};

struct Line {
    key: &'static str,
    spec: &'static str,
    fold: Fold,
    /// In minutes.
    run: i64,
    /// Days in Rome; both years where nothing is said.
    days: Option<[&'static str; 2]>,
    ticks: i64,
    /// `allow`: the most at once.
    most: i64,
    /// `skip`: fire.
    free: i64,
    /// `queue_one`: fire.
    queued: i64,
    /// `cancel_old`: runs that are told to end.
    cancelled: i64,
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// 12 minutes every 5: the runs of the last two ticks are live at each, a run ends before the third tick after it.
/// 23 hours have 276 ticks, a third of them is 92; the last comes after 1,375 minutes: 2 + ⌊1375 / 12⌋ = 116.
const fn five_in_spring(key: &'static str, days: [&'static str; 2]) -> Line {
    let days = Some(days);
    Line {
        key,
        spec: FIVE,
        fold: Both,
        run: 12,
        days,
        ticks: 276,
        most: 3,
        free: 92,
        queued: 116,
        cancelled: 275,
    }
}

/// 25 hours have 300 ticks, a third is 100; the last comes after 1,495 minutes: 2 + ⌊1495 / 12⌋ = 126.
const fn five_in_autumn(key: &'static str, days: [&'static str; 2]) -> Line {
    let days = Some(days);
    Line {
        key,
        spec: FIVE,
        fold: Both,
        run: 12,
        days,
        ticks: 300,
        most: 3,
        free: 100,
        queued: 126,
        cancelled: 299,
    }
}

/// 90 minutes every 60: every second tick is free. Three days less an hour have 71 ticks, 36 of them with an even number;
/// the last comes after 70 hours: 2 + ⌊4200 / 90⌋ = 48.
const fn hourly_in_spring(key: &'static str, days: [&'static str; 2]) -> Line {
    let days = Some(days);
    Line {
        key,
        spec: HOURLY,
        fold: Both,
        run: 90,
        days,
        ticks: 71,
        most: 2,
        free: 36,
        queued: 48,
        cancelled: 70,
    }
}

/// 73 ticks, 37 even ones; the last comes after 72 hours, with the end of a run: 2 + 4320 / 90 = 50.
const fn hourly_in_autumn(key: &'static str, days: [&'static str; 2]) -> Line {
    let days = Some(days);
    Line {
        key,
        spec: HOURLY,
        fold: Both,
        run: 90,
        days,
        ticks: 73,
        most: 2,
        free: 37,
        queued: 50,
        cancelled: 72,
    }
}

/// 365 + 366 ticks, and the second half past two of each October. The run of half an hour more than a day is live at the
/// next tick, always.
///
/// `skip`: days 0, 2, …, 302 (30 October 2027) fire, 152 of them. That run ends at 01:00 UTC, between the two times of
/// the 31st: the second fires (1). Its run is live on 1 November, so that odd days fire: 305, …, 667 (29 October 2028), 182
/// of them, this one at the first of its two times; its run ends at 01:00 UTC on the 30th, before the tick of day 668. Even
/// days again: 668, …, 730, 32 of them. 152 + 1 + 182 + 32 = 367.
///
/// `queue_one`: the last tick is 730 days after the first: 2 + ⌊17520 / 24.5⌋ = 717.
const HALF_PAST_TWO: Line = Line {
    key: "tests.half_past_two",
    spec: AT_HALF_PAST_TWO,
    fold: Both,
    run: DAY + 30,
    days: None,
    ticks: 733,
    most: 2,
    free: 367,
    queued: 717,
    cancelled: 732,
};

/// A quarter of an hour longer than the day in March on which an hour is missing, shorter than all others: only on these
/// two days the last run is live. What waits starts a quarter of an hour late, and has ended the day after.
const THREE: Line = Line {
    key: "tests.three",
    spec: AT_THREE,
    fold: First,
    run: 23 * HOUR + 15,
    days: None,
    ticks: 731,
    most: 2,
    free: 729,
    queued: 731,
    cancelled: 2,
};

/// Eight days every week: every second Monday is free. The last one, Christmas 2028, is 103 weeks after the first:
/// 2 + ⌊721 / 8⌋ = 92.
const WEEKLY: Line = Line {
    key: "tests.mondays",
    spec: MONDAYS,
    fold: First,
    run: 8 * DAY,
    days: None,
    ticks: 104,
    most: 2,
    free: 52,
    queued: 92,
    cancelled: 103,
};

/// Forty days: the run of the 31st of July is live at the end of August, in both years, and that of December at the end of
/// January 2028. What waits starts nine days late and has ended before the next tick, two months later.
const MONTHLY: Line = Line {
    key: "tests.the_31st",
    spec: ON_THE_31ST,
    fold: First,
    run: 40 * DAY,
    days: None,
    ticks: 14,
    most: 2,
    free: 11,
    queued: 14,
    cancelled: 3,
};

const LEAP: Line = Line {
    key: "tests.leap_day",
    spec: LEAP_DAY,
    fold: First,
    run: 400 * DAY,
    days: None,
    ticks: 1,
    most: 1,
    free: 1,
    queued: 1,
    cancelled: 0,
};

/// Thirty hours. `skip`: Mondays, Wednesdays and Fridays fire: 104 + 104 + 105. `queue_one`: the runs of a week start
/// on Monday 08:15, Tuesday 14:15, Wednesday 20:15, Friday 02:15 and Saturday 08:15, and none ticks while another waits.
/// `cancel_old`: a tick finds the run of the day before except on Mondays, 104, and on the first Friday: 521 − 105.
const WORKING: Line = Line {
    key: "tests.workdays",
    spec: WORKDAYS,
    fold: First,
    run: 30 * HOUR,
    days: None,
    ticks: 521,
    most: 2,
    free: 313,
    queued: 521,
    cancelled: 416,
};

const TABLE: [Line; 14] = [
    five_in_spring("tests.five_1", ["2027-03-28", "2027-03-29"]),
    five_in_autumn("tests.five_2", ["2027-10-31", "2027-11-01"]),
    five_in_spring("tests.five_3", ["2028-03-26", "2028-03-27"]),
    five_in_autumn("tests.five_4", ["2028-10-29", "2028-10-30"]),
    hourly_in_spring("tests.hourly_1", ["2027-03-27", "2027-03-30"]),
    hourly_in_autumn("tests.hourly_2", ["2027-10-30", "2027-11-02"]),
    hourly_in_spring("tests.hourly_3", ["2028-03-25", "2028-03-28"]),
    hourly_in_autumn("tests.hourly_4", ["2028-10-28", "2028-10-31"]),
    HALF_PAST_TWO,
    THREE,
    WEEKLY,
    MONTHLY,
    LEAP,
    WORKING,
];

fn span(line: &Line) -> Span {
    let [from, to] = line.days.map_or_else(|| [2027, 2029].map(new_year), |days| days.map(rome));
    let run = SignedDuration::from_mins(line.run);
    Span { key: line.key, spec: line.spec, fold: line.fold, from, to, run }
}

/// Goes through both years under this policy; each line must become what is expected of it.
async fn check(overlap: Overlap, expected: impl Fn(&Line) -> Became) -> Hands {
    let began = std::time::Instant::now();
    let mut hands = Box::pin(Hands::new(&TABLE.each_ref().map(span), overlap)).await;
    let became = Box::pin(hands.go()).await;
    for (line, became) in TABLE.iter().zip(became) {
        assert_eq!(became, expected(line), "{} {}: {}", overlap.as_str(), line.key, line.spec);
    }
    eprintln!("{}: {:.1?}", overlap.as_str(), began.elapsed());
    hands
}

/// Autumn 2027, from 30 October to 2 November.
const AUTUMN: [&str; 2] = ["2027-10-30T00:00:00Z", "2027-11-02T12:00:00Z"];

#[tokio::test(flavor = "multi_thread")]
async fn allow_runs_them_side_by_side() {
    let expected = |line: &Line| Became {
        fired: line.ticks,
        skipped: 0,
        ended: line.ticks,
        cancelled: 0,
        most: line.most,
    };
    check(Overlap::Allow, expected).await.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn skip_fires_when_the_last_run_has_ended() {
    let expected = |line: &Line| Became {
        fired: line.free,
        skipped: line.ticks - line.free,
        ended: line.free,
        cancelled: 0,
        most: 1,
    };
    let hands = check(Overlap::Skip, expected).await;
    assert_eq!(
        hands.decisions(HALF_PAST_TWO.key, AUTUMN).await,
        [
            "10-30T00:30 fired",
            "10-31T00:30 skipped: overlap: the last run is still live",
            "10-31T01:30 fired: fold: the second of two equal local times",
            "11-01T01:30 skipped: overlap: the last run is still live",
            "11-02T01:30 fired",
        ],
        "the run of the 30th has ended between the two half past two"
    );
    hands.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_one_lets_one_wait_and_loses_only_what_comes_meanwhile() {
    let expected = |line: &Line| Became {
        fired: line.queued,
        skipped: line.ticks - line.queued,
        ended: line.queued,
        cancelled: 0,
        most: 1,
    };
    let hands = check(Overlap::QueueOne, expected).await;
    let first = hands.decisions("tests.hourly_1", ["2027-03-26T23:00:00Z", "2027-03-27T06:00:00Z"]).await;
    assert_eq!(
        first,
        [
            "03-26T23:30 fired", // runs until 01:00
            "03-27T00:30 fired", // waits, runs until 02:30
            "03-27T01:30 fired", // waits, runs until 04:00
            "03-27T02:30 fired", // waits, runs until 05:30
            "03-27T03:30 skipped: overlap: one is waiting already",
            "03-27T04:30 fired",
            "03-27T05:30 fired",
        ],
        "of three ticks of an hour, two are ninety minutes"
    );
    hands.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_old_runs_the_newest_and_ends_the_one_before() {
    let expected = |line: &Line| Became {
        fired: line.ticks,
        skipped: 0,
        ended: line.ticks - line.cancelled,
        cancelled: line.cancelled,
        most: 1,
    };
    let hands = check(Overlap::CancelOld, expected).await;
    let spring = hands.decisions(THREE.key, ["2027-03-27T00:00:00Z", "2027-03-29T12:00:00Z"]).await;
    assert_eq!(
        spring,
        [
            "03-27T02:00 fired",
            "03-28T01:00 fired: overlap: earlier runs were told to end",
            "03-29T01:00 fired"
        ],
        "only on the day of 23 hours"
    );
    hands.app.finish().await;
}
