//! Pictures of events: hosts send what they have, everybody sees only what is safe to show.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    time::Instant,
};

use axum::{body::Body, http::Method};
use bytes::Bytes;
use image::ImageFormat;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::Cast,
    pictures::{Part, SECRET, bomb, encoded, flag, form, has, photo, png, replaced},
    until::eventually,
};

/// A host with an event.
pub(super) struct Stage {
    pub(super) app: TestApp,
    pub(super) cast: Cast,
    pub(super) slug: String,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut sportello::config::Config)) -> Self {
        let app = TestApp::start_with(|config| {
            config.limits.enabled = false;
            change(config);
        })
        .await;
        let cast = app.a_cast().await;
        let slug = app.an_event().hosted_by(cast.host_account.id).create().await;
        Self { app, cast, slug }
    }

    pub(super) fn path(&self) -> String {
        format!("/api/v1/events/{}/images", self.slug)
    }

    pub(super) async fn upload(&self, client: &Client, kind: &str, body: impl Into<Bytes>) -> Answer {
        upload(client, &self.path(), kind, body).await.expect("the server answers")
    }

    pub(super) async fn add(&self, body: impl Into<Bytes>) -> Value {
        self.upload(&self.cast.host, "image/png", body).await.expect(201).json()
    }

    /// As everybody sees the event.
    pub(super) async fn shown(&self) -> Value {
        self.app.anonymous().get(&format!("/api/v1/events/{}", self.slug)).await.expect(200).json()
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        files(&self.directory())
    }

    pub(super) fn pictures(&self) -> usize {
        pictures(&self.directory())
    }

    pub(super) fn directory(&self) -> PathBuf {
        self.app.app.config.database.data_dir.join("files")
    }
}

/// Files that are no thumbnails: these may be made at any moment.
pub(super) fn pictures(folder: &Path) -> usize {
    files(folder).iter().filter(|path| !path.file_name().unwrap().to_string_lossy().contains('-')).count()
}

pub(super) async fn upload(
    client: &Client,
    path: &str,
    kind: &str,
    body: impl Into<Bytes>,
) -> Option<Answer> {
    client.attempt_bytes(Method::POST, path, &[("content-type", kind)], body.into()).await
}

pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_turned_upright_and_tells_nobody_where_it_was_taken() {
    let stage = Stage::new().await;
    let sent = photo(1200, 600);
    assert!(has(&sent, SECRET));
    let name = "; filename=\"../../etc/passwd\"\r\nContent-Type: text/html";
    let (kind, body) = form(&[("alt", "", "Il palco, di sera".as_bytes()), ("image", name, &sent)]);
    let created = stage.upload(&stage.cast.host, &kind, body).await.expect(201);
    let image = created.json();
    assert_eq!(
        (&image["width"], &image["height"], &image["position"]),
        (&json!(600), &json!(1200), &json!(0))
    );
    assert_eq!((&image["alt"], &image["thumbnail_url"]), (&json!("Il palco, di sera"), &Value::Null));
    let mut shown = stage.app.anonymous().get(created.header("location")).await.expect(200).json();
    shown["task"] = image["task"].clone();
    assert_eq!(shown, image, "and nothing else");

    stage.app.run_jobs().await;
    let task = image["task"]["links"]["self"].as_str().unwrap();
    assert_eq!(task, format!("/api/v1/tasks/{}", image["task"]["id"].as_str().unwrap()));
    let seen = stage.cast.host.get(task).await.expect(200).json();
    assert_eq!((&seen["kind"], &seen["state"]), (&json!("events.make_thumbnails"), &json!("done")));
    stage.cast.user.get(task).await.expect(404);
    let shown = stage.shown().await;
    let image = &shown["images"][0];
    assert_eq!((&image["id"], &image["alt"]), (&created.json()["id"], &json!("Il palco, di sera")));
    for (address, size) in [("url", (600, 1200)), ("medium_url", (600, 1200)), ("thumbnail_url", (320, 640))]
    {
        let served = stage.app.anonymous().get(image[address].as_str().unwrap()).await.expect(200);
        assert_eq!(served.header("content-type"), "image/jpeg", "{address}");
        assert!(!has(&served.body, SECRET) && !has(&served.body, b"Exif"), "{address} says too much");
        let picture = image::load_from_memory(&served.body).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), size, "{address}");
        let (top, bottom) = (picture.get_pixel(size.0 / 2, 9).0, picture.get_pixel(size.0 / 2, size.1 - 9).0);
        assert!(
            top[0] > 150 && top[2] < 100 && bottom[2] > 150 && bottom[0] < 100,
            "{address} lies on its side"
        );
    }
    let list = stage.app.anonymous().get("/api/v1/events").await.expect(200).json();
    assert_eq!(list["data"][0]["image"], image["thumbnail_url"], "the list shows the cover");
    assert_eq!(stage.files().len(), 3);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_is_called_does_not_matter_and_what_it_is_does() {
    let stage = Stage::new().await;
    let host = &stage.cast.host;
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let image = encoded(&flag(64, 48), format);
        for kind in ["image/jpeg", "image/webp", "application/octet-stream"] {
            stage.upload(host, kind, image.clone()).await.expect(201);
        }
    }
    for wrong in
        [&b"GIF89a\x01\0\x01\0\0\0\0;"[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"MZ"]
    {
        assert_eq!(stage.upload(host, "image/png", wrong).await.expect(415).code(), "unsupported_media_type");
    }
    let (kind, body) =
        form(&[("image", "; filename=\"a.jpg\"\r\nContent-Type: image/jpeg", b"not an image")]);
    stage.upload(host, &kind, body).await.expect(415);
    stage.upload(host, "application/json", "{}").await.expect(415);
    stage.upload(host, "text/html", png(8, 8)).await.expect(415);
    let half = png(64, 48);
    for broken in
        [&b"\xff\xd8\xff\xe0 this is no picture"[..], &half[..half.len() / 2], b"RIFF\x10\0\0\0WEBPVP8 "]
    {
        let answer = stage.upload(host, "image/jpeg", broken.to_vec()).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["code"], "broken_image");
    }
    assert_eq!(stage.pictures(), 9, "nothing that was refused is stored");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_off_is_damaged_and_leaves_nothing() {
    let stage = Stage::new().await;
    let host = &stage.cast.host;
    let mut sent = vec![photo(320, 200)];
    sent.extend([ImageFormat::Png, ImageFormat::WebP].map(|format| encoded(&flag(320, 200), format)));
    for whole in &sent {
        for length in [whole.len() / 10, whole.len() / 2, whole.len() * 9 / 10, whole.len() - 2] {
            let answer = stage.upload(host, "image/jpeg", whole[..length].to_vec()).await.expect(422).json();
            let error = &answer["errors"][0];
            assert_eq!((&error["code"], &error["pointer"]), (&json!("broken_image"), &json!("/image")));
            assert_eq!(error["detail"], "the picture is damaged, or not all of it arrived");
        }
    }
    let mut wrong = sent[1].clone();
    wrong[29] ^= 1; // the checksum of the header
    assert_eq!(stage.upload(host, "image/png", wrong).await.expect(422).code(), "validation_failed");
    assert_eq!((stage.files().len(), stage.shown().await["images"].clone()), (0, json!([])));
    for mut whole in sent {
        whole.extend_from_slice(b"what comes after the end");
        stage.add(whole).await;
    }
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_refused_before_it_is_decoded_and_a_large_file_before_it_is_read() {
    let stage = Stage::with(|config| config.storage.max_image_bytes.0 = 200_000).await;
    let began = Instant::now();
    let answer = stage.upload(&stage.cast.host, "image/png", bomb()).await.expect(422);
    assert_eq!(answer.json()["errors"][0]["code"], "too_many_pixels");
    assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
    assert!(answer.json()["detail"].as_str().unwrap().contains("60000 × 60000"), "{:?}", answer.body);
    let large = vec![0; 200_001];
    stage.upload(&stage.cast.host, "image/png", large.clone()).await.expect(413);
    let (kind, body) = form(&[("image", "", &large)]);
    stage.upload(&stage.cast.host, &kind, body).await.expect(413);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_form_is_told_what_is_wrong() {
    let stage = Stage::new().await;
    let (host, image) = (&stage.cast.host, png(8, 8));
    let long = "è".repeat(301);
    let cases: [(&[Part], &str, &str); 7] = [
        (&[("alt", "", b"nothing else")], "/image", "required"),
        (&[("image", "", b"")], "/image", "required"),
        (&[("image", "", &image), ("image", "", &image)], "/image", "duplicate_field"),
        (&[("image", "", &image), ("key", "", b"../../x")], "/key", "unknown_field"),
        (&[("image", "", &image), ("alt", "", long.as_bytes())], "/alt", "too_long"),
        (&[("image", "", &image), ("alt", "", b"\xff\xfe")], "/alt", "invalid_text"),
        (&[("image", "", &image), ("alt", "", b"a\0b")], "/alt", "invalid_text"),
    ];
    for (parts, pointer, code) in cases {
        let (kind, body) = form(parts);
        let answer = stage.upload(host, &kind, body).await.expect(422).json();
        let error = &answer["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)));
    }
    for (kind, body) in [
        ("multipart/form-data", &b"--XX\r\n"[..]),
        ("multipart/form-data; boundary=XX", b"no boundary at all"),
        (
            "multipart/form-data; boundary=XX",
            b"--XX\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nhalf",
        ),
    ] {
        assert_eq!(stage.upload(host, kind, body).await.expect(400).code(), "malformed_multipart");
    }
    assert_eq!(stage.files().len(), 0);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_and_administrators_change_images() {
    let stage = Stage::new().await;
    let Cast { anonymous, user, other_host, admin, host, .. } = &stage.cast;
    let image = png(8, 8);
    for (client, status) in [(anonymous, 401), (user, 403), (other_host, 404), (admin, 201), (host, 201)] {
        stage.upload(client, "image/png", image.clone()).await.expect(status);
    }
    upload(host, "/api/v1/events/nothing/images", "image/png", image.clone()).await.unwrap().expect(404);
    let id = stage.shown().await["images"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{}/{id}", stage.path());
    for (client, status) in [(anonymous, 401), (user, 403), (other_host, 404)] {
        client.delete(&path).await.expect(status);
        client.patch(&path, "*", json!({"position": 1})).await.expect(status);
    }
    let other = stage.app.an_event().hosted_by(stage.cast.host_account.id).create().await;
    let elsewhere = format!("/api/v1/events/{other}/images/{id}");
    host.get(&elsewhere).await.expect(404);
    host.delete(&elsewhere).await.expect(404);
    host.patch(&elsewhere, "*", json!({"alt": "x"})).await.expect(404);
    admin.delete(&path).await.expect(204);
    host.delete(&path).await.expect(404);

    host.delete(&format!("/api/v1/events/{}", stage.slug)).await.expect(204);
    let refused = stage.upload(host, "image/png", image).await.expect(409);
    assert_eq!(refused.code(), "event_withdrawn");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_uploads_never_get_past_the_limit() {
    let stage = Stage::with(|config| {
        config.storage.max_images_per_event = 3;
        config.storage.image_bound = 64;
    })
    .await;
    let image = png(32, 32);
    let sending = (0..16).map(|_| stage.upload(&stage.cast.host, "image/png", image.clone()));
    let answers = futures_util::future::join_all(sending).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409)), (3, 13));
    let full = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!((full.code(), &full.json()["most"]), ("too_many_images".to_owned(), &json!(3)));
    let positions: Vec<i16> = positions(&stage).await;
    assert_eq!((positions, stage.pictures()), (vec![0, 1, 2], 3), "a refused upload leaves nothing");
    stage.app.finish().await;
}

async fn positions(stage: &Stage) -> Vec<i16> {
    let client = stage.app.database.client().await;
    let rows = client.query("SELECT position FROM event_images ORDER BY position", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_uploads_than_memory_was_set_aside_for_are_sent_away() {
    let stage = Stage::with(|config| config.storage.image_bound = 1).await;
    let (host, kind) = (&stage.cast.host, [("content-type", "image/png")]);
    let (path, url) = (stage.path(), stage.path());
    let taken = eventually("the place is taken", async || {
        let answer = upload(host, &url, "image/png", "no picture").await.unwrap();
        assert!(matches!(answer.status, 415 | 503), "{}", answer.status);
        answer.status == 503 && answer.code() == "unavailable" && answer.header("retry-after") == "1"
    });
    let taking = async {
        loop {
            let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
            let answer = host.send_body(Method::POST, &path, &kind, never).await.unwrap();
            assert_eq!(answer.status(), 503, "the other one was faster, or nothing");
        }
    };
    tokio::select! { () = taking => {}, () = taken => {} }
    // The one who never ended has gone.
    let again = async || upload(host, &path, "image/png", "no picture").await.unwrap().status == 415;
    eventually("the place is free again", again).await;
    stage.add(png(8, 8)).await;
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_upload_is_answered_and_not_stored_again() {
    let stage = Stage::with(|config| config.storage.max_images_per_event = 1).await;
    let (kind, body) = form(&[("image", "", &png(20, 10))]);
    let send = async |kind: &str, body: Vec<u8>| {
        let headers = [("content-type", kind), ("idempotency-key", "poster")];
        let sent = stage.cast.host.attempt_bytes(Method::POST, &stage.path(), &headers, body.into()).await;
        sent.unwrap()
    };
    let first = send(&kind, body.clone()).await.expect(201);
    // Each try of a client has another boundary; and the event is full by now.
    let other = replaced(&body, b"--XX", b"--YY");
    let again = send("multipart/form-data; boundary=YY", other).await.expect(201);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    let reused = send("image/png", png(10, 10)).await.expect(422);
    assert_eq!(reused.code(), "idempotency_key_reused");
    assert_eq!((positions(&stage).await, stage.pictures()), (vec![0], 1));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_described_moved_and_removed_with_their_files() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for width in 1..=4 {
        ids.push(stage.add(png(width * 10, 10)).await["id"].as_str().unwrap().to_owned());
    }
    stage.app.run_jobs().await;
    assert_eq!(stage.files().len(), 12);
    let widths = async || {
        let images = stage.shown().await["images"].as_array().unwrap().clone();
        let of = |key: &str| images.iter().map(|it| it[key].as_i64().unwrap()).collect::<Vec<_>>();
        assert_eq!(of("position"), (0..images.len() as i64).collect::<Vec<_>>());
        of("width")
    };
    let change = async |at: usize, body: Value| {
        let path = format!("{}/{}", stage.path(), ids[at]);
        let etag = stage.app.anonymous().get(&path).await.header("etag").to_owned();
        let changed = stage.cast.host.patch(&path, &etag, body).await;
        if changed.status == 200 {
            let now = stage.app.anonymous().get(&path).await;
            assert_eq!((changed.header("etag"), changed.json()), (now.header("etag"), now.json()));
        }
        changed
    };
    assert_eq!(widths().await, [10, 20, 30, 40]);
    let moved = change(3, json!({"position": 0, "alt": "  La copertina "})).await.expect(200).json();
    assert_eq!((&moved["position"], &moved["alt"]), (&json!(0), &json!("La copertina")));
    assert_eq!(widths().await, [40, 10, 20, 30]);
    change(0, json!({"position": 2})).await.expect(200);
    assert_eq!(widths().await, [40, 20, 10, 30]);
    let last = change(3, json!({"position": 900})).await.expect(200).json();
    assert_eq!((&last["position"], &last["alt"]), (&json!(3), &json!("La copertina")));
    assert_eq!(widths().await, [20, 10, 30, 40]);
    change(0, json!({})).await.expect(200);
    for wrong in [json!({"position": -1}), json!({"alt": "x".repeat(301)}), json!({"url": "/media/x"})] {
        change(0, wrong).await.expect(422);
    }

    let path = format!("{}/{}", stage.path(), ids[0]);
    let stale = [("if-match", "\"v0\"")];
    stage.cast.host.request(Method::PATCH, &path, &[], Some(json!({}))).await.expect(428);
    stage.cast.host.request(Method::PATCH, &path, &stale, Some(json!({}))).await.expect(412);
    stage.cast.host.request(Method::DELETE, &path, &stale, None).await.expect(412);

    let gone = stage.shown().await["images"][1].clone();
    stage.cast.host.delete(&path).await.expect(204);
    assert_eq!(widths().await, [20, 30, 40], "the page is up to date at once");
    stage.app.run_jobs().await;
    assert_eq!(stage.files().len(), 9);
    for address in ["url", "medium_url", "thumbnail_url"] {
        stage.app.anonymous().get(gone[address].as_str().unwrap()).await.expect(404);
    }
    stage.app.finish().await;
}
