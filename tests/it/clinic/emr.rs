//! What other systems do with a key: one analysis, many at once, reports, exports; and what a key that may not gets.

use axum::http::Method;
use futures_util::{StreamExt as _, future::join_all, stream};
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use sportello::{
    ids::PatientId,
    jobs::{NewJob, clinic::RemoveAnalysisBatches, registry::registry},
};

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::{
    client::{Answer, Client},
    until::eventually,
};

const EMR: &str = "/api/v1/clinic/emr";
/// So many race; more than a busy machine answers in time would be refused for another reason than a quota.
const AT_ONCE: usize = 40;

fn scan() -> Value {
    json!({ "total_antral_follicles": 12 })
}

impl Ward {
    /// A program of the manager's, or of somebody else's.
    async fn a_program(&self, owner: &Client, scopes: &[&str]) -> Client {
        let made = json!({ "name": "cartella", "scopes": scopes });
        let made = owner.post("/api/v1/api-keys", made).await.expect(201).json();
        owner.with(made["key"].as_str().unwrap())
    }

    async fn anna(&self) -> PatientId {
        let more = json!({ "medical_record_number": "FE-77" });
        self.register_consenting(with(a_person("Anna", "Bianchi", "1990-05-17"), more)).await
    }

    /// What is done every night.
    async fn remove_batches(&self) {
        let mut tx = self.app.app.db.begin("tests.night").await.unwrap();
        self.app.app.jobs.insert(&mut tx, &[NewJob::of(&RemoveAnalysisBatches {})]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn count_analyses(&self) -> i64 {
        self.app.value("SELECT count(*) FROM graded_analysis").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_analyses_reads_reports_and_exports() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let info = program.get(&format!("{EMR}/info")).await.expect(200);
    assert_eq!((&info.json()["quota_per_hour"], &info.json()["batch_max"]), (&json!(100), &json!(100)));
    assert!(info.header("ratelimit-policy").contains("\"api_key\";q=100;w=3600"));
    assert_eq!((info.header("x-ratelimit-limit"), info.header("x-ratelimit-remaining")), ("100", "99"));
    assert!(info.header("x-ratelimit-reset").parse::<u32>().unwrap() <= 3600);
    let asked = json!({ "medical_record_number": "fe-77", "case_id": "C-9", "notes": "dal gestionale", "input": scan() });
    let made = program.post(&format!("{EMR}/analyze/follicle"), asked).await.expect(201);
    assert_eq!(made.header("x-ratelimit-remaining"), "98");
    let made = made.json();
    assert_eq!(
        [&made["source"], &made["case_id"], &made["note"], &made["grade"], &made["patient_id"]],
        [&json!("program"), &json!("C-9"), &json!("dal gestionale"), &json!("normal"), &json!(id)]
    );
    let analysis = made["id"].as_str().unwrap();
    let report = program.get(&format!("{EMR}/report/{analysis}")).await.expect(200);
    assert_eq!(report.header("content-language"), "it");
    let report = report.json();
    assert_eq!(
        (&report["title"], &report["patient"]["medical_record_number"]),
        (&json!("Ecografia dei follicoli"), &json!("FE-77"))
    );
    assert_eq!(report["limits"][0]["text"], "Questo risultato assiste il medico e non è una diagnosi.");
    let english = program.get(&format!("{EMR}/report/{analysis}?language=en")).await.expect(200).json();
    assert_eq!(english["limits"][0]["text"], "This result supports the clinician and is not a diagnosis.");
    let value = json!({ "analyte": "amh", "number": "2.80", "unit": "ng/mL", "observed_on": "2026-03-12" });
    program.post(&format!("{PATIENTS}/{id}/values"), value).await.expect(201);
    ward.compute_scores().await;
    let export = program.get(&format!("{EMR}/export/{id}")).await.expect(200).json();
    assert_eq!(export["values"][0]["number"], "2.80");
    assert_eq!(export["analyses"].as_array().unwrap().len(), 1);
    let lines = program.get(&format!("{EMR}/export/{id}?format=ndjson")).await.expect(200);
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let kinds = std::str::from_utf8(&lines.body).unwrap().lines();
    let kinds: Vec<Value> =
        kinds.map(|it| serde_json::from_str::<Value>(it).unwrap()["type"].clone()).collect();
    assert_eq!(kinds[..4], ["patient", "value", "analysis", "score"]);
    let table = program.get(&format!("{EMR}/export/{id}?format=csv")).await.expect(200);
    let table = std::str::from_utf8(&table.body).unwrap().to_owned();
    assert!(table.contains(",amh,") && table.contains(",2.80,ng/mL,"), "{table}");
    let list = program.get(&format!("{PATIENTS}/{id}/analyses?case_id=C-9")).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(ward.told("patient.export").await.starts_with("patient.export"));
    let who: String = ward
        .app
        .value("SELECT string_agg(DISTINCT who_kind, ' ') FROM audit_entry WHERE action = 'patient.analyse'")
        .await;
    assert_eq!(who, "api_key");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_it_is_about_is_said_once_and_everything_wrong_is_told() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:write"]).await;
    let path = format!("{EMR}/analyze/follicle");
    let wrong = async |asked: Value| -> Vec<String> {
        let refused = program.post(&path, asked).await.expect(422).json();
        let errors = refused["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|it| format!("{} {}", it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(wrong(json!({ "input": scan() })).await, ["/patient_id required"]);
    let both = json!({ "patient_id": id, "medical_record_number": "FE-77", "input": scan(), "observed_on": "2999-01-01" });
    assert_eq!(wrong(both).await, ["/medical_record_number contradicts", "/observed_on in_the_future"]);
    let asked = json!({ "patient_id": id, "input": { "total_antral_follicles": 900 }, "colour": 1 });
    assert_eq!(wrong(asked).await, ["/input/total_antral_follicles out_of_range", "/colour unknown_field"]);
    assert_eq!(wrong(json!({ "patient_id": id })).await, ["/input required"]);
    assert_eq!(
        wrong(json!({ "patient_id": id, "input": scan(), "observed_on": "1990-05-16" })).await,
        ["/observed_on before_birth"]
    );
    let semen = json!({ "patient_id": id, "input": { "volume_ml": 2.5 } });
    let refused = program.post(&format!("{EMR}/analyze/semen"), semen).await.expect(422).json();
    let error = &refused["errors"][0];
    assert_eq!([&error["in"], &error["pointer"], &error["code"]], ["path", "/kind", "other_sex"]);
    assert!(error["detail"].as_str().unwrap().contains("partner"));
    let unknown = json!({ "medical_record_number": "FE-78", "input": scan() });
    program.post(&path, unknown).await.expect(404);
    program.post(&format!("{EMR}/analyze/urine"), json!({ "patient_id": id, "input": {} })).await.expect(404);
    ward.consent(id, false).await.expect(200);
    let refused = program.post(&path, json!({ "patient_id": id, "input": scan() })).await.expect(403);
    assert_eq!((refused.code().as_str(), ward.count_analyses().await), ("consent_missing", 0));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_a_job_for_each_and_says_what_became_of_it() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let mute = ward.register(a_person("Eva", "Neri", "1991-05-17")).await;
    let program = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let of = |more: Value| with(json!({ "kind": "follicle", "input": scan() }), more);
    let items = json!([
        of(json!({ "patient_id": id })),
        of(json!({ "medical_record_number": "FE-77", "case_id": "C-1", "label": "secondo" })),
        of(json!({ "patient_id": id, "input": { "cycle_day": 900 } })),
        of(json!({ "patient_id": uuid::Uuid::now_v7() })),
        of(json!({ "patient_id": mute })),
        { "kind": "urine" },
    ]);
    let path = format!("{EMR}/analyze/batch");
    let key = [("idempotency-key", "\"uno\"")];
    let ask = async || program.request(Method::POST, &path, &key, Some(json!({ "items": items }))).await;
    let started = ask().await.expect(202);
    let again = ask().await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let started = started.json();
    assert_eq!(
        (again.json(), &started["total"], &started["refused"]),
        (started.clone(), &json!(6), &json!(2))
    );
    let batch = started["links"]["self"].as_str().unwrap();
    ward.app.run_jobs().await;
    let found = program.get(batch).await.expect(200).json();
    assert_eq!([&found["done"], &found["failed"], &found["pending"]], [&json!(2), &json!(4), &json!(0)]);
    assert!(found["finished_at"].is_string());
    let became: Vec<_> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["failure"]["code"].as_str().unwrap_or("done"))
        .collect();
    assert_eq!(
        became,
        ["done", "done", "validation_failed", "not_found", "consent_missing", "validation_failed"]
    );
    assert_eq!(found["items"][2]["failure"]["errors"][0]["pointer"], "/input/cycle_day");
    assert_eq!(found["items"][5]["failure"]["errors"][0]["pointer"], "/kind");
    let made = program
        .get(&format!("/api/v1/clinic/analyses/{}", found["items"][1]["analysis_id"].as_str().unwrap()))
        .await;
    let made = made.expect(200).json();
    assert_eq!(
        [&made["case_id"], &made["label"], &made["source"]],
        [&json!("C-1"), &json!("secondo"), &json!("program")]
    );
    assert_eq!(ward.count_analyses().await, 2);
    let kept: i64 =
        ward.app.value("SELECT count(*) FROM analysis_batch_item WHERE request IS NOT NULL").await;
    assert_eq!(kept, 0, "what was asked for is forgotten");
    let jobs: i64 =
        ward.app.value("SELECT total::bigint FROM job.batch WHERE name = 'analyses of a program'").await;
    assert_eq!(jobs, 4);
    assert_eq!(ward.told("clinic.finish_batch").await, "clinic.finish_batch");
    ward.compute_scores().await;
    let score = program.get(&format!("{PATIENTS}/{id}/score")).await.expect(200).json();
    assert_eq!(score["score"]["coverage_percent"], 40, "what was asked for counts");
    ward.rival.get(batch).await.expect(404);
    for items in [json!([]), json!(vec![json!({}); 101])] {
        let refused = program.post(&path, json!({ "items": items })).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/items");
    }
    // A month later it is gone.
    ward.app.app.clock.advance(SignedDuration::from_hours(24 * 31));
    ward.remove_batches().await;
    eventually("it is gone", async || program.get(batch).await.status == 404).await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_is_refused_alone_and_in_a_batch() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let path = format!("{EMR}/analyze/batch");
    let nothing = json!({ "patient_id": id, "input": { "cycle_day": 3 } });
    let refused = program.post(&format!("{EMR}/analyze/follicle"), nothing).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/input");
    let nothing = json!({ "items": [{ "kind": "semen", "input": {}, "patient_id": id }] });
    let made = program.post(&path, nothing).await.expect(202).json();
    let kept = program.get(made["links"]["self"].as_str().unwrap()).await.expect(200).json();
    let failure = &kept["items"][0]["failure"]["errors"][0];
    assert_eq!((&failure["pointer"], &failure["code"]), (&json!("/input"), &json!("no_finding")), "{kept}");
    assert_eq!(ward.count_analyses().await, 0);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_at_two_nodes_make_each_analysis_once() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let node = ward.app.another_node(|_| {}, registry()).await;
    let there = program.at(node.address);
    let items: Vec<_> =
        (0..50).map(|_| json!({ "kind": "follicle", "input": scan(), "patient_id": id })).collect();
    let path = format!("{EMR}/analyze/batch");
    let asked = (0..4).map(|n| {
        let client = if n % 2 == 0 { &program } else { &there };
        client.post(&path, json!({ "items": items }))
    });
    let batches: Vec<_> = join_all(asked).await.into_iter().map(|it| it.expect(202).json()).collect();
    ward.app.run_jobs().await;
    for batch in &batches {
        let found = there.get(batch["links"]["self"].as_str().unwrap()).await.expect(200).json();
        assert_eq!((&found["done"], &found["pending"]), (&json!(50), &json!(0)), "{}", found["items"]);
    }
    assert_eq!(ward.count_analyses().await, 200);
    node.stop().await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_on_after_kill_9_and_makes_each_analysis_once() {
    const MADE: &str = "SELECT count(*) FROM graded_analysis";
    const ENDED: &str = "SELECT count(*) FROM analysis_batch WHERE finished_at IS NOT NULL";
    const ONCE: &str = "SELECT count(*) FROM (SELECT case_id FROM graded_analysis GROUP BY case_id HAVING count(*) = 1) AS it";
    const DONE: &str =
        "SELECT count(*) FROM analysis_batch_item WHERE status = 'done' AND analysis_id IS NOT NULL";
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let Ward { app, manager, .. } = ward;
    let ground = app.leave().await;
    let client = ground.database.client().await;
    let count = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let server = ground.serve(&[("limits.enabled", "false")]).await;
    let program = manager.at(server.address);
    for batch in 0..3 {
        let item = |n| json!({ "kind": "follicle", "input": scan(), "patient_id": id, "case_id": format!("{batch}-{n}") });
        let items: Vec<_> = (0..100).map(item).collect();
        program.post(&format!("{EMR}/analyze/batch"), json!({ "items": items })).await.expect(202);
    }
    eventually("some are made", async || count(MADE).await > 20).await;
    server.kill().await;
    let made = count(MADE).await;
    let server = ground.serve(&[("limits.enabled", "false")]).await;
    eventually("the batches end", async || count(ENDED).await == 3).await;
    println!("killed after {made} of 300");
    assert_eq!((count(MADE).await, count(ONCE).await, count(DONE).await), (300, 300, 300));
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_holds_exactly_for_analyses_asked_for_at_once_at_two_nodes() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:write"]).await;
    let node = ward.app.another_node(|_| {}, registry()).await;
    let there = program.at(node.address);
    let path = format!("{EMR}/analyze/follicle");
    let asked = (0..140).map(|n| {
        let client = if n % 2 == 0 { &program } else { &there };
        client.post(&path, json!({ "patient_id": id, "input": scan() }))
    });
    let answers: Vec<Answer> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
    let count = |status: u16| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((count(201), count(429)), (100, 40), "{:?}", answers.iter().map(|it| it.status).max());
    for refused in answers.iter().filter(|it| it.status == 429) {
        assert!((1..=3600).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
        assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    }
    assert_eq!(ward.count_analyses().await, 100, "exactly what the clinic has paid for");
    let fhir = program.get("/api/v1/fhir/metadata").await.expect(429);
    assert_eq!(fhir.json()["issue"][0]["code"], "throttled");
    node.stop().await;
    ward.app.finish().await;
}

/// Everything that a program can be sent to, with a body where one is sent.
fn routes(id: PatientId, analysis: &str, batch: &str) -> Vec<(Method, String, Option<Value>)> {
    let get = |path: String| (Method::GET, path, None);
    vec![
        get(format!("{EMR}/report/{analysis}")),
        get(format!("{EMR}/export/{id}")),
        get(batch.to_owned()),
        get(format!("{PATIENTS}/{id}/score")),
        get(format!("{PATIENTS}/{id}/analyses")),
        get(format!("/api/v1/fhir/Patient/{id}")),
        get(format!("/api/v1/fhir/Patient/{id}/$everything")),
        get(format!("/api/v1/fhir/Observation?patient={id}")),
        (Method::POST, format!("{EMR}/analyze/follicle"), Some(json!({ "patient_id": id, "input": scan() }))),
        (
            Method::POST,
            format!("{PATIENTS}/{id}/values"),
            Some(json!({ "analyte": "afc", "number": "12", "observed_on": "2026-11-01" })),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_scope_of_another_clinic_expired_or_revoked_gets_nothing() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let good = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    let made =
        good.post(&format!("{EMR}/analyze/follicle"), json!({ "patient_id": id, "input": scan() })).await;
    let analysis = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    let items = json!({ "items": [{ "kind": "follicle", "input": scan(), "patient_id": id }] });
    let batch = good.post(&format!("{EMR}/analyze/batch"), items).await.expect(202).json();
    let batch = batch["links"]["self"].as_str().unwrap().to_owned();
    ward.compute_scores().await;
    let routes = routes(id, &analysis, &batch);
    let everywhere = async |client: &Client| {
        let mut statuses = Vec::new();
        for (method, path, body) in &routes {
            statuses.push(client.request(method.clone(), path, &[], body.clone()).await.status);
        }
        statuses
    };
    let reads = routes.iter().filter(|(method, ..)| method == Method::GET).count();
    let before = ward.count_analyses().await;
    let other = ward.a_program(&ward.manager, &["profile:read"]).await;
    assert_eq!(everywhere(&other).await, vec![403; routes.len()], "no scope");
    let reader = ward.a_program(&ward.manager, &["clinic:read"]).await;
    assert_eq!(
        everywhere(&reader).await,
        [vec![200; reads], vec![403; routes.len() - reads]].concat(),
        "reads alone"
    );
    let rival = ward.a_program(&ward.rival, &["clinic:read", "clinic:write"]).await;
    assert_eq!(everywhere(&rival).await, vec![404; routes.len()], "another clinic");
    let soon = ward.app.app.clock.now().checked_add(1.hour()).unwrap();
    let ends =
        json!({ "name": "breve", "scopes": ["clinic:read", "clinic:write"], "expires_at": soon.to_string() });
    let ends = ward.manager.post("/api/v1/api-keys", ends).await.expect(201).json();
    let ends = ward.manager.with(ends["key"].as_str().unwrap());
    ends.get(&format!("{EMR}/info")).await.expect(200);
    let gone = json!({ "name": "revocata", "scopes": ["clinic:read", "clinic:write"] });
    let gone = ward.manager.post("/api/v1/api-keys", gone).await.expect(201).json();
    let revoked = ward.manager.with(gone["key"].as_str().unwrap());
    ward.manager.delete(&format!("/api/v1/api-keys/{}", gone["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(everywhere(&revoked).await, vec![401; routes.len()], "revoked");
    ward.app.app.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(everywhere(&ends).await, vec![401; routes.len()], "expired");
    // Its owner works there no more: the key is good, and gets nothing.
    let sql = "DELETE FROM clinic_member WHERE user_id = $1";
    ward.app.database.client().await.execute(sql, &[&ward.manager_account.id]).await.unwrap();
    assert_eq!(everywhere(&good).await, vec![403; routes.len()], "nobody of the clinic");
    assert_eq!(ward.count_analyses().await, before);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_never_ended_is_removed_after_its_time() {
    let ward = Ward::new().await;
    let id = ward.anna().await;
    let program = ward.a_program(&ward.manager, &["clinic:read", "clinic:write"]).await;
    ward.app.pause_queue("default").await;
    let one = json!({ "kind": "follicle", "patient_id": id, "input": scan(), "notes": "Anna" });
    let ask =
        async || program.post(&format!("{EMR}/analyze/batch"), json!({ "items": [one] })).await.expect(202);
    let old = ask().await.json()["links"]["self"].as_str().unwrap().to_owned();
    ward.app.app.clock.advance(SignedDuration::from_hours(24 * 29));
    let new = ask().await.json()["links"]["self"].as_str().unwrap().to_owned();
    ward.app.app.clock.advance(SignedDuration::from_hours(48));
    let client = ward.app.database.client().await;
    ward.remove_batches().await;
    let items = "SELECT count(*) FROM analysis_batch_item";
    eventually("the old one is gone", async || {
        client.query_one(items, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    let left: uuid::Uuid = ward.app.value("SELECT id FROM analysis_batch").await;
    assert!(new.ends_with(&left.to_string()) && old != new);
    ward.app.finish().await;
}
