//! How contents are kept: packed where it helps, sealed where it is configured; what is damaged is never sent.

use std::path::PathBuf;

use axum::http::Method;
use jiff::SignedDuration;
use sportello::config::values::{Optional, Secret};

use super::shelf::{Shelf, files, long_text, pdf};
use crate::harness::client::Client;

const OLD: &str = "2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const BOTH: &str =
    "2027a:BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,2026a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn keys(text: &str) -> Optional<Secret> {
    Optional(Some(Secret::new(text.to_owned())))
}

async fn sealing() -> Shelf {
    Shelf::with(|config| {
        config.documents.encrypt = true;
        config.jobs.seal_keys = keys(OLD);
    })
    .await
}

/// The only object there is.
fn object(shelf: &Shelf) -> PathBuf {
    let mut all = files(&shelf.app.app.config.database.data_dir.join("files/documents"));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Sends a text and says where it is read.
async fn sent(shelf: &Shelf, content: &[u8]) -> String {
    let sent = shelf.send(&shelf.cast.user, "registro.txt", "text/plain", content).await.expect(201);
    shelf.app.run_jobs().await;
    format!("{}/content", sent.header("location"))
}

/// Reads parts at the boundaries of frames and chunks, and the whole.
async fn is_read_everywhere(client: &Client, path: &str, content: &[u8]) {
    let whole = client.get(path).await.expect(200);
    assert!(whole.body == content, "{} bytes came back", whole.body.len());
    let end = content.len() - 1;
    for (first, last) in
        [(0, 0), (65_535, 65_536), (262_143, 262_145), (100, 1_000_000), (end, end), (0, end)]
    {
        let range = format!("bytes={first}-{last}");
        let part = client.request(Method::GET, path, &[("range", &range)], None).await.expect(206);
        assert!(part.body == content[first..=last], "{range}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_packed_and_sealed_and_read_as_it_was_sent() {
    let shelf = sealing().await;
    let content = long_text(3_000_000);
    let path = sent(&shelf, &content).await;
    let kept = std::fs::read(object(&shelf)).unwrap();
    assert!(kept.len() * 4 < content.len(), "{} bytes are kept", kept.len());
    assert!(!kept.windows(4).any(|part| part == b"riga"));
    let fits: bool = shelf
        .app
        .value("SELECT coding = 'zstd' AND key_id = '2026a' AND bytes = 3000000 FROM document_version")
        .await;
    assert!(fits);
    let stored: i64 = shelf.app.value("SELECT stored_bytes FROM document_version").await;
    assert_eq!(stored, kept.len() as i64);
    let quota: i64 = shelf.app.value("SELECT stored FROM document_quota").await;
    assert_eq!(quota, 3_000_000, "what counts is what was sent");
    is_read_everywhere(&shelf.cast.user, &path, &content).await;
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_a_text_is_packed_so_that_any_zstd_unpacks_it() {
    let shelf = Shelf::new().await;
    let content = long_text(1_200_000);
    let path = sent(&shelf, &content).await;
    let kept = std::fs::read(object(&shelf)).unwrap();
    assert!(kept.len() * 4 < content.len() && zstd::decode_all(&kept[..]).unwrap() == content);
    is_read_everywhere(&shelf.cast.user, &path, &content).await;
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_has_changed_is_never_sent() {
    for (encrypt, kind, content) in [
        (false, "application/pdf", pdf(std::str::from_utf8(&long_text(900_000)).unwrap())),
        (true, "application/pdf", pdf(std::str::from_utf8(&long_text(900_000)).unwrap())),
        (false, "text/plain", long_text(6_000_000).to_vec()),
        (true, "text/plain", long_text(6_000_000).to_vec()),
    ] {
        let shelf = if encrypt { sealing().await } else { Shelf::new().await };
        let user = &shelf.cast.user;
        let sent = shelf.send(user, "atto", kind, &content).await.expect(201);
        let path = format!("{}/content", sent.header("location"));
        shelf.app.run_jobs().await;
        let object = object(&shelf);
        let mut kept = std::fs::read(&object).unwrap();
        let place = kept.len() / 2;
        kept[place] ^= 4;
        std::fs::write(&object, &kept).unwrap();
        let damaged = || {
            let text = shelf.app.app.metrics.encode();
            let line =
                text.lines().find(|line| line.starts_with("sportello_contents_damaged_total")).unwrap();
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        assert!(damaged() < 0.5);
        let read = user.attempt(Method::GET, &path, &[], None).await;
        assert!(read.is_none(), "{kind} sealed={encrypt}: the whole breaks off");
        assert!((damaged() - 1.0).abs() < 0.1, "{kind} sealed={encrypt}: {} were counted", damaged());
        // What stands before it is as good as ever.
        let part = user.request(Method::GET, &path, &[("range", "bytes=0-1000")], None).await.expect(206);
        assert!(part.body == content[..=1000]);
        kept.truncate(kept.len() - 1);
        std::fs::write(&object, &kept).unwrap();
        user.get(&path).await.expect(500);
        shelf.app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_wrapped_with_a_new_one_and_the_old_one_can_go() {
    let shelf = sealing().await;
    let content = long_text(1_200_000);
    let path = sent(&shelf, &content).await;
    let before = std::fs::read(object(&shelf)).unwrap();
    let account = shelf.cast.user_account.clone();
    // The next server has a new key in front of the old one.
    let ground = shelf.app.leave().await;
    let app = ground.start_with(|config| config.jobs.seal_keys = keys(BOTH)).await;
    app.app.clock.advance(SignedDuration::from_hours(25));
    app.run_jobs().await;
    let key: String = app.value("SELECT key_id FROM document_version").await;
    assert_eq!(key, "2027a");
    is_read_everywhere(&app.log_in(&account).await, &path, &content).await;
    let ground = app.leave().await;
    let app = ground.start_with(|config| config.jobs.seal_keys = keys(BOTH.split(',').next().unwrap())).await;
    is_read_everywhere(&app.log_in(&account).await, &path, &content).await;
    let object = files(&app.app.config.database.data_dir.join("files/documents")).remove(0);
    assert!(std::fs::read(object).unwrap() == before, "the content was not touched");
    app.finish().await;
}
