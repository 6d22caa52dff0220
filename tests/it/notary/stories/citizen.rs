//! The citizen: finds a notary, brings the papers, reads the deed, has it, says how it was.

use serde_json::json;

use super::{
    case::Case,
    proof::Sent,
    town::{Town, data},
};
use crate::events::calendars::{calendar, values};

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_finds_a_notary_brings_the_papers_and_has_a_deed_that_anybody_verifies() {
    let mut town = Town::settle().await;
    town.letter(&town.citizen, "Benvenuto su Sportello").await;

    let mut case = asks(&town).await;
    let papers = papers(&town, &case).await;
    reads(&town, &mut case, papers.len()).await;
    signs(&mut town, &case).await;
    let deed = town.proven_deed(&town.citizen.client, &case).await;
    // The certified mail is at the citizen's own address, with just this deed.
    town.deliver(&case).await;
    let sent = town.certified_mails();
    assert_eq!((sent.len(), &*sent[0].to), (1, "mario.rossi@pec.example"));
    let Sent { subject, text, file, .. } = &sent[0];
    assert!(subject.contains("ATT-NT-0001") && text.contains("Mario Rossi"), "{text}");
    assert_eq!(*file, deed);
    let seen = town.citizen.client.get(&case.act("")).await.expect(200).json();
    assert!(seen["status"] == "sent" && seen["sent_at"].is_string(), "{seen}");
    town.archive(&case).await;
    town.letter(&town.citizen, "Atto concluso").await;
    reviews(&town, &case).await;
    let kinds = [
        "appointment_confirmed",
        "documents_missing",
        "document_accepted",
        "document_rejected",
        "documents_accepted",
        "act_created",
        "act_available",
        "appointment_reminder",
        "act_signed",
        "act_completed",
    ];
    assert_eq!(town.told(&town.citizen).await, kinds);
    nobody_else_knows(&town, &case, &papers[0]).await;
    town.app.finish().await;
}

/// The search, the showcase, the slots; the request, which the office confirms.
async fn asks(town: &Town) -> Case {
    let found = town.offices_nearby().await;
    assert_eq!((found.len(), &found[0]["id"]), (1, &json!(town.office)));
    let showcase = format!("/api/v1/notaries/{}", town.office);
    let shown = town.app.anonymous().get(&showcase).await.expect(200).json();
    assert_eq!((&shown["office_name"], &shown["acts"]), (&json!("Studio Zanotti"), &json!(0)));
    let case = town.ask().await;
    assert!(town.told(&town.citizen).await.is_empty(), "nothing is promised yet");
    let confirm = json!({"event": "confirm"});
    let own = town.citizen.client.post(&case.appointment("/transitions"), confirm).await.expect(403);
    assert_eq!(own.code(), "not_for_you");
    town.confirm(&case).await;
    assert!(town.letter(&town.citizen, "Appuntamento confermato").await.text.contains("Studio Zanotti"));
    assert!(town.letter(&town.citizen, "Documenti da caricare").await.text.contains("Planimetria"));
    let entry = calendar(&town.citizen.client, &case.appointment(".ics")).await;
    assert_eq!(values(&entry, "STATUS"), ["CONFIRMED"]);
    case
}

/// The papers: one is refused with a reason, and replaced.
async fn papers(town: &Town, case: &Case) -> Vec<String> {
    let papers = town.papers(case).await;
    let early = town.citizen.client.post(&case.appointment("/submission"), json!({})).await.expect(409);
    assert_eq!(early.code(), "documents_missing");
    let judge = case.appointment(&format!("/documents/{}/review", papers[0]));
    town.invite(case).await;
    town.gather(case).await;
    town.citizen.client.replace(&judge, None, json!({"is_accepted": true})).await.expect(403);
    assert!(
        town.letter(&town.citizen, "Documento da sostituire").await.text.contains("Il documento è scaduto.")
    );
    town.mend(case).await;
    town.letter(&town.citizen, "Tutti i documenti sono accettati").await;
    papers
}

/// The act and its draft: read, not written.
async fn reads(town: &Town, case: &mut Case, papers: usize) {
    town.open(case).await;
    town.write_down(case).await;
    let seen = town.citizen.client.get(&case.act("")).await.expect(200);
    let (etag, seen) = (seen.header("etag").to_owned(), seen.json());
    assert_eq!((&seen["office_note"], &seen["possible"]), (&json!(null), &json!([])));
    assert_eq!(seen["documents"].as_array().unwrap().len(), papers);
    let mine = town.citizen.client.patch(&case.act(""), &etag, json!({"title": "Regalo"})).await.expect(403);
    assert_eq!(mine.code(), "not_for_you");
    town.citizen.client.post(&case.act("/deeds"), json!({})).await.expect(403);
    town.draft(case).await;
    town.letter(&town.citizen, "Bozza dell'atto disponibile").await;
    let draft = town.citizen.client.get(&case.act("/deeds/2/content")).await.expect(200).body;
    assert!(crate::harness::verify::words(&draft).contains("BOZZA"));
    assert_eq!(town.citizen.client.get(&case.act("/signed-deed")).await.expect(409).code(), "not_signed");
}

/// A paper is signed with a code; the day itself, when the notary signs the act.
async fn signs(town: &mut Town, case: &Case) {
    let (request, _) = town.ask_to_sign(case, &town.citizen, "consenso.pdf").await;
    assert!(town.letter(&town.citizen, "Un documento da firmare").await.text.contains("consenso.pdf"));
    town.sign_with_code(&town.citizen, &request).await;
    let signed = format!("/api/v1/signature-requests/{request}/content");
    let signed = town.citizen.client.get(&signed).await.expect(200).body;
    town.proven_signature(&signed, "Mario Rossi").await;
    town.meet(case).await;
    assert!(town.letter(&town.citizen, "Promemoria").await.text.contains("Studio Zanotti"));
    let sign = json!({"event": "sign"});
    town.citizen.client.post(&case.act("/transitions"), sign).await.expect(403);
    town.sign(case).await;
    assert!(town.letter(&town.citizen, "Atto firmato").await.text.contains("ATT-NT-0001"));
}

/// What the citizen says of it is seen once the administrator has looked at it.
async fn reviews(town: &Town, case: &Case) {
    let showcase = format!("/api/v1/notaries/{}", town.office);
    let reviews = format!("{showcase}/reviews");
    assert!(data(&town.app.anonymous().get(&reviews).await.expect(200).json()).is_empty());
    town.review(case).await;
    let again = town.citizen.client.post(&case.act("/review"), json!({"rating": 1})).await.expect(409);
    assert_eq!(again.code(), "already_reviewed");
    let listed = town.app.anonymous().get(&reviews).await.expect(200).json();
    assert_eq!((&data(&listed)[0]["name"], &data(&listed)[0]["rating"]), (&json!("Mario"), &json!(5)));
    let shown = town.app.anonymous().get(&showcase).await.expect(200).json();
    assert_eq!((&shown["rating"], &shown["acts"]), (&json!(5.0), &json!(1)));
}

/// For another citizen nothing of it exists, and nobody takes it from its citizen.
async fn nobody_else_knows(town: &Town, case: &Case, paper: &str) {
    let other = town.newcomer("Piero Verdi", "verdi").await;
    let receipts = town.citizen.client.get("/api/v1/certified-mail").await.expect(403);
    assert_eq!(receipts.code(), "no_office");
    for path in [
        case.appointment(""),
        case.appointment(".ics"),
        case.appointment("/documents"),
        case.appointment(&format!("/documents/{paper}/content")),
        case.act(""),
        case.act("/parties"),
        case.act("/deeds"),
        case.act("/deeds/2/content"),
        case.act("/signed-deed"),
        case.act("/signature-requests"),
    ] {
        town.citizen.client.get(&path).await.expect(200);
        other.client.get(&path).await.expect(404);
        town.app.anonymous().get(&path).await.expect(401);
    }
    for (path, body) in [
        (case.act("/transitions"), json!({"event": "annul", "reason": "x"})),
        (case.act("/review"), json!({"rating": 1})),
        (case.appointment("/submission"), json!({})),
    ] {
        other.client.post(&path, body).await.expect(404);
    }
    let own = other.client.get("/api/v1/acts").await.expect(200).json();
    assert!(data(&own).is_empty());
    let cancel = json!({"event": "cancel", "reason": "x"});
    let late = town.citizen.client.post(&case.appointment("/transitions"), cancel).await.expect(409);
    assert_eq!(late.code(), "not_in_this_state", "it took place");
}
