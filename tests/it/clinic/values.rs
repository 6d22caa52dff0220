//! Values that were wrong are withdrawn: they stay readable, and count nowhere any more.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::{
    dossier::{Dossier, REPORT, analytes},
    ward::{PATIENTS, Ward, a_person},
};
use crate::harness::client::{Answer, Client};

impl Ward {
    /// Enters a value of FSH, far too high.
    async fn enter_fsh(&self, id: PatientId, number: &str) -> String {
        let fsh = json!({ "analyte": "fsh", "number": number, "unit": "mIU/mL", "range_low": "3.5", "range_high": "12.5",
            "observed_on": "2026-03-12" });
        let made = self.manager.post(&format!("{PATIENTS}/{id}/values"), fsh).await.expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    }

    async fn values(&self, id: PatientId, query: &str) -> Vec<Value> {
        let page = self.reader.get(&format!("{PATIENTS}/{id}/values{query}")).await.expect(200).json();
        page["data"].as_array().unwrap().clone()
    }

    async fn score(&self, id: PatientId) -> Value {
        self.reader.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json()
    }
}

async fn withdraw(client: &Client, id: PatientId, value: &str) -> Answer {
    client.request(Method::POST, &format!("{PATIENTS}/{id}/values/{value}/withdrawal"), &[], None).await
}

/// The points of hormones in a score, one for each value that counts.
fn hormones(score: &Value) -> usize {
    let domains = score["score"]["domains"].as_array().unwrap();
    let hormonal = domains.iter().find(|it| it["domain"] == "hormonal");
    hormonal.map_or(0, |it| it["inputs"].as_array().unwrap().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_withdrawn_stays_readable_and_counts_nowhere() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let wrong = ward.enter_fsh(id, "72").await;
    ward.compute_scores().await;
    assert_eq!(hormones(&ward.score(id).await), 1);
    withdraw(&ward.manager, id, &wrong).await.expect(204);
    withdraw(&ward.manager, id, &wrong).await.expect(204);
    assert_eq!(ward.told("patient.withdraw_value").await, "patient.withdraw_value", "once");
    assert!(ward.values(id, "").await.is_empty() && ward.values(id, "?analyte=fsh").await.is_empty());
    let kept = ward.values(id, "?is_withdrawn=true").await;
    assert_eq!(
        (kept.len(), &kept[0]["number"], kept[0]["withdrawn_at"].is_string()),
        (1, &json!("72"), true)
    );
    assert_eq!(ward.score(id).await["is_outdated"], true, "until it is computed anew");
    ward.compute_scores().await;
    let score = ward.score(id).await;
    assert_eq!((hormones(&score), &score["is_outdated"]), (0, &json!(false)));
    let export = ward.manager.get(&format!("/api/v1/clinic/emr/export/{id}")).await.expect(200).json();
    assert_eq!((&export["values"], &export["is_truncated"]), (&json!([]), &json!(false)));
    ward.app.app.clock.advance(jiff::SignedDuration::from_secs(30));
    ward.app.run_jobs().await;
    let summary = ward.reader.get("/api/v1/clinic/summary").await.expect(200).json();
    assert_eq!(
        (&summary["data"][0]["value_count"], &summary["data"][0]["abnormal_count"]),
        (&json!(0), &json!(0)),
        "{summary}"
    );
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_pointers() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}/values");
    let last_entry = async || ward.app.value::<String>("SELECT last_entry_at::text FROM patient").await;
    let before = last_entry().await;
    let value = |analyte: &str, number: &str, unit: Value, day: &str| json!({ "analyte": analyte, "number": number, "unit": unit, "observed_on": day });
    for (value, said) in [
        (value("fsh", "7200", json!("mIU/mL"), "2026-03-12"), vec!["/number out_of_range"]),
        (value("tsh", "2.15", json!("mIU/mL"), "2026-03-12"), vec!["/number out_of_range"]),
        (value("afc", "900", Value::Null, "2026-03-12"), vec!["/number out_of_range"]),
        (value("fsh", "7.2", json!("mIU/mL"), "1990-05-16"), vec!["/observed_on before_birth"]),
        (
            value("sperm_concentration", "42", json!("10*6/mL"), "1990-05-16"),
            vec!["/observed_on before_birth", "/analyte other_sex"],
        ),
    ] {
        let refused = ward.manager.post(&path, value).await.expect(422).json();
        let errors = refused["errors"].as_array().unwrap().iter();
        let found: Vec<_> = errors
            .map(|it| format!("{} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap()))
            .collect();
        assert_eq!(found, said);
    }
    assert_eq!((ward.values(id, "").await.len(), last_entry().await), (0, before), "nothing was written");
    ward.manager.post(&path, value("fsh", "7.2", json!("mIU/mL"), "1990-05-17")).await.expect(201);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_withdraw_a_value_and_when_nobody_may() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let other = ward.register_consenting(a_person("Eva", "Neri", "1991-05-17")).await;
    let value = ward.enter_fsh(id, "72").await;
    assert_eq!(withdraw(&ward.reader, id, &value).await.expect(403).code(), "no_permission");
    withdraw(&ward.rival, id, &value).await.expect(404);
    assert_eq!(ward.told("patient.withdraw_value").await, "patient.withdraw_value!");
    withdraw(&ward.manager, other, &value).await.expect(404);
    withdraw(&ward.manager, id, &uuid::Uuid::now_v7().to_string()).await.expect(404);
    ward.archive(id, true).await.expect(200);
    assert_eq!(withdraw(&ward.manager, id, &value).await.expect(409).code(), "archived");
    assert_eq!(ward.values(id, "").await.len(), 1, "nothing was withdrawn");
    ward.archive(id, false).await.expect(200);
    // To put a mistake right needs no consent.
    ward.consent(id, false).await.expect(200);
    withdraw(&ward.manager, id, &value).await.expect(204);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_or_taken_away_without_consent_leaves_a_score_that_says_that_it_is_outdated() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let value = ward.enter_fsh(id, "72").await;
    ward.compute_scores().await;
    ward.consent(id, false).await.expect(200);
    ward.compute_scores().await;
    assert_eq!(ward.score(id).await["is_outdated"], false, "nothing of it has changed");
    withdraw(&ward.manager, id, &value).await.expect(204);
    ward.compute_scores().await;
    let outdated = ward.score(id).await;
    assert_eq!((hormones(&outdated), &outdated["is_outdated"]), (1, &json!(true)));
    ward.app.app.clock.advance(jiff::SignedDuration::from_secs(30));
    ward.app.run_jobs().await;
    let summary = ward.reader.get("/api/v1/clinic/summary").await.expect(200).json();
    assert_eq!(summary["data"][0]["latest_score_is_outdated"], true);
    ward.consent_again(id).await.expect(200);
    ward.compute_scores().await;
    let score = ward.score(id).await;
    assert_eq!((hormones(&score), &score["is_outdated"]), (0, &json!(false)));
    // What does not change the score ends up as not outdated, too.
    let haemoglobin =
        json!({ "analyte": "haemoglobin", "number": "13.1", "unit": "g/dL", "observed_on": "2026-03-12" });
    ward.manager.post(&format!("{PATIENTS}/{id}/values"), haemoglobin).await.expect(201);
    assert_eq!(ward.score(id).await["is_outdated"], true);
    ward.compute_scores().await;
    let same = ward.score(id).await;
    assert_eq!((&same["id"], &same["is_outdated"]), (&score["id"], &json!(false)));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_misread_in_a_document_stays_withdrawn_when_it_is_read_again_as_it_was() {
    let dossier = Dossier::new().await;
    let (ward, id) = (&dossier.ward, dossier.patient);
    let document = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&document).await;
    let fsh = ward.values(id, "?analyte=fsh").await[0]["id"].as_str().unwrap().to_owned();
    withdraw(&ward.manager, id, &fsh).await.expect(204);
    let again = format!("{}/documents/{document}/analysis", dossier.path);
    ward.manager.post(&again, json!({})).await.expect(202);
    let read = dossier.analysed(&document).await;
    assert_eq!(analytes(&read["values"]), ["fsh", "tsh"], "the document shows what stands in it");
    assert!(read["values"][0]["withdrawn_at"].is_string() && read["values"][1]["withdrawn_at"].is_null());
    let counting: Vec<_> = ward.values(id, "").await.iter().map(|it| it["analyte"].clone()).collect();
    assert_eq!(counting, ["tsh"]);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_leaves_out_what_was_withdrawn_and_older_ones_are_outdated() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.enter_fsh(id, "7").await;
    let wrong = ward.enter_fsh(id, "72").await;
    let report = async || {
        ward.app.app.clock.advance(jiff::SignedDuration::from_secs(30));
        ward.app.run_jobs().await;
        let started =
            ward.manager.post(&format!("{PATIENTS}/{id}/reports"), json!({})).await.expect(202).json();
        ward.app.run_jobs().await;
        let task = ward.manager.get(started["links"]["self"].as_str().unwrap()).await.expect(200).json();
        task["result"]["href"].as_str().unwrap().to_owned()
    };
    let before = report().await;
    assert_eq!(ward.reader.get(&before).await.expect(200).json()["value_count"], 2);
    withdraw(&ward.manager, id, &wrong).await.expect(204);
    assert_eq!(ward.reader.get(&before).await.expect(200).json()["is_outdated"], true);
    let after = report().await;
    assert_eq!(ward.reader.get(&after).await.expect(200).json()["value_count"], 1);
    ward.app.finish().await;
}
