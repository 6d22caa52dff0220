//! The picture of an office: made anew from what was sent, shown to everybody, and gone with its files when it is replaced.

use axum::http::Method;
use futures_util::future::join_all;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, jobs::events::PruneImages};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    notaries::ANotary,
    people::PASSWORD,
    pictures::{SECRET, bomb, form, has, photo, png},
};

const PICTURE: &str = "/api/v1/notary/office/picture";

async fn put(client: &Client, kind: &str, bytes: Vec<u8>) -> Answer {
    let headers = [("content-type", kind)];
    client.attempt_bytes(Method::PUT, PICTURE, &headers, bytes.into()).await.unwrap()
}

/// The picture that everybody sees.
async fn shown(app: &TestApp, notary: &ANotary) -> Value {
    let page = app.anonymous().get(&format!("/api/v1/notaries/{}", notary.office)).await.expect(200).json();
    let list = app.anonymous().get("/api/v1/notaries").await.expect(200).json();
    assert_eq!(list["data"][0]["thumbnail_url"], page["picture"]["thumbnail_url"], "the list shows the same");
    page["picture"].clone()
}

fn urls(picture: &Value) -> [String; 3] {
    ["url", "medium_url", "thumbnail_url"].map(|url| picture[url].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_made_anew_shown_and_replaced_with_its_files() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    assert_eq!(shown(&app, &notary).await, Value::Null);
    let sent = photo(1200, 800);
    assert!(has(&sent, SECRET), "it says where it was taken");
    let file = "; filename=\"studio.jpg\"\r\nContent-Type: image/jpeg";
    let (kind, body) = form(&[("image", file, &sent), ("alt", "", "La facciata".as_bytes())]);
    let first = put(&notary.client, &kind, body).await.expect(200).json();
    assert_eq!(first["alt"], "La facciata");
    assert_eq!(shown(&app, &notary).await, first, "at once");
    for url in urls(&first) {
        let served = app.anonymous().get(&url).await.expect(200);
        assert_eq!(served.header("content-type"), "image/jpeg");
        assert!(!has(&served.body, SECRET) && served.body != sent, "no byte of what was sent");
    }
    let second = put(&notary.client, "image/png", png(60, 40)).await.expect(200).json();
    assert_ne!(second["url"], first["url"]);
    app.run_jobs().await;
    for url in urls(&first) {
        app.anonymous().get(&url).await.expect(404);
    }
    // What has a row is not pruned.
    app.app.clock.advance(SignedDuration::from_hours(48));
    let mut tx = app.app.db.begin("tests.prune").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &PruneImages {}).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    assert_eq!(shown(&app, &notary).await, second);
    for url in urls(&second) {
        app.anonymous().get(&url).await.expect(200);
    }
    let client = app.log_in(&notary.account).await;
    for _ in 0..2 {
        client.delete(PICTURE).await.expect(204);
    }
    assert_eq!(shown(&app, &notary).await, Value::Null);
    app.run_jobs().await;
    app.anonymous().get(second["url"].as_str().unwrap()).await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_and_who_may_not_are_refused() {
    let app = TestApp::start_with(|config| config.storage.max_image_pixels = 1_000_000).await;
    let notary = app.a_notary().await;
    let without = app.log_in(&app.a_person_with(Role::Notary).await).await;
    let person = app.log_in(&app.a_person().await).await;
    let (_, clerk) = app.a_clerk(&notary, &["manage_agenda"]).await;
    for (who, status) in [(&app.anonymous(), 401), (&person, 403), (&clerk, 403), (&without, 404)] {
        put(who, "image/png", png(40, 30)).await.expect(status);
        who.delete(PICTURE).await.expect(status);
    }
    for (kind, bytes, status) in [
        ("image/png", b"<svg onload=alert(1)>".to_vec(), 415),
        ("text/html", b"<script>".to_vec(), 415),
        ("image/png", png(40, 30)[..60].to_vec(), 422),
        ("image/png", bomb(), 422),
        ("image/png", Vec::new(), 422),
        ("image/png", vec![0; 9 << 20], 413),
    ] {
        let size = bytes.len();
        assert_eq!(put(&notary.client, kind, bytes).await.status, status, "{kind} {size}");
    }
    let expired = "UPDATE notary SET licence_ends_on = $1";
    let yesterday = app.today().saturating_sub(2.days());
    app.database.client().await.execute(expired, &[&yesterday]).await.unwrap();
    let refused = put(&notary.client, "image/png", png(40, 30)).await.expect(403);
    assert_eq!(refused.code(), "licence_expired");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_stays_and_the_files_of_the_others_go() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    let sent = join_all((0..6).map(|n| put(&notary.client, "image/png", png(40 + n, 30)))).await;
    let made: Vec<Value> = sent.iter().filter(|answer| answer.status == 200).map(Answer::json).collect();
    assert!(!made.is_empty() && sent.iter().all(|answer| matches!(answer.status, 200 | 503)));
    app.run_jobs().await;
    let stays = shown(&app, &notary).await;
    for picture in &made {
        for url in urls(picture) {
            app.anonymous().get(&url).await.expect(if *picture == stays { 200 } else { 404 });
        }
    }
    // An erased notary's picture goes with the office.
    notary.client.post("/api/v1/me/erasure", json!({ "password": PASSWORD })).await.expect(202);
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT count(picture) FROM notary").await, 0);
    app.finish().await;
}
