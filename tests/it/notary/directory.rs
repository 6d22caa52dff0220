//! Finding a notary: by words, place, specialisation, rating and distance, page by page.

use serde_json::{Value, json};

use crate::harness::app::TestApp;

const NOTARIES: &str = "/api/v1/notaries";

impl TestApp {
    /// The last names that are found, page by page.
    async fn names(&self, query: &str, limit: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut path = format!("{NOTARIES}?{query}&limit={limit}").replace("?&", "?");
        loop {
            let page = self.anonymous().get(&path).await.expect(200);
            let (body, link) = (page.json(), page.header("link").to_owned());
            let data = body["data"].as_array().unwrap().clone();
            assert!(data.len() <= limit);
            names.extend(
                data.iter().map(|it| it["name"].as_str().unwrap().split_once(' ').unwrap().1.to_owned()),
            );
            let Some(cursor) = body["next_cursor"].as_str() else { return names };
            assert!(link.contains(cursor));
            path = link.split_once('>').unwrap().0.trim_start_matches('<').to_owned();
        }
    }

    async fn refused(&self, query: &str) -> Value {
        self.anonymous().get(&format!("{NOTARIES}?{query}")).await.expect(400).json()
    }
}

/// Seven notaries, two of them in one house, and their ratings.
async fn seven(app: &TestApp) {
    for (name, city, province, at, rating, specialisation) in [
        ("Abate", "Bologna", "BO", (44.4949, 11.3426), (50, 10), "companies"),
        ("Bassi", "Bologna", "BO", (44.4949, 11.3426), (45, 10), "companies"),
        ("Conti", "Forlì", "FC", (44.2227, 12.0407), (0, 0), "property_and_sales"),
        ("Dossi", "Rimini", "RN", (44.0678, 12.5695), (9, 2), "property_and_sales"),
        ("Elmi", "San Marino", "SM", (43.9424, 12.4578), (90, 20), "successions_and_donations"),
        ("Fanti", "Milano", "MI", (45.4642, 9.19), (4, 1), "companies"),
        ("Gatti", "Roma", "RM", (41.9028, 12.4964), (3, 1), "special_rules"),
    ] {
        let country = if province == "SM" { "SM" } else { "IT" };
        let notary = app
            .a_notary_with(json!({
                "last_name": name, "office_name": format!("Notai {name}"), "city": city, "province": province,
                "latitude": at.0, "longitude": at.1, "specialisations": [specialisation], "country": country,
            }))
            .await;
        let rate = "UPDATE notary SET rating_sum = $2, rating_count = $3 WHERE id = $1";
        let (sum, count): (i64, i32) = rating;
        app.database.client().await.execute(rate, &[&notary.office, &sum, &count]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notaries_are_found_by_what_is_said_of_them_in_every_order_and_page_by_page() {
    let app = TestApp::start().await;
    seven(&app).await;
    // Best rated first, of equal ones the most reviewed.
    let rated = ["Abate", "Elmi", "Bassi", "Dossi", "Fanti", "Gatti", "Conti"];
    for limit in [1, 2, 3, 100] {
        assert_eq!(app.names("", limit).await, rated, "{limit}");
        assert_eq!(
            app.names("sort=newest", limit).await,
            ["Gatti", "Fanti", "Elmi", "Dossi", "Conti", "Bassi", "Abate"]
        );
        assert_eq!(app.names("q=notai", limit).await, rated, "{limit}");
    }
    for (query, expected) in [
        ("q=BASS", &["Bassi"][..]),
        ("q=forli", &["Conti"]),
        ("q=rimini%20notai", &["Dossi"]),
        ("q=!!!", &[]),
        ("q=nessuno", &[]),
        ("city=FORLI", &["Conti"]),
        ("city=Forl%C3%AC", &["Conti"]),
        ("province=bo", &["Abate", "Bassi"]),
        ("specialisation=companies", &["Abate", "Bassi", "Fanti"]),
        ("specialisation=companies&province=MI", &["Fanti"]),
        ("min_rating=4.5", &["Abate", "Elmi", "Bassi", "Dossi"]),
        ("min_rating=5", &["Abate"]),
        ("q=notai&min_rating=4&sort=newest", &["Fanti", "Elmi", "Dossi", "Bassi", "Abate"]),
        ("q=%20", &rated),
    ] {
        assert_eq!(app.names(query, 2).await, expected, "{query}");
    }
    let card = app.anonymous().get(&format!("{NOTARIES}?q=elmi")).await.json()["data"][0].clone();
    assert_eq!(
        (&card["rating"], &card["reviews"], &card["country"]),
        (&json!(4.5), &json!(20), &json!("SM"))
    );
    assert_eq!(card["distance_km"], json!(null));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_come_first_within_the_radius_and_neighbours_of_one_house_are_never_lost() {
    let app = TestApp::start().await;
    seven(&app).await;
    // From the sea of Rimini.
    let rimini = "lat=44.06&lng=12.58";
    for limit in [1, 2, 3, 100] {
        let near = app.names(&format!("{rimini}&radius_km=200"), limit).await;
        assert_eq!(near, ["Dossi", "Elmi", "Conti", "Abate", "Bassi"], "{limit}");
    }
    assert_eq!(app.names(rimini, 10).await, ["Dossi", "Elmi", "Conti"], "50 km unless said otherwise");
    assert_eq!(app.names(&format!("{rimini}&radius_km=5"), 10).await, ["Dossi"]);
    assert_eq!(
        app.names(&format!("{rimini}&specialisation=companies&radius_km=150"), 1).await,
        ["Abate", "Bassi"]
    );
    assert_eq!(
        app.names(&format!("{rimini}&q=notai&radius_km=60&sort=rating"), 1).await,
        ["Elmi", "Dossi", "Conti"]
    );
    assert_eq!(app.names("lat=0&lng=0", 10).await, Vec::<String>::new());
    let page = app.anonymous().get(&format!("{NOTARIES}?lat=44.4949&lng=11.3426&radius_km=100")).await.json();
    let distances: Vec<f64> =
        page["data"].as_array().unwrap().iter().map(|it| it["distance_km"].as_f64().unwrap()).collect();
    // Bologna to Forlì: 63 km.
    assert!(
        distances.len() == 3 && distances[1] == 0.0 && (distances[2] - 63.4).abs() < 1.0,
        "{distances:?}"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_told_by_name() {
    let app = TestApp::start().await;
    for (query, pointer) in [
        ("lat=44", "/lng"),
        ("lng=12", "/lat"),
        ("radius_km=5", "/lat"),
        ("sort=distance", "/lat"),
        ("lat=44&lng=12&radius_km=201", "/radius_km"),
        ("lat=91&lng=12", "/lat"),
        ("lat=NaN&lng=12", "/lat"),
        ("min_rating=6", "/min_rating"),
        ("specialisation=magic", "/specialisation"),
        ("surname=rossi", "/surname"),
        ("limit=101", "/limit"),
    ] {
        let refused = app.refused(query).await;
        assert_eq!(refused["errors"][0]["pointer"], json!(pointer), "{query}");
    }
    seven(&app).await;
    let page = app.anonymous().get(&format!("{NOTARIES}?limit=2")).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = app.refused(&format!("limit=2&sort=newest&cursor={cursor}")).await;
    assert_eq!(other["code"], "invalid_cursor");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_be_found_is_not_and_kept_pages_know_it_at_once() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    let page = format!("{NOTARIES}/{}", notary.office);
    let first = app.anonymous().get(&page).await.expect(200);
    assert!(first.header("cache-control").starts_with("public"));
    let known = [("if-none-match", first.header("etag"))];
    app.anonymous().request(axum::http::Method::GET, &page, &known, None).await.expect(304);
    assert_eq!(app.names("", 10).await, ["Zanotti"]);
    notary.client.patch("/api/v1/notary/office", "*", json!({ "is_listed": false })).await.expect(200);
    app.anonymous().get(&page).await.expect(404);
    assert_eq!(app.names("", 10).await, Vec::<String>::new());
    notary.client.get("/api/v1/notary/office").await.expect(200);
    app.finish().await;
}
