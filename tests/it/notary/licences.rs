//! Licences: what they let an office do, who is warned of their end, and what they bring in.

use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use sportello::accounts::policy::Role;

use super::practice::Practice;
use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    notaries::ANotary,
};

/// Sets what is said of a licence.
async fn set(admin: &Client, notary: &ANotary, terms: Value) -> Answer {
    let path = format!("/api/v1/notary/offices/{}", notary.office);
    let tag = admin.get(&path).await.expect(200).header("etag").to_owned();
    admin.patch(&format!("{path}/licence"), &tag, terms).await
}

async fn found(app: &TestApp) -> usize {
    app.anonymous().get("/api/v1/notaries").await.expect(200).json()["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_without_a_valid_licence_is_read_only_and_not_found() {
    let app = TestApp::start().await;
    let (notary, admin) = (app.a_notary().await, app.log_in(&app.a_person_with(Role::Admin).await).await);
    let today = app.today();
    assert_eq!(found(&app).await, 1);
    for (terms, code) in [
        (json!({ "ends_on": today.yesterday().unwrap() }), Some("licence_expired")),
        (json!({ "ends_on": today }), None),
        (json!({ "active": false }), Some("notary_inactive")),
        (json!({ "active": true, "ends_on": null }), None),
    ] {
        let status =
            set(&admin, &notary, terms.clone()).await.expect(200).json()["licence"]["status"].clone();
        let bio = json!({ "bio": "Siamo aperti." });
        let answer = notary.client.patch("/api/v1/notary/office", "*", bio).await;
        let services = notary
            .client
            .replace("/api/v1/notary/office/services", Some("*"), json!({ "services": [] }))
            .await;
        let invite =
            notary.client.post("/api/v1/notary/collaborators", json!({ "email": "a@example.org" })).await;
        let page = app.anonymous().get(&format!("/api/v1/notaries/{}", notary.office)).await.status;
        if let Some(code) = code {
            for answer in [answer, services, invite] {
                assert_eq!((answer.status, answer.code().as_str()), (403, code), "{terms}");
            }
            assert_eq!((page, found(&app).await), (404, 0), "{status}");
        } else {
            assert_eq!((answer.status, services.status, invite.status), (200, 200, 422), "{terms}");
            assert_eq!((page, found(&app).await), (200, 1), "{status}");
        }
        notary.client.get("/api/v1/notary/office").await.expect(200);
    }
    let wrong = json!({ "starts_on": "2026-02-01", "ends_on": "2026-01-01", "fee_cents": -1 });
    set(&admin, &notary, wrong).await.expect(422);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notary_is_warned_once_of_each_last_day_thirty_days_before() {
    let app = TestApp::start().await;
    let (notary, admin) = (app.a_notary().await, app.log_in(&app.a_person_with(Role::Admin).await).await);
    let day = SignedDuration::from_hours(24);
    let ends_on = app.today().saturating_add(33.days());
    set(&admin, &notary, json!({ "ends_on": ends_on })).await.expect(200);
    let warnings = || app.mails().iter().filter(|mail| mail.contains("Zanotti")).count();
    // 31 days before at least, whatever time of the day it is.
    app.app.clock.advance(day);
    app.run_jobs().await;
    assert_eq!(warnings(), 0);
    for _ in 0..4 {
        app.app.clock.advance(day);
        app.run_jobs().await;
    }
    assert_eq!(warnings(), 1, "once");
    let mail = app.mails().into_iter().find(|mail| mail.contains("Zanotti")).unwrap();
    assert!(mail.contains(&ends_on.year().to_string()), "{mail}");
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await; // the other session is over
    set(&admin, &notary, json!({ "ends_on": ends_on.tomorrow().unwrap() })).await.expect(200);
    for _ in 0..3 {
        app.app.clock.advance(day);
        app.run_jobs().await;
    }
    assert_eq!(warnings(), 2, "the new last day is another");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_find_offices_by_their_licence_and_see_what_they_bring_in() {
    let app = TestApp::start().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let today = app.today();
    let month = |fee: i64| json!({ "fee_cents": fee, "fee_every": "month" });
    let year = |fee: i64| json!({ "fee_cents": fee, "fee_every": "year" });
    let mut expected = Vec::new();
    for (status, mut terms, days) in [
        ("active", month(1000), Some(31)),
        ("active", year(50_000), None),
        ("expiring_soon", month(2000), Some(30)),
        ("expiring_soon", year(7), Some(0)),
        ("expired", month(9999), Some(-1)),
        ("disabled", year(9999), Some(90)),
    ] {
        let notary = app.a_notary_with(json!({ "city": format!("Città {}", expected.len()) })).await;
        terms["ends_on"] = json!(days.map(|days: i64| today.saturating_add(days.days())));
        terms["active"] = json!(status != "disabled");
        let seen = set(&admin, &notary, terms).await.expect(200).json();
        assert_eq!(seen["licence"]["status"], status);
        expected.push((notary.office.to_string(), status));
    }
    for status in ["active", "expiring_soon", "expired", "disabled"] {
        let list = admin.get(&format!("/api/v1/notary/offices?licence={status}")).await.expect(200).json();
        let ids: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        let wanted = expected.iter().rev().filter(|it| it.1 == status).map(|it| it.0.as_str());
        assert_eq!(ids, wanted.collect::<Vec<_>>(), "{status}, newest first");
    }
    let figures = admin.get("/api/v1/notary/statistics").await.expect(200).json();
    assert_eq!(
        figures,
        json!({
            "notaries": { "total": 6, "active": 2, "expiring_soon": 2, "expired": 1, "disabled": 1, "verified": 6 },
            "revenue": { "monthly_cents": 3000, "annual_cents": 50_007, "projected_annual_cents": 86_007, "currency": "EUR" },
            "appointments": { "total": 0, "pending": 0, "completed": 0 },
        })
    );
    let by_city = admin.get("/api/v1/notary/offices?city=CITTA%203").await.expect(200).json();
    assert_eq!(by_city["data"].as_array().unwrap().len(), 1);
    let all = admin.get("/api/v1/notary/offices?limit=100").await.expect(200).json();
    let blank = admin.get("/api/v1/notary/offices?limit=100&q=%20&city=&province=").await.expect(200).json();
    assert_eq!((all["data"].as_array().unwrap().len(), &blank["data"]), (6, &all["data"]));
    let by_text = admin
        .get("/api/v1/notary/offices?q=zanot&province=bo&verified=true&limit=2")
        .await
        .expect(200)
        .json();
    assert_eq!(by_text["data"].as_array().unwrap().len(), 2);
    let cursor = by_text["next_cursor"].as_str().unwrap();
    let rest = format!("/api/v1/notary/offices?q=zanot&province=bo&verified=true&limit=100&cursor={cursor}");
    assert_eq!(admin.get(&rest).await.expect(200).json()["data"].as_array().unwrap().len(), 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_administrator_verifies_and_then_the_office_is_found() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let path = format!("/api/v1/notary/offices/{}", notary.office);
    notary.client.patch(&path, "*", json!({ "is_verified": true })).await.expect(403);
    let seen = admin.get(&path).await.expect(200);
    assert_eq!(seen.json()["email"], json!(notary.account.email));
    admin
        .request(axum::http::Method::PATCH, &path, &[], Some(json!({ "is_verified": false })))
        .await
        .expect(428);
    let changed = admin.patch(&path, seen.header("etag"), json!({ "is_verified": false })).await.expect(200);
    assert_eq!(found(&app).await, 0);
    admin.patch(&path, seen.header("etag"), json!({ "is_verified": true })).await.expect(412);
    admin.patch(&path, changed.header("etag"), json!({ "is_verified": true })).await.expect(200);
    assert_eq!(found(&app).await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_licence_no_act_is_begun_and_what_was_begun_is_ended() {
    let practice = Practice::new().await;
    let (open, unsigned) =
        (practice.an_act("certified_copies").await, practice.an_act("certified_copies").await);
    let signed = practice.app.a_signed_act(practice.office, practice.client_account.id, "Procura").await;
    let last = practice.app.a_signed_act(practice.office, practice.client_account.id, "Altra procura").await;
    let database = practice.app.database.client().await;
    database.execute("UPDATE notary SET licence_ends_on = current_date - 5", &[]).await.unwrap();
    assert_eq!(
        practice.moves(&practice.notary, &open, "prepare").await.expect(403).code(),
        "licence_expired"
    );
    let case = json!({"client_email": practice.client_account.email, "act_type": "certified_copies"});
    assert_eq!(practice.notary.post("/api/v1/acts", case).await.expect(403).code(), "licence_expired");
    practice.moves(&practice.notary, &unsigned, "annul").await.expect(200);
    practice.moves(&practice.notary, &last, "annul").await.expect(200);
    let sent = "UPDATE act SET status = 'sent', sent_at = now() WHERE id::text = $1";
    database.execute(sent, &[&signed]).await.unwrap();
    practice.moves(&practice.notary, &signed, "archive").await.expect(200);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statistics_count_appointments_by_where_they_are() {
    let practice = Practice::new().await;
    let admin = practice.app.log_in(&practice.app.a_person_with(Role::Admin).await).await;
    practice.a_request("2031-06-18T08:00:00Z").await;
    practice.a_request("2031-06-18T09:00:00Z").await;
    let done = practice.an_appointment_for("mortgage_loan").await;
    let end = "UPDATE appointment SET status = 'completed', ended_at = now() WHERE id::text = $1";
    practice.app.database.client().await.execute(end, &[&done]).await.unwrap();
    let figures = admin.get("/api/v1/notary/statistics").await.expect(200).json();
    assert_eq!(figures["appointments"], json!({ "total": 3, "pending": 2, "completed": 1 }));
    practice.app.finish().await;
}
