//! Notifications as they are written: at every server, each once and in order, whatever is lost in between.

use std::{collections::BTreeSet, time::Duration};

use axum::{body::Body, http::Method};
use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    accounts::{policy::Role, users::User},
    app::App,
    db::Db,
    ids::UserId,
    jobs::registry::registry,
    notary::notifications::{self, Facts, Kind, Told},
};
use tokio::time::timeout;

use crate::harness::{
    app::TestApp,
    client::{Client, PATIENCE},
    people::PASSWORD,
    until::eventually,
};

const STREAM: &str = "/api/v1/notifications/stream";

/// Somebody who listens.
struct Ear {
    body: Body,
    read: String,
    /// The number that the next connection would send.
    last: String,
}

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// A notification, by what it says.
    News(String),
    /// Still there.
    Beat,
    /// The end.
    End,
}

impl Ear {
    async fn open(client: &Client, last: Option<&str>) -> Self {
        let headers: Vec<_> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        let response = client.send(Method::GET, STREAM, &headers, None).await.unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
        assert_eq!(
            (header("x-accel-buffering").as_deref(), header("cache-control").as_deref()),
            (Some("no"), Some("no-store"))
        );
        assert_eq!(header("content-encoding"), None);
        let mut ear =
            Self { body: Body::new(response.into_body()), read: String::new(), last: String::new() };
        let greeting = ear.block().await.unwrap();
        let last = greeting.strip_prefix("retry: 3000\nid: ").unwrap();
        ear.last = last.to_owned();
        ear
    }

    /// What stands before the next empty line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.read.clone().split_once("\n\n") {
                self.read = rest.to_owned();
                return Some(block.to_owned());
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.expect("something is heard")?;
            self.read.push_str(std::str::from_utf8(&frame.ok()?.into_data().unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Heard {
        let Some(block) = self.block().await else { return Heard::End };
        if block.starts_with(':') {
            return Heard::Beat;
        }
        let [id, kind, data] = block.lines().collect::<Vec<_>>()[..] else { panic!("{block}") };
        assert_eq!(kind, "event: notification");
        let id = id.strip_prefix("id: ").unwrap();
        assert!(self.last.parse::<i64>().unwrap() < id.parse().unwrap(), "numbers grow");
        self.last = id.to_owned();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        Heard::News(data["message"].as_str().unwrap().to_owned())
    }

    /// The next so many.
    async fn hears(&mut self, count: usize) -> Vec<String> {
        let mut heard = Vec::new();
        while heard.len() < count {
            match self.next().await {
                Heard::News(text) => heard.push(text),
                Heard::Beat => {}
                Heard::End => panic!("it has ended after {heard:?}"),
            }
        }
        heard
    }

    async fn ends(&mut self) {
        while self.next().await != Heard::End {}
    }
}

fn message(user: UserId, text: &str) -> Told {
    let facts = Facts { office: "Studio Verdi".to_owned(), reason: text.to_owned(), ..Facts::default() };
    Told { user, kind: Kind::SystemMessage, facts, appointment: None, act: None }
}

/// Tells somebody things in one transaction.
async fn tell(app: &App, user: UserId, texts: &[&str]) {
    try_tell(&app.db, app, user, texts).await.unwrap();
}

async fn try_tell(db: &Db, app: &App, user: UserId, texts: &[&str]) -> anyhow::Result<()> {
    let told: Vec<Told> = texts.iter().map(|text| message(user, text)).collect();
    let mut tx = db.begin("tests.tell").await?;
    notifications::tell(&mut tx, &told, app.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// How many streams the server has open.
async fn count(app: &TestApp) -> usize {
    let figures = app.anonymous().get("/metrics").await.expect(200);
    let figures = String::from_utf8(figures.body.to_vec()).unwrap();
    let line = figures.lines().find_map(|line| line.strip_prefix("sportello_live_streams "));
    line.expect("it is measured").parse::<f64>().unwrap() as usize
}

async fn somebody(app: &TestApp) -> (User, Client) {
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    (person, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_heard_at_once_at_every_server_by_its_person_alone() {
    let app = TestApp::start().await;
    let node = app.another_node(|_| {}, registry()).await;
    let ((anna, client), (_, stranger)) = (somebody(&app).await, somebody(&app).await);
    tell(&app.app, anna.id, &["prima"]).await;
    let mut ears = [Ear::open(&client, None).await, Ear::open(&client.at(node.address), None).await];
    let mut other = Ear::open(&stranger, None).await;
    tell(&app.app, anna.id, &["uno", "due", "tre"]).await;
    tell(&node, anna.id, &["quattro"]).await;
    for ear in &mut ears {
        assert_eq!(ear.hears(4).await, ["uno", "due", "tre", "quattro"], "in order, and nothing from before");
    }
    let page = client.get("/api/v1/me/notifications?limit=2").await.expect(200).json();
    assert_eq!(
        (&page["data"][0]["message"], &page["data"][1]["message"]),
        (&json!("quattro"), &json!("tre"))
    );
    let rest = format!("/api/v1/me/notifications?limit=9&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = client.get(&rest).await.expect(200).json();
    let rest: Vec<&Value> = rest["data"].as_array().unwrap().iter().map(|it| &it["message"]).collect();
    assert_eq!(rest, ["due", "uno", "prima"], "the list has the same order");
    app.app.clock.advance(SignedDuration::from_secs(16));
    assert_eq!(other.next().await, Heard::Beat, "a stranger hears nothing but that the stream is alive");
    // What is rolled back was never told.
    let mut tx = app.app.db.begin("tests.tell").await.unwrap();
    notifications::tell(&mut tx, &[message(anna.id, "mai")], app.app.clock.now()).await.unwrap();
    tx.rollback().await.unwrap();
    tell(&app.app, anna.id, &["cinque"]).await;
    assert_eq!(ears[0].hears(1).await, ["cinque"]);
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_what_came_meanwhile_once_and_in_order() {
    let app = TestApp::start().await;
    let (anna, client) = somebody(&app).await;
    let mut ear = Ear::open(&client, None).await;
    tell(&app.app, anna.id, &["uno"]).await;
    ear.hears(1).await;
    let last = ear.last.clone();
    drop(ear);
    let many: Vec<String> = (0..55).map(|n| format!("n. {n}")).collect();
    for some in many.chunks(7) {
        tell(&app.app, anna.id, &some.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    let mut ear = Ear::open(&client, Some(&last)).await;
    assert_eq!(ear.hears(55).await, many, "more than a page, each once");
    tell(&app.app, anna.id, &["poi"]).await;
    assert_eq!(ear.hears(1).await, ["poi"]);
    // From the beginning; and with a number that was never given, which must not hide what is still to come.
    assert_eq!(Ear::open(&client, Some("0")).await.hears(57).await[0], "uno");
    let mut ahead = Ear::open(&client, Some("999999999")).await;
    tell(&app.app, anna.id, &["ancora"]).await;
    assert_eq!(ahead.hears(1).await, ["ancora"]);
    for wrong in ["-1", "x", "", "1e3", "99999999999999999999"] {
        let answer = client.request(Method::GET, STREAM, &[("last-event-id", wrong)], None).await;
        assert_eq!(answer.expect(400).code(), "invalid_last_event_id", "{wrong}");
    }
    client.get(&format!("{STREAM}?since=1")).await.expect(400);
    app.anonymous().get(STREAM).await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_end_in_another_order_than_they_began_hide_nothing() {
    let app = TestApp::start().await;
    let (anna, client) = somebody(&app).await;
    let mut ear = Ear::open(&client, None).await;
    // Written first, committed last: its number is the higher one.
    let mut slow = app.app.db.begin("tests.slow").await.unwrap();
    notifications::tell(&mut slow, &[message(anna.id, "lenta")], app.app.clock.now()).await.unwrap();
    tell(&app.app, anna.id, &["veloce"]).await;
    assert_eq!(ear.hears(1).await, ["veloce"]);
    let last = ear.last.clone();
    drop(ear);
    slow.commit().await.unwrap();
    assert_eq!(Ear::open(&client, Some(&last)).await.hears(1).await, ["lenta"]);
    // Forty writers at once, while somebody reads and comes back again and again with the last number.
    let writing =
        join_all((0..40).map(|n| {
            let (app, user) = (&app.app, anna.id);
            async move {
                while try_tell(&app.db, app, user, &[&format!("a{n}"), &format!("b{n}")]).await.is_err() {}
            }
        }));
    let reading = async {
        let (mut heard, mut last) = (Vec::new(), last);
        while heard.len() < 81 {
            let mut ear = Ear::open(&client, Some(&last)).await;
            heard.extend(ear.hears((81 - heard.len()).min(3)).await);
            last = ear.last.clone();
        }
        heard
    };
    let (_, heard) = tokio::join!(writing, reading);
    let different: BTreeSet<&String> = heard.iter().collect();
    assert_eq!(different.len(), 81, "each once: {heard:?}");
    for n in 0..40 {
        let at = |text: String| heard.iter().position(|it| *it == text).unwrap();
        assert!(at(format!("a{n}")) + 1 == at(format!("b{n}")), "those of a transaction stand together");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_the_listener_was_away_is_heard_when_it_is_back() {
    let app = TestApp::start().await;
    let (anna, client) = somebody(&app).await;
    let mut ear = Ear::open(&client, None).await;
    let database = app.database.client().await;
    for round in 0..5 {
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND query ~* '^(listen|-- cache)'";
        database.query_one(kill, &[]).await.unwrap();
        tell(&app.app, anna.id, &[&format!("n. {round}")]).await;
        assert_eq!(ear.hears(1).await, [format!("n. {round}")]);
    }
    // The actors themselves may crash, too: streams are not theirs.
    for actor in ["root/data/listener", "root/edge/live"] {
        app.app.registry.crash(actor).expect("it is in the tree");
        tell(&app.app, anna.id, &[actor]).await;
        assert_eq!(ear.hears(1).await, [actor]);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_however_that_ends() {
    let app = TestApp::start().await;
    let node = app.another_node(|_| {}, registry()).await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    // Logged out, at another server.
    let (_, client) = somebody(&app).await;
    let mut ears = [Ear::open(&client, None).await, Ear::open(&client.at(node.address), None).await];
    client.at(node.address).request(Method::POST, "/api/v1/auth/logout", &[], None).await;
    for ear in &mut ears {
        ear.ends().await;
    }
    client.get(STREAM).await.expect(401);
    // Disabled by an administrator.
    let (person, client) = somebody(&app).await;
    let mut ear = Ear::open(&client.at(node.address), None).await;
    let path = format!("/api/v1/users/{}", person.id);
    let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
    admin.patch(&path, &etag, json!({"status": "disabled"})).await.expect(200);
    ear.ends().await;
    // Another password, elsewhere.
    let (person, client) = somebody(&app).await;
    let (mut ear, elsewhere) = (Ear::open(&client, None).await, app.log_in(&person).await);
    let change = json!({"current_password": PASSWORD, "new_password": "un cavallo ancora piu a dondolo"});
    elsewhere.post("/api/v1/me/password", change).await.expect(204);
    ear.ends().await;
    // The session of one leaves that of another alone.
    let (anna, client) = somebody(&app).await;
    let (mut ear, other) = (Ear::open(&client, None).await, app.log_in(&anna).await);
    other.request(Method::POST, "/api/v1/auth/logout", &[], None).await;
    tell(&app.app, anna.id, &["resta"]).await;
    assert_eq!(ear.hears(1).await, ["resta"]);
    // The access token is over, by the clock.
    app.app.clock.advance(SignedDuration::from_mins(31));
    ear.ends().await;
    eventually("all places are free", async || count(&app).await == 0).await;
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_while_nobody_could_hear_it_ends_its_stream_when_the_listener_is_back() {
    let app = TestApp::start().await;
    let node = app.another_node(|_| {}, registry()).await;
    let (_, client) = somebody(&app).await;
    let mut ear = Ear::open(&client.at(node.address), None).await;
    let database = app.database.client().await;
    // By hand: nobody is told. The listeners lose their connections, and do not know what they have missed.
    let end = "UPDATE sessions SET revoked_at = now(), revoked_why = 'revoked'";
    database.execute(end, &[]).await.unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND query ~* '^(listen|-- cache)'";
    database.query_one(kill, &[]).await.unwrap();
    ear.ends().await;
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_bounded_for_each_and_for_all_and_come_back() {
    let app = TestApp::start_with(|config| {
        (config.server.streams, config.server.streams_each) = (5, 3);
    })
    .await;
    let ((_, client), (_, other)) = (somebody(&app).await, somebody(&app).await);
    let mut ears = Vec::new();
    for _ in 0..3 {
        ears.push(Ear::open(&client, None).await);
    }
    let refused = client.get(STREAM).await.expect(429);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("too_many_streams", "5"));
    for _ in 0..2 {
        ears.push(Ear::open(&other, None).await);
    }
    other.get(STREAM).await.expect(503);
    ears.clear();
    eventually("the places are free", async || count(&app).await == 0).await;
    // Of many at once no more are let in than there is room for.
    let openings = join_all((0..12).map(|_| client.send(Method::GET, STREAM, &[], None))).await;
    let open = openings.iter().flatten().filter(|answer| answer.status().as_u16() == 200).count();
    assert_eq!((open, count(&app).await), (3, 3));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_has_a_heartbeat_and_a_last_hour() {
    let app = TestApp::start().await;
    // A server on which requests end after a second; the ticks of its streams take longer.
    let node = app
        .another_node(
            |config| {
                config.server.stream_life = "60s".parse().unwrap();
                config.server.request_deadline = "1s".parse().unwrap();
            },
            registry(),
        )
        .await;
    let (anna, client) = somebody(&app).await;
    let mut ear = Ear::open(&client.at(node.address), None).await;
    for _ in 0..3 {
        app.app.clock.advance(SignedDuration::from_secs(15));
        assert_eq!(ear.next().await, Heard::Beat);
    }
    // Far beyond the deadline of a request; what is heard puts the next heartbeat off.
    tell(&app.app, anna.id, &["ancora qui"]).await;
    assert_eq!(ear.hears(1).await, ["ancora qui"]);
    app.app.clock.advance(SignedDuration::from_secs(16));
    ear.ends().await;
    node.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_its_streams_at_once_and_is_not_kept_waiting() {
    let app = TestApp::start_with(|config| config.server.stop_grace = "20s".parse().unwrap()).await;
    let (_, client) = somebody(&app).await;
    let mut ears = Vec::new();
    for _ in 0..8 {
        ears.push(Ear::open(&client, None).await);
    }
    let began = tokio::time::Instant::now();
    let TestApp { app, database, .. } = app;
    let ((), ended) = tokio::join!(app.stop(), join_all(ears.iter_mut().map(Ear::ends)));
    assert_eq!(ended.len(), 8);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(database);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_nothing_keeps_a_page_and_no_more_and_others_are_served() {
    let app = TestApp::start().await;
    let ((slow, client), (anna, other)) = (somebody(&app).await, somebody(&app).await);
    let mut quick = Ear::open(&other, None).await;
    let stalled = client.send(Method::GET, STREAM, &[], None).await.unwrap();
    // Megabytes that nobody takes: they stay in the table.
    let long = "x".repeat(1000);
    let database = app.database.client().await;
    let many = "INSERT INTO notification (id, user_id, kind, arguments, created_at)
        SELECT gen_random_uuid(), $1, 'system_message', jsonb_build_object('office', 'x', 'reason', repeat($2, 7)), now()
        FROM generate_series(1, 3000)";
    database.execute(many, &[&slow.id, &long]).await.unwrap();
    tell(&app.app, anna.id, &["svelta"]).await;
    assert_eq!(quick.hears(1).await, ["svelta"]);
    drop(stalled);
    eventually("the place of the slow one is free", async || count(&app).await == 1).await;
    app.finish().await;
}
