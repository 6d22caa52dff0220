//! Events are found by what people type, filter and sort by.

use std::collections::HashSet;

use sportello::events::catalogue::{self, Filter, Sort};

use crate::harness::app::TestApp;

/// Three cities, forty events.
async fn stocked() -> TestApp {
    let app = TestApp::start().await;
    let host = app.a_user().await;
    let client = app.database.client().await;
    client
        .batch_execute(
            "INSERT INTO cities (id, slug, name, province) VALUES
                (gen_random_uuid(), 'bologna', 'Bologna', 'BO'), (gen_random_uuid(), 'forli', 'Forlì', 'FC')",
        )
        .await
        .unwrap();
    let sql = "INSERT INTO events (id, slug, host_id, city_id, title, description, category, location, starts_on,
            ends_on, price_cents, capacity, tickets_left, created_at, bookings_count)
        SELECT gen_random_uuid(), 'event-' || n, $1, (SELECT id FROM cities WHERE slug =
                CASE WHEN n % 2 = 0 THEN 'bologna' ELSE 'forli' END),
            CASE n WHEN 1 THEN 'Caffè letterario' WHEN 2 THEN 'Serata di degustazione' ELSE 'Concerto numero ' || n END,
            CASE n WHEN 3 THEN 'con degustazione finale' ELSE 'una bella serata' END,
            CASE WHEN n % 4 = 0 THEN 'food' ELSE 'music' END, 'Piazza', $2::date + n, $2::date + n,
            (n % 5) * 500, 10, 10, now() - n * interval '1 minute', n % 7
        FROM generate_series(1, 40) n";
    client.execute(sql, &[&host, &app.today()]).await.unwrap();
    app
}

async fn titles(app: &TestApp, q: &str) -> Vec<String> {
    let filter = Filter { q: Some(q.to_owned()), ..Filter::default() };
    let found = catalogue::list(&app.app.db, &filter, Sort::New, None, app.today(), 50).await.unwrap();
    found.into_iter().map(|event| event.title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_found_without_accents_and_before_they_are_finished() {
    let app = stocked().await;
    for typed in ["caffe", "CAFFÈ", "caff lett", "letterario caffè"] {
        assert_eq!(titles(&app, typed).await, ["Caffè letterario"], "{typed}");
    }
    assert_eq!(titles(&app, "forli").await.len(), 20, "the city's name is searched too");
    assert!(titles(&app, "nientedelgenere").await.is_empty());
    assert!(titles(&app, "!!!").await.is_empty());
    let similar = catalogue::similar_titles(&app.app.db, "degustazzione", app.today()).await.unwrap();
    assert_eq!(similar[0].title, "Serata di degustazione");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_through_the_pages_sees_each_event_once_in_every_order() {
    let app = stocked().await;
    for sort in [Sort::New, Sort::Cheapest, Sort::Dearest, Sort::Soonest, Sort::Popular] {
        let (mut seen, mut prices, mut after) = (HashSet::new(), Vec::new(), None);
        loop {
            let page = catalogue::list(&app.app.db, &Filter::default(), sort, after.as_ref(), app.today(), 7)
                .await
                .unwrap();
            for event in &page {
                assert!(seen.insert(event.slug.clone()), "{sort:?} shows {} twice", event.slug);
                prices.push(event.price_cents);
            }
            match page.last() {
                Some(last) if page.len() == 7 => after = Some(last.position(sort)),
                _ => break,
            }
        }
        assert_eq!(seen.len(), 40, "{sort:?}");
        match sort {
            Sort::Cheapest => assert!(prices.is_sorted()),
            Sort::Dearest => assert!(prices.is_sorted_by(|one, other| one >= other)),
            _ => {}
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_keeps_what_it_names() {
    use jiff::ToSpan;
    let app = stocked().await;
    let today = app.today();
    let count = async |filter: Filter| {
        catalogue::list(&app.app.db, &filter, Sort::New, None, today, 100).await.unwrap().len()
    };
    let day = today + 5.days();
    assert_eq!(count(Filter { city: Some("bologna".to_owned()), ..Filter::default() }).await, 20);
    assert_eq!(count(Filter { city: Some("atlantide".to_owned()), ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { category: Some(catalogue::Category::Food), ..Filter::default() }).await, 10);
    assert_eq!(count(Filter { free: Some(true), ..Filter::default() }).await, 8);
    assert_eq!(count(Filter { min_price: Some(500), max_price: Some(1000), ..Filter::default() }).await, 16);
    assert_eq!(count(Filter { date: Some(day), ..Filter::default() }).await, 1);
    assert_eq!(count(Filter { from: Some(day), ..Filter::default() }).await, 36);
    assert_eq!(count(Filter { to: Some(day), ..Filter::default() }).await, 5);
    assert_eq!(count(Filter { featured: Some(true), ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { host: Some(uuid::Uuid::nil()), ..Filter::default() }).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blank_words_are_none_and_ranges_have_a_beginning_before_their_end() {
    let app = stocked().await;
    let (reader, all) = (app.anonymous(), "/api/v1/events?limit=100");
    let everything = reader.get(all).await.expect(200).json();
    for blank in ["", "+++", "%20%09", "%E3%80%80"] {
        let found = reader.get(&format!("{all}&q={blank}")).await.expect(200).json();
        assert_eq!(found["data"], everything["data"], "q={blank}");
    }
    let filtered = reader.get(&format!("{all}&q=&category=food")).await.expect(200).json();
    assert_eq!(filtered["data"].as_array().unwrap().len(), 10);

    let host = app.a_cast().await.host;
    let sales = "/api/v1/me/events/event-1/sales";
    for (path, query, named) in [
        ("/api/v1/events", "from=2027-02-02&to=2027-02-01", &["/from", "/to"][..]),
        ("/api/v1/events", "min_price=501&max_price=500", &["/min_price", "/max_price"]),
        ("/api/v1/events", "date=2027-02-01&from=2027-02-02", &["/from", "/date"]),
        ("/api/v1/events", "date=2027-02-03&to=2027-02-02", &["/date", "/to"]),
        (
            "/api/v1/events",
            "from=2027-02-02&to=2027-02-01&min_price=2&max_price=1",
            &["/from", "/to", "/min_price", "/max_price"],
        ),
        (sales, "from=2027-02-02&to=2027-02-01", &["/from", "/to"]),
        (sales, "from=2026-01-01&to=2027-02-01", &["/from", "/to"]),
    ] {
        let answer = host.get(&format!("{path}?{query}")).await.expect(400).json();
        let errors = answer["errors"].as_array().unwrap();
        let found: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, named, "{query}");
        assert!(errors.iter().all(|error| error["code"] == "out_of_range" && error["in"] == "query"));
    }
    for same in ["from=2027-02-01&to=2027-02-01&date=2027-02-01", "min_price=500&max_price=500"] {
        reader.get(&format!("{all}&{same}")).await.expect(200);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn details_cities_and_suggestions_show_what_is_there() {
    let app = stocked().await;
    let (db, today) = (&app.app.db, app.today());
    let detail = catalogue::detail(db, "event-1", today).await.unwrap().unwrap();
    assert_eq!((detail.title.as_str(), detail.city.name.as_str()), ("Caffè letterario", "Forlì"));
    let similar: Vec<&str> = detail.similar.iter().map(|other| other.slug.as_str()).collect();
    assert_eq!(similar.len(), 3);
    assert!(!similar.contains(&"event-1"));
    assert!(catalogue::detail(db, "nothing", today).await.unwrap().is_none());
    assert_eq!(catalogue::cities(db, today).await.unwrap().iter().map(|city| city.events).sum::<i64>(), 40);
    assert_eq!(catalogue::city(db, "forli", today).await.unwrap().unwrap().events, 20);
    let suggested = serde_json::to_value(catalogue::suggest(db, "forl", today).await.unwrap()).unwrap();
    assert_eq!(suggested[0]["name"], "Forlì");
    assert!(catalogue::suggest(db, "f", today).await.unwrap().is_empty());
    assert_eq!(catalogue::suggest(db, "conc", today).await.unwrap().len(), 5);
    app.finish().await;
}
