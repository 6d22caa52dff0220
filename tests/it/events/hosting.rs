//! Hosts publish, change and withdraw events, and follow their sales; nobody else does.

use axum::http::Method;
use jiff::{SignedDuration, ToSpan};
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    pictures::png,
};

async fn content(app: &TestApp) -> Value {
    let day = app.today() + 30.days();
    json!({
        "title": "Caffè & Jazz", "description": "Una sera di musica.", "category": "music", "city": app.a_city().await,
        "location": "Piazza Maggiore", "starts_on": day, "ends_on": day, "start_time": "21:00", "price_cents": 1500,
        "capacity": 10,
    })
}

async fn publish(client: &Client, content: &Value) -> Answer {
    client.post("/api/v1/events", content.clone()).await.expect(201)
}

/// Books two tickets and pays them; the booking's id.
async fn book(client: &Client, event: &str) -> String {
    let path = format!("/api/v1/events/{event}/bookings");
    let booking = client.post(&path, json!({"tickets": 2})).await.expect(201).json();
    let id = booking["id"].as_str().unwrap().to_owned();
    let paid = client.post(&format!("/api/v1/bookings/{id}/payment"), json!({"token": "tok_success"})).await;
    paid.expect(200);
    id
}

fn pointers(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_publishes_and_everybody_finds_it() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let content = content(&app).await;
    let created = publish(&cast.host, &content).await;
    assert_eq!((created.header("location"), created.header("etag")), ("/api/v1/events/caffe-jazz", "\"v1\""));
    let event = created.json();
    assert_eq!((&event["status"], &event["start_time"]), (&json!("published"), &json!("21:00:00")));
    assert_eq!(
        event["sales"],
        json!({"capacity": 10, "tickets_left": 10, "tickets_held": 0, "tickets_sold": 0, "revenue_cents": 0})
    );
    let shown = cast.anonymous.get("/api/v1/events/caffe-jazz").await.expect(200).json();
    assert_eq!(
        (&shown["title"], &shown["tickets_left"], &shown["version"]),
        (&json!("Caffè & Jazz"), &json!(10), &json!(1))
    );
    let found = cast.anonymous.get("/api/v1/events?q=caffe%20jazz").await.expect(200).json();
    assert_eq!(found["data"][0]["slug"], "caffe-jazz");

    let second = publish(&cast.other_host, &content).await.json();
    let slug = second["slug"].as_str().unwrap();
    assert!(slug.starts_with("caffe-jazz-") && slug.len() == "caffe-jazz-".len() + 6, "{slug}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_safe_to_repeat_with_its_key() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    let headers = [("idempotency-key", "\"gala\"")];
    let publish =
        async |body: Value| cast.host.request(Method::POST, "/api/v1/events", &headers, Some(body)).await;
    let first = publish(content.clone()).await.expect(201);
    let again = publish(content.clone()).await.expect(201);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM events").await, 1);
    let mut other = content;
    other["title"] = json!("Gala");
    assert_eq!(publish(other).await.expect(422).code(), "idempotency_key_reused");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    let today = app.today();
    let wrong = json!({
        "title": "  ", "description": "x".repeat(10_001), "city": "c", "location": "two\nlines",
        "starts_on": today - 1.day(), "ends_on": today - 2.days(), "start_time": "21:00:30", "price_cents": -1,
        "capacity": 0, "age_restriction": 100, "included": "x".repeat(2001), "category": "music",
    });
    let mut found = pointers(&cast.host.post("/api/v1/events", wrong).await.expect(422));
    found.sort();
    assert_eq!(
        found,
        [
            "/age_restriction",
            "/capacity",
            "/description",
            "/ends_on",
            "/included",
            "/location",
            "/price_cents",
            "/start_time",
            "/starts_on",
            "/title"
        ]
    );
    for (field, value) in [
        ("city", json!("atlantide")),
        ("category", json!("opera")),
        ("start_time", json!("25:00")),
        ("starts_on", json!("31/12/2027")),
        ("ends_on", json!("9999-12-31")),
        ("capacity", json!(1.5)),
        ("price_cents", json!(null)),
        ("host", json!("me")),
        ("tickets_left", json!(99)),
        ("status", json!("withdrawn")),
    ] {
        let mut body = content.clone();
        body[field] = value;
        let refused = cast.host.post("/api/v1/events", body).await.expect(422);
        assert_eq!(pointers(&refused), [format!("/{field}")], "{:?}", refused.body);
    }
    let mut featured = content;
    featured["featured"] = json!(true);
    cast.host.post("/api/v1/events", featured.clone()).await.expect(403);
    cast.admin.post("/api/v1/events", featured).await.expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_replaces_what_it_names_and_nothing_else() {
    let app = TestApp::start().await;
    let (cast, mut content) = (app.a_cast().await, content(&app).await);
    content["included"] = json!("Un calice di vino");
    publish(&cast.host, &content).await;
    let path = "/api/v1/events/caffe-jazz";
    let changed = cast
        .host
        .patch(path, "\"v1\"", json!({"title": "Jazz", "included": null, "age_restriction": 18}))
        .await
        .expect(200);
    assert_eq!(changed.header("etag"), "\"v2\"");
    let event = changed.json();
    assert_eq!((&event["slug"], &event["title"]), (&json!("caffe-jazz"), &json!("Jazz")));
    assert_eq!((&event["included"], &event["age_restriction"]), (&json!(null), &json!(18)));
    assert_eq!((&event["location"], &event["capacity"]), (&content["location"], &json!(10)));
    let found = cast.anonymous.get("/api/v1/events?q=caffe").await.expect(200).json();
    assert_eq!(found["data"], json!([]), "the search knows the new title only");

    let merge = [("if-match", "\"v2\""), ("content-type", "application/merge-patch+json")];
    cast.host.request(Method::PATCH, path, &merge, None).await.expect(400);
    cast.host.patch(path, "\"v1\"", json!({"title": "Stale"})).await.expect(412);
    let missing = cast.host.request(Method::PATCH, path, &[], Some(json!({}))).await.expect(428);
    assert_eq!(missing.code(), "precondition_required");
    for (body, pointer) in [
        (json!({"title": null}), "/title"),
        (json!({"capacity": 0}), "/capacity"),
        (json!({"slug": "x"}), "/slug"),
        (json!({"starts_on": app.today() - 1.day()}), "/starts_on"),
        (json!([]), ""),
    ] {
        assert_eq!(pointers(&cast.host.patch(path, "\"v2\"", body).await.expect(422)), [pointer]);
    }
    let featured = json!({"featured": true});
    cast.host.patch(path, "\"v2\"", featured.clone()).await.expect(403);
    cast.admin.patch(path, "\"v2\"", featured).await.expect(200);
    cast.host.patch(path, "\"v3\"", json!({"title": "Jazz!"})).await.expect(200);
    for reader in [&cast.anonymous, &cast.host] {
        let shown = reader.get(path).await.expect(200);
        cast.host.patch(path, shown.header("etag"), json!({"title": "Jazz?"})).await.expect(200);
        cast.host.patch(path, shown.header("etag"), json!({"title": "Stale"})).await.expect(412);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_booked_keeps_its_price_its_place_and_its_day() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    publish(&cast.host, &content).await;
    let path = "/api/v1/events/caffe-jazz";
    let booking = book(&cast.user, "caffe-jazz").await;
    let other = book(&cast.stranger, "caffe-jazz").await;
    let change = async |etag: &str, body: Value| cast.host.patch(path, etag, body).await;

    let event = change("\"v1\"", json!({"price_cents": 9900, "capacity": 5})).await.expect(200).json();
    assert_eq!((&event["sales"]["tickets_left"], &event["sales"]["tickets_sold"]), (&json!(1), &json!(4)));
    assert_eq!(event["sales"]["revenue_cents"], 6000);
    let booked = cast.user.get(&format!("/api/v1/bookings/{booking}")).await.expect(200).json();
    assert_eq!((&booked["unit_cents"], &booked["total_cents"]), (&json!(1500), &json!(3000)));

    let refused = change("\"v2\"", json!({"capacity": 3})).await.expect(409);
    assert_eq!(
        (refused.code().as_str(), pointers(&refused)),
        ("capacity_below_taken", vec!["/capacity".into()])
    );
    assert_eq!(refused.json()["tickets_taken"], 4);
    let later = app.today() + 31.days();
    let moved = json!({"starts_on": later, "ends_on": later});
    assert_eq!(change("\"v2\"", moved.clone()).await.expect(409).code(), "days_booked");
    let elsewhere = json!({"city": app.a_city().await});
    assert_eq!(change("\"v2\"", elsewhere).await.expect(409).code(), "city_booked");
    change("\"v2\"", json!({"ends_on": later, "capacity": 4})).await.expect(200);
    let full = cast.user.post(&format!("{path}/bookings"), json!({"tickets": 1, "event_date": later})).await;
    let full = full.expect(409).json();
    assert_eq!((&full["code"], &full["detail"]), (&json!("sold_out"), &json!("no tickets are left")));
    cast.stranger.post(&format!("/api/v1/bookings/{other}/cancel"), json!({})).await.expect(200);
    let refused = change("\"v3\"", moved).await.expect(409).json();
    let detail = "1 live booking is for days outside: withdraw the event instead, which refunds everybody";
    assert_eq!((&refused["bookings"], &refused["detail"]), (&json!(1), &json!(detail)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_event_is_gone_and_its_buyers_are_told_and_refunded() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    publish(&cast.host, &content).await;
    let path = "/api/v1/events/caffe-jazz";
    book(&cast.user, "caffe-jazz").await;
    cast.stranger.post(&format!("{path}/bookings"), json!({"tickets": 1})).await.expect(201);
    app.run_jobs().await;
    app.app.clock.advance(SignedDuration::from_hours(24 * 28)); // a day before: a buyer could not cancel any more
    app.run_jobs().await;
    let host = app.log_in(&cast.host_account).await; // the first session is over
    let before = app.mails().len();

    host.request(Method::DELETE, path, &[("if-match", "\"v9\"")], None).await.expect(412);
    host.delete(path).await.expect(204);
    host.delete(path).await.expect(204);
    app.run_jobs().await;
    cast.anonymous.get(path).await.expect(404);
    assert_eq!(cast.anonymous.get("/api/v1/events").await.json()["data"], json!([]));
    assert_eq!(app.value::<i32>("SELECT tickets_left FROM events").await, 10);
    let status = "SELECT string_agg(status || ' ' || refund_cents, ', ' ORDER BY status) FROM bookings";
    assert_eq!(app.value::<String>(status).await, "cancelled 3000, expired 0");
    let refunds = "SELECT count(*) FROM payments WHERE kind = 'refund' AND status = 'succeeded'";
    assert_eq!(app.value::<i64>(refunds).await, 1);
    assert_eq!(app.mails().len(), before + 1, "the buyer is told once");
    let hosted = host.get("/api/v1/me/events/caffe-jazz").await.expect(200).json();
    assert_eq!((&hosted["status"], &hosted["sales"]["revenue_cents"]), (&json!("withdrawn"), &json!(0)));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_a_withdrawn_event_says_that_it_is_withdrawn() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    publish(&cast.host, &content).await;
    let (host, user, path) = (&cast.host, &cast.user, "/api/v1/events/caffe-jazz");
    let upload = |path: String| async move {
        let kind = [("content-type", "image/png")];
        host.attempt_bytes(Method::POST, &path, &kind, png(8, 8).into()).await.expect("an answer")
    };
    let added = upload(format!("{path}/images")).await.expect(201);
    let image = added.header("location").to_owned();
    host.request(Method::DELETE, path, &[("if-match", "\"v1\"")], None).await.expect(204);

    let patch = |path: &str, tag: &'static str| {
        let path = path.to_owned();
        async move {
            let headers = [("if-match", tag)];
            let headers = if tag.is_empty() { &[] } else { &headers[..] };
            host.request(Method::PATCH, &path, headers, Some(json!({}))).await
        }
    };
    let mut refused = Vec::new();
    for tag in ["", "*", "\"v1\"", "\"v2\"", "\"v2.other\""] {
        refused.push(patch(path, tag).await);
        refused.push(patch(&image, tag).await);
    }
    refused.push(upload(format!("{path}/images")).await);
    refused.push(user.post(&format!("{path}/bookings"), json!({"tickets": 1})).await);
    refused.push(user.post(&format!("{path}/reviews"), json!({"rating": 5, "comment": ""})).await);
    refused.push(user.put(&format!("{path}/favourite")).await);
    for answer in refused {
        assert_eq!(answer.expect(409).code(), "event_withdrawn");
    }
    // Withdrawing again changes nothing, and what is no longer wanted may go.
    for tag in ["\"v1\"", "\"v2\"", "*"] {
        host.request(Method::DELETE, path, &[("if-match", tag)], None).await.expect(204);
    }
    host.delete(path).await.expect(204);
    host.delete(&image).await.expect(204);
    user.delete(&format!("{path}/favourite")).await.expect(204);
    for (client, method, path) in [
        (&cast.other_host, Method::PATCH, path.to_owned()),
        (user, Method::POST, "/api/v1/events/nothing/bookings".to_owned()),
        (user, Method::PUT, "/api/v1/events/nothing/favourite".to_owned()),
    ] {
        let body = (method != Method::PUT).then(|| json!({"tickets": 1}));
        client.request(method, &path, &[], body).await.expect(404);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_over_cannot_be_withdrawn() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let slug = app.an_event().hosted_by(cast.host_account.id).days_ahead(-1).create().await;
    let refused = cast.host.delete(&format!("/api/v1/events/{slug}")).await.expect(409);
    assert_eq!(refused.code(), "event_over");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_see_what_each_event_and_each_day_brought() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    for _ in 0..3 {
        publish(&cast.host, &content).await;
    }
    publish(&cast.other_host, &content).await;
    let booking = book(&cast.user, "caffe-jazz").await;
    book(&cast.stranger, "caffe-jazz").await;
    cast.user.post(&format!("/api/v1/bookings/{booking}/cancel"), json!({})).await.expect(200);
    let sales = cast.host.get("/api/v1/me/events/caffe-jazz/sales").await.expect(200).json();
    assert_eq!(
        sales["days"],
        json!([{"date": app.today(), "bookings": 2, "tickets": 4, "paid_cents": 6000, "returned": 2,
                "refunded_cents": 3000}])
    );
    let first = cast.host.get("/api/v1/me/events?limit=2").await.expect(200).json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = cast.host.get(&format!("/api/v1/me/events?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    assert_eq!(rest["data"][0]["slug"], "caffe-jazz");
    assert_eq!(
        rest["data"][0]["sales"],
        json!({"capacity": 10, "tickets_left": 8, "tickets_held": 0, "tickets_sold": 2, "revenue_cents": 3000})
    );
    let none = cast.host.get("/api/v1/me/events?status=withdrawn").await.expect(200).json();
    assert_eq!(none["data"], json!([]));
    for query in ["from=2027-02-01&to=2027-01-01", "from=2020-01-01&to=2027-01-01", "from=x", "day=1"] {
        cast.host.get(&format!("/api/v1/me/events/caffe-jazz/sales?{query}")).await.expect(400);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_and_administrators_manage_an_event() {
    let app = TestApp::start().await;
    let (cast, content) = (app.a_cast().await, content(&app).await);
    publish(&cast.host, &content).await;
    let path = "/api/v1/events/caffe-jazz";
    let star = [("if-match", "*")];
    // Anonymous, somebody, another host, the host, an administrator.
    let everybody = [&cast.anonymous, &cast.user, &cast.other_host, &cast.host, &cast.admin];
    let body = || Some(json!({"title": "Jazz"}));
    for (method, path, body, expected) in [
        (Method::POST, "/api/v1/events", Some(content.clone()), [401, 403, 201, 201, 201]),
        (Method::PATCH, path, body(), [401, 403, 404, 200, 200]),
        (Method::GET, "/api/v1/me/events", None, [401, 403, 200, 200, 200]),
        (Method::GET, "/api/v1/me/events/caffe-jazz", None, [401, 403, 404, 200, 200]),
        (Method::GET, "/api/v1/me/events/caffe-jazz/sales", None, [401, 403, 404, 200, 200]),
        (Method::DELETE, path, None, [401, 403, 404, 204, 204]),
        (Method::DELETE, "/api/v1/events/nothing", None, [401, 403, 404, 404, 404]),
    ] {
        for (who, expected) in everybody.iter().zip(expected) {
            let answer = who.request(method.clone(), path, &star, body.clone()).await;
            assert_eq!(answer.status, expected, "{method} {path}: {:?}", answer.body);
        }
    }
    app.finish().await;
}
