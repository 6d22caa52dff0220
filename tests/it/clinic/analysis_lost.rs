//! Analyses whose job ends without saying what became of the document.

use serde_json::{Value, json};
use sportello::jobs::clinic::EndLostAnalyses;

use super::dossier::{Dossier, REPORT};
use crate::harness::until::eventually;

async fn rest(dossier: &Dossier, rests: bool) {
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

async fn look(dossier: &Dossier) {
    let app = &dossier.ward.app.app;
    let mut tx = app.db.begin("test").await.unwrap();
    app.jobs.enqueue(&mut tx, &EndLostAnalyses {}).await.unwrap();
    tx.commit().await.unwrap();
    eventually("it has looked", async || {
        let looked = "SELECT NOT EXISTS (SELECT FROM job.body JOIN job.kind AS k ON k.id = kind_id
            WHERE k.name = 'clinic.end_lost_analyses')";
        dossier.ward.app.value::<bool>(looked).await
    })
    .await;
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
    let nothing = format!("{}/documents/{new}/analysis", dossier.path);
    assert_eq!(dossier.ward.manager.post(&nothing, Value::Null).await.expect(409).code(), "no_content");
    dossier.ward.manager.post(&again, Value::Null).await.expect(202);
    assert_eq!(dossier.ward.manager.post(&again, Value::Null).await.expect(409).code(), "in_progress");
    rest(&dossier, false).await;
    let after = dossier.analysed(&read).await;
    assert_eq!((&after["status"], &after["run"]), (&json!("completed"), &json!(3)));
    assert_eq!(dossier.analysed(&waiting).await["status"], "completed");
    look(&dossier).await;
    assert_eq!(dossier.document(&read).await["version"], after["version"], "what has ended is left alone");
    let told = "SELECT count(*) FROM audit_entry WHERE details ->> 'reason' = 'interrupted'";
    assert_eq!(dossier.ward.app.value::<i64>(told).await, 2);
    dossier.ward.app.finish().await;
}
