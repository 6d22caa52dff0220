//! `kill -9` of the real process in every step of an analysis: afterwards it goes on at its checkpoint, and there is one result.

use std::time::Duration;

use serde_json::json;

use super::dossier::{Dossier, SEMEN, analytes, corpus, document, ended, upload};
use crate::harness::{client::Client, process::Ground, until::eventually};

/// Whoever writes this waits for advisory lock 42.
pub(super) fn stop_at(table: &str, when: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;
         CREATE TRIGGER stop BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {when} EXECUTE FUNCTION stop()"
    )
}

const SETTINGS: [(&str, &str); 4] =
    [("limits.enabled", "false"), ("jobs.rescue", "2s"), ("jobs.beat", "200ms"), ("jobs.fence", "1s")];

/// Where it is stopped, under which condition, and the last step that is done then.
const STOPS: [(&str, &str, &str, Option<&str>); 6] = [
    // Stored, but the row that names the object is not there.
    ("type", "patient_document", "WHEN (NEW.document_id IS NOT NULL AND NEW.step IS NULL)", None),
    // Read, but the text is not kept.
    ("text", "patient_document_text", "", Some("type")),
    ("values", "patient_document", "WHEN (NEW.step = 'values')", Some("text")),
    ("domains", "patient_document", "WHEN (NEW.step = 'domains')", Some("values")),
    (
        "findings",
        "patient_document",
        "WHEN (NEW.step = 'findings' AND NEW.status = 'processing')",
        Some("domains"),
    ),
    // In the transaction of the result.
    ("result", "laboratory_value", "", Some("findings")),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_that_is_killed_in_any_step_goes_on_and_has_one_result() {
    let dossier = Dossier::new().await;
    let (path, token) = (dossier.path.clone(), dossier.ward.manager.clone());
    let ground = dossier.ward.app.leave().await;
    let database = ground.database.client().await;
    let mut ids = Vec::new();
    for (stop, table, when, done) in STOPS {
        database.batch_execute(&stop_at(table, when)).await.unwrap();
        database.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
        let server = ground.serve(&SETTINGS).await;
        let client = token.at(server.address);
        let sent = upload(&client, &path, "spermiogramma.txt", SEMEN.as_bytes(), "lab_report").await;
        let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
        eventually("it has come so far", async || waits(&ground).await).await;
        server.kill().await;
        let step = "SELECT step FROM patient_document WHERE id = $1::text::uuid";
        let step: Option<String> = database.query_one(step, &[&id]).await.unwrap().get(0);
        assert_eq!(step.as_deref(), done, "{stop}");
        let values = "SELECT count(*) FROM laboratory_value WHERE patient_document_id = $1::text::uuid";
        let values: i64 = database.query_one(values, &[&id]).await.unwrap().get(0);
        assert_eq!(values, 0, "{stop}: nothing is half there");
        database.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
        let drop = format!("DROP TRIGGER stop ON {table}");
        database.batch_execute(&drop).await.unwrap();

        let server = ground.serve(&SETTINGS).await;
        let client = token.at(server.address);
        let document = ended(&client, &path, &id).await;
        assert_eq!(document["status"], "completed", "{stop}: {document}");
        assert_eq!(document["values"].as_array().unwrap().len(), 4, "{stop}");
        ids.push((id, analytes(&document["values"]).join(" ")));
        assert_eq!(server.terminate().await, 0);
    }
    assert!(ids.iter().all(|(_, values)| *values == ids[0].1), "{ids:?}");
    let one_of_each = "SELECT count(*) = $1 AND count(*) * 4 = (SELECT count(*) FROM laboratory_value)
        AND count(*) = (SELECT count(*) FROM graded_analysis)
        AND count(*) = (SELECT count(*) FROM document)
        AND count(*) = (SELECT count(*) FROM patient_document_text)
        AND count(*) = (SELECT count(*) FROM audit_entry WHERE action = 'patient_document.analyse')
        AND 0 = (SELECT count(*) FROM upload)
        FROM patient_document WHERE status = 'completed'";
    let one_of_each = database.query_one(one_of_each, &[&(STOPS.len() as i64)]).await.unwrap();
    assert!(one_of_each.get::<_, bool>(0), "each is there once");
}

async fn waits(ground: &Ground) -> bool {
    let client = ground.database.client().await;
    client.query_one(WAITING, &[]).await.unwrap().get::<_, i64>(0) == 1
}

/// Whoever waits for lock 42 in this database.
pub(super) const WAITING: &str =
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// As `/proc` says, in bytes.
fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// More than this, and something of a file has stayed with the server.
const GROWTH_MAX: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_file_ends_in_a_clear_state_and_the_servers_memory_stays_flat() {
    let dossier = Dossier::new().await;
    let (path, token) = (dossier.path.clone(), dossier.ward.manager.clone());
    let ground = dossier.ward.app.leave().await;
    let settings = [
        ("limits.enabled", "false"),
        ("clinic.tesseract", "off"),
        ("clinic.reading_processor", "4s"),
        ("clinic.reading_deadline", "20s"),
        ("clinic.reading_memory", "384MiB"),
    ];
    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    // What is made once is made.
    for _ in 0..3 {
        let sent =
            upload(&client, &path, "a.pdf", &corpus("documents/it-ormoni-basali.pdf"), "lab_report").await;
        let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
        assert_eq!(ended(&client, &path, &id).await["status"], "completed");
    }
    // The first attempt that fails reads the debugging information of the program, for its backtrace.
    let sent = upload(&client, &path, "a.pdf", &corpus("hostile/bomb-content.pdf"), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ended_in_the_end(&client, &path, &id).await["failure"], "too_slow");
    let before = memory(server.pid(), "VmRSS");
    let rules: serde_json::Value = serde_json::from_slice(&corpus("hostile.json")).unwrap();
    let mut seen = 0;
    for rule in rules.as_array().unwrap() {
        let name = rule["file"].as_str().unwrap();
        let content = corpus(&format!("hostile/{name}"));
        let began = tokio::time::Instant::now();
        let sent = upload(&client, &path, name, &content, "lab_report").await;
        let may: Vec<_> =
            rule["may_end_as"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let end = if sent.status == 202 {
            let id = sent.json()["document"]["id"].as_str().unwrap().to_owned();
            let found = ended_in_the_end(&client, &path, &id).await;
            end(found["failure"].as_str())
        } else {
            assert!((400..500).contains(&sent.status), "{name}: {}", sent.status);
            "refused"
        };
        let now = memory(server.pid(), "VmRSS") >> 20;
        eprintln!("{name:32} {end:10} {:6} ms, {now} MiB", began.elapsed().as_millis());
        // The check of every upload may know what it is before anybody reads it; a name that lies is noticed there.
        assert!(
            may.contains(&end) || end == "refused" || may == ["refused"],
            "{name}: {end} is none of {may:?}"
        );
        seen += 1;
    }
    assert!(seen >= 40, "{seen}");
    let growth = memory(server.pid(), "VmRSS").saturating_sub(before);
    let most = memory(server.pid(), "VmHWM");
    eprintln!("RSS {} MiB before, {} MiB more after, {} MiB at most", before >> 20, growth >> 20, most >> 20);
    assert!(growth < GROWTH_MAX, "{growth}");
    assert!(most < before + 2 * GROWTH_MAX, "{most}");
    let stuck: i64 = ground
        .database
        .client()
        .await
        .query_one("SELECT count(*) FROM patient_document WHERE status NOT IN ('completed', 'failed')", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(stuck, 0);
    assert_eq!(json!(server.terminate().await), 0);
}

/// One that takes as long as it may is read a second time.
async fn ended_in_the_end(client: &Client, path: &str, id: &str) -> serde_json::Value {
    let began = tokio::time::Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        let found = document(client, path, id).await;
        if found["status"] == "completed" || found["status"] == "failed" {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "it never ends: {found}");
        looks.tick().await;
    }
}

/// What the corpus calls an end.
fn end(failure: Option<&str>) -> &'static str {
    match failure {
        None => "text",
        Some("no_text" | "no_ocr" | "ocr_failed") => "no_text",
        Some("encrypted") => "encrypted",
        Some("broken" | "unsupported_picture" | "crashed") => "unreadable",
        Some(
            "too_large" | "too_many_pages" | "page_too_large" | "too_much_text" | "too_deep"
            | "out_of_memory" | "too_slow",
        ) => "too_large",
        Some("internal_error" | "misbehaved") => "broken promise",
        Some(_) => "refused",
    }
}
