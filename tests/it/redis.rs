//! The Redis actor against a real server that is killed, frozen and started again.

use std::{sync::LazyLock, time::Duration};

use axum::body::Bytes;
use jiff::SignedDuration;
use sportello::{
    actors::data::redis::{Redis, RedisError, Script, State},
    app::App,
};

use crate::harness::{app::TestApp, redis::TestRedis};

const TTL: Duration = Duration::from_secs(60);
/// How many connections the server has.
static CLIENTS: LazyLock<Script> = LazyLock::new(|| {
    Script::new("return {tonumber(string.match(redis.call('INFO', 'clients'), 'connected_clients:(%d+)'))}")
});
/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(server: &TestRedis) -> TestApp {
    let url = server.url();
    // Machines that run many tests at once are slow; one test below is about slowness.
    let app = TestApp::start_with(|config| {
        config.redis.url = url;
        config.redis.command_timeout.0 = Duration::from_secs(5);
    })
    .await;
    connected(&app.app).await;
    app
}

async fn connected(app: &App) {
    tokio::time::timeout(PATIENCE, app.redis.connected()).await.expect("Redis is there, and so are we");
}

/// Asks until every client answers again: the probe of the circuit is somebody's call.
async fn answers_again(app: &App) {
    let asking = async {
        connected(app).await;
        let mut in_a_row = 0;
        while in_a_row < app.config.redis.pool_size {
            in_a_row = if app.redis.ping().await.is_ok() { in_a_row + 1 } else { 0 };
            if in_a_row == 0 {
                app.clock.advance(SignedDuration::from_secs(2));
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("Redis answers again");
}

async fn health(app: &TestApp) -> (u16, String) {
    let answer = app.anonymous().get("/health").await;
    (answer.status, answer.json()["checks"]["cache"]["status"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn commands_do_what_they_say() {
    let server = TestRedis::start();
    let app = start(&server).await;
    let redis = &app.app.redis;
    assert_eq!(redis.mget(&["a", "b"]).await.unwrap(), [None, None]);
    redis.set("a", Bytes::from_static(b"\x00\xff"), TTL).await.unwrap();
    assert_eq!(redis.mget(&["b", "a"]).await.unwrap(), [None, Some(Bytes::from_static(b"\x00\xff"))]);
    assert_eq!(redis.incr(&["n", "m"], TTL).await.unwrap(), [1, 1]);
    assert_eq!(redis.incr(&["m", "n", "o"], TTL).await.unwrap(), [2, 2, 1]);
    assert_eq!(redis.delete(&["a", "n", "nothing"]).await.unwrap(), 2);
    assert_eq!(redis.mget(&["a"]).await.unwrap(), [None]);
    assert_eq!(redis.mget(&[""; 0]).await.unwrap(), []);
    // A command that Redis refuses says nothing about the server.
    redis.set("text", Bytes::from_static(b"text"), TTL).await.unwrap();
    assert!(matches!(redis.incr(&["text"], TTL).await, Err(RedisError::Refused(_))));
    assert_eq!(redis.state(), State::Up);
    app.finish().await;
}

#[tokio::test]
async fn a_script_is_known_again_after_the_server_forgot_it() {
    static SCRIPT: LazyLock<Script> =
        LazyLock::new(|| Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1]), tonumber(ARGV[2])}"));
    let mut server = TestRedis::start();
    let app = start(&server).await;
    let redis = &app.app.redis;
    assert_eq!(redis.script(&SCRIPT, &["s"], &[2, 7]).await.unwrap(), [2, 7]);
    assert_eq!(redis.script(&SCRIPT, &["s"], &[3, 8]).await.unwrap(), [5, 8]);
    server.restart();
    answers_again(&app.app).await;
    assert_eq!(redis.script(&SCRIPT, &["s"], &[4, 9]).await.unwrap(), [4, 9]);
    app.finish().await;
}

#[tokio::test]
async fn a_slow_server_is_set_aside_until_a_probe_succeeds() {
    let server = TestRedis::start();
    let url = server.url();
    let app = TestApp::start_with(|config| config.redis.url = url).await;
    answers_again(&app.app).await;
    let redis = &app.app.redis;
    server.freeze();
    assert_eq!(redis.mget(&["a"]).await, Err(RedisError::Timeout), "one call pays 50 ms");
    let began = tokio::time::Instant::now();
    for _ in 0..1000 {
        assert_eq!(redis.mget(&["a"]).await, Err(RedisError::SetAside));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "the others nothing");
    assert_eq!((redis.state(), health(&app).await), (State::SetAside, (200, "degraded".to_owned())));
    assert!(app.app.metrics.encode().contains("sportello_redis_set_aside 1"));
    server.thaw();
    answers_again(&app.app).await;
    assert_eq!(redis.state(), State::Up);
    assert!(app.app.metrics.encode().contains("sportello_redis_set_aside 0"));
    app.finish().await;
}

#[tokio::test]
async fn a_killed_server_costs_nothing_and_is_used_again_when_it_is_back() {
    let mut server = TestRedis::start();
    let app = start(&server).await;
    server.kill();
    let asking = async {
        while app.app.redis.ping().await.is_ok() || app.app.redis.state() == State::Up {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the break is noticed");
    assert!(app.app.redis.mget(&["a"]).await.is_err());
    assert_eq!(health(&app).await, (200, "degraded".to_owned()));
    assert_eq!(app.anonymous().get("/ready").await.status, 200, "Redis is no reason to be taken out");
    server.restart();
    answers_again(&app.app).await;
    app.app.redis.set("a", Bytes::from_static(b"1"), TTL).await.unwrap();
    app.finish().await;
}

#[tokio::test]
async fn a_crash_of_the_actor_connects_anew() {
    let server = TestRedis::start();
    let app = start(&server).await;
    let redis = &app.app.redis;
    let cell = redis.handle().unwrap().cell();
    for generation in 1..=3 {
        assert_eq!(cell.generation(), generation);
        app.app.registry.crash("root/data/redis").unwrap();
        let asking = async {
            while cell.generation() == generation {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it is restarted");
        answers_again(&app.app).await;
    }
    redis.set("a", Bytes::from_static(b"1"), TTL).await.unwrap();
    let closing = async {
        while redis.script(&CLIENTS, &[""; 0], &[]).await != Ok(vec![4]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closing).await.expect("the connections of dead incarnations are closed");
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_keeps_nobody_from_starting() {
    let mut server = TestRedis::start();
    let url = server.url();
    server.kill();
    let app = TestApp::start_with(|config| config.redis.url = url).await;
    assert_eq!(app.app.redis.mget(&["a"]).await, Err(RedisError::Down));
    assert_eq!(health(&app).await, (200, "degraded".to_owned()));
    server.restart();
    answers_again(&app.app).await;
    app.finish().await;
}

#[tokio::test]
async fn without_an_address_there_is_no_actor_and_every_command_says_so() {
    let app = TestApp::start().await;
    assert!(app.app.registry.find("root/data/redis").is_none());
    assert_eq!(app.app.redis.mget(&["a"]).await, Err(RedisError::Unconfigured));
    assert_eq!(Redis::absent().state(), State::Absent);
    assert_eq!(health(&app).await, (200, "ok".to_owned()));
    app.finish().await;
}

#[tokio::test]
async fn the_view_says_how_it_is_and_never_where() {
    let server = TestRedis::start();
    let Some(url) = server.url().0 else { unreachable!() };
    let app = TestApp::start_with(|config| config.redis.url.0 = Some(url.clone())).await;
    connected(&app.app).await;
    app.app.registry.inspect("root/data/redis").await.unwrap();
    let view = app.app.registry.find("root/data/redis").unwrap().view().to_string();
    assert!(view.contains("\"clients\":4") && !view.contains("127.0.0.1"), "{view}");
    app.finish().await;
}
