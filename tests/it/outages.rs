//! What everything stands on goes away under load, and comes back: PostgreSQL for ten seconds, the managed PostgreSQL by
//! `kill -9`, Redis in every way it can.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sportello::{
    config::values::{Optional, Secret},
    postgres::Mode,
};
use tokio::time::{Instant, interval_at};

use crate::{
    actors::crowd::{BALANCED, Crowd, Seen, generous, is_honest},
    harness::{
        app::TestApp,
        client::{Answer, Client, PATIENCE},
        cluster::start_postgres,
        people::PASSWORD,
        redis::TestRedis,
        scratch::Scratch,
        until::{eventually, until},
    },
};

/// How long PostgreSQL is away: longer than every pause and memory but those that are meant for outages.
const OUTAGE: Duration = Duration::from_secs(10);
/// Between two requests of one person.
const PAUSE: Duration = Duration::from_millis(20);
/// Back within a second is the aim, and printed; a machine with other things to do may need longer.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// What a group of people saw.
#[derive(Default)]
struct Tally {
    served: AtomicUsize,
    refused: AtomicUsize,
    /// What the refused were told.
    told: Mutex<BTreeMap<String, usize>>,
    slowest_ms: AtomicUsize,
    wrong: Mutex<BTreeMap<String, usize>>,
}

impl Tally {
    /// Asks over and over until `ended`.
    async fn keep_asking(&self, ended: &AtomicBool, ask: impl AsyncFn() -> Option<Answer>) {
        let mut next = tokio::time::interval(PAUSE);
        while !ended.load(Relaxed) {
            let began = Instant::now();
            let answer = ask().await;
            self.slowest_ms.fetch_max(began.elapsed().as_millis() as usize, Relaxed);
            let said = match &answer {
                Some(answer) if matches!(answer.status, 200 | 201) => {
                    self.served.fetch_add(1, Relaxed);
                    None
                }
                Some(answer) if is_honest(answer) => {
                    self.refused.fetch_add(1, Relaxed);
                    *self.told.lock().unwrap().entry(answer.json().to_string()).or_default() += 1;
                    None
                }
                Some(answer) => Some(format!("{} {:?}", answer.status, answer.body)),
                None => Some("the connection broke".to_owned()),
            };
            if let Some(said) = said {
                *self.wrong.lock().unwrap().entry(said).or_default() += 1;
            }
            next.tick().await;
        }
    }

    #[track_caller]
    fn assert_honest(&self, who: &str) {
        assert_eq!(*self.wrong.lock().unwrap(), BTreeMap::new(), "{who}");
        eprintln!(
            "{who}: {} served, {} refused, the slowest answer after {} ms",
            self.served.load(Relaxed),
            self.refused.load(Relaxed),
            self.slowest_ms.load(Relaxed)
        );
    }
}

/// Everybody who uses the server meanwhile.
#[derive(Default)]
struct Groups {
    /// Read what is in the cache.
    cached: Tally,
    /// The same, signed in.
    members: Tally,
    /// Read what is not.
    uncached: Tally,
    writers: Tally,
    arrivals: Tally,
    /// Ask whether the process lives.
    liveness: Tally,
    ended: AtomicBool,
}

impl Groups {
    async fn run(&self, client: &Client, event: &str, email: &str) {
        let detail = format!("/api/v1/events/{event}");
        let booking = format!("{detail}/bookings");
        let (ended, number) = (&self.ended, AtomicUsize::new(0));
        let anonymous = client.logged_out();
        let read = async |client: &Client, path: &str| client.attempt(Method::GET, path, &[], None).await;
        let get = async |path: &str| read(client, path).await;
        let post = async |path: &str, body: Value| client.attempt(Method::POST, path, &[], Some(body)).await;
        let login = json!({"email": email, "password": PASSWORD});
        tokio::join!(
            self.cached.keep_asking(ended, async || read(&anonymous, &detail).await),
            self.cached.keep_asking(ended, async || read(&anonymous, "/api/v1/events").await),
            self.cached.keep_asking(ended, async || read(&anonymous, "/api/v1/cities").await),
            self.members.keep_asking(ended, async || get(&detail).await),
            self.members.keep_asking(ended, async || get("/api/v1/events").await),
            self.uncached.keep_asking(ended, async || {
                let price = number.fetch_add(1, Relaxed); // nobody has asked for this before
                get(&format!("/api/v1/events?max_price={}", 1_000_000 + price)).await
            }),
            self.uncached.keep_asking(ended, async || get("/api/v1/me/bookings").await),
            self.writers.keep_asking(ended, async || post(&booking, json!({"tickets": 1})).await),
            self.arrivals.keep_asking(ended, async || post("/api/v1/auth/login", login.clone()).await),
            self.liveness.keep_asking(ended, async || get("/alive").await),
        );
    }

    fn served_everywhere(&self, at_least: usize) -> bool {
        let groups =
            [&self.cached, &self.members, &self.uncached, &self.writers, &self.arrivals, &self.liveness];
        groups.iter().all(|group| group.served.load(Relaxed) >= at_least)
    }
}

/// Tries until it works; how long that took.
async fn works(what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
    let began = Instant::now();
    eventually(what, async || is_so().await).await;
    let took = began.elapsed();
    eprintln!("{what} after {took:.0?}");
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_away_for_ten_seconds() {
    let scratch = Scratch::new();
    let cluster = start_postgres(scratch.path()).await;
    let url = cluster.connection_string();
    let app = TestApp::start_beside(&cluster.config(), |config| {
        config.database.url = Optional(Some(Secret::new(url)));
        generous(&mut config.limits);
        // What is cached is stale long before the outage ends: it is served because nothing better can be had.
        config.cache.ttl_list.0 = Duration::from_secs(1);
        config.cache.ttl_detail.0 = Duration::from_secs(1);
    })
    .await;
    let event = app.an_event().with_capacity(1_000_000).create().await;
    let (reader, arrival) = (app.a_person().await, app.a_person().await);
    let client = app.log_in(&reader).await;
    let groups = Groups::default();
    let status = async |path: &str| client.get(path).await.status;
    let outage = async {
        until("a working day", || groups.served_everywhere(20)).await;
        assert_eq!(status("/ready").await, 200);
        let away = Instant::now();
        cluster.stop(Mode::Immediate).await;
        eventually("it is not ready", async || status("/ready").await == 503).await;
        let before = (groups.cached.served.load(Relaxed), groups.uncached.served.load(Relaxed));
        interval_at(away + OUTAGE, OUTAGE).tick().await;
        let cached = groups.cached.served.load(Relaxed) - before.0;
        let uncached = groups.uncached.served.load(Relaxed) - before.1;
        eprintln!("while PostgreSQL is away: {cached} cached reads served, {uncached} others");
        assert!(cached > 0 && uncached == 0, "only the cache has answers");
        assert_eq!((status("/alive").await, status("/ready").await), (200, 503));

        let cluster = start_postgres(scratch.path()).await;
        let booking = format!("/api/v1/events/{event}/bookings");
        let took = tokio::join!(
            works("reads are back", async || status("/api/v1/me/bookings").await == 200),
            works("bookings are back", async || {
                client.post(&booking, json!({"tickets": 1})).await.status == 201
            }),
            works("readiness is back", async || status("/ready").await == 200),
        );
        assert!(took.0.max(took.1).max(took.2) < BACK_WITHIN, "{took:?}");
        groups.ended.store(true, Relaxed);
        cluster
    };
    let ((), cluster) = tokio::join!(groups.run(&client, &event, &arrival.email), outage);
    for (who, group) in [
        ("who reads what is cached", &groups.cached),
        ("the same, signed in", &groups.members),
        ("who reads anything else", &groups.uncached),
        ("who books", &groups.writers),
        ("who logs in", &groups.arrivals),
        ("who asks whether it lives", &groups.liveness),
    ] {
        group.assert_honest(who);
    }
    // Cached reads go on, and nobody should restart what only waits.
    for group in [&groups.cached, &groups.members, &groups.liveness] {
        assert_eq!(*group.told.lock().unwrap(), BTreeMap::new());
    }
    for group in [&groups.uncached, &groups.writers, &groups.arrivals] {
        assert!(group.refused.load(Relaxed) > 0, "an outage is felt");
    }
    assert!(app.value::<bool>(BALANCED).await);
    app.finish().await;
    cluster.stop(Mode::Immediate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_managed_postgres_is_back_by_itself_and_nothing_promised_is_lost() {
    let app = TestApp::start_managed(|config| config.limits.enabled = false).await;
    let crowd = Crowd::of(&app, 1_000_000).await;
    let (seen, postgres) = (Seen::default(), app.app.registry.find("root/data/postgres").unwrap());
    let killing = async {
        let mut served = 0;
        for _ in 0..3 {
            until("some work", || seen.right.load(Relaxed) > served + 100).await;
            app.app.registry.inspect(&postgres.path).await.unwrap();
            let pid = postgres.view()["pid"].as_i64().expect("it runs");
            let (began, exits) = (Instant::now(), postgres.exits_ever());
            kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
            until("the news", || postgres.exits_ever() > exits).await;
            crowd.assert_served("after PostgreSQL was killed").await;
            eprintln!("PostgreSQL was killed, and everything works again after {:.0?}", began.elapsed());
            until("readiness", || app.app.registry.is_ready()).await;
            let exit = postgres.exits().into_iter().find(|exit| exit.number == exits + 1).unwrap();
            assert!(exit.cause.contains("PostgreSQL ended") && exit.recovered_ms.is_some(), "{exit:?}");
            served = seen.right.load(Relaxed);
        }
        seen.end();
    };
    tokio::join!(crowd.press(&seen), killing);
    seen.assert_honest("while PostgreSQL was killed");
    crowd.assert_kept(&app, &seen).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_die_freeze_and_come_back_and_nobody_is_refused() {
    let mut redis = TestRedis::start();
    let url = redis.url();
    let app = TestApp::start_with(|config| {
        config.redis.url = url;
        generous(&mut config.limits); // they are counted in Redis
        config.cache.ttl_list.0 = Duration::from_millis(50);
        config.cache.ttl_detail.0 = Duration::from_millis(50);
    })
    .await;
    tokio::time::timeout(PATIENCE, app.app.redis.connected()).await.expect("Redis is there");
    let crowd = Crowd::of(&app, 1_000_000).await;
    let seen = Seen::default();
    let harming = async {
        for what in ["alive", "killed", "back", "frozen", "thawed", "killed again"] {
            match what {
                "killed" | "killed again" => redis.kill(),
                "back" => redis.restart(),
                "frozen" => redis.freeze(),
                "thawed" => redis.thaw(),
                _ => {}
            }
            let (before, began) = (seen.right.load(Relaxed), Instant::now());
            until(what, || seen.right.load(Relaxed) >= before + 200).await;
            eprintln!("Redis is {what}: 200 answers in {:.0?}", began.elapsed());
        }
        seen.end();
    };
    tokio::join!(crowd.press(&seen), harming);
    seen.assert_honest("while Redis died");
    assert_eq!(seen.refused.load(Relaxed), 0, "Redis is never needed to answer");
    crowd.assert_kept(&app, &seen).await;
    app.finish().await;
}
