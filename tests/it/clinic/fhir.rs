//! FHIR over HTTP: what is sent is valid, and another clinic that imports it sends the same.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::{
    analyses::one_of_each,
    ward::{PATIENTS, Ward, a_person, with},
};
use crate::harness::client::Client;

const FHIR: &str = "/api/v1/fhir";
const CODE: &str = "RSSMRA85T10A562S";

/// The same man in both clinics.
fn mario() -> Value {
    with(
        a_person("Mario", "Rossi", "1985-12-10"),
        json!({ "sex": "male", "fiscal_code": CODE, "phone": "051 123456" }),
    )
}

fn values() -> Vec<Value> {
    let of =
        |analyte: &str, more: Value| with(json!({ "analyte": analyte, "observed_on": "2026-03-12" }), more);
    vec![
        of("fsh", json!({ "number": "7.20", "unit": "mIU/mL", "range_low": "3.5", "range_high": "12.5" })),
        of("testosterone", json!({ "number": "10.40", "unit": "nmol/L", "range_low": "12.0" })),
        of("tsh", json!({ "comparator": "<", "number": "0.010", "unit": "m[IU]/L" })),
        of("sperm_concentration", json!({ "number": "42.5", "unit": "10*6/mL" })),
        of("anti_tpo", json!({ "comparator": ">=", "number": "600", "unit": "[IU]/mL", "range_high": "34" })),
        of("cftr", json!({ "finding": "heterozygous" })),
        of("karyotype", json!({ "finding": "46,XY" })),
        of("semen_ph", json!({ "number": "7.6" })),
        of("hba1c", json!({ "number": "42", "unit": "mmol/mol" })),
    ]
}

impl Ward {
    /// Registers somebody who has consented in the other clinic.
    async fn register_there(&self, content: Value) -> PatientId {
        let made = self.rival.post(PATIENTS, content).await.expect(201).json();
        let id: PatientId = made["id"].as_str().unwrap().parse().unwrap();
        let path = format!("{PATIENTS}/{id}/consent");
        self.rival
            .request(axum::http::Method::PUT, &path, &[], Some(json!({ "is_given": true })))
            .await
            .expect(200);
        id
    }
}

async fn everything(client: &Client, id: PatientId) -> Value {
    let found = client.get(&format!("{FHIR}/Patient/{id}/$everything")).await.expect(200);
    assert_eq!(found.header("content-type"), "application/fhir+json");
    found.json()
}

/// The text of a number in an answer is compared, not its value.
async fn observations(client: &Client, id: PatientId) -> Vec<String> {
    let found = client.get(&format!("{FHIR}/Patient/{id}/$everything")).await.expect(200);
    let text = std::str::from_utf8(&found.body).unwrap();
    let bundle: Value = serde_json::from_str(text).unwrap();
    let mut said: Vec<_> = bundle["entry"].as_array().unwrap().iter().map(|it| &it["resource"]).collect();
    said.retain(|it| it["resourceType"] == "Observation");
    let mut said: Vec<_> = said
        .into_iter()
        .map(|it| {
            let mut it = it.clone();
            for own in ["id", "meta", "issued", "subject"] {
                it.as_object_mut().unwrap().remove(own);
            }
            it.to_string()
        })
        .collect();
    // Digits are lost in a tree of values: they are looked for in the text.
    for digits in ["\"value\":7.20", "\"value\":10.40", "\"value\":0.010"] {
        assert!(text.contains(digits), "{digits}");
    }
    said.sort();
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clinic_exports_another_one_imports_and_exports_again() {
    let ward = Ward::new().await;
    let (here, there) = (ward.register_consenting(mario()).await, ward.register_there(mario()).await);
    for value in values() {
        ward.manager.post(&format!("{PATIENTS}/{here}/values"), value).await.expect(201);
    }
    ward.enter(here, one_of_each()[0].0.clone()).await;
    let exported = everything(&ward.manager, here).await;
    assert_eq!(exported["total"], 11);
    let sent = ward.manager.get(&format!("{FHIR}/Patient/{here}/$everything")).await.expect(200).body;
    let import = async |client: &Client, body: &axum::body::Bytes| {
        let kind = [("content-type", "application/fhir+json")];
        let sent = client.attempt_bytes(axum::http::Method::POST, FHIR, &kind, body.clone()).await.unwrap();
        let became = sent.expect(200).json();
        let statuses = became["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["response"]["status"].as_str().unwrap()[..3].to_owned());
        let mut statuses: Vec<_> = statuses.collect();
        statuses.sort();
        statuses.join(" ")
    };
    let nine = |status: &str| format!("{} 204 204", [status; 9].join(" "));
    assert_eq!(import(&ward.rival, &sent).await, nine("201"));
    assert_eq!(import(&ward.rival, &sent).await, nine("200"), "sent again, it changes nothing");
    let (ours, theirs) = (observations(&ward.manager, here).await, observations(&ward.rival, there).await);
    assert_eq!(ours, theirs, "the same values, with the same names");
    // Sent back, they are known.
    let back = ward.rival.get(&format!("{FHIR}/Patient/{there}/$everything")).await.expect(200).body;
    assert_eq!(import(&ward.manager, &back).await, format!("{} 204", ["200"; 9].join(" ")));
    let count: i64 = ward.app.value("SELECT count(*) FROM laboratory_value").await;
    assert_eq!(count, 18);
    assert_eq!(ward.told("patient.import_values").await, "patient.import_values");
    ward.compute_scores().await;
    let score = ward.rival.get(&format!("{PATIENTS}/{there}/score")).await.expect(200).json();
    assert!(score["score"]["overall"].is_number(), "what was imported counts");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_imported_as_a_whole_or_not_at_all() {
    let ward = Ward::new().await;
    let here = ward.register_consenting(mario()).await;
    let fsh = |name: &str, more: Value| {
        let fsh = json!({ "resourceType": "Observation", "status": "final",
            "identifier": [{ "system": "https://lab.example", "value": name }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
            "subject": { "reference": format!("Patient/{here}") }, "effectiveDateTime": "2026-03-12",
            "valueQuantity": { "value": 7.2, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } });
        json!({ "resource": with(fsh, more) })
    };
    let send = async |client: &Client, entries: Vec<Value>| {
        client.post(FHIR, json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })).await
    };
    let issues = |answer: &crate::harness::client::Answer| -> Vec<String> {
        let outcome = answer.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        let issues = outcome["issue"].as_array().unwrap();
        issues
            .iter()
            .map(|it| {
                format!(
                    "{} {}",
                    it["expression"][0].as_str().unwrap_or_default(),
                    it["details"]["text"].as_str().unwrap()
                )
            })
            .collect()
    };
    let wrong = vec![
        fsh("1", json!({})),
        fsh("2", json!({ "code": { "coding": [{ "system": "http://loinc.org", "code": "1-8" }] } })),
        fsh("3", json!({ "valueQuantity": { "value": 7, "unit": "mm" } })),
    ];
    let refused = send(&ward.manager, wrong).await.expect(422);
    assert_eq!(
        issues(&refused),
        [
            "Bundle.entry[1].resource.code unknown_code",
            "Bundle.entry[2].resource.valueQuantity.code unknown_unit"
        ]
    );
    let stranger = json!({ "subject": { "reference": format!("Patient/{}", uuid::Uuid::now_v7()) } });
    let refused = send(&ward.manager, vec![fsh("1", json!({})), fsh("2", stranger)]).await.expect(422);
    assert_eq!(issues(&refused), ["Bundle.entry[1].resource.subject unknown_patient"]);
    // Another clinic's patient is nobody's here.
    let refused = send(&ward.rival, vec![fsh("1", json!({}))]).await.expect(422);
    assert_eq!(issues(&refused), ["Bundle.entry[0].resource.subject unknown_patient"]);
    let none: i64 = ward.app.value("SELECT count(*) FROM laboratory_value").await;
    assert_eq!(none, 0, "not one of them");
    send(&ward.manager, vec![fsh("1", json!({}))]).await.expect(200);
    let other =
        json!({ "valueQuantity": { "value": 8, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } });
    let refused = send(&ward.manager, vec![fsh("1", other)]).await.expect(422);
    assert_eq!(issues(&refused), ["Bundle.entry[0].resource.identifier taken"]);
    ward.consent(here, false).await.expect(200);
    let refused = send(&ward.manager, vec![fsh("2", json!({}))]).await.expect(422);
    assert_eq!(issues(&refused), ["Bundle.entry[0].resource.subject consent_missing"]);
    // Of ten who send the same at once, one writes it down.
    ward.consent_again(here).await.expect(200);
    let same = (0..10).map(|_| send(&ward.manager, vec![fsh("9", json!({}))]));
    let statuses: Vec<_> = futures_util::future::join_all(same).await.iter().map(|it| it.status).collect();
    assert!(statuses.iter().all(|it| *it == 200), "{statuses:?}");
    let count: i64 = ward.app.value("SELECT count(*) FROM laboratory_value").await;
    assert_eq!(count, 2);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_of_the_patient_or_of_anybody_is_not_imported() {
    let ward = Ward::new().await;
    let here = ward.register_consenting(mario()).await;
    let entry = |name: &str, code: Value, value: Value, day: &str| {
        json!({ "resource": { "resourceType": "Observation", "status": "final",
            "identifier": [{ "system": "https://lab.example", "value": name }], "code": { "coding": [code] },
            "subject": { "reference": format!("Patient/{here}") }, "effectiveDateTime": day, "valueQuantity": value } })
    };
    let fsh = |value: f64, day: &str| {
        let value = json!({ "value": value, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" });
        entry("1", json!({ "system": "http://loinc.org", "code": "15067-2" }), value, day)
    };
    let afc = |day: &str| {
        entry("2", json!({ "system": "urn:sportello:analyte", "code": "afc" }), json!({ "value": 12 }), day)
    };
    let send = async |entries: Value, status: u16| {
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        ward.manager.post(FHIR, bundle).await.expect(status).json()
    };
    for (entries, said) in [
        (
            json!([fsh(7.2, "2026-03-12"), afc("1985-12-09")]),
            vec!["[1] before_birth effective", "[1] other_sex code"],
        ),
        (json!([fsh(7.2, "1985-12-09")]), vec!["[0] before_birth effective"]),
        (json!([fsh(7200.0, "2026-03-12")]), vec!["[0] out_of_range value"]),
    ] {
        let outcome = send(entries, 422).await;
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        let found = outcome["issue"].as_array().unwrap().iter().map(|it| {
            let (place, member) = it["expression"][0].as_str().unwrap().split_once(".resource.").unwrap();
            let place = place.strip_prefix("Bundle.entry").unwrap();
            format!("{place} {} {member}", it["details"]["text"].as_str().unwrap())
        });
        assert_eq!(found.collect::<Vec<_>>(), said);
    }
    let outcome = send(json!([fsh(7200.0, "2026-03-12")]), 422).await;
    assert_eq!(
        outcome["issue"][0]["diagnostics"],
        "cannot be: a true one lies between 0.05 and 300 m[IU]/mL"
    );
    let none: i64 = ward.app.value("SELECT count(*) FROM laboratory_value").await;
    assert_eq!(none, 0, "not one of them");
    send(json!([fsh(7.2, "1985-12-10")]), 200).await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_searched_by_patient_and_code_page_by_page() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(mario()).await;
    for value in values() {
        ward.manager.post(&format!("{PATIENTS}/{id}/values"), value).await.expect(201);
    }
    let mut url = format!("{FHIR}/Observation?patient=Patient/{id}&_count=4");
    let mut seen = Vec::new();
    loop {
        let page = ward.reader.get(&url).await.expect(200).json();
        let entries = page["entry"].as_array().unwrap();
        seen.extend(entries.iter().map(|it| it["resource"]["id"].as_str().unwrap().to_owned()));
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|it| it["relation"] == "next") else { break };
        let next = next["url"].as_str().unwrap();
        url = next[next.find(FHIR).unwrap()..].to_owned();
    }
    let pages = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((pages, seen.len()), (9, 9));
    let found =
        ward.reader.get(&format!("{FHIR}/Observation?patient={id}&code=http://loinc.org%7C15067-2")).await;
    assert_eq!(found.expect(200).json()["entry"].as_array().unwrap().len(), 1);
    for (query, status) in [
        (format!("patient={id}&code=1-8"), 400),
        (format!("patient={id}&_count=0"), 400),
        (format!("patient={id}&colour=red"), 400),
        ("patient=x".to_owned(), 400),
        (String::new(), 400),
        (format!("patient={}", uuid::Uuid::now_v7()), 404),
    ] {
        let refused = ward.reader.get(&format!("{FHIR}/Observation?{query}")).await.expect(status);
        assert_eq!(refused.json()["resourceType"], "OperationOutcome", "{query}");
    }
    ward.rival.get(&format!("{FHIR}/Observation?patient={id}")).await.expect(404);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_fits_the_published_structures() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(mario()).await;
    for value in values() {
        ward.manager.post(&format!("{PATIENTS}/{id}/values"), value).await.expect(201);
    }
    let of_men = one_of_each().into_iter().filter(|(it, _)| it["kind"] == "semen" || it["kind"] == "embryo");
    for (analysis, _) in of_men {
        ward.enter(id, analysis).await;
    }
    let mut documents = Vec::new();
    for path in [
        format!("{FHIR}/metadata"),
        format!("{FHIR}/Patient/{id}"),
        format!("{FHIR}/Patient/{id}/$everything"),
        format!("{FHIR}/Observation?patient={id}&_count=5"),
        format!("{FHIR}/Patient/{}", uuid::Uuid::now_v7()),
        format!("{FHIR}/Observation?patient=x"),
        format!("{FHIR}/nothing"),
    ] {
        let found = ward.manager.get(&path).await;
        assert_eq!(found.header("content-type"), "application/fhir+json", "{path}: {}", found.status);
        documents.push(found.body);
    }
    documents.push(ward.app.anonymous().get(&format!("{FHIR}/Patient/{id}")).await.expect(401).body);
    documents.push(ward.manager.delete(FHIR).await.expect(405).body);
    documents.push(ward.manager.post(FHIR, json!({ "resourceType": "Bundle" })).await.expect(422).body);
    let own = json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "resource": { "resourceType": "List" } }] });
    documents.push(ward.manager.post(FHIR, own).await.expect(200).body);
    let bundle: Value = serde_json::from_slice(&documents[2]).unwrap();
    for entry in bundle["entry"].as_array().unwrap() {
        documents.push(entry["resource"].to_string().into());
    }
    let verdicts = valid(&documents);
    assert!(verdicts.lines().all(|line| line.starts_with("valid")), "{verdicts}");
    assert_eq!(verdicts.lines().count(), 11 + 12);
    // The judge is no yes-man.
    let wrong = [r#"{"resourceType":"Observation","code":{"text":"x"}}"#.into()];
    assert!(valid(&wrong).starts_with("wrong Observation"));
    ward.app.finish().await;
}

/// What an implementation of others says of documents.
fn valid(documents: &[axum::body::Bytes]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/test-venv/bin/python");
    let mut judge = Command::new(python)
        .arg(root.join("tests/it/clinic/fhir_valid.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script/setup --test installs fhir.resources");
    let mut input = judge.stdin.take().unwrap();
    for document in documents {
        input.write_all(document).unwrap();
        input.write_all(b"\n").unwrap();
    }
    drop(input);
    String::from_utf8(judge.wait_with_output().unwrap().stdout).unwrap()
}
