//! The notary signs: a deed that others verify, all of it or nothing.

use std::process::Command;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{accounts::totp::Secret, jobs::registry::registry, signing::cms::sha256};

use super::practice::Practice;
use crate::harness::{
    client::{Answer, Client},
    people::PASSWORD,
    providers::{without_signatures, without_time_stamps},
    verify::{Verifier, signed_parts, time_stamp_of},
};

impl Practice {
    /// An act that waits for its signature.
    pub(crate) async fn an_act_to_sign(&self) -> String {
        let id = self.an_act("certified_copies").await;
        for event in ["prepare", "request_signature"] {
            self.moves(&self.notary, &id, event).await.expect(200);
        }
        id
    }

    async fn act(&self, id: &str) -> Value {
        self.notary.get(&format!("/api/v1/acts/{id}")).await.expect(200).json()
    }

    async fn verifier(&self) -> Verifier {
        let roots = self.app.anonymous().get("/api/v1/signature/authorities").await.expect(200);
        Verifier::new(std::str::from_utf8(&roots.body).unwrap())
    }

    /// That an act is as it was before somebody tried to sign it, and that nothing is left of that.
    async fn assert_unsigned(&self, id: &str, entries: i64) {
        let act = self.act(id).await;
        assert_eq!(
            (&act["status"], &act["signed_deed"], &act["protocol_number"]),
            (&json!("awaiting_signature"), &json!(null), &json!(null))
        );
        for count in [
            "SELECT count(*) FROM register_entry",
            "SELECT count(*) FROM document_hold WHERE holder = 'act'",
            "SELECT coalesce(max(last), 0)::bigint FROM register_counter",
            "SELECT count(*) FROM act WHERE signed_document_id IS NOT NULL",
        ] {
            assert_eq!(self.app.value::<i64>(count).await, entries, "{count}");
        }
        let told = self.told(&self.client).await.iter().filter(|kind| *kind == "act_signed").count();
        assert_eq!(told as i64, entries);
    }
}

async fn deed(client: &Client, id: &str) -> Answer {
    client.get(&format!("/api/v1/acts/{id}/signed-deed")).await
}

/// What stands on a PDF.
fn words(verifier: &Verifier, pdf: &[u8]) -> String {
    let output = Command::new("pdftotext").args([&verifier.file("pdf", pdf), "-"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_deed_is_verified_by_others_and_bears_its_number() {
    let practice = Practice::new().await;
    let id = practice.an_act_to_sign().await;
    assert_eq!(deed(&practice.client, &id).await.expect(409).code(), "not_signed");
    let act = practice.moves(&practice.notary, &id, "sign").await.expect(200).json();
    let pdf = deed(&practice.client, &id).await.expect(200);
    assert_eq!(pdf.header("content-type"), "application/pdf");
    let verifier = practice.verifier().await;
    verifier.assert_pdf(&pdf.body);
    let seen = verifier.pdfsig(&pdf.body);
    assert_eq!((seen.count, seen.valid, seen.trusted, seen.whole), (1, 1, 1, 1), "{}", seen.text);
    assert!(seen.text.contains("Carla Verdi"), "{}", seen.text);
    let (content, signature) = signed_parts(&pdf.body);
    verifier.cms(&signature, &content).unwrap();
    let (token, signature) = time_stamp_of(&signature);
    verifier.time_stamp(&token, &signature).unwrap();
    let text = words(&verifier, &pdf.body);
    assert!(text.contains(act["protocol_number"].as_str().unwrap()), "{text}");
    let said = &act["signed_deed"];
    assert_eq!(said["sha256"], data_encoding::HEXLOWER.encode(&sha256(&[&pdf.body])));
    assert!(said["stamped_at"].is_string() && said["certificate_serial"].as_str().unwrap().len() == 32);
    assert_eq!(deed(&practice.notary, &id).await.expect(200).body, pdf.body);
    assert_eq!(deed(&practice.an_act_clerk().await, &id).await.expect(200).body, pdf.body);
    deed(&practice.stranger, &id).await.expect(404);
    deed(&practice.clerk, &id).await.expect(404);
    let document = format!("/api/v1/documents/{}", said["document_id"].as_str().unwrap());
    practice.client.get(&document).await.expect(404);
    practice.notary.delete(&document).await.expect(409);
    let noted = "SELECT count(*) FROM audit_entry WHERE action = 'act.sign' AND details ? 'sha256'";
    assert_eq!(practice.app.value::<i64>(noted).await, 1);
    assert_eq!(practice.told(&practice.client).await.last().map(String::as_str), Some("act_signed"));
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_provider_is_away_nothing_changes_and_no_number_is_lost() {
    let practice = Practice::new().await;
    let id = practice.an_act_to_sign().await;
    let signing = practice.app.app.signing.clone();
    let refused =
        without_signatures(&signing, practice.moves(&practice.notary, &id, "sign")).await.expect(503);
    assert_eq!(refused.code(), "signature_provider_away");
    practice.assert_unsigned(&id, 0).await;
    let refused =
        without_time_stamps(&signing, practice.moves(&practice.notary, &id, "sign")).await.expect(503);
    assert_eq!(refused.code(), "time_stamp_provider_away");
    practice.assert_unsigned(&id, 0).await;
    let act = practice.moves(&practice.notary, &id, "sign").await.expect(200).json();
    assert!(act["protocol_number"].as_str().unwrap().ends_with("-0001"));
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_between_storing_and_keeping_nothing_is_half_signed() {
    let practice = Practice::new().await;
    let first = practice.an_act_to_sign().await;
    practice.moves(&practice.notary, &first, "sign").await.expect(200);
    let id = practice.an_act_to_sign().await;
    let mut database = practice.app.database.client().await;
    let tx = database.transaction().await.unwrap();
    tx.execute("SELECT FROM register_counter FOR UPDATE", &[]).await.unwrap();
    let cut = async {
        let watch = practice.app.database.client().await;
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '-- notary.register.enter%'";
        while watch.query_one(kill, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    };
    let (refused, ()) = tokio::join!(practice.moves(&practice.notary, &id, "sign"), cut);
    assert_eq!(refused.status, 503, "it was signed and stored, and is not kept");
    tx.rollback().await.unwrap();
    practice.assert_unsigned(&id, 1).await;
    let act = practice.moves(&practice.notary, &id, "sign").await.expect(200).json();
    assert!(act["protocol_number"].as_str().unwrap().ends_with("-0002"));
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_sign_at_once_give_each_deed_the_number_that_stands_on_it() {
    let practice = Practice::new().await;
    let other = practice.app.another_node(|config| config.limits.enabled = false, registry()).await;
    let there = practice.notary.at(other.address);
    let mut acts = Vec::new();
    for _ in 0..10 {
        acts.push(practice.an_act_to_sign().await);
    }
    let signed = acts.iter().enumerate().map(async |(n, id)| {
        let client = if n % 2 == 0 { &practice.notary } else { &there };
        for _ in 0..20 {
            let answer = practice.moves(client, id, "sign").await;
            if answer.status == 200 {
                return answer.json();
            }
            assert_eq!(answer.status, 503, "others were faster each time");
        }
        panic!("it is signed in the end")
    });
    let signed = futures_util::future::join_all(signed).await;
    let mut numbers: Vec<_> =
        signed.iter().map(|act| act["protocol_number"].as_str().unwrap().to_owned()).collect();
    let verifier = practice.verifier().await;
    for (id, act) in acts.iter().zip(&signed) {
        let pdf = deed(&practice.client, id).await.expect(200);
        assert!(words(&verifier, &pdf.body).contains(act["protocol_number"].as_str().unwrap()));
    }
    numbers.sort();
    let prefix = numbers[0].strip_suffix("-0001").unwrap().to_owned();
    assert_eq!(numbers, (1..=10).map(|n| format!("{prefix}-{n:04}")).collect::<Vec<_>>());
    other.stop().await;
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notary_with_a_second_factor_signs_with_its_code() {
    let practice = Practice::new().await;
    let id = practice.an_act_to_sign().await;
    let secret = practice.notary.post("/api/v1/me/totp", json!({ "password": PASSWORD }));
    let secret = secret.await.expect(200).json()["secret"].as_str().unwrap().to_owned();
    let secret = Secret::from_base32(&secret).unwrap();
    let code = || secret.code_at(practice.app.app.clock.now());
    practice.notary.post("/api/v1/me/totp/confirm", json!({"code": code()})).await.expect(200);
    practice.app.app.clock.advance(SignedDuration::from_secs(30));
    let path = format!("/api/v1/acts/{id}/transitions");
    let sign =
        async |otp: Option<String>| practice.notary.post(&path, json!({"event": "sign", "otp": otp})).await;
    assert_eq!(sign(None).await.expect(422).json()["errors"][0]["pointer"], "/otp");
    assert_eq!(sign(Some("000000".to_owned())).await.expect(403).code(), "wrong_code");
    practice.assert_unsigned(&id, 0).await;
    let again = code();
    sign(Some(again.clone())).await.expect(200);
    let next = practice.an_act_to_sign().await;
    let path = format!("/api/v1/acts/{next}/transitions");
    let used = practice.notary.post(&path, json!({"event": "sign", "otp": again})).await;
    assert_eq!(used.expect(403).code(), "wrong_code", "a code is good once");
    let none = practice.notary.post(&path, json!({"event": "annul", "reason": "x", "otp": "123456"})).await;
    none.expect(422);
    practice.app.finish().await;
}
