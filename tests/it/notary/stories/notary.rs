//! The notary: opens an office, works the agenda, signs with a second factor, keeps the register, answers in public.

use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::accounts::totp::Secret;

use super::{
    case::does,
    town::{Town, data, id_of},
};
use crate::harness::people::PASSWORD;

#[tokio::test(flavor = "multi_thread")]
async fn a_notary_opens_an_office_signs_under_a_number_and_keeps_the_register() {
    let mut town = Town::found().await;
    town.letter(&town.notary, "Benvenuto su Sportello").await;

    // Nobody finds an office that was not verified, and no notary verifies the own one.
    let office = format!("/api/v1/notary/offices/{}", town.office);
    assert!(town.offices_nearby().await.is_empty());
    town.notary.client.patch(&office, "*", json!({"is_verified": true})).await.expect(403);
    town.notary.client.patch(&format!("{office}/licence"), "*", json!({"active": true})).await.expect(403);
    town.license().await;
    town.employ().await;
    town.verify_partner().await;
    assert_eq!(town.offices_nearby().await.len(), 1);

    // The agenda is the notary's: a closure takes its slots away.
    let slots = town.slots(&town.citizen.client).await;
    let closure =
        json!({"kind": "closure", "starts_at": slots[0]["starts_at"], "ends_at": slots[0]["ends_at"]});
    town.notary.client.post("/api/v1/notary/office/exceptions", closure).await.expect(201);
    let left = town.slots(&town.citizen.client).await;
    assert!(left.iter().all(|it| it["starts_at"] != slots[0]["starts_at"]), "closed");
    let mut case = town.a_ready_case().await;
    assert_ne!(case.starts_at.to_string(), slots[0]["starts_at"].as_str().unwrap());
    town.letter(&town.notary, "Richiesta di appuntamento").await;
    town.open(&mut case).await;
    town.write_down(&case).await;
    town.draft(&case).await;
    town.letter(&town.notary, "Bozza dell'atto disponibile").await;

    // Signing asks for the second factor, and gives the first number of the prefix.
    enrol(&mut town).await;
    town.meet(&case).await;
    town.letter(&town.notary, "Agenda di").await;
    let silent =
        town.notary.client.post(&case.act("/transitions"), json!({"event": "sign"})).await.expect(422);
    assert_eq!(silent.json()["errors"][0]["pointer"], "/otp");
    let wrong = json!({"event": "sign", "otp": "000000"});
    let wrong = town.notary.client.post(&case.act("/transitions"), wrong).await.expect(403);
    assert_eq!(wrong.code(), "wrong_code");
    town.app.app.clock.advance(SignedDuration::from_secs(30)); // the code of the log-in is used up
    let signed = town.sign(&case).await;
    assert!(signed["signed_deed"]["stamped_at"].is_string(), "{signed}");
    town.proven_deed(&town.notary.client, &case).await;
    let late = town.notary.client.post(&case.act("/deeds"), json!({})).await.expect(409);
    assert_eq!(late.code(), "not_in_this_state");

    // A second one is annulled: its number stays used.
    let annulled = annulled(&town).await;
    assert_eq!(
        (&annulled["status"], &annulled["protocol_number"]),
        (&json!("annulled"), &json!("CERT-0001"))
    );
    let mail = town.deliver(&case).await;
    assert_eq!(town.proven_receipts(&town.notary.client, &mail).await, ["acceptance", "delivery"]);
    town.archive(&case).await;
    town.letter(&town.notary, "Atto concluso").await;
    register(&town).await;

    // What is said in public is answered in public, once.
    let review = town.review(&case).await;
    let answers = format!("{review}/answer");
    town.clerk.client.post(&answers, json!({"answer": "Grazie."})).await.expect(403);
    town.notary.client.post(&answers, json!({"answer": "La ringraziamo."})).await.expect(201);
    town.notary.client.post(&answers, json!({"answer": "Ancora."})).await.expect(409);
    let reviews = format!("/api/v1/notaries/{}/reviews", town.office);
    let listed = town.app.anonymous().get(&reviews).await.expect(200).json();
    assert_eq!(data(&listed)[0]["answer"], "La ringraziamo.");

    // The month is packed, and verified by anybody.
    let package = town.a_month_passes().await;
    assert_eq!(package["status"], "verified", "{package}");
    let manifest = town.proven_package(&town.notary.client, &package).await;
    let deeds: Vec<&Value> =
        manifest["items"].as_array().unwrap().iter().filter(|it| it["kind"] == "signed_deed").collect();
    assert!(deeds.iter().any(|it| it["about"] == "ATT-NT-0001"), "{manifest}");
    let told = town.told(&town.notary).await;
    for kind in
        ["appointment_requested", "document_uploaded", "act_created", "act_available", "act_completed"]
    {
        assert!(told.iter().any(|it| it == kind), "{kind} is not in {told:?}");
    }
    town.app.finish().await;
}

/// The notary takes a second factor.
async fn enrol(town: &mut Town) {
    let secret =
        town.notary.client.post("/api/v1/me/totp", json!({ "password": PASSWORD })).await.expect(200).json();
    let secret = Secret::from_base32(secret["secret"].as_str().unwrap()).unwrap();
    let code = json!({"code": secret.code_at(town.app.app.clock.now())});
    town.notary.client.post("/api/v1/me/totp/confirm", code).await.expect(200);
    town.letter(&town.notary, "Accesso in due passaggi attivato").await;
    town.notary.secret = Some(secret);
}

/// A certification for the same citizen, with the built-in text, which is signed and annulled.
async fn annulled(town: &Town) -> Value {
    let new = json!({"client_email": town.citizen.email, "act_type": "certified_copies"});
    let act = id_of(&town.notary.client.post("/api/v1/acts", new).await.expect(201).json());
    let path = format!("/api/v1/acts/{act}");
    does(&town.notary.client, &path, "prepare").await;
    let bare = town.notary.client.post(&format!("{path}/deeds"), json!({})).await.expect(201).json();
    let missing = bare["missing"].as_array().unwrap().iter();
    let values: serde_json::Map<String, Value> =
        missing.map(|name| (name.as_str().unwrap().to_owned(), json!("come da allegato"))).collect();
    town.notary.client.post(&format!("{path}/deeds"), json!({ "values": values })).await.expect(201);
    does(&town.notary.client, &path, "request_signature").await;
    town.app.app.clock.advance(SignedDuration::from_secs(30));
    let code = town.notary.secret.as_ref().map(|it| it.code_at(town.app.app.clock.now()));
    let sign = json!({"event": "sign", "otp": code});
    town.notary.client.post(&format!("{path}/transitions"), sign).await.expect(200);
    let silent = json!({"event": "annul"});
    town.notary.client.post(&format!("{path}/transitions"), silent).await.expect(422);
    let annul = json!({"event": "annul", "reason": "Errore materiale."});
    let annulled = town.notary.client.post(&format!("{path}/transitions"), annul).await.expect(200).json();
    let refused = town.notary.client.post(&format!("{path}/certified-mail"), json!({})).await.expect(409);
    assert_eq!(refused.code(), "not_signed", "of what was annulled nothing is sent");
    annulled
}

/// What the register says in the end.
async fn register(town: &Town) {
    let page = town.notary.client.get("/api/v1/notary/office/register").await.expect(200).json();
    let numbers: Vec<_> = data(&page)
        .iter()
        .map(|it| (it["protocol_number"].as_str().unwrap(), it["status"].as_str().unwrap()))
        .collect();
    assert_eq!(numbers, [("CERT-0001", "annulled"), ("ATT-NT-0001", "registered")]);
    let year = town.notary.client.get("/api/v1/notary/office/register/statistics").await.expect(200).json();
    let counted = data(&year).iter().map(|it| (it["entries"].as_i64(), it["annulled"].as_i64()));
    assert_eq!(counted.collect::<Vec<_>>(), [(Some(1), Some(0)), (Some(1), Some(1))]);
    town.citizen.client.get("/api/v1/notary/office/register").await.expect(403);
}
