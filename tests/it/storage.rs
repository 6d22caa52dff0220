//! Files are written whole, come back as they were, and outlive every crash of their actor.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use bytes::Bytes;
use jiff::SignedDuration;
use sportello::actors::data::storage::StorageError;

use crate::harness::app::TestApp;

const ACTOR: &str = "root/data/storage";

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_read_replaced_listed_and_removed() {
    let app = TestApp::start().await;
    let storage = &app.app.storage;
    let (key, large) = ("media/ab/file", Bytes::from(vec![7; 3 << 20]));
    assert_eq!(storage.get(key).await.unwrap(), None);
    assert!(!storage.has(key).await.unwrap());
    storage.put(key, Bytes::from_static(b"first")).await.unwrap();
    storage.put(key, large.clone()).await.unwrap();
    assert_eq!(storage.get(key).await.unwrap(), Some(large));
    assert!(storage.has(key).await.unwrap());
    let listed = storage.list("media").await.unwrap();
    assert_eq!(listed.iter().map(|file| file.key.as_str()).collect::<Vec<_>>(), [key]);
    let age = app.app.clock.now().duration_since(listed[0].modified);
    assert!(age < SignedDuration::from_secs(60), "{age}");
    storage.delete(key).await.unwrap();
    storage.delete(key).await.unwrap();
    assert_eq!(storage.get(key).await.unwrap(), None);
    assert_eq!(storage.list("elsewhere").await.unwrap(), []);
    for bad in ["../outside", "media/../../outside", ""] {
        assert!(matches!(storage.get(bad).await, Err(StorageError::NoKey)), "{bad}");
    }
    let mode =
        std::fs::metadata(app.app.config.database.data_dir.join("files")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else may look");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_under_load_lose_no_acknowledged_file_and_show_no_half_one() {
    let app = TestApp::start_with(|config| config.actors.intensity = 10_000).await;
    let storage = &app.app.storage;
    let content = |n: usize| Bytes::from(vec![n as u8; 64 << 10]);
    let stop = tokio_util::sync::CancellationToken::new();
    let crashing = async {
        while !stop.is_cancelled() {
            let _ = app.app.registry.crash(ACTOR);
            tokio::time::timeout(Duration::from_millis(5), stop.cancelled()).await.unwrap_or(());
        }
    };
    let writing = async {
        let written = futures_util::future::join_all((0..200usize).map(async |n| {
            let key = format!("media/{:02x}/file-{n}", n % 16);
            let put = storage.put(&key, content(n)).await;
            assert!(matches!(put, Ok(()) | Err(StorageError::Away | StorageError::Overloaded)), "{put:?}");
            let got = storage.get(&key).await;
            match (&put, got) {
                (Ok(()), Ok(got)) => assert_eq!(got, Some(content(n))),
                (Err(_), Ok(got)) => assert!(got.is_none_or(|got| got == content(n)), "half a file"),
                (_, Err(StorageError::Away | StorageError::Overloaded)) => {}
                (_, Err(other)) => panic!("{other}"),
            }
            (key, n, put.is_ok())
        }))
        .await;
        stop.cancel();
        written
    };
    let (written, ()) = tokio::join!(writing, crashing);
    let cell = app.app.registry.find(ACTOR).unwrap();
    assert!(cell.restarts() > 0, "nothing crashed");
    for (key, n, _) in written.iter().filter(|(_, _, acknowledged)| *acknowledged) {
        assert_eq!(storage.get(key).await.unwrap(), Some(content(*n)), "{key}");
    }
    assert_eq!(cell.depth(), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_written_files_of_the_dead_are_swept_when_nobody_can_still_write_them() {
    let app = TestApp::start().await;
    let storage = &app.app.storage;
    storage.put("media/ab/whole", Bytes::from_static(b"whole")).await.unwrap();
    let half = app.app.config.database.data_dir.join("files/media/ab/dead#1");
    std::fs::write(&half, "ha").unwrap();
    assert_eq!(storage.list("media").await.unwrap().len(), 1, "half a file is not listed");
    let now = app.app.clock.now();
    assert_eq!(storage.sweep(now - SignedDuration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(storage.sweep(now + SignedDuration::from_hours(1)).await.unwrap(), 1);
    assert!(!half.exists() && storage.has("media/ab/whole").await.unwrap());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_cannot_be_written_to_is_degraded_and_recovers() {
    let app = TestApp::start().await;
    let files = app.app.config.database.data_dir.join("files");
    assert!(app.app.storage.is_writable().await);
    // A file where a folder is needed: fails for every user, also for root.
    std::fs::write(files.join("media"), "in the way").unwrap();
    let put = app.app.storage.put("media/ab/file", Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(StorageError::Failed(_))), "{put:?}");
    std::fs::create_dir_all(files.join("probe/in the way")).unwrap();
    assert!(!app.app.storage.is_writable().await);
    let health = app.anonymous().get("/health").await.expect(200).json();
    assert_eq!(
        (&health["status"], &health["checks"]["storage"]["status"]),
        (&"degraded".into(), &"degraded".into())
    );
    app.anonymous().get("/ready").await.expect(200);
    std::fs::remove_file(files.join("media")).unwrap();
    std::fs::remove_dir_all(files.join("probe")).unwrap();
    assert!(app.app.storage.is_writable().await, "the probe writes again");
    app.app.storage.put("media/ab/file", Bytes::from_static(b"x")).await.unwrap();
    let metrics = app.app.metrics.encode();
    let failed = "sportello_storage_operations_total{operation=\"put\",outcome=\"failed\"}";
    assert!(metrics.contains(failed), "{metrics}");
    app.finish().await;
}
