//! Clients that are silent, slow, greedy or many, and a server that stops.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Method, routing::get};
use futures_util::stream;
use tokio::{
    io::AsyncReadExt as _,
    sync::{Notify, Semaphore},
    task::JoinSet,
};

use super::wire::{Wired, period, until};

const ROOT: &[(&str, Method)] = &[("/", Method::GET)];

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

#[tokio::test]
async fn a_client_that_says_nothing_is_cut_off() {
    let wired = Wired::start(hello(), ROOT, |config| config.header_deadline = period(50));
    assert_eq!(wired.connect().await.closed().await, "");
    until("its count", || wired.metrics.http.timeouts.get() == 1).await;
}

#[tokio::test]
async fn a_header_that_drips_in_is_cut_off_and_others_are_served_meanwhile() {
    let wired = Wired::start(hello(), ROOT, |config| config.header_deadline = period(200));
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut raw = wired.connect().await;
        raw.send("GET / HTTP/1.1\r\nhost: te").await;
        slow.push(raw);
    }
    assert_eq!(wired.ask("GET /", "").await.status(), 200);
    for mut raw in slow {
        assert_eq!(raw.closed().await, "");
    }
    until("their count", || wired.metrics.http.timeouts.get() == 200).await;
}

#[tokio::test]
async fn the_preface_of_http2_may_not_drip_in_either() {
    let wired = Wired::start(hello(), ROOT, |config| config.header_deadline = period(50));
    let mut raw = wired.connect().await;
    raw.send("PRI * HTTP/2").await;
    raw.closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_parked_wakes_for_a_request_and_is_closed_in_the_end() {
    let wired = Wired::start(hello(), ROOT, |config| config.keep_alive = period(400));
    let mut raw = wired.connect().await;
    for _ in 0..3 {
        raw.request("GET /", "").await;
        assert_eq!(raw.reply().await.body, b"hello");
        until("its rest", || wired.metrics.http.parked.get() == 1).await;
    }
    raw.closed().await;
    until("its end", || wired.metrics.http.connections.get() == 0).await;
    assert_eq!(wired.metrics.http.timeouts.get(), 0, "being idle is no offence");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let wired = Wired::start(hello(), ROOT, |_| {});
    let mut raw = wired.connect().await;
    raw.send(&"GET / HTTP/1.1\r\nhost: t\r\n\r\n".repeat(50)).await;
    for _ in 0..50 {
        assert_eq!(raw.reply().await.status(), 200);
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_hold_its_connection_for_ever() {
    // The limits of slow readers are constants; their arithmetic is tested beside them. Here: an answer larger than
    // every buffer arrives whole at a client that reads late.
    let large = Router::new().route(
        "/",
        get(async || {
            let parts = stream::iter((0..512).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024])));
            Body::from_stream(parts)
        }),
    );
    let wired = Wired::start(large, ROOT, |_| {});
    let mut raw = wired.connect().await;
    raw.request("GET /\nconnection: close", "").await;
    until("the request", || wired.metrics.http.in_flight.get() == 1).await;
    let mut taken = Vec::new();
    raw.stream.read_to_end(&mut taken).await.unwrap();
    assert!(taken.len() > 512 * 64 * 1024);
}

#[tokio::test]
async fn beyond_the_cap_connections_wait_until_one_is_free() {
    let wired = Wired::start(hello(), ROOT, |config| config.max_connections = 2);
    let (mut first, second) = (wired.connect().await, wired.connect().await);
    first.request("GET /", "").await;
    assert_eq!(first.reply().await.status(), 200);
    let mut third = wired.connect().await;
    third.request("GET /", "").await;
    until("both", || wired.metrics.http.connections.get() == 2).await;
    assert_eq!(wired.metrics.http.accepted.get(), 2, "the third waits in the kernel");
    drop(second);
    assert_eq!(third.reply().await.status(), 200);
}

#[tokio::test]
async fn a_crash_of_the_acceptor_refuses_no_connection() {
    let mut wired = Wired::start(hello(), ROOT, |_| {});
    let mut old = wired.connect().await;
    old.request("GET /", "").await;
    assert_eq!(old.reply().await.status(), 200);
    wired.crash_acceptor().await;
    let mut new = wired.connect().await;
    new.request("GET /", "").await;
    old.request("GET /", "").await;
    assert_eq!(old.reply().await.status(), 200, "open connections do not notice");
    wired.restart_acceptor();
    assert_eq!(new.reply().await.status(), 200, "new ones have waited in the kernel");
}

/// A route that waits for a permit.
fn gated(gate: &Arc<Semaphore>) -> Router {
    let gate = gate.clone();
    Router::new().route(
        "/",
        get(move || async move {
            let _permit = gate.acquire().await;
            "late"
        }),
    )
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_waits_for_answers_under_way() {
    let gate = Arc::new(Semaphore::new(0));
    let wired = Wired::start(gated(&gate), ROOT, |_| {});
    let (mut idle, mut busy) = (wired.connect().await, wired.connect().await);
    busy.request("GET /", "").await;
    until("the request", || wired.metrics.http.in_flight.get() == 1).await;
    let server = wired.server.clone();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { server.stop(Duration::from_secs(20), None).await });
    assert_eq!(idle.closed().await, "");
    gate.add_permits(1);
    let reply = busy.reply().await;
    assert_eq!((reply.status(), reply.header("connection")), (200, Some("close")));
    assert!(tasks.join_next().await.unwrap().unwrap(), "nothing had to be cut off");
}

#[tokio::test]
async fn a_stop_cuts_off_what_does_not_end() {
    let wired = Wired::start(gated(&Arc::new(Semaphore::new(0))), ROOT, |_| {});
    let mut busy = wired.connect().await;
    busy.request("GET /", "").await;
    until("the request", || wired.metrics.http.in_flight.get() == 1).await;
    assert!(!wired.server.stop(Duration::from_millis(50), None).await);
    assert_eq!(busy.closed().await, "");
    until("its end", || wired.server.connections() == 0).await;
}

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge_and_drained_too() {
    let gate = Arc::new(Semaphore::new(0));
    let wired = Wired::start(gated(&gate), ROOT, |_| {});
    let stream = tokio::net::TcpStream::connect(wired.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.await.is_ok() });
    let request = || axum::http::Request::get("http://test/").body(Body::empty()).unwrap();
    let (first, second) = (client.send_request(request()), client.send_request(request()));
    let both = futures_util::future::join(first, second);
    let release = async {
        until("both", || wired.metrics.http.in_flight.get() == 2).await;
        gate.add_permits(2);
    };
    let ((first, second), ()) = futures_util::future::join(both, release).await;
    assert_eq!((first.unwrap().status().as_u16(), second.unwrap().status().as_u16()), (200, 200));
    assert!(wired.server.stop(Duration::from_secs(20), None).await, "GOAWAY ends an idle connection");
}

/// Tells when it is dropped.
struct Watch(Arc<Notify>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_handler() {
    let cancelled = Arc::new(Notify::new());
    let watch = cancelled.clone();
    let router = Router::new().route(
        "/",
        get(move || async move {
            let _watch = Watch(watch.clone());
            std::future::pending::<()>().await;
        }),
    );
    let wired = Wired::start(router, ROOT, |_| {});
    let mut raw = wired.connect().await;
    raw.request("GET /", "").await;
    until("the request", || wired.metrics.http.in_flight.get() == 1).await;
    drop(raw);
    tokio::time::timeout(Duration::from_secs(20), cancelled.notified()).await.expect("the handler ends");
}
