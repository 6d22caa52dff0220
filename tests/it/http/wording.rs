//! What the API says of values that do not fit: what to send instead, and nothing about how it was built.

use axum::http::Method;
use jiff::ToSpan;
use serde_json::json;

use crate::harness::{app::TestApp, client::Answer, people::Cast};

/// What only programmers of this server would understand, or nobody.
const INTERNALS: [&str; 15] = [
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "usize",
    "struct ",
    "variant",
    "failed to",
    "invalid type",
    "expected",
    "digit",
    "visitor",
];

fn check(answer: &Answer, status: u16, pointer: &str, code: &str, detail: &str, asked: &str) {
    let problem = answer.json();
    assert_eq!(answer.status, status, "{asked}: {problem}");
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{asked}: {problem}");
    let told = error["detail"].as_str().unwrap();
    assert!(told.starts_with(detail), "{asked}: {told}");
    let text = problem.to_string();
    for internal in INTERNALS {
        assert!(!text.contains(internal), "{asked} speaks of {internal:?}: {text}");
    }
}

const DAY: &str = "must be a date such as 2026-12-31";
const WHOLE: &str = "must be a whole number";
const LARGE: &str = "must be a whole number; this one is too large";
const CATEGORIES: &str = "must be one of `music`, `sports`, `arts`, `food`, `business`, `tech`, `wellness`";

async fn stage() -> (TestApp, Cast, String) {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let cast = app.a_cast().await;
    let slug = app.an_event().hosted_by(cast.host_account.id).create().await;
    (app, cast, slug)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_wrong_member_is_told_what_to_send_instead() {
    let (app, cast, _) = stage().await;
    let day = app.today() + 30.days();
    let event = json!({
        "title": "Jazz", "description": "Musica.", "category": "music", "city": app.a_city().await,
        "location": "Piazza", "starts_on": day, "ends_on": day, "price_cents": 1500, "capacity": 10,
    });
    for (member, value, code, detail) in [
        ("title", json!(7), "wrong_type", "must be a string"),
        ("title", json!(null), "required", "must not be null"),
        ("category", json!("opera"), "not_allowed", CATEGORIES),
        ("category", json!(1), "wrong_type", CATEGORIES),
        ("category", json!(null), "required", "must not be null"),
        ("starts_on", json!("31/12/2027"), "invalid", DAY),
        ("ends_on", json!("2027-02-30"), "invalid", DAY),
        ("ends_on", json!(20_270_230), "wrong_type", DAY),
        ("start_time", json!("25:00"), "invalid", "must be a time such as 20:30"),
        ("start_time", json!(21), "wrong_type", "must be a time such as 20:30"),
        ("price_cents", json!(null), "required", "must not be null"),
        ("price_cents", json!("10"), "wrong_type", WHOLE),
        ("capacity", json!(1.5), "wrong_type", WHOLE),
        ("capacity", json!(99_999_999_999_i64), "out_of_range", LARGE),
        ("age_restriction", json!(40_000), "out_of_range", LARGE),
        ("featured", json!("yes"), "wrong_type", "must be true or false"),
        (
            "colour",
            json!("red"),
            "unknown_field",
            "there is no such member; there are `title`, `description`",
        ),
    ] {
        let (mut body, pointer) = (event.clone(), format!("/{member}"));
        body[member] = value;
        let answer = cast.host.post("/api/v1/events", body.clone()).await;
        check(&answer, 422, &pointer, code, detail, &body.to_string());
    }
    let mut missing = event.clone();
    missing.as_object_mut().unwrap().remove("title");
    let answer = cast.host.post("/api/v1/events", missing).await;
    check(&answer, 422, "/title", "required", "is required", "no title");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_every_route_are_read_alike() {
    let (app, cast, slug) = stage().await;
    let bookings = format!("/api/v1/events/{slug}/bookings");
    for (body, pointer, code, detail) in [
        (json!({"tickets": "2"}), "/tickets", "wrong_type", WHOLE),
        (json!({"tickets": 70_000}), "/tickets", "out_of_range", LARGE),
        (json!({"tickets": 1, "event_date": "soon"}), "/event_date", "invalid", DAY),
        (json!([]), "", "wrong_type", "must be an object"),
        (json!("two"), "", "wrong_type", "must be an object"),
    ] {
        let answer = cast.user.post(&bookings, body.clone()).await;
        check(&answer, 422, pointer, code, detail, &body.to_string());
    }
    for (member, value, code, detail) in [
        ("role", json!("admin"), "not_allowed", "must be one of `client`, `host`"),
        ("language", json!(5), "wrong_type", "must be one of `it`, `en`"),
        ("email", json!(null), "required", "must not be null"),
    ] {
        let mut body = json!({"email": "a@b.it", "password": "x", "name": "A"});
        body[member] = value;
        let answer = cast.anonymous.post("/api/v1/auth/register", body.clone()).await;
        check(&answer, 422, &format!("/{member}"), code, detail, &body.to_string());
    }
    for (body, pointer, code, detail) in [
        (json!({"title": null}), "/title", "required", "must not be null"),
        (json!({"title": 3}), "/title", "wrong_type", "must be a string"),
        (json!({"colour": null}), "/colour", "unknown_field", "there is no such member"),
        (json!({"category": "opera"}), "/category", "not_allowed", CATEGORIES),
    ] {
        let answer = cast.host.patch(&format!("/api/v1/events/{slug}"), "*", body.clone()).await;
        check(&answer, 422, pointer, code, detail, &body.to_string());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_paths_are_told_what_to_send_instead() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let cast = app.a_cast().await;
    for (path, pointer, code, detail) in [
        (
            "/api/v1/events?colour=red",
            "/colour",
            "unknown_parameter",
            "there is no such parameter; there are `q`, `city`",
        ),
        (
            "/api/v1/me/favourites?q=x",
            "/q",
            "unknown_parameter",
            "there is no such parameter; there are `limit`, `cursor`",
        ),
        ("/api/v1/events?category=opera", "/category", "not_allowed", CATEGORIES),
        ("/api/v1/events?category=", "/category", "not_allowed", CATEGORIES),
        (
            "/api/v1/events?sort=name",
            "/sort",
            "not_allowed",
            "must be one of `new`, `price`, `-price`, `start`, `popular`",
        ),
        ("/api/v1/events?min_price=x", "/min_price", "invalid", WHOLE),
        ("/api/v1/events?min_price=99999999999999999999", "/min_price", "out_of_range", LARGE),
        ("/api/v1/events?date=tomorrow", "/date", "invalid", DAY),
        ("/api/v1/events?from=2027-02-30", "/from", "invalid", DAY),
        ("/api/v1/events?free=maybe", "/free", "invalid", "must be true or false"),
        ("/api/v1/events?host=me", "/host", "invalid", "must be an id such as"),
        ("/api/v1/events?limit=x", "/limit", "out_of_range", "must be a whole number from 1 to 100"),
        ("/api/v1/events?city=a&city=b", "/city", "repeated_parameter", "is given more than once"),
        ("/api/v1/events?limit=1&limit=2", "/limit", "repeated_parameter", "is given more than once"),
        ("/api/v1/events/autocomplete", "/q", "required", "is required"),
        (
            "/admin/api/restarts?since=yesterday",
            "/since",
            "invalid",
            "must be a time such as 2026-12-31T20:00:00Z",
        ),
    ] {
        check(&cast.admin.get(path).await, 400, pointer, code, detail, path);
    }
    let last = cast.admin.get("/api/v1/events?colour=red").await.json();
    assert!(last["detail"].as_str().unwrap().ends_with("`sort`, `limit`, `cursor`"), "{last}");
    for path in
        ["/api/v1/bookings/42", "/api/v1/reviews/x", "/api/v1/bookings/01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10"]
    {
        let answer = cast.user.get(path).await.expect(404);
        assert!(
            INTERNALS.iter().all(|internal| !answer.json().to_string().contains(internal)),
            "{:?}",
            answer.body
        );
    }
    let header = [("content-type", "application/json")];
    for body in ["{", "", "{\"tickets\": 01}", "{\"tickets\": 1}}", "\u{feff}{}"] {
        let path = "/api/v1/events/x/bookings";
        let answer =
            cast.user.attempt_bytes(Method::POST, path, &header, body.to_owned().into()).await.unwrap();
        let problem = answer.expect(400).json();
        assert_eq!(
            (&problem["code"], &problem["title"]),
            (&json!("malformed_json"), &json!("Malformed JSON"))
        );
    }
    app.finish().await;
}
