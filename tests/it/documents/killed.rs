//! `kill -9` of the real process while it receives a file, and while it finishes one: afterwards it is whole, and there once.

use super::shelf::{announce, broken_piece_until, files, long_text, offset, piece};
use crate::harness::{app::TestApp, client::Client, until::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_finishes_a_file_finishes_it_when_it_is_back() {
    let app = TestApp::start().await;
    let account = app.a_person().await;
    let token = app.log_in(&account).await;
    let ground = app.leave().await;
    let settings =
        [("limits.enabled", "false"), ("jobs.rescue", "2s"), ("jobs.beat", "200ms"), ("jobs.fence", "1s")];
    let server = ground.serve(&settings).await;
    let client: Client = token.at(server.address);
    let content = long_text(32 << 20);
    let created = announce(&client, content.len(), &[("filename", "registro.txt")], &[]).await.expect(201);
    let path = created.header("location").to_owned();
    let database = ground.database.client().await;
    let state = async || {
        let row = database.query_one("SELECT state FROM upload", &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    let last = content.len() - 100;
    piece(&client, &path, 0, content.slice(..last), &[]).await.expect(204);
    // The last piece begins the work; its client never hears how it ended.
    let sending = async {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", &*last.to_string()),
        ];
        let rest = content.slice(last..);
        client.attempt_bytes(axum::http::Method::PATCH, &path, &headers, rest).await
    };
    let killing = async {
        eventually("the work has begun", async || state().await != "receiving").await;
        server.kill().await;
    };
    let _ = tokio::join!(sending, killing);
    let visible: i64 = database.query_one("SELECT count(*) FROM document", &[]).await.unwrap().get(0);
    let was_done = state().await == "done";
    assert_eq!(visible == 1, was_done, "a document is there when its upload is done, not before");

    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    eventually("the file is finished", async || state().await == "done").await;
    let id = client.get(&path).await.expect(200).json()["document_id"].as_str().unwrap().to_owned();
    let read = client.get(&format!("/api/v1/documents/{id}/content")).await.expect(200);
    assert!(read.body == content, "{} bytes came back", read.body.len());
    let counts = "SELECT (SELECT count(*) FROM document) = 1 AND (SELECT count(*) FROM document_version) = 1
        AND (SELECT count(*) FROM upload_part) = 0";
    assert!(database.query_one(counts, &[]).await.unwrap().get::<_, bool>(0), "it is there once");
    let parts = ground.directory().join("files/uploads");
    eventually("the parts are removed", async || files(&parts).is_empty()).await;
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_of_a_piece_goes_on_from_what_it_has() {
    let app = TestApp::start().await;
    let token = app.log_in(&app.a_person().await).await;
    let ground = app.leave().await;
    let settings = [("limits.enabled", "false"), ("documents.part_bytes", "1MiB")];
    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    let content = long_text((20 << 20) + 12_345);
    let created = announce(&client, content.len(), &[("filename", "registro.txt")], &[]).await.expect(201);
    let path = created.header("location").to_owned();
    // The line still stands, and a part that is not full is in the server's memory.
    let sent = (12 << 20) + 777;
    broken_piece_until(&client, &path, content.slice(..sent), 12 << 20, server.kill()).await;

    let database = ground.database.client().await;
    let half = "SELECT (SELECT count(*) FROM document) = 0
        AND (SELECT received = (SELECT sum(bytes) FROM upload_part) AND state = 'receiving' FROM upload)";
    assert!(database.query_one(half, &[]).await.unwrap().get::<_, bool>(0), "nothing is half there");
    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    let kept = offset(&client, &path).await;
    assert_eq!(kept, 12 << 20, "what was stored is kept, what was in memory is sent again");
    piece(&client, &path, kept, content.slice(kept..), &[]).await.expect(204);
    let id = client.get(&path).await.expect(200).json()["document_id"].as_str().unwrap().to_owned();
    let read = client.get(&format!("/api/v1/documents/{id}/content")).await.expect(200);
    assert!(read.body == content, "{} bytes came back", read.body.len());
    let parts = ground.directory().join("files/uploads");
    eventually("the parts are removed", async || files(&parts).is_empty()).await;
    assert_eq!(server.terminate().await, 0);
}
