//! Calendars that calendar programs can read, keep and forget.

use axum::http::Method;
use serde_json::json;
use sportello::accounts::policy::Role;

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
};

/// The values of a property, unfolded.
pub(crate) fn values(calendar: &Answer, property: &str) -> Vec<String> {
    let text = String::from_utf8(calendar.body.to_vec()).unwrap();
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{text}");
    assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"), "{text}");
    let text = text.replace("\r\n ", "");
    let lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.filter(|(name, _)| *name == property).map(|(_, value)| value.to_owned()).collect()
}

pub(crate) async fn calendar(client: &Client, path: &str) -> Answer {
    let answer = client.get(path).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/calendar; charset=utf-8");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_keeps_its_entry_through_changes_until_it_is_withdrawn() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let slug = app.an_event().hosted_by(cast.host_account.id).create().await;
    let (event, path) = (format!("/api/v1/events/{slug}"), format!("/api/v1/events/{slug}.ics"));
    let day = app.today().saturating_add(jiff::Span::new().days(30));
    let first = calendar(&cast.anonymous, &path).await;
    assert_eq!(values(&first, "SUMMARY"), ["Concerto"]);
    assert_eq!(values(&first, "LOCATION"), ["Piazza Maggiore\\, Bologna"]);
    assert_eq!(values(&first, "DTSTART;VALUE=DATE"), [day.strftime("%Y%m%d").to_string()]);
    assert_eq!(
        (values(&first, "SEQUENCE"), values(&first, "STATUS")),
        (vec!["0".into()], vec!["CONFIRMED".into()])
    );
    assert!(first.header("cache-control").starts_with("public"));

    let known = [("if-none-match", first.header("etag"))];
    let same = cast.anonymous.request(Method::GET, &path, &known, None).await.expect(304);
    assert_eq!((same.header("etag"), same.body.len()), (first.header("etag"), 0));
    let change = json!({"title": "Gran concerto", "start_time": "21:00", "description": "è ".repeat(200)});
    cast.host.patch(&event, "\"v1\"", change).await.expect(200);
    let changed = cast.anonymous.request(Method::GET, &path, &known, None).await.expect(200);
    assert_eq!(values(&changed, "UID"), values(&first, "UID"));
    assert_eq!(
        (values(&changed, "SEQUENCE"), values(&changed, "SUMMARY")),
        (vec!["1".into()], vec!["Gran concerto".into()])
    );
    let start = day.at(21, 0, 0, 0).in_tz("Europe/Rome").unwrap().timestamp();
    assert_eq!(values(&changed, "DTSTART"), [start.strftime("%Y%m%dT%H%M%SZ").to_string()]);
    assert_eq!(values(&changed, "DESCRIPTION"), ["è ".repeat(200).trim_end()]);

    cast.host.delete(&event).await.expect(204);
    let withdrawn = calendar(&cast.anonymous, &path).await;
    assert_eq!(
        (values(&withdrawn, "STATUS"), values(&withdrawn, "UID")),
        (vec!["CANCELLED".into()], values(&first, "UID"))
    );
    assert!(values(&withdrawn, "DESCRIPTION").is_empty());
    cast.anonymous.get("/api/v1/events/nothing.ics").await.expect(404);
    assert_eq!(cast.host.delete(&path).await.expect(405).header("allow"), "GET,HEAD");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_come_and_go_in_ones_own_calendar() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let (free, paid) = (app.an_event().create().await, app.an_event().priced(900).create().await);
    let path = "/api/v1/me/bookings.ics";
    assert!(values(&calendar(&cast.user, path).await, "UID").is_empty());
    let book = async |event: &str| {
        let path = format!("/api/v1/events/{event}/bookings");
        cast.user.post(&path, json!({"tickets": 2})).await.expect(201).json()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (confirmed, held) = (book(&free).await, book(&paid).await);
    let both = calendar(&cast.user, path).await;
    assert!(both.header("cache-control").starts_with("private"));
    let mut status = values(&both, "STATUS");
    status.sort();
    assert_eq!(status, ["CONFIRMED", "TENTATIVE"]);
    assert_eq!(values(&both, "DESCRIPTION"), ["2 biglietti", "2 biglietti"]);
    let mut uids = values(&both, "UID");
    uids.sort();
    let mut expected = vec![format!("{confirmed}@sportello"), format!("{held}@sportello")];
    expected.sort();
    assert_eq!(uids, expected);
    let text = String::from_utf8(both.body.to_vec()).unwrap();
    let code = cast.user.get(&format!("/api/v1/bookings/{confirmed}")).await.json()["code"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!text.contains(&code), "a shared calendar opens no door");

    let known = [("if-none-match", both.header("etag"))];
    cast.user.request(Method::GET, path, &known, None).await.expect(304);
    cast.user.post(&format!("/api/v1/bookings/{held}/cancel"), json!({})).await.expect(200);
    let after = cast.user.request(Method::GET, path, &known, None).await.expect(200);
    assert!(values(&after, "STATUS").contains(&"CANCELLED".to_owned()));
    assert!(values(&after, "SEQUENCE").contains(&"1".to_owned()));
    assert!(values(&calendar(&cast.stranger, path).await, "UID").is_empty());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_link_opens_ones_calendar_until_it_is_replaced_or_revoked() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let event = app.an_event().create().await;
    cast.user.post(&format!("/api/v1/events/{event}/bookings"), json!({"tickets": 1})).await.expect(201);
    let link = "/api/v1/me/calendar-link";
    cast.user.get(link).await.expect(404);
    let make = async || {
        let made = cast.user.put(link).await.expect(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let url = made.json()["url"].as_str().unwrap().to_owned();
        url[url.find("/api").unwrap()..].to_owned()
    };
    let first = make().await;
    assert!(first.starts_with("/api/v1/me/calendar.ics?token=spc_"), "{first}");
    assert_eq!(values(&calendar(&cast.anonymous, &first).await, "UID").len(), 1);
    let shown = cast.user.get(link).await.expect(200).json();
    assert!(shown["created_at"].is_string() && shown.get("url").is_none());
    let stored = "SELECT count(*) FROM calendar_links WHERE length(hash) = 32";
    assert_eq!(app.value::<i64>(stored).await, 1);

    let second = make().await;
    cast.anonymous.get(&first).await.expect(401);
    calendar(&cast.anonymous, &second).await;
    let token = second.split_once('=').unwrap().1;
    cast.anonymous.with(token).get("/api/v1/me").await.expect(401);
    cast.anonymous.with(token).get("/api/v1/me/bookings.ics").await.expect(401);
    for _ in 0..2 {
        cast.user.delete(link).await.expect(204);
    }
    cast.anonymous.get(&second).await.expect(401);
    make().await;
    app.database.client().await.execute("UPDATE users SET status = 'disabled'", &[]).await.unwrap();
    cast.anonymous.get(&second).await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calendars_of_bookings_are_for_their_owners() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    for (method, path, expected) in [
        (Method::GET, "/api/v1/me/bookings.ics", [401, 200, 200, 200]),
        (Method::GET, "/api/v1/me/bookings.ics?token=spc_wrong", [401, 401, 401, 401]),
        (Method::GET, "/api/v1/me/bookings.ics?key=1", [400, 400, 400, 400]),
        (Method::PUT, "/api/v1/me/calendar-link", [401, 200, 200, 200]),
        (Method::GET, "/api/v1/me/calendar-link", [401, 200, 200, 200]),
        (Method::DELETE, "/api/v1/me/calendar-link", [401, 204, 204, 204]),
    ] {
        for (who, expected) in [&cast.anonymous, &cast.user, &cast.host, &admin].iter().zip(expected) {
            let answer = who.request(method.clone(), path, &[], None).await;
            assert_eq!(answer.status, expected, "{method} {path}: {:?}", answer.body);
        }
    }
    app.finish().await;
}
