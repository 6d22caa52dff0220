//! Invitations, answers, and conflicts.

use axum::http::Method;
use serde_json::json;

use super::practice::{A_SLOT, Practice};
use crate::harness::client::{Answer, Client};

async fn answer(client: &Client, id: &str, answer: &str) -> Answer {
    let body = json!({"answer": answer, "note": "Grazie."});
    client.request(Method::PUT, &format!("/api/v1/appointments/{id}/answer"), &[], Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_invited_answers_and_cannot_be_in_two_places() {
    let practice = Practice::new().await;
    let guest = practice.app.a_person().await;
    let sql = "UPDATE users SET email_verified_at = now() WHERE id = $1";
    practice.app.database.client().await.execute(sql, &[&guest.id]).await.unwrap();
    let client = practice.app.log_in(&guest).await;
    let id = practice.a_request(A_SLOT).await;
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let path = format!("/api/v1/appointments/{id}/participants");
    client.get(&path).await.expect(404);
    let invitation = json!({ "email": guest.email });
    practice.client.post(&path, invitation.clone()).await.expect(403);
    let partner = json!({"email": guest.email, "is_partner": true});
    assert_eq!(practice.notary.post(&path, partner).await.expect(422).code(), "no_partner");
    let nobody = json!({"email": "nessuno@example.org"});
    assert_eq!(practice.notary.post(&path, nobody).await.expect(422).code(), "unknown_person");
    practice.notary.post(&path, invitation.clone()).await.expect(201);
    assert_eq!(practice.notary.post(&path, invitation.clone()).await.expect(409).code(), "already_invited");
    assert_eq!(practice.told(&client).await, ["other"]);
    answer(&practice.stranger, &id, "accept").await.expect(404);
    answer(&client, &id, "accept").await.expect(204);
    assert_eq!(answer(&client, &id, "accept").await.expect(409).code(), "not_in_this_state");
    let list = client.get(&path).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&list["data"][1]["status"], &list["data"][1]["has_conflict"]),
        (&json!("accepted"), &json!(null))
    );

    // Another office, the same time.
    let other = practice.app.a_person_with(sportello::accounts::policy::Role::Notary).await;
    practice.app.an_office(other.id).await;
    let other = practice.app.log_in(&other).await;
    let hours = json!({"weekday": 3, "start_time": "08:00", "end_time": "20:00"});
    other.post("/api/v1/notary/office/availability", hours).await.expect(201);
    let office: uuid::Uuid =
        practice.app.value(&format!("SELECT id FROM notary WHERE id <> '{}'", practice.office)).await;
    let request = json!({"type": "consultation", "starts_at": A_SLOT, "minutes": 30});
    let asked =
        practice.stranger.post(&format!("/api/v1/notaries/{office}/appointments"), request).await.expect(201);
    let second = asked.json()["id"].as_str().unwrap().to_owned();
    other
        .post(&format!("/api/v1/appointments/{second}/transitions"), json!({"event": "confirm"}))
        .await
        .expect(200);
    other.post(&format!("/api/v1/appointments/{second}/participants"), invitation).await.expect(201);
    let seen = other.get(&format!("/api/v1/appointments/{second}/participants")).await.json();
    assert_eq!(seen["data"][1]["has_conflict"], true, "the office sees it before they answer");
    assert_eq!(answer(&client, &second, "accept").await.expect(409).code(), "time_conflict");
    answer(&client, &second, "hesitate").await.expect(204);
    answer(&client, &id, "decline").await.expect(204);
    answer(&client, &second, "accept").await.expect(204);
    other.get(&format!("/api/v1/appointments/{id}")).await.expect(404);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_appointment_is_told_and_asked_again() {
    let practice = Practice::new().await;
    let id = practice.a_request(A_SLOT).await;
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let blocker = practice.a_request("2031-06-18T15:00:00Z").await;
    practice.does(&practice.notary, &blocker, "confirm").await.expect(200);
    let path = format!("/api/v1/appointments/{id}");
    let etag = practice.notary.get(&path).await.header("etag").to_owned();
    let overlap = json!({"starts_at": "2031-06-18T14:45:00Z"});
    assert_eq!(practice.notary.patch(&path, &etag, overlap).await.expect(409).code(), "overlaps");
    let moved =
        practice.notary.patch(&path, &etag, json!({"starts_at": "2031-06-18T14:30:00Z"})).await.expect(200);
    assert_eq!(moved.json()["ends_at"], "2031-06-18T15:00:00Z");
    assert_eq!(practice.told(&practice.client).await.last().unwrap(), "appointment_changed");
    practice.notary.patch(&path, &etag, json!({"title": "x"})).await.expect(412);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meetings_address_is_shown_once_the_client_was_let_in() {
    let practice = Practice::new().await;
    let request = json!({"type": "consultation", "starts_at": A_SLOT, "minutes": 30, "modes": ["video"]});
    let id = practice.ask_for(&practice.client, request).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let path = format!("/api/v1/appointments/{id}");
    let etag = practice.notary.get(&path).await.header("etag").to_owned();
    practice.notary.patch(&path, &etag, json!({"meeting_url": "http://x.example"})).await.expect(422);
    practice.notary.patch(&path, &etag, json!({"meeting_url": "https://meet.example/1"})).await.expect(200);
    let url = async || practice.client.get(&path).await.expect(200).json()["meeting_url"].clone();
    assert_eq!(url().await, json!(null));
    let admit = async |client: &Client, is_admitted: bool| {
        let body = json!({ "is_admitted": is_admitted });
        client.request(Method::PUT, &format!("{path}/admission"), &[], Some(body)).await
    };
    admit(&practice.client, true).await.expect(403);
    admit(&practice.notary, true).await.expect(200);
    assert_eq!(url().await, json!("https://meet.example/1"));
    admit(&practice.clerk, false).await.expect(200);
    assert_eq!(url().await, json!(null));
    practice.app.finish().await;
}
