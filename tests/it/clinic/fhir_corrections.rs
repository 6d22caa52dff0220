//! Observations that put right or take back what was sent before, their names, and two who send the same at once.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::{
    client::{Answer, Client},
    until::eventually,
};

const FHIR: &str = "/api/v1/fhir";

fn named(values: &[&str]) -> Value {
    let identifiers = values.iter().map(|it| json!({ "system": "https://lab.example", "value": it }));
    json!({ "identifier": identifiers.collect::<Value>() })
}

/// FSH under these names.
fn fsh(id: PatientId, names: &[&str], number: f64, status: &str) -> Value {
    let fsh = json!({ "resourceType": "Observation", "status": status,
        "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
        "subject": { "reference": format!("Patient/{id}") }, "effectiveDateTime": "2026-03-12",
        "valueQuantity": { "value": number, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } });
    with(fsh, named(names))
}

async fn send(client: &Client, observations: Vec<Value>) -> Answer {
    let entries: Vec<_> = observations.into_iter().map(|it| json!({ "resource": it })).collect();
    client.post(FHIR, json!({ "resourceType": "Bundle", "type": "batch", "entry": entries })).await
}

/// The status of each entry.
async fn became(client: &Client, observations: Vec<Value>) -> Vec<String> {
    let answer = send(client, observations).await.expect(200).json();
    let entries = answer["entry"].as_array().unwrap();
    entries.iter().map(|it| it["response"]["status"].as_str().unwrap()[..3].to_owned()).collect()
}

async fn refused(client: &Client, observations: Vec<Value>, status: u16) -> String {
    let outcome = send(client, observations).await.expect(status).json();
    outcome["issue"][0]["details"]["text"].as_str().unwrap().to_owned()
}

/// The numbers that count, and those that were withdrawn.
async fn numbers(ward: &Ward, id: PatientId) -> [Vec<String>; 2] {
    let mut found = Vec::new();
    for query in ["", "?is_withdrawn=true"] {
        let page = ward.reader.get(&format!("{PATIENTS}/{id}/values{query}")).await.expect(200).json();
        let numbers =
            page["data"].as_array().unwrap().iter().map(|it| it["number"].as_str().unwrap().to_owned());
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort();
        found.push(numbers);
    }
    found.try_into().unwrap()
}

async fn everything(client: &Client, id: PatientId) -> Vec<Value> {
    let bundle = client.get(&format!("{FHIR}/Patient/{id}/$everything")).await.expect(200).json();
    let entries = bundle["entry"].as_array().unwrap().iter().map(|it| it["resource"].clone());
    entries.filter(|it| it["resourceType"] == "Observation").collect()
}

fn statuses(observations: &[Value]) -> Vec<&str> {
    let mut found: Vec<_> = observations.iter().map(|it| it["status"].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

async fn anna(ward: &Ward) -> PatientId {
    ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_takes_the_place_of_what_was_sent_and_the_old_number_stays_readable() {
    let ward = Ward::new().await;
    let id = anna(&ward).await;
    let of = |number: f64, status: &str| vec![fsh(id, &["1"], number, status)];
    assert_eq!(became(&ward.manager, of(72.0, "final")).await, ["201"]);
    assert_eq!(
        refused(&ward.manager, of(7.2, "final"), 422).await,
        "taken",
        "nobody said that it is put right"
    );
    assert_eq!(became(&ward.manager, of(7.2, "corrected")).await, ["201"]);
    assert_eq!(numbers(&ward, id).await, [vec!["7.2"], vec!["72.0"]]);
    // The same each night changes nothing; the old message, sent again, is a conflict.
    assert_eq!(became(&ward.manager, of(7.2, "corrected")).await, ["200"]);
    assert_eq!(refused(&ward.manager, of(72.0, "final"), 422).await, "taken");
    assert_eq!(became(&ward.manager, of(7.3, "amended")).await, ["201"]);
    assert_eq!(numbers(&ward, id).await, [vec!["7.3"], vec!["7.2", "72.0"]]);
    let links: i64 = ward
        .app
        .value(
            "SELECT count(*) FROM laboratory_value o JOIN laboratory_value n ON n.id = o.replaced_by AND n.replaces = o.id
             WHERE o.withdrawn_at IS NOT NULL AND o.external_id = n.external_id",
        )
        .await;
    assert_eq!(links, 2);
    let told: String = ward
        .app
        .value("SELECT string_agg(coalesce(details -> 'withdrawn', '[]') ->> 0, '') FROM audit_entry WHERE action = 'patient.import_values'")
        .await;
    assert_eq!(told.matches("replaced_by").count(), 2, "{told}");
    assert!(!told.contains("7.2"), "ids, never figures: {told}");
    // It is one Observation, which was corrected; another system that knows it takes the correction over.
    let sent = everything(&ward.manager, id).await;
    assert_eq!((statuses(&sent), &sent[0]["valueQuantity"]["value"]), (vec!["corrected"], &json!(7.3)));
    ward.compute_scores().await;
    // One that was never sent before is new.
    assert_eq!(became(&ward.manager, vec![fsh(id, &["2"], 6.0, "corrected")]).await, ["201"]);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_entered_in_error_is_withdrawn_without_consent_and_stays_so() {
    let ward = Ward::new().await;
    let id = anna(&ward).await;
    let mistake = |name: &str| {
        json!({ "resourceType": "Observation", "status": "entered-in-error", "code": { "text": "FSH" },
            "identifier": named(&[name])["identifier"] })
    };
    assert_eq!(became(&ward.manager, vec![fsh(id, &["1"], 72.0, "final")]).await, ["201"]);
    ward.consent(id, false).await.expect(200);
    // Another clinic has no such value.
    assert_eq!(became(&ward.rival, vec![mistake("1")]).await, ["204"]);
    assert_eq!(numbers(&ward, id).await, [vec!["72.0"], vec![]]);
    assert_eq!(became(&ward.manager, vec![mistake("1"), mistake("9")]).await, ["200", "204"]);
    assert_eq!(became(&ward.manager, vec![mistake("1")]).await, ["200"]);
    assert_eq!(numbers(&ward, id).await, [vec![], vec!["72.0"]]);
    assert_eq!(ward.told("patient.import_values").await, "patient.import_values patient.import_values");
    assert_eq!(statuses(&everything(&ward.manager, id).await), ["entered-in-error"], "others are told");
    let search = ward.reader.get(&format!("{FHIR}/Observation?patient={id}")).await.expect(200).json();
    assert!(search["entry"].as_array().is_none_or(Vec::is_empty), "{search}");
    ward.consent_again(id).await.expect(200);
    // The same, sent again: it is known, and withdrawn. Something else that is final contradicts; a correction does not.
    assert_eq!(became(&ward.manager, vec![fsh(id, &["1"], 72.0, "final")]).await, ["200"]);
    assert_eq!(became(&ward.manager, vec![fsh(id, &["1"], 72.0, "corrected")]).await, ["200"]);
    assert_eq!(numbers(&ward, id).await, [vec![], vec!["72.0"]]);
    assert_eq!(refused(&ward.manager, vec![fsh(id, &["1"], 8.0, "final")], 422).await, "taken");
    assert_eq!(became(&ward.manager, vec![fsh(id, &["1"], 7.2, "corrected")]).await, ["201"]);
    assert_eq!(numbers(&ward, id).await, [vec!["7.2"], vec!["72.0"]]);
    ward.archive(id, true).await.expect(200);
    assert_eq!(refused(&ward.manager, vec![mistake("1")], 422).await, "archived");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_says_also_that_it_was_another_patients() {
    let ward = Ward::new().await;
    let (wrong, right) =
        (anna(&ward).await, ward.register_consenting(a_person("Eva", "Neri", "1991-05-17")).await);
    assert_eq!(became(&ward.manager, vec![fsh(wrong, &["1"], 72.0, "final")]).await, ["201"]);
    assert_eq!(became(&ward.manager, vec![fsh(right, &["1"], 72.0, "corrected")]).await, ["201"]);
    assert_eq!(numbers(&ward, wrong).await, [vec![], vec!["72.0"]]);
    assert_eq!(numbers(&ward, right).await, [vec!["72.0"], vec![]]);
    // What was withdrawn by hand and is put right elsewhere is that elsewhere, too.
    let told: i64 = ward
        .app
        .value("SELECT count(DISTINCT object_id) FROM audit_entry WHERE action = 'patient.import_values'")
        .await;
    assert_eq!(told, 2);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observation_is_known_by_any_of_its_names_in_any_order() {
    let ward = Ward::new().await;
    let id = anna(&ward).await;
    assert_eq!(became(&ward.manager, vec![fsh(id, &["placer", "filler"], 7.2, "final")]).await, ["201"]);
    for names in [&["filler", "placer"][..], &["filler"], &["other", "filler"]] {
        assert_eq!(became(&ward.manager, vec![fsh(id, names, 7.2, "final")]).await, ["200"], "{names:?}");
    }
    assert_eq!(numbers(&ward, id).await, [vec!["7.2"], vec![]]);
    let sent = everything(&ward.manager, id).await;
    assert_eq!(sent[0]["identifier"].as_array().unwrap().len(), 2, "all of them are told");
    // Two entries about one value, by different names.
    let both = vec![fsh(id, &["placer"], 8.0, "corrected"), fsh(id, &["filler"], 9.0, "corrected")];
    assert_eq!(refused(&ward.manager, both, 422).await, "repeated");
    assert_eq!(became(&ward.manager, vec![fsh(id, &["3"], 6.0, "final")]).await, ["201"]);
    let two = vec![fsh(id, &["filler", "3"], 9.0, "corrected")];
    assert_eq!(refused(&ward.manager, two, 422).await, "taken", "it would be two");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_the_same_name_about_another_patient_at_the_same_moment_sends_it_again() {
    const OTHER: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, external_id, analyte, number, unit,
            recorded_by, created_at)
        SELECT gen_random_uuid(), p.clinic_id, p.id, 'fhir', 'https://lab.example|1', 'fsh', 7, 'm[IU]/mL', p.id, now()
        FROM patient p WHERE p.id = $1";
    const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let ward = Ward::new().await;
    let (id, other) =
        (anna(&ward).await, ward.register_consenting(a_person("Eva", "Neri", "1991-05-17")).await);
    let mut somebody = ward.app.database.client().await;
    let held = somebody.transaction().await.unwrap();
    held.execute(OTHER, &[&other]).await.unwrap();
    let looking = ward.app.database.client().await;
    let sending = send(&ward.manager, vec![fsh(id, &["1"], 7.0, "final")]);
    let committing = async {
        eventually("the import waits for the other", async || {
            looking.query_one(WAITS, &[]).await.unwrap().get::<_, i64>(0) > 0
        })
        .await;
        held.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(sending, committing);
    let answer = answer.expect(409);
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["issue"][0]["code"], "conflict");
    assert_eq!(
        refused(&ward.manager, vec![fsh(id, &["1"], 7.0, "final")], 422).await,
        "taken",
        "now it is known"
    );
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_clinic_has_imported_is_withdrawn_there_with_the_next_export() {
    let ward = Ward::new().await;
    let man = || {
        with(
            a_person("Mario", "Rossi", "1985-12-10"),
            json!({ "sex": "male", "fiscal_code": "RSSMRA85T10A562S" }),
        )
    };
    let here = ward.register_consenting(man()).await;
    let made = ward.rival.post(PATIENTS, man()).await.expect(201).json();
    let there: PatientId = made["id"].as_str().unwrap().parse().unwrap();
    let consent = Some(json!({ "is_given": true }));
    ward.rival.request(Method::PUT, &format!("{PATIENTS}/{there}/consent"), &[], consent).await.expect(200);
    let ph = json!({ "analyte": "semen_ph", "number": "7.6", "observed_on": "2026-03-12" });
    let value = ward.manager.post(&format!("{PATIENTS}/{here}/values"), ph).await.expect(201).json();
    let import = async || {
        let sent = ward.manager.get(&format!("{FHIR}/Patient/{here}/$everything")).await.expect(200).json();
        let became = ward.rival.post(FHIR, sent).await.expect(200).json();
        became["entry"][1]["response"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(import().await, "201 Created");
    let path = format!("{PATIENTS}/{here}/values/{}/withdrawal", value["id"].as_str().unwrap());
    ward.manager.request(Method::POST, &path, &[], None).await.expect(204);
    assert_eq!(import().await, "200 OK");
    let left = ward.rival.get(&format!("{PATIENTS}/{there}/values")).await.expect(200).json();
    assert_eq!(left["data"], json!([]));
    ward.app.finish().await;
}
