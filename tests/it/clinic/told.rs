//! What the audit log hears of readings and of attempts: which thing, before it is shown, and by whichever route.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::http::Method;
use serde_json::{Value, json};
use sportello::ids::PatientId;

use super::{
    analyses::{ANALYSES, one_of_each},
    dossier::{Dossier, REPORT},
    ward::{PATIENTS, Ward, a_person, with},
};
use crate::harness::until::eventually;

/// Nothing is written to the audit log while this stands.
const MUTE: &str = "CREATE OR REPLACE FUNCTION mute() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'mute'; END $$;
    CREATE TRIGGER mute BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION mute()";
const SPEAK: &str = "DROP TRIGGER mute ON audit_entry";
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";

impl Ward {
    /// The things that an action was told of, in their order.
    async fn things(&self, action: &str, name: &str) -> Vec<String> {
        let sql = "SELECT details ->> $2 FROM audit_entry WHERE action = $1 ORDER BY id";
        let rows = self.app.database.client().await.query(sql, &[&action, &name]).await.unwrap();
        rows.iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default()).collect()
    }

    /// The refusals that were told: action and object.
    async fn refusals(&self) -> Vec<String> {
        let sql = "SELECT action || ' ' || object_kind || ' ' || object_id || ' ' || (details ->> 'reason')
            FROM audit_entry WHERE result = 'refused' ORDER BY id";
        let rows = self.app.database.client().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_document_and_analysis_that_is_read_is_told_by_its_id_once_a_minute() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(dossier.uploaded(&format!("referto-{n}.txt"), REPORT.as_bytes()).await);
    }
    for id in &ids {
        dossier.analysed(id).await;
    }
    for id in ids.iter().chain(&ids) {
        ward.reader.get(&format!("{}/documents/{id}/content", dossier.path)).await.expect(200);
        ward.reader.get(&format!("{}/documents/{id}/text", dossier.path)).await.expect(200);
    }
    assert_eq!(ward.things("patient_document.download", "document").await, ids);
    assert_eq!(ward.things("patient_document.read_text", "document").await, ids);
    let mut made = Vec::new();
    let anybody = with(a_person("Sam", "Neri", "1991-05-17"), json!({ "sex": "other" }));
    let anybody = ward.register_consenting(anybody).await;
    for (analysis, _) in one_of_each() {
        made.push(ward.enter(anybody, analysis).await["id"].as_str().unwrap().to_owned());
    }
    for id in made.iter().chain(&made) {
        ward.reader.get(&format!("{ANALYSES}/{id}")).await.expect(200);
        ward.reader.get(&format!("/api/v1/clinic/emr/report/{id}")).await.expect(200);
    }
    assert_eq!(ward.things("patient.read_analysis", "analysis").await, made);
    assert_eq!(ward.things("patient.report_analysis", "analysis").await, made);
    // What the patient has not was asked for in vain.
    let nothing = uuid::Uuid::now_v7();
    for rest in ["", "/content", "/text"] {
        ward.reader.get(&format!("{}/documents/{nothing}{rest}", dossier.path)).await.expect(404);
    }
    ward.reader.get(&format!("{}/reports/{nothing}", dossier.path)).await.expect(404);
    ward.reader.get(&format!("{}/reports/{nothing}/content", dossier.path)).await.expect(404);
    let refused = ward.refusals().await;
    let actions = [
        "patient_document.read",
        "patient_document.download",
        "patient_document.read_text",
        "patient.read_report_details",
        "patient.read_report",
    ];
    let expected = actions.map(|action| format!("{action} patient {} not_found", dossier.patient));
    assert_eq!(refused, expected);
    assert_eq!(ward.things("patient.read_report", "report").await, [nothing.to_string()]);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_told_is_not_shown_and_is_told_the_next_time() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&id).await;
    let nobody = uuid::Uuid::now_v7();
    let paths = [
        (dossier.path.clone(), 200, "patient.read"),
        (format!("{}/documents/{id}/content", dossier.path), 200, "patient_document.download"),
        (PATIENTS.to_owned(), 200, "patient.list"),
        (format!("{PATIENTS}/{nobody}/score"), 404, "patient.read_score!"),
    ];
    ward.app.sql(MUTE).await;
    for (path, ..) in &paths {
        ward.reader.get(path).await.expect(500);
    }
    ward.app.sql(SPEAK).await;
    for (path, status, action) in paths {
        ward.reader.get(&path).await.expect(status);
        ward.reader.get(&path).await.expect(status);
        assert_eq!(ward.told(action.trim_end_matches('!')).await, action, "{path}");
    }
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_a_reading_is_being_told_waits_until_it_was() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}");
    let client = ward.app.database.client().await;
    client.batch_execute("BEGIN; LOCK TABLE audit_entry IN EXCLUSIVE MODE").await.unwrap();
    let shown = AtomicUsize::new(0);
    let read = async || {
        ward.reader.get(&path).await.expect(200);
        shown.fetch_add(1, SeqCst);
    };
    let releasing = async {
        eventually("the first waits for the log", async || ward.app.value::<i64>(WAITING).await >= 1).await;
        // The others have come, and have not been answered.
        ward.reader.get("/api/v1/clinic").await.expect(200);
        assert_eq!(shown.load(SeqCst), 0, "nothing is shown that was not told");
        client.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(read(), read(), read(), releasing);
    assert_eq!(shown.load(SeqCst), 3);
    assert_eq!(ward.told("patient.read").await, "patient.read");
    ward.app.finish().await;
}

/// A request, its answer, and what is told of it.
type Attempt = (Method, String, Option<Value>, u16, String);

fn of_document(own: &str, patient: PatientId) -> [Attempt; 4] {
    let about = |action: &str| format!("{action} patient {patient} not_found");
    let note = Some(json!({ "note": "x" }));
    [
        (Method::PATCH, own.to_owned(), note, 404, about("patient_document.change")),
        (Method::DELETE, own.to_owned(), None, 404, about("patient_document.delete")),
        (Method::POST, format!("{own}/analysis"), None, 404, about("patient_document.analyse_again")),
        (Method::POST, format!("{own}/confirmation"), None, 404, about("patient_document.confirm")),
    ]
}

fn of_analysis(analysis: &str) -> [Attempt; 4] {
    let about = |action: &str| format!("{action} analysis {analysis} not_found");
    let (own, note) = (format!("{ANALYSES}/{analysis}"), Some(json!({ "note": "x" })));
    let report = format!("/api/v1/clinic/emr/report/{analysis}");
    [
        (Method::GET, own.clone(), None, 404, about("patient.read_analysis")),
        (Method::PATCH, own.clone(), note, 404, about("patient.describe_analysis")),
        (Method::POST, format!("{own}/withdrawal"), None, 404, about("patient.withdraw_analysis")),
        (Method::GET, report, None, 404, about("patient.report_analysis")),
    ]
}

/// Where the patient is named in the body.
fn elsewhere(patient: PatientId, clinic: uuid::Uuid, theirs: &str) -> [Attempt; 3] {
    let about = |action: &str| format!("{action} patient {patient} not_found");
    let path = "/api/v1/clinic/emr/analyze/follicle";
    let input = &one_of_each()[3].0["input"];
    let by_id = json!({ "patient_id": patient, "input": input });
    let by_number = json!({ "medical_record_number": "FE-77", "input": input });
    let of_clinic = format!("patient.analyse clinic {clinic} not_found");
    let source = json!({ "source_id": patient });
    [
        (Method::POST, path.to_owned(), Some(by_id), 404, about("patient.analyse")),
        (Method::POST, path.to_owned(), Some(by_number), 404, of_clinic),
        (Method::POST, format!("{PATIENTS}/{theirs}/merge"), Some(source), 422, about("patient.merge")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_strangers_things_are_told_by_whichever_route() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let (patient, path) = (dossier.patient, &dossier.path);
    let document = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&document).await;
    let analysis = ward.enter(patient, one_of_each()[3].0.clone()).await["id"].as_str().unwrap().to_owned();
    let theirs = ward.rival.post(PATIENTS, a_person("Eva", "Neri", "1985-02-03")).await.expect(201).json();
    let theirs = theirs["id"].as_str().unwrap();
    let clinic: uuid::Uuid = ward.app.value("SELECT id FROM clinic WHERE name = 'Clinica Luna'").await;
    let own = format!("{path}/documents/{document}");
    let of_document = of_document(&own, patient);
    let of_analysis = of_analysis(&analysis);
    let elsewhere = elsewhere(patient, clinic, theirs);
    let requests = of_document.into_iter().chain(of_analysis).chain(elsewhere);
    let mut expected = Vec::new();
    for (method, path, body, status, told) in requests {
        let sent = ward.rival.request(method.clone(), &path, &[("if-match", "*")], body).await;
        sent.expect(status);
        expected.push(told);
        assert_eq!(ward.refusals().await, expected, "{method} {path}");
    }
    // One entry for an import, with all whom it names in vain.
    let observation = |n: u8, of: String| {
        json!({ "resource": { "resourceType": "Observation", "status": "final",
            "identifier": [{ "system": "urn:test", "value": format!("o-{n}") }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": "15067-2" }] },
            "subject": { "reference": format!("Patient/{of}") }, "effectiveDateTime": "2026-03-12",
            "valueQuantity": { "value": 7.2, "system": "http://unitsofmeasure.org", "code": "m[IU]/mL" } } })
    };
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
        "entry": [observation(1, patient.to_string()), observation(2, patient.to_string())] });
    ward.rival.post("/api/v1/fhir", bundle).await.expect(422);
    expected.push(format!("patient.import_values clinic {clinic} not_found"));
    assert_eq!(ward.refusals().await, expected);
    let named = ward.things("patient.import_values", "patients").await;
    assert_eq!(named, [json!([patient]).to_string()]);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_without_reading_gets_no_record_back_and_who_changes_nothing_is_heard() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let path = &dossier.path;
    let document = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&document).await;
    let analysis =
        ward.enter(dossier.patient, one_of_each()[3].0.clone()).await["id"].as_str().unwrap().to_owned();
    let twin = super::ward::with(a_person("Anna", "Bianchi", "1990-05-17"), json!({ "is_distinct": true }));
    let twin = ward.register(twin).await;
    let all = ["write_patients", "write_documents", "write_analyses", "merge_patients"];
    let (_, writer) = dossier.colleague(ward.clinic, &all).await;
    let withdrawal = format!("{ANALYSES}/{analysis}/withdrawal");
    let requests = [
        (Method::PATCH, path.clone(), Some(json!({}))),
        (Method::PATCH, format!("{path}/documents/{document}"), Some(json!({ "note": "x" }))),
        (Method::PATCH, format!("{ANALYSES}/{analysis}"), Some(json!({ "note": "x" }))),
        (Method::POST, withdrawal.clone(), None),
        (Method::POST, withdrawal.clone(), None),
        (Method::PUT, format!("{path}/consent"), Some(json!({ "is_given": true }))),
        (Method::POST, format!("{path}/merge"), Some(json!({ "source_id": twin }))),
        (Method::PUT, format!("{path}/archive"), Some(json!({ "is_archived": true }))),
    ];
    for (method, path, body) in requests {
        let sent = writer.request(method.clone(), &path, &[("if-match", "*")], body).await.expect(204);
        assert!(sent.body.is_empty() && sent.header("etag").starts_with("\"v"), "{method} {path}");
    }
    // What stands there already is written down once more by nobody, and was read.
    assert_eq!(ward.things("patient.read_analysis", "analysis").await, [analysis]);
    assert_eq!(ward.told("patient.read").await, "patient.read_analysis patient.read");
    dossier.ward.app.finish().await;
}
