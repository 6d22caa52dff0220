//! Clients that are refused while they still send: they hear why (RFC 9112, 9.6).

use std::time::Duration;

use axum::http::Method;
use tokio::time::timeout;

use super::wire::{Raw, Reply};
use crate::harness::{app::TestApp, people::Cast};

/// More than all buffers on the way together.
const LENGTH: usize = 20 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends a whole body as clients do that listen only afterwards.
async fn stubborn(app: &TestApp, head: &str, token: &str) -> Reply {
    let mut raw = Raw::connect(app.app.address).await;
    let authorization =
        if token.is_empty() { String::new() } else { format!("\nauthorization: Bearer {token}") };
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    raw.request(&format!("{line}{authorization}\ncontent-length: {LENGTH}\n{headers}"), "").await;
    let piece = "x".repeat(64 << 10);
    let sending = async {
        for _ in 0..LENGTH / piece.len() {
            raw.send(&piece).await;
        }
    };
    timeout(PATIENCE, sending).await.expect("what is sent is read");
    raw.reply().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_on_sending_reads_why_it_was_refused() {
    let app = TestApp::start_with(|config| config.documents.max_bytes.0 = 1 << 20).await;
    let Cast { user, .. } = app.a_cast().await;
    let token = user.token();
    let nobodys = uuid::Uuid::nil();
    let form = "content-type: multipart/form-data; boundary=XX";
    let (put, patch) = (
        format!("PUT /api/v1/documents/{nobodys}/content\ncontent-type: application/pdf\nif-match: *"),
        format!(
            "PATCH /api/v1/uploads/{nobodys}\ntus-resumable: 1.0.0\nupload-offset: 0\n\
             content-type: application/offset+octet-stream"
        ),
    );
    for (head, token, status, code) in [
        (&*format!("POST /api/v1/documents\n{form}"), "", 401, "unauthenticated"),
        (&format!("POST /api/v1/documents\n{form}"), token, 413, "file_too_large"),
        (&put, "", 401, "unauthenticated"),
        (&put, token, 413, "file_too_large"),
        (&patch, "", 401, "unauthenticated"),
        (&patch, token, 404, "not_found"),
        ("PATCH /api/v1/me\ncontent-type: application/json", token, 413, "body_too_large"),
        ("POST /nowhere", "", 404, "not_found"),
        ("POST /api/v1/events/x", "", 405, "method_not_allowed"),
    ] {
        let reply = stubborn(&app, head, token).await;
        assert_eq!((reply.status(), reply.problem().as_str()), (status, code), "{head}");
        assert_eq!(reply.header("connection"), Some("close"), "it need not be sent: {head}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_becomes_too_long_while_it_is_read_is_refused_in_words() {
    let app = TestApp::start_with(|config| config.documents.max_bytes.0 = LENGTH * 2).await;
    let Cast { user, .. } = app.a_cast().await;
    let mut raw = Raw::connect(app.app.address).await;
    let token = user.token();
    let head = format!(
        "POST /api/v1/documents\nauthorization: Bearer {token}\ncontent-length: {}\n\
         content-type: multipart/form-data; boundary=XX",
        LENGTH + 68
    );
    raw.request(&head, "").await;
    raw.send("--XX\r\nContent-Disposition: form-data; name=\"unknown_to_all\"\r\n\r\n").await;
    let piece = "x".repeat(64 << 10);
    let sending = async {
        for _ in 0..LENGTH / piece.len() {
            raw.send(&piece).await;
        }
    };
    timeout(PATIENCE, sending).await.expect("what is sent is read");
    assert_eq!(raw.reply().await.problem(), "validation_failed");
    app.finish().await;
}

#[tokio::test]
async fn a_small_body_that_nobody_wants_costs_no_connection() {
    let app = TestApp::start().await;
    let mut raw = Raw::connect(app.app.address).await;
    for _ in 0..3 {
        // The body comes late: the answer is there before it.
        raw.request("PATCH /api/v1/me\ncontent-type: application/json\ncontent-length: 30000", "").await;
        let reply = raw.reply().await;
        assert_eq!((reply.status(), reply.header("connection")), (401, None));
        raw.send(&"x".repeat(30_000)).await;
        raw.request("GET /alive", "").await;
        assert_eq!(raw.reply().await.status(), 200);
    }
    // Who waits to be asked for the body has sent nothing, and is not waited for.
    raw.request("PATCH /api/v1/me\nexpect: 100-continue\ncontent-length: 30000", "").await;
    let said = raw.closed().await;
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    app.finish().await;
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_whoever_asks() {
    let app = TestApp::start().await;
    let document = serde_json::to_value(sportello::http::openapi::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete = path.replace(['{', '}'], "");
        for method in ["TRACE", "QUERY", "PUT", "OPTIONS"] {
            let known = |name: &str| item[name.to_lowercase()].is_object();
            if known(method) {
                continue;
            }
            let head = format!("{method} {concrete}\nauthorization: Bearer x\nx-api-key: spk_y");
            let reply = super::wire::ask(app.app.address, &head, "").await;
            assert_eq!((reply.status(), reply.problem().as_str()), (405, "method_not_allowed"), "{head}");
            let allow: Vec<_> = reply.header("allow").unwrap().split(',').map(str::to_owned).collect();
            for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
                let name = method.as_str();
                assert_eq!(allow.iter().any(|it| it == name), known(name), "{name} {path}: {allow:?}");
            }
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_not_slow_because_its_client_is() {
    let ground = TestApp::start().await.leave().await;
    let server = ground.serve(&[("server.slow_request", "0s")]).await;
    let mut raw = Raw::connect(server.address).await;
    let body = format!("{{\"email\": \"nobody@example.org\", \"password\": \"{}\"}}", "x".repeat(40));
    let (first, second) = body.split_at(20);
    let head = format!(
        "POST /api/v1/auth/login\nx-request-id: the-slow-one-of-them\ncontent-type: application/json\n\
         content-length: {}",
        body.len()
    );
    raw.request(&head, "").await;
    raw.send(first).await;
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        assert_eq!(super::wire::ask(server.address, "GET /alive", "").await.status(), 200);
    }
    raw.send(second).await;
    assert_eq!(raw.reply().await.status(), 401);
    let (_, lines) = server.terminate_and_hear().await;
    let line = lines.iter().find(|line| line.contains("the-slow-one-of-them")).expect("all are slow here");
    let figures: serde_json::Value = serde_json::from_str(line).unwrap();
    let figure = |name: &str| {
        let value = figures.get(name).or_else(|| figures["fields"].get(name));
        value.and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("no {name}: {line}"))
    };
    assert!(figure("http.waited_ms") >= 900, "{line}");
    assert!(figure("http.ms") < 900, "it worked less than its client waited: {line}");
    assert_eq!(figure("http.bytes"), body.len() as u64);
}
