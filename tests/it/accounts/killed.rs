//! `kill -9` of the real process in the midst of an erasure: before it is promised nothing is gone, afterwards everything goes,
//! wherever the server was.

use serde_json::json;
use tokio_postgres::Client as Database;

use super::{
    erasure::everything,
    life::{Life, WORDS},
};
use crate::harness::{app::TestApp, people::PASSWORD, process::Ground, until::eventually};

const SETTINGS: [(&str, &str); 4] =
    [("limits.enabled", "false"), ("jobs.rescue", "2s"), ("jobs.beat", "200ms"), ("jobs.fence", "1s")];

/// A table that nobody may write to.
struct Held(Database);

impl Held {
    async fn table(ground: &Ground, table: &str) -> Self {
        let client = ground.database.client().await;
        client
            .batch_execute(&format!("BEGIN; LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            .await
            .unwrap();
        Self(client)
    }

    async fn release(self) {
        self.0.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Waits until the server waits for a table in this statement.
async fn stuck(ground: &Ground, statement: &str) {
    let client = ground.database.client().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(query, '-- ' || $1)";
    eventually(statement, async || {
        client.query_one(waiting, &[&statement]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
}

/// Asks for the erasure and kills the server when it is at the last of these (table, statement); whether it was promised.
async fn killed_at(ground: &Ground, life: &Life, stops: &[(&str, &str)]) -> bool {
    let server = ground.serve(&SETTINGS).await;
    let client = life.client.at(server.address);
    let mut held = Held::table(ground, stops[0].0).await;
    let body = json!({ "password": PASSWORD });
    let asking = client.attempt(axum::http::Method::POST, "/api/v1/me/erasure", &[], Some(body));
    let killing = async {
        for (n, (_, statement)) in stops.iter().enumerate() {
            stuck(ground, statement).await;
            if let Some((next, _)) = stops.get(n + 1) {
                let there = Held::table(ground, next).await;
                std::mem::replace(&mut held, there).release().await;
            }
        }
        server.kill().await;
        held.release().await;
    };
    let (answer, ()) = tokio::join!(asking, killing);
    answer.is_some_and(|answer| answer.expect(202).status == 202)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_is_promised_nothing_is_gone_and_killed_anywhere_behind_it_everything_goes() {
    let app = TestApp::start().await;
    let unhurt = app.a_life().await;
    let lives = [app.a_life().await, app.a_life().await, app.a_life().await];
    let ground = app.leave().await;

    // In the request itself, before its commit.
    let promised = killed_at(&ground, &unhurt, &[("audit_entry", "audit.record")]).await;
    assert!(!promised);
    let server = ground.serve(&SETTINGS).await;
    let client = unhurt.client.at(server.address);
    client.get("/api/v1/me").await.expect(200);
    let documents = client.get("/api/v1/documents").await.expect(200).json();
    assert_eq!(documents["data"].as_array().unwrap().len(), 3, "nothing is gone");
    assert_eq!(server.terminate().await, 0);

    let at: [&[(&str, &str)]; 3] = [
        &[("reviews", "accounts.erasure.reviews")],
        &[("consent", "accounts.erasure.consents"), ("users", "accounts.erasure.profile")],
        &[("consent", "accounts.erasure.consents"), ("audit_entry", "audit.record")],
    ];
    let database = ground.database.client().await;
    for (life, stops) in lives.iter().zip(at) {
        assert!(killed_at(&ground, life, stops).await, "{stops:?}");
        let erased = async || {
            let done = "SELECT count(*) FROM audit_entry WHERE action = 'account.erase' AND object_id = $1::uuid::text";
            database.query_one(done, &[&life.person.id]).await.unwrap().get::<_, i64>(0)
        };
        assert_eq!(erased().await, 0, "it was in the middle: {stops:?}");
        let server = ground.serve(&SETTINGS).await;
        life.client.at(server.address).get("/api/v1/me").await.expect(401);
        eventually("the rest is erased", async || erased().await == 1).await;
        assert!(!everything(&ground.database).await.contains(&life.person.email), "{stops:?}");
        let mails = ground.outbox();
        assert!(!mails.iter().any(|name| name.starts_with(&life.person.id.to_string())), "{mails:?}");
        assert_eq!(server.terminate().await, 0);
    }
    // Of who was never promised anything, everything is there.
    let all = everything(&ground.database).await;
    assert!(WORDS.iter().all(|word| all.contains(word)) && all.contains(&unhurt.person.email));
}
