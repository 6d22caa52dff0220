//! `kill -9` of the real process while it finishes a file: afterwards it is whole, and there once.

use super::shelf::{announce, files, long_text, piece};
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
