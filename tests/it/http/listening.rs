//! The listening socket when the server stops: who has connected is answered, who comes later is refused, nobody is reset.

use std::{net::TcpListener, time::Duration};

use axum::{Router, http::Method, routing::get};
use sportello::http::listening::Listening;
use tokio::{net::TcpStream, task::JoinSet};

use super::wire::{Wired, until};
use crate::harness::{
    app::TestApp,
    until::until as soon,
    visit::{Visit, Visitors, visit},
};

const ROOT: &[(&str, Method)] = &[("/", Method::GET)];
const GRACE: Duration = Duration::from_secs(20);

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

#[tokio::test]
async fn who_waits_in_the_queue_is_answered_and_who_comes_later_is_refused() {
    let mut wired = Wired::start(hello(), ROOT, |_| {});
    wired.crash_acceptor().await; // they stay in the queue
    let mut waiting = Vec::new();
    for _ in 0..200 {
        let mut raw = wired.connect().await;
        raw.request("GET /", "").await;
        waiting.push(raw);
    }
    assert_eq!(wired.metrics.http.accepted.get(), 0);
    assert!(wired.server.stop(GRACE, Some(&wired.listening)).await, "nothing had to be cut off");
    for mut raw in waiting {
        let reply = raw.reply().await;
        assert_eq!((reply.status(), reply.header("connection")), (200, Some("close")));
    }
    assert_eq!(visit(wired.address, "/").await, Visit::Refused);
}

#[tokio::test]
async fn who_has_connected_before_a_stop_may_speak_a_moment_later_but_need_not() {
    let wired = Wired::start(hello(), ROOT, |_| {});
    let (mut late, mut silent) = (wired.connect().await, wired.connect().await);
    until("both", || wired.metrics.http.connections.get() == 2).await;
    let mut tasks = JoinSet::new();
    let server = wired.server.clone();
    tasks.spawn(async move { server.stop(GRACE, None).await });
    until("the stop", || wired.server.stopping().is_stopping()).await;
    late.request("GET /", "").await;
    let reply = late.reply().await;
    assert_eq!((reply.status(), reply.header("connection")), (200, Some("close")));
    assert_eq!(silent.closed().await, "");
    assert!(tasks.join_next().await.unwrap().unwrap());
}

#[tokio::test]
async fn the_queue_is_answered_also_when_every_place_is_taken() {
    let wired = Wired::start(hello(), ROOT, |config| config.max_connections = 1);
    let mut first = wired.connect().await;
    first.request("GET /", "").await;
    first.reply().await;
    let mut second = wired.connect().await;
    second.request("GET /", "").await;
    assert!(wired.server.stop(GRACE, Some(&wired.listening)).await);
    assert_eq!(second.reply().await.status(), 200, "the first was idle and made room");
}

#[tokio::test]
async fn a_socket_that_systemd_holds_is_not_closed_and_its_queue_is_the_next_servers() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let inherit = || Listening::inherit(held.try_clone().unwrap()).unwrap();
    let first = Wired::start_on(inherit(), hello(), ROOT, |_| {});
    assert_eq!(first.ask("GET /", "").await.status(), 200);
    assert!(first.server.stop(GRACE, Some(&first.listening)).await);
    let mut between = first.connect().await;
    between.request("GET /", "").await;
    let next = Wired::start_on(inherit(), hello(), ROOT, |_| {});
    assert_eq!(between.reply().await.status(), 200);
    assert_eq!(next.ask("GET /", "").await.status(), 200);
}

#[tokio::test]
async fn a_server_that_restarts_serves_those_who_came_meanwhile() {
    let wired = Wired::start(hello(), ROOT, |_| {});
    assert_eq!(wired.ask("GET /", "").await.status(), 200);
    assert!(wired.server.stop(GRACE, None).await);
    let mut between = wired.connect().await;
    between.request("GET /", "").await;
    let (server, listener) = (wired.server.anew(), wired.listening.acceptor().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { server.accept(&listener).await });
    assert_eq!(between.reply().await.status(), 200);
    assert_eq!(wired.ask("GET /", "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_told_to_stop_resets_nobody() {
    let ground = TestApp::start().await.leave().await;
    let limits = [("limits.enabled", "false")];
    for _ in 0..3 {
        let server = ground.serve(&limits).await;
        let address = server.address;
        let visitors = Visitors::of(address, "/api/v1/cities");
        let stopping = async {
            soon("a crowd", || visitors.answered() > 200).await;
            server.terminate().await
        };
        let (turned_away, code) = tokio::join!(visitors.come(64), stopping);
        assert_eq!(code, 0);
        assert!(turned_away.iter().all(|visit| *visit == Visit::Refused), "{turned_away:?}");
        assert_eq!(turned_away.len(), 64, "all of them were refused in the end");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
