//! One's own sessions: seen, and ended one by one or all at once; nobody else's.

use axum::http::Method;
use jiff::ToSpan as _;
use serde_json::{Value, json};

use crate::harness::{app::TestApp, client::Client, people::PASSWORD};

const SESSIONS: &str = "/api/v1/me/sessions";

async fn list(client: &Client) -> Vec<Value> {
    client.get(SESSIONS).await.expect(200).json()["data"].as_array().unwrap().clone()
}

fn current(sessions: &[Value]) -> String {
    let found: Vec<_> = sessions.iter().filter(|it| it["is_current"] == true).collect();
    assert_eq!(found.len(), 1, "{sessions:?}");
    found[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_the_own_open_sessions_page_by_page_and_no_tokens() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let body = json!({ "email": person.email, "password": PASSWORD });
    let headers = [("user-agent", "Firefox on a telephone")];
    app.anonymous().request(Method::POST, "/api/v1/auth/login", &headers, Some(body)).await.expect(200);
    let (here, ended) = (app.log_in(&person).await, app.log_in(&person).await);
    app.log_in(&app.a_person().await).await; // a stranger
    ended.request(Method::POST, "/api/v1/auth/logout", &[], None).await.expect(204);
    let seen = list(&here).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0]["id"], current(&seen), "newest first");
    assert_eq!(seen[1]["user_agent"], "Firefox on a telephone");
    assert_eq!(seen[1]["address"], "127.0.0.1");
    let text = serde_json::to_string(&seen).unwrap();
    assert!(!text.contains("spa_") && !text.contains("spr_") && !text.contains("hash"), "{text}");
    let first = here.get("/api/v1/me/sessions?limit=1").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = here.get(&format!("{SESSIONS}?limit=1&cursor={cursor}")).await.expect(200).json();
    assert_eq!((&rest["data"][0]["id"], &rest["next_cursor"]), (&seen[1]["id"], &Value::Null));

    app.app.clock.advance((8 * 24).hours().try_into().unwrap());
    let fresh = app.log_in(&person).await;
    assert_eq!(list(&fresh).await.len(), 1, "those that expired are gone");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_ended_by_its_owner_and_by_nobody_else() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let (here, lost) = (app.log_in(&person).await, app.log_in(&person).await);
    let stranger = app.log_in(&app.a_person().await).await;
    let id = current(&list(&lost).await);
    let path = format!("{SESSIONS}/{id}");
    let unknown = format!("{SESSIONS}/01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10");
    let (foreign, none) =
        (stranger.delete(&path).await.expect(404), stranger.delete(&unknown).await.expect(404));
    assert_eq!(foreign.json()["detail"], none.json()["detail"], "a foreign session does not exist");
    app.anonymous().delete(&path).await.expect(401);
    lost.get("/api/v1/me").await.expect(200);
    here.delete(&path).await.expect(204);
    lost.get("/api/v1/me").await.expect(401);
    here.delete(&path).await.expect(404);
    here.get("/api/v1/me").await.expect(200);
    let told: i64 = app
        .value("SELECT count(*) FROM audit_entry WHERE action = 'session.revoke' AND object_kind = 'session' AND request_id <> ''")
        .await;
    assert_eq!(told, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_other_sessions_are_ended_at_once_with_their_refresh_tokens() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let body = json!({ "email": person.email, "password": PASSWORD });
    let stolen = app.anonymous().post("/api/v1/auth/login", body).await.expect(200).json();
    let (here, there) = (app.log_in(&person).await, app.log_in(&person).await);
    let stranger = app.log_in(&app.a_person().await).await;
    here.delete(SESSIONS).await.expect(204);
    assert_eq!(list(&here).await.len(), 1);
    there.get("/api/v1/me").await.expect(401);
    stranger.get("/api/v1/me").await.expect(200);
    let refresh = json!({ "refresh_token": stolen["refresh_token"] });
    app.anonymous().post("/api/v1/auth/refresh", refresh).await.expect(401);
    app.finish().await;
}
