//! People who use the server while it is being harmed, and what they are answered.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::users::User, config::sections::Limits};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

/// What 503 may say.
const HONEST: [&str; 4] = ["unavailable", "outcome_unknown", "deadline_exceeded", "overloaded"];
/// Who was refused comes back after this; people would wait longer.
const COME_BACK: Duration = Duration::from_millis(10);

/// What came out.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) right: AtomicUsize,
    pub(crate) refused: AtomicUsize,
    /// Ids of bookings that were promised.
    pub(crate) booked: Mutex<Vec<String>>,
    wrong: Mutex<BTreeMap<String, usize>>,
    stop: AtomicBool,
}

impl Seen {
    /// Nothing but correct answers and honest refusals.
    #[track_caller]
    pub(crate) fn assert_honest(&self, when: &str) {
        assert_eq!(*self.wrong.lock().unwrap(), BTreeMap::new(), "{when}");
    }

    pub(crate) fn end(&self) {
        self.stop.store(true, Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Relaxed)
    }

    /// The answer, if it is as hoped.
    async fn note(
        &self,
        what: &str,
        answer: Option<Answer>,
        right: impl FnOnce(&Answer) -> bool,
    ) -> Option<Value> {
        let said = match &answer {
            Some(answer) if matches!(answer.status, 200 | 201) => {
                if right(answer) {
                    self.right.fetch_add(1, Relaxed);
                    return Some(answer.json());
                }
                String::from_utf8_lossy(&answer.body).into_owned()
            }
            Some(answer) if is_honest(answer) => {
                self.refused.fetch_add(1, Relaxed);
                tokio::time::interval_at(tokio::time::Instant::now() + COME_BACK, COME_BACK).tick().await;
                return None;
            }
            Some(answer) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
            None => "the connection broke".to_owned(),
        };
        *self.wrong.lock().unwrap().entry(format!("{what}: {said}")).or_default() += 1;
        None
    }
}

/// A refusal that says when to come back.
pub(crate) fn is_honest(answer: &Answer) -> bool {
    let later = answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0);
    later && (answer.status == 429 || (answer.status == 503 && HONEST.contains(&answer.code().as_str())))
}

/// Somebody who reads and books, somebody who logs in over and over, and what they are after.
pub(crate) struct Crowd {
    client: Client,
    anonymous: Client,
    person: User,
    pub(crate) event: String,
}

/// Limits that count, and that no crowd comes near.
pub(crate) fn generous(limits: &mut Limits) {
    for quota in
        [&mut limits.anonymous, &mut limits.user, &mut limits.admin, &mut limits.login, &mut limits.booking]
    {
        quota.limit = 1_000_000;
    }
}

impl Crowd {
    pub(crate) async fn of(app: &TestApp, capacity: i32) -> Self {
        let event = app.an_event().with_capacity(capacity).create().await;
        let (reader, person) = (app.a_person().await, app.a_person().await);
        Self { client: app.log_in(&reader).await, anonymous: app.anonymous(), person, event }
    }

    /// The same people at another server on the same database.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        let (client, anonymous) = (self.client.at(address), self.anonymous.at(address));
        Self { client, anonymous, person: self.person.clone(), event: self.event.clone() }
    }

    async fn get(&self, path: &str, seen: &Seen, right: impl FnOnce(&Value) -> bool) -> bool {
        let answer = self.client.attempt(Method::GET, path, &[], None).await;
        seen.note(path, answer, |answer| answer.status == 200 && right(&answer.json())).await.is_some()
    }

    pub(crate) async fn read_detail(&self, seen: &Seen) -> bool {
        let path = format!("/api/v1/events/{}", self.event);
        self.get(&path, seen, |event| event["slug"] == self.event.as_str()).await
    }

    pub(crate) async fn read_list(&self, seen: &Seen) -> bool {
        let has = |page: &Value| page["data"].as_array().unwrap().iter().any(|it| it["slug"] == *self.event);
        self.get("/api/v1/events", seen, has).await
    }

    pub(crate) async fn read_me(&self, seen: &Seen) -> bool {
        self.get("/api/v1/me", seen, |me| me["email"].is_string()).await
    }

    pub(crate) async fn book(&self, seen: &Seen) -> bool {
        let path = format!("/api/v1/events/{}/bookings", self.event);
        let answer = self.client.attempt(Method::POST, &path, &[], Some(json!({"tickets": 1}))).await;
        let Some(booking) = seen.note("booking", answer, |answer| answer.status == 201).await else {
            return false;
        };
        seen.booked.lock().unwrap().push(booking["id"].as_str().unwrap().to_owned());
        true
    }

    pub(crate) async fn log_in(&self, seen: &Seen) -> bool {
        let body = json!({"email": self.person.email, "password": PASSWORD});
        let answer = self.anonymous.attempt(Method::POST, "/api/v1/auth/login", &[], Some(body)).await;
        seen.note("log-in", answer, |answer| answer.json()["access_token"].is_string()).await.is_some()
    }

    /// Everything people do, over and over, until [`Seen::end`].
    pub(crate) async fn press(&self, seen: &Seen) {
        let readers = async {
            while seen.goes_on() {
                tokio::join!(self.read_detail(seen), self.read_list(seen), self.read_me(seen));
            }
        };
        let buyers = async {
            while seen.goes_on() {
                tokio::join!(self.book(seen), self.book(seen), self.book(seen));
            }
        };
        let arrivals = async {
            while seen.goes_on() {
                self.log_in(seen).await;
            }
        };
        tokio::join!(readers, buyers, arrivals);
    }

    /// Everything works again, at the latest within the patience of tests.
    pub(crate) async fn assert_served(&self, when: &str) {
        let seen = Seen::default();
        let serving = async {
            tokio::join!(
                async { while !self.read_detail(&seen).await {} },
                async { while !self.read_list(&seen).await {} },
                async { while !self.read_me(&seen).await {} },
                async { while !self.book(&seen).await {} },
                async { while !self.log_in(&seen).await {} },
            );
        };
        let patience = crate::harness::client::PATIENCE;
        let served = tokio::time::timeout(patience, serving).await;
        seen.assert_honest(when);
        assert!(served.is_ok(), "not everything works {when}");
    }

    /// Every promise is kept, and no ticket is lost or made up.
    pub(crate) async fn assert_kept(&self, app: &TestApp, seen: &Seen) {
        let booked = seen.booked.lock().unwrap().clone();
        for id in booked {
            self.client.get(&format!("/api/v1/bookings/{id}")).await.expect(200);
        }
        assert!(app.value::<bool>(BALANCED).await, "no ticket is lost or made up");
    }
}

/// Tickets of live bookings and tickets left are the capacity, for every event.
pub(crate) const BALANCED: &str =
    "SELECT count(*) = 0 FROM events e WHERE e.tickets_left < 0 OR e.tickets_left <>
    e.capacity - coalesce((SELECT sum(b.tickets) FROM bookings b
        WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed', 'completed')), 0)";
