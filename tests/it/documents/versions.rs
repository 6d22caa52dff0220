//! Versions: none is lost, none is overwritten.

use axum::http::Method;
use serde_json::{Value, json};

use super::shelf::{Shelf, announce, pdf, piece};
use crate::harness::client::{Answer, Client};

async fn replace(client: &Client, document: &Value, etag: &str, content: Vec<u8>) -> Answer {
    let path = format!("/api/v1/documents/{}/content?name=atto-2.pdf", document["id"].as_str().unwrap());
    let length = content.len().to_string();
    let headers = [("if-match", etag), ("content-type", "application/pdf"), ("content-length", &*length)];
    client.attempt_bytes(Method::PUT, &path, &headers, content.into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_of_one_version_one_wins_and_nothing_is_lost() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let document = shelf.a_document("prima").await;
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    let etag = user.get(&path).await.header("etag").to_owned();
    let sending = ["Anna", "Bruno", "Carla"].map(|text| replace(user, &document, &etag, pdf(text)));
    let answers = futures_util::future::join_all(sending).await;
    let won: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|it| it.status).collect::<Vec<_>>());
    assert!(answers.iter().all(|it| matches!(it.status, 200 | 412)));
    assert_eq!((&won[0].json()["latest"]["number"], won[0].header("etag")), (&json!(2), "\"v2\""));
    assert_eq!(replace(user, &document, "\"v1\"", pdf("tardi")).await.status, 412);
    let unsaid = [("content-type", "application/pdf"), ("content-length", "5")];
    let content = format!("{path}/content");
    user.attempt_bytes(Method::PUT, &content, &unsaid, "%PDF-".into()).await.unwrap().expect(428);

    let versions = user.get(&format!("{path}/versions")).await.expect(200).json();
    let numbers: Vec<_> =
        versions["data"].as_array().unwrap().iter().map(|it| it["number"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(1)]);
    let first = user.get(&format!("{path}/content?version=1")).await.expect(200);
    assert_eq!(first.body[..], pdf("prima"));
    user.get(&format!("{path}/content?version=3")).await.expect(404);
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 2, "the others left nothing");
    let arriving: i64 = shelf.app.value("SELECT sum(arriving)::bigint FROM document_quota").await;
    assert_eq!(arriving, 0);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_pieces_that_comes_too_late_is_told_so() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let document = shelf.a_document("prima").await;
    let id = document["id"].as_str().unwrap();
    let content = pdf("a pezzi");
    let names = [("filename", "atto.pdf"), ("document", id)];
    announce(user, content.len(), &names, &[]).await.expect(428);
    announce(&shelf.cast.stranger, content.len(), &names, &[("if-match", "\"v1\"")]).await.expect(404);
    let slow = announce(user, content.len(), &names, &[("if-match", "\"v1\"")]).await.expect(201);
    let quick = announce(user, content.len(), &names, &[("if-match", "\"v1\"")]).await.expect(201);
    piece(user, quick.header("location"), 0, content.clone(), &[]).await.expect(204);
    let late = piece(user, slow.header("location"), 0, content, &[]).await.expect(412);
    assert_eq!(late.code(), "precondition_failed");
    let upload = user.get(slow.header("location")).await.expect(200).json();
    assert_eq!(
        (&upload["state"], &upload["problem"]["code"]),
        (&json!("refused"), &json!("precondition_failed"))
    );
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 2);
    shelf.app.finish().await;
}
