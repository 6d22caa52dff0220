//! The partner: is verified, invited, comes, signs a report; and knows nothing else of the case.

use serde_json::json;

use super::{
    case::Case,
    town::{Town, data},
};
use crate::events::calendars::{calendar, values};

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_verified_invited_and_signs_a_report_and_learns_nothing_else() {
    let mut town = Town::found().await;
    town.letter(&town.partner, "Benvenuto su Sportello").await;

    let mut case = invited(&town).await;
    // Papers, act and deed are the citizen's.
    town.gather(&case).await;
    town.mend(&case).await;
    town.open(&mut case).await;
    town.write_down(&case).await;
    town.draft(&case).await;
    let papers = town.papers(&case).await;
    for path in [
        case.appointment(&format!("/documents/{}/content", papers[0])),
        case.act(""),
        case.act("/parties"),
        case.act("/deeds"),
        case.act("/deeds/2/content"),
        case.act("/signed-deed"),
    ] {
        town.partner.client.get(&path).await.expect(404);
    }
    signs(&town, &case).await;

    // Reminded the day before; then the case goes on without them.
    town.meet(&case).await;
    town.letter(&town.partner, "Promemoria").await;
    town.sign(&case).await;
    town.deliver(&case).await;
    town.archive(&case).await;
    town.proven_deed(&town.citizen.client, &case).await;
    town.partner.client.get(&case.act("")).await.expect(404);
    town.partner.client.get(&case.act("/signed-deed")).await.expect(404);
    town.partner.client.post(&case.act("/review"), json!({"rating": 1})).await.expect(404);
    let seen = town.partner.client.get(&case.appointment("")).await.expect(200).json();
    assert_eq!(seen["status"], "completed");
    assert_eq!(town.told(&town.partner).await, ["other", "appointment_reminder"]);
    town.app.finish().await;
}

/// Looked at by the administrator, and invited to an appointment of which one knew nothing.
async fn invited(town: &Town) -> Case {
    // Nobody finds a partner whose papers were not looked at; the partner does not look at them.
    let partners = async |town: &Town| {
        let page =
            town.app.anonymous().get("/api/v1/partners?kind=surveyor&city=bologna").await.expect(200).json();
        data(&page).iter().map(|it| it["business_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(partners(town).await.is_empty());
    let own = format!("/api/v1/notary/partners/{}", town.partner.id);
    town.partner.client.patch(&own, "*", json!({"is_verified": true})).await.expect(403);
    town.license().await;
    town.employ().await;
    town.verify_partner().await;
    assert_eq!(partners(town).await, ["Geometra Neri"]);
    let profile = town.partner.client.get("/api/v1/me/partner-profile").await.expect(200).json();
    assert_eq!(profile["is_verified"], true);
    let case = town.ask().await;
    town.confirm(&case).await;
    town.partner.client.get(&case.appointment("")).await.expect(404);
    town.invite(&case).await;
    assert!(town.letter(&town.partner, "Invito a un appuntamento").await.text.contains("Studio Zanotti"));
    let invited = town.partner.client.get("/api/v1/appointments?side=invited").await.expect(200).json();
    assert_eq!((data(&invited).len(), &data(&invited)[0]["id"]), (1, &json!(case.appointment)));
    let twice = json!({"answer": "accept"});
    let twice = town.partner.client.replace(&case.appointment("/answer"), None, twice).await.expect(409);
    assert_eq!(twice.code(), "not_in_this_state");
    town.answer(&case, "hesitate").await;
    town.answer(&case, "accept").await;
    let entry = calendar(&town.partner.client, "/api/v1/me/calendar.ics").await;
    assert_eq!(values(&entry, "SUMMARY"), ["Appuntamento: Studio Zanotti"]);
    let seen = town.partner.client.get(&case.appointment("")).await.expect(200).json();
    assert_eq!((&seen["office_note"], &seen["possible"]), (&json!(null), &json!([])));
    let cancel = json!({"event": "cancel", "reason": "Non posso."});
    town.partner.client.post(&case.appointment("/transitions"), cancel).await.expect(403);
    case
}

/// The report, signed with a code.
async fn signs(town: &Town, case: &Case) {
    let (request, document) = town.ask_to_sign(case, &town.partner, "perizia.pdf").await;
    let asked =
        town.partner.client.get("/api/v1/me/signature-requests?status=pending").await.expect(200).json();
    assert_eq!(data(&asked).len(), 1);
    assert!(town.letter(&town.partner, "Un documento da firmare").await.text.contains("perizia.pdf"));
    town.citizen.client.get(&format!("/api/v1/signature-requests/{request}")).await.expect(404);
    town.sign_with_code(&town.partner, &request).await;
    let report = format!("/api/v1/documents/{document}/content");
    let report = town.clerk.client.get(&report).await.expect(200).body;
    town.proven_signature(&report, "Lia Neri").await;
}
