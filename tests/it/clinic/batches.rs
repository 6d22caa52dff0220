//! Batches of another system: what becomes of an item when the world has changed meanwhile, and of one that is wrong all over.

use serde_json::{Value, json};
use sportello::accounts::policy::Role;

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::client::Client;

const BATCH: &str = "/api/v1/clinic/emr/analyze/batch";
const KEYS: &str = "/api/v1/api-keys";

fn scan(more: Value) -> Value {
    with(json!({ "kind": "follicle", "input": { "total_antral_follicles": 12 } }), more)
}

/// Asks for these; where the batch is.
async fn ask(client: &Client, items: Value) -> String {
    let started = client.post(BATCH, json!({ "items": items })).await.expect(202).json();
    started["links"]["self"].as_str().unwrap().to_owned()
}

impl Ward {
    /// Nothing is done until [`Self::go_on`].
    async fn hold(&self) {
        self.app.pause_queue("default").await;
    }

    async fn go_on(&self) {
        self.app.sql("UPDATE job.queue SET paused_at = NULL").await;
        self.app.run_jobs().await;
    }

    async fn failures(&self, batch: &str) -> Vec<String> {
        let found = self.manager.get(batch).await.expect(200).json();
        assert_eq!(found["pending"], 0, "{found}");
        let items = found["items"].as_array().unwrap().iter();
        items.map(|it| it["failure"]["code"].as_str().unwrap_or("done").to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_never_reaches_the_patient_of_the_clinic_in_which_somebody_works_by_now() {
    let ward = Ward::new().await;
    let numbered = |first: &str| {
        with(a_person(first, "Bianchi", "1990-05-17"), json!({ "medical_record_number": "FE-100" }))
    };
    ward.register_consenting(numbered("Anna")).await;
    let there = ward.rival.post(PATIENTS, numbered("Eva")).await.expect(201).json();
    let there = there["id"].as_str().unwrap();
    let consent = Some(json!({ "is_given": true }));
    let path = format!("{PATIENTS}/{there}/consent");
    ward.rival.request(axum::http::Method::PUT, &path, &[], consent).await.expect(200);
    let account = ward.app.a_person_with(Role::Staff).await;
    ward.app.join_clinic(&account, ward.clinic, &["read_patients", "write_analyses"]).await;
    let mover = ward.app.log_in(&account).await;
    ward.hold().await;
    let items =
        json!([scan(json!({ "medical_record_number": "FE-100" })), scan(json!({ "patient_id": there }))]);
    let batch = ask(&mover, items).await;
    // Before the job runs, the person works in the other clinic, which has a patient of the same number.
    let moved = "UPDATE clinic_member SET clinic_id = (SELECT id FROM clinic WHERE name = 'Clinica Luna') WHERE user_id = $1";
    ward.app.database.client().await.execute(moved, &[&account.id]).await.unwrap();
    ward.go_on().await;
    assert_eq!(ward.failures(&batch).await, ["not_found", "not_found"]);
    let written: i64 = ward.app.value("SELECT count(*) FROM graded_analysis").await;
    assert_eq!(written, 0, "nobody's figures are in anybody's record");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_revoked_or_has_expired_ends_its_items() {
    let mut ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let manager = ward.manager.clone();
    let key = async |more: Value| {
        let made = with(json!({ "name": "cartella", "scopes": ["clinic:read", "clinic:write"] }), more);
        manager.post(KEYS, made).await.expect(201).json()
    };
    let soon = ward.app.app.clock.now().checked_add(jiff::SignedDuration::from_mins(30)).unwrap();
    let keys =
        [key(json!({})).await, key(json!({ "expires_at": soon.to_string() })).await, key(json!({})).await];
    ward.hold().await;
    let mut batches = Vec::new();
    for key in &keys {
        let program = manager.with(key["key"].as_str().unwrap());
        batches.push(ask(&program, json!([scan(json!({ "patient_id": id }))])).await);
    }
    manager.delete(&format!("{KEYS}/{}", keys[0]["id"].as_str().unwrap())).await.expect(204);
    ward.app.app.clock.advance(jiff::SignedDuration::from_mins(31));
    ward.manager = ward.app.log_in(&ward.manager_account).await;
    ward.go_on().await;
    let mut became = Vec::new();
    for batch in &batches {
        became.extend(ward.failures(batch).await);
    }
    assert_eq!(became, ["key_not_good", "key_not_good", "done"]);
    let written: i64 = ward.app.value("SELECT count(*) FROM graded_analysis").await;
    assert_eq!(written, 1);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_cannot_be_of_its_patient_says_so_and_keeps_no_record_any_longer() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let before: String = ward.app.value("SELECT last_entry_at::text FROM patient").await;
    ward.app.app.clock.advance(jiff::SignedDuration::from_mins(1));
    let semen = json!({ "kind": "semen", "input": { "volume_ml": 2.5 }, "patient_id": id });
    let items = json!([with(semen, json!({ "observed_on": "1990-05-16" }))]);
    let batch = ask(&ward.manager, items).await;
    ward.app.run_jobs().await;
    assert_eq!(ward.failures(&batch).await, ["validation_failed"]);
    let found = ward.manager.get(&batch).await.expect(200).json();
    let errors = found["items"][0]["failure"]["errors"].as_array().unwrap();
    let said: Vec<_> = errors.iter().map(|it| [it["pointer"].clone(), it["code"].clone()]).collect();
    assert_eq!(said, [["/observed_on", "before_birth"], ["/kind", "other_sex"]]);
    let after: String = ward.app.value("SELECT last_entry_at::text FROM patient").await;
    assert_eq!(after, before);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_wrong_all_over_is_told_in_bounds_and_refuses_nothing_else() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let sizes = |count: usize| json!({ "left": { "follicles_mm": vec![0; count] }, "right": { "follicles_mm": vec![0; count] } });
    let myomas = json!({ "myomas": vec![json!({ "figo": 9, "figo_serosa": 9, "size_mm": 0.5 }); 400] });
    let unknown = json!({ "\u{1}è\"".repeat(9_000): 1 });
    let items = json!([
        scan(json!({ "patient_id": id, "input": sizes(300) })),
        { "kind": "hysteroscopy", "input": myomas, "patient_id": id },
        scan(json!({ "patient_id": id, "input": unknown })),
        scan(json!({ "patient_id": id })),
    ]);
    let batch = ask(&ward.manager, items).await;
    ward.app.run_jobs().await;
    let all = ["validation_failed", "validation_failed", "validation_failed", "done"];
    assert_eq!(ward.failures(&batch).await, all);
    let found = ward.manager.get(&batch).await.expect(200).json();
    let failure = &found["items"][0]["failure"];
    assert_eq!((failure["errors"].as_array().unwrap().len(), &failure["more"]), (50, &json!(50)));
    let preview = json!({ "kind": "follicle", "input": sizes(200_000) });
    let refused = ward.reader.post("/api/v1/clinic/analyses/preview", preview).await.expect(422);
    assert!(refused.body.len() < 20_000, "{} bytes", refused.body.len());
    let errors = refused.json();
    assert_eq!(errors["errors"][0]["code"], "too_many");
    ward.app.finish().await;
}
