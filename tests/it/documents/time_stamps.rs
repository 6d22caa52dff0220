//! Time stamps of documents: verified by openssl, for those who may read, nothing while the authority is away.

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    pictures::form,
    providers::without_time_stamps,
    verify::Verifier,
};

async fn sent(client: &Client, text: &str) -> String {
    let (kind, body) =
        form(&[("file", "; filename=\"nota.txt\"\r\nContent-Type: text/plain", text.as_bytes())]);
    let headers = [("content-type", &*kind)];
    let sent = client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap();
    sent.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn stamp(client: &Client, id: &str, body: Value) -> Answer {
    client.post(&format!("/api/v1/documents/{id}/time-stamps"), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_stamped_and_anybody_verifies_it_with_the_file_alone() {
    let app = TestApp::start().await;
    let owner = app.log_in(&app.a_person().await).await;
    let id = sent(&owner, "Verbale.\n").await;
    let made = stamp(&owner, &id, json!({})).await.expect(201);
    let path = made.header("location").to_owned();
    let made = made.json();
    assert_eq!((&made["version"], made["document_id"].as_str()), (&json!(1), Some(&*id)));
    let reply = owner.get(&path).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/timestamp-reply");
    let roots = app.anonymous().get("/api/v1/signature/authorities").await.expect(200);
    let verifier = Verifier::new(std::str::from_utf8(&roots.body).unwrap());
    verifier.time_stamp_reply(&reply.body, b"Verbale.\n").unwrap();
    verifier.time_stamp_reply(&reply.body, b"Verbale!\n").unwrap_err();
    assert_eq!(stamp(&owner, &id, json!({"version": 2})).await.expect(422).code(), "unknown_version");
    stamp(&owner, &id, json!({"version": 0})).await.expect(422);
    stamp(&owner, &id, json!({"when": "now"})).await.expect(422);
    stamp(&owner, &id, json!({"version": 1})).await.expect(201);
    let page = owner.get(&format!("/api/v1/documents/{id}/time-stamps?limit=1")).await.expect(200).json();
    let next = page["next_cursor"].as_str().unwrap();
    let rest = format!("/api/v1/documents/{id}/time-stamps?limit=1&cursor={next}");
    let rest = owner.get(&rest).await.expect(200).json();
    assert_eq!(rest["data"], json!([made]));
    let log = "SELECT count(*) FROM audit_entry WHERE action = 'document.time_stamp' AND object_id = '";
    assert_eq!(app.value::<i64>(&format!("{log}{id}'")).await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_document_is_neither_stamped_nor_are_its_stamps_read() {
    let app = TestApp::start().await;
    let owner = app.log_in(&app.a_person().await).await;
    let stranger = app.log_in(&app.a_person().await).await;
    let id = sent(&owner, "Segreto.\n").await;
    let own = sent(&stranger, "Mio.\n").await;
    let made = stamp(&owner, &id, json!({})).await.expect(201);
    stamp(&stranger, &id, json!({})).await.expect(404);
    stranger.get(&format!("/api/v1/documents/{id}/time-stamps")).await.expect(404);
    stranger.get(made.header("location")).await.expect(404);
    let through_own = made.header("location").replace(&id, &own);
    stranger.get(&through_own).await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_authority_is_away_nothing_is_stamped_and_later_it_is() {
    let app = TestApp::start().await;
    let owner = app.log_in(&app.a_person().await).await;
    let id = sent(&owner, "Verbale.\n").await;
    let refused = without_time_stamps(&app.app.signing, stamp(&owner, &id, json!({}))).await.expect(503);
    assert_eq!(refused.code(), "time_stamp_provider_away");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM document_time_stamp").await, 0);
    stamp(&owner, &id, json!({})).await.expect(201);
    app.finish().await;
}
