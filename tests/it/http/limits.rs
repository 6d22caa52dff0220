//! Rate limits, as clients meet them: quotas, headers, who is counted, and what crashes and outages change (nothing).

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::json;
use sportello::{
    accounts::policy::Role,
    actors::edge::limiter::{Class, Key},
    app::App,
    config::{Config, values::Quota},
    jobs::registry::registry,
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    redis::TestRedis,
};

const LIST: &str = "/api/v1/cities";
/// What `redis.command_timeout` is by default; where Redis must be asked, [`PATIENCE`]: test machines are slow.
const SHORT: Duration = Duration::from_millis(50);
/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

async fn start(change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start_with(change).await
}

/// Asks as somebody at `address`, behind a trusted proxy.
async fn ask_from(client: &Client, address: &str) -> Answer {
    client.request(Method::GET, LIST, &[("x-forwarded-for", address)], None).await
}

fn limits(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn metric(app: &App, line: &str) -> bool {
    app.metrics.encode().lines().any(|it| it == line)
}

#[tokio::test]
async fn the_quota_passes_then_429_says_when_to_come_back_and_then_it_passes() {
    let app = start(|config| config.limits.anonymous = quota("3/1h")).await;
    let client = app.anonymous();
    let policy = "\"anonymous\";q=3;w=3600";
    for (left, reset) in [(2, 1200), (1, 2400), (0, 3600)] {
        let answer = client.get(LIST).await;
        assert_eq!(limits(&answer), (200, policy, format!("\"anonymous\";r={left};t={reset}").as_str()));
    }
    let refused = client.get(LIST).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"));
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.json()["violated-policies"], json!(["anonymous"]));
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1195..=1200).contains(&wait), "{wait}");
    assert_eq!(limits(&refused), (429, policy, format!("\"anonymous\";r=0;t={wait}").as_str()));
    for path in ["/health", "/ready/", "/alive", "/metrics"] {
        let probe = client.get(path).await;
        assert_eq!(limits(&probe), (200, "", ""), "{path}");
    }
    assert!(metric(
        &app.app,
        "sportello_limiter_decisions_total{class=\"anonymous\",decision=\"limited\"} 1"
    ));
    app.app.clock.advance(SignedDuration::from_secs(wait));
    assert_eq!(client.get(LIST).await.status, 200, "as it said");
    assert_eq!(client.get(LIST).await.status, 429);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_get_exactly_their_hundred() {
    let app = start(|config| config.limits.anonymous = quota("100/1h")).await;
    let client = app.anonymous();
    let answers = join_all((0..200).map(|_| client.get(LIST))).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (100, 100));
    let key = Key::Address([192, 0, 2, 1].into());
    let tasks = (0..200).map(|_| {
        let limiter = app.app.limiter.clone();
        #[expect(clippy::disallowed_methods, reason = "awaited below")]
        tokio::spawn(async move { limiter.check(Class::Anonymous, key).await.is_allowed() })
    });
    let allowed = join_all(tasks).await.into_iter().filter(|it| *it.as_ref().unwrap()).count();
    assert_eq!(allowed, 100);
    app.finish().await;
}

#[tokio::test]
async fn nobody_escapes_by_claiming_another_address() {
    let app = start(|config| config.limits.anonymous = quota("2/1h")).await;
    let client = app.anonymous();
    let mut seen = Vec::new();
    for n in 0..4 {
        let headers = [
            ("x-forwarded-for", format!("203.0.113.{n}")),
            ("forwarded", format!("for=203.0.113.{n}")),
            ("x-real-ip", format!("203.0.113.{n}")),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        seen.push(client.request(Method::GET, LIST, &headers, None).await.status);
    }
    assert_eq!(seen, [200, 200, 429, 429]);
    app.finish().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_addresses_count_alone_and_ipv6_by_its_64() {
    let app = start(|config| {
        config.limits.anonymous = quota("1/1h");
        config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let client = app.anonymous();
    for (address, status) in [
        ("203.0.113.1", 200),
        ("203.0.113.2", 200),
        ("203.0.113.1", 429),
        // What stands further left was written by the client itself.
        ("198.51.100.7, 203.0.113.2", 429),
        ("2001:db8:0:1::1", 200),
        ("2001:db8:0:1:ffff::2", 429),
        ("[2001:db8:0:1::3]:443", 429),
        ("2001:db8:0:2::1", 200),
        ("::ffff:203.0.113.1", 429),
    ] {
        assert_eq!(ask_from(&client, address).await.status, status, "{address}");
    }
    app.finish().await;
}

#[tokio::test]
async fn people_count_for_their_account_wherever_they_are_and_however_often_they_log_in() {
    let app = start(|config| {
        config.limits.anonymous = quota("1/1h");
        config.limits.user = quota("3/1h");
        config.limits.admin = quota("9/1h");
    })
    .await;
    let (anna, bruno) = (app.a_person().await, app.a_person().await);
    let (phone, laptop, other) = (app.log_in(&anna).await, app.log_in(&anna).await, app.log_in(&bruno).await);
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    assert_eq!(app.anonymous().get(LIST).await.status, 200);
    assert_eq!(app.anonymous().get(LIST).await.status, 429, "the address has spent its quota");
    let policy = "\"user\";q=3;w=3600";
    assert_eq!(limits(&phone.get("/api/v1/me").await), (200, policy, "\"user\";r=2;t=1200"));
    assert_eq!(limits(&laptop.get("/api/v1/me").await), (200, policy, "\"user\";r=1;t=2400"));
    assert_eq!(phone.get(LIST).await.status, 200);
    assert_eq!((laptop.get(LIST).await.status, phone.get("/api/v1/me").await.status), (429, 429));
    assert_eq!(other.get(LIST).await.status, 200, "another account is not touched");
    assert_eq!(admin.get("/api/v1/me").await.header("ratelimit"), "\"admin\";r=8;t=400");
    app.finish().await;
}

#[tokio::test]
async fn each_route_counts_as_its_class() {
    let app = start(|_| {}).await;
    let somebody = app.log_in(&app.a_person().await).await;
    let (nobody, booking) = (app.anonymous(), "/api/v1/events/none/bookings");
    for (client, method, path, class) in [
        (&nobody, Method::POST, "/api/v1/auth/login", "login"),
        (&nobody, Method::POST, "/api/v1/auth/login/totp", "login"),
        (&nobody, Method::POST, "/api/v1/auth/refresh", "login"),
        (&nobody, Method::POST, "/api/v1/auth/password/forgot", "register"),
        (&nobody, Method::POST, "/api/v1/auth/password/reset", "login"),
        (&nobody, Method::POST, "/api/v1/auth/email/verify", "login"),
        (&nobody, Method::POST, "/api/v1/auth/register", "register"),
        (&somebody, Method::POST, "/api/v1/auth/register", "register"),
        (&nobody, Method::POST, "/api/v1/payments/webhook", "webhook"),
        (&somebody, Method::POST, booking, "booking"),
        (&nobody, Method::POST, booking, "anonymous"),
        (&somebody, Method::GET, "/api/v1/events", "user"),
        (&nobody, Method::GET, "/nothing/here", "anonymous"),
        (&nobody, Method::DELETE, "/api/v1/events", "anonymous"),
    ] {
        let answer = client.request(method, path, &[], Some(json!({}))).await;
        let told = answer.header("ratelimit-policy");
        assert!(told.starts_with(&format!("\"{class}\";")), "{path}: {told} ({})", answer.status);
    }
    app.finish().await;
}

#[tokio::test]
async fn who_mistypes_the_form_over_and_over_can_still_register() {
    let app = start(|config| config.limits.register = Config::defaults().limits.register).await;
    let client = app.anonymous();
    let mut form = json!({"email": "anna@example.org", "password": "anna", "name": "Anna"});
    for _ in 0..12 {
        client.post("/api/v1/auth/register", form.clone()).await.expect(422);
    }
    form["password"] = json!("un cavallo a dondolo");
    client.post("/api/v1/auth/register", form).await.expect(201);
    app.finish().await;
}

#[tokio::test]
async fn logging_in_is_limited_alike_for_accounts_that_exist_and_that_do_not() {
    let app = start(|config| {
        config.limits.login = quota("3/1h");
        config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let known = app.a_person().await.email;
    let mut told = Vec::new();
    for (email, address) in [(known.as_str(), "203.0.113.1"), ("nobody@example.org", "203.0.113.2")] {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let body = json!({"email": email, "password": "not this one"});
            let from = [("x-forwarded-for", address)];
            let answer = app.anonymous().request(Method::POST, "/api/v1/auth/login", &from, Some(body)).await;
            let state = answer.header("ratelimit").split(";t=").next().unwrap().to_owned();
            seen.push((answer.status, answer.code(), state));
        }
        told.push(seen);
    }
    assert_eq!(told[0], told[1], "nothing tells them apart");
    let statuses: Vec<_> = told[0].iter().map(|(status, ..)| *status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    app.finish().await;
}

#[tokio::test]
async fn guessing_tokens_is_limited_and_keeps_no_neighbour_out() {
    let app = start(|config| config.limits.anonymous = quota("5/1h")).await;
    let neighbour = app.log_in(&app.a_person().await).await;
    assert_eq!(neighbour.get("/api/v1/me").await.status, 200);
    let guess = |n: usize| app.anonymous().with(&format!("spa_{n:032}"));
    let mut seen = Vec::new();
    for n in 0..7 {
        seen.push(guess(n).get("/api/v1/me").await);
    }
    assert_eq!((count(&seen, 401), count(&seen, 429)), (5, 2));
    assert_eq!(seen[6].json()["violated-policies"], json!(["token"]));
    assert_eq!(guess(7).get(LIST).await.status, 429, "no lookup, whatever the route");
    assert_eq!(neighbour.get("/api/v1/me").await.status, 200, "a remembered token needs no lookup");
    app.finish().await;
}

#[tokio::test]
async fn preflights_are_not_counted() {
    let app = start(|config| {
        config.limits.anonymous = quota("1/1h");
        config.server.cors_origins = vec!["https://shop.example".to_owned()];
    })
    .await;
    let headers = [("origin", "https://shop.example"), ("access-control-request-method", "POST")];
    for _ in 0..3 {
        let preflight = app.anonymous().request(Method::OPTIONS, LIST, &headers, None).await;
        assert_eq!(limits(&preflight), (204, "", ""));
    }
    assert_eq!(app.anonymous().get(LIST).await.status, 200);
    let refused = app.anonymous().request(Method::GET, LIST, &headers[..1], None).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("access-control-allow-origin"), "https://shop.example", "pages may read it");
    app.finish().await;
}

#[tokio::test]
async fn the_table_stays_small_under_a_flood_of_addresses_and_remembers_who_spent_most() {
    let app = start(|config| {
        config.limits.anonymous = quota("10/1h");
        config.limits.max_keys = 100;
    })
    .await;
    let limiter = &app.app.limiter;
    let heavy = Key::Address([192, 0, 2, 1].into());
    while limiter.check(Class::Anonymous, heavy).await.is_allowed() {}
    for n in 0..10_000u32 {
        let one_of_many = Key::Address(std::net::Ipv4Addr::from_bits(n).into());
        assert!(limiter.check(Class::Anonymous, one_of_many).await.is_allowed(), "a new client is let in");
        assert!(limiter.clients() <= 100);
    }
    assert!(!limiter.check(Class::Anonymous, heavy).await.is_allowed());
    app.finish().await;
}

#[tokio::test]
async fn a_crash_of_the_limiter_forgets_nobody_and_fails_nothing() {
    let app = start(|config| config.limits.anonymous = quota("2/1h")).await;
    let (client, person) = (app.anonymous(), app.log_in(&app.a_person().await).await);
    assert_eq!((client.get(LIST).await.status, client.get(LIST).await.status), (200, 200));
    let cell = app.app.limiter.handle().cell();
    for generation in 1..=3 {
        app.app.registry.crash("root/edge/limiter").unwrap();
        let mut asked = 0;
        while cell.generation() == generation || asked < 5 {
            assert_eq!((client.get(LIST).await.status, person.get(LIST).await.status), (429, 200));
            asked += 1;
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn without_limits_nothing_is_counted_or_told() {
    let app = start(|config| {
        config.limits.anonymous = quota("1/1h");
        config.limits.enabled = false;
    })
    .await;
    for _ in 0..3 {
        assert_eq!(limits(&app.anonymous().get(LIST).await), (200, "", ""));
    }
    assert_eq!(app.app.limiter.clients(), 0);
    app.finish().await;
}

async fn with_redis(server: &TestRedis, anonymous: &str, timeout: Duration) -> TestApp {
    let (url, anonymous) = (server.url(), quota(anonymous));
    let app = start(|config| {
        config.redis.url = url;
        config.redis.command_timeout.0 = timeout;
        config.limits.anonymous = anonymous;
    })
    .await;
    tokio::time::timeout(PATIENCE, app.app.redis.connected()).await.unwrap();
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_share_one_quota_through_redis() {
    let server = TestRedis::start();
    let app = with_redis(&server, "100/1h", PATIENCE).await;
    let other = app.another_node(|_| {}, registry()).await;
    tokio::time::timeout(PATIENCE, other.redis.connected()).await.unwrap();
    let (here, there) = (app.anonymous(), app.anonymous().at(other.address));
    let answers = join_all((0..200).map(|n| if n % 2 == 0 { here.get(LIST) } else { there.get(LIST) })).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (100, 100));
    let refused = there.get(LIST).await;
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=36).contains(&wait), "by the clock of Redis: {wait}");
    assert_eq!(refused.header("ratelimit"), format!("\"anonymous\";r=0;t={wait}"));
    assert!(metric(&app.app, "sportello_limiter_fallbacks_total 0"));
    other.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_killed_under_load_fails_no_request() {
    let mut server = TestRedis::start();
    let app = with_redis(&server, "1000000/60s", SHORT).await;
    let client = app.anonymous();
    let load = |n: usize| join_all((0..n).map(|_| client.get(LIST)));
    assert_eq!(count(&load(50).await, 200), 50);
    let (answers, ()) = tokio::join!(
        async {
            let mut all = Vec::new();
            for _ in 0..10 {
                all.extend(load(50).await);
            }
            all
        },
        async {
            client.get(LIST).await;
            server.kill();
        }
    );
    assert_eq!((answers.len(), count(&answers, 200)), (500, 500));
    assert!(!metric(&app.app, "sportello_limiter_fallbacks_total 0"), "this process counted");
    server.restart();
    tokio::time::timeout(PATIENCE, app.app.redis.connected()).await.unwrap();
    assert_eq!(count(&load(50).await, 200), 50);
    app.finish().await;
}

#[tokio::test]
async fn while_redis_is_away_the_quota_of_the_node_holds() {
    let mut server = TestRedis::start();
    let app = with_redis(&server, "3/1h", SHORT).await;
    assert_eq!(app.anonymous().get(LIST).await.status, 200);
    server.kill();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(app.anonymous().get(LIST).await.status);
    }
    assert_eq!(seen, [200, 200, 429, 429], "what was counted before the outage counts on");
    app.finish().await;
}
