//! What time does: requests expire, people are reminded, notifications are read and mailed as people want.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::practice::Practice;
use crate::harness::client::Client;

/// The first slot that begins at least so many hours from now.
async fn a_slot_in(practice: &Practice, hours: i64) -> String {
    let path = format!("/api/v1/notaries/{}/slots?minutes=30", practice.office);
    let slots = practice.client.get(&path).await.expect(200).json();
    let from = practice.app.app.clock.now() + SignedDuration::from_hours(hours);
    let slots = slots["data"].as_array().unwrap().iter().map(|slot| slot["starts_at"].as_str().unwrap());
    slots.filter(|at| at.parse::<Timestamp>().unwrap() >= from).map(str::to_owned).next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_answers_expires_once_and_its_client_is_told() {
    let mut practice = Practice::new().await;
    let starts_at = a_slot_in(&practice, 48).await;
    let id = practice.a_request(&starts_at).await;
    practice.app.run_jobs().await;
    assert_eq!(practice.status(&id).await, "provisional");
    practice.wait(24 * 6).await;
    practice.app.run_jobs().await;
    assert_eq!(practice.status(&id).await, "expired");
    assert_eq!(practice.told(&practice.client).await, ["appointment_rejected"]);
    practice.does(&practice.notary, &id, "confirm").await.expect(409);
    practice.app.run_jobs().await;
    assert_eq!(practice.told(&practice.client).await.len(), 1, "once");
    let mails = practice.app.mails();
    assert!(mails.iter().any(|mail| mail.contains("non ha risposto in tempo")), "{mails:?}");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_reminded_once_as_long_before_as_the_appointment_says() {
    let mut practice = Practice::new().await;
    let starts_at = a_slot_in(&practice, 100).await;
    let id = practice.a_request(&starts_at).await;
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let path = format!("/api/v1/appointments/{id}");
    let etag = practice.notary.get(&path).await.header("etag").to_owned();
    practice.notary.patch(&path, &etag, json!({"reminder_hours": 48})).await.expect(200);
    let reminders = async |client: &Client, practice: &Practice| {
        practice.told(client).await.iter().filter(|kind| *kind == "appointment_reminder").count()
    };
    practice.app.run_jobs().await;
    assert_eq!(reminders(&practice.client, &practice).await, 0);
    let until = starts_at.parse::<Timestamp>().unwrap().duration_since(practice.app.app.clock.now());
    practice.wait(until.as_hours() - 40).await;
    practice.app.run_jobs().await;
    practice.app.run_jobs().await;
    assert_eq!(reminders(&practice.client, &practice).await, 1);
    assert_eq!(reminders(&practice.notary, &practice).await, 1);
    practice.app.finish().await;
}

async fn page(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/v1/me/notifications?{query}")).await.expect(200).json();
    page["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_ones_own_are_read_and_come_by_mail_as_one_wants() {
    let practice = Practice::new().await;
    let preferences = "/api/v1/me/notification-preferences";
    let all = practice.notary.get(preferences).await.expect(200).json();
    assert_eq!(all["data"].as_array().unwrap().len(), 17);
    let none = json!({"data": [{"kind": "appointment_requested", "by_mail": false}]});
    practice.notary.request(Method::PUT, preferences, &[], Some(none)).await.expect(200);
    practice.a_request(super::practice::A_SLOT).await;
    practice.app.run_jobs().await;
    let mails = practice.app.mails();
    assert_eq!(mails.len(), 1, "the clerk's: {mails:?}");
    let [told] = page(&practice.notary, "unread=true").await.try_into().unwrap();
    let title = told["title"].as_str().unwrap();
    assert!(title.starts_with("Richiesta di appuntamento: mercoledì 18 giugno 2031, 14:00"), "{title}");
    let path = format!("/api/v1/me/notifications/{}", told["id"].as_str().unwrap());
    practice.client.put(&format!("{path}/read")).await.expect(404);
    practice.client.delete(&path).await.expect(404);
    practice.notary.put(&format!("{path}/read")).await.expect(204);
    practice.notary.put(&format!("{path}/read")).await.expect(204);
    assert!(page(&practice.notary, "unread=true").await.is_empty());
    assert_eq!(page(&practice.notary, "").await.len(), 1);
    practice.clerk.put("/api/v1/me/notifications/read").await.expect(204);
    assert!(page(&practice.clerk, "unread=true").await.is_empty());
    practice.notary.delete(&path).await.expect(204);
    assert!(page(&practice.notary, "").await.is_empty());
    practice.app.finish().await;
}
