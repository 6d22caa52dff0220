//! The tree stops in the reverse of its start, and is at rest when nobody asks.

use sportello::actors::kernel::{Cell, State};

use super::crowd::{Crowd, Seen};
use crate::harness::{app::TestApp, client::Client, until::until, visit::Visitors};

/// In start order; `rest_for_one` depends on it.
const BRANCHES: [&str; 5] = ["root/core", "root/data", "root/jobs", "root/edge", "root/ops"];

fn branch(cell: &Cell) -> Option<usize> {
    BRANCHES.iter().position(|branch| cell.path.starts_with(branch))
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_stop_in_the_reverse_of_their_start() {
    let app = TestApp::start_with(|config| config.ops.game_day = true).await;
    let cells = app.app.registry.cells();
    for (index, name) in BRANCHES.iter().enumerate() {
        assert!(cells.iter().any(|cell| branch(cell) == Some(index)), "{name} is empty");
    }
    let mut order = Vec::new();
    let watching = async {
        while order.len() < BRANCHES.len() {
            for (index, name) in BRANCHES.iter().enumerate() {
                let stopped = cells.iter().find(|cell| cell.path == *name).unwrap().state() == State::Stopped;
                if stopped && !order.contains(&index) {
                    // Whoever started later has stopped before.
                    let later = cells.iter().filter(|cell| branch(cell).is_some_and(|other| other > index));
                    for cell in later {
                        assert_eq!(cell.state(), State::Stopped, "{} outlives {name}", cell.path);
                    }
                    order.push(index);
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(watching, app.finish());
    assert!(cells.iter().all(|cell| cell.state() == State::Stopped));
    assert!(cells.iter().all(|cell| cell.restarts() == 0), "a stop is no crash");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_complains_about_nothing() {
    let app = TestApp::start_managed(|_| {}).await;
    let crowd = Crowd::of(&app, 1_000).await;
    let ground = app.leave().await;
    for reads in ["lanes", "direct"] {
        // How slow a busy machine is, is no complaint of ours.
        let settings = [
            ("database.reads", reads),
            ("limits.enabled", "false"),
            ("postgres.shared_buffers", "32MB"),
            ("database.slow_query", "1m"),
        ];
        let server = ground.serve(&settings).await;
        // Connections of every kind are open, and in use, when it is told to stop.
        let crowd = crowd.at(server.address);
        let seen = Seen::default();
        while !(crowd.book(&seen).await && crowd.log_in(&seen).await && crowd.read_list(&seen).await) {}
        Client::of(server.address).get("/ready").await.expect(200);
        let visitors = Visitors::of(server.address, "/api/v1/cities");
        let stopping = async {
            until("a crowd", || visitors.answered() > 50).await;
            server.terminate_and_hear().await
        };
        let (_, stopped) = tokio::join!(visitors.come(8), stopping);
        assert_eq!(stopped, (0, Vec::new()), "{reads}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_every_mailbox_is_empty() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let asking = (0..100).map(|_| client.get("/api/v1/me"));
    for answer in futures_util::future::join_all(asking).await {
        answer.expect(200);
    }
    let cells = app.app.registry.cells();
    until("rest", || cells.iter().all(|cell| cell.depth() == 0)).await;
    app.finish().await;
}
