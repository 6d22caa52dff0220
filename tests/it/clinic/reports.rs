//! Reports about patients: asked for by who may, made once for what they say, and gone with the person.

use std::{process::Command, time::Duration};

use axum::http::Method;
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sportello::{accounts::policy::Role, ids::PatientId};

use super::{
    dossier::{Dossier, REPORT},
    ward::{PATIENTS, Ward, a_person, with},
};
use crate::harness::{app::TestApp, until::eventually};

const VALUES: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, analyte, number, unit, canonical, canonical_unit,
        range_low, range_high, flag, observed_on, recorded_by, created_at)
    SELECT gen_random_uuid(), p.clinic_id, p.id, 'form', 'fsh', 5 + g, 'm[IU]/mL', 5 + g, 'm[IU]/mL', 3.5, 12.5,
        CASE WHEN g > 7 THEN 'high' ELSE 'normal' END, '2031-01-01'::date + g * 20, p.id, $3::timestamptz
    FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1";

impl Ward {
    async fn write_values(&self, id: PatientId, how_many: i32) {
        let now = self.app.app.clock.now();
        self.app.database.client().await.execute(VALUES, &[&id, &how_many, &now]).await.unwrap();
    }

    /// What is computed by itself is computed.
    async fn settle(&self) {
        self.app.app.clock.advance(SignedDuration::from_secs(30));
        self.app.run_jobs().await;
    }

    async fn ask(&self, id: PatientId, body: Value) -> Value {
        self.settle().await;
        self.ask_at_once(id, body).await
    }

    /// The same, before anything else has run.
    async fn ask_at_once(&self, id: PatientId, body: Value) -> Value {
        let started = self.manager.post(&format!("{PATIENTS}/{id}/reports"), body).await.expect(202).json();
        self.app.run_jobs().await;
        let task = started["links"]["self"].as_str().unwrap().to_owned();
        self.manager.get(&task).await.expect(200).json()
    }

    /// Has a report made; its path.
    async fn report(&self, id: PatientId, language: &str) -> String {
        let task = self.ask(id, json!({ "language": language })).await;
        task["result"]["href"].as_str().unwrap_or_else(|| panic!("{task}")).to_owned()
    }

    /// The words of a report.
    async fn words(&self, path: &str) -> String {
        words(&self.reader.get(&format!("{path}/content")).await.expect(200).body)
    }

    async fn reports(&self, id: PatientId) -> Vec<Value> {
        let page = self.reader.get(&format!("{PATIENTS}/{id}/reports")).await.expect(200).json();
        page["data"].as_array().unwrap().clone()
    }
}

fn words(pdf: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("sportello-report-{}.pdf", uuid::Uuid::now_v7()));
    std::fs::write(&path, pdf).unwrap();
    let said = Command::new("pdftotext")
        .args(["-layout".as_ref(), path.as_os_str(), "-".as_ref()])
        .output()
        .unwrap();
    std::fs::remove_file(path).unwrap();
    String::from_utf8(said.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_what_the_record_says_and_is_not_made_twice() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "D'Angelo", "1990-05-17")).await;
    ward.write_values(id, 9).await;
    let path = ward.report(id, "it").await;
    let shown = ward.reader.get(&path).await.expect(200);
    let report = shown.json();
    assert_eq!((&report["value_count"], &report["is_outdated"]), (&json!(9), &json!(false)));
    let pdf = ward.reader.get(&format!("{path}/content")).await.expect(200);
    let text = words(&pdf.body);
    for part in [
        "Anna D'Angelo",
        "FSH",
        "14 mUI/mL",
        "alto",
        "Questo risultato assiste il medico e non è una diagnosi.",
        "Clinica Aurora",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let digest = Sha256::digest(&pdf.body);
    assert_eq!(pdf.header("repr-digest"), format!("sha-256=:{}:", BASE64.encode(&digest)));
    assert_eq!(report["sha256"], data_encoding::HEXLOWER.encode(&digest));
    assert_eq!((pdf.header("content-type"), pdf.header("etag")), ("application/pdf", shown.header("etag")));
    assert!(
        pdf.header("content-disposition").contains("patient-report-"),
        "{}",
        pdf.header("content-disposition")
    );
    let get = async |headers: &[(&str, &str)]| {
        ward.reader.request(Method::GET, &format!("{path}/content"), headers, None).await
    };
    assert_eq!(get(&[("range", "bytes=0-7")]).await.expect(206).body[..], pdf.body[..8]);
    get(&[("if-none-match", pdf.header("etag"))]).await.expect(304);
    // Asked for again: the same one, which is known to be so still.
    ward.app.app.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(ward.report(id, "it").await, path);
    let again = ward.reader.get(&path).await.expect(200).json();
    assert_eq!((&again["made_at"], &again["sha256"]), (&report["made_at"], &report["sha256"]));
    assert_ne!(again["valid_at"], report["valid_at"]);
    // Another language, and another state, are others.
    let english = ward.report(id, "en").await;
    assert_ne!(english, path);
    let text = words(&ward.reader.get(&format!("{english}/content")).await.expect(200).body);
    assert!(text.contains("This result supports the clinician") && text.contains("14 mIU/mL"), "{text}");
    ward.write_values(id, 1).await;
    assert!(ward.reports(id).await.iter().all(|it| it["is_outdated"] == true));
    let newer = ward.report(id, "it").await;
    assert_ne!(newer, path);
    let listed = ward.reports(id).await;
    assert_eq!(
        listed.iter().map(|it| it["is_outdated"].as_bool().unwrap()).collect::<Vec<_>>(),
        [false, true, true]
    );
    let objects: i64 = ward.app.value("SELECT count(*) FROM document_version").await;
    assert_eq!(objects, 3, "none was made for nothing");
    assert_eq!(ward.told("patient.ask_report").await, ["patient.ask_report"; 4].join(" "));
    assert!(ward.told("patient.read_report").await.contains("patient.read_report"));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_pdf_of_a_report_is_in_the_audit_log_before_it_is_sent() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "D'Angelo", "1990-05-17")).await;
    let path = ward.report(id, "it").await;
    let content = format!("{path}/content");
    let report = path.rsplit('/').next().unwrap();
    let told = async || -> Vec<(uuid::Uuid, String, String)> {
        let sql = "SELECT who, object_id, details ->> 'report' FROM audit_entry
            WHERE action = 'patient.read_report' AND object_kind = 'patient' AND result = 'ok' ORDER BY id";
        let rows = ward.app.database.client().await.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    };
    let by = |who: uuid::Uuid| (who, id.to_string(), report.to_owned());
    let (manager, nurse) = (ward.manager_account.id.0, ward.nurse_account.id.0);
    assert_eq!(told().await, [], "who has it made has not read it");
    ward.rival.get(&content).await.expect(404);
    // What cannot be told is not sent.
    let mute =
        "CREATE FUNCTION mute() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'mute'; END $$;
        CREATE TRIGGER mute BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION mute()";
    ward.app.sql(mute).await;
    let refused = ward.manager.get(&content).await.expect(500);
    assert!(!refused.body.starts_with(b"%PDF-"));
    ward.app.sql("DROP TRIGGER mute ON audit_entry").await;
    assert_eq!(told().await, []);
    for _ in 0..2 {
        ward.manager.get(&content).await.expect(200);
    }
    assert_eq!(told().await, [by(manager)], "once a minute");
    // A part of it has been read, too.
    ward.nurse.request(Method::GET, &content, &[("range", "bytes=0-7")], None).await.expect(206);
    assert_eq!(told().await, [by(manager), by(nurse)]);
    ward.app.app.clock.advance(SignedDuration::from_secs(61));
    ward.manager.get(&content).await.expect(200);
    assert_eq!(told().await, [by(manager), by(nurse), by(manager)]);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_score_of_a_report_is_that_of_its_values_also_when_it_is_asked_for_at_once() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.settle().await;
    let yesterday = sportello::notary::time::today(ward.app.app.clock.now()).yesterday().unwrap();
    let amh = json!({ "analyte": "amh", "number": "0.4", "unit": "ng/mL", "observed_on": yesterday });
    ward.manager.post(&format!("{PATIENTS}/{id}/values"), amh).await.expect(201);
    let task = ward.ask_at_once(id, json!({ "language": "it" })).await;
    let text = ward.words(task["result"]["href"].as_str().unwrap()).await;
    assert!(text.contains("AMH: 0,4 ng/mL") && text.contains("Da vedere per primo"), "{text}");
    // The job that was to compute it finds nothing new.
    let scores = async || ward.app.value::<i64>("SELECT count(*) FROM fertility_score").await;
    let before = scores().await;
    ward.settle().await;
    assert_eq!(scores().await, before);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_what_was_found_in_documents_and_why_others_failed() {
    let dossier = Dossier::new().await;
    let read = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    assert_eq!(dossier.analysed(&read).await["status"], "completed");
    let empty = dossier.uploaded("vuoto.txt", b"\n\n \n").await;
    let failed = dossier.analysed(&empty).await;
    let ward = &dossier.ward;
    let text = ward.words(&ward.report(dossier.patient, "en").await).await;
    for part in ["Reliability of the reading:", "was not understood. (Prolactin)", "(FSH)"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let why = failed["failure"].as_str().unwrap_or_else(|| panic!("{failed}"));
    let words = sportello::pdf::Layout::PatientReport.words(sportello::mail::Language::En);
    let why = words["failure"][why].as_str().unwrap_or_else(|| panic!("{why} has no word"));
    assert!(text.contains(why), "{why}: {text}");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_an_earlier_edition_is_outdated_and_its_language_is_ones_own() {
    let ward = Ward::new().await;
    let english = "UPDATE users SET language = 'en' WHERE id = $1";
    ward.app.database.client().await.execute(english, &[&ward.manager_account.id]).await.unwrap();
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.ask(id, json!({})).await;
    let made = ward.reports(id).await;
    assert_eq!((&made[0]["language"], &made[0]["is_outdated"]), (&json!("en"), &json!(false)));
    let earlier =
        "UPDATE patient_report SET layout = 'patient_report/1', content_hash = sha256(content_hash)";
    ward.app.database.client().await.execute(earlier, &[]).await.unwrap();
    assert_eq!(ward.reports(id).await[0]["is_outdated"], true);
    ward.ask(id, json!({})).await;
    let outdated: Vec<_> = ward.reports(id).await.iter().map(|it| it["is_outdated"].clone()).collect();
    assert_eq!(outdated, [json!(false), json!(true)], "another one was made");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_report_who_may_not_and_its_owner_has_it_through_the_clinic_alone() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let all = format!("{PATIENTS}/{id}/reports");
    assert_eq!(ward.reader.post(&all, json!({})).await.expect(403).code(), "no_permission");
    assert_eq!(ward.nurse.post(&all, json!({})).await.expect(403).code(), "no_permission");
    ward.rival.post(&all, json!({})).await.expect(404);
    ward.manager.post(&all, json!({ "language": "fr" })).await.expect(422);
    let path = ward.report(id, "it").await;
    for rest in ["", "/content"] {
        ward.rival.get(&format!("{path}{rest}")).await.expect(404);
        ward.admin.get(&format!("{path}{rest}")).await.expect(403);
    }
    // Another patient's report is none of this one's.
    let other = ward.register_consenting(a_person("Eva", "Neri", "1991-05-17")).await;
    let report = path.rsplit('/').next().unwrap();
    ward.reader.get(&format!("{PATIENTS}/{other}/reports/{report}/content")).await.expect(404);
    // It is nobody's, and in nobody's quota.
    let owned: i64 = ward.app.value("SELECT count(*) FROM document WHERE owner_id IS NOT NULL").await;
    let stored: i64 = ward.app.value("SELECT coalesce(sum(stored), 0)::bigint FROM document_quota").await;
    assert_eq!((owned, stored), (0, 0));
    // In the store it is nobody's: neither who asked for it nor an administrator finds it there.
    let document: uuid::Uuid = ward.app.value("SELECT id FROM document WHERE of_clinic").await;
    for who in [&ward.manager, &ward.admin] {
        who.get(&format!("/api/v1/documents/{document}")).await.expect(404);
        who.get(&format!("/api/v1/documents/{document}/content")).await.expect(404);
        who.get(&format!("/api/v1/documents/{document}/versions")).await.expect(404);
        who.post(&format!("/api/v1/documents/{document}/links"), json!({})).await.expect(404);
        who.delete(&format!("/api/v1/documents/{document}")).await.expect(404);
        assert_eq!(who.get("/api/v1/documents").await.expect(200).json()["data"], json!([]));
    }
    // Without consent nothing is made, and what there is stays to be read.
    ward.consent(id, false).await.expect(200);
    assert_eq!(ward.manager.post(&all, json!({})).await.expect(403).code(), "consent_missing");
    ward.reader.get(&format!("{path}/content")).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_taken_back_meanwhile_stops_it() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.app.pause_queue("media").await;
    let started = ward.manager.post(&format!("{PATIENTS}/{id}/reports"), json!({})).await.expect(202).json();
    ward.consent(id, false).await.expect(200);
    let resume = "UPDATE job.queue SET paused_at = NULL WHERE name = 'media'";
    ward.app.database.client().await.execute(resume, &[]).await.unwrap();
    let task = started["links"]["self"].as_str().unwrap();
    eventually("it has ended", async || {
        ward.manager.get(task).await.expect(200).json()["state"] == "cancelled"
    })
    .await;
    let problem = &ward.manager.get(task).await.expect(200).json()["problem"];
    assert_eq!((&problem["code"], &problem["reason"]), (&json!("cancelled"), &json!("consent_missing")));
    assert_eq!(ward.reports(id).await, [] as [Value; 0]);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_merged_while_its_report_is_set_is_read_anew() {
    let ward = Ward::with(|config| config.pdf.deadline.0 = Duration::from_secs(60)).await;
    let twin = |number: &str| {
        with(
            a_person("Anna", "Bianchi", "1990-05-17"),
            json!({ "is_distinct": true, "medical_record_number": number }),
        )
    };
    let (target, source) =
        (ward.register_consenting(twin("FE-1")).await, ward.register_consenting(twin("FE-2")).await);
    let order = async |what: &str| {
        let why = json!({ "reason": "nobody sets anything" });
        ward.admin.post(&format!("/admin/api/actors/root/data/renderer/{what}"), why).await.expect(202);
    };
    order("suspend").await;
    let path = format!("{PATIENTS}/{source}/reports");
    let started = ward.manager.post(&path, json!({ "language": "it" })).await.expect(202).json();
    let task = started["links"]["self"].as_str().unwrap();
    let shown = async || ward.manager.get(task).await.expect(200).json();
    eventually("it is being set", async || shown().await["progress"]["note"] == "rendering").await;
    ward.merge(target, source).await.expect(200);
    order("resume").await;
    eventually("it was not kept", async || shown().await["state"] == "retrying").await;
    assert_eq!(ward.reports(target).await, [] as [Value; 0]);
    ward.app.app.clock.advance(SignedDuration::from_mins(10));
    eventually("it is made", async || shown().await["result"]["report_id"].is_string()).await;
    let result = shown().await["result"].clone();
    assert_eq!(result["patient_id"], json!(target));
    let text = ward.words(result["href"].as_str().unwrap()).await;
    assert!(text.contains("FE-1") && !text.contains("FE-2"), "{text}");
    let objects: i64 = ward.app.value("SELECT count(*) FROM document_version").await;
    assert_eq!(objects, 1);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_at_once_each_hears_of_the_same_one() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.write_values(id, 3).await;
    ward.settle().await;
    let path = format!("{PATIENTS}/{id}/reports");
    let asked = futures_util::future::join_all((0..6).map(|_| ward.manager.post(&path, json!({})))).await;
    ward.app.run_jobs().await;
    let mut found = Vec::new();
    for started in asked {
        let started = started.expect(202).json();
        let task = ward.manager.get(started["links"]["self"].as_str().unwrap()).await.expect(200).json();
        found.push(task["result"]["report_id"].as_str().unwrap().to_owned());
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(ward.reports(id).await.len(), 1);
    // Sent again with its key, it is the same task.
    let send = async || {
        ward.manager.request(Method::POST, &path, &[("idempotency-key", "k-1")], Some(json!({}))).await
    };
    assert_eq!(send().await.expect(202).json(), send().await.expect(202).json());
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_go_where_the_record_goes_and_with_the_person() {
    let ward = Ward::new().await;
    let twin = |n: u8| {
        with(
            a_person("Anna", "Bianchi", "1990-05-17"),
            json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") }),
        )
    };
    let (target, source) = (ward.register_consenting(twin(1)).await, ward.register_consenting(twin(2)).await);
    let path = ward.report(source, "it").await;
    ward.merge(target, source).await.expect(200);
    let moved = ward.reader.get(&path).await.expect(308);
    let there = moved.header("location").to_owned();
    assert!(there.contains(&target.to_string()), "{there}");
    ward.reader.get(&format!("{there}/content")).await.expect(200);
    assert_eq!(ward.reports(target).await.len(), 1);
    ward.archive(target, true).await.expect(200);
    let (_, etag) = ward.patient(target).await;
    ward.manager
        .request(Method::POST, &format!("{PATIENTS}/{target}/anonymisation"), &[("if-match", &etag)], None)
        .await
        .expect(200);
    ward.reader.get(&format!("{there}/content")).await.expect(404);
    assert_eq!(ward.reports(target).await, [] as [Value; 0]);
    ward.app.app.clock.advance(SignedDuration::from_hours(25));
    ward.app.run_jobs().await;
    let left: i64 = ward.app.value("SELECT count(*) FROM document").await;
    assert_eq!(left, 0, "the next night the store has nothing of it");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_a_minute_are_made_for_one_person() {
    let quota = sportello::config::Config::defaults().limits.clinic_report;
    let app = TestApp::start_with(|config| config.limits.clinic_report = quota).await;
    let clinic = app.a_clinic("Clinica Aurora").await;
    let manager = app.log_in(&app.a_clinician(clinic, &["manage_members"]).await).await;
    let path = format!("{PATIENTS}/{}/reports", uuid::Uuid::now_v7());
    for _ in 0..3 {
        manager.post(&path, json!({})).await.expect(404);
    }
    let refused = manager.post(&path, json!({})).await.expect(429);
    assert!(refused.header("ratelimit-policy").contains("clinic_report"));
    manager.get(PATIENTS).await.expect(200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_can_be_set_reports_wait_without_losing_an_attempt_and_are_made_afterwards() {
    let app = TestApp::start_with(|config| {
        config.limits.enabled = false;
        config.pdf.deadline.0 = Duration::from_millis(300);
        config.jobs.breaker_pause_max.0 = Duration::from_secs(1);
    })
    .await;
    let clinic = app.a_clinic("Clinica Aurora").await;
    let manager = app.log_in(&app.a_clinician(clinic, &["manage_members"]).await).await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let patient = manager.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")).await.expect(201).json();
    let path = format!("{PATIENTS}/{}", patient["id"].as_str().unwrap());
    let said = Some(json!({ "is_given": true }));
    manager.request(Method::PUT, &format!("{path}/consent"), &[], said).await.expect(200);
    let order = async |what: &str| {
        let why = json!({ "reason": "nobody sets anything" });
        admin.post(&format!("/admin/api/actors/root/data/renderer/{what}"), why).await.expect(202);
    };
    order("suspend").await;
    let started = manager.post(&format!("{path}/reports"), json!({})).await.expect(202).json();
    let away = async || {
        let all = admin.get("/admin/api/dependencies").await.expect(200).json();
        all["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["dependency"] == "renderer" && it["is_open"] == true)
    };
    eventually("the breaker opens", away).await;
    order("resume").await;
    let task = started["links"]["self"].as_str().unwrap();
    let done = async || manager.get(task).await.expect(200).json()["result"]["report_id"].is_string();
    eventually("it is made", done).await;
    let failed: i64 = app.value("SELECT count(*) FROM job.done WHERE state <> 0").await;
    assert_eq!(failed, 0);
    app.finish().await;
}
