//! The administrator: gives roles and licences, looks at reviews, sees what comes in; and reads no deed.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    case::Case,
    town::{FEE, Town, data},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_runs_licences_and_reviews_and_reads_no_deed() {
    let mut town = Town::found().await;
    let admin = &town.admin.client;

    // Roles are given here, but nobody is made an administrator; and nobody gives themselves one.
    let citizen = format!("/api/v1/users/{}", town.citizen.id);
    let etag = admin.get(&citizen).await.expect(200).header("etag").to_owned();
    admin.patch(&citizen, &etag, json!({"roles": ["client", "admin"]})).await.expect(422);
    town.citizen.client.patch(&citizen, &etag, json!({"roles": ["client", "notary"]})).await.expect(403);
    let waiting = admin.get("/api/v1/notary/offices?verified=false").await.expect(200).json();
    assert_eq!((data(&waiting).len(), &data(&waiting)[0]["id"]), (1, &json!(town.office)));
    let partners = admin.get("/api/v1/notary/partners?verified=false").await.expect(200).json();
    assert_eq!(data(&partners)[0]["business_name"], "Geometra Neri");
    assert!(town.offices_nearby().await.is_empty());
    town.license().await;
    town.employ().await;
    town.verify_partner().await;
    assert_eq!(town.offices_nearby().await.len(), 1);
    figures(&town, "active", 0).await;

    let case = town.an_archived_case().await;
    figures(&town, "active", 1).await;
    closed_doors(&town, &case).await;
    reviews(&town, &case).await;
    licences(&mut town, &case).await;

    // All of it stands in the audit log, which nobody else reads in whole.
    let log = town
        .admin
        .client
        .get("/api/v1/audit?action=office.change_licence&limit=100")
        .await
        .expect(200)
        .json();
    assert!(data(&log).len() >= 5, "each change of the licence: {log}");
    let own = town.citizen.client.get("/api/v1/audit?action=office.change_licence").await.expect(200).json();
    assert!(data(&own).is_empty());
    town.app.finish().await;
}

/// What the statistics say: one office, with its licence in this state.
async fn figures(town: &Town, state: &str, completed: i64) {
    let figures = town.admin.client.get("/api/v1/notary/statistics").await.expect(200).json();
    let is_paid = matches!(state, "active" | "expiring_soon");
    assert_eq!(
        (&figures["notaries"]["total"], &figures["notaries"][state]),
        (&json!(1), &json!(1)),
        "{figures}"
    );
    let monthly = if is_paid { FEE } else { 0 };
    let revenue = &figures["revenue"];
    assert_eq!(
        (&revenue["monthly_cents"], &revenue["projected_annual_cents"]),
        (&json!(monthly), &json!(12 * monthly))
    );
    assert_eq!(figures["appointments"]["completed"], completed);
    town.notary.client.get("/api/v1/notary/statistics").await.expect(403);
}

/// Administrators see that there is an act, a mail, a package; what is in them is for their people.
async fn closed_doors(town: &Town, case: &Case) {
    let admin = &town.admin.client;
    let act = admin.get(&case.act("")).await.expect(200).json();
    assert_eq!((&act["status"], &act["office_note"]), (&json!("archived"), &json!(null)));
    admin.get(&case.act("/signed-deed")).await.expect(404);
    admin.get(&case.act("/deeds/2/content")).await.expect(404);
    let mail = town
        .notary
        .client
        .get(&format!("/api/v1/certified-mail?act_id={}", case.act))
        .await
        .expect(200)
        .json();
    let mail = format!("/api/v1/certified-mail/{}", data(&mail)[0]["id"].as_str().unwrap());
    admin.get(&mail).await.expect(200);
    let receipts = admin.get(&format!("{mail}/receipts")).await.expect(200).json();
    let content = format!("{mail}/receipts/{}/content", data(&receipts)[0]["id"].as_str().unwrap());
    admin.get(&content).await.expect(404);
    town.notary.client.get(&content).await.expect(200);
    let send = admin.post(&case.act("/certified-mail"), json!({})).await.expect(403);
    assert_eq!(send.code(), "no_office");
    town.proven_deed(&town.citizen.client, case).await;
}

/// A review waits; it is rejected with a reason, written again, and approved.
async fn reviews(town: &Town, case: &Case) {
    let insult = json!({"rating": 1, "comment": "Incapaci!"});
    let review = town.citizen.client.post(&case.act("/review"), insult).await.expect(201);
    let (path, etag) = (review.header("location").to_owned(), review.header("etag").to_owned());
    let decide = format!("{path}/transitions");
    town.notary.client.post(&decide, json!({"event": "reject", "reason": "No."})).await.expect(403);
    town.admin.client.post(&decide, json!({"event": "reject"})).await.expect(422);
    let reject = json!({"event": "reject", "reason": "Contiene insulti."});
    town.admin.client.post(&decide, reject).await.expect(200);
    let mine = town.citizen.client.get(&path).await.expect(200);
    assert_eq!(mine.json()["reason"], "Contiene insulti.");
    assert_ne!(mine.header("etag"), etag);
    let milder = json!({"rating": 4, "comment": "Un po' lenti."});
    town.citizen.client.patch(&path, mine.header("etag"), milder).await.expect(200);
    town.admin.client.post(&decide, json!({"event": "approve"})).await.expect(200);
    let shown =
        town.app.anonymous().get(&format!("/api/v1/notaries/{}", town.office)).await.expect(200).json();
    assert_eq!((&shown["rating"], &shown["reviews"]), (&json!(4.0), &json!(1)));
}

/// The licence ends soon, has ended, is taken and is given again: what the office may do each time.
async fn licences(town: &mut Town, case: &Case) {
    let today = town.app.today();
    let status = async |town: &Town, terms: Value| town.set_licence(terms).await["licence"]["status"].clone();
    // Soon: it works as before, and the notary is warned once.
    assert_eq!(
        status(town, json!({ "ends_on": today.saturating_add(jiff::ToSpan::days(20)) })).await,
        "expiring_soon"
    );
    figures(town, "expiring_soon", 1).await;
    assert_eq!(town.offices_nearby().await.len(), 1);
    town.until(town.app.app.clock.now() + SignedDuration::from_hours(48)).await;
    assert!(town.letter(&town.notary, "sta per scadere").await.text.contains("Studio Zanotti"));

    // Ended, and taken: read-only and not found. What was signed is still sent.
    let yesterday = town.app.today().yesterday().unwrap();
    for (terms, state, code) in [
        (json!({ "ends_on": yesterday }), "expired", "licence_expired"),
        (json!({"active": false, "ends_on": null}), "disabled", "notary_inactive"),
    ] {
        assert_eq!(status(town, terms).await, state);
        figures(town, state, 1).await;
        closed(town, code).await;
        let copy = town.clerk.client.post(&case.act("/certified-mail"), json!({})).await.expect(201).json();
        town.app.run_jobs().await;
        let copy = format!("/api/v1/certified-mail/{}", copy["id"].as_str().unwrap());
        assert_eq!(town.notary.client.get(&copy).await.expect(200).json()["status"], "delivered");
        town.proven_deed(&town.citizen.client, case).await;
    }

    // Given again, all is as it was.
    let again = town.set_licence(json!({"active": true})).await;
    assert_eq!(again["licence"]["status"], "active");
    assert_eq!(town.offices_nearby().await.len(), 1);
    figures(town, "active", 1).await;
    let new = json!({"client_email": town.citizen.email, "act_type": "certified_copies"});
    town.notary.client.post("/api/v1/acts", new).await.expect(201);
    town.ask().await;
}

/// What an office without a licence is.
async fn closed(town: &Town, code: &str) {
    assert!(town.offices_nearby().await.is_empty());
    let showcase = format!("/api/v1/notaries/{}", town.office);
    town.app.anonymous().get(&showcase).await.expect(404);
    let starts_at = town.app.app.clock.now() + SignedDuration::from_hours(7 * 24);
    let request = json!({"type": "consultation", "starts_at": starts_at.to_string(), "minutes": 30});
    let asked = town.citizen.client.post(&format!("{showcase}/appointments"), request).await.expect(403);
    assert_eq!(asked.code(), code);
    let new = json!({"client_email": town.citizen.email, "act_type": "certified_copies"});
    assert_eq!(town.notary.client.post("/api/v1/acts", new).await.expect(403).code(), code);
    let other = json!({"subject": "Auguri", "body": "Buone feste."});
    assert_eq!(town.clerk.client.post("/api/v1/certified-mail", other).await.expect(403).code(), code);
    town.notary.client.get("/api/v1/notary/office").await.expect(200);
}
