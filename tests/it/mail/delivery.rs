//! What arrives, what is refused, and what waits.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, time::Duration};

use serde_json::{Value, json};
use sportello::config::values::{Optional, Secret};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::server::{Mode, SmtpServer};
use crate::harness::{
    app::TestApp,
    client::{Client, PATIENCE},
    database::TestDatabase,
    scratch::Scratch,
    until::eventually,
};

async fn app(url: String) -> TestApp {
    TestApp::start_with(|config| {
        config.mail.smtp_url = Optional(Some(Secret::new(url)));
        config.mail.timeout.0 = Duration::from_secs(10);
    })
    .await
}

async fn register(app: &TestApp, name: &str, language: &str) {
    let body = json!({"email": "anna@example.org", "password": "un cavallo a dondolo", "name": name, "language": language});
    app.anonymous().post("/api/v1/auth/register", body).await.expect(201);
}

const FAILED: &str = "SELECT count(*) FROM job.attempt WHERE error IS NOT NULL";

async fn has_failed(app: &TestApp, times: i64) {
    eventually("the attempt fails", async || app.value::<i64>(FAILED).await == times).await;
}

fn assert_two_parts(mail: &Value, words: &[&str]) {
    assert_eq!(mail["type"], "multipart/alternative", "{mail:#}");
    assert_eq!(mail["defects"], json!([]), "{mail:#}");
    let parts = mail["parts"].as_array().unwrap();
    let types: Vec<_> = parts.iter().map(|part| part["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["text/plain", "text/html"], "the last one is the one to prefer");
    for part in parts {
        for word in words {
            assert!(part["text"].as_str().unwrap().contains(word), "{word}: {part:#}");
        }
    }
    for header in ["date", "message-id", "subject", "from", "to"] {
        assert!(mail["headers"][header].is_string(), "{header}: {mail:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_both_parts_in_the_own_language() {
    let directory = Scratch::new();
    let mut server = SmtpServer::start(&directory, 0, Mode::Plain, None).await;
    let app = app(format!("smtp://localhost:{}", server.port)).await;
    register(&app, "Nicolò D’Àngelo", "it").await;
    app.run_jobs().await;
    let mail = server.next().await;
    assert_two_parts(&mail, &["Gentile Nicolò D’Àngelo", "il suo account è pronto"]);
    assert_eq!(mail["headers"]["subject"], "Benvenuto su Sportello");
    assert_eq!(mail["headers"]["to"], "Nicolò D’Àngelo <anna@example.org>");
    assert_eq!(
        (&mail["from"], &mail["to"]),
        (&json!("noreply@sportello.example"), &json!(["anna@example.org"]))
    );
    let english = json!({"email": "bob@example.org", "password": "un cavallo a dondolo", "name": "Bob", "language": "en"});
    app.anonymous().post("/api/v1/auth/register", english).await.expect(201);
    app.run_jobs().await;
    assert_two_parts(&server.next().await, &["Dear Bob", "your account is ready"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_delays_a_mail_and_loses_none() {
    let directory = Scratch::new();
    let port = TcpListener::bind("localhost:0").unwrap().local_addr().unwrap().port();
    let app = app(format!("smtp://localhost:{port}")).await;
    register(&app, "Anna", "it").await;
    has_failed(&app, 1).await;
    app.app.clock.advance(jiff::SignedDuration::from_hours(1));
    has_failed(&app, 2).await;
    let mut server = SmtpServer::start(&directory, port, Mode::Plain, None).await;
    app.app.clock.advance(jiff::SignedDuration::from_hours(1));
    app.run_jobs().await;
    assert_two_parts(&server.next().await, &["Gentile Anna"]);
    assert_eq!(app.value::<i64>(FAILED).await, 2, "the third attempt had something to knock at");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_in_the_clear_where_encryption_is_required() {
    let directory = Scratch::new();
    let server = SmtpServer::start(&directory, 0, Mode::Plain, None).await;
    let app = app(format!("smtp://localhost:{}?tls=required", server.port)).await;
    register(&app, "Anna", "it").await;
    has_failed(&app, 1).await;
    let outcome = "SELECT error FROM job.attempt ORDER BY finished_at LIMIT 1";
    let error: String = app.value(outcome).await;
    assert!(error.contains("could not be handed over"), "{error}");
    app.finish().await;
}

/// The whole process, which trusts the test's authority (`SSL_CERT_FILE`) and no other.
async fn welcomed_over(scheme: &str, query: &str, mode: Mode, password: &str) -> Result<Value, String> {
    let (database, directory) = (TestDatabase::create().await, Scratch::new());
    let mut server = SmtpServer::start(&directory, 0, mode, Some("desk:s3cret")).await;
    let url = format!("{scheme}://desk:{password}@localhost:{}{query}", server.port);
    let mut process = Command::new(env!("CARGO_BIN_EXE_sportello"))
        .arg("serve")
        .env("SSL_CERT_FILE", directory.path().join("authority.pem"))
        .env("SPORTELLO_MAIL__SMTP_URL", url)
        .env("SPORTELLO_DATABASE__URL", database.url())
        .env("SPORTELLO_DATABASE__DATA_DIR", directory.path())
        .env("SPORTELLO_SERVER__LISTEN", "127.0.0.1:0")
        .env("SPORTELLO_SERVER__STOP_GRACE", "1s")
        .env("SPORTELLO_LOGS__FORMAT", "json")
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
    let mut told = async |word: &str| loop {
        let line = tokio::time::timeout(PATIENCE, log.next_line()).await.expect(word).unwrap().expect(word);
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["message"].as_str().is_some_and(|message| message.contains(word)) {
            return line;
        }
    };
    let address = told("serving").await["address"].as_str().unwrap().parse().unwrap();
    let body = json!({"email": "anna@example.org", "password": "un cavallo a dondolo", "name": "Anna"});
    Client::of(address).post("/api/v1/auth/register", body).await.expect(201);
    tokio::select! {
        mail = server.next() => Ok(mail),
        failed = told("an attempt failed") => Err(failed.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_travel_encrypted_and_with_a_login() {
    for (scheme, query, mode) in [("smtp", "?tls=required", Mode::StartTls), ("smtps", "", Mode::Tls)] {
        let mail = welcomed_over(scheme, query, mode, "s3cret").await.unwrap();
        assert_two_parts(&mail, &["Gentile Anna"]);
        assert_eq!((&mail["tls"], &mail["authenticated"]), (&json!(true), &json!(true)), "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_reported_without_being_shown() {
    let failed = welcomed_over("smtp", "?tls=required", Mode::StartTls, "wr0ng").await.unwrap_err();
    assert!(failed.contains("535") && !failed.contains("wr0ng"), "{failed}");
}

#[tokio::test]
async fn an_outbox_that_others_could_read_is_closed_when_the_server_starts() {
    let directory = Scratch::new();
    let outbox = directory.path().join("outbox");
    let folders = [outbox.clone(), outbox.join("tmp"), outbox.join("new"), directory.path().join("files")];
    for folder in &folders {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let app = TestApp::start_with(|config| {
        config.mail.outbox = Optional(Some(outbox.clone()));
        config.storage.path = Optional(Some(directory.path().join("files")));
    })
    .await;
    for folder in &folders {
        let mode = fs::metadata(folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
    register(&app, "Anna", "it").await;
    app.run_jobs().await;
    assert_eq!(fs::read_dir(outbox.join("new")).unwrap().count(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_hangs_does_not_hold_up_a_stop() {
    let ground = TestApp::start().await.leave().await;
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", hanging.local_addr().unwrap());
    let server = ground.serve(&[("mail.smtp_url", &url), ("server.stop_grace", "1s")]).await;
    let body = json!({"email": "anna@example.org", "password": "un cavallo a dondolo", "name": "Anna"});
    Client::of(server.address).post("/api/v1/auth/register", body).await.expect(201);
    let (_silent, _) = hanging.accept().await.unwrap(); // the mailer waits for a greeting
    let begun = tokio::time::Instant::now();
    let (code, complaints) = server.terminate_and_hear().await;
    assert_eq!(code, 0);
    assert!(!complaints.iter().any(|line| line.contains("is killed")), "{complaints:#?}");
    let (took, grace) = (begun.elapsed(), Duration::from_secs(1));
    let margin = *sportello::config::Config::defaults().actors.stop_grace;
    assert!(took < grace + margin, "{took:?}: nothing of ours took as long as it may at most");
}
