//! What may not come in: a clear problem, and nothing left behind.

use axum::http::Method;

use super::shelf::{Shelf, announce, long_text, pdf, piece, post};
use crate::harness::pictures::{encoded, flag, form, png};

/// An archive with one entry of zeros that packs very well.
fn bomb() -> Vec<u8> {
    use std::io::Write as _;
    let content = vec![0; 4 << 20];
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&content).unwrap();
    archive(b"zeros", &encoder.finish().unwrap(), &content)
}

fn archive(name: &[u8], packed: &[u8], content: &[u8]) -> Vec<u8> {
    let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
    for number in [crc32fast::hash(content), packed.len() as u32, content.len() as u32, name.len() as u32] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    let mut zip = [b"PK\x03\x04", &head[..], name, packed].concat();
    let at = zip.len() as u32;
    let directory = [b"PK\x01\x02\x14\0", &head[..], &[0; 14], name].concat();
    zip.extend_from_slice(&directory);
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    zip.extend_from_slice(&at.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    zip
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_what_they_should_be_leave_a_problem_and_nothing_else() {
    let shelf = Shelf::new().await;
    let user = &shelf.cast.user;
    let photo = encoded(&flag(64, 48), image::ImageFormat::Jpeg);
    let picture = png(64, 48);
    let whole = pdf("intero");
    let cases: [(&str, &str, &[u8], u16, &str); 14] = [
        ("foto.pdf", "application/pdf", &photo, 415, "file_mislabelled"),
        ("foto.jpg", "application/pdf", &photo, 415, "file_mislabelled"),
        ("programma.bat", "text/plain", b"@echo off", 415, "file_mislabelled"),
        ("programma.exe", "application/octet-stream", b"MZ\x90\0\x03", 415, "type_not_allowed"),
        ("pagina.txt", "text/plain", b"<!doctype html><script>alert(1)</script>", 415, "type_not_allowed"),
        // What the clinic desk takes of laboratories is none of these.
        ("referto.txt", "text/plain", b"TSH 2,15 \xb5UI/mL, \xe8 nella norma\n", 415, "type_not_allowed"),
        ("referto.txt", "text/plain", b"\xff\xfeT\0S\0H\0 \x002\0", 415, "type_not_allowed"),
        ("atto.pdf", "application/pdf", &whole[..whole.len() - 8], 422, "file_truncated"),
        ("foto.jpg", "image/jpeg", &photo[..photo.len() / 2], 422, "file_truncated"),
        ("foto.png", "image/png", &picture[..picture.len() - 3], 422, "file_truncated"),
        ("tutto.zip", "application/zip", &bomb(), 422, "archive_too_large_inside"),
        ("..\\..\\windows\\x.pdf", "application/pdf", &whole, 422, "unsafe_name"),
        ("../../etc/passwd", "application/pdf", &whole, 422, "unsafe_name"),
        ("vuoto.txt", "text/plain", b"", 422, "file_empty"),
    ];
    for (name, kind, content, status, code) in cases {
        let answer = shelf.send(user, name, kind, content).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}: {:?}", answer.body);
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
        // The same in pieces: what is known beforehand is told beforehand.
        let created = announce(user, content.len(), &[("filename", name), ("filetype", kind)], &[]).await;
        let answer = if created.status == 201 {
            piece(user, created.header("location"), 0, content.to_vec(), &[]).await
        } else {
            created
        };
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{name} in pieces: {:?}",
            answer.body
        );
    }
    let refused: i64 = shelf
        .app
        .value("SELECT count(*) FROM audit_entry WHERE action = 'document.create' AND result = 'refused'")
        .await;
    assert_eq!(refused, 22, "eleven got as far as being looked at, twice");
    shelf.is_empty().await;
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_a_form_may_be_as_large_as_is_said_and_no_larger() {
    let shelf = Shelf::with(|config| config.documents.max_bytes.0 = 100_000).await;
    let (user, large) = (&shelf.cast.user, long_text(100_001));
    shelf.send(user, "a.txt", "text/plain", &large).await.expect(413);
    let most = shelf.send(user, "a.txt", "text/plain", &large[..100_000]).await.expect(201).json();
    shelf.app.run_jobs().await;
    assert_eq!(most["latest"]["bytes"], 100_000, "{most}");
    assert_eq!(shelf.app.value::<i64>("SELECT count(*) FROM document").await, 1);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_too_large_or_break_off_leave_nothing() {
    let shelf = Shelf::with(|config| config.documents.max_bytes.0 = 100_000).await;
    let user = &shelf.cast.user;
    let large = long_text(100_001);
    let told = shelf.send(user, "a.txt", "text/plain", &large).await.expect(413);
    assert_eq!(told.code(), "file_too_large");
    assert_eq!(
        announce(user, 100_001, &[("filename", "a.txt")], &[]).await.expect(413).code(),
        "file_too_large"
    );
    let created = announce(user, 10, &[("filename", "a.txt")], &[]).await.expect(201);
    let path = created.header("location");
    assert_eq!(piece(user, path, 0, "eleven byte", &[]).await.expect(413).code(), "upload_too_long");
    user.request(Method::DELETE, path, &[("tus-resumable", "1.0.0")], None).await.expect(204);

    let (kind, body) = form(&[("file", "; filename=\"a.txt\"", &large[..50_000])]);
    let half = body[..30_000].to_vec();
    let answer = post(user, &kind, half).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "incomplete_body"), "{:?}", answer.body);
    for (parts, status, code) in [
        (&[("title", "", &b"x"[..])][..], 422, "validation_failed"),
        (
            &[("file", "; filename=\"a.txt\"", b"x"), ("file", "; filename=\"a.txt\"", b"x")],
            422,
            "validation_failed",
        ),
        (&[("file", "; filename=\"a.txt\"", b"x"), ("key", "", b"x")], 422, "validation_failed"),
        (&[("file", "; filename=\"a.txt\"", b"x"), ("title", "", b"")], 422, "validation_failed"),
        (&[("file", "", b"x")], 422, "unsafe_name"),
    ] {
        let (kind, body) = form(parts);
        let answer = post(user, &kind, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{:?}", answer.body);
    }
    for (name, status, code, word) in [
        (&b"; filename=\"a\x01b.txt\""[..], 422, "unsafe_name", "control characters"),
        (b"; filename=\"a\rb.txt\"", 422, "unsafe_name", "control characters"),
        (b"; filename=\"a\nb.txt\"", 400, "malformed_multipart", "line breaks"),
        (b"; filename=\"perch\xe9.txt\"", 422, "unsafe_name", "UTF-8"),
        (b"; filename*=UTF-8''a.txt", 422, "unsafe_name", "filename*"),
    ] {
        let part = b"--XX\r\nContent-Disposition: form-data; name=\"file\"";
        let body = [&part[..], name, b"\r\n\r\nx\r\n--XX--\r\n"].concat();
        let answer = post(user, "multipart/form-data; boundary=XX", body).await;
        let told = answer.json()["detail"].to_string();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{}: {told}",
            name.escape_ascii()
        );
        assert!(told.contains(word), "{told}");
    }
    let answer = post(user, "application/pdf", pdf("nudo")).await;
    assert_eq!(answer.status, 415);
    shelf.is_empty().await;
    shelf.app.finish().await;
}
