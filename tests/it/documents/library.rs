//! Whose a document is: for everybody else it is not there.

use axum::http::Method;
use serde_json::{Value, json};

use super::shelf::{Shelf, announce, pdf, piece};
use crate::harness::pictures::{form, replaced};

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_finds_nothing_anywhere_and_administrators_see_no_contents() {
    let shelf = Shelf::new().await;
    let (user, stranger, admin) = (&shelf.cast.user, &shelf.cast.stranger, &shelf.cast.admin);
    let document = shelf.a_document("segreto").await;
    let id = document["id"].as_str().unwrap();
    let path = format!("/api/v1/documents/{id}");
    let content = pdf("altro");
    let length = content.len().to_string();
    let upload = announce(user, 100, &[("filename", "a.txt")], &[]).await.expect(201);
    let upload = upload.header("location");
    let put = [("if-match", "*"), ("content-type", "application/pdf"), ("content-length", &*length)];
    for (who, metadata) in [(stranger, 404), (&shelf.cast.host, 404), (admin, 200)] {
        who.get(&path).await.expect(metadata);
        who.get(&format!("{path}/versions")).await.expect(metadata);
        who.get(&format!("{path}/content")).await.expect(404);
        who.get(&format!("{path}/content?version=1")).await.expect(404);
        who.patch(&path, "*", json!({"title": "mio"})).await.expect(404);
        who.delete(&path).await.expect(404);
        let sent =
            who.attempt_bytes(Method::PUT, &format!("{path}/content"), &put, content.clone().into()).await;
        sent.unwrap().expect(404);
        who.get(upload).await.expect(404);
        piece(who, upload, 0, "x", &[]).await.expect(404);
        who.request(Method::DELETE, upload, &[("tus-resumable", "1.0.0")], None).await.expect(404);
    }
    for anonymous in [&path, &format!("{path}/content"), upload, "/api/v1/documents"] {
        shelf.cast.anonymous.get(anonymous).await.expect(401);
    }
    assert_eq!(stranger.get("/api/v1/documents").await.expect(200).json()["data"], json!([]));
    assert_eq!(admin.get("/api/v1/documents").await.expect(200).json()["data"][0]["id"], document["id"]);
    let tried: i64 = shelf
        .app
        .value("SELECT count(*) FROM audit_entry WHERE result = 'refused' AND object_kind = 'document'")
        .await;
    assert!(tried >= 14, "{tried} tries are in the log");
    let looked = |action: &str| {
        format!("SELECT count(*) FROM audit_entry WHERE action = 'document.{action}' AND result = 'ok'")
    };
    // The administrator's look at it, and the lists of both.
    assert_eq!(shelf.app.value::<i64>(&looked("show")).await, 1);
    assert_eq!(shelf.app.value::<i64>(&looked("list")).await, 2);
    user.get(&format!("{path}/content")).await.expect(200);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_listed_renamed_and_deleted_with_their_objects() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let mut made = Vec::new();
    for n in 0..3 {
        made.push(shelf.a_document(&n.to_string()).await["id"].clone());
    }
    made.reverse();
    let ids =
        |page: &Value| page["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    let page = user.get("/api/v1/documents?limit=2").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = user.get(&format!("/api/v1/documents?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!((ids(&page), ids(&rest)), (made[..2].to_vec(), made[2..].to_vec()));
    user.get("/api/v1/documents?colour=red").await.expect(400);

    let path = format!("/api/v1/documents/{}", made[0].as_str().unwrap());
    let etag = user.get(&path).await.expect(200).header("etag").to_owned();
    let changed = user.patch(&path, &etag, json!({"title": "Nuovo", "desk": "notary"})).await.expect(200);
    assert_eq!((&changed.json()["title"], changed.header("etag")), (&json!("Nuovo"), "\"v2\""));
    user.patch(&path, &etag, json!({"title": "Tardi"})).await.expect(412);
    user.patch(&path, "*", json!({"title": ""})).await.expect(422);
    assert_eq!(ids(&user.get("/api/v1/documents?desk=notary").await.json()), made[..1]);

    shelf
        .app
        .database
        .client()
        .await
        .execute("UPDATE document SET keep_until = '2999-01-01' WHERE desk = 'notary'", &[])
        .await
        .unwrap();
    assert_eq!(user.delete(&path).await.expect(409).code(), "must_be_kept");
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 3);
    for id in &made[1..] {
        user.delete(&format!("/api/v1/documents/{}", id.as_str().unwrap())).await.expect(204);
    }
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 1);
    let stored: i64 = shelf.app.value("SELECT stored FROM document_quota").await;
    assert_eq!(stored, pdf("0").len() as i64);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_again_makes_no_second_document() {
    let shelf = Shelf::new().await;
    let (kind, body) = form(&[
        ("title", "", "L'atto".as_bytes()),
        ("file", "; filename=\"atto.pdf\"\r\nContent-Type: application/pdf", &pdf("una volta")),
    ]);
    let send = async |kind: &str, body: Vec<u8>| {
        let length = body.len().to_string();
        let headers = [("content-type", kind), ("content-length", &length), ("idempotency-key", "atto-1")];
        shelf.cast.user.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap()
    };
    let first = send(&kind, body.clone()).await.expect(201);
    assert_eq!(first.json()["title"], "L'atto");
    let again = send("multipart/form-data; boundary=YY", replaced(&body, b"--XX", b"--YY")).await.expect(201);
    assert_eq!(
        (again.json()["id"].clone(), again.header("idempotency-replayed")),
        (first.json()["id"].clone(), "true")
    );
    assert_eq!(again.header("location"), first.header("location"));
    let other = send(&kind, replaced(&body, b"volta", b"VOLTA")).await.expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 1);
    shelf.app.finish().await;
}
