//! Favourites belong to one person, and no shared answer tells of them.

use axum::http::Method;
use serde_json::json;

use crate::harness::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn keeping_and_letting_go_may_be_repeated_and_only_the_reader_sees_it() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let slug = app.an_event().create().await;
    let (event, favourite) = (format!("/api/v1/events/{slug}"), format!("/api/v1/events/{slug}/favourite"));
    for _ in 0..2 {
        cast.user.put(&favourite).await.expect(204);
    }
    let mine = cast.user.get(&event).await.expect(200);
    assert_eq!(
        (mine.json()["favourite"].as_bool(), mine.header("cache-control")),
        (Some(true), "private, no-store")
    );
    assert!(mine.header("vary").contains("authorization"), "{}", mine.header("vary"));
    assert_eq!(cast.stranger.get(&event).await.expect(200).json()["favourite"], false);
    let public = cast.anonymous.get(&event).await.expect(200);
    assert_eq!(public.json().get("favourite"), None);
    assert!(public.header("vary").contains("authorization"), "{}", public.header("vary"));
    assert!(public.header("etag").starts_with("\"v1.") && mine.header("etag").starts_with("\"v1."));
    assert_ne!(public.header("etag"), mine.header("etag"));
    assert!(public.header("cache-control").starts_with("public"));
    cast.anonymous.with("spa_nonsense").get(&event).await.expect(401);
    for _ in 0..2 {
        cast.user.delete(&favourite).await.expect(204);
    }
    assert_eq!(cast.user.get(&event).await.json()["favourite"], false);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_ones_own_and_walked_page_by_page() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let slug = app.an_event().create().await;
        cast.user.put(&format!("/api/v1/events/{slug}/favourite")).await.expect(204);
        kept.push(slug);
    }
    let withdrawn = app.an_event().hosted_by(cast.host_account.id).create().await;
    cast.user.put(&format!("/api/v1/events/{withdrawn}/favourite")).await.expect(204);
    cast.host.delete(&format!("/api/v1/events/{withdrawn}")).await.expect(204);
    let (mut found, mut path) = (Vec::new(), "/api/v1/me/favourites?limit=2".to_owned());
    loop {
        let page = cast.user.get(&path).await.expect(200).json();
        found.extend(
            page["data"].as_array().unwrap().iter().map(|it| it["slug"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/me/favourites?limit=2&cursor={cursor}");
    }
    kept.reverse();
    assert_eq!(found, kept);
    assert_eq!(cast.stranger.get("/api/v1/me/favourites").await.json()["data"], json!([]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_to_the_service_have_no_favourites() {
    let app = TestApp::start().await;
    let cast = app.a_cast().await;
    let slug = app.an_event().create().await;
    let favourite = format!("/api/v1/events/{slug}/favourite");
    for (method, path, expected) in [
        (Method::PUT, favourite.as_str(), [401, 204, 204, 204]),
        (Method::DELETE, &favourite, [401, 204, 204, 204]),
        (Method::GET, "/api/v1/me/favourites", [401, 200, 200, 200]),
        (Method::PUT, "/api/v1/events/nothing/favourite", [401, 404, 404, 404]),
        (Method::DELETE, "/api/v1/events/nothing/favourite", [401, 404, 404, 404]),
    ] {
        let everybody = [&cast.anonymous, &cast.user, &cast.host, &cast.admin];
        for (who, expected) in everybody.iter().zip(expected) {
            who.request(method.clone(), path, &[], None).await.expect(expected);
        }
    }
    app.finish().await;
}
