//! Analyses whose job ends without saying what became of the document.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::jobs::{Job, clinic::EndLostAnalyses};

use super::{
    documents::objects,
    dossier::{Dossier, REPORT},
};
use crate::harness::{app::TestApp, until::eventually};

/// Analyses wait, or go on.
pub(super) async fn rest(dossier: &Dossier, rests: bool) {
    let app = &dossier.ward.app;
    if rests {
        app.pause_queue("reading").await;
    } else {
        app.sql("UPDATE job.queue SET paused_at = NULL WHERE name = 'reading'").await;
    }
    app.app.jobs.heed_orders();
    eventually("the order is heeded", async || {
        app.app.registry.inspect("root/jobs/steward").await.unwrap();
        let view = app.app.registry.find("root/jobs/steward").unwrap().view();
        view["resting_queues"].as_array().unwrap().iter().any(|it| it == "reading") == rests
    })
    .await;
}

/// Runs a job to its end, whatever else waits.
pub(super) async fn run<J: Job>(app: &TestApp, job: &J) {
    let mut tx = app.app.db.begin("test").await.unwrap();
    app.app.jobs.enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    let none = format!(
        "SELECT NOT EXISTS (SELECT FROM job.body JOIN job.kind AS k ON k.id = kind_id WHERE k.name = '{}')",
        J::KIND
    );
    eventually("it has run", async || app.value::<bool>(&none).await).await;
}

async fn look(dossier: &Dossier) {
    run(&dossier.ward.app, &EndLostAnalyses {}).await;
}

async fn stop_task(dossier: &Dossier, document: &Value) {
    let task = document["task_id"].as_str().unwrap();
    let reason = json!({ "reason": "a mistake" });
    dossier.ward.admin.post(&format!("/admin/api/jobs/{task}/cancel"), reason).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_whose_job_was_stopped_says_so_and_is_analysed_again_on_demand() {
    let dossier = Dossier::new().await;
    let read = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    let before = dossier.analysed(&read).await;
    rest(&dossier, true).await;
    let again = format!("{}/documents/{read}/analysis", dossier.path);
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    let waiting = dossier.uploaded("altro.txt", REPORT.as_bytes()).await;
    let new = dossier.uploaded("nuovo.txt", REPORT.as_bytes()).await;
    for id in [&read, &new] {
        stop_task(&dossier, &dossier.document(id).await).await;
        assert_eq!(dossier.document(id).await["status"], "pending", "the engine knows nothing of documents");
    }
    look(&dossier).await;
    for id in [&read, &new] {
        let now = dossier.document(id).await;
        assert_eq!((&now["status"], &now["failure"]), (&json!("failed"), &json!("interrupted")));
    }
    assert_eq!(dossier.document(&read).await["values"], before["values"], "what was found stays");
    assert_eq!(dossier.document(&waiting).await["status"], "pending", "whose job waits is not lost");
    // Nobody has looked at the second file yet: it is there.
    let first_look = format!("{}/documents/{new}/analysis", dossier.path);
    dossier.ward.manager.post(&first_look, Value::Null).await.expect(202);
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    assert_eq!(dossier.ward.manager.post(&again, Value::Null).await.expect(409).code(), "in_progress");
    rest(&dossier, false).await;
    let after = dossier.analysed(&read).await;
    assert_eq!((&after["status"], &after["run"]), (&json!("completed"), &json!(3)));
    for id in [&waiting, &new] {
        assert_eq!(dossier.analysed(id).await["status"], "completed");
    }
    assert_eq!(dossier.ward.app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    look(&dossier).await;
    assert_eq!(dossier.document(&read).await["version"], after["version"], "what has ended is left alone");
    let told = "SELECT count(*) FROM audit_entry WHERE details ->> 'reason' = 'interrupted'";
    assert_eq!(dossier.ward.app.value::<i64>(told).await, 2);
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nobody_asks_for_again_is_let_go_after_a_month() {
    let dossier = Dossier::new().await;
    let app = &dossier.ward.app;
    rest(&dossier, true).await;
    let id = dossier.uploaded("referto.txt", REPORT.as_bytes()).await;
    stop_task(&dossier, &dossier.document(&id).await).await;
    look(&dossier).await;
    app.app.clock.advance(SignedDuration::from_hours(29 * 24));
    look(&dossier).await;
    let state = "SELECT failure || ' ' || (SELECT count(*) FROM upload) FROM patient_document";
    assert_eq!(app.value::<String>(state).await, "interrupted 1");
    app.app.clock.advance(SignedDuration::from_hours(2 * 24));
    look(&dossier).await;
    assert_eq!(app.value::<String>(state).await, "no_content 0");
    eventually("its parts are gone", async || objects(app) == 0).await;
    assert_eq!(dossier.ward.told("patient_document.let_go").await, "patient_document.let_go");
    let manager = app.log_in(&dossier.ward.manager_account).await;
    let again = format!("{}/documents/{id}/analysis", dossier.path);
    assert_eq!(manager.post(&again, Value::Null).await.expect(409).code(), "no_content");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waits_goes_with_its_document_and_with_its_patient() {
    let dossier = Dossier::new().await;
    let (ward, app) = (&dossier.ward, &dossier.ward.app);
    rest(&dossier, true).await;
    let (removed, left) = (
        dossier.uploaded("a.txt", REPORT.as_bytes()).await,
        dossier.uploaded("b.txt", REPORT.as_bytes()).await,
    );
    stop_task(&dossier, &dossier.document(&left).await).await;
    look(&dossier).await;
    ward.manager.delete(&format!("{}/documents/{removed}", dossier.path)).await.expect(204);
    eventually("one of two is gone", async || objects(app) == 1).await;
    ward.archive(dossier.patient, true).await.expect(200);
    let (_, etag) = ward.patient(dossier.patient).await;
    let end = format!("{}/anonymisation", dossier.path);
    ward.manager.request(Method::POST, &end, &[("if-match", &etag)], None).await.expect(200);
    eventually("and the other", async || objects(app) == 0).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM upload").await, 0);
    // The job of the one that was removed has nothing to do.
    rest(&dossier, false).await;
    app.run_jobs().await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM document").await, 0);
    let room: i64 = app.value("SELECT coalesce(sum(arriving), 0)::bigint FROM document_quota").await;
    assert_eq!(room, 0);
    dossier.ward.app.finish().await;
}
