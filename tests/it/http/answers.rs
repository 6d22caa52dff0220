//! What every answer has, and what becomes of requests that are wrong.

use axum::{
    Router,
    extract::FromRef,
    http::{HeaderMap, Method, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;
use sportello::http::{
    client::ClientAddress,
    conditional::{ETag, IfMatch},
    cursor::CursorKey,
    extract::{Json, Path},
    idempotency::Keyed,
    listing::Listing,
    problem::{Answer, Problem},
    state::BodyLimits,
    validate::Checks,
};
use std::time::Duration;
use uuid::Uuid;

use super::wire::{Reply, Wired, bytes, period};

#[derive(Clone)]
struct State(BodyLimits);

impl FromRef<State> for BodyLimits {
    fn from_ref(state: &State) -> Self {
        state.0
    }
}

impl FromRef<State> for CursorKey {
    fn from_ref(_: &State) -> Self {
        Self::new(b"secret")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewThing {
    title: String,
    tickets: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filters {
    #[serde(rename = "even")]
    only_even: Option<bool>,
}

async fn create(Keyed { body, .. }: Keyed<NewThing>) -> Answer {
    let mut checks = Checks::default();
    checks.line("/title", &body.title, 1..=10);
    checks.range("/tickets", body.tickets, 1..=10);
    checks.done()?;
    Ok(Json(body.title).into_response())
}

async fn list(list: Listing<Filters, u32>) -> Response {
    let step = if list.filters.only_even == Some(true) { 2 } else { 1 };
    let after = list.after.unwrap_or(0);
    let rows = (1..).map(|n| after + n * step).take_while(|n| *n <= 50).take(list.fetch() as usize).collect();
    list.answer(rows, |row| *row, |row| row)
}

fn things() -> Wired {
    let router = Router::new()
        .route("/things", get(list).post(create))
        .route("/things/{id}", get(async |Path(id): Path<Uuid>| id.to_string()))
        .route("/versions", post(async |tag: IfMatch| tag.check(&ETag::of_version(3)).map(|()| "changed")))
        .route("/panic", get(async || -> &'static str { panic!("secret words") }))
        .route("/broken", get(async || Problem::internal("SELECT secret FROM users")))
        .route("/never", get(std::future::pending::<()>))
        .route("/address", get(async |address: ClientAddress| address.0.to_string()))
        .route("/bare", get(async || (axum::http::StatusCode::IM_A_TEAPOT, "short and stout")))
        .route("/large", get(async || Json("[0]".repeat(1000))))
        .with_state(State(BodyLimits { max_bytes: 64, deadline: Duration::from_millis(50) }));
    let routes = [("/things", Method::GET), ("/things", Method::POST), ("/panic", Method::GET)];
    Wired::start(router, &routes, |config| {
        config.request_deadline = period(500);
        config.max_header_bytes = bytes(8 * 1024);
        config.cors_origins = vec!["https://app.example".to_owned()];
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
}

async fn post_things(wired: &Wired, body: &str) -> Reply {
    wired.ask("POST /things\ncontent-type: application/json", body).await
}

#[tokio::test]
async fn every_rejection_is_a_problem_with_its_own_code() {
    let wired = things();
    let long = format!("GET /things?{}", "x".repeat(9_000));
    let huge = format!("GET /things\nx-big: {}", "x".repeat(9_000));
    let json = "POST /things\ncontent-type: application/json";
    for (head, body, status, code) in [
        ("GET /nothing", "", 404, "not_found"),
        ("GET /things/not-an-id", "", 404, "not_found"),
        ("GET /things/%00", "", 404, "not_found"),
        ("DELETE /things", "", 405, "method_not_allowed"),
        ("GET /things?colour=red", "", 400, "invalid_parameters"),
        ("GET /things?limit=0", "", 400, "invalid_parameters"),
        ("GET /things?limit=101", "", 400, "invalid_parameters"),
        ("GET /things?limit=1&limit=2", "", 400, "invalid_parameters"),
        ("GET /things?even=perhaps", "", 400, "invalid_parameters"),
        ("GET /things?cursor=AAAA", "", 400, "invalid_cursor"),
        (json, "{", 400, "malformed_json"),
        (json, "{\"title\": 1, \"tickets\": 1}", 422, "validation_failed"),
        (json, "{\"title\": \"a\", \"tickets\": 11}", 422, "validation_failed"),
        (json, &"x".repeat(65), 413, "body_too_large"),
        ("POST /things\ncontent-type: text/plain", "{}", 415, "unsupported_media_type"),
        ("POST /things", "{}", 415, "unsupported_media_type"),
        (
            "POST /things\ncontent-type: application/json\ncontent-encoding: gzip",
            "x",
            415,
            "unsupported_encoding",
        ),
        (
            "POST /things\ncontent-type: application/json\nidempotency-key: \"open",
            "{}",
            400,
            "invalid_parameters",
        ),
        ("POST /versions", "", 428, "precondition_required"),
        ("POST /versions\nif-match: \"v2\"", "", 412, "precondition_failed"),
        ("POST /versions\nif-match: v3", "", 400, "invalid_parameters"),
        (&long, "", 414, "uri_too_long"),
        (&huge, "", 431, "header_too_large"),
        ("GET /bare", "", 418, "i'm_a_teapot"),
        ("GET /panic", "", 500, "internal"),
        ("GET /broken", "", 500, "internal"),
    ] {
        let reply = wired.ask(head, body).await;
        let head = &head[..head.len().min(60)];
        assert_eq!((reply.status(), reply.problem().as_str()), (status, code), "{head} {body}");
        let text = String::from_utf8_lossy(&reply.body);
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(reply.header("allow"), (status == 405).then_some("GET,HEAD,POST"), "{head}");
    }
    assert_eq!(wired.ask("POST /versions\nif-match: \"v2\", \"v3-br\"", "").await.status(), 200);
}

#[tokio::test]
async fn all_wrong_fields_come_at_once_with_their_pointers() {
    let reply = post_things(&things(), r#"{"title": "much too long a title", "tickets": 11}"#).await;
    let errors = &reply.json()["errors"];
    assert_eq!(errors[0]["pointer"], "/title");
    assert_eq!(errors[1]["pointer"], "/tickets");
    assert_eq!(errors[1]["in"], "body");
}

#[tokio::test]
async fn a_body_that_drips_in_is_408() {
    let wired = things();
    let mut raw = wired.connect().await;
    raw.send(
        "POST /things HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 60\r\n\r\n{",
    )
    .await;
    let reply = raw.reply().await;
    assert_eq!((reply.status(), reply.problem().as_str()), (408, "body_timeout"));
}

#[tokio::test]
async fn a_handler_that_never_answers_is_503_at_the_deadline() {
    let reply = things().ask("GET /never", "").await;
    assert_eq!((reply.status(), reply.problem().as_str()), (503, "deadline_exceeded"));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn answers_carry_their_request_id_and_the_security_headers() {
    let wired = things();
    let reply = wired.ask("GET /things\nx-request-id: mine-1", "").await;
    assert_eq!(reply.header("x-request-id"), Some("mine-1"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
    assert_eq!(reply.header("strict-transport-security"), None);
    assert_eq!(reply.header("server"), None);
    let other = wired.ask("GET /things\nx-request-id: <script>", "").await;
    assert_eq!(other.header("x-request-id").unwrap().len(), 16);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_accept_it() {
    let wired = things();
    for (accept, coding) in [("gzip, br;q=0.5", Some("gzip")), ("zstd", Some("zstd")), ("identity", None)] {
        let reply = wired.ask(&format!("GET /large\naccept-encoding: {accept}"), "").await;
        assert_eq!(reply.header("content-encoding"), coding, "{accept}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"));
        assert_eq!(reply.body.len() < 500, coding.is_some(), "{accept}");
    }
}

#[tokio::test]
async fn lists_go_on_where_they_ended_and_refuse_foreign_cursors() {
    let wired = things();
    let (mut seen, mut path) = (Vec::new(), "/things?limit=20&even=true".to_owned());
    loop {
        let reply = wired.ask(&format!("GET {path}"), "").await;
        let page = reply.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(reply.header("link"), None);
            break;
        };
        let link = reply.header("link").unwrap();
        assert!(link.contains(cursor) && link.ends_with("; rel=\"next\""), "{link}");
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        let foreign = wired.ask(&format!("GET /things?even=false&cursor={cursor}"), "").await;
        assert_eq!((foreign.status(), foreign.problem().as_str()), (400, "invalid_cursor"));
    }
    assert_eq!(seen, (1..=25).map(|n| n * 2).collect::<Vec<u64>>());
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_found() {
    let reply = things().ask("GET /address\nx-forwarded-for: 6.6.6.6, 1.2.3.4", "").await;
    assert_eq!(reply.body, b"1.2.3.4");
}

#[tokio::test]
async fn only_configured_origins_may_call_from_a_browser() {
    let wired = things();
    let preflight =
        |origin: &str| format!("OPTIONS /things\norigin: {origin}\naccess-control-request-method: POST");
    let allowed = wired.ask(&preflight("https://app.example"), "").await;
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    let refused = wired.ask(&preflight("https://evil.example"), "").await;
    assert_eq!((refused.status(), refused.header("access-control-allow-origin")), (405, None));
    let error = wired.ask("GET /nothing\norigin: https://app.example", "").await;
    assert_eq!(error.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(error.header("vary"), Some("origin"));
}

#[tokio::test]
async fn figures_are_kept_by_template_and_never_by_path() {
    let wired = things();
    for path in ["/things", "/panic", "/made/up/1", "/made/up/2"] {
        wired.ask(&format!("GET {path}"), "").await;
    }
    super::wire::until("the last figure", || wired.metrics.http.in_flight.get() == 0).await;
    let text = wired.metrics.encode();
    assert!(text.contains(r#"http_requests_total{method="GET",route="/things",status="200"} 1"#), "{text}");
    assert!(text.contains(r#"route="/panic",status="500"} 1"#));
    assert!(text.contains(r#"route="unmatched",status="404"} 2"#));
    assert!(!text.contains("/made"));
}

#[tokio::test]
async fn headers_of_a_handler_survive_its_problem() {
    let refuse = async || {
        let headers = HeaderMap::from_iter([(header::SET_COOKIE, "a=b".parse().unwrap())]);
        (headers, Problem::conflict("taken", "somebody was faster")).into_response()
    };
    let wired = Wired::start(Router::new().route("/", get(refuse)), &[], |_| {});
    let reply = wired.ask("GET /", "").await;
    assert_eq!((reply.problem().as_str(), reply.header("set-cookie")), ("taken", Some("a=b")));
}
