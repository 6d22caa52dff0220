//! Secret links: what they open, for whom, how often, and when they stop.

use std::collections::BTreeMap;

use axum::http::Method;
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    permissions::{add_version, path_of, put},
    shelf::{Shelf, long_text, pdf},
};
use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

/// Makes a link; where it is.
async fn a_link(maker: &Client, document: &str, body: Value) -> String {
    let made = maker.post(&format!("{document}/links"), body).await.expect(201).json();
    address(&made)
}

fn address(link: &Value) -> String {
    format!("/d/{}", link["url"].as_str().unwrap().split_once("/d/").unwrap().1)
}

/// From an address of its own, behind the proxy that the tests are.
async fn from(client: &Client, address: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("x-forwarded-for", address)];
    all.extend_from_slice(headers);
    client.request(Method::GET, path, &all, None).await
}

async fn behind_a_proxy() -> Shelf {
    Shelf::with(|config| config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await
}

/// An answer without what differs from request to request.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    (answer.status, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_one_version_with_all_that_downloads_have_and_nothing_else() {
    let shelf =
        Shelf::with(|config| config.server.public_url.0 = Some("https://sportello.example".to_owned())).await;
    let (owner, nobody) = (&shelf.cast.user, &shelf.cast.anonymous);
    let content = long_text(2_500_000);
    let sent = shelf.send(owner, "visura.txt", "text/plain", &content).await.expect(201);
    let document = sent.header("location").to_owned();
    let made = owner.post(&format!("{document}/links"), json!({})).await.expect(201);
    let link = made.json();
    assert!(link["url"].as_str().unwrap().starts_with("https://sportello.example/d/spd_"), "{link}");
    let now = shelf.app.app.clock.now();
    let ends: Timestamp = link["expires_at"].as_str().unwrap().parse().unwrap();
    let lives = ends.duration_since(now);
    assert!(lives > SignedDuration::from_mins(59) && lives <= SignedDuration::from_hours(1), "{lives}");
    let path = address(&link);
    let whole = nobody.get(&path).await.expect(200);
    assert!(whole.body == content);
    let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(&content)));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "2500000"),
        ("accept-ranges", "bytes"),
        ("repr-digest", &*digest),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-store, no-transform"),
        ("referrer-policy", "no-referrer"),
        ("content-disposition", "attachment; filename=\"visura.txt\""),
    ] {
        assert_eq!(whole.header(name), value, "{name}");
    }
    assert!(whole.header("content-security-policy").starts_with("sandbox;"));
    let tag = whole.header("etag").to_owned();
    let get = async |headers: &[(&str, &str)]| nobody.request(Method::GET, &path, headers, None).await;
    let part = get(&[("range", "bytes=-5"), ("if-range", &tag)]).await.expect(206);
    assert_eq!(part.body[..], content[2_499_995..]);
    get(&[("range", "bytes=2500000-")]).await.expect(416);
    get(&[("if-none-match", &tag)]).await.expect(304);
    let head = nobody.request(Method::HEAD, &path, &[], None).await.expect(200);
    assert_eq!(
        (head.header("content-length"), head.header("repr-digest"), head.body.len()),
        ("2500000", &*digest, 0)
    );
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        nobody.request(method, &path, &[], None).await.expect(405);
    }
    assert_eq!(nobody.get(&format!("{path}?version=2")).await.expect(400).json()["instance"], "/d/{token}");
    // The token is nobody: not at the API, and not for the document itself.
    nobody.with(path.trim_start_matches("/d/")).get(&document).await.expect(401);

    // It opens the version it was made for.
    add_version(owner, &document, "seconda").await.expect(415); // a PDF is no text
    let new = shelf.send(owner, "b.pdf", "application/pdf", &pdf("prima")).await.expect(201);
    let document = new.header("location").to_owned();
    let first = a_link(owner, &document, json!({})).await;
    add_version(owner, &document, "seconda").await.expect(200);
    assert_eq!(nobody.get(&first).await.expect(200).body[..], pdf("prima"));
    let second = a_link(owner, &document, json!({"version": 2})).await;
    assert_eq!(nobody.get(&second).await.expect(200).body[..], pdf("seconda"));
    let missing = owner.post(&format!("{document}/links"), json!({"version": 3})).await.expect(422);
    assert_eq!(missing.code(), "unknown_version");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_opens_nothing_is_like_one_that_never_was_and_the_log_knows_why() {
    let shelf = Shelf::new().await;
    let (owner, sharer, nobody) = (&shelf.cast.user, &shelf.cast.host, &shelf.cast.anonymous);
    let document = path_of(&shelf.a_document("segreto").await);
    let other = path_of(&shelf.a_document("altro").await);
    for shared in [&document, &other] {
        put(owner, shared, &shelf.cast.host_account, json!({"share": true})).await.expect(201);
    }
    let maker = shelf.app.a_person().await;
    put(owner, &document, &maker, json!({"share": true})).await.expect(201);
    let made_by = shelf.app.log_in(&maker).await;
    let mut links = BTreeMap::new();
    links.insert("used_up", a_link(owner, &document, json!({"max_downloads": 1})).await);
    links.insert("expired", a_link(owner, &document, json!({"expires_in": 60})).await);
    let revoked = owner.post(&format!("{document}/links"), json!({})).await.expect(201).json();
    links.insert("revoked", address(&revoked));
    links.insert("no_right", a_link(&made_by, &document, json!({})).await);
    links.insert("narrowed", a_link(sharer, &document, json!({})).await);
    links.insert("deleted", a_link(sharer, &other, json!({})).await);
    for link in links.values() {
        nobody.get(link).await.expect(200);
    }
    links.insert("unknown", format!("/d/spd_{}", "A".repeat(32)));
    links.insert("malformed", "/d/spd_%C3%A8".to_owned());
    links.insert("another kind", format!("/d/spa_{}", "A".repeat(32)));

    let of = format!("{document}/links/{}", revoked["id"].as_str().unwrap());
    assert_eq!(sharer.delete(&of).await.expect(403).code(), "no_right", "it is the owner's");
    shelf.cast.stranger.delete(&of).await.expect(404);
    owner.delete(&of).await.expect(204);
    owner.delete(&of).await.expect(204);
    put(owner, &document, &shelf.cast.host_account, json!({})).await.expect(200);
    owner.delete(&other).await.expect(204);
    let database = shelf.app.database.client().await;
    database.execute("UPDATE users SET status = 'disabled' WHERE id = $1", &[&maker.id]).await.unwrap();
    shelf.app.app.clock.advance(SignedDuration::from_secs(60));
    let mut answers = Vec::new();
    for (why, link) in &links {
        for range in [None, Some("bytes=0-4"), Some("bytes=5-")] {
            // Who has downloaded it may go on with that: see the test of counting.
            if *why != "used_up" || range.is_none() {
                let headers: Vec<_> = range.iter().map(|range| ("range", *range)).collect();
                answers.push((why, nobody.request(Method::GET, link, &headers, None).await));
            }
        }
    }
    let first = said(&answers[0].1);
    assert_eq!(
        (first.0, &first.1["code"], &first.1["instance"]),
        (404, &json!("not_found"), &json!("/d/{token}"))
    );
    for (why, answer) in &answers {
        assert_eq!(said(answer), first, "{why}");
    }
    let rows = database
        .query(
            "SELECT details ->> 'reason' AS reason, count(*) AS times, bool_and(address = '127.0.0.1') AS is_known
             FROM audit_entry WHERE action = 'document.read_by_link' AND result = 'refused' GROUP BY 1 ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    let told: Vec<(String, i64)> = rows.iter().map(|row| (row.get("reason"), row.get("times"))).collect();
    let expected = [("expired", 3), ("no_right", 3), ("revoked", 6), ("unknown", 12), ("used_up", 1)];
    assert_eq!(told, expected.map(|(reason, times)| (reason.to_owned(), times)));
    assert!(rows.iter().all(|row| row.get("is_known")));
    let states = owner.get(&format!("{document}/links")).await.expect(200).json();
    let mut states: Vec<_> =
        states["data"].as_array().unwrap().iter().map(|it| it["state"].to_string()).collect();
    states.sort();
    assert_eq!(states, ["\"expired\"", "\"no_right\"", "\"revoked\"", "\"revoked\"", "\"used_up\""]);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_downloads_at_once_exactly_as_many_are_served_as_may_be() {
    let shelf = behind_a_proxy().await;
    let (owner, nobody) = (&shelf.cast.user, &shelf.cast.anonymous);
    let document = path_of(&shelf.a_document("contato").await);
    let link = a_link(owner, &document, json!({"max_downloads": 7})).await;
    nobody.request(Method::HEAD, &link, &[], None).await.expect(200);
    let asking = (0..50).map(|n| {
        let link = &link;
        async move {
            // Some come from one address, others from others.
            let address = format!("192.0.2.{}", n % 25);
            from(nobody, &address, link, &[]).await
        }
    });
    let answers = futures_util::future::join_all(asking).await;
    let served = answers.iter().filter(|it| it.status == 200).count();
    let refused = answers.iter().filter(|it| it.status == 404).count();
    let statuses: Vec<_> = answers.iter().map(|it| it.status).collect();
    assert_eq!((served, refused), (7, 43), "{statuses:?}");
    assert!(answers.iter().filter(|it| it.status == 200).all(|it| it.body == pdf("contato")));
    let known = owner.get(&format!("{document}/links")).await.expect(200).json()["data"][0].clone();
    assert_eq!((&known["downloads"], &known["state"]), (&json!(7), &json!("used_up")));
    let told: i64 = shelf
        .app
        .value("SELECT count(*) FROM audit_entry WHERE details ->> 'sent' = 'download' AND result = 'ok'")
        .await;
    assert_eq!(told, 7);
    let refused: i64 = shelf
        .app
        .value(
            "SELECT count(*) FROM audit_entry WHERE action = 'document.read_by_link' AND result = 'refused'",
        )
        .await;
    assert_eq!(refused, 43);
    nobody.request(Method::HEAD, &link, &[("x-forwarded-for", "198.51.100.1")], None).await.expect(404);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_download_in_pieces_counts_once_for_each_address_and_hour() {
    let shelf = behind_a_proxy().await;
    let (owner, nobody) = (&shelf.cast.user, &shelf.cast.anonymous);
    let document = path_of(&shelf.a_document("a pezzi").await);
    let link = a_link(owner, &document, json!({"max_downloads": 3, "expires_in": 604_800})).await;
    let content = pdf("a pezzi");
    let piece = async |address: &str, n: usize| {
        let range = format!("bytes={}-{}", n * 4, n * 4 + 3);
        from(nobody, address, &link, &[("range", &range)]).await
    };
    // All at once, as download managers do, and in no order.
    let pieces = futures_util::future::join_all((0..8).map(|n| piece("192.0.2.1", n))).await;
    for (n, answer) in pieces.iter().enumerate() {
        assert_eq!((answer.status, &answer.body[..]), (206, &content[n * 4..n * 4 + 4]));
    }
    let downloads = async || -> i32 { shelf.app.value("SELECT downloads FROM document_link").await };
    assert_eq!(downloads().await, 1);
    // The whole as a range is the whole.
    from(nobody, "192.0.2.1", &link, &[("range", "bytes=0-")]).await.expect(206);
    from(nobody, "192.0.2.1", &link, &[("range", "bytes=0-1"), ("if-range", "\"another\"")])
        .await
        .expect(200);
    assert_eq!(downloads().await, 3);
    // Used up: only who has begun may go on, and not for ever, and not from the beginning.
    piece("192.0.2.1", 3).await.expect(206);
    piece("192.0.2.2", 3).await.expect(404);
    from(nobody, "192.0.2.1", &link, &[]).await.expect(404);
    assert_eq!(downloads().await, 3);
    shelf.app.app.clock.advance(SignedDuration::from_hours(1));
    piece("192.0.2.1", 3).await.expect(404);
    let known: Vec<u8> = shelf.app.value("SELECT client FROM document_link_use LIMIT 1").await;
    assert_eq!(known.len(), 32, "no address is stored");
    shelf.app.run_jobs().await;
    let uses: i64 = shelf.app.value("SELECT count(*) FROM document_link_use").await;
    assert_eq!(uses, 0);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_live_as_long_as_is_allowed_and_not_longer_than_the_right_of_their_maker() {
    let shelf = Shelf::new().await;
    let (owner, sharer) = (&shelf.cast.user, &shelf.cast.host);
    let document = path_of(&shelf.a_document("a tempo").await);
    let links = format!("{document}/links");
    let now = shelf.app.app.clock.now();
    let at = |time: SignedDuration| (now + time).to_string();
    for body in [
        json!({"expires_in": 604_801}),
        json!({"expires_in": 0}),
        json!({"expires_at": at(SignedDuration::from_hours(169))}),
        json!({"expires_at": "2020-01-01T00:00:00Z"}),
        json!({"expires_in": 60, "expires_at": at(SignedDuration::from_mins(1))}),
        json!({"max_downloads": 0}),
        json!({"version": 0}),
        json!({"forever": true}),
    ] {
        let answer = owner.post(&links, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (422, "validation_failed".to_owned()), "{body}");
    }
    owner.post(&links, json!({"expires_in": 604_800})).await.expect(201);
    let until = at(SignedDuration::from_mins(10));
    put(owner, &document, &shelf.cast.host_account, json!({"share": true, "expires_at": until}))
        .await
        .expect(201);
    let short = sharer.post(&links, json!({})).await.expect(201).json();
    assert_eq!(short["expires_at"].as_str().unwrap().parse::<Timestamp>().unwrap().to_string(), until);
    let long = sharer.post(&links, json!({"expires_in": 3600})).await.expect(403);
    assert_eq!(long.code(), "more_than_own");
    let listed = sharer.get(&format!("{links}?limit=1")).await.expect(200).json();
    assert!(listed["next_cursor"].is_string());
    assert!(!listed.to_string().contains("spd_"), "no secret is shown again");
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_too_many_tokens_is_not_answered_any_more() {
    let shelf = Shelf::with(|config| {
        config.limits.enabled = true;
        config.limits.anonymous.limit = 20;
    })
    .await;
    let document = path_of(&shelf.a_document("nascosto").await);
    let link = a_link(&shelf.cast.user, &document, json!({})).await;
    // Somebody who is logged in is counted by account, and guesses by address all the same.
    let guesser = &shelf.cast.stranger;
    guesser.get(&link).await.expect(200);
    let mut statuses = Vec::new();
    for n in 0..30 {
        statuses.push(guesser.get(&format!("/d/spd_{n:032}")).await.status);
    }
    let missed = statuses.iter().take_while(|status| **status == 404).count();
    assert!((20..25).contains(&missed), "{statuses:?}");
    assert!(statuses[missed..].iter().filter(|status| **status == 429).count() >= 3, "{statuses:?}");
    let tries: i64 =
        shelf.app.value("SELECT count(*) FROM audit_entry WHERE details ->> 'reason' = 'unknown'").await;
    assert_eq!(tries, statuses.iter().filter(|status| **status == 404).count() as i64);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_nowhere_but_in_its_address() {
    let shelf = Shelf::new().await;
    let document = path_of(&shelf.a_document("riservato").await);
    let (links, key) = (format!("{document}/links"), [("idempotency-key", "link-1")]);
    let owner = &shelf.cast.user;
    let made = owner.request(Method::POST, &links, &key, Some(json!({}))).await.expect(201);
    let again = owner.request(Method::POST, &links, &key, Some(json!({}))).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.json()["url"]), ("true", &Value::Null));
    assert_eq!(
        (again.json()["id"].clone(), again.header("location")),
        (made.json()["id"].clone(), made.header("location"))
    );
    let path = address(&made.json());
    let token = path.trim_start_matches("/d/").to_owned();
    shelf.cast.anonymous.get(&path).await.expect(200);
    shelf.app.run_jobs().await;
    assert!(!shelf.app.app.metrics.encode().contains("spd_"));
    assert!(shelf.app.app.metrics.encode().contains("route=\"/d/{token}\""));
    let database = shelf.app.database.client().await;
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    for table in database.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let found = format!("SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%' || $1 || '%'");
        let hex = data_encoding::HEXLOWER.encode(token.as_bytes());
        for text in [&token, &hex] {
            let times: i64 = database.query_one(&found, &[text]).await.unwrap().get(0);
            assert_eq!(times, 0, "{table}");
        }
    }
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_logs_everything_logs_no_token() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let ground = app.leave().await;
    let server = ground.serve(&[("logs.level", "trace"), ("server.slow_request", "0s")]).await;
    let nobody = Client::of(server.address);
    let body = json!({"email": person.email, "password": PASSWORD});
    let tokens = nobody.post("/api/v1/auth/login", body).await.expect(200).json();
    let owner = nobody.with(tokens["access_token"].as_str().unwrap());
    let (kind, form) = crate::harness::pictures::form(&[(
        "file",
        "; filename=\"a.pdf\"\r\nContent-Type: application/pdf",
        &pdf("nei registri"),
    )]);
    let document = super::shelf::post(&owner, &kind, form).await.expect(201);
    let link = a_link(&owner, document.header("location"), json!({})).await;
    nobody.get(&link).await.expect(200);
    nobody.get(&format!("{link}/")).await;
    nobody.get(&format!("{link}?x=1")).await.expect(400);
    nobody.get(&format!("/d/spd_{}", "B".repeat(32))).await.expect(404);
    let (code, lines) = server.terminate_and_hear().await;
    assert_eq!(code, 0);
    assert!(lines.iter().any(|line| line.contains("/d/{token}")), "requests are logged");
    let shown: Vec<_> = lines.iter().filter(|line| line.contains("spd_")).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}
