//! `kill -9` of the real process in every step of an analysis: afterwards it goes on at its checkpoint, and there is one result.

use std::time::Duration;

use serde_json::json;
use sportello::jobs::clinic::EndLostAnalyses;

use super::{
    analysis_lost::run,
    dossier::{Dossier, SEMEN, analytes, corpus, document, ended, upload},
};
use crate::harness::{client::Client, process::Ground, until::eventually};

/// Whoever writes this waits for advisory lock 42.
pub(super) fn stop_at(table: &str, when: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NEW; END $$;
         CREATE TRIGGER stop BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {when} EXECUTE FUNCTION stop()"
    )
}

/// A server that notices soon that another one has died.
pub(super) const SETTINGS: [(&str, &str); 4] =
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
    let dossier = Dossier::of("male").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_which_servers_die_is_set_aside_and_read_when_they_do_not() {
    let dossier = Dossier::of("male").await;
    let (path, token) = (dossier.path.clone(), dossier.ward.manager.clone());
    let ground = dossier.ward.app.leave().await;
    let database = ground.database.client().await;
    // Before the file is in the store.
    let (_, table, when, _) = STOPS[0];
    database.batch_execute(&stop_at(table, when)).await.unwrap();
    database.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
    let mut server = ground.serve(&SETTINGS).await;
    let sent = upload(&token.at(server.address), &path, "a.txt", SEMEN.as_bytes(), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    let is_set_aside = async || {
        let row = database.query_one("SELECT count(*) FROM job.done WHERE state = 3", &[]).await.unwrap();
        row.get::<_, i64>(0) == 1
    };
    loop {
        eventually("it is tried, or set aside", async || waits(&ground).await || is_set_aside().await).await;
        if is_set_aside().await {
            break;
        }
        server.kill().await;
        // Whoever waits for a dead client is let go.
        database.batch_execute("SELECT pg_advisory_unlock(42); SELECT pg_advisory_lock(42)").await.unwrap();
        server = ground.serve(&SETTINGS).await;
    }
    database
        .batch_execute(&format!("SELECT pg_advisory_unlock(42); DROP TRIGGER stop ON {table}"))
        .await
        .unwrap();
    assert_eq!(server.terminate().await, 0);

    let app = ground.start().await;
    run(&app, &EndLostAnalyses {}).await;
    let client = token.at(app.app.address);
    let lost = document(&client, &path, &id).await;
    assert_eq!((&lost["status"], &lost["failure"]), (&json!("failed"), &json!("interrupted")));
    client.post(&format!("{path}/documents/{id}/analysis"), json!(null)).await.expect(202);
    let read = ended(&client, &path, &id).await;
    assert_eq!((&read["status"], read["values"].as_array().unwrap().len()), (&json!("completed"), 4));
    app.finish().await;
}

pub(super) async fn waits(ground: &Ground) -> bool {
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
    let seen = hostile("off", ("documents/it-ormoni-basali.pdf", "a.pdf"), |_| true).await;
    assert!(seen >= 40, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pictures_end_in_a_clear_state_where_pictures_are_read() {
    let is_picture =
        |name: &str| !name.ends_with(".txt") && (!name.ends_with(".pdf") || name.contains("image"));
    let seen = hostile("", ("documents/it-scansione-ormoni.jpg", "a.jpg"), is_picture).await;
    assert!(seen >= 8, "{seen}");
}

/// Sends the hostile files of these names to a server with this tesseract, after a harmless one. How many there were.
async fn hostile(tesseract: &str, harmless: (&str, &str), is_wanted: impl Fn(&str) -> bool) -> usize {
    let dossier = Dossier::new().await;
    let (path, token) = (dossier.path.clone(), dossier.ward.manager.clone());
    let ground = dossier.ward.app.leave().await;
    let settings = [
        ("limits.enabled", "false"),
        ("clinic.tesseract", tesseract),
        ("clinic.reading_processor", "4s"),
        // Only what waits is ended by it; a machine with much to do has its time.
        ("clinic.reading_deadline", "60s"),
        ("clinic.reading_memory", "384MiB"),
    ];
    let server = ground.serve(&settings).await;
    let client = token.at(server.address);
    // What is made once is made.
    for _ in 0..3 {
        let sent = upload(&client, &path, harmless.1, &corpus(harmless.0), "lab_report").await;
        let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
        assert_eq!(ended_in_the_end(&client, &path, &id).await["status"], "completed");
    }
    // The first attempt that fails reads the debugging information of the program, for its backtrace.
    let sent = upload(&client, &path, "a.pdf", &corpus("hostile/bomb-content.pdf"), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    assert_eq!(ended_in_the_end(&client, &path, &id).await["failure"], "too_slow");
    let before = memory(server.pid(), "VmRSS");
    let rules: serde_json::Value = serde_json::from_slice(&corpus("hostile.json")).unwrap();
    let mut seen = 0;
    for rule in rules.as_array().unwrap().iter().filter(|rule| is_wanted(rule["file"].as_str().unwrap())) {
        ends_clearly(&client, &path, rule).await;
        eprintln!("{} MiB", memory(server.pid(), "VmRSS") >> 20);
        seen += 1;
    }
    let growth = memory(server.pid(), "VmRSS").saturating_sub(before);
    let most = memory(server.pid(), "VmHWM");
    eprintln!("RSS {} MiB before, {} MiB more after, {} MiB at most", before >> 20, growth >> 20, most >> 20);
    assert!(growth < GROWTH_MAX, "{growth}");
    assert!(most < before + 2 * GROWTH_MAX, "{most}");
    let stuck = "SELECT count(*) FROM patient_document WHERE status NOT IN ('completed', 'failed')";
    let stuck: i64 = ground.database.client().await.query_one(stuck, &[]).await.unwrap().get(0);
    assert_eq!(stuck, 0);
    assert_eq!(json!(server.terminate().await), 0);
    seen
}

/// Sends one, which ends as its rule allows.
async fn ends_clearly(client: &Client, path: &str, rule: &serde_json::Value) {
    let name = rule["file"].as_str().unwrap();
    let began = tokio::time::Instant::now();
    let sent = upload(client, path, name, &corpus(&format!("hostile/{name}")), "lab_report").await;
    let failure = if sent.status == 202 {
        let id = sent.json()["document"]["id"].as_str().unwrap().to_owned();
        ended_in_the_end(client, path, &id).await["failure"].as_str().map(str::to_owned)
    } else {
        assert!((400..500).contains(&sent.status), "{name}: {}", sent.status);
        Some(sent.code())
    };
    let end = end(failure.as_deref());
    eprint!("{name:32} {end:10} {:24} {:6} ms, ", failure.unwrap_or_default(), began.elapsed().as_millis());
    let may: Vec<_> = rule["may_end_as"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    // What is not what it is called may be called damaged, too.
    let is_refused = may == ["refused"] && end == "unreadable";
    assert!(may.contains(&end) || is_refused, "{name}: {end} is none of {may:?}");
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

/// What the corpus calls an end. `internal_error` and `misbehaved` are none, nor is what nobody has thought of.
fn end(failure: Option<&str>) -> &'static str {
    match failure {
        None => "text",
        Some("no_text" | "no_ocr" | "ocr_failed") => "no_text",
        Some("encrypted") => "encrypted",
        Some("broken" | "unsupported_picture" | "crashed" | "file_truncated") => "unreadable",
        Some(
            "too_large" | "too_many_pages" | "page_too_large" | "too_much_text" | "too_deep"
            | "out_of_memory" | "too_slow",
        ) => "too_large",
        Some("file_empty" | "file_mislabelled" | "type_not_allowed" | "wrong_type") => "refused",
        Some(other) => panic!("{other} is no end"),
    }
}
