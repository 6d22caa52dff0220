//! Asking for an appointment, and what the two sides see of it.

use axum::http::Method;
use serde_json::json;

use super::practice::{A_SLOT, Practice};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_to_the_office_and_its_answer_to_the_client() {
    let practice = Practice::new().await;
    let id = practice.a_request(A_SLOT).await;
    assert_eq!(practice.told(&practice.notary).await, ["appointment_requested"]);
    assert_eq!(practice.told(&practice.clerk).await, ["appointment_requested"]);
    let path = format!("/api/v1/appointments/{id}");
    let seen = practice.client.get(&path).await.expect(200).json();
    assert_eq!((&seen["status"], &seen["possible"]), (&json!("provisional"), &json!(["cancel"])));
    assert_eq!(seen["office_note"], json!(null));
    let office = practice.notary.get(&path).await.expect(200);
    assert_eq!(office.json()["possible"], json!(["confirm", "reject", "cancel"]));
    practice.stranger.get(&path).await.expect(404);
    practice.does(&practice.client, &id, "confirm").await.expect(403);
    practice.does(&practice.stranger, &id, "cancel").await.expect(404);

    let note = json!({"office_note": "Chiedere la visura.", "reminder_hours": 48});
    practice.client.patch(&path, office.header("etag"), note.clone()).await.expect(403);
    practice.notary.patch(&path, office.header("etag"), note).await.expect(200);
    assert_eq!(practice.client.get(&path).await.json()["office_note"], json!(null));
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    assert_eq!(practice.told(&practice.client).await, ["appointment_confirmed"]);
    practice.app.run_jobs().await;
    let mails = practice.app.mails();
    assert!(mails.iter().any(|mail| mail.contains("Appuntamento confermato")), "{mails:?}");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_checked_and_bounded_and_repeated_safely() {
    let practice = Practice::new().await;
    let refused = async |body| practice.ask_for(&practice.client, body).await;
    let wrong =
        refused(json!({"type": "seance", "act_type": "x", "starts_at": A_SLOT})).await.expect(422).json();
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2, "{wrong}");
    refused(json!({"type": "consultation", "starts_at": A_SLOT, "modes": ["conservation"]}))
        .await
        .expect(422);
    refused(json!({"type": "consultation", "starts_at": "2031-06-18T12:10:00Z"})).await.expect(409);
    let past =
        refused(json!({"type": "consultation", "starts_at": "2020-06-17T12:00:00Z"})).await.expect(409);
    assert_eq!(past.code(), "slot_not_free");
    assert_eq!(practice.ask(&practice.notary, A_SLOT).await.expect(409).code(), "own_office");

    let path = format!("/api/v1/notaries/{}/appointments", practice.office);
    let body = json!({"type": "consultation", "starts_at": A_SLOT, "minutes": 30});
    let key = [("idempotency-key", "una-volta")];
    let first = practice.client.request(Method::POST, &path, &key, Some(body.clone())).await.expect(201);
    let again = practice.client.request(Method::POST, &path, &key, Some(body.clone())).await.expect(201);
    assert_eq!(first.body, again.body);
    let twice = practice.client.request(Method::POST, &path, &[], Some(body.clone())).await.expect(409);
    assert_eq!(twice.code(), "already_requested");
    practice.does(&practice.notary, first.json()["id"].as_str().unwrap(), "confirm").await.expect(200);
    let later = practice.client.request(Method::POST, &path, &key, Some(body)).await.expect(201);
    assert_eq!(first.body, later.body, "though the slot is taken by now");

    for hour in [7, 8, 9, 10, 13] {
        practice.ask(&practice.client, &format!("2031-06-18T{hour:02}:00:00Z")).await.expect(201);
    }
    let many = practice.ask(&practice.client, "2031-06-18T14:00:00Z").await.expect(409);
    assert_eq!(many.code(), "too_many_requests_open");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_each_side_its_own_in_the_order_in_which_they_begin() {
    let practice = Practice::new().await;
    let late = practice.a_request("2031-06-18T15:00:00Z").await;
    let early = practice.a_request(A_SLOT).await;
    let ids = async |client: &crate::harness::client::Client, query: &str| {
        let page = client.get(&format!("/api/v1/appointments?{query}")).await.expect(200).json();
        let rows = page["data"].as_array().unwrap().clone();
        (
            rows.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            page["next_cursor"].clone(),
        )
    };
    assert_eq!(ids(&practice.client, "").await.0, [early.clone(), late.clone()]);
    assert_eq!(ids(&practice.clerk, "side=office").await.0, [early.clone(), late.clone()]);
    assert_eq!(ids(&practice.client, "side=invited").await.0, [early.clone(), late.clone()]);
    for (client, query) in
        [(&practice.stranger, ""), (&practice.stranger, "side=office"), (&practice.notary, "")]
    {
        assert!(ids(client, query).await.0.is_empty(), "{query}");
    }
    let (first, cursor) = ids(&practice.clerk, "side=office&limit=1").await;
    assert_eq!(first, [early]);
    let next = format!("side=office&limit=1&cursor={}", cursor.as_str().unwrap());
    assert_eq!(ids(&practice.clerk, &next).await, (vec![late.clone()], json!(null)));
    assert_eq!(ids(&practice.clerk, "side=office&from=2031-06-18T14:00:00Z").await.0, [late]);
    assert!(ids(&practice.clerk, "side=office&status=confirmed").await.0.is_empty());
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_without_the_permission_sees_nothing_of_the_agenda() {
    let practice = Practice::new().await;
    let id = practice.a_request(A_SLOT).await;
    let other = practice.app.a_collaborator(practice.office, &["manage_acts"]).await;
    let other = practice.app.log_in(&other).await;
    other.get(&format!("/api/v1/appointments/{id}")).await.expect(404);
    let hours = json!({"weekday": 1, "start_time": "08:00", "end_time": "09:00"});
    let refused = other.post("/api/v1/notary/office/availability", hours).await.expect(403);
    assert_eq!(refused.code(), "not_permitted");
    let sql = "UPDATE collaborator SET agreed_at = NULL";
    practice.app.database.client().await.execute(sql, &[]).await.unwrap();
    practice.clerk.get(&format!("/api/v1/appointments/{id}")).await.expect(404);
    assert_eq!(
        practice.clerk.get("/api/v1/notary/office/availability").await.expect(403).code(),
        "no_office"
    );
    practice.app.finish().await;
}
