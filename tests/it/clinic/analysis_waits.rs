//! What becomes of a file that was accepted while its analysis waits, or while it is read: it is kept as long as that takes, and
//! nothing of it is kept for a patient who has left meanwhile.

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf};

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    accounts::erasure,
    config::values::Optional,
    jobs::{accounts::EraseAccount, documents::ExpireUploads},
};

use super::{
    analysis_lost::{rest, run},
    dossier::{Dossier, REPORT, analytes, ended, upload},
    ward::{PATIENTS, a_person},
};
use crate::harness::{pictures::form, scratch::Scratch, until::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_file_waits_longer_than_any_upload_lives() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    rest(&dossier, true).await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    app.app.clock.advance(SignedDuration::from_hours(26));
    run(app, &ExpireUploads {}).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM upload").await, 1);
    rest(&dossier, false).await;
    let manager = app.log_in(&dossier.ward.manager_account).await;
    let document = ended(&manager, &dossier.path, &id).await;
    assert_eq!((&document["status"], &document["failure"]), (&json!("completed"), &Value::Null));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_file_outlives_the_account_of_whoever_has_sent_it() {
    let dossier = Dossier::new().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    let (scribe, client) = dossier.colleague(ward.clinic, &["read_patients", "write_documents"]).await;
    // Something of the person's own, which the law keeps: their quota stays, too.
    let (kind, body) = form(&[("file", "; filename=\"mio.txt\"", b"testamento")]);
    let headers = [("content-type", &*kind), ("content-length", &*body.len().to_string())];
    let sent = client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap();
    sent.expect(201);
    app.sql("UPDATE document SET keep_until = '2199-01-01'").await;
    rest(&dossier, true).await;
    let sent = upload(&client, &dossier.path, "referto.txt", REPORT.as_bytes(), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    app.sql("DELETE FROM clinic_member WHERE user_id IN (SELECT uploaded_by FROM patient_document)").await;
    let (user, now) = (scribe.id, app.app.clock.now());
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut tx = app.app.db.begin("tests.erase").await.unwrap();
    erasure::begin(&mut tx, &app.app.accounts, user, today, now).await.unwrap();
    tx.commit().await.unwrap();
    run(app, &EraseAccount { user }).await;
    let arriving = "SELECT sum(arriving)::bigint FROM document_quota";
    assert_eq!(app.value::<i64>(arriving).await, REPORT.len() as i64);
    rest(&dossier, false).await;
    assert_eq!(dossier.analysed(&id).await["status"], "completed");
    assert_eq!(app.value::<i64>(arriving).await, 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_archived_meanwhile_keeps_its_file() {
    let dossier = Dossier::new().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    rest(&dossier, true).await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    ward.archive(dossier.patient, true).await.expect(200);
    // Another one is archived, too, and does not want it any more.
    let other = ward.register_consenting(a_person("Carla", "Verdi", "1985-01-02")).await;
    let there = format!("{PATIENTS}/{other}");
    let sent = upload(&ward.manager, &there, "altro.txt", REPORT.as_bytes(), "lab_report").await;
    let unwanted = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    ward.archive(other, true).await.expect(200);
    ward.consent(other, false).await.expect(200);
    rest(&dossier, false).await;
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["failure"]), (&json!("failed"), &json!("archived")));
    let content = format!("{}/documents/{id}/content", dossier.path);
    assert_eq!(&ward.manager.get(&content).await.expect(200).body[..], REPORT.as_bytes());
    let document = ended(&ward.manager, &there, &unwanted).await;
    assert_eq!(document["failure"], "consent_missing");
    ward.manager.get(&format!("{there}/documents/{unwanted}/content")).await.expect(409);
    app.run_jobs().await;
    assert_eq!(
        app.value::<i64>("SELECT (SELECT count(*) FROM upload) + (SELECT count(*) FROM document)").await,
        1
    );
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    assert_eq!(ward.manager.post(&again, Value::Null).await.expect(409).code(), "archived");
    ward.archive(dossier.patient, false).await.expect(200);
    ward.manager.post(&again, Value::Null).await.expect(202);
    assert_eq!(analytes(&dossier.analysed(&id).await["values"]), ["fsh", "tsh"]);
    dossier.ward.app.finish().await;
}

/// A reader of documents that stops when it was begun, until it may go on; or that finds nothing.
struct Slow {
    scratch: Scratch,
}

impl Slow {
    fn new() -> Self {
        let it = Self { scratch: Scratch::new() };
        let real = env!("CARGO_BIN_EXE_sportello");
        let nothing = "{\"frame\":\"confined\",\"files\":true,\"calls\":true}\n\
            {\"frame\":\"page\",\"number\":1,\"width\":9,\"height\":9,\"text\":\"\",\"words\":[],\"blank\":\"nothing\"}\n\
            {\"frame\":\"end\",\"pages\":1}";
        let script = format!(
            "#!/bin/sh\n: > {}\nwhile [ -e {} ]; do sleep 0.02; done\n\
             if [ -e {} ]; then cat > /dev/null; cat <<'END'\n{nothing}\nEND\nexit; fi\nexec {real} \"$@\"\n",
            it.file("begun").display(),
            it.file("stop").display(),
            it.file("blind").display()
        );
        std::fs::write(it.program(), script).unwrap();
        std::fs::set_permissions(it.program(), std::fs::Permissions::from_mode(0o755)).unwrap();
        it
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn program(&self) -> PathBuf {
        self.file("reader")
    }

    fn make(&self, name: &str) {
        std::fs::write(self.file(name), "").unwrap();
    }

    /// Until one has begun since this was called before.
    async fn begun(&self) {
        eventually("it is read", async || std::fs::remove_file(self.file("begun")).is_ok()).await;
    }

    fn goes_on(&self) {
        std::fs::remove_file(self.file("stop")).unwrap();
    }

    async fn dossier(&self) -> Dossier {
        let program = self.program().display().to_string();
        Dossier::with(|config| config.clinic.reading_program = Optional(Some(program))).await
    }
}

async fn text_of(dossier: &Dossier, id: &str) -> Value {
    let path = format!("{}/documents/{id}/text", dossier.path);
    dossier.ward.manager.get(&path).await.expect(200).json()["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_read_too_late_is_kept_of_who_was_made_anonymous() {
    let slow = Slow::new();
    let dossier = slow.dossier().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    slow.make("stop");
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    slow.begun().await;
    ward.archive(dossier.patient, true).await.expect(200);
    let (_, etag) = ward.patient(dossier.patient).await;
    let end = format!("{}/anonymisation", dossier.path);
    ward.manager.request(Method::POST, &end, &[("if-match", &etag)], None).await.expect(200);
    slow.goes_on();
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["failure"]), (&json!("failed"), &json!("anonymised")));
    assert_eq!(text_of(&dossier, &id).await, json!([]));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM patient_document_text").await, 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_read_too_late_is_kept_without_consent_and_what_was_found_keeps_its_text() {
    let slow = Slow::new();
    let dossier = slow.dossier().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&id).await;
    let text = text_of(&dossier, &id).await;
    assert!(text[0]["text"].as_str().unwrap().contains("FSH"));
    slow.begun().await;
    slow.make("stop");
    ward.manager.post(&format!("{}/documents/{id}/analysis", dossier.path), Value::Null).await.expect(202);
    let new = dossier.uploaded("altro.txt", REPORT.as_bytes()).await;
    slow.begun().await;
    eventually("both are being read", async || {
        app.value::<i64>(
            "SELECT count(*) FROM patient_document WHERE status = 'processing' AND document_id IS NOT NULL",
        )
        .await
            == 2
    })
    .await;
    ward.consent(dossier.patient, false).await.expect(200);
    slow.goes_on();
    for one in [&id, &new] {
        assert_eq!(dossier.analysed(one).await["failure"], "consent_missing");
    }
    assert_eq!(text_of(&dossier, &id).await, text, "of the first run, before");
    assert_eq!(text_of(&dossier, &new).await, json!([]));
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_analysis_that_finds_nothing_takes_no_text_away() {
    let slow = Slow::new();
    let dossier = slow.dossier().await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    let first = dossier.analysed(&id).await;
    let text = text_of(&dossier, &id).await;
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    slow.make("blind");
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    assert_eq!(text_of(&dossier, &id).await, text, "while it is read");
    let second = dossier.analysed(&id).await;
    assert_eq!((&second["status"], &second["failure"]), (&json!("failed"), &json!("no_text")));
    assert_eq!(second["values"], first["values"], "what was found stays");
    assert_eq!(text_of(&dossier, &id).await, text, "and so does the text in which it stands");
    std::fs::remove_file(slow.file("blind")).unwrap();
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    let third = dossier.analysed(&id).await;
    assert_eq!((&third["status"], &third["run"]), (&json!("completed"), &json!(3)));
    let runs = "SELECT run::text || coalesce(next_run::text, '') FROM patient_document_text";
    assert_eq!(dossier.ward.app.value::<String>(runs).await, "3");
    assert_eq!(text_of(&dossier, &id).await, text);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clinics_take_turns_at_being_read() {
    let dossier = Dossier::new().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    let rival = ward.rival.post(PATIENTS, a_person("Olga", "Neri", "1988-08-08")).await.expect(201).json();
    let there = format!("{PATIENTS}/{}", rival["id"].as_str().unwrap());
    let consent = json!({ "is_given": true, "note": "" });
    ward.rival.request(Method::PUT, &format!("{there}/consent"), &[], Some(consent)).await.expect(200);
    rest(&dossier, true).await;
    for _ in 0..4 {
        dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    }
    upload(&ward.rival, &there, "referto.txt", REPORT.as_bytes(), "lab_report").await.expect(202);
    let order = "SELECT string_agg(CASE b.tenant WHEN $$clinic$$ THEN 'a' ELSE 'b' END, '' ORDER BY r.lane, r.rank, r.id)
        FROM job.body AS b JOIN job.ready AS r ON r.id = b.id WHERE b.tenant IS NOT NULL";
    let order = order.replace("clinic", &ward.clinic.to_string());
    let order: String = app.value(&order).await;
    assert!(order.starts_with("ab") || order.starts_with("ba"), "who comes last is read second: {order}");
    rest(&dossier, false).await;
    app.run_jobs().await;
    let done: i64 = app.value("SELECT count(*) FROM patient_document WHERE status = 'completed'").await;
    assert_eq!(done, 5);
    dossier.ward.app.finish().await;
}
