//! Documents of patients: who may upload, see and remove them, and what stays of them.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::erasure, jobs::accounts::EraseAccount};

use super::{
    dossier::{Dossier, REPORT, corpus, upload, upload_with},
    ward::{PATIENTS, a_person},
};
use crate::harness::{
    app::TestApp,
    pictures::{Part, form},
    until::eventually,
};

/// Every file in a folder and below it.
pub(super) fn objects(app: &TestApp) -> usize {
    fn files(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }
    files(&app.app.config.database.data_dir.join("files"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_uploaded_and_read_back_as_it_was_sent() {
    let dossier = Dossier::new().await;
    let pdf = corpus("documents/it-ormoni-basali.pdf");
    let sent = dossier.upload("referto.pdf", &pdf).await.expect(202);
    let body = sent.json();
    let id = body["document"]["id"].as_str().unwrap().to_owned();
    assert_eq!(sent.header("location"), format!("{}/documents/{id}", dossier.path));
    assert_eq!((&body["document"]["status"], &body["document"]["run"]), (&json!("pending"), &json!(1)));
    let task = body["task"]["links"]["self"].as_str().unwrap();
    let done = dossier.analysed(&id).await;
    assert_eq!((&done["media_type"], &done["bytes"]), (&json!("application/pdf"), &json!(pdf.len())));
    assert_eq!(dossier.ward.manager.get(task).await.expect(200).json()["result"]["status"], "completed");
    dossier.ward.reader.get(task).await.expect(404);
    let content = format!("{}/documents/{id}/content", dossier.path);
    let read = dossier.ward.reader.get(&content).await.expect(200);
    assert!(read.body == pdf && read.header("content-disposition").contains("referto.pdf"));
    assert!(!read.header("repr-digest").is_empty() && read.header("cache-control").contains("private"));
    let range = [("range", "bytes=5-8")];
    let part = dossier.ward.reader.request(Method::GET, &content, &range, None).await.expect(206);
    assert_eq!(&part.body[..], &pdf[5..9]);
    let same = [("if-none-match", read.header("etag"))];
    dossier.ward.reader.request(Method::GET, &content, &same, None).await.expect(304);
    let text = dossier.ward.reader.get(&format!("{}/documents/{id}/text", dossier.path)).await.expect(200);
    let page = &text.json()["data"][0];
    assert!(page["number"] == 1 && page["text"].as_str().unwrap().contains("FSH"), "{page}");
    let told = dossier.ward.told("patient_document.").await;
    for action in ["create", "analyse", "read", "download", "read_text"] {
        let times = told.split(' ').filter(|it| *it == format!("patient_document.{action}")).count();
        // The manager and the reader have looked; who downloads twice in a minute is written down once.
        assert_eq!(times, 1, "{action}: {told}");
    }
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_uploads_without_permission_or_without_consent() {
    let dossier = Dossier::new().await;
    let (ward, path) = (&dossier.ward, &dossier.path);
    let send = async |client| upload(client, path, "referto.txt", REPORT.as_bytes(), "lab_report").await;
    assert_eq!(send(&ward.nurse).await.expect(403).code(), "no_permission");
    assert_eq!(send(&ward.rival).await.expect(404).code(), "not_found");
    assert_eq!(send(&ward.admin).await.expect(403).code(), "no_clinic");
    let anonymous = ward.app.anonymous();
    send(&anonymous).await.expect(401);
    let (_, scribe) = dossier.colleague(ward.clinic, &["read_patients", "write_documents"]).await;
    send(&scribe).await.expect(202);
    ward.consent(dossier.patient, false).await.expect(200);
    assert_eq!(send(&scribe).await.expect(403).code(), "consent_missing");
    let stranger = ward.register(a_person("Carla", "Verdi", "1985-01-02")).await;
    let other = format!("{PATIENTS}/{stranger}");
    let sent = upload(&ward.manager, &other, "referto.txt", REPORT.as_bytes(), "lab_report").await;
    assert_eq!(sent.expect(403).code(), "consent_missing");
    // What is there stays readable, and may be taken away.
    let list = ward.reader.get(&format!("{path}/documents")).await.expect(200).json();
    let id = list["data"][0]["id"].as_str().unwrap();
    dossier.analysed(id).await;
    scribe.delete(&format!("{path}/documents/{id}")).await.expect(204);
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_wrong_leaves_nothing() {
    let dossier = Dossier::with(|config| config.clinic.document_bytes.0 = 64 << 10).await;
    let manager = &dossier.ward.manager;
    let path = format!("{}/documents", dossier.path);
    let file = "; filename=\"a.txt\"";
    let long = vec![b'a'; 70 << 10];
    let cases: [(&[Part], u16, &str); 7] = [
        (&[("kind", "", b"lab_report")], 422, "/file"),
        (&[("file", file, b"FSH 7 mUI/mL")], 422, "/kind"),
        (&[("file", file, b"FSH 7 mUI/mL"), ("kind", "", b"selfie")], 422, "/kind"),
        (&[("file", file, b""), ("kind", "", b"lab_report")], 422, ""),
        (&[("file", file, b"x"), ("kind", "", b"lab_report"), ("colour", "", b"red")], 422, ""),
        (&[("file", file, b"x"), ("kind", "", b"lab_report"), ("kind", "", b"lab_report")], 422, ""),
        (&[("file", file, &long), ("kind", "", b"lab_report")], 413, ""),
    ];
    for (parts, status, pointer) in cases {
        let (kind, body) = form(parts);
        let headers = [("content-type", &*kind), ("content-length", &*body.len().to_string())];
        let sent = manager.attempt_bytes(Method::POST, &path, &headers, body.into()).await.unwrap();
        let answer = sent.expect(status).json();
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        assert!(pointer.is_empty() || errors.iter().any(|it| it["pointer"] == pointer), "{answer}");
    }
    let body = [("content-type", "application/pdf"), ("content-length", "1")];
    manager.attempt_bytes(Method::POST, &path, &body, "x".into()).await.unwrap().expect(415);
    let app = &dossier.ward.app;
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM patient_document").await, 0);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    assert_eq!(objects(app), 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_as_large_as_is_said_and_no_larger_and_is_never_the_uploaders() {
    const MOST: usize = 64 << 10;
    let dossier = Dossier::with(|config| config.clinic.document_bytes.0 = MOST).await;
    let (manager, app) = (&dossier.ward.manager, &dossier.ward.app);
    let mut text = REPORT.as_bytes().to_vec();
    text.resize(MOST, b'\n');
    let id = dossier.uploaded("referto.txt", &text).await;
    assert_eq!(dossier.analysed(&id).await["status"], "completed");
    text.push(b'\n');
    for more in [&b""[..], &[b'\n'; 1 << 10]] {
        let sent = dossier.upload("referto.txt", &[&text[..], more].concat()).await;
        assert_eq!(sent.expect(413).code(), "file_too_large");
    }
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM document WHERE of_clinic AND owner_id IS NULL").await,
        1
    );
    assert_eq!(app.value::<i64>("SELECT count(*) FROM document").await, 1);
    assert_eq!(manager.get("/api/v1/documents").await.expect(200).json()["data"], json!([]));
    assert_eq!(objects(app), 1);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_upload_is_one_document() {
    let dossier = Dossier::new().await;
    let key = [("idempotency-key", "un-referto")];
    let file = ("referto.txt", REPORT.as_bytes());
    let send = async |file| upload_with(&dossier.ward.manager, &dossier.path, file, "lab_report", &key).await;
    let first = send(file).await.expect(202);
    let second = send(file).await.expect(202);
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(first.body, second.body);
    assert_eq!(send(("referto.txt", b"altro")).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(dossier.ward.app.value::<i64>("SELECT count(*) FROM patient_document").await, 1);
    dossier.ward.app.run_jobs().await;
    assert_eq!(objects(&dossier.ward.app), 1, "of what was sent twice nothing is left");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_before_says_which_one_it_is() {
    let dossier = Dossier::new().await;
    let manager = &dossier.ward.manager;
    let other = dossier.ward.register_consenting(a_person("Eva", "Neri", "1985-02-03")).await;
    upload(manager, &format!("{PATIENTS}/{other}"), "suo.txt", REPORT.as_bytes(), "lab_report")
        .await
        .expect(202);
    let mut ids = Vec::new();
    for name in ["referto.txt", "di nuovo.txt", "ancora.txt"] {
        let id = dossier.uploaded(name, REPORT.as_bytes()).await;
        dossier.analysed(&id).await;
        ids.push(id);
    }
    let said = async || {
        let page = manager.get(&format!("{}/documents", dossier.path)).await.expect(200).json();
        page["data"].as_array().unwrap().iter().map(|it| it["same_file_as"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(said().await, [json!(ids[0]), json!(ids[0]), Value::Null]);
    manager.delete(&format!("{}/documents/{}", dossier.path, ids[0])).await.expect(204);
    assert_eq!(said().await, [json!(ids[1]), Value::Null]);
    assert_eq!(dossier.document(&ids[2]).await["same_file_as"], json!(ids[1]));
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_a_limit_of_their_own() {
    let quota = sportello::config::values::Quota { limit: 2, window: std::time::Duration::from_secs(60) };
    let dossier = Dossier::with(|config| {
        config.limits.enabled = true;
        config.limits.clinic_upload = quota;
    })
    .await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.analysed(&id).await;
    // To have it read again costs as much.
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    dossier.ward.manager.post(&again, serde_json::Value::Null).await.expect(202);
    for refused in [
        dossier.upload("referto.txt", REPORT.as_bytes()).await,
        dossier.ward.manager.post(&again, serde_json::Value::Null).await,
    ] {
        assert!(refused.expect(429).header("ratelimit-policy").contains("clinic_upload"));
    }
    dossier.ward.manager.get(&format!("{}/documents", dossier.path)).await.expect(200);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_listed_described_and_taken_away() {
    let dossier = Dossier::new().await;
    let (manager, path) = (&dossier.ward.manager, format!("{}/documents", dossier.path));
    let mut ids = Vec::new();
    for n in 0..3 {
        let name = format!("referto-{n}.txt");
        ids.push(dossier.uploaded(&name, format!("{REPORT}LH   {n},1 mUI/mL\n").as_bytes()).await);
    }
    for id in &ids {
        dossier.analysed(id).await;
    }
    let first = manager.get(&format!("{path}?limit=2")).await.expect(200).json();
    assert_eq!((&first["data"][0]["id"], first["data"].as_array().unwrap().len()), (&json!(ids[2]), 2));
    let next = format!("{path}?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(manager.get(&next).await.expect(200).json()["data"][0]["id"], ids[0]);
    let of_kind = async |kind| {
        let found = manager.get(&format!("{path}?kind={kind}&status=completed")).await.expect(200).json();
        found["data"].as_array().unwrap().len()
    };
    let one = format!("{path}/{}", ids[0]);
    let etag = manager.get(&one).await.expect(200).header("etag").to_owned();
    let change = json!({"kind": "hormone_panel", "note": "portato dalla paziente"});
    manager.patch(&one, "\"v9\"", change.clone()).await.expect(412);
    let changed = manager.patch(&one, &etag, change).await.expect(200);
    assert_eq!(changed.json()["note"], "portato dalla paziente");
    assert_eq!((of_kind("hormone_panel").await, of_kind("lab_report").await), (1, 2));
    assert_eq!(objects(&dossier.ward.app), 3);
    let old = [("if-match", &*etag)];
    manager.request(Method::DELETE, &one, &old, None).await.expect(412);
    manager.delete(&one).await.expect(204);
    manager.get(&one).await.expect(404);
    dossier.ward.app.run_jobs().await;
    assert_eq!(objects(&dossier.ward.app), 2);
    let left = "SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM document_hold)
        + (SELECT count(*) FROM patient_document_text)";
    assert_eq!(dossier.ward.app.value::<i64>(left).await, 6);
    let values = manager.get(&format!("{}/values?analyte=lh", dossier.path)).await.expect(200).json();
    assert_eq!(values["data"].as_array().unwrap().len(), 2, "what was read in it went with it");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_a_patient_is_nobodys_in_the_shared_store() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    let (scribe, client) =
        dossier.colleague(dossier.ward.clinic, &["read_patients", "write_documents"]).await;
    let sent = upload(&client, &dossier.path, "referto.txt", REPORT.as_bytes(), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    dossier.analysed(&id).await;
    let file: uuid::Uuid = app.value("SELECT id FROM document").await;
    for who in [&client, &dossier.ward.manager, &dossier.ward.admin] {
        for rest in ["", "/content", "/versions", "/permissions"] {
            who.get(&format!("/api/v1/documents/{file}{rest}")).await.expect(404);
        }
        assert_eq!(who.get("/api/v1/documents").await.expect(200).json()["data"], json!([]));
        who.delete(&format!("/api/v1/documents/{file}")).await.expect(404);
    }
    let quota = client.get("/api/v1/me/documents/quota").await.expect(200).json();
    assert_eq!((&quota["stored"], &quota["arriving"]), (&json!(0), &json!(0)), "it is in nobody's quota");
    // Who leaves the clinic has nothing of it any more; nor does the document leave with the account.
    app.sql("DELETE FROM clinic_member WHERE user_id IN (SELECT uploaded_by FROM patient_document)").await;
    client.get(&format!("{}/documents/{id}/content", dossier.path)).await.expect(403);
    let (user, now) = (scribe.id, app.app.clock.now());
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut tx = app.app.db.begin("tests.erase").await.unwrap();
    erasure::begin(&mut tx, &app.app.accounts, user, today, now).await.unwrap();
    app.app.jobs.enqueue(&mut tx, &EraseAccount { user }).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
    let content = format!("{}/documents/{id}/content", dossier.path);
    let read = dossier.ward.manager.get(&content).await.expect(200);
    assert_eq!(&read.body[..], REPORT.as_bytes());
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_patient_has_no_content_left_and_a_merged_one_has_moved() {
    let dossier = Dossier::new().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    let id = dossier.uploaded("Anna Bianchi.txt", REPORT.as_bytes()).await;
    dossier.analysed(&id).await;
    let target = ward.register_consenting(a_person("Anna", "Bianchi Rossi", "1990-05-17")).await;
    ward.merge(target, dossier.patient).await.expect(200);
    let moved = ward.manager.get(&format!("{}/documents/{id}", dossier.path)).await.expect(308);
    let there = format!("{PATIENTS}/{target}/documents/{id}");
    assert_eq!(moved.header("location"), there);
    ward.manager.get(&format!("{there}/content")).await.expect(200);
    let values = ward.manager.get(&format!("{PATIENTS}/{target}/values")).await.expect(200).json();
    assert_eq!(values["data"].as_array().unwrap().len(), 2);

    ward.archive(target, true).await.expect(200);
    let (_, etag) = ward.patient(target).await;
    let path = format!("{PATIENTS}/{target}/anonymisation");
    ward.manager.request(Method::POST, &path, &[("if-match", &etag)], None).await.expect(200);
    eventually("the content is gone", async || objects(app) == 0).await;
    let left = ward.manager.get(&there).await.expect(200).json();
    assert_eq!((&left["name"], &left["findings"]), (&json!("lab_report"), &json!([])));
    ward.manager.get(&format!("{there}/content")).await.expect(409);
    let texts: i64 = app.value("SELECT count(*) FROM patient_document_text").await;
    assert_eq!((texts, app.value::<i64>("SELECT count(*) FROM document").await), (0, 0));
    dossier.ward.app.finish().await;
}
