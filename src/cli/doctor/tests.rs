//! The doctor's findings on configurations that are wrong on purpose.

use std::{fs, os::unix::fs::PermissionsExt as _};

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
        config.database.data_dir = "/dev/null".into();
    })
    .await;
    assert_eq!(get(&checks, "database").status, Status::Fail);
    assert_eq!(get(&checks, "mail server").status, Status::Fail);
    assert_eq!(get(&checks, "Redis").status, Status::Warn);
    assert_eq!(get(&checks, "data directory").status, Status::Fail);
    let shown = text(&checks);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("FAIL  database"), "{shown}");
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
