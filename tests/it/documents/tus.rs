//! Files in pieces (tus 1.0): what has arrived is never sent twice, and never believed before it is whole.

use axum::http::Method;
use data_encoding::BASE64;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::shelf::{Shelf, announce, broken_piece, long_text, offset, pdf, piece};
use crate::harness::until::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_forty_megabytes_that_broke_off_goes_on_from_what_the_row_says() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let content = long_text(40 << 20);
    let names = [("filename", "registro.txt"), ("filetype", "text/plain"), ("title", "Il registro")];
    let created = announce(user, content.len(), &names, &[]).await.expect(201);
    let path = created.header("location").to_owned();
    assert!(created.header("upload-expires").ends_with(" GMT"), "{:?}", created.headers);
    let sent = 24 * 1024 * 1024 + 12_345;
    broken_piece(user, &path, content.slice(..sent), 24 << 20).await;
    // The server keeps everything that came before the line was cut, also what fills no part.
    eventually("what arrived is kept", async || offset(user, &path).await == sent).await;
    let row: i64 = shelf.app.value("SELECT received FROM upload").await;
    assert_eq!(row, sent as i64);
    user.get("/api/v1/documents").await.expect(200);
    let seen: i64 = shelf.app.value("SELECT count(*) FROM document").await;
    assert_eq!(seen, 0, "half a file is no document");

    let moved = piece(user, &path, sent + 1, content.slice(sent + 1..sent + 999), &[]).await.expect(409);
    assert_eq!(
        (moved.code(), moved.header("upload-offset")),
        ("offset_mismatch".to_owned(), &*sent.to_string())
    );
    let done = piece(user, &path, sent, content.slice(sent..), &[]).await.expect(204);
    assert_eq!(done.header("upload-offset"), content.len().to_string());
    let upload = user.get(&path).await.expect(200).json();
    assert_eq!(upload["state"], "done");
    let path = format!("/api/v1/documents/{}", upload["document_id"].as_str().unwrap());
    let document = user.get(&path).await.expect(200).json();
    assert_eq!(
        (&document["title"], &document["latest"]["name"]),
        (&json!("Il registro"), &json!("registro.txt"))
    );
    assert_eq!(document["latest"]["bytes"], content.len());
    let sha = data_encoding::HEXLOWER.encode(&Sha256::digest(&content));
    assert_eq!(document["latest"]["sha256"], sha);
    let read = user.get(&format!("{path}/content")).await.expect(200);
    assert!(read.body == content, "{} bytes came back", read.body.len());
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 1, "the parts are gone");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tus_asks_of_a_server_is_there() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let options =
        shelf.cast.anonymous.request(Method::OPTIONS, "/api/v1/uploads", &[], None).await.expect(204);
    assert_eq!((options.header("tus-version"), options.header("tus-max-size")), ("1.0.0", "262144000"));
    for extension in ["creation", "creation-with-upload", "expiration", "termination", "checksum"] {
        assert!(options.header("tus-extension").split(',').any(|it| it == extension), "{extension}");
    }
    let other = [("tus-resumable", "0.2.2"), ("upload-length", "3"), ("upload-metadata", "filename YQ==")];
    let refused = user.request(Method::POST, "/api/v1/uploads", &other, None).await.expect(412);
    assert_eq!((refused.header("tus-version"), refused.header("tus-resumable")), ("1.0.0", "1.0.0"));

    let content = pdf("con il primo pezzo");
    let (first, rest) = content.split_at(10);
    let length = content.len().to_string();
    let headers = [
        ("tus-resumable", "1.0.0"),
        ("upload-length", &*length),
        ("upload-metadata", "filename YXR0by5wZGY="),
        ("content-type", "application/offset+octet-stream"),
    ];
    let sent =
        user.attempt_bytes(Method::POST, "/api/v1/uploads", &headers, first.to_vec().into()).await.unwrap();
    let sent = sent.expect(201);
    assert_eq!(sent.header("upload-offset"), "10");
    let path = sent.header("location");
    // A piece whose checksum is wrong leaves everything as it was.
    let wrong = format!("sha256 {}", BASE64.encode(&Sha256::digest(b"something else")));
    let refused = piece(user, path, 10, rest.to_vec(), &[("upload-checksum", &wrong)]).await.expect(460);
    assert_eq!((refused.code(), offset(user, path).await), ("checksum_mismatch".to_owned(), 10));
    piece(user, path, 10, rest.to_vec(), &[("upload-checksum", "crc32 AAAAAA==")]).await.expect(400);
    let right = format!("sha256 {}", BASE64.encode(&Sha256::digest(rest)));
    piece(user, path, 10, rest.to_vec(), &[("upload-checksum", &right)]).await.expect(204);
    assert_eq!(user.get(path).await.expect(200).json()["state"], "done");
    assert_eq!(piece(user, path, 10, rest.to_vec(), &[]).await.expect(409).code(), "upload_complete");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_send_the_same_piece_one_is_believed() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let content = long_text(3 << 20);
    let created = announce(user, content.len(), &[("filename", "a.txt")], &[]).await.expect(201);
    let path = created.header("location");
    let half = content.slice(..1 << 20);
    let both = [piece(user, path, 0, half.clone(), &[]), piece(user, path, 0, half, &[])];
    let mut statuses: Vec<_> =
        futures_util::future::join_all(both).await.iter().map(|it| it.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    piece(user, path, 1 << 20, content.slice(1 << 20..), &[]).await.expect(204);
    let id = user.get(path).await.json()["document_id"].as_str().unwrap().to_owned();
    let read = user.get(&format!("/api/v1/documents/{id}/content")).await.expect(200);
    assert!(read.body == content);
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 1);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_ended_by_their_owner_or_by_their_time_and_take_no_room_then() {
    let shelf = Shelf::with(|config| config.documents.quota.0 = 3000).await;
    let user = &shelf.cast.user;
    let names = [("filename", "a.txt")];
    let first = announce(user, 2000, &names, &[]).await.expect(201);
    assert_eq!(announce(user, 2000, &names, &[]).await.expect(409).code(), "quota_exceeded");
    announce(&shelf.cast.stranger, 2000, &names, &[]).await.expect(201);
    let quota = user.get("/api/v1/me/documents/quota").await.expect(200).json();
    assert_eq!((&quota["arriving"], &quota["quota"]), (&json!(2000), &json!(3000)));
    let path = first.header("location");
    piece(user, path, 0, "ciao", &[]).await.expect(204);
    let version = [("tus-resumable", "1.0.0")];
    shelf.cast.stranger.request(Method::DELETE, path, &version, None).await.expect(404);
    user.request(Method::DELETE, path, &version, None).await.expect(204);
    user.get(path).await.expect(404);
    let second = announce(user, 3000, &names, &[]).await.expect(201);
    piece(user, second.header("location"), 0, "ciao", &[]).await.expect(204);
    shelf.app.app.clock.advance(jiff::SignedDuration::from_hours(25));
    piece(user, second.header("location"), 4, "ciao", &[]).await.expect(401); // the log-in, too, is over
    shelf.is_empty().await;
    shelf.app.finish().await;
}
