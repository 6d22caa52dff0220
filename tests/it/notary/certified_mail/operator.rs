//! An operator whose receipts come by mail, later, twice and in any order.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    notary::certified_mail::certificate::{Certificate, ReceiptKind},
};

use super::post::{MAIL, Post};
use crate::harness::client::{Answer, Client};

const RECEIPTS: &str = "/api/v1/certified-mail-receipts";

pub(super) async fn hand_in(client: &Client, raw: Vec<u8>) -> Answer {
    let headers = [("content-type", "message/rfc822")];
    client.attempt_bytes(Method::POST, RECEIPTS, &headers, raw.into()).await.unwrap()
}

pub(super) fn receipt(mail: &Value, kind: ReceiptKind, recipient: Option<&str>) -> Vec<u8> {
    let certificate = Certificate {
        kind,
        sender: mail["sender"].as_str().unwrap().to_owned(),
        recipients: vec!["anna@pec.example.org".to_owned(), "bruno@pec.example.org".to_owned()],
        subject: mail["subject"].as_str().unwrap().to_owned(),
        provider: "Gestore S.p.A.".to_owned(),
        certified_at: "2027-07-01T09:30:05Z".parse().unwrap(),
        identifier: "opec21.1@gestore.example".to_owned(),
        message_id: mail["message_id"].as_str().unwrap().to_owned(),
        recipient: recipient.map(str::to_owned),
        problem: matches!(kind, ReceiptKind::DeliveryError | ReceiptKind::NonAcceptance)
            .then(|| "5.1.1 - indirizzo non valido".to_owned()),
    };
    certificate.to_mail("gestore.example").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_come_by_mail_move_a_mail_on_once_and_in_any_order() {
    let post = Post::new(|config| config.certified_mail.provider = "operator".to_owned()).await;
    let mut server = post.serve().await;
    let admin = post.practice.app.a_person_with(Role::Admin).await;
    let admin = post.practice.app.log_in(&admin).await;
    let hidden =
        json!({"recipients": [{"kind": "to", "address": "a@b.it"}, {"kind": "bcc", "address": "c@b.it"}]});
    let hidden = post.a_draft("a@b.it", hidden).await;
    assert_eq!(post.does(&post.postmaster, &hidden, "enqueue").await.expect(409).code(), "no_blind_copies");
    let two = json!({"recipients": [{"kind": "to", "address": "anna@pec.example.org"},
        {"kind": "cc", "address": "bruno@pec.example.org"}]});
    let id = post.a_mail("x@b.it", two.clone()).await;
    post.run_jobs().await;
    server.next().await;
    let mail = post.show(&id).await;
    assert_eq!((&mail["status"], &mail["next_try_at"]), (&json!("queued"), &json!(null)), "no receipt yet");
    // It is not sent again meanwhile.
    post.practice.app.app.clock.advance(jiff::SignedDuration::from_mins(20));
    post.run_jobs().await;
    // A delivery before the acceptance.
    let early = receipt(&mail, ReceiptKind::Delivery, Some("anna@pec.example.org"));
    assert_eq!(hand_in(&post.practice.notary, early.clone()).await.status, 403);
    assert_eq!(hand_in(&admin, early.clone()).await.expect(200).json()["status"], "queued");
    let accepted = receipt(&mail, ReceiptKind::Acceptance, None);
    assert_eq!(hand_in(&admin, accepted.clone()).await.expect(200).json()["status"], "sent");
    let again = hand_in(&admin, accepted).await.expect(200).json();
    assert_eq!((&again["is_new"], &again["status"]), (&json!(false), &json!("sent")));
    let last = receipt(&mail, ReceiptKind::Delivery, Some("bruno@pec.example.org"));
    assert_eq!(hand_in(&admin, last).await.expect(200).json()["status"], "delivered");
    assert_eq!(post.receipts(&id).await.len(), 3);
    assert_eq!(hand_in(&admin, early).await.expect(200).json()["is_new"], false);

    // One addressee cannot be reached: it has failed, and the office is told why. Receipts of before do not count for a retry.
    let id = post.a_mail("x@b.it", two).await;
    post.run_jobs().await;
    server.next().await;
    let mail = post.show(&id).await;
    hand_in(&admin, receipt(&mail, ReceiptKind::Acceptance, None)).await.expect(200);
    hand_in(&admin, receipt(&mail, ReceiptKind::Delivery, Some("anna@pec.example.org"))).await.expect(200);
    let error = receipt(&mail, ReceiptKind::DeliveryError, Some("bruno@pec.example.org"));
    assert_eq!(hand_in(&admin, error).await.expect(200).json()["status"], "failed");
    let failed = post.show(&id).await;
    assert!(failed["problem"].as_str().unwrap().contains("bruno@pec.example.org: 5.1.1"), "{failed:#}");
    assert_eq!(post.practice.told(&post.postmaster).await, ["system_message"]);
    post.does(&admin, &id, "retry").await.expect(200);
    let late = receipt(&mail, ReceiptKind::DeliveryWarning, Some("anna@pec.example.org"));
    assert_eq!(hand_in(&admin, late).await.expect(200).json()["status"], "queued");
    post.run_jobs().await;
    assert!(server.next().await["headers"]["message-id"].as_str().unwrap().contains(&format!("{id}.2@")));
    let refused = receipt(&post.show(&id).await, ReceiptKind::NonAcceptance, None);
    assert_eq!(hand_in(&admin, refused).await.expect(200).json()["status"], "failed");

    // What is no receipt, or about no mail of ours.
    assert_eq!(
        hand_in(&admin, b"Subject: ciao\r\n\r\nciao\r\n".to_vec()).await.expect(422).code(),
        "no_receipt"
    );
    let mut other = mail.clone();
    other["message_id"] = json!("<certified.00000000-0000-0000-0000-000000000000.1@pec.example.org>");
    hand_in(&admin, receipt(&other, ReceiptKind::Acceptance, None)).await.expect(404);
    other["message_id"] = json!(format!("<certified.{id}.9@pec.example.org>"));
    hand_in(&admin, receipt(&other, ReceiptKind::Acceptance, None)).await.expect(404);
    hand_in(&admin, vec![b'x'; (1 << 20) + 1]).await.expect(413);
    let page = post.postmaster.get(&format!("{MAIL}?status=failed")).await.expect(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    post.practice.app.finish().await;
}
