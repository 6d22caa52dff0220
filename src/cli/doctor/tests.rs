//! The doctor's findings on configurations that are wrong on purpose.

use std::{fs, os::unix::fs::PermissionsExt as _};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Check, Status, examine, text};
use crate::config::{
    Config,
    values::{Optional, Secret},
};

async fn found(change: impl FnOnce(&mut Config)) -> Vec<Check> {
    let mut config = Config::defaults();
    config.database.data_dir = std::env::temp_dir().join("sportello-doctor-does-not-exist");
    change(&mut config);
    examine(&config).await
}

fn get<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[tokio::test]
async fn the_defaults_warn_about_what_must_change_before_going_live() {
    let checks = found(|_| {}).await;
    for name in ["secrets", "links in mails", "mail server"] {
        let check = get(&checks, name);
        assert_eq!(check.status, Status::Warn, "{check:?}");
        assert!(check.advice.as_ref().is_some_and(|advice| advice.contains("set ")), "{check:?}");
    }
    assert_eq!(get(&checks, "data directory").status, Status::Ok);
    assert!(get(&checks, "database").found.contains("not running"));
}

#[tokio::test]
async fn what_cannot_be_reached_fails_and_no_password_is_shown() {
    let checks = found(|config| {
        // Port 1 of this machine is closed.
        let secret = |url: &str| Optional(Some(Secret::new(url)));
        config.database.url = secret("postgres://app:hunter2@127.0.0.1:1/app");
        config.redis.url = secret("redis://:hunter2@127.0.0.1:1/0");
        config.mail.smtp_url = secret("smtp://app:hunter2@127.0.0.1:1");
        config.certified_mail.smtp_url = secret("smtp://app:hunter2@127.0.0.1:1");
        config.clinic.tesseract = Optional(Some("/dev/null".to_owned()));
        config.database.data_dir = "/dev/null".into();
    })
    .await;
    assert_eq!(get(&checks, "database").status, Status::Fail);
    for server in ["mail server", "certified mail"] {
        let check = get(&checks, server);
        assert!(
            check.status == Status::Fail && check.advice.as_ref().unwrap().contains("smtp_url"),
            "{check:?}"
        );
    }
    assert_eq!(get(&checks, "tesseract").status, Status::Warn);
    assert_eq!(get(&checks, "Redis").status, Status::Warn);
    assert_eq!(get(&checks, "data directory").status, Status::Fail);
    let shown = text(&checks);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("FAIL  database"), "{shown}");
}

/// Says hello, and no more.
async fn a_mail_server() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut heard = [0; 512];
            client.write_all(b"220 here\r\n").await.unwrap();
            while client.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {
                client.write_all(b"250 yes\r\n").await.unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn certified_mail_is_asked_for_and_receipts_that_nobody_looks_at_are_pointed_out() {
    let port = a_mail_server().await;
    let look = async |provider: &str, roots: Option<&str>| {
        let checks = found(|config| {
            config.certified_mail.provider = provider.to_owned();
            config.certified_mail.smtp_url = Optional(Some(Secret::new(format!("smtp://127.0.0.1:{port}"))));
            config.certified_mail.operator_roots = Optional(roots.map(Into::into));
        });
        get(&checks.await, "certified mail").clone()
    };
    assert_eq!(look("local", None).await.status, Status::Ok);
    let unread = look("operator", None).await;
    assert!(unread.status == Status::Warn && unread.found.contains("signatures"), "{unread:?}");
    let missing = look("operator", Some("/dev/null")).await;
    assert!(missing.status == Status::Fail && missing.found.contains("operator_roots"), "{missing:?}");
    assert!(get(&found(|_| {}).await, "certified mail").found.contains("not configured"));
}

#[tokio::test]
async fn a_program_that_reads_pictures_is_asked_for_its_languages() {
    let directory = std::env::temp_dir().join(format!("sportello-doctor-pictures-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let look = async |says: &str| {
        let program = directory.join("tesseract");
        fs::write(&program, format!("#!/bin/sh\n{says}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = program.to_str().unwrap().to_owned();
        let checks = found(|config| config.clinic.tesseract = Optional(Some(path))).await;
        get(&checks, "tesseract").clone()
    };
    assert_eq!(look("echo List; echo eng; echo ita; echo osd").await.status, Status::Ok);
    let english = look("echo eng").await;
    assert!(
        english.status == Status::Warn && english.found.ends_with("lacks the language ita"),
        "{english:?}"
    );
    assert_eq!(look("exit 1").await.status, Status::Fail);
    let off = found(|config| config.clinic.tesseract = Optional(Some("off".to_owned()))).await;
    assert!(get(&off, "tesseract").found.contains("switched off"));
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_pointed_out() {
    let public = |url: &str| Optional(Some(url.to_owned()));
    let https = found(|config| config.server.public_url = public("https://a.example")).await;
    assert_eq!(get(&https, "HTTPS").status, Status::Warn);
    assert_eq!(get(&https, "proxies").status, Status::Warn);
    let right = found(|config| {
        config.server.public_url = public("https://a.example");
        config.server.hsts = true;
        config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        config.payments.webhook_secret = Secret::new("a secret of our own");
    })
    .await;
    for name in ["HTTPS", "proxies", "secrets", "links in mails"] {
        assert_eq!(get(&right, name).status, Status::Ok, "{name}");
    }
}

#[tokio::test]
async fn links_in_mails_are_shown_and_those_that_nobody_should_open_are_pointed_out() {
    for (url, word) in [
        ("http://localhost:8080", "only this machine"),
        ("https://127.0.0.1", "only this machine"),
        ("http://[::1]:8080/x", "only this machine"),
        ("http://sportello.example", "in clear"),
    ] {
        let checks = found(|config| config.server.public_url = Optional(Some(url.to_owned()))).await;
        let check = get(&checks, "links in mails");
        assert!(check.status == Status::Warn && check.found.contains(word), "{check:?}");
        assert!(check.found.contains(&format!("{url}/account/reset#")), "{check:?}");
    }
}

#[tokio::test]
async fn what_others_could_read_is_pointed_out() {
    let root = std::env::temp_dir().join(format!("sportello-doctor-{}", std::process::id()));
    let look = async |mode: u32| {
        let paths = [root.clone(), root.join("outbox"), root.join("files")];
        for path in &paths {
            fs::create_dir_all(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let checks = found(|config| config.database.data_dir.clone_from(&root)).await;
        ["data directory", "outbox", "stored files"].map(|name| get(&checks, name).status)
    };
    assert_eq!(look(0o755).await, [Status::Warn; 3]);
    assert_eq!(look(0o711).await, [Status::Ok, Status::Warn, Status::Warn]);
    assert_eq!(look(0o700).await, [Status::Ok; 3]);
    fs::remove_dir_all(root).unwrap();
}
