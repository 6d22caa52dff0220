//! Bugs beyond the intensity: a branch gives up and is restarted with everything that was started after it; a root that
//! gives up ends the process.

use axum::http::Method;
use serde_json::json;
use sportello::{
    accounts::policy::Role,
    actors::kernel::{Cell, State},
};

use super::crowd::{Crowd, Seen};
use crate::harness::{
    app::TestApp,
    client::Client,
    people::PASSWORD,
    until::{eventually, until},
    visit::Visitors,
};

fn find(app: &TestApp, path: &str) -> &'static Cell {
    app.app.registry.find(path).unwrap_or_else(|| panic!("there is no {path}"))
}

/// Crashes an actor until its branch has given up and is back.
async fn wear_out(app: &TestApp, actor: &str, branch: &'static Cell) {
    let (actor, generation) = (find(app, actor), branch.generation());
    while branch.generation() == generation {
        let (exits, attempts) = (actor.exits_ever(), branch.exits_ever());
        let crashed = app.app.registry.crash(&actor.path).is_ok();
        until("the crash", || !crashed || actor.exits_ever() > exits || branch.exits_ever() > attempts).await;
        until("the actor or its branch", || actor.state() == State::Running).await;
        until("the branch", || branch.state() == State::Running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_gives_up_comes_back_with_those_after_it_and_the_promises_are_kept() {
    let app = TestApp::start_with(|config| {
        config.limits.enabled = false;
        config.actors.intensity = 1;
        config.actors.root_intensity = 1000;
    })
    .await;
    let crowd = Crowd::of(&app, 100_000).await;
    let seen = Seen::default();
    assert!(crowd.book(&seen).await);
    // Each with the branches that start after it.
    let branches = [
        ("root/core", "root/core/meter"),
        ("root/data", "root/data/mailer"),
        ("root/jobs", "root/jobs/timer"),
        ("root/edge", "root/edge/hasher"),
    ];
    for (index, (path, actor)) in branches.into_iter().enumerate() {
        let before = branches.map(|(branch, _)| find(&app, branch).generation());
        wear_out(&app, actor, find(&app, path)).await;
        for (other, (branch, _)) in branches.into_iter().enumerate() {
            let cell = find(&app, branch);
            until(&format!("{branch} after {path} gave up"), || cell.state() == State::Running).await;
            let restarted = cell.generation() > before[other];
            assert_eq!(restarted, other >= index, "{branch} when {path} gives up");
        }
        until("readiness", || app.app.registry.is_ready()).await;
        crowd.assert_served(&format!("after {path} gave up")).await;
        // What it died of is in the ledger.
        let exit = find(&app, path).exits().pop().unwrap();
        assert!(exit.cause.contains("gave up") && exit.cause.contains(actor), "{}", exit.cause);
        assert!(exit.recovered_ms.is_some());
    }
    crowd.assert_kept(&app, &seen).await;
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_while_the_branch_of_the_acceptor_restarts_is_answered() {
    let app = TestApp::start_with(|config| {
        config.actors.intensity = 1;
        config.actors.root_intensity = 1000;
    })
    .await;
    let visitors = Visitors::of(app.app.address, "/api/v1/cities");
    let restarting = async {
        for round in 1..=3 {
            wear_out(&app, "root/core/meter", find(&app, "root/core")).await;
            let edge = find(&app, "root/edge");
            until("the edge", || edge.state() == State::Running && edge.generation() > round).await;
            let before = visitors.answered();
            until("visitors", || visitors.answered() > before + 32).await;
        }
        visitors.end();
    };
    let (turned_away, ()) = tokio::join!(visitors.come(16), restarting);
    assert_eq!(turned_away, [], "neither refused nor reset");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_branch_that_never_escalates_slows_down_and_harms_nobody() {
    let app = TestApp::start_with(|config| {
        config.actors.intensity = 1;
        config.actors.root_intensity = 1;
    })
    .await;
    let (ops, hub) = (find(&app, "root/ops"), find(&app, "root/ops/hub"));
    for _ in 0..3 {
        let exits = hub.exits_ever();
        until("a crash", || app.app.registry.crash(&hub.path).is_ok()).await;
        until("its end", || hub.exits_ever() > exits).await;
        if hub.exits_ever() > 1 {
            until("a pause", || hub.backoff().is_some()).await;
            break;
        }
        until("its recovery", || hub.state() == State::Running).await;
    }
    assert_eq!((ops.exits_ever(), find(&app, "root").exits_ever()), (0, 0));
    assert!(app.app.registry.is_ready(), "nobody needs the hub to serve");
    Crowd::of(&app, 10).await.assert_served("without the hub").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_gives_up_ends_the_process_with_its_own_code() {
    let app = TestApp::start().await;
    let admin = app.a_person_with(Role::Admin).await;
    let ground = app.leave().await;
    let once = [("ops.game_day", "true"), ("actors.intensity", "1"), ("actors.root_intensity", "1")];
    let mut server = ground.serve(&once).await;
    let body = json!({"email": admin.email, "password": PASSWORD});
    let answer = Client::of(server.address).post("/api/v1/auth/login", body).await.expect(200);
    let admin = Client::of(server.address).with(answer.json()["access_token"].as_str().unwrap());
    eventually("the meltdown", async || {
        let body = Some(json!({"reason": "to see what is too much"}));
        // No answer: the branch of the acceptor restarts with the one that gave up.
        let crash = "/admin/api/actors/root/data/pool/crash";
        let _ = admin.attempt(Method::POST, crash, &[], body).await;
        server.ended().is_some()
    })
    .await;
    assert_eq!(server.ended(), Some(70));
}
