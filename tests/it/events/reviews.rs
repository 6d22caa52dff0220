//! Reviews are written by those who have been there, once each, and moderated by administrators.

use axum::http::Method;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::harness::{app::TestApp, client::Client};

/// Writes a review; its address.
async fn review(client: &Client, event: &str, rating: i64) -> String {
    let body = json!({"rating": rating, "comment": "Che bella serata"});
    let written = client.post(&format!("/api/v1/events/{event}/reviews"), body).await.expect(201);
    assert_eq!(written.header("etag"), "\"v1\"");
    written.header("location").to_owned()
}

/// Average and count, as everybody sees them.
async fn rating(app: &TestApp, event: &str) -> (Option<f64>, i64, usize) {
    let shown = app.anonymous().get(&format!("/api/v1/events/{event}")).await.expect(200).json();
    let latest = shown["reviews"].as_array().unwrap().len();
    let listed = app.anonymous().get(&format!("/api/v1/events/{event}/reviews")).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), latest);
    (shown["rating"].as_f64(), shown["review_count"].as_i64().unwrap(), latest)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reviews_an_event_from_the_day_after_one_has_been_there() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().days_ahead(1).create().await;
    let path = format!("/api/v1/events/{event}/reviews");
    cast.user.post(&format!("/api/v1/events/{event}/bookings"), json!({"tickets": 1})).await.expect(201);
    let early = cast.user.post(&path, json!({"rating": 5})).await.expect(403);
    assert_eq!(early.code(), "not_attended");
    app.app.clock.advance(SignedDuration::from_hours(48));
    let (user, stranger) = (app.log_in(&cast.user_account).await, app.log_in(&cast.stranger_account).await);
    let location = review(&user, &event, 4).await;
    let shown = user.get(&location).await.expect(200).json();
    assert_eq!((&shown["event"], &shown["rating"]), (&json!(event), &json!(4)));
    assert_eq!((&shown["name"], &shown["status"]), (&json!("Anna"), &json!("published")));
    assert_eq!(user.post(&path, json!({"rating": 1})).await.expect(409).code(), "already_reviewed");
    assert_eq!(stranger.post(&path, json!({"rating": 1})).await.expect(403).code(), "not_attended");
    assert_eq!(rating(&app, &event).await, (Some(4.0), 1, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_visit_a_host_and_a_wrong_body_review_nothing() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().hosted_by(cast.host_account.id).days_ahead(-3).create().await;
    let path = format!("/api/v1/events/{event}/reviews");
    app.a_visit(&event, cast.stranger_account.id, "cancelled").await;
    assert_eq!(cast.stranger.post(&path, json!({"rating": 5})).await.expect(403).code(), "not_attended");
    app.a_visit(&event, cast.host_account.id, "completed").await;
    assert_eq!(cast.host.post(&path, json!({"rating": 5})).await.expect(403).code(), "own_event");
    app.a_visit(&event, cast.user_account.id, "completed").await;
    for (body, pointer) in [
        (json!({"rating": 0}), "/rating"),
        (json!({"rating": 6}), "/rating"),
        (json!({"comment": "x"}), "/rating"),
        (json!({"rating": 5, "comment": "x".repeat(2001)}), "/comment"),
        (json!({"rating": 5, "status": "published"}), "/status"),
    ] {
        let refused = cast.user.post(&path, body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let key = [("idempotency-key", "once")];
    let body = Some(json!({"rating": 5}));
    let first = cast.user.request(Method::POST, &path, &key, body.clone()).await.expect(201);
    let again = cast.user.request(Method::POST, &path, &key, body).await.expect(201);
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    assert_eq!(rating(&app, &event).await, (Some(5.0), 1, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tries_at_once_one_is_written() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().days_ahead(-3).create().await;
    app.a_visit(&event, cast.user_account.id, "confirmed").await;
    let path = format!("/api/v1/events/{event}/reviews");
    let tries = join_all((0..8).map(|_| cast.user.post(&path, json!({"rating": 3})))).await;
    let written = tries.iter().filter(|answer| answer.status == 201).count();
    let refused = tries.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((written, refused), (1, 7));
    assert_eq!(rating(&app, &event).await, (Some(3.0), 1, 1));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_change_and_delete_and_the_average_follows() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().days_ahead(-3).create().await;
    for account in [&cast.user_account, &cast.stranger_account] {
        app.a_visit(&event, account.id, "completed").await;
    }
    let (mine, other) = (review(&cast.user, &event, 5).await, review(&cast.stranger, &event, 2).await);
    assert_eq!(rating(&app, &event).await, (Some(3.5), 2, 2));

    let changed = cast.user.patch(&mine, "\"v1\"", json!({"rating": 4})).await.expect(200);
    assert_eq!(changed.header("etag"), "\"v2\"");
    assert_eq!(changed.json()["comment"], "Che bella serata");
    assert_eq!(rating(&app, &event).await, (Some(3.0), 2, 2));
    cast.user.patch(&mine, "\"v2\"", json!({"comment": null})).await.expect(200);
    cast.user.patch(&mine, "\"v2\"", json!({"rating": 1})).await.expect(412);
    let missing = cast.user.request(Method::PATCH, &mine, &[], Some(json!({"rating": 1}))).await;
    missing.expect(428);
    cast.user.patch(&mine, "\"v3\"", json!({"rating": null})).await.expect(422);
    cast.user.request(Method::DELETE, &mine, &[("if-match", "\"v2\"")], None).await.expect(412);
    cast.user.request(Method::DELETE, &mine, &[("if-match", "\"v3\"")], None).await.expect(204);
    cast.user.delete(&mine).await.expect(404);
    assert_eq!(rating(&app, &event).await, (Some(2.0), 1, 1));
    cast.stranger.delete(&other).await.expect(204);
    assert_eq!(rating(&app, &event).await, (None, 0, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_review_counts_no_more_until_it_is_shown_again() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().days_ahead(-3).create().await;
    for account in [&cast.user_account, &cast.stranger_account] {
        app.a_visit(&event, account.id, "completed").await;
    }
    let (mine, _) = (review(&cast.user, &event, 1).await, review(&cast.stranger, &event, 5).await);
    let order = async |what: &str| {
        cast.admin.post(&format!("{mine}/{what}"), json!({"reason": "insulti"})).await.expect(200).json()
    };
    assert_eq!(order("hide").await["status"], "hidden");
    assert_eq!(order("hide").await["version"], 2, "hiding twice changes nothing");
    assert_eq!(rating(&app, &event).await, (Some(5.0), 1, 1));
    assert_eq!(cast.user.get(&mine).await.expect(200).json()["status"], "hidden");
    cast.user.patch(&mine, "\"v2\"", json!({"rating": 2})).await.expect(200);
    assert_eq!(rating(&app, &event).await, (Some(5.0), 1, 1));
    let hidden =
        cast.admin.get(&format!("/api/v1/reviews?status=hidden&event={event}")).await.expect(200).json();
    assert_eq!(hidden["data"].as_array().unwrap().len(), 1);
    assert_eq!(order("show").await["status"], "published");
    assert_eq!(rating(&app, &event).await, (Some(3.5), 2, 2));
    order("hide").await;
    cast.user.delete(&mine).await.expect(204);
    assert_eq!(rating(&app, &event).await, (Some(5.0), 1, 1));
    let journal = cast.admin.get("/admin/api/journal").await.expect(200).json();
    let done: Vec<&Value> =
        journal["data"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(done, ["review.hide", "review.show", "review.hide"]);
    assert_eq!(journal["data"][0]["reason"], "insulti");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_and_changes_what_is_ones_own() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().hosted_by(cast.host_account.id).days_ahead(-3).create().await;
    app.a_visit(&event, cast.user_account.id, "completed").await;
    let mine = review(&cast.user, &event, 5).await;
    let of_event = format!("/api/v1/events/{event}/reviews");
    let (hide, show) = (format!("{mine}/hide"), format!("{mine}/show"));
    let reason = || Some(json!({"reason": "spam"}));
    let star = [("if-match", "*")];
    // Anonymous, another user, the event's host, the author, an administrator.
    let everybody = [&cast.anonymous, &cast.stranger, &cast.host, &cast.user, &cast.admin];
    for (method, path, body, expected) in [
        (Method::GET, of_event.as_str(), None, [200, 200, 200, 200, 200]),
        (Method::POST, &of_event, Some(json!({"rating": 5})), [401, 403, 403, 409, 403]),
        (Method::GET, "/api/v1/events/nothing/reviews", None, [404, 404, 404, 404, 404]),
        (Method::GET, "/api/v1/me/reviews", None, [401, 200, 200, 200, 200]),
        (Method::GET, "/api/v1/reviews", None, [401, 403, 403, 403, 200]),
        (Method::GET, &mine, None, [401, 404, 404, 200, 200]),
        (Method::PATCH, &mine, Some(json!({"rating": 4})), [401, 404, 404, 200, 404]),
        (Method::POST, &hide, reason(), [401, 403, 403, 403, 200]),
        (Method::POST, &show, reason(), [401, 403, 403, 403, 200]),
        (Method::DELETE, &mine, None, [401, 404, 404, 204, 404]),
    ] {
        for (who, expected) in everybody.iter().zip(expected) {
            let answer = who.request(method.clone(), path, &star, body.clone()).await;
            assert_eq!(answer.status, expected, "{method} {path}: {:?}", answer.body);
        }
    }
    app.finish().await;
}
