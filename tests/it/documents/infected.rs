//! A virus scanner: what it knows does not come in, and while it is away nothing does. The scanner is clamd itself with one
//! signature, that of the EICAR test file; where it is not installed (script/setup --test), nothing of this is tested.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use sportello::config::{Config, values::Optional};
use tokio::process::{Child, Command};

use super::shelf::{Shelf, announce, long_text, pdf, piece};
use crate::harness::{scratch::Scratch, until::eventually};

/// The EICAR test file, in two halves: scanners look at sources, too.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR", "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// A clamd of the test's own.
struct Scanner {
    directory: Scratch,
    clamd: PathBuf,
}

impl Scanner {
    fn new() -> Option<Self> {
        let clamd = ["/usr/sbin/clamd", "/usr/local/sbin/clamd", "/opt/homebrew/sbin/clamd"];
        let Some(clamd) = clamd.iter().map(PathBuf::from).find(|path| path.exists()) else {
            eprintln!("clamd is not installed: run script/setup --test");
            return None;
        };
        let directory = Scratch::new();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("signatures")).unwrap();
        let signature = format!("Eicar-Test:0:0:{}\n", data_encoding::HEXLOWER.encode(&eicar()));
        std::fs::write(at("signatures/test.ndb"), signature).unwrap();
        let config = format!(
            "Foreground yes\nDatabaseDirectory {}\nLocalSocket {}\nStreamMaxLength 1M\n",
            at("signatures").display(),
            at("clamd.sock").display()
        );
        std::fs::write(at("clamd.conf"), config).unwrap();
        Some(Self { directory, clamd })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("clamd.sock")
    }

    async fn start(&self) -> Child {
        let mut command = Command::new(&self.clamd);
        command.arg("--foreground").arg("--config-file").arg(self.directory.path().join("clamd.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().unwrap();
        let socket = self.socket();
        eventually("clamd listens", async || tokio::net::UnixStream::connect(&socket).await.is_ok()).await;
        child
    }
}

fn asks(config: &mut Config, socket: &Path, required: bool) {
    config.documents.clamd = Optional(Some(format!("unix:{}", socket.display())));
    config.documents.clamd_required = required;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scanner_knows_is_refused_by_name_and_leaves_nothing() {
    let Some(scanner) = Scanner::new() else { return };
    let mut clamd = scanner.start().await;
    let shelf = Shelf::with(|config| asks(config, &scanner.socket(), true)).await;
    let user = &shelf.cast.user;
    let bad = eicar();
    let told = shelf.send(user, "prova.txt", "text/plain", &bad).await.expect(422);
    assert_eq!(told.code(), "infected");
    assert!(told.json()["detail"].as_str().unwrap().contains("Eicar-Test"), "{:?}", told.body);
    let created = announce(user, bad.len(), &[("filename", "prova.txt")], &[]).await.expect(201);
    let told = piece(user, created.header("location"), 0, bad, &[]).await.expect(422);
    assert_eq!(told.code(), "infected");
    // Larger than the scanner takes: nobody has looked at it.
    let large = shelf.send(user, "grande.txt", "text/plain", &long_text(1_500_000)).await.expect(422);
    assert_eq!(large.code(), "too_large_to_scan");
    shelf.is_empty().await;
    let written: i64 = shelf
        .app
        .value(
            "SELECT count(*) FROM audit_entry
            WHERE result = 'refused' AND details->>'code' = 'infected' AND details->>'found' LIKE '%Eicar-Test%'",
        )
        .await;
    assert_eq!(written, 2);

    shelf.send(user, "atto.pdf", "application/pdf", &pdf("sano")).await.expect(201);
    let by: String = shelf.app.value("SELECT scanned_by FROM document_version").await;
    assert!(by.starts_with("ClamAV "), "{by}");
    shelf.app.finish().await;
    clamd.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_wait_for_a_scanner_that_is_away() {
    let Some(scanner) = Scanner::new() else { return };
    let shelf = Shelf::with(|config| asks(config, &scanner.socket(), true)).await;
    let user = &shelf.cast.user;
    let content = pdf("attesa");
    let created = announce(user, content.len(), &[("filename", "atto.pdf")], &[]).await.expect(201);
    let path = created.header("location").to_owned();
    let state = async || user.get(&path).await.expect(200).json()["state"].as_str().unwrap().to_owned();
    let sending = piece(user, &path, 0, content, &[]);
    let watching = async {
        let snoozed = "SELECT EXISTS (SELECT FROM job.later WHERE why = 2)";
        eventually("the job waits", async || shelf.app.value::<bool>(snoozed).await).await;
        assert_eq!(state().await, "finishing");
        let seen: i64 = shelf.app.value("SELECT count(*) FROM document").await;
        assert_eq!(seen, 0, "nobody has looked at it");
        let clamd = scanner.start().await;
        shelf.app.app.clock.advance(jiff::SignedDuration::from_secs(20));
        clamd
    };
    let (answer, _clamd) = tokio::join!(sending, watching);
    answer.expect(204);
    assert_eq!(state().await, "done");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_scanner_is_not_required_files_come_in_without_it() {
    let socket = Path::new("/nowhere/clamd.sock");
    let shelf = Shelf::with(|config| asks(config, socket, false)).await;
    shelf.send(&shelf.cast.user, "atto.pdf", "application/pdf", &pdf("intanto")).await.expect(201);
    let unseen: bool = shelf.app.value("SELECT scanned_by IS NULL FROM document_version").await;
    assert!(unseen);
    shelf.app.finish().await;
}
