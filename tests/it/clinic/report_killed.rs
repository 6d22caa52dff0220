//! `kill -9` of the real process between the store, which has the PDF of a report, and the rows that keep it: afterwards there is
//! one report, with the PDF that it says, and what the killed one has stored is taken by the sweep.

use axum::http::Method;
use data_encoding::{BASE64, HEXLOWER};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sportello::jobs::documents::CollectOrphans;

use super::{
    analysis_killed::{SETTINGS, stop_at, waits},
    analysis_lost::run,
    dossier::Dossier,
};
use crate::{
    documents::shelf::files,
    harness::{client::Client, process::Ground, until::eventually},
};

/// Whom it waits for, and under which condition: the PDF is stored each time, and no row is there for anybody else.
const STOPS: [(&str, &str); 4] = [
    // Before the first row.
    ("document", ""),
    // The document is written, the version that names the object is not.
    ("document_version", ""),
    // Both are written, the report is not.
    ("patient_report", ""),
    // All of it is written, and not committed.
    ("audit_entry", "WHEN (NEW.action = 'patient.report')"),
];

/// A value that no report has shown.
const VALUE: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, analyte, number, unit, observed_on, recorded_by,
        created_at)
    SELECT gen_random_uuid(), p.clinic_id, p.id, 'form', 'fsh', $2::int, 'm[IU]/mL', '2026-01-01', p.id, now()
    FROM patient p WHERE p.id = $1";
const KEPT: &str = "SELECT (SELECT count(*) FROM patient_report), (SELECT count(*) FROM document),
    (SELECT count(*) FROM document_version), (SELECT count(*) FROM document_hold WHERE holder = 'patient_report'),
    (SELECT count(*) FROM audit_entry WHERE action = 'patient.report')";

async fn kept(ground: &Ground) -> [i64; 5] {
    let row = ground.database.client().await.query_one(KEPT, &[]).await.unwrap();
    std::array::from_fn(|n| row.get(n))
}

/// What is sent is what was made.
async fn is_whole(client: &Client, href: &str) {
    let report = client.get(href).await.expect(200).json();
    let pdf = client.get(&format!("{href}/content")).await.expect(200);
    let digest = Sha256::digest(&pdf.body);
    assert!(pdf.body.starts_with(b"%PDF-"));
    assert_eq!(pdf.header("repr-digest"), format!("sha-256=:{}:", BASE64.encode(&digest)));
    assert_eq!(
        (&report["sha256"], &report["bytes"]),
        (&json!(HEXLOWER.encode(&digest)), &json!(pdf.body.len()))
    );
}

async fn ended(client: &Client, task: &str) -> Value {
    let mut last = Value::Null;
    eventually("the report is made", async || {
        last = client.get(task).await.expect(200).json();
        last["state"] == "done"
    })
    .await;
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_killed_between_the_store_and_its_rows_is_there_once_and_no_orphan_stays() {
    let dossier = Dossier::new().await;
    let (path, patient, token) = (dossier.path.clone(), dossier.patient, dossier.ward.manager.clone());
    let ground = dossier.ward.app.leave().await;
    let store = ground.directory().join("files/documents");
    let database = ground.database.client().await;
    let mut made: Vec<String> = Vec::new();
    for (n, (table, when)) in STOPS.into_iter().enumerate() {
        database.execute(VALUE, &[&patient, &(n as i32 + 5)]).await.unwrap();
        database.batch_execute(&stop_at(table, when)).await.unwrap();
        database.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
        let server = ground.serve(&SETTINGS).await;
        let asked = json!({ "language": "it" });
        let asked = token.at(server.address).post(&format!("{path}/reports"), asked).await.expect(202).json();
        eventually("it has come so far", async || waits(&ground).await).await;
        server.kill().await;
        // Each round before has left an orphan and a report.
        assert_eq!(files(&store).len(), 2 * n + 1, "{table}: it is stored");
        assert_eq!(kept(&ground).await, [n as i64; 5], "{table}: and nothing is half there");
        database.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
        database.batch_execute(&format!("DROP TRIGGER stop ON {table}")).await.unwrap();

        let server = ground.serve(&SETTINGS).await;
        let client = token.at(server.address);
        let task = ended(&client, asked["links"]["self"].as_str().unwrap()).await;
        let href = task["result"]["href"].as_str().unwrap().to_owned();
        assert_eq!(kept(&ground).await, [n as i64 + 1; 5], "{table}: each is there once");
        is_whole(&client, &href).await;
        assert!(!made.contains(&href), "{table}: {href}");
        made.push(href);
        assert_eq!(server.terminate().await, 0);
    }
    assert_eq!(files(&store).len(), 2 * STOPS.len());

    // What no row names is taken when it is a day old, and nothing else.
    let app = ground.start().await;
    run(&app, &CollectOrphans {}).await;
    assert_eq!(files(&store).len(), 2 * STOPS.len(), "it may be waiting for its row");
    app.app.clock.advance(SignedDuration::from_hours(25));
    run(&app, &CollectOrphans {}).await;
    assert_eq!(files(&store).len(), STOPS.len());
    let again = app.log_in(&dossier.ward.manager_account).await;
    for href in &made {
        is_whole(&again, href).await;
    }
    let asked = again.request(Method::GET, &format!("{path}/reports"), &[], None).await.expect(200).json();
    assert_eq!(asked["data"].as_array().unwrap().len(), STOPS.len());
    app.finish().await;
}
