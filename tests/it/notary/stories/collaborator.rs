//! The collaborator: invited to an office, does its work as far as the notary permits, and no longer than that.

use serde_json::{Value, json};

use super::{
    case::Case,
    town::{Town, data},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_collaborator_works_a_case_to_the_archive_as_far_as_the_notary_permits() {
    let mut town = Town::found().await;
    town.license().await;
    town.invite_clerk().await;
    assert!(town.letter(&town.clerk, "Invito a collaborare").await.text.contains("Studio Zanotti"));
    let nothing_yet = town.clerk.client.get("/api/v1/notary/office").await.expect(403);
    assert_eq!(nothing_yet.code(), "no_office", "before agreeing");
    town.agree().await;
    town.verify_partner().await;
    let office = town.clerk.client.get("/api/v1/notary/office").await.expect(200).json();
    assert_eq!(office["id"], json!(town.office));
    let own = json!({"email": town.partner.email, "permissions": ["manage_acts"]});
    town.clerk.client.post("/api/v1/notary/collaborators", own).await.expect(403);

    // Somebody asks: the office hears of it by mail.
    let mut case = town.ask().await;
    assert!(town.letter(&town.clerk, "Richiesta di appuntamento").await.text.contains("Mario Rossi"));
    let new = json!({"appointment_id": case.appointment, "act_type": "property_sale"});
    let early = town.clerk.client.post("/api/v1/acts", new).await.expect(409);
    assert_eq!(early.code(), "appointment_not_ready");
    town.confirm(&case).await;
    town.invite(&case).await;
    papers(&town, &case).await;

    // The act, checked where it is typed; the deed.
    town.open(&mut case).await;
    codes(&town, &case).await;
    town.write_down(&case).await;
    town.draft(&case).await;
    town.meet(&case).await;
    assert!(town.letter(&town.clerk, "Agenda di").await.text.contains("Mario Rossi"), "of the day");
    let sign = json!({"event": "sign"});
    let sign = town.clerk.client.post(&case.act("/transitions"), sign).await.expect(403);
    assert_eq!(sign.code(), "not_for_you", "a notary's signature is the notary's");
    let early = town.clerk.client.post(&case.act("/certified-mail"), json!({})).await.expect(409);
    assert_eq!(early.code(), "not_signed");
    town.sign(&case).await;
    town.proven_deed(&town.clerk.client, &case).await;
    let mail = town.deliver(&case).await;
    assert_eq!(town.proven_receipts(&town.clerk.client, &mail).await, ["acceptance", "delivery"]);
    town.archive(&case).await;
    let told = town.told(&town.clerk).await;
    for kind in ["appointment_requested", "document_uploaded", "act_signed"] {
        assert!(told.iter().any(|it| it == kind), "{kind} is not in {told:?}");
    }
    let package = town.a_month_passes().await;
    let manifest = town.proven_package(&town.clerk.client, &package).await;
    assert_eq!(manifest["items"].as_array().unwrap().len(), 3, "the deed and two receipts");
    permissions(&mut town, &case, &mail, &package).await;
    town.app.finish().await;
}

/// Not seen before they are handed in; a refusal needs a reason; nothing is judged twice.
async fn papers(town: &Town, case: &Case) {
    let papers = town.papers(case).await;
    let content = case.appointment(&format!("/documents/{}/content", papers[0]));
    town.fill(case, &papers[0], "prima").await;
    town.clerk.client.get(&content).await.expect(404);
    town.gather(case).await;
    assert!(town.letter(&town.clerk, "Documenti da verificare").await.subject.contains("Mario Rossi"));
    town.clerk.client.get(&content).await.expect(200);
    let path = case.appointment(&format!("/documents/{}/review", papers[1]));
    let silent =
        town.clerk.client.replace(&path, None, json!({"is_accepted": false})).await.expect(422).json();
    assert_eq!(silent["errors"][0]["pointer"], "/reason");
    let twice = town.clerk.client.replace(&path, None, json!({"is_accepted": true})).await.expect(409);
    assert_eq!(twice.code(), "not_in_this_state");
    let early = json!({"event": "make_ready"});
    town.clerk.client.post(&case.appointment("/transitions"), early).await.expect(409);
    town.mend(case).await;
}

/// Codes that do not prove themselves are refused where they stand.
async fn codes(town: &Town, case: &Case) {
    let etag = town.clerk.client.get(&case.act("")).await.header("etag").to_owned();
    for (field, value, code) in [
        ("fiscal_code", "RSSMRA85T10A562T", "invalid_fiscal_code"),
        ("vat_number", "00743110158", "invalid_vat_number"),
        ("iban", "IT60X0542811101000000123457", "invalid_iban"),
    ] {
        let mut party =
            json!({"role": "seller", "kind": "person", "first_name": "Mario", "last_name": "Rossi"});
        party[field] = json!(value);
        let body = json!({ "data": [party] });
        let refused =
            town.clerk.client.replace(&case.act("/parties"), Some(&etag), body).await.expect(422).json();
        let error = &refused["errors"][0];
        assert_eq!((&error["code"], &error["pointer"]), (&json!(code), &json!(format!("/data/0/{field}"))));
    }
}

/// What the notary takes back is gone at that moment; who is let go sees nothing more.
async fn permissions(town: &mut Town, case: &Case, mail: &Value, package: &Value) {
    let staff = format!("/api/v1/notary/collaborators/{}", town.clerk.id);
    let etag = town.notary.client.get(&staff).await.expect(200).header("etag").to_owned();
    let narrower = json!({"permissions": ["manage_agenda"]});
    town.notary.client.patch(&staff, &etag, narrower).await.expect(200);
    let mail = format!("/api/v1/certified-mail/{}", mail["id"].as_str().unwrap());
    let package = format!("/api/v1/conservation-packages/{}", package["id"].as_str().unwrap());
    for path in [case.act(""), case.act("/signed-deed"), mail, package] {
        town.clerk.client.get(&path).await.expect(404);
        town.notary.client.get(&path).await.expect(200);
    }
    let again = town.clerk.client.post(&case.act("/certified-mail"), json!({})).await.expect(403);
    assert_eq!(again.code(), "not_permitted");
    town.clerk.client.get(&case.appointment("")).await.expect(200);
    town.notary.client.delete(&staff).await.expect(204);
    town.clerk.client.get(&case.appointment("")).await.expect(404);
    let page = town.clerk.client.get("/api/v1/appointments?side=office").await.expect(200).json();
    assert!(data(&page).is_empty());
    assert_eq!(town.clerk.client.get("/api/v1/notary/office").await.expect(403).code(), "no_office");
}
