//! What ends up in the files.

use std::{fs, io::Write as _, panic, path::PathBuf};

use tracing_subscriber::layer::SubscriberExt as _;

use super::{FileLog, filter, output, panics};

/// A folder of this test alone, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sportello-logs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_full_file_is_put_aside_and_the_oldest_is_deleted() {
    let folder = Folder::new("rotation");
    let log = FileLog::open(&folder.0.join("a.log"), 32, 2).unwrap();
    let mut writer = log.writer();
    for n in 0..8 {
        writer.write_all(format!("line number {n:02}\n").as_bytes()).unwrap();
    }
    drop(log);
    assert_eq!(folder.read("a.log"), "line number 06\nline number 07\n");
    assert_eq!(folder.read("a.log.1"), "line number 04\nline number 05\n");
    assert_eq!(folder.read("a.log.2"), "line number 02\nline number 03\n");
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
}

#[test]
fn a_restart_goes_on_in_the_same_file() {
    let folder = Folder::new("restart");
    for n in 0..3 {
        let log = FileLog::open(&folder.0.join("a.log"), 20, 5).unwrap();
        log.writer().write_all(format!("run {n}....\n").as_bytes()).unwrap();
    }
    assert_eq!(folder.read("a.log"), "run 2....\n");
    assert_eq!(folder.read("a.log.1"), "run 0....\nrun 1....\n");
}

#[test]
fn records_are_json_with_their_fields_and_ractor_is_quiet() {
    let folder = Folder::new("json");
    let log = FileLog::open(&folder.0.join("a.log"), 1 << 20, 1).unwrap();
    let layers = vec![output(true, false, log.writer())];
    let subscriber = tracing_subscriber::registry().with(layers).with(filter("info").unwrap());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "ractor::actor", "noise");
        tracing::info!(db.statement = "events.find", db.ms = 120, "slow query");
    });
    drop(log);
    let text = folder.read("a.log");
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["message"], "slow query");
    assert_eq!(record["db.statement"], "events.find");
    assert_eq!(record["db.ms"], 120);
    assert_eq!(record["level"], "INFO");
}

#[test]
fn panics_are_logged_with_their_place() {
    let folder = Folder::new("panics");
    let log = FileLog::open(&folder.0.join("a.log"), 1 << 20, 1).unwrap();
    let layers = vec![output(true, false, log.writer())];
    let before = panic::take_hook();
    panic::set_hook(Box::new(panics::log));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layers), || {
        let caught = panic::catch_unwind(|| panic!("the {} is on fire", "desk"));
        assert!(caught.is_err());
    });
    panic::set_hook(before);
    drop(log);
    let record: serde_json::Value = serde_json::from_str(folder.read("a.log").trim()).unwrap();
    assert_eq!(record["message"], "panic: the desk is on fire");
    assert_eq!(record["level"], "ERROR");
    let place = record["panic.location"].as_str().unwrap();
    assert!(place.starts_with("src/telemetry/tests.rs:"), "{place}");
}
