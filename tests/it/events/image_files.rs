//! Files of pictures: served, made smaller, removed, pruned; and what crashes leave of them.

use std::path::PathBuf;

use axum::http::Method;
use bytes::Bytes;
use jiff::SignedDuration;

use super::images::{Stage, pictures, upload};
use crate::harness::{pictures::png, until::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_served_to_be_kept_and_nothing_else_is_served() {
    let stage = Stage::new().await;
    stage.app.pause_queue("media").await;
    let image = stage.add(png(30, 20)).await;
    let (client, url) = (stage.app.anonymous(), image["url"].as_str().unwrap());
    let served = client.get(url).await.expect(200);
    assert_eq!(served.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert_eq!(served.header("cross-origin-resource-policy"), "cross-origin");
    let tag = [("if-none-match", served.header("etag"))];
    let kept = client.request(Method::GET, url, &tag, None).await.expect(304);
    assert_eq!((kept.body.len(), kept.header("etag")), (0, served.header("etag")));
    let head = client.request(Method::HEAD, url, &[], None).await.expect(200);
    assert_eq!(head.header("content-length"), served.body.len().to_string());

    std::fs::write(stage.app.app.config.database.data_dir.join("files/secret.jpg"), "secret").unwrap();
    let unknown = format!("/media/{}.jpg", "0".repeat(32));
    for path in [
        unknown.as_str(),
        "/media/",
        "/media/secret.jpg",
        "/media/..%2f..%2fsecret",
        "/media/%2e%2e%2fsecret.jpg",
        "/media/../secret",
        "/media/....//secret",
        &url.replace(".jpg", ".png"),
        &url.replace(".jpg", "-320.jpg"),
        &url.replace(".jpg", ".jpg%00"),
    ] {
        client.get(path).await.expect(404);
        client.request(Method::GET, path, &[("if-none-match", "*")], None).await.expect(404);
    }
    client.request(Method::DELETE, url, &[], None).await.expect(405);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbnails_of_an_image_that_was_removed_meanwhile_leave_nothing() {
    let stage = Stage::new().await;
    stage.app.pause_queue("media").await;
    let image = stage.add(png(30, 20)).await;
    stage.cast.host.delete(&format!("{}/{}", stage.path(), image["id"].as_str().unwrap())).await.expect(204);
    stage.app.sql("UPDATE job.queue SET paused_at = NULL").await;
    stage.app.run_jobs().await;
    assert_eq!(stage.files(), Vec::<PathBuf>::new());
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_an_image_are_pruned_after_a_day_and_others_are_not() {
    let stage = Stage::new().await;
    stage.add(png(30, 20)).await;
    stage.app.run_jobs().await;
    let orphan = format!("media/aa/{}.jpg", "a".repeat(32));
    let storage = &stage.app.app.storage;
    storage.put(&orphan, Bytes::from_static(b"its upload died")).await.unwrap();
    storage.put("other/aa/file", Bytes::from_static(b"of somebody else")).await.unwrap();
    stage.app.app.clock.advance(SignedDuration::from_hours(23));
    stage.app.run_jobs().await;
    assert!(storage.has(&orphan).await.unwrap(), "it may be waiting for its row");
    stage.app.app.clock.advance(SignedDuration::from_hours(25));
    stage.app.run_jobs().await;
    assert!(!storage.has(&orphan).await.unwrap() && storage.has("other/aa/file").await.unwrap());
    assert_eq!(stage.files().len(), 4);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_of_storage_and_imager_lose_no_promised_image() {
    let stage = Stage::with(|config| {
        config.actors.intensity = 10_000;
        config.storage.max_images_per_event = 1000;
        config.storage.image_bound = 64;
    })
    .await;
    let image = png(200, 100);
    let registry = &stage.app.app.registry;
    let over = tokio_util::sync::CancellationToken::new();
    let uploading = async {
        let mut urls = Vec::new();
        loop {
            let last = over.is_cancelled(); // a last round, when nothing is crashed any more
            let sending = (0..8).map(|_| stage.upload(&stage.cast.host, "image/png", image.clone()));
            for answer in futures_util::future::join_all(sending).await {
                match answer.status {
                    201 => urls.push(answer.json()["url"].as_str().unwrap().to_owned()),
                    503 => assert_eq!(answer.code(), "unavailable"),
                    _ => panic!("{} {:?}", answer.status, answer.body),
                }
            }
            if last {
                return urls;
            }
        }
    };
    let crashing = async {
        let pause = std::time::Duration::from_millis(40);
        let mut crashes = tokio::time::interval(pause);
        for path in ["root/data/storage", "root/data/imager"].iter().cycle().take(40) {
            crashes.tick().await;
            let _ = registry.crash(path);
        }
        over.cancel();
    };
    let (urls, ()) = tokio::join!(uploading, crashing);
    let restarts = |path| registry.find(path).unwrap().restarts();
    assert!(restarts("root/data/storage") > 0 && restarts("root/data/imager") > 0);
    assert!(urls.len() >= 8, "the last round got through");
    let client = stage.app.anonymous();
    for url in &urls {
        client.get(url).await.expect(200);
    }
    let rows: i64 = stage.app.value("SELECT count(*) FROM event_images").await;
    assert_eq!(rows, urls.len() as i64, "each row was promised, each promise has its row");
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_file_and_row_the_file_is_pruned_and_no_row_dangles() {
    let stage = Stage::new().await;
    let token = stage.app.log_in(&stage.cast.host_account).await;
    let (slug, path) = (stage.slug.clone(), stage.path());
    let directory = stage.app.app.config.database.data_dir.join("files");
    stage.app.run_jobs().await; // the cron table is written
    let ground = stage.app.leave().await;
    let server = ground.serve(&[]).await;
    let client = token.at(server.address);
    upload(&client, &path, "image/png", png(20, 10)).await.unwrap().expect(201);
    // Somebody holds the event: the next upload has its file and waits for its row.
    let mut holder = ground.database.client().await;
    let holding = holder.transaction().await.unwrap();
    holding.query("SELECT FROM events WHERE slug = $1 FOR UPDATE", &[&slug]).await.unwrap();
    let full = || pictures(&directory);
    let (waiting, ()) = tokio::join!(upload(&client, &path, "image/png", png(40, 20)), async {
        eventually("its file is there", async || full() == 2).await;
        server.kill().await;
    });
    assert!(waiting.is_none_or(|answer| answer.status != 201), "nothing was promised");
    holding.rollback().await.unwrap();

    let app = ground.start().await;
    let dangling = async || {
        let keys = app.database.client().await.query("SELECT key FROM event_images", &[]).await.unwrap();
        let keys: Vec<String> = keys.iter().map(|row| row.get(0)).collect();
        let file = |key: &String| directory.join(format!("media/{}/{key}.jpg", &key[..2]));
        (keys.len(), keys.iter().filter(|key| !file(key).exists()).count())
    };
    assert_eq!(dangling().await, (1, 0));
    app.app.clock.advance(SignedDuration::from_hours(25));
    app.run_jobs().await;
    assert_eq!((dangling().await, full()), ((1, 0), 1), "the file without a row is gone");
    app.finish().await;
}
