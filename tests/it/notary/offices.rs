//! Offices: made once, edited by their notary, seen by who works there.

use axum::http::Method;
use serde_json::json;
use sportello::accounts::policy::Role;

use crate::harness::{
    app::TestApp,
    notaries::{a_vat_number, an_office},
    people::PASSWORD,
};

const OFFICE: &str = "/api/v1/notary/office";

#[tokio::test(flavor = "multi_thread")]
async fn a_notary_makes_one_office_and_edits_it_by_its_version() {
    let app = TestApp::start().await;
    let notary = app.log_in(&app.a_person_with(Role::Notary).await).await;
    assert_eq!(notary.get(OFFICE).await.expect(403).code(), "no_office");
    let key = [("idempotency-key", "k")];
    let made = notary.request(Method::POST, OFFICE, &key, Some(an_office())).await.expect(201);
    let again = notary.request(Method::POST, OFFICE, &key, Some(an_office())).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", made.json()));
    assert_eq!(notary.post(OFFICE, an_office()).await.expect(409).code(), "has_office");
    let seen = made.json();
    assert_eq!((&seen["is_verified"], &seen["languages"]), (&json!(false), &json!(["it"])));
    assert_eq!((&seen["licence"]["status"], &seen["rating"]), (&json!("active"), &json!(null)));

    let change =
        json!({ "bio": "  Dal 1998. ", "fiscal_code": "rssmra85t10a562s", "offers": ["agenda", "agenda"] });
    notary.request(Method::PATCH, OFFICE, &[], Some(change.clone())).await.expect(428);
    notary.patch(OFFICE, "\"v7\"", change.clone()).await.expect(412);
    let changed = notary.patch(OFFICE, made.header("etag"), change).await.expect(200);
    let seen = changed.json();
    assert_eq!((&seen["bio"], &seen["offers"]), (&json!("Dal 1998."), &json!(["agenda"])));
    assert_eq!((&seen["fiscal_code"], &seen["version"]), (&json!("RSSMRA85T10A562S"), &json!(2)));
    let removed =
        notary.patch(OFFICE, changed.header("etag"), json!({ "fiscal_code": null })).await.expect(200);
    assert_eq!(removed.json()["fiscal_code"], json!(null));
    assert_eq!(notary.get(OFFICE).await.expect(200).header("etag"), removed.header("etag"));
    let told: String = app
        .value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE action ~ '^office'")
        .await;
    assert_eq!(told, "office.create office.change office.change");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_right_is_refused_field_by_field() {
    let app = TestApp::start().await;
    let notary = app.log_in(&app.a_person_with(Role::Notary).await).await;
    for (change, pointer, code) in [
        (json!({ "fiscal_code": "RSSMRA85T10A562T" }), "/fiscal_code", "invalid_fiscal_code"),
        (json!({ "vat_number": "00743110158" }), "/vat_number", "invalid_vat_number"),
        (json!({ "vat_number": "SM0" }), "/vat_number", "invalid_vat_number"),
        (json!({ "longitude": null }), "/longitude", "required"),
        (json!({ "latitude": 91.0 }), "/latitude", "out_of_range"),
        (json!({ "province": "B0" }), "/province", "invalid_code"),
        (json!({ "province": "SM" }), "/province", "other_country"),
        (json!({ "languages": [] }), "/languages", "required"),
        (json!({ "languages": ["Italian"] }), "/languages/0", "invalid_code"),
        (json!({ "website": "ftp://x" }), "/website", "invalid_url"),
        (json!({ "office_email": "nobody" }), "/office_email", "invalid_email"),
        (json!({ "enrolled_on": "2999-01-01" }), "/enrolled_on", "in_the_future"),
        (json!({ "is_verified": true }), "/is_verified", "unknown_field"),
    ] {
        let mut office = an_office();
        office.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = notary.post(OFFICE, office).await.expect(422).json();
        assert_eq!(
            (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
            (&json!(pointer), &json!(code))
        );
    }
    // Both countries have numbers of their own.
    for vat in ["SM 51", "IT00743110157"] {
        let mut office = an_office();
        office["vat_number"] = json!(vat);
        let notary = app.log_in(&app.a_person_with(Role::Notary).await).await;
        notary.post(OFFICE, office).await.expect(201);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_identifies_a_notary_belongs_to_one_office_and_is_verified_anew_when_it_changes() {
    let app = TestApp::start().await;
    let vat = a_vat_number(1);
    let first = app.a_notary_with(json!({ "vat_number": vat })).await;
    let other = app.log_in(&app.a_person_with(Role::Notary).await).await;
    let mut office = an_office();
    office["vat_number"] = json!(vat);
    let refused = other.post(OFFICE, office).await.expect(409);
    assert_eq!(
        (refused.code().as_str(), &refused.json()["errors"][0]["pointer"]),
        ("taken", &json!("/vat_number"))
    );
    let seen = first.client.patch(OFFICE, "*", json!({ "phone": "+39 051 123456" })).await.expect(200).json();
    assert_eq!(seen["is_verified"], true);
    let seen = first.client.patch(OFFICE, "*", json!({ "last_name": "Rossi" })).await.expect(200).json();
    assert_eq!(seen["is_verified"], false, "an administrator has not seen this one");
    app.anonymous().get(&format!("/api/v1/notaries/{}", first.office)).await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_replaced_as_a_whole_and_everybody_sees_them_at_once() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    let page = format!("/api/v1/notaries/{}", notary.office);
    assert_eq!(app.anonymous().get(&page).await.expect(200).json()["services"], json!([]));
    let path = format!("{OFFICE}/services");
    let two = json!({ "services": [{ "name": "Rogito", "fee_cents": 150_000 }, { "name": "Consulenza" }] });
    notary.client.replace(&path, None, two.clone()).await.expect(428);
    let tag = notary.client.get(OFFICE).await.header("etag").to_owned();
    let office = notary.client.replace(&path, Some(&tag), two.clone()).await.expect(200);
    assert_eq!(office.json()["services"][0]["fee_cents"], 150_000);
    notary.client.replace(&path, Some(&tag), two).await.expect(412);
    let shown = app.anonymous().get(&page).await.expect(200).json();
    let names: Vec<_> = shown["services"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["Rogito", "Consulenza"]);
    for hidden in ["fiscal_code", "vat_number", "licence", "user_id"] {
        assert!(shown.get(hidden).is_none(), "{hidden} is nobody's business");
    }
    let one = json!({ "services": [{ "name": "Consulenza", "description": "Un'ora." }] });
    notary.client.replace(&path, Some(office.header("etag")), one).await.expect(200);
    let shown = app.anonymous().get(&page).await.expect(200).json();
    assert_eq!(
        (shown["services"].as_array().unwrap().len(), &shown["services"][0]["fee_cents"]),
        (1, &json!(null))
    );
    let bad = json!({ "services": [{ "name": "" }] });
    let refused = notary.client.replace(&path, Some("*"), bad).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/services/0/name");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_notary_is_found_nowhere_and_nothing_is_left_of_the_office() {
    let app = TestApp::start().await;
    let office = json!({ "bio": "Suono la ghironda", "roll_number": "GH-1", "vat_number": a_vat_number(9) });
    let notary = app.a_notary_with(office).await;
    let services = json!({ "services": [{ "name": "Ghironda", "fee_cents": 1 }] });
    notary.client.replace(&format!("{OFFICE}/services"), Some("*"), services).await.expect(200);
    let (_, clerk) = app.a_clerk(&notary, &[]).await;
    let (page, list) = (format!("/api/v1/notaries/{}", notary.office), "/api/v1/notaries?q=zanotti");
    app.anonymous().get(&page).await.expect(200);
    assert_eq!(app.anonymous().get(list).await.json()["data"].as_array().unwrap().len(), 1);
    notary.client.post("/api/v1/me/erasure", json!({ "password": PASSWORD })).await.expect(202);
    app.run_jobs().await;
    app.anonymous().get(&page).await.expect(404);
    assert_eq!(app.anonymous().get(list).await.json()["data"], json!([]));
    clerk.get(OFFICE).await.expect(403);
    let left: String = app
        .value(
            "SELECT coalesce(string_agg(n::text, ''), '') || (SELECT count(*) FROM notary_service)
            || (SELECT count(*) FROM collaborator) FROM notary n",
        )
        .await;
    for word in ["Zanotti", "zanotti", "ghironda", "GH-1", "Bologna", &a_vat_number(9)] {
        assert!(!left.contains(word), "{word}: {left}");
    }
    assert!(left.ends_with("00"), "{left}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_in_an_office_sees_it_and_only_its_notary_changes_it() {
    let app = TestApp::start().await;
    let (notary, other) = (app.a_notary().await, app.a_notary().await);
    let (_, collaborator) = app.a_clerk(&notary, &["manage_agenda", "manage_acts"]).await;
    let seen = collaborator.get(OFFICE).await.expect(200);
    assert_eq!(seen.json()["id"], json!(notary.office));
    let bio = json!({ "bio": "x" });
    assert_eq!(
        collaborator.patch(OFFICE, seen.header("etag"), bio.clone()).await.expect(403).code(),
        "forbidden"
    );
    collaborator.get("/api/v1/notary/collaborators").await.expect(403);
    other.client.patch(OFFICE, "*", bio).await.expect(200);
    assert_eq!(collaborator.get(OFFICE).await.json()["bio"], "", "it was the other one's own");
    app.finish().await;
}
