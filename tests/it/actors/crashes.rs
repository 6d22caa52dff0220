//! Every actor of the tree is crashed, again and again, while people read, book and log in: only correct answers, 503
//! and 429 come out, nothing hangs, nothing is lost that was promised, and the ledger knows how long each recovery took.
//!
//! The tree is taken from the registry, so that a new actor is in this test on the day it is made.

use std::sync::atomic::Ordering::Relaxed;

use axum::http::Method;
use serde_json::json;
use sportello::{
    accounts::policy::Role,
    actors::kernel::{Cell, State},
};

use super::crowd::{Crowd, Seen, generous, is_honest};
use crate::harness::{app::TestApp, client::Client, redis::TestRedis, until::until};

/// More than the load can buy.
const CAPACITY: i32 = 1_000_000;
/// How often each actor is crashed.
const ROUNDS: usize = 2;

/// Crashes an actor as an administrator does on a game day, and returns when it is back and everything works.
async fn crash(app: &TestApp, admin: &Client, cell: &'static Cell, crowd: &Crowd) {
    let (generation, exits) = (cell.generation(), cell.exits_ever());
    let path = format!("/admin/api/actors/{}/crash", cell.path);
    while cell.exits_ever() == exits {
        // The orders themselves need the database, the journal and the console: whichever is still recovering.
        let body = json!({"reason": "to see it recover"});
        let answer = admin.attempt(Method::POST, &path, &[], Some(body)).await.expect("an answer");
        match answer.status {
            202 => until("the crash", || cell.exits_ever() > exits).await,
            409 => assert_eq!(answer.code(), "actor_down"),
            _ => assert!(is_honest(&answer), "{path}: {} {:?}", answer.status, answer.body),
        }
    }
    until(&format!("the recovery of {}", cell.path), || {
        cell.generation() > generation && cell.state() == State::Running
    })
    .await;
    let exit = cell.exits().into_iter().find(|exit| exit.number == exits + 1).unwrap();
    assert!(exit.cause.contains("crashed by an administrator"), "{}: {}", cell.path, exit.cause);
    assert!(exit.recovered_ms.is_some(), "{}: the ledger does not know the recovery", cell.path);
    crowd.assert_served(&format!("after the crash of {}", cell.path)).await;
    until("readiness", || app.app.registry.is_ready()).await;
}

/// At rest every message is accounted for.
async fn assert_accounts(cells: &[&'static Cell]) {
    for cell in cells {
        let ended = || cell.handled() + cell.rejected() + cell.dropped();
        until(&format!("the rest of {}", cell.path), || cell.depth() == 0 && cell.attempted() == ended())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_actor_may_crash_under_load() {
    let redis = TestRedis::start();
    let url = redis.url();
    let app = TestApp::start_managed(|config| {
        config.redis.url = url;
        generous(&mut config.limits);
        config.ops.game_day = true;
        config.actors.intensity = 1000; // so many crashes are no meltdown: somebody wants them
        config.actors.root_intensity = 1000;
    })
    .await;
    let crowd = Crowd::of(&app, CAPACITY).await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let (seen, all) = (Seen::default(), app.app.registry.cells());
    let actors: Vec<_> = all.iter().copied().filter(|cell| cell.kind != "supervisor").collect();
    for optional in ["root/data/postgres", "root/data/redis", "root/edge/limiter", "root/ops/game_day"] {
        assert!(actors.iter().any(|cell| cell.path == optional), "{optional} is not in the tree");
    }
    let crashing = async {
        for cell in (0..ROUNDS).flat_map(|_| &actors) {
            let (right, refused) = (seen.right.load(Relaxed), seen.refused.load(Relaxed));
            crash(&app, &admin, cell, &crowd).await;
            let recovered = cell.exits().last().and_then(|exit| exit.recovered_ms).unwrap_or_default();
            let (right, refused) = (seen.right.load(Relaxed) - right, seen.refused.load(Relaxed) - refused);
            println!("{:32} back in {recovered:>8.2} ms; {right} served, {refused} refused", cell.path);
        }
        seen.end();
    };
    tokio::join!(crowd.press(&seen), crashing);
    seen.assert_honest("while actors crashed");
    crowd.assert_kept(&app, &seen).await;
    assert_accounts(&all).await;
    for cell in actors {
        let shown = admin.get(&format!("/admin/api/actors/{}", cell.path)).await.expect(200).json();
        assert!(shown["restarts"]["total"].as_u64().unwrap() >= ROUNDS as u64, "{shown}");
        assert!(shown["restarts"]["last"][0]["recovered_ms"].as_f64().is_some(), "{shown}");
    }
    app.finish().await;
}
