//! Deeds: drafted from templates, read by those who see the act, frozen when the signature is asked for.

use std::collections::BTreeSet;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sportello::{
    accounts::policy::Role,
    ids::ActId,
    notary::deeds::rendering::{self, Purpose},
    pdf,
};

use super::practice::Practice;
use crate::harness::{
    client::{Answer, Client},
    people::PASSWORD,
    verify::words,
};

/// Nobody else has such a word.
const WORD: &str = "ghirigoro";

impl Practice {
    /// A deed of an act is drafted with values for everything that the act does not say.
    pub(crate) async fn a_deed(&self, act: &str) -> Answer {
        let first = self.drafts(&self.notary, act, json!({})).await;
        if first.status != 201 || first.json()["missing"] == json!([]) {
            return first;
        }
        let missing = first.json()["missing"].clone();
        let values: serde_json::Map<String, Value> = missing
            .as_array()
            .unwrap()
            .iter()
            .map(|name| (name.as_str().unwrap().to_owned(), json!("x")))
            .collect();
        self.drafts(&self.notary, act, json!({ "values": values })).await
    }

    async fn drafts(&self, client: &Client, act: &str, body: Value) -> Answer {
        client.post(&format!("/api/v1/acts/{act}/deeds"), body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_is_drafted_from_the_offices_text_read_by_the_client_and_frozen() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    let path = format!("/api/v1/acts/{act}");
    practice.moves(&practice.notary, &act, "prepare").await.expect(200);
    let ask = json!({"event": "request_signature"});
    let asked = async || practice.notary.post(&format!("{path}/transitions"), ask.clone()).await;
    assert_eq!(asked().await.expect(409).code(), "deed_missing");
    let body =
        "# Copie\n\nIl notaio {{notary_name}} per {{client_name}}: {{what}}.\n\nN. {{protocol_number}}";
    let template = practice.a_template("certified_copies", body).await;
    let first = practice.drafts(&practice.notary, &act, json!({"title": "Copie conformi"})).await.expect(201);
    assert_eq!(first.header("location"), format!("{path}/deeds/1"));
    let first = first.json();
    assert_eq!((&first["number"], &first["missing"]), (&json!(1), &json!(["what"])));
    assert_eq!((&first["template_id"], &first["built_in"]), (&template["id"], &json!(null)));
    assert_eq!(asked().await.expect(409).code(), "deed_incomplete");
    let values = json!({"what": "#eval(\"1\") {{client_name}} **x** _y_ $z$"});
    let second =
        practice.drafts(&practice.notary, &act, json!({ "values": values })).await.expect(201).json();
    assert_eq!((&second["number"], &second["missing"]), (&json!(2), &json!([])));
    let content = format!("{path}/deeds/2/content");
    let pdf = practice.client.get(&content).await.expect(200);
    assert_eq!(second["sha256"], data_encoding::HEXLOWER.encode(&Sha256::digest(&pdf.body)));
    assert_eq!(pdf.header("content-type"), "application/pdf");
    let read = words(&pdf.body);
    for part in [
        "BOZZA",
        "Il notaio Carla Verdi per",
        "#eval(\"1\") {{client_name}} **x** _y_ $z$",
        "Studio Verdi",
        "Copie",
    ] {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    let listed = practice.client.get(&format!("{path}/deeds?limit=1")).await.expect(200).json();
    assert_eq!(listed["data"][0]["number"], 2);
    assert!(listed["next_cursor"].is_string());
    let etag = practice.notary.get(&path).await.header("etag").to_owned();
    practice.notary.patch(&path, &etag, json!({"title": "Altro titolo"})).await.expect(200);
    assert_eq!(asked().await.expect(409).code(), "deed_outdated");
    practice.drafts(&practice.notary, &act, json!({ "values": values })).await.expect(201);
    asked().await.expect(200);
    let frozen = practice.client.get(&format!("{path}/deeds/3")).await.expect(200).json();
    assert!(frozen["frozen_at"].is_string(), "{frozen}");
    let late = practice.drafts(&practice.notary, &act, json!({})).await;
    assert_eq!(late.expect(409).code(), "not_in_this_state");
    let document = format!("/api/v1/documents/{}", frozen["document_id"].as_str().unwrap());
    practice.notary.delete(&document).await.expect(409);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deeds_are_for_the_client_and_the_office_alone() {
    let practice = Practice::new().await;
    let admin = practice.app.log_in(&practice.app.a_person_with(Role::Admin).await).await;
    let act = practice.an_act("general_power_of_attorney").await;
    let deed = practice.a_deed(&act).await.expect(201).json();
    assert_eq!(deed["built_in"], "PROC");
    let path = format!("/api/v1/acts/{act}/deeds");
    for one in [path.clone(), format!("{path}/1"), format!("{path}/1/content")] {
        practice.stranger.get(&one).await.expect(404);
        practice.clerk.get(&one).await.expect(404);
        practice.client.get(&one).await.expect(200);
    }
    admin.get(&path).await.expect(200);
    admin.get(&format!("{path}/1/content")).await.expect(404);
    practice.client.get(&format!("{path}/9")).await.expect(404);
    assert_eq!(practice.drafts(&practice.client, &act, json!({})).await.expect(403).code(), "not_for_you");
    practice.drafts(&practice.stranger, &act, json!({})).await.expect(404);
    let other = practice.app.a_person_with(Role::Notary).await;
    practice.app.an_office(other.id).await;
    let other = practice.app.log_in(&other).await;
    let theirs = json!({"act_type": "general_power_of_attorney", "name": "x", "body": "x"});
    let theirs = other.post("/api/v1/notary/office/templates", theirs).await.expect(201).json();
    let asked = json!({"template_id": theirs["id"]});
    assert_eq!(practice.drafts(&practice.notary, &act, asked).await.expect(422).code(), "unknown_template");
    for values in [json!({"nowhere": "x"}), json!({"client_name": "Un altro"})] {
        let refused = practice.drafts(&practice.notary, &act, json!({ "values": values })).await;
        assert_eq!(refused.expect(422).code(), "unknown_fields");
    }
    practice.drafts(&practice.notary, &act, json!({"values": {"No Name": "x"}})).await.expect(422);
    practice
        .drafts(&practice.notary, &act, json!({"values": {"powers": "x".repeat(4001)}}))
        .await
        .expect(422);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_made_at_once_have_their_numbers_and_a_repeated_one_is_the_same() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    let drafting = (0..8).map(|_| practice.drafts(&practice.notary, &act, json!({"language": "en"})));
    let mut numbers = BTreeSet::new();
    for answer in futures_util::future::join_all(drafting).await {
        numbers.insert(answer.expect(201).json()["number"].as_i64().unwrap());
    }
    assert_eq!(numbers, (1..=8).collect());
    let path = format!("/api/v1/acts/{act}/deeds");
    let again = async || {
        let key = [("idempotency-key", "ancora-una-volta")];
        practice.notary.request(Method::POST, &path, &key, Some(json!({}))).await.expect(201).json()
    };
    assert_eq!(again().await, again().await);
    assert_eq!(practice.app.value::<i64>("SELECT count(*) FROM deed").await, 9);
    let pdf = practice.client.get(&format!("{path}/1/content")).await.expect(200);
    assert!(words(&pdf.body).contains("DRAFT"), "in English");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_font_has_is_seen_and_cannot_be_signed() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    practice.a_template("certified_copies", "{{what}}").await;
    let drawn =
        practice.drafts(&practice.notary, &act, json!({"values": {"what": "日本 \u{1F600} fine"}})).await;
    let drawn = drawn.expect(201).json();
    let bad: BTreeSet<char> = drawn["unprintable"].as_str().unwrap().chars().collect();
    assert_eq!(bad, ['日', '本', '\u{1F600}'].into());
    practice.moves(&practice.notary, &act, "prepare").await.expect(200);
    let ask = json!({"event": "request_signature"});
    let refused = practice.notary.post(&format!("/api/v1/acts/{act}/transitions"), ask).await;
    assert_eq!(refused.expect(409).code(), "deed_incomplete");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frozen_deed_becomes_the_same_final_pdf_whatever_becomes_of_its_template() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    let template = practice.a_template("certified_copies", "N. {{protocol_number}} del {{signed_on}}.").await;
    practice.moves(&practice.notary, &act, "prepare").await.expect(200);
    let id: ActId = act.parse().unwrap();
    assert!(rendering::frozen(&practice.app.app.db, id).await.unwrap().is_none());
    practice.moves(&practice.notary, &act, "request_signature").await.expect(200);
    let at: Timestamp = "2031-06-18T22:30:00Z".parse().unwrap();
    let make = async || {
        let frozen = rendering::frozen(&practice.app.app.db, id).await.unwrap().expect("it was asked for");
        pdf::print(&frozen.text.document(Purpose::Signing("CERT-0042", at), at).unwrap()).unwrap()
    };
    let first = make().await;
    let read = words(&first);
    // The day of the office, where it is past midnight.
    for part in
        ["N. CERT-0042 del giovedì 19 giugno 2031.", "sottoscritto con firma digitale dal notaio Carla Verdi"]
    {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    assert!(!read.contains("BOZZA"), "{read}");
    let template = format!("/api/v1/notary/office/templates/{}", template["id"].as_str().unwrap());
    practice.notary.delete(&template).await.expect(204);
    practice.a_template("certified_copies", "Tutt'altro").await;
    let rename = "UPDATE notary SET office_name = 'Altro studio'";
    practice.app.database.client().await.execute(rename, &[]).await.unwrap();
    assert_eq!(first, make().await);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_of_acts_that_are_never_signed_go_with_the_client() {
    let practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    practice.a_template("certified_copies", "{{what}}").await;
    practice.drafts(&practice.notary, &act, json!({"values": {"what": WORD}})).await.expect(201);
    let objects = "SELECT count(*) FROM document";
    assert_eq!(practice.app.value::<i64>(objects).await, 1);
    practice.client.post("/api/v1/me/erasure", json!({ "password": PASSWORD })).await.expect(202);
    practice.app.run_jobs().await;
    assert_eq!(practice.app.value::<i64>("SELECT count(*) FROM deed").await, 0);
    let due = "SELECT count(*) FROM document d WHERE d.remove_at <= now() AND NOT EXISTS (SELECT FROM document_hold)";
    let left = practice.app.value::<i64>(objects).await;
    assert_eq!(practice.app.value::<i64>(due).await, left, "it is removed by the next sweep");
    practice.app.finish().await;
}
