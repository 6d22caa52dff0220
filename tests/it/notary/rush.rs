//! Many people and one slot: one gets it, all others are told, and nothing overlaps.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::practice::{A_SLOT, Practice};
use crate::harness::client::Client;

const PEOPLE: usize = 100;
/// The night in which clocks go forward from two to three.
const SPRING: &str = "2031-03-30T01:00:00Z";
/// The night in which they go back from three to two, the first of the two hours.
const AUTUMN: &str = "2031-10-26T00:00:00Z";

/// Two appointments of an office that take the same time.
const OVERLAPS: &str =
    "SELECT count(*) FROM appointment a JOIN appointment b ON a.id < b.id AND a.notary_id = b.notary_id
    AND a.during && b.during WHERE a.status = 'confirmed' AND b.status = 'confirmed'";

fn count(all: &[String], kind: &str) -> usize {
    all.iter().filter(|told| *told == kind).count()
}

async fn everybody(practice: &Practice) -> Vec<Client> {
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(practice.app.log_in(&practice.app.a_person().await).await);
    }
    people
}

/// Asks until the server has room: who is told to try again does.
async fn ask(practice: &Practice, person: &Client, starts_at: &str) -> String {
    loop {
        let answer = practice.ask(person, starts_at).await;
        if answer.status != 503 {
            return answer.expect(201).json()["id"].as_str().unwrap().to_owned();
        }
    }
}

/// A hundred people ask for one slot, two clerks confirm two of them at once.
async fn rush(practice: &Practice, people: &[Client], starts_at: &str) {
    let ids = join_all(people.iter().map(|person| ask(practice, person, starts_at))).await;
    let (one, other) = tokio::join!(
        practice.does(&practice.notary, &ids[0], "confirm"),
        practice.does(&practice.clerk, &ids[1], "confirm"),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{:?} {:?}", one.body, other.body);
    let lost = if one.status == 409 { &one } else { &other };
    assert_eq!(lost.code(), "not_in_this_state", "it was rejected with the others");
    let won = if one.status == 200 { &ids[0] } else { &ids[1] };
    let sql = format!(
        "SELECT count(*) FROM appointment WHERE status = 'rejected' AND during && tstzrange('{starts_at}', '{starts_at}', '[]')"
    );
    assert_eq!(practice.app.value::<i64>(&sql).await, PEOPLE as i64 - 1);
    assert_eq!(practice.status(won).await, "confirmed");
    assert_eq!(practice.app.value::<i64>(OVERLAPS).await, 0);
    let taken = practice.ask(&practice.stranger, starts_at).await.expect(409);
    assert_eq!(taken.code(), "slot_not_free");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_requests_for_one_slot_one_is_confirmed_and_all_others_are_told_also_on_both_nights() {
    let practice = Practice::new().await;
    practice.open(7, "00:00", "06:00").await;
    let people = everybody(&practice).await;
    for starts_at in [A_SLOT, SPRING, AUTUMN] {
        rush(&practice, &people, starts_at).await;
    }
    let told: Vec<Vec<String>> = join_all(people.iter().map(|person| practice.told(person))).await;
    let all: Vec<String> = told.into_iter().flatten().collect();
    assert_eq!(
        (count(&all, "appointment_confirmed"), count(&all, "appointment_rejected")),
        (3, 3 * (PEOPLE - 1))
    );
    practice.app.run_jobs().await;
    let rejected = practice.app.mails().iter().filter(|mail| mail.contains("stata accettata")).count();
    assert_eq!(rejected, 3 * (PEOPLE - 1), "each loser has a mail");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_overlap_in_part_are_confirmed_one_after_the_other_and_never_both() {
    let practice = Practice::new().await;
    // Each overlaps the next one by half.
    let starts: Vec<String> =
        (0..8).map(|n| format!("2031-06-18T{:02}:{:02}:00Z", 7 + n / 2, 30 * (n % 2))).collect();
    let people = join_all((0..starts.len()).map(|_| practice.app.a_person())).await;
    let people = join_all(people.iter().map(|person| practice.app.log_in(person))).await;
    let asked = join_all(people.iter().zip(&starts).map(|(person, starts_at)| {
        practice.ask_for(person, json!({"type": "consultation", "starts_at": starts_at, "minutes": 60}))
    }));
    let ids: Vec<Value> =
        asked.await.into_iter().map(|answer| answer.expect(201).json()["id"].clone()).collect();
    let confirmed = join_all(ids.iter().enumerate().map(|(n, id)| {
        let clerk = if n % 2 == 0 { &practice.notary } else { &practice.clerk };
        practice.does(clerk, id.as_str().unwrap(), "confirm")
    }))
    .await;
    assert!(confirmed.iter().all(|answer| matches!(answer.status, 200 | 409)));
    assert_eq!(practice.app.value::<i64>(OVERLAPS).await, 0);
    let open: i64 = practice.app.value("SELECT count(*) FROM appointment WHERE status = 'provisional'").await;
    let won = confirmed.iter().filter(|answer| answer.status == 200).count();
    assert!(open == 0 && won >= 3, "{won} of eight that overlap their neighbours");
    practice.app.finish().await;
}
