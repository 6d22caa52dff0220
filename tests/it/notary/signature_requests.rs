//! Documents that somebody of the case is asked to sign: with a code, once, by whom it is asked.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::practice::Practice;
use crate::harness::{
    client::{Answer, Client},
    pictures::form,
    providers::without_signatures,
    verify::Verifier,
};

/// A small PDF.
fn a_pdf() -> Vec<u8> {
    crate::signing::hostile::hand_made()
}

impl Practice {
    async fn a_pdf_of(&self, client: &Client, bytes: &[u8]) -> String {
        let (kind, body) =
            form(&[("file", "; filename=\"delega.pdf\"\r\nContent-Type: application/pdf", bytes)]);
        let headers = [("content-type", &*kind)];
        let sent = client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await;
        sent.unwrap().expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    async fn asks(&self, act: &str, document: &str, signer: impl ToString) -> Answer {
        let body =
            json!({"document_id": document, "signer_id": signer.to_string(), "message": "Per favore."});
        self.notary.post(&format!("/api/v1/acts/{act}/signature-requests"), body).await
    }

    /// The client is asked to sign a document of the notary's.
    async fn a_request_to_sign(&self) -> (String, String) {
        let (act, document) =
            (self.an_act("certified_copies").await, self.a_pdf_of(&self.notary, &a_pdf()).await);
        let asked = self.asks(&act, &document, self.client_account.id).await.expect(201).json();
        (asked["id"].as_str().unwrap().to_owned(), document)
    }

    /// The code that was mailed last.
    async fn a_code(&self, client: &Client, id: &str) -> String {
        client.post(&format!("/api/v1/signature-requests/{id}/code"), json!({})).await.expect(202);
        self.app.run_jobs().await;
        let mails = self.app.mails();
        let mail =
            mails.iter().rev().find(|mail| mail.contains("dieci minuti")).expect("a mail with the code");
        // Numbers stand in its head, too: the code is the last one before this.
        let text = mail.split("dieci minuti").next().unwrap();
        let mut numbers = text.rsplit(|c: char| !c.is_ascii_digit());
        numbers.find(|it| it.len() == 6).expect("a code").to_owned()
    }

    async fn answers(&self, client: &Client, id: &str, body: Value) -> Answer {
        client.post(&format!("/api/v1/signature-requests/{id}/transitions"), body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_asked_signs_with_the_code_and_the_document_has_a_signed_version() {
    let practice = Practice::new().await;
    let (id, document) = practice.a_request_to_sign().await;
    practice.app.run_jobs().await;
    assert!(
        practice.app.mails().iter().any(|mail| mail.contains("delega.pdf") && mail.contains("Per favore."))
    );
    let path = format!("/api/v1/signature-requests/{id}");
    let found = practice.client.get(&path).await.expect(200).json();
    assert_eq!((&found["status"], &found["possible"]), (&json!("pending"), &json!(["sign", "reject"])));
    assert_eq!(practice.client.get(&format!("{path}/content")).await.expect(200).body, a_pdf());
    practice.notary.delete(&format!("/api/v1/documents/{document}")).await.expect(409);
    let wrong = practice.answers(&practice.client, &id, json!({"event": "sign", "code": "123456"})).await;
    assert_eq!(wrong.expect(403).code(), "wrong_code", "none was asked for");
    let code = practice.a_code(&practice.client, &id).await;
    let sign = json!({"event": "sign", "code": code});
    let signing = practice.app.app.signing.clone();
    let away = without_signatures(&signing, practice.answers(&practice.client, &id, sign.clone())).await;
    assert_eq!(away.expect(503).code(), "signature_provider_away");
    let signed = practice.answers(&practice.client, &id, sign.clone()).await.expect(200).json();
    assert_eq!((&signed["status"], &signed["signed_version"]), (&json!("signed"), &json!(2)));
    practice.answers(&practice.client, &id, sign).await.expect(409);
    let pdf = practice.notary.get(&format!("/api/v1/documents/{document}/content")).await.expect(200).body;
    assert_eq!(practice.client.get(&format!("{path}/content")).await.expect(200).body, pdf);
    let roots = practice.app.anonymous().get("/api/v1/signature/authorities").await.expect(200);
    let verifier = Verifier::new(std::str::from_utf8(&roots.body).unwrap());
    let seen = verifier.pdfsig(&pdf);
    assert_eq!((seen.count, seen.valid, seen.trusted, seen.whole), (1, 1, 1, 1), "{}", seen.text);
    assert!(pdf.starts_with(&a_pdf()));
    let noted = "SELECT count(*) FROM audit_entry WHERE action = 'act.sign_document'";
    assert_eq!(practice.app.value::<i64>(noted).await, 1);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_guessed_at_five_times_and_only_by_whom_it_is_for() {
    let practice = Practice::new().await;
    let (id, _) = practice.a_request_to_sign().await;
    let code = practice.a_code(&practice.client, &id).await;
    for who in [&practice.stranger, &practice.clerk] {
        practice.answers(who, &id, json!({"event": "sign", "code": code})).await.expect(404);
        who.get(&format!("/api/v1/signature-requests/{id}")).await.expect(404);
        who.get(&format!("/api/v1/signature-requests/{id}/content")).await.expect(404);
    }
    // The office sees it, and does nothing with it.
    let office = practice.answers(&practice.notary, &id, json!({"event": "sign", "code": code})).await;
    assert_eq!(office.expect(403).code(), "not_for_you");
    practice.notary.post(&format!("/api/v1/signature-requests/{id}/code"), json!({})).await.expect(403);
    let other = if code == "000000" { "000001" } else { "000000" };
    let guesses =
        (0..8).map(|_| practice.answers(&practice.client, &id, json!({"event": "sign", "code": other})));
    for guess in futures_util::future::join_all(guesses).await {
        assert_eq!(guess.expect(403).code(), "wrong_code");
    }
    let late = practice.answers(&practice.client, &id, json!({"event": "sign", "code": code})).await;
    assert_eq!(late.expect(403).code(), "wrong_code", "guessed at too often, it is worthless");
    let another = practice.a_code(&practice.client, &id).await;
    assert_ne!(another, code);
    practice.answers(&practice.client, &id, json!({"event": "sign", "code": another})).await.expect(200);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_answer_at_once_one_is_heard() {
    let practice = Practice::new().await;
    let (id, document) = practice.a_request_to_sign().await;
    let code = practice.a_code(&practice.client, &id).await;
    let answers = (0..8).map(|n| {
        let sign = json!({"event": "sign", "code": code});
        let body = if n % 2 == 0 { sign } else { json!({"event": "reject", "reason": "No."}) };
        practice.answers(&practice.client, &id, body)
    });
    let answers = futures_util::future::join_all(answers).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let found = practice.client.get(&format!("/api/v1/signature-requests/{id}")).await.expect(200).json();
    let versions = if found["status"] == "signed" { 2 } else { 1 };
    let latest = practice.notary.get(&format!("/api/v1/documents/{document}")).await.expect(200).json();
    assert_eq!(latest["latest"]["number"], versions);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_signed_is_not_asked_for() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    let (client, stranger) = (practice.client_account.id, uuid::Uuid::now_v7());
    let document = practice.a_pdf_of(&practice.notary, &a_pdf()).await;
    assert_eq!(practice.asks(&act, &document, stranger).await.expect(422).code(), "not_of_the_case");
    let theirs = practice.a_pdf_of(&practice.stranger, &a_pdf()).await;
    assert_eq!(practice.asks(&act, &theirs, client).await.expect(422).code(), "unknown_document");
    let of_client = practice.a_pdf_of(&practice.client, &a_pdf()).await;
    assert_eq!(
        practice.asks(&act, &of_client, client).await.expect(422).code(),
        "unknown_document",
        "not handed in"
    );
    let text = practice.a_file(&practice.notary, "testo").await;
    assert_eq!(practice.asks(&act, &text, client).await.expect(422).code(), "not_pdf");
    practice.asks(&act, &document, client).await.expect(201);
    assert_eq!(practice.asks(&act, &document, client).await.expect(409).code(), "already_asked");
    practice.asks(&act, &document, practice.notary_account.id).await.expect(201);
    let path = format!("/api/v1/acts/{act}/signature-requests");
    let body = json!({"document_id": document, "signer_id": client});
    practice.client.post(&path, body.clone()).await.expect(403);
    practice.stranger.post(&path, body.clone()).await.expect(404);
    practice.clerk.post(&path, body).await.expect(404);
    let listed = practice.notary.get(&format!("{path}?limit=1")).await.expect(200).json();
    let rest = format!("{path}?limit=1&cursor={}", listed["next_cursor"].as_str().unwrap());
    assert_eq!(practice.notary.get(&rest).await.expect(200).json()["data"][0]["signer_is"], "client");
    let own = practice.client.get("/api/v1/me/signature-requests?status=pending").await.expect(200).json();
    assert_eq!(own["data"].as_array().unwrap().len(), 1);
    practice.moves(&practice.notary, &act, "annul").await.expect(200);
    assert_eq!(practice.asks(&act, &document, client).await.expect(409).code(), "act_closed");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_changed_since_it_was_asked_for_is_not_signed_and_an_old_request_expires() {
    let mut practice = Practice::new().await;
    let (id, document) = practice.a_request_to_sign().await;
    let code = practice.a_code(&practice.client, &id).await;
    let change = "WITH v AS (UPDATE document SET latest = 2 WHERE id = $1 RETURNING id)
        INSERT INTO document_version SELECT document_id, 2, object || 'x', name, media_type, bytes, sha256, stored_bytes, coding,
            key_id, wrapped_key, scanned_by, uploaded_by, created_at FROM document_version JOIN v ON v.id = document_id";
    let document: uuid::Uuid = document.parse().unwrap();
    practice.app.database.client().await.execute(change, &[&document]).await.unwrap();
    let refused = practice.answers(&practice.client, &id, json!({"event": "sign", "code": code})).await;
    assert_eq!(refused.expect(409).code(), "document_changed");
    let body = json!({"event": "reject", "reason": "È cambiato."});
    let rejected = practice.answers(&practice.client, &id, body).await.expect(200).json();
    assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!("È cambiato.")));
    let (late, document) = practice.a_request_to_sign().await;
    practice.app.app.clock.advance(SignedDuration::from_hours(14 * 24 + 1));
    practice.wait(0).await;
    let refused =
        practice.answers(&practice.client, &late, json!({"event": "reject", "reason": "Tardi."})).await;
    assert_eq!(refused.expect(409).code(), "expired");
    let mut tx = practice.app.app.db.begin("tests.expire").await.unwrap();
    let now = practice.app.app.clock.now();
    assert_eq!(sportello::notary::signatures::answering::expire(&mut tx, now).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let found = practice.client.get(&format!("/api/v1/signature-requests/{late}")).await.expect(200).json();
    assert_eq!(found["status"], "expired");
    let etag = practice.notary.get(&format!("/api/v1/documents/{document}")).await.header("etag").to_owned();
    let (path, headers) = (format!("/api/v1/documents/{document}"), [("if-match", &*etag)]);
    let gone = practice.notary.request(Method::DELETE, &path, &headers, None).await;
    assert!(matches!(gone.status, 200..=204), "it is let go");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_an_act_ends_with_it() {
    let practice = Practice::new().await;
    let (request, document) = practice.a_request_to_sign().await;
    let path = format!("/api/v1/signature-requests/{request}");
    let act = practice.client.get(&path).await.expect(200).json()["act_id"].as_str().unwrap().to_owned();
    let code = practice.a_code(&practice.client, &request).await;
    let annul = json!({"event": "annul", "reason": "Il cliente ha rinunciato."});
    practice.notary.post(&format!("/api/v1/acts/{act}/transitions"), annul).await.expect(200);
    let sign = json!({"event": "sign", "code": code});
    assert_eq!(
        practice.answers(&practice.client, &request, sign).await.expect(409).code(),
        "not_in_this_state"
    );
    assert_eq!(practice.client.get(&path).await.expect(200).json()["status"], "expired");
    let document = format!("/api/v1/documents/{document}");
    practice.notary.delete(&document).await.expect(204);
    practice.app.finish().await;
}
