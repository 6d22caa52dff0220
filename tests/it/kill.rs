//! `kill -9` of the real process in the midst of bookings, over and over: what was promised is there, and nothing is
//! there by half.
//!
//! The suite runs a short form; `script/kill [kills] [bookings]` runs any other and shows what it saw.

use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use axum::http::Method;
use serde_json::json;
use tokio::sync::Notify;

use crate::{
    actors::crowd::{BALANCED, is_honest},
    harness::{
        app::TestApp,
        client::Client,
        process::{Ground, Process},
        until::eventually,
    },
};

/// Kills and bookings per kill, as `20x1000`.
const VARIABLE: &str = "SPORTELLO_TEST_KILLS";
const QUICK: (usize, usize) = (3, 150);
/// Buyers at once.
const BUYERS: usize = 24;
/// Their bookings go to several shards.
const EVENTS: usize = 6;
const LIMITLESS: &[(&str, &str)] = &[("limits.enabled", "false")];

/// Remembers the jobs of mails before they are done and forgotten.
const REMEMBER: &str = "CREATE TABLE told (job bigint PRIMARY KEY, booking uuid NOT NULL);
    CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.args ? 'booking' THEN INSERT INTO told VALUES (NEW.id, (NEW.args ->> 'booking')::uuid); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER remember AFTER INSERT ON job.body FOR EACH ROW EXECUTE FUNCTION remember()";
/// Bookings without tickets, or without exactly one job for their mail.
const HALF_BOOKED: &str = "SELECT count(*) FROM bookings b
    WHERE b.tickets < 1 OR b.status <> 'confirmed' OR b.code = ''
        OR (SELECT count(*) FROM told t WHERE t.booking = b.id) <> 1";
const STRAY_JOBS: &str = "SELECT count(*) FROM told t
    WHERE NOT EXISTS (SELECT FROM bookings b WHERE b.id = t.booking)";
const WAITING: &str = "SELECT count(*) FROM job.body j JOIN told t ON t.job = j.id";
/// Mail jobs that were not done, and exactly once.
const NOT_DONE_ONCE: &str = "SELECT count(*) FROM told t
    WHERE (SELECT count(*) FROM job.done d WHERE d.id = t.job AND d.state = 0) <> 1
        OR (SELECT count(*) FROM job.done d WHERE d.id = t.job) <> 1";

fn size() -> (usize, usize) {
    let Ok(text) = std::env::var(VARIABLE) else { return QUICK };
    let (kills, bookings) = text.split_once('x').expect("kills and bookings, as in 20x1000");
    (kills.parse().unwrap(), bookings.parse().unwrap())
}

/// What clients know.
#[derive(Default)]
struct Known {
    /// Seen in a 201.
    booked: Mutex<HashSet<String>>,
    /// Keys of orders without an answer: they may be asked again.
    unanswered: Mutex<Vec<String>>,
    /// Orders without an answer and without a key: nobody will ever know.
    lost: AtomicUsize,
}

impl Known {
    fn count(&self) -> usize {
        self.booked.lock().unwrap().len()
    }
}

/// How asking for a booking ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Booked,
    Refused,
    /// The server is gone.
    NoAnswer,
}

async fn book(client: &Client, event: &str, key: Option<&str>, known: &Known) -> End {
    let path = format!("/api/v1/events/{event}/bookings");
    let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", *key)).collect();
    match client.attempt(Method::POST, &path, &headers, Some(json!({"tickets": 2}))).await {
        Some(answer) if answer.status == 201 => {
            known.booked.lock().unwrap().insert(answer.json()["id"].as_str().unwrap().to_owned());
            End::Booked
        }
        Some(answer) => {
            assert!(is_honest(&answer), "{} {:?}", answer.status, answer.body);
            End::Refused
        }
        None => End::NoAnswer,
    }
}

/// Many book; returns when all have their answer or the server is gone. `enough` hears when `limit` have booked.
async fn rush(
    client: &Client,
    events: &[String],
    (round, bookings): (usize, usize),
    known: &Known,
    (limit, enough): (usize, &Notify),
) {
    let (next, before) = (AtomicUsize::new(0), known.count());
    let buyer = || async {
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= bookings {
                return;
            }
            let key = (number % 2 == 0).then(|| format!("{round}.{number}"));
            let event = &events[number % events.len()];
            let end = book(client, event, key.as_deref(), known).await;
            if end != End::Booked {
                match key {
                    Some(key) => known.unanswered.lock().unwrap().push(key),
                    None => drop(known.lost.fetch_add(1, Relaxed)),
                }
            }
            if end == End::NoAnswer {
                return;
            }
            if known.count() - before >= limit {
                enough.notify_one();
            }
        }
    };
    futures_util::future::join_all((0..BUYERS).map(|_| buyer())).await;
}

/// Orders with a key are asked again until they are answered.
async fn ask_again(client: &Client, events: &[String], known: &Known) {
    let unanswered = std::mem::take(&mut *known.unanswered.lock().unwrap());
    for key in unanswered {
        let number: usize = key.split_once('.').unwrap().1.parse().unwrap();
        let event = &events[number % events.len()];
        eventually("an answer", async || book(client, event, Some(&key), known).await == End::Booked).await;
    }
}

async fn count(ground: &Ground, sql: &str) -> i64 {
    ground.database.client().await.query_one(sql, &[]).await.unwrap().get(0)
}

async fn bookings(ground: &Ground) -> HashSet<String> {
    let rows = ground.database.client().await.query("SELECT id::text FROM bookings", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What must hold at every moment, also when nobody runs.
async fn assert_whole(ground: &Ground, known: &Known) {
    let there = bookings(ground).await;
    let missing: Vec<_> = known.booked.lock().unwrap().difference(&there).cloned().collect();
    assert_eq!(missing, Vec::<String>::new(), "promised and not there");
    let balanced = ground.database.client().await.query_one(BALANCED, &[]).await.unwrap();
    assert!(balanced.get::<_, bool>(0), "tickets left and tickets sold are the capacity");
    assert_eq!((count(ground, HALF_BOOKED).await, count(ground, STRAY_JOBS).await), (0, 0));
}

/// A buyer, events, and the ground on which servers will be started and killed.
struct Desk {
    ground: Ground,
    buyer: Client,
    events: Vec<String>,
    known: Known,
}

impl Desk {
    async fn of(app: TestApp) -> Self {
        let buyer = app.log_in(&app.a_person().await).await;
        let mut events = Vec::new();
        for _ in 0..EVENTS {
            events.push(app.an_event().with_capacity(1_000_000).create().await);
        }
        app.database.client().await.batch_execute(REMEMBER).await.unwrap();
        Self { ground: app.leave().await, buyer, events, known: Known::default() }
    }

    /// Starts a server, answers what the last one left open, and lets many book until the server is ended.
    async fn round(&self, round: usize, bookings: usize, limit: usize, end: impl AsyncFnOnce(Process)) {
        let began = Instant::now();
        let server = self.ground.serve(LIMITLESS).await;
        let (started, client) = (began.elapsed(), self.buyer.at(server.address));
        ask_again(&client, &self.events, &self.known).await;
        let (enough, before) = (Notify::new(), self.known.count());
        let ending = async {
            enough.notified().await;
            end(server).await;
        };
        let rushing = rush(&client, &self.events, (round, bookings), &self.known, (limit, &enough));
        tokio::join!(ending, rushing);
        let seen = self.known.count() - before;
        eprintln!("round {}: served after {started:.1?}, {seen} bookings promised until the end", round + 1);
    }

    /// The last server of the day: what is open is answered, every mail is sent, once, and nothing is missing.
    async fn close(self) {
        let Self { ground, buyer, events, known } = self;
        let server = ground.serve(LIMITLESS).await;
        ask_again(&buyer.at(server.address), &events, &known).await;
        eventually("every mail is sent", async || count(&ground, WAITING).await == 0).await;
        assert_whole(&ground, &known).await;
        assert_eq!(count(&ground, NOT_DONE_ONCE).await, 0, "each mail job is done once");
        let there = bookings(&ground).await;
        let (unknown, lost) = (there.len() - known.count(), known.lost.load(Relaxed));
        assert!(unknown <= lost, "more bookings than orders");
        let outbox = ground.outbox();
        let mailed: HashSet<_> = outbox.iter().filter_map(|name| name.split('.').next()).collect();
        assert_eq!(outbox.len(), there.len(), "one mail per booking");
        assert!(there.iter().all(|booking| mailed.contains(booking.as_str())));
        assert_eq!(server.terminate().await, 0);
        eprintln!(
            "{} promised bookings are there with their mails, sent once; {unknown} of {lost} orders that had neither \
             answer nor key were booked, too",
            known.count(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_keep_every_promise() {
    let (kills, per_round) = size();
    let desk = Desk::of(TestApp::start().await).await;
    for round in 0..kills {
        // Early and late, and at every place between: 7 and 16 have no common divisor.
        let limit = per_round * (1 + round * 7 % 16) / 17;
        desk.round(round, per_round, limit, async |server| server.kill().await).await;
        assert_whole(&desk.ground, &desk.known).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_finds_its_own_postgres_again() {
    let desk = Desk::of(TestApp::start_managed(|_| {}).await).await;
    for round in 0..2 {
        desk.round(round, 60, 20, async |server| server.kill().await).await;
        assert_whole(&desk.ground, &desk.known).await; // its PostgreSQL lives on, and nothing is there by half
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_in_order_under_load() {
    let desk = Desk::of(TestApp::start().await).await;
    desk.round(0, 150, 50, async |server| assert_eq!(server.terminate().await, 0)).await;
    assert_whole(&desk.ground, &desk.known).await;
    let leased = count(&desk.ground, "SELECT count(*) FROM job.lease").await;
    assert_eq!(leased, 0, "what was not done is given back");
    desk.close().await;
}
