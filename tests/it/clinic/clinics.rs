//! Clinics: made by administrators, described by who manages them.

use serde_json::json;
use sportello::accounts::policy::Role;

use super::ward::{PATIENTS, Ward};
use crate::harness::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_makes_a_clinic_and_appoints_who_manages_it() {
    let app = TestApp::start().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let content = json!({ "name": "Clinica Aurora", "city": "Rimini", "province": "rn", "email": "Info@Aurora.example" });
    let key = [("idempotency-key", "k")];
    let made = admin
        .request(axum::http::Method::POST, "/api/v1/clinics", &key, Some(content.clone()))
        .await
        .expect(201);
    let again = admin.request(axum::http::Method::POST, "/api/v1/clinics", &key, Some(content)).await;
    assert_eq!(again.expect(201).json()["id"], made.json()["id"]);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made.json()["province"], &made.json()["email"], &made.json()["tier"], &made.json()["members"]),
        (&json!("RN"), &json!("info@aurora.example"), &json!("demo"), &json!(0))
    );
    assert_eq!(made.header("location"), format!("/api/v1/clinics/{id}"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM clinic").await, 1);

    let managers = format!("/api/v1/clinics/{id}/managers");
    let account = app.a_person_with(Role::Staff).await;
    let appoint = json!({ "email": account.email });
    let unknown = admin.post(&managers, appoint.clone()).await.expect(422).json();
    assert_eq!(unknown["errors"][0]["code"], "unknown_member", "nobody has proved this address");
    app.prove_address(&account).await;
    admin.post(&managers, appoint.clone()).await.expect(201);
    assert_eq!(admin.post(&managers, appoint).await.expect(409).code(), "already_invited");
    app.run_jobs().await;
    let mails = app.mails();
    assert!(mails.len() == 1 && mails[0].contains("Clinica Aurora"), "{mails:?}");
    let client = app.log_in(&account).await;
    assert_eq!(client.get("/api/v1/clinic").await.expect(403).code(), "no_clinic");
    client.post("/api/v1/me/clinic-membership/agree", json!({ "clinic_id": id })).await.expect(200);
    let seen = client.get("/api/v1/clinic").await.expect(200);
    assert_eq!((&seen.json()["id"], &seen.json()["members"]), (&json!(id), &json!(1)));
    let changed =
        client.patch("/api/v1/clinic", seen.header("etag"), json!({ "phone": "0541 000000" })).await;
    assert_eq!(changed.expect(200).json()["phone"], "0541 000000");
    client.patch("/api/v1/clinic", seen.header("etag"), json!({ "phone": null })).await.expect(412);
    let members = admin.get(&format!("/api/v1/clinics/{id}/members")).await.expect(200).json();
    assert_eq!(members["data"][0]["user_id"], json!(account.id));
    let tier = admin.get(&format!("/api/v1/clinics/{id}")).await.expect(200);
    let path = format!("/api/v1/clinics/{id}");
    let paid = admin.patch(&path, tier.header("etag"), json!({ "tier": "professional" })).await.expect(200);
    assert_eq!(paid.json()["tier"], "professional");
    admin.patch(&path, "*", json!({ "tier": "enterprise" })).await.expect(422);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_clinics_and_members_and_never_patients() {
    let ward = Ward::new().await;
    let id = ward.register(super::ward::a_person("Anna", "Bianchi", "1990-05-17")).await;
    assert_eq!(
        ward.admin.get("/api/v1/clinics").await.expect(200).json()["data"].as_array().unwrap().len(),
        2
    );
    for path in [PATIENTS.to_owned(), format!("{PATIENTS}/{id}"), "/api/v1/clinic/members".to_owned()] {
        assert_eq!(ward.admin.get(&path).await.expect(403).code(), "no_clinic", "{path}");
    }
    for client in [&ward.manager, &ward.nurse] {
        client.get("/api/v1/clinics").await.expect(403);
        client.post("/api/v1/clinics", json!({ "name": "X", "city": "Y" })).await.expect(403);
    }
    let wrong = json!({ "name": " ", "city": "Rimini", "province": "RNX", "email": "no" });
    let wrong = ward.admin.post("/api/v1/clinics", wrong).await.expect(422).json();
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 3, "{wrong}");
    ward.admin
        .post("/api/v1/clinics", json!({ "name": "X", "city": "Y", "tier": "basic" }))
        .await
        .expect(422);
    ward.app.finish().await;
}
