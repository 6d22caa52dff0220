//! A Bundle about a thousand patients, and more than an export holds.

use std::{sync::atomic::Ordering::Relaxed, time::Instant};

use serde_json::{Value, json};

use super::ward::{PATIENTS, Ward, a_person};

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
