//! A Bundle about a thousand patients, and more than an export holds.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use axum::{body::Bytes, http::Method};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::client::Answer;

const FHIR: &str = "/api/v1/fhir";
/// As `server.request_deadline` says.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

/// Patients who have consented, with numbers.
const PEOPLE: &str = "INSERT INTO patient (id, clinic_id, medical_record_number, first_name, last_name, sex, born_on, name_key,
        consented_at, last_entry_at, created_at, updated_at)
    SELECT ('00000000-0000-7000-8000-' || lpad(g::text, 12, '0'))::uuid, $1, 'N-' || g, 'Nome', 'Cognome', 'female', '1990-05-17',
        'k' || g, now(), now(), now(), now()
    FROM generate_series(1, $2::int) g RETURNING id";
/// What an import does; other things happen meanwhile.
const OURS: [&str; 6] =
    ["clinic.fhir.", "clinic.entries.", "clinic.values.", "clinic.scores.", "audit.record", "jobs.insert"];

impl Ward {
    /// How often statements were sent until now.
    fn statements(&self) -> u64 {
        let all = self.app.app.db.observer().statements();
        let ours = all.iter().filter(|(label, _)| OURS.iter().any(|it| label.starts_with(it)));
        ours.map(|(_, stats)| stats.count.load(Relaxed)).sum()
    }

    /// A Bundle with a value of each of these, every second one named by the number of the record.
    fn about(&self, people: &[uuid::Uuid], name: &str) -> Value {
        let entry = |(n, id): (usize, &uuid::Uuid)| {
            let subject = if n % 2 == 0 {
                json!({ "reference": format!("Patient/{id}") })
            } else {
                let system = format!("urn:sportello:clinic:{}:mrn", self.clinic);
                json!({ "identifier": { "system": system, "value": format!("N-{}", n + 1) } })
            };
            json!({ "resource": { "resourceType": "Observation", "status": "final", "subject": subject,
                "identifier": [{ "system": name, "value": n.to_string() }], "effectiveDateTime": "2026-03-12",
                "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
                "valueQuantity": { "value": 7.2, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } } })
        };
        let entries: Vec<_> = people.iter().enumerate().map(entry).collect();
        json!({ "resourceType": "Bundle", "type": "batch", "entry": entries })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_patients_take_as_many_statements_as_two_and_much_less_than_the_deadline() {
    let ward = Ward::new().await;
    ward.app.pause_queue("default").await;
    let client = ward.app.database.client().await;
    let people = client.query(PEOPLE, &[&ward.clinic, &1_000_i32]).await.unwrap();
    let people: Vec<uuid::Uuid> = people.iter().map(|row| row.get("id")).collect();
    let import = async |people: &[uuid::Uuid], name: &str| {
        let bundle = ward.about(people, name);
        let (before, began) = (ward.statements(), Instant::now());
        let answer = ward.manager.post(FHIR, bundle).await.expect(200).json();
        let (took, sent) = (began.elapsed(), ward.statements() - before);
        let created = answer["entry"].as_array().unwrap().iter();
        let created = created.filter(|it| it["response"]["status"] == "201 Created").count();
        (created, sent, took)
    };
    import(&people[..2], "warm").await;
    let (of_two, few, _) = import(&people[..2], "two").await;
    let (of_all, many, took) = import(&people, "all").await;
    println!("{of_two} values: {few} statements; {of_all} values: {many} statements, {took:?}");
    assert_eq!((of_two, of_all), (2, 1_000));
    assert!(few <= 15, "{few}");
    assert!(many <= few + 2, "{many} statements for a thousand, {few} for two");
    assert!(took < DEADLINE / 2, "{took:?}");
    let told: i64 = ward
        .app
        .value("SELECT count(DISTINCT object_id) FROM audit_entry WHERE action = 'patient.import_values'")
        .await;
    assert_eq!(told, 1_000, "each is told");
    let again = ward.manager.post(FHIR, ward.about(&people, "all")).await.expect(200).json();
    assert!(again["entry"].as_array().unwrap().iter().all(|it| it["response"]["status"] == "200 OK"));
    ward.app.finish().await;
}

/// Values of a patient, each with as many and as long names as an import takes, or none.
const VALUES: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, external_id, also_called, analyte, loinc,
        number, unit, range_low, range_high, flag, observed_on, recorded_by, created_at)
    SELECT gen_random_uuid(), p.clinic_id, p.id, 'fhir', name(g, 0), ARRAY(SELECT name(g, n) FROM generate_series(1, $3::int) n),
        'fsh', '15067-2', 5.25, 'm[IU]/mL', 3.5, 12.5, 'normal', '2016-01-01'::date + g, p.id, now()
    FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1";
/// Of 255 bytes, of which JSON writes most twice.
const NAME: &str = "CREATE FUNCTION name(g int, n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT repeat('\"', 240) || '|' || lpad(g || '-' || n, 14, '0') $$";

impl Ward {
    /// Somebody with so many values in one clinic, and without any in the other, each with a number of its own.
    async fn one_in_both(&self, values: i32, further_names: i32) -> (PatientId, PatientId) {
        let anna = || {
            let code = json!({ "fiscal_code": "BNCNNA90E57A944H" });
            with(a_person("Anna", "Bianchi", "1990-05-17"), code)
        };
        let here = self.register_consenting(anna()).await;
        let made = self.rival.post(PATIENTS, anna()).await.expect(201).json();
        let there: PatientId = made["id"].as_str().unwrap().parse().unwrap();
        let agreed = json!({ "is_given": true });
        let path = format!("{PATIENTS}/{there}/consent");
        self.rival.request(Method::PUT, &path, &[], Some(agreed)).await.expect(200);
        let client = self.app.database.client().await;
        client.batch_execute(NAME).await.unwrap();
        client.execute(VALUES, &[&here, &values, &further_names]).await.unwrap();
        (here, there)
    }

    async fn exported(&self, id: PatientId) -> Bytes {
        self.manager.get(&format!("{FHIR}/Patient/{id}/$everything")).await.expect(200).body
    }

    async fn import_there(&self, body: Bytes) -> Answer {
        let kind = [("content-type", "application/fhir+json")];
        self.rival.attempt_bytes(Method::POST, FHIR, &kind, body).await.expect("the server answers")
    }
}

/// How many entries were answered so.
fn answered(answer: &Value, status: &str) -> usize {
    let entries = answer["entry"].as_array().unwrap().iter();
    entries.filter(|it| it["response"]["status"].as_str().unwrap().starts_with(status)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_with_a_thousand_values_goes_to_another_clinic_and_back() {
    for further_names in [0, 19] {
        let ward = Ward::new().await;
        ward.app.pause_queue("default").await;
        let (here, there) = ward.one_in_both(1_000, further_names).await;
        let sent = ward.exported(here).await;
        let began = Instant::now();
        let became = ward.import_there(sent.clone()).await.expect(200).json();
        println!("{} bytes: {:?}", sent.len(), began.elapsed());
        assert!(sent.len() > 1 << 20, "more than other bodies: {}", sent.len());
        assert_eq!((answered(&became, "201"), answered(&became, "204")), (1_000, 1));
        let again = ward.import_there(sent).await.expect(200).json();
        assert_eq!(answered(&again, "200"), 1_000, "it is known");
        let back = ward.rival.get(&format!("{FHIR}/Patient/{there}/$everything")).await.expect(200).body;
        let kind = [("content-type", "application/fhir+json")];
        let known = ward.manager.attempt_bytes(Method::POST, FHIR, &kind, back).await.unwrap();
        assert_eq!(answered(&known.expect(200).json(), "200"), 1_000);
        assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM laboratory_value").await, 2_000);
        ward.app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_more_than_an_import_takes_says_so_and_goes_in_several() {
    let ward = Ward::new().await;
    ward.app.pause_queue("default").await;
    let (here, _) = ward.one_in_both(1_001, 0).await;
    let sent = ward.exported(here).await;
    let refused = ward.import_there(sent.clone()).await.expect(422).json();
    assert_eq!(refused["issue"][0]["diagnostics"], "has more than 1000 Observations");
    let mut bundle: Value = serde_json::from_slice(&sent).unwrap();
    let mut entries = bundle["entry"].as_array().unwrap().clone();
    let told = entries.pop().unwrap();
    assert_eq!((&told["search"]["mode"], &bundle["total"]), (&json!("outcome"), &json!(1_002)));
    let issue = &told["resource"]["issue"][0];
    assert_eq!((&issue["severity"], &issue["code"]), (&json!("information"), &json!("informational")));
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .starts_with("1001 Observations are here, and an import takes 1000")
    );
    let patient = entries.remove(0);
    for part in entries.chunks(600) {
        bundle["entry"] = [std::slice::from_ref(&patient), part].concat().into();
        let became = ward.import_there(bundle.to_string().into()).await.expect(200).json();
        assert_eq!(answered(&became, "201"), part.len());
    }
    let kept = ward.app.value::<i64>("SELECT count(*) FROM laboratory_value").await;
    assert_eq!(kept, 2_002);
    let metadata = ward.rival.get(&format!("{FHIR}/metadata")).await.expect(200).json();
    let told = metadata["rest"][0]["resource"][1]["interaction"][1]["documentation"].clone();
    assert_eq!(told, "within a Bundle: at most 1000 of them, in 16384000 bytes");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_too_large_is_refused_and_large_ones_wait_for_each_other() {
    let ward = Ward::new().await;
    let (_, there) = ward.one_in_both(1, 0).await;
    let entry = |n: usize| {
        json!({ "resource": { "resourceType": "Observation", "status": "final",
            "identifier": [{ "system": "s", "value": n.to_string() }], "note": [{ "text": "x".repeat(2 << 20) }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
            "subject": { "reference": format!("Patient/{there}") }, "effectiveDateTime": "2026-03-12",
            "valueQuantity": { "value": 7.2, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } } })
    };
    let bundle = |entries: Vec<Value>| -> Bytes {
        json!({ "resourceType": "Bundle", "type": "batch", "entry": entries }).to_string().into()
    };
    let refused = ward.import_there(bundle((0..9).map(entry).collect())).await.expect(413).json();
    assert_eq!(refused["issue"][0]["details"]["text"], "body_too_large");
    // Who may not write sends nothing.
    let kind = [("content-type", "application/fhir+json")];
    let denied = ward.reader.attempt_bytes(Method::POST, FHIR, &kind, bundle(vec![entry(0)])).await;
    denied.unwrap().expect(403);
    let sent = join_all((0..8).map(|n| ward.import_there(bundle(vec![entry(n)])))).await;
    assert!(
        sent.iter().all(|it| it.status == 200),
        "{:?}",
        sent.iter().map(|it| it.status).collect::<Vec<_>>()
    );
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_does_not_hold_everything_says_so() {
    const MANY: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, analyte, number, unit, observed_on,
            recorded_by, created_at)
        SELECT gen_random_uuid(), p.clinic_id, p.id, 'form', 'fsh', 5, 'm[IU]/mL', '2016-01-01'::date + g, p.id, now()
        FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1";
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let client = ward.app.database.client().await;
    client.execute(MANY, &[&id, &5_000_i32]).await.unwrap();
    let everything =
        async || ward.manager.get(&format!("{FHIR}/Patient/{id}/$everything")).await.expect(200).json();
    let export = async |format: &str| {
        ward.manager.get(&format!("/api/v1/clinic/emr/export/{id}?format={format}")).await.expect(200)
    };
    assert_eq!(everything().await["total"], 5_001, "all of them, and the patient");
    assert_eq!(export("json").await.json()["is_truncated"], false);
    client.execute(MANY, &[&id, &1_i32]).await.unwrap();
    let bundle = everything().await;
    let entries = bundle["entry"].as_array().unwrap();
    assert_eq!((bundle.get("total"), entries.len()), (None, 5_002));
    let last = entries.last().unwrap();
    assert_eq!(
        (&last["search"]["mode"], &last["resource"]["issue"][0]["code"]),
        (&json!("outcome"), &json!("too-costly"))
    );
    let whole = export("json").await;
    assert_eq!((whole.header("x-is-truncated"), &whole.json()["is_truncated"]), ("true", &json!(true)));
    let lines = export("ndjson").await;
    let last = std::str::from_utf8(&lines.body).unwrap().lines().last().unwrap().to_owned();
    assert_eq!(last, r#"{"type":"end","is_truncated":true}"#);
    assert_eq!(export("csv").await.header("x-is-truncated"), "true");
    let page = ward.manager.get(&format!("{PATIENTS}/{id}/values?limit=1")).await.expect(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    ward.app.finish().await;
}
