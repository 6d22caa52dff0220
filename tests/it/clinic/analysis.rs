//! What is read in a document, and what becomes of it while it is read.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use axum::http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sportello::{clinic::reading::parent::Tesseract, config::values::Optional};

use super::{
    dossier::{Dossier, REPORT, SEMEN, analytes, codes, corpus, upload},
    ward::{PATIENTS, a_person, with},
};
use crate::harness::{client::PATIENCE, scratch::Scratch, until::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn values_findings_and_confidence_are_those_of_the_text() {
    let dossier = Dossier::new().await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["step"]), (&json!("completed"), &json!("findings")));
    assert_eq!(analytes(&document["values"]), ["fsh", "tsh"]);
    let fsh = &document["values"][0];
    assert_eq!(
        (&fsh["number"], &fsh["unit"], &fsh["flag"]),
        (&json!("27.2"), &json!("m[IU]/mL"), &json!("high"))
    );
    assert_eq!(
        (&fsh["range_low"], &fsh["range_high"], &fsh["loinc"]),
        (&json!("3.5"), &json!("12.5"), &json!("15067-2"))
    );
    assert_eq!((&fsh["observed_on"], &fsh["confidence"]), (&json!("2026-02-03"), &json!(100)));
    assert_eq!(fsh["place"], json!({"page": 1, "line": 4, "start": 0, "end": 32}));
    assert_eq!(codes(&document), ["document.value_high", "document.not_understood"]);
    assert_eq!(
        document["unread"],
        json!([{"analyte": "prolactin", "page": 1, "line": 6, "why": "no_value"}])
    );
    assert_eq!(
        (&document["domains"], &document["reported_on"]),
        (&json!(["ovarian", "hormonal"]), &json!("2026-02-03"))
    );
    assert_eq!(document["confidence"], 67, "two of three were understood");
    assert_eq!(document["confidence_explained"]["points"], document["confidence"]);
    assert_eq!(document["limits"][0]["code"], "general.supports_clinicians");
    assert!(document["findings"][0]["it"].as_str().unwrap().ends_with('.'));
    let trend =
        dossier.ward.reader.get(&format!("{}/values?analyte=fsh", dossier.path)).await.expect(200).json();
    assert_eq!(
        (&trend["data"][0]["canonical"], &trend["data"][0]["canonical_unit"]),
        (&json!(27.2), &json!("m[IU]/mL"))
    );
    dossier.ward.reader.get(&format!("{}/values?analyte=colour", dossier.path)).await.expect(400);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_names_somebody_else_says_so_first_and_the_patients_own_does_not() {
    let dossier = Dossier::new().await;
    let row = "Prelievo del 03/02/2026\nFSH   27,2 mUI/mL   (3,5 - 12,5)\n";
    for (head, first) in [
        ("Paziente: VERDI GIOVANNI   Data di nascita: 01/01/1970", "document.of_another"),
        ("Paziente: BIANCHI ANNA   Data di nascita: 17/05/1991", "document.of_another"),
        ("Paziente: BIANCHI ANNA   Data di nascita: 17/05/1990", "document.value_high"),
    ] {
        let id = dossier.uploaded("referto.txt", format!("{head}\n{row}").as_bytes()).await;
        let document = dossier.analysed(&id).await;
        assert_eq!((codes(&document)[0], analytes(&document["values"])), (first, vec!["fsh"]), "{head}");
        let fsh = &document["values"][0];
        let (doubts, confidence) = match first {
            "document.of_another" => (json!(["names_another_person"]), 50),
            _ => (json!([]), 100),
        };
        assert_eq!((&fsh["doubts"], &fsh["confidence"]), (&doubts, &json!(confidence)), "{head}");
    }
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_laboratories_are_read_in_what_they_are_written_in_and_junk_stays_out() {
    let dossier = Dossier::new().await;
    for name in ["it-testo-windows-1252", "it-testo-utf-16"] {
        let id = dossier.uploaded(&format!("{name}.txt"), &corpus(&format!("documents/{name}.txt"))).await;
        let document = dossier.analysed(&id).await;
        assert_eq!(
            (&document["status"], &document["media_type"]),
            (&json!("completed"), &json!("text/plain"))
        );
        let values = document["values"].as_array().unwrap();
        let tsh = values.iter().find(|it| it["analyte"] == "tsh").unwrap();
        assert_eq!(tsh["unit"], "u[IU]/mL", "{tsh}");
        let path = format!("{}/documents/{id}", dossier.path);
        let text = dossier.ward.manager.get(&format!("{path}/text")).await.expect(200).json();
        let expected = String::from_utf8(corpus(&format!("documents/{name}.txt.text"))).unwrap();
        assert_eq!(text["data"][0]["text"], expected);
        let sent = dossier.ward.manager.get(&format!("{path}/content")).await.expect(200);
        assert_eq!(sent.body, corpus(&format!("documents/{name}.txt")), "it is kept as it came");
    }
    let pairs: Vec<u8> = "FSH   7,2 mUI/mL\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let scan = corpus("documents/it-scansione-ormoni.jpg");
    let noise: Vec<u8> = scan[scan.len() / 2..][..1_000].to_vec();
    let printable: Vec<u8> = noise.iter().copied().filter(|byte| *byte >= 0x20).collect();
    for (name, content, why) in [
        ("senza-segno.txt", pairs.as_slice(), "type_not_allowed"),
        ("rumore.txt", &noise, "type_not_allowed"),
        ("rumore.txt", &printable, "type_not_allowed"),
        ("rumore.txt", &[b"\xff\xfe", printable.as_slice()].concat(), "type_not_allowed"),
        ("pagina.txt", b"\xff\xfe<\0h\0t\0m\0l\0>\0", "type_not_allowed"),
        ("nulli.txt", b"FSH 7,2 \xb5UI\0", "type_not_allowed"),
        ("vuoto.txt", b"FSH 7,2 \x81", "type_not_allowed"),
        ("foto.txt", &scan, "file_mislabelled"),
        ("foto.jpg", &scan[..scan.len() / 2], "file_truncated"),
        ("tronco.txt", "FSH 7,2 µUI è".as_bytes().split_last().unwrap().1, "file_truncated"),
    ] {
        let id = dossier.uploaded(name, content).await;
        let document = dossier.analysed(&id).await;
        assert_eq!((&document["status"], &document["failure"]), (&json!("failed"), &json!(why)), "{name}");
    }
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_listed_by_day_page_by_page() {
    let dossier = Dossier::new().await;
    for (n, day) in ["03/02/2026", "11/05/2024", "20/12/2025"].iter().enumerate() {
        let text = format!("Prelievo del {day}\nFSH   {n},5 mUI/mL   (0,6 - 12,5)\nLH   4,1 mUI/mL\n");
        let id = dossier.uploaded("referto.txt", text.as_bytes()).await;
        dossier.analysed(&id).await;
    }
    let undated = dossier.uploaded("referto.txt", b"FSH   9,9 mUI/mL\n").await;
    dossier.analysed(&undated).await;
    let path = format!("{}/values", dossier.path);
    let mut days = Vec::new();
    let mut next = format!("{path}?analyte=fsh&limit=2");
    loop {
        let page = dossier.ward.reader.get(&next).await.expect(200).json();
        days.extend(page["data"].as_array().unwrap().iter().map(|it| it["observed_on"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{path}?analyte=fsh&limit=2&cursor={cursor}");
    }
    assert_eq!(days, [json!("2026-02-03"), json!("2025-12-20"), json!("2024-05-11"), Value::Null]);
    let of = async |query: &str| {
        let found = dossier.ward.reader.get(&format!("{path}?{query}")).await.expect(200).json();
        found["data"].as_array().unwrap().len()
    };
    assert_eq!(of("from=2025-01-01&until=2026-01-01").await, 2);
    assert_eq!(of("is_abnormal=true").await, 1);
    assert_eq!(of("is_abnormal=false").await, 6);
    assert_eq!(of(&format!("document={undated}")).await, 1);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_semen_analysis_is_graded_by_the_published_limits() {
    let dossier = Dossier::new().await;
    let man = with(a_person("Marco", "Verdi", "1985-03-01"), json!({"sex": "male"}));
    let man = dossier.ward.register_consenting(man).await;
    let path = format!("{PATIENTS}/{man}");
    let sent =
        upload(&dossier.ward.manager, &path, "spermiogramma.txt", SEMEN.as_bytes(), "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    let document = super::dossier::ended(&dossier.ward.manager, &path, &id).await;
    assert_eq!(codes(&document), ["document.graded"]);
    let (kind, source, day): (String, String, String) = {
        let client = dossier.ward.app.database.client().await;
        let row = client.query_one("SELECT kind, source, observed_on::text FROM graded_analysis", &[]).await;
        let row = row.unwrap();
        (row.get(0), row.get(1), row.get(2))
    };
    assert_eq!((&*kind, &*source, &*day), ("semen", "document", "2026-02-03"));
    let terms: Value = dossier.ward.app.value("SELECT result FROM graded_analysis").await;
    assert!(terms.to_string().contains("oligo"), "{terms}");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_a_document_count_no_more_when_its_analysis_is_withdrawn() {
    let dossier = Dossier::of("male").await;
    let ward = &dossier.ward;
    let text = format!("{SEMEN}TSH   2,1 mUI/L   (0,4 - 4,0)\n");
    let id = dossier.uploaded("spermiogramma.txt", text.as_bytes()).await;
    dossier.analysed(&id).await;
    let known = async || {
        ward.compute_scores().await;
        let shown = ward.reader.get(&format!("{}/score", dossier.path)).await.expect(200).json();
        let domains = shown["score"]["domains"].as_array().unwrap().iter();
        let known = domains.filter(|it| it["score"].is_number()).map(|it| it["domain"].clone());
        let left = shown["score"]["left_out"].as_array().unwrap().iter();
        let left = left.filter(|it| it["observed"]["measure"]["measure"] != "hormone").count();
        (known.collect::<Vec<_>>(), left)
    };
    assert_eq!(known().await.0, ["male", "hormonal"]);
    let found = ward.reader.get(&format!("{}/analyses", dossier.path)).await.expect(200).json();
    let path = format!("/api/v1/clinic/analyses/{}/withdrawal", found["data"][0]["id"].as_str().unwrap());
    ward.manager.request(Method::POST, &path, &[("if-match", "*")], None).await.expect(200);
    assert_eq!(known().await, (vec![json!("hormonal")], 0), "the rest of the report counts");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_says_of_the_partner_or_of_a_day_before_the_birth_is_no_value() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    let id = dossier
        .uploaded("spermiogramma.txt", format!("{SEMEN}TSH   2,1 mUI/L   (0,4 - 4,0)\n").as_bytes())
        .await;
    let document = dossier.analysed(&id).await;
    assert_eq!(analytes(&document["values"]), ["tsh"]);
    assert_eq!(codes(&document), ["document.other_sex"; 4]);
    assert_eq!(
        document["unread"][0],
        json!({ "analyte": "semen_volume", "page": 1, "line": 3, "why": "other_sex" })
    );
    let early = dossier.uploaded("vecchio.txt", REPORT.replace("03/02/2026", "03/02/1986").as_bytes()).await;
    let document = dossier.analysed(&early).await;
    assert_eq!((&document["values"], &document["reported_on"]), (&json!([]), &Value::Null));
    let why: Vec<_> = document["unread"].as_array().unwrap().iter().map(|it| it["why"].clone()).collect();
    assert_eq!(why, ["before_birth", "before_birth", "no_value"]);
    assert!(codes(&document).contains(&"document.before_birth"));
    ward.compute_scores().await;
    let shown = ward.reader.get(&format!("{}/score", dossier.path)).await.expect(200).json();
    let domains = shown["score"]["domains"].as_array().unwrap().iter();
    let known: Vec<_> = domains.filter(|it| it["score"].is_number()).map(|it| it["domain"].clone()).collect();
    assert_eq!(known, ["female", "hormonal"], "nothing of the partner");
    let graded: i64 = ward.app.value("SELECT count(*) FROM graded_analysis").await;
    assert_eq!(graded, 0);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn analysing_again_replaces_what_was_found() {
    let dossier = Dossier::new().await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    let first = dossier.analysed(&id).await;
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    let task = dossier.ward.manager.post(&again, Value::Null).await;
    assert_eq!(task.status, 202, "{:?}", task.body);
    eventually("the second run has ended", async || {
        let now = dossier.document(&id).await;
        now["run"] == 2 && now["status"] == "completed"
    })
    .await;
    let second = dossier.document(&id).await;
    assert_eq!(analytes(&first["values"]), analytes(&second["values"]));
    assert_eq!((&first["findings"], &first["confidence"]), (&second["findings"], &second["confidence"]));
    assert_eq!(dossier.ward.app.value::<i64>("SELECT count(*) FROM laboratory_value").await, 2);
    dossier.ward.nurse.post(&again, Value::Null).await.expect(403);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_taken_back_meanwhile_ends_the_analysis() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    app.pause_queue("reading").await;
    app.app.jobs.heed_orders();
    eventually("the queue rests", async || {
        app.app.registry.inspect("root/jobs/steward").await.unwrap();
        let view = app.app.registry.find("root/jobs/steward").unwrap().view();
        view["resting_queues"].as_array().unwrap().iter().any(|it| it == "reading")
    })
    .await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    dossier.ward.consent(dossier.patient, false).await.expect(200);
    app.sql("UPDATE job.queue SET paused_at = NULL WHERE name = 'reading'").await;
    app.app.jobs.heed_orders();
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["failure"]), (&json!("failed"), &json!("consent_missing")));
    app.run_jobs().await;
    let left: i64 = app.value("SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM upload)").await;
    assert_eq!(left, 0, "nothing of the file is kept");
    dossier.ward.consent_again(dossier.patient).await.expect(200);
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    assert_eq!(dossier.ward.manager.post(&again, Value::Null).await.expect(409).code(), "no_content");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_taken_away_or_whose_record_is_merged_meanwhile_is_not_lost() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    // Each analysis stops where its result would be written.
    let holder = app.database.client().await;
    holder.batch_execute(&super::analysis_killed::stop_at("laboratory_value", "")).await.unwrap();
    holder.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
    let first = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    let waits = async || app.value::<i64>(super::analysis_killed::WAITING).await == 1;
    eventually("it is about to write its result", waits).await;
    let target = dossier.ward.register_consenting(a_person("Anna", "Bianchi Rossi", "1990-05-17")).await;
    let release = async {
        eventually("the merge waits for it", async || {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
                AND query LIKE '-- clinic.merge%'";
            app.value::<i64>(waiting).await == 1
        })
        .await;
        holder.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
    };
    let (merged, ()) = tokio::join!(dossier.ward.merge(target, dossier.patient), release);
    merged.expect(200);
    let path = format!("{PATIENTS}/{target}");
    let document = super::dossier::ended(&dossier.ward.manager, &path, &first).await;
    assert_eq!(document["status"], "completed");
    let values = dossier.ward.manager.get(&format!("{path}/values")).await.expect(200).json();
    assert_eq!(values["data"].as_array().unwrap().len(), 2, "what was written before the merge has moved");
    dossier.ward.app.finish().await;
}

/// A tesseract that fails as long as a file is not there.
fn fickle(scratch: &Scratch) -> std::path::PathBuf {
    let real = Tesseract::Installed.find().expect("script/setup --test installs tesseract");
    let (path, works) = (scratch.path().join("tesseract"), scratch.path().join("works"));
    let script = format!("#!/bin/sh\n[ -e {} ] || exit 3\nexec {} \"$@\"\n", works.display(), real.display());
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_wait_while_tesseract_fails_and_are_read_when_it_works_again() {
    let scratch = Scratch::new();
    let path = fickle(&scratch);
    let dossier = Dossier::with(|config| {
        config.clinic.tesseract = Optional(Some(path.display().to_string()));
        config.clinic.reading_processor.0 = Duration::from_secs(60);
        config.jobs.breaker_pause_max.0 = Duration::from_secs(2);
    })
    .await;
    let (admin, app) = (&dossier.ward.admin, &dossier.ward.app);
    let tesseract = async || {
        let all = admin.get("/admin/api/dependencies").await.expect(200).json();
        let found = all["data"].as_array().unwrap().iter().find(|it| it["dependency"] == "tesseract");
        found.unwrap().clone()
    };
    let scan = corpus("documents/it-scansione-ormoni.jpg");
    let id = dossier.uploaded("scansione.jpg", &scan).await;
    eventually("the breaker opens", async || tesseract().await["is_open"] == true).await;
    assert_eq!(tesseract().await["kinds"], json!(["clinic.analyse_document"]));
    assert_eq!(dossier.document(&id).await["status"], "processing", "it waits");
    std::fs::write(scratch.path().join("works"), "").unwrap();
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["text_from"]), (&json!("completed"), &json!("picture")));
    assert!(codes(&document).contains(&"document.from_picture"), "{document}");
    assert_eq!(tesseract().await["is_open"], false);
    let attempts: i64 = app.value("SELECT count(*) FROM job.done WHERE attempts > 1").await;
    assert_eq!(attempts, 0, "no attempt was lost");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_program_that_reads_pictures_a_scan_says_so() {
    let dossier = Dossier::with(|config| config.clinic.tesseract = Optional(Some("off".to_owned()))).await;
    let id = dossier.uploaded("scansione.jpg", &corpus("documents/it-scansione-ormoni.jpg")).await;
    let document = dossier.analysed(&id).await;
    assert_eq!((&document["status"], &document["failure"]), (&json!("failed"), &json!("no_ocr")));
    let read = dossier.ward.manager.get(&format!("{}/documents/{id}/content", dossier.path)).await;
    read.expect(200);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_uploads_sees_each_step_as_it_happens() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    let holder = app.database.client().await;
    holder.batch_execute(&super::analysis_killed::stop_at("patient_document_text", "")).await.unwrap();
    holder.batch_execute("SELECT pg_advisory_lock(42)").await.unwrap();
    let sent = dossier.upload("referto.txt", REPORT.as_bytes()).await.expect(202).json();
    let task = sent["task"]["links"]["self"].as_str().unwrap();
    let progress = async || dossier.ward.manager.get(task).await.expect(200).json()["progress"].clone();
    eventually("it says that it reads", async || progress().await["note"] == "text").await;
    assert_eq!(progress().await["data"]["step"], "text");
    let id = sent["document"]["id"].as_str().unwrap();
    assert_eq!(dossier.document(id).await["step"], "type", "what is done, for everybody who may read");
    holder.batch_execute("SELECT pg_advisory_unlock(42)").await.unwrap();
    assert_eq!(dossier.analysed(id).await["step"], "findings");
    dossier.ward.app.finish().await;
}

/// A scan of so many pages, as scanners write them.
fn fax(pages: usize) -> Vec<u8> {
    let one = include_bytes!("../../../src/clinic/reading/parent/sample.png");
    let one = image::load_from_memory(one).unwrap().into_luma8();
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    for _ in 0..pages {
        encoder.write_image::<tiff::encoder::colortype::Gray8>(one.width(), one.height(), &one).unwrap();
    }
    file.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_scan_sees_its_pages_being_read() {
    const PAGES: u64 = 6;
    let dossier = Dossier::with(|config| config.clinic.reading_processor.0 = Duration::from_secs(60)).await;
    let sent = dossier.upload("scansione.tiff", &fax(PAGES as usize)).await.expect(202).json();
    let events = sent["task"]["links"]["events"].as_str().unwrap();
    let mut body = dossier.ward.manager.send(Method::GET, events, &[], None).await.unwrap().into_body();
    let (mut read, mut told) = (String::new(), Vec::new());
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.expect("an event in time") {
        read.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        while let Some((event, rest)) = read.clone().split_once("\n\n") {
            read = rest.to_owned();
            let Some(data) = event.strip_prefix("event: task\ndata: ") else { continue };
            let task: Value = serde_json::from_str(data).unwrap();
            told.extend(Some(task["progress"].clone()).filter(|it| !it.is_null()));
        }
    }
    let percents: Vec<f64> = told.iter().map(|it| it["pct"].as_f64().unwrap()).collect();
    assert!(percents.is_sorted(), "{told:?}");
    let of_pages: Vec<_> = told.iter().filter(|it| it["data"]["page"].is_u64()).collect();
    let mut pages: Vec<u64> = of_pages.iter().map(|it| it["data"]["page"].as_u64().unwrap()).collect();
    for it in &of_pages {
        assert_eq!((&it["data"]["pages"], &it["data"]["step"]), (&json!(PAGES), &json!("text")), "{it}");
        assert_eq!(it["note"], format!("page {} of {PAGES}", it["data"]["page"]));
    }
    assert!(pages.is_sorted(), "{told:?}");
    pages.dedup();
    // What is said within a moment is told once: on a machine with nothing else to do all pages are, on a busy one some.
    assert!(!pages.is_empty(), "{told:?}");
    let id = sent["document"]["id"].as_str().unwrap();
    let document = dossier.analysed(id).await;
    assert_eq!((&document["page_count"], &document["text_from"]), (&json!(PAGES), &json!("picture")));
    dossier.ward.app.finish().await;
}
