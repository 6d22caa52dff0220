//! Appointments in calendars: for those who see them, until they are cancelled; with whom, but not about what.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::practice::{A_SLOT, Practice};
use crate::{
    events::calendars::{calendar, values},
    harness::client::Client,
};

const FEED: &str = "/api/v1/me/calendar.ics";

/// What a calendar has, in the order of its words.
async fn summaries(client: &Client, path: &str) -> Vec<String> {
    let mut found = values(&calendar(client, path).await, "SUMMARY");
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_is_an_entry_for_its_people_until_it_is_cancelled() {
    let practice = Practice::new().await;
    let request = json!({"type": "deed", "act_type": "mortgage_loan", "starts_at": A_SLOT, "minutes": 45,
        "title": "Mutuo della prima casa", "description": "Una questione delicata"});
    let id = practice.ask_for(&practice.client, request).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/appointments/{id}.ics");
    let asked = calendar(&practice.client, &path).await;
    assert_eq!(values(&asked, "UID"), [format!("{id}@sportello")]);
    assert_eq!(
        (values(&asked, "STATUS"), values(&asked, "SEQUENCE")),
        (vec!["TENTATIVE".into()], vec!["0".into()])
    );
    assert_eq!(
        (values(&asked, "DTSTART"), values(&asked, "DTEND")),
        (vec!["20310618T120000Z".into()], vec!["20310618T124500Z".into()])
    );
    assert_eq!(values(&asked, "SUMMARY"), ["Appuntamento: Studio Verdi"]);
    let text = String::from_utf8(asked.body.to_vec()).unwrap();
    assert!(!text.contains("Mutuo") && !text.contains("delicata"), "calendars are shared: {text}");
    assert!(asked.header("cache-control").starts_with("private"));
    for person in [&practice.notary, &practice.clerk] {
        assert_eq!(values(&calendar(person, &path).await, "SUMMARY"), ["Appuntamento: Anna Bianchi"]);
    }
    let unknown = format!("/api/v1/appointments/{}.ics", uuid::Uuid::now_v7());
    practice.stranger.get(&path).await.expect(404);
    practice.stranger.get(&unknown).await.expect(404);
    practice.app.anonymous().get(&path).await.expect(401);
    practice.client.get(&format!("{path}?token=x")).await.expect(400);
    let known = [("if-none-match", asked.header("etag"))];
    practice.client.request(Method::GET, &path, &known, None).await.expect(304);

    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let confirmed = practice.client.request(Method::GET, &path, &known, None).await.expect(200);
    assert_eq!(
        (values(&confirmed, "STATUS"), values(&confirmed, "SEQUENCE")),
        (vec!["CONFIRMED".into()], vec!["2".into()])
    );
    let etag = practice.notary.get(&format!("/api/v1/appointments/{id}")).await.header("etag").to_owned();
    let move_it = json!({"starts_at": "2031-06-19T08:00:00Z", "location": "Via Rizzoli 1, Bologna"});
    practice.notary.patch(&format!("/api/v1/appointments/{id}"), &etag, move_it).await.expect(200);
    let moved = calendar(&practice.client, &path).await;
    assert_eq!(values(&moved, "DTSTART"), ["20310619T080000Z"]);
    assert_eq!(
        (values(&moved, "LOCATION"), values(&moved, "SEQUENCE")),
        (vec!["Via Rizzoli 1\\, Bologna".into()], vec!["3".into()])
    );
    practice.does(&practice.client, &id, "cancel").await.expect(200);
    let cancelled = calendar(&practice.client, &path).await;
    assert_eq!(
        (values(&cancelled, "STATUS"), values(&cancelled, "UID")),
        (vec!["CANCELLED".into()], values(&asked, "UID"))
    );
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_calendar_has_all_that_one_is_expected_at_and_for_the_office_its_agenda() {
    let mut practice = Practice::new().await;
    let id = practice.an_appointment_for("mortgage_loan").await;
    let event = practice.app.an_event().create().await;
    practice
        .client
        .post(&format!("/api/v1/events/{event}/bookings"), json!({"tickets": 1}))
        .await
        .expect(201);
    assert_eq!(summaries(&practice.client, FEED).await, ["Appuntamento: Studio Verdi", "Concerto"]);
    assert_eq!(summaries(&practice.client, "/api/v1/me/bookings.ics").await, ["Concerto"], "as it was");
    assert_eq!(summaries(&practice.notary, FEED).await, ["Appuntamento: Anna Bianchi"]);
    assert_eq!(summaries(&practice.clerk, FEED).await, ["Appuntamento: Anna Bianchi"]);
    assert!(summaries(&practice.stranger, FEED).await.is_empty());
    let blind = practice.app.a_collaborator(practice.office, &["review_documents", "manage_acts"]).await;
    let blind = practice.app.log_in(&blind).await;
    assert!(summaries(&blind, FEED).await.is_empty(), "who may not manage the agenda does not see it");
    practice.app.anonymous().get(FEED).await.expect(401);
    practice.app.anonymous().get(&format!("{FEED}?token=spc_wrong")).await.expect(401);
    practice.client.get(&format!("{FEED}?key=1")).await.expect(400);
    // By the secret link, as calendar programs do; in the language of its owner.
    let url = practice.notary.put("/api/v1/me/calendar-link").await.expect(200).json();
    let url = url["url"].as_str().unwrap();
    let link = url[url.find("/api").unwrap()..].to_owned();
    assert_eq!(summaries(&practice.app.anonymous(), &link).await, ["Appuntamento: Anna Bianchi"]);
    let english = "UPDATE users SET language = 'en' WHERE id = $1";
    let database = practice.app.database.client().await;
    database.execute(english, &[&practice.notary_account.id]).await.unwrap();
    assert_eq!(summaries(&practice.app.anonymous(), &link).await, ["Appointment: Anna Bianchi"]);
    // Who is invited has it, too, until the invitation is taken back.
    let partner = practice.app.a_person().await;
    practice.app.prove_address(&partner).await;
    let invite = json!({ "email": partner.email });
    practice.notary.post(&format!("/api/v1/appointments/{id}/participants"), invite).await.expect(201);
    let guest = practice.app.log_in(&partner).await;
    assert_eq!(summaries(&guest, FEED).await, ["Appuntamento: Studio Verdi"]);
    let path = format!("/api/v1/appointments/{id}/participants/{}", partner.id);
    practice.notary.delete(&path).await.expect(204);
    assert!(summaries(&guest, FEED).await.is_empty());
    // A season later it has left the agenda's calendar, but not the client's.
    let hours = SignedDuration::from_hours(24 * (365 * 5 + 120)).as_hours();
    practice.wait(hours).await;
    let seen = (summaries(&practice.notary, FEED).await.len(), summaries(&practice.client, FEED).await.len());
    let now = practice.app.app.clock.now();
    let then: jiff::Timestamp = A_SLOT.parse().unwrap();
    let days = now.duration_since(then).as_hours() / 24;
    assert_eq!(seen, (usize::from(days < 90), usize::from(days < 365)), "{days} days after");
    practice.app.finish().await;
}
