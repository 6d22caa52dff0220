//! What is read is what was sent, whole or in parts, and nothing in it runs.

use axum::http::Method;
use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use super::shelf::{Shelf, long_text};

#[tokio::test(flavor = "multi_thread")]
async fn ranges_conditions_and_digests_are_those_of_the_standard() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let content = long_text(3_000_000);
    let sent = shelf.send(user, "perché \u{2014} no.txt", "text/plain", &content).await.expect(201);
    let path = format!("{}/content", sent.header("location"));
    let whole = user.get(&path).await.expect(200);
    assert!(whole.body == content);
    let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(&content)));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "3000000"),
        ("accept-ranges", "bytes"),
        ("repr-digest", &*digest),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache, no-transform"),
        (
            "content-disposition",
            "attachment; filename=\"perch_ _ no.txt\"; filename*=UTF-8''perch%C3%A9%20%E2%80%94%20no.txt",
        ),
    ] {
        assert_eq!(whole.header(name), value, "{name}");
    }
    assert!(whole.header("content-security-policy").starts_with("sandbox;"));
    let tag = whole.header("etag").to_owned();

    let get = async |headers: &[(&str, &str)]| user.request(Method::GET, &path, headers, None).await;
    let part = get(&[("range", "bytes=1048570-1048585"), ("accept-encoding", "gzip")]).await.expect(206);
    assert_eq!(
        (part.header("content-range"), &part.body[..]),
        ("bytes 1048570-1048585/3000000", &content[1_048_570..=1_048_585])
    );
    assert_eq!((part.header("etag"), part.header("repr-digest")), (&*tag, &*digest));
    let end = get(&[("range", "bytes=-5"), ("if-range", &tag)]).await.expect(206);
    assert_eq!(end.body[..], content[2_999_995..]);
    let other = get(&[("range", "bytes=-5"), ("if-range", "\"another\"")]).await.expect(200);
    assert!(other.body == content);
    let beyond = get(&[("range", "bytes=3000000-")]).await.expect(416);
    assert_eq!(
        (beyond.header("content-range"), beyond.code()),
        ("bytes */3000000", "range_not_satisfiable".to_owned())
    );
    get(&[("range", "bytes=0-1,5-6")]).await.expect(200);
    get(&[("if-none-match", &tag)]).await.expect(304);
    let packed = get(&[("accept-encoding", "gzip, br")]).await.expect(200);
    assert!(packed.body == content && packed.header("etag") == tag, "nobody packs it on the way");

    let head = user.request(Method::HEAD, &path, &[("range", "bytes=0-1")], None).await.expect(200);
    assert_eq!((head.header("content-length"), head.header("etag"), head.body.len()), ("3000000", &*tag, 0));
    let read: i64 = shelf.app.value("SELECT count(*) FROM audit_entry WHERE action = 'document.read'").await;
    assert!((1..=2).contains(&read), "{read} entries: one for each minute, not for each range");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_no_row_names_are_collected_after_a_day_and_no_others() {
    let shelf = Shelf::new().await;
    let document = shelf.a_document("resta").await;
    shelf.app.run_jobs().await;
    let storage = &shelf.app.app.storage;
    for key in ["documents/ab/lost", "uploads/0190a0a0a0a07000800000000000abcd/0-1"] {
        storage.put(key, bytes::Bytes::from_static(b"lost")).await.unwrap();
    }
    assert_eq!(shelf.objects(), 3);
    shelf.app.app.clock.advance(jiff::SignedDuration::from_hours(20));
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 3, "they may be waiting for their rows");
    shelf.app.app.clock.advance(jiff::SignedDuration::from_hours(24));
    shelf.app.run_jobs().await;
    assert_eq!(shelf.objects(), 1);
    let user = shelf.app.log_in(&shelf.cast.user_account).await;
    user.get(&format!("/api/v1/documents/{}/content", document["id"].as_str().unwrap())).await.expect(200);
    shelf.app.finish().await;
}
