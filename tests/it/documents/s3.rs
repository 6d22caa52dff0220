//! Files in a bucket of an S3 server: the same as in a directory, and nothing is left of what was never ended.

use std::io;

use axum::http::Method;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;

use super::shelf::{Shelf, announce, broken_piece, long_text, offset, piece};
use crate::harness::{app::TestApp, bucket::TestBucket, client::Client, until::eventually};

/// Bytes in which nothing repeats: they are not packed.
fn noise(bytes: usize) -> Bytes {
    let mut noise = vec![0; bytes];
    getrandom::fill(&mut noise).unwrap();
    noise.into()
}

/// A PDF of noise.
fn large_pdf(bytes: usize) -> Bytes {
    [&b"%PDF-1.7\n"[..], &noise(bytes), b"\nstartxref\n9\n%%EOF\n"].concat().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_bucket_goes_on_where_it_broke_off_and_is_read_in_parts() {
    let bucket = TestBucket::start().await;
    let shelf = Shelf::with(|config| {
        bucket.configure(config);
        config.documents.part_bytes.0 = 5 << 20;
    })
    .await;
    let user = &shelf.cast.user;
    let content = large_pdf(25 << 20);
    let created = announce(user, content.len(), &[("filename", "atto.pdf")], &[]).await.expect(201);
    let path = created.header("location").to_owned();
    let sent = content.len() / 5 * 3;
    broken_piece(user, &path, content.slice(..sent), 15 << 20).await;
    eventually("what arrived is kept", async || offset(user, &path).await == sent).await;
    assert!(bucket.keys().await.iter().all(|key| key.starts_with("sportello/uploads/")));
    piece(user, &path, sent, content.slice(sent..), &[]).await.expect(204);
    let upload = user.get(&path).await.expect(200).json();
    assert_eq!(upload["state"], "done");
    let document = format!("/api/v1/documents/{}", upload["document_id"].as_str().unwrap());
    let path = format!("{document}/content");
    let read = user.get(&path).await.expect(200);
    assert!(read.body == content, "{} bytes came back", read.body.len());
    let end = content.len() - 1;
    for (first, last) in [(0, 99), (262_143, 262_144), (5_242_879, 10_485_761), (end, end)] {
        let range = format!("bytes={first}-{last}");
        let part = user.request(Method::GET, &path, &[("range", &range)], None).await.expect(206);
        assert!(part.body == content[first..=last], "{range}");
    }
    shelf.app.run_jobs().await;
    assert_eq!((bucket.keys().await.len(), bucket.unfinished().await), (1, 0), "the parts are gone");
    user.delete(&document).await.expect(204);
    shelf.app.run_jobs().await;
    assert_eq!(bucket.keys().await, Vec::<String>::new());
    assert!(!shelf.app.app.config.database.data_dir.join("files").exists(), "nothing is on this disk");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_ended_is_aborted_and_orphans_are_collected() {
    let bucket = TestBucket::start().await;
    let shelf = Shelf::with(|config| bucket.configure(config)).await;
    let storage = &shelf.app.app.storage;
    let piece = noise(6 << 20);
    let broken = stream::iter([Ok(piece.clone()), Ok(piece), Err(io::Error::other("the line is cut"))]);
    storage.put_stream("documents/ab/broken", broken.boxed()).await.expect_err("it broke off");
    assert_eq!((bucket.keys().await.len(), bucket.unfinished().await), (0, 0), "it was aborted");
    // Writers that were killed, one of them not ours.
    bucket.ask("POST", "/sportello/documents/ab/killed?uploads").await;
    bucket.ask("POST", "/others/file?uploads").await;
    storage.put("documents/ab/lost", Bytes::from_static(b"lost")).await.unwrap();
    assert_eq!(bucket.unfinished().await, 2);
    shelf.app.app.clock.advance(SignedDuration::from_hours(44));
    shelf.app.run_jobs().await;
    assert_eq!(
        (bucket.keys().await.len(), bucket.unfinished().await),
        (0, 1),
        "that of others is not touched"
    );
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_writes_into_a_bucket_finishes_when_it_is_back() {
    let bucket = TestBucket::start().await;
    let app = TestApp::start_with(|config| bucket.configure(config)).await;
    let account = app.a_person().await;
    let token = app.log_in(&account).await;
    let ground = app.leave().await;
    let mut settings = bucket.settings();
    for (key, value) in
        [("limits.enabled", "false"), ("jobs.rescue", "2s"), ("jobs.beat", "200ms"), ("jobs.fence", "1s")]
    {
        settings.push((key.to_owned(), value.to_owned()));
    }
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let server = ground.serve(&settings).await;
    let client: Client = token.at(server.address);
    let content = long_text(16 << 20);
    let created = announce(&client, content.len(), &[("filename", "registro.txt")], &[]).await.expect(201);
    let path = created.header("location").to_owned();
    let database = ground.database.client().await;
    let state = async || {
        let row = database.query_one("SELECT state FROM upload", &[]).await.unwrap();
        row.get::<_, String>(0)
    };
    let last = content.len() - 100;
    piece(&client, &path, 0, content.slice(..last), &[]).await.expect(204);
    let sending = async {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", &*last.to_string()),
        ];
        client.attempt_bytes(Method::PATCH, &path, &headers, content.slice(last..)).await
    };
    let killing = async {
        eventually("the work has begun", async || state().await != "receiving").await;
        server.kill().await;
    };
    let _ = tokio::join!(sending, killing);
    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    eventually("the file is finished", async || state().await == "done").await;
    let id = client.get(&path).await.expect(200).json()["document_id"].as_str().unwrap().to_owned();
    let read = client.get(&format!("/api/v1/documents/{id}/content")).await.expect(200);
    assert!(read.body == content, "{} bytes came back", read.body.len());
    let parts = async || bucket.keys().await.iter().filter(|key| key.contains("/uploads/")).count();
    eventually("the parts are removed", async || parts().await == 0).await;
    assert_eq!(server.terminate().await, 0);
}
