//! The patients of a clinic at a glance: counted right, as fresh as is said, and never in the way of who reads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    clinic::summary::{list, refresh},
    ids::PatientId,
    jobs::clinic::AnonymisePatients,
};
use tokio_postgres::{Client, error::SqlState};

use super::{
    analysis_lost::{rest, run},
    dossier::Dossier,
    plans::{MANY, explained},
    ward::{PATIENTS, Ward, a_person, with},
};

const SUMMARY: &str = "/api/v1/clinic/summary";

/// What the view should say, counted row by row and one by one.
const DIRECT: &str = "SELECT p.id, (SELECT count(*) FROM patient_document d WHERE d.patient_id = p.id),
    (SELECT count(*) FROM patient_document d WHERE d.patient_id = p.id AND d.status = 'completed'),
    (SELECT count(*) FROM patient_document d WHERE d.patient_id = p.id AND d.status = 'failed'),
    (SELECT count(*) FROM laboratory_value v WHERE v.patient_id = p.id AND v.withdrawn_at IS NULL),
    (SELECT count(*) FROM laboratory_value v WHERE v.patient_id = p.id AND v.withdrawn_at IS NULL AND v.flag <> 'normal'),
    (SELECT count(*) FROM graded_analysis a WHERE a.patient_id = p.id AND a.withdrawn_at IS NULL),
    (SELECT s.overall FROM fertility_score s WHERE s.patient_id = p.id ORDER BY s.id DESC LIMIT 1),
    (SELECT max(d.created_at) FROM patient_document d WHERE d.patient_id = p.id)
    FROM patient p WHERE p.merged_into IS NULL AND p.anonymised_at IS NULL";
const VIEW: &str =
    "SELECT patient_id, document_count, completed_documents, failed_documents, value_count, abnormal_count,
    analysis_count, latest_score, last_document_at FROM patient_summary";

/// A document, values of which some are out of range, an analysis and a score: much of everything, so that a join that
/// multiplies is seen.
const THINGS: [&str; 4] = [
    "INSERT INTO patient_document (id, clinic_id, patient_id, kind, name, status, failure, analysed_at, uploaded_by, created_at,
        updated_at)
     SELECT uuidv7_of(g), p.clinic_id, p.id, 'lab_report', 'Referto', CASE WHEN g % 3 = 0 THEN 'failed' ELSE 'completed' END,
        CASE WHEN g % 3 = 0 THEN 'no_text' END, now(), p.id, now() - g * interval '1 day', now()
     FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1",
    "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, analyte, number, unit, flag, observed_on, recorded_by,
        withdrawn_at, created_at)
     SELECT uuidv7_of(g), p.clinic_id, p.id, 'form', 'fsh', g, 'm[IU]/mL', CASE WHEN g % 2 = 0 THEN 'high' ELSE 'normal' END,
        '2031-01-01'::date + g, p.id, CASE WHEN g % 5 = 0 THEN now() END, now()
     FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1",
    "INSERT INTO graded_analysis (id, clinic_id, patient_id, kind, source, observed_on, input, result, method, recorded_by,
        withdrawn_at, created_at, updated_at)
     SELECT uuidv7_of(g), p.clinic_id, p.id, 'semen', 'form', '2031-01-01', '{}', '{}', 'who-2021', p.id,
        CASE WHEN g % 4 = 0 THEN now() END, now(), now()
     FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1",
    "INSERT INTO fertility_score (id, clinic_id, patient_id, inputs_hash, overall, band, coverage, result, method, computed_at)
     SELECT uuidv7_of(g), p.clinic_id, p.id, sha256(g::text::bytea), 90 - 10 * g, 'good', 50, '{}', 'v1', now()
     FROM patient p, generate_series(1, $2::int) g WHERE p.id = $1",
];
/// Ids in the order in which things were written.
const IDS: &str = "CREATE SEQUENCE written;
    CREATE FUNCTION uuidv7_of(g int) RETURNS uuid LANGUAGE sql VOLATILE AS
    $$ SELECT (lpad(to_hex(nextval('written')), 12, '0') || substr(md5(random()::text), 1, 20))::uuid $$";

async fn write(client: &Client, patient: PatientId, how_many: i32) {
    for sql in THINGS {
        client.execute(sql, &[&patient, &how_many]).await.unwrap();
    }
}

/// Rows in which two queries differ.
async fn differences(client: &Client) -> i64 {
    let sql =
        format!("SELECT count(*) FROM (({DIRECT} EXCEPT {VIEW}) UNION ALL ({VIEW} EXCEPT {DIRECT})) AS x");
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

impl Ward {
    /// What was changed is refreshed, as time goes by.
    async fn some_seconds_later(&self) {
        // The refresh rests the longer the longer the last one took: on a busy machine more than these seconds.
        const QUICK: &str = "UPDATE patient_summary_state SET took_ms = least(took_ms, 1000)";
        self.app.database.client().await.execute(QUICK, &[]).await.unwrap();
        self.app.app.clock.advance(SignedDuration::from_secs(6));
        self.app.run_jobs().await;
    }

    /// What was written behind the back of everybody is refreshed, whatever the time is: no job was asked for.
    async fn refreshed(&self) {
        let mut tx = self.app.app.db.begin("tests.refresh").await.unwrap();
        refresh::refresh(&mut tx, self.app.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn summaries(&self, query: &str) -> Vec<String> {
        let page = self.reader.get(&format!("{SUMMARY}{query}")).await.expect(200).json();
        let names =
            page["data"].as_array().unwrap().iter().map(|it| it["first_name"].as_str().unwrap().to_owned());
        names.collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_who_needs_it_by_counts_that_nothing_multiplies() {
    let ward = Ward::new().await;
    ward.app.pause_schedule("clinic.refresh_summary").await;
    let client = ward.app.database.client().await;
    client.batch_execute(IDS).await.unwrap();
    let person = async |first: &str| ward.register(a_person(first, "Rossi", "1990-05-17")).await;
    let (anna, eva, olga) = (person("Anna").await, person("Eva").await, person("Olga").await);
    write(&client, anna, 4).await;
    write(&client, eva, 7).await;
    let before = ward.reader.get(SUMMARY).await.expect(200).json();
    assert_eq!((&before["data"], &before["is_stale"]), (&json!([]), &json!(true)), "and it says so");
    ward.refreshed().await;
    let page = ward.reader.get(SUMMARY).await.expect(200).json();
    assert_eq!(page["is_stale"], false);
    let of = |id: PatientId| {
        page["data"].as_array().unwrap().iter().find(|it| it["id"] == json!(id)).unwrap().clone()
    };
    let figures = |it: &Value| {
        [
            "document_count",
            "completed_documents",
            "failed_documents",
            "value_count",
            "abnormal_count",
            "analysis_count",
        ]
        .map(|name| it[name].as_i64().unwrap())
    };
    assert_eq!(figures(&of(eva)), [7, 5, 2, 6, 3, 6]);
    assert_eq!(figures(&of(olga)), [0; 6]);
    assert_eq!(
        (&of(eva)["latest_score"], &of(anna)["latest_score"]),
        (&json!(20.0), &json!(50.0)),
        "the latest, not the best"
    );
    assert!(of(olga)["latest_score"].is_null() && of(olga)["last_document_at"].is_null());
    assert_eq!(ward.summaries("").await, ["Olga", "Eva", "Anna"]);
    assert_eq!(ward.summaries("?sort=abnormal_values").await, ["Eva", "Anna", "Olga"]);
    assert_eq!(ward.summaries("?sort=lowest_score").await, ["Eva", "Anna", "Olga"]);
    assert_eq!(ward.summaries("?sort=oldest_document").await[0], "Olga");
    assert_eq!(ward.summaries("?has_abnormal_values=false").await, ["Olga"]);
    assert_eq!(ward.summaries("?has_failed_documents=true&score_at_most=20").await, ["Eva"]);
    assert_eq!(ward.summaries("?no_document_since=2001-01-01").await, ["Olga"]);
    ward.reader.get(&format!("{SUMMARY}?score_at_most=101")).await.expect(400);
    ward.reader.get(&format!("{SUMMARY}?no_document_since=ieri")).await.expect(400);
    every_order_is_walked_page_by_page(&ward).await;
    let totals = ward.reader.get(&format!("{SUMMARY}/totals")).await.expect(200).json();
    assert_eq!(
        [
            "patients",
            "with_abnormal_values",
            "without_documents",
            "documents",
            "values",
            "abnormal_values",
            "analyses"
        ]
        .map(|name| totals[name].as_i64().unwrap()),
        [3, 2, 1, 11, 10, 5, 9]
    );
    assert_eq!((&totals["mean_score"], &totals["is_stale"]), (&json!(35.0), &json!(false)));
    // Another clinic has its own, and what changes here makes nothing stale there.
    write(&client, olga, 1).await;
    let theirs = ward.rival.get(SUMMARY).await.expect(200).json();
    assert_eq!((&theirs["data"], &theirs["is_stale"]), (&json!([]), &json!(false)));
    assert_eq!(ward.rival.get(&format!("{SUMMARY}/totals")).await.expect(200).json()["patients"], 0);
    assert_eq!(ward.reader.get(SUMMARY).await.expect(200).json()["is_stale"], true);
    assert_eq!(ward.told("patient.list").await, "patient.list patient.list patient.list");
    ward.app.finish().await;
}

async fn every_order_is_walked_page_by_page(ward: &Ward) {
    for sort in ["newest", "abnormal_values", "lowest_score", "oldest_document"] {
        let whole = ward.summaries(&format!("?sort={sort}")).await;
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{SUMMARY}?sort={sort}&limit=1{cursor}");
            let page = ward.reader.get(&path).await.expect(200).json();
            walked.push(page["data"][0]["first_name"].as_str().unwrap().to_owned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(walked, whole, "{sort}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_merged_or_anonymous_is_out_at_once_and_the_target_has_everything() {
    let ward = Ward::new().await;
    ward.app.pause_schedule("clinic.refresh_summary").await;
    let client = ward.app.database.client().await;
    client.batch_execute(IDS).await.unwrap();
    let twin = |n: u8| {
        with(
            a_person("Anna", "Rossi", "1990-05-17"),
            json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") }),
        )
    };
    let (target, source, gone) =
        (ward.register(twin(1)).await, ward.register(twin(2)).await, ward.register(twin(3)).await);
    for id in [target, source, gone] {
        write(&client, id, 3).await;
    }
    ward.refreshed().await;
    ward.merge(target, source).await.expect(200);
    ward.archive(gone, true).await.expect(200);
    assert_eq!(ward.summaries("?state=all").await.len(), 2, "before anything is refreshed");
    assert_eq!(ward.summaries("?state=archived").await.len(), 1);
    let (_, etag) = ward.patient(gone).await;
    let path = format!("{PATIENTS}/{gone}/anonymisation");
    ward.manager.request(axum::http::Method::POST, &path, &[("if-match", &etag)], None).await.expect(200);
    let page = ward.reader.get(&format!("{SUMMARY}?state=all")).await.expect(200).json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["is_stale"]), (1, &json!(true)));
    ward.some_seconds_later().await;
    let page = ward.reader.get(&format!("{SUMMARY}?state=all")).await.expect(200).json();
    assert_eq!((&page["data"][0]["value_count"], &page["is_stale"]), (&json!(6), &json!(false)));
    assert_eq!(ward.reader.get(&format!("{SUMMARY}/totals")).await.expect(200).json()["patients"], 1);
    assert_eq!(differences(&client).await, 0);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_changes_is_one_refresh_and_a_quiet_minute_is_none() {
    const REFRESHES: &str = "SELECT count(*) FROM job.body b JOIN job.kind k ON k.id = b.kind_id WHERE k.name = 'clinic.refresh_summary'";
    let ward = Ward::new().await;
    join_all((0..12).map(|n| {
        ward.register(a_person(
            "Anna",
            &format!("Rossi{}", ["a", "b", "c"][n % 3].repeat(n + 1)),
            "1990-05-17",
        ))
    }))
    .await;
    let waiting: i64 = ward.app.value(REFRESHES).await;
    assert_eq!(waiting, 1);
    ward.some_seconds_later().await;
    let at = async || ward.reader.get(SUMMARY).await.expect(200).json()["refreshed_at"].clone();
    let refreshed = at().await;
    ward.app.app.clock.advance(SignedDuration::from_mins(3));
    ward.app.run_jobs().await;
    assert_eq!(at().await, refreshed, "nothing has changed");
    // A change that no job was enqueued for is found by the schedule.
    let client = ward.app.database.client().await;
    client.batch_execute(IDS).await.unwrap();
    let id: PatientId = client.query_one("SELECT id FROM patient LIMIT 1", &[]).await.unwrap().get(0);
    write(&client, id, 2).await;
    ward.app.app.clock.advance(SignedDuration::from_mins(2));
    ward.app.run_jobs().await;
    assert_ne!(at().await, refreshed);
    assert_eq!(differences(&client).await, 0);
    ward.app.finish().await;
}

/// The measure measures: a refresh that is not concurrent does block who reads.
async fn a_plain_refresh_would_block(ward: &Ward, client: &Client) {
    let mut other = ward.app.database.client().await;
    let plain = other.transaction().await.unwrap();
    plain.batch_execute("REFRESH MATERIALIZED VIEW patient_summary").await.unwrap();
    client.batch_execute("SET lock_timeout = '1ms'").await.unwrap();
    let refused = client.query_one("SELECT count(*) FROM patient_summary", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::LOCK_NOT_AVAILABLE));
    plain.rollback().await.unwrap();
}

async fn eight_of_one_name(ward: &Ward) -> Vec<PatientId> {
    let mut patients = Vec::new();
    for n in 0..8 {
        let more = json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") });
        patients.push(ward.register(with(a_person("Anna", "Rossi", "1990-05-17"), more)).await);
    }
    patients
}

/// Does something over and over until it is enough, and says how often.
async fn until(enough: &AtomicBool, mut work: impl AsyncFnMut()) -> usize {
    let mut times = 0;
    while !enough.load(SeqCst) {
        work().await;
        times += 1;
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn while_everything_changes_nobody_who_reads_waits_and_afterwards_every_count_is_right() {
    const READ: &str = "SELECT count(*) FROM patient_summary";
    let ward = Ward::new().await;
    let client = ward.app.database.client().await;
    client.batch_execute(IDS).await.unwrap();
    let patients = eight_of_one_name(&ward).await;
    let (enough, blocked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let writer = async |n: usize| {
        let client = ward.app.database.client().await;
        let mut turn = n;
        until(&enough, async || {
            turn += 1;
            let id = patients[(turn * 3) % patients.len()];
            write(&client, id, 3).await;
            if turn.is_multiple_of(3) {
                let half = "DELETE FROM laboratory_value WHERE patient_id = $1 AND number > 1";
                client.execute(half, &[&id]).await.unwrap();
                let withdraw = "UPDATE graded_analysis SET withdrawn_at = now() WHERE patient_id = $1 AND random() < 0.5";
                client.execute(withdraw, &[&id]).await.unwrap();
            }
        })
        .await
    };
    // A lock that is not there at once is an error.
    let reader = async || {
        let client = ward.app.database.client().await;
        client.batch_execute("SET lock_timeout = '1ms'").await.unwrap();
        until(&enough, async || match client.query_one(READ, &[]).await {
            Ok(_) => {}
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                blocked.fetch_add(1, SeqCst);
            }
            Err(error) => panic!("{error}"),
        })
        .await
    };
    let over_http = async || {
        until(&enough, async || {
            ward.reader.get(SUMMARY).await.expect(200);
        })
        .await
    };
    let refresher = async || {
        for _ in 0..40 {
            ward.refreshed().await;
        }
        enough.store(true, SeqCst);
    };
    let merging = async || ward.merge(patients[0], patients[1]).await.expect(200);
    let (wrote, read, asked, ..) = tokio::join!(
        join_all((0..4).map(writer)),
        join_all((0..4).map(|_| reader())),
        over_http(),
        refresher(),
        merging(),
    );
    let (wrote, read) = (wrote.iter().sum::<usize>(), read.iter().sum::<usize>());
    println!("40 refreshes beside {wrote} bursts of changes, {read} reads and {asked} requests");
    assert!(wrote > 10 && read > 100 && asked > 5);
    assert_eq!(blocked.load(SeqCst), 0, "nobody who reads has waited for a lock");
    // After the last one nothing is missing, and nobody is told otherwise.
    ward.refreshed().await;
    assert_eq!(differences(&client).await, 0);
    let stale: i64 = ward.app.value("SELECT count(*) FROM patient_summary_change").await;
    assert_eq!(stale, 0);
    a_plain_refresh_would_block(&ward, &client).await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_thousand_patients_every_list_is_walked_by_index() {
    const DOCUMENTS: &str = "INSERT INTO patient_document (id, clinic_id, patient_id, kind, name, status, analysed_at, uploaded_by,
            created_at, updated_at)
        SELECT gen_random_uuid(), clinic_id, id, 'lab_report', 'Referto', 'completed', now(), id, now() - random() * interval '900 days',
            now() FROM patient";
    const VALUES: &str = "INSERT INTO laboratory_value (id, clinic_id, patient_id, source, analyte, number, flag, recorded_by,
            created_at)
        SELECT gen_random_uuid(), clinic_id, id, 'form', 'fsh', 1, CASE WHEN random() < 0.3 THEN 'high' ELSE 'normal' END, id, now()
        FROM patient, generate_series(1, 2)";
    let ward = Ward::new().await;
    let client = ward.app.database.client().await;
    for sql in [MANY, DOCUMENTS, VALUES] {
        let arguments: &[&(dyn postgres_types::ToSql + Sync)] =
            if sql == MANY { &[&ward.clinic] } else { &[] };
        client.execute(sql, arguments).await.unwrap();
    }
    client.batch_execute("ANALYZE").await.unwrap();
    let refresh = async || {
        let began = std::time::Instant::now();
        let mut tx = ward.app.app.db.begin("tests.refresh").await.unwrap();
        refresh::refresh(&mut tx, ward.app.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        began.elapsed()
    };
    println!(
        "200,000 patients, 400,000 values: {:?} the first time, {:?} when nothing changed",
        refresh().await,
        refresh().await
    );
    client.batch_execute("VACUUM ANALYZE patient_summary").await.unwrap();
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.unwrap();
    let shapes = [
        (list::NEWEST, "patient_summary_newest"),
        (list::ABNORMAL, "patient_summary_abnormal"),
        (list::LOWEST, "patient_summary_score"),
        (list::OLDEST, "patient_summary_document"),
    ];
    for (statement, index) in shapes {
        let arguments = format!("'{}', false, NULL, NULL, NULL, NULL, NULL, NULL, 21", ward.nurse_account.id);
        let (plan, took) = explained(&client, statement, &arguments).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on patient"), "{index}\n{plan}");
        println!("{index}: {took:.2} ms");
    }
    let began = std::time::Instant::now();
    let totals = ward.reader.get(&format!("{SUMMARY}/totals")).await.expect(200).json();
    println!("totals of {} patients: {:?}", totals["patients"], began.elapsed());
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_document_is_counted_after_some_seconds() {
    let dossier = Dossier::new().await;
    let ward = &dossier.ward;
    // Not by the clock, which comes each minute: each change asks for it.
    ward.app.pause_schedule("clinic.refresh_summary").await;
    ward.some_seconds_later().await;
    let is_asked_for = async |what: &str| {
        let waits = "SELECT count(*) FROM job.body JOIN job.kind AS k ON k.id = kind_id
            WHERE k.name = 'clinic.refresh_summary' AND unique_hash IS NOT NULL";
        assert_eq!(ward.app.value::<i64>(waits).await, 1, "{what}");
        ward.some_seconds_later().await;
        assert_eq!(ward.app.value::<i64>(waits).await, 0, "{what}");
        let page = ward.reader.get(SUMMARY).await.expect(200).json();
        let it = &page["data"][0];
        (it["document_count"].clone(), it["completed_documents"].clone(), it["failed_documents"].clone())
    };
    rest(&dossier, true).await;
    let id = dossier.uploaded("vuoto.txt", b"nulla di misurato\n").await;
    let waiting = "SELECT count(*) FROM job.body JOIN job.kind AS k ON k.id = kind_id
        WHERE k.name = 'clinic.refresh_summary' AND unique_hash IS NOT NULL";
    assert_eq!(ward.app.value::<i64>(waiting).await, 1, "it has arrived");
    rest(&dossier, false).await;
    dossier.analysed(&id).await;
    assert_eq!(is_asked_for("it is there, and read without any value").await, (json!(1), json!(1), json!(0)));
    let id = dossier.uploaded("vuoto.txt", b"   \n").await;
    assert_eq!(dossier.analysed(&id).await["failure"], "no_text");
    assert_eq!(is_asked_for("it has failed").await, (json!(2), json!(1), json!(1)));
    ward.manager.delete(&format!("{}/documents/{id}", dossier.path)).await.expect(204);
    assert_eq!(is_asked_for("it was taken away").await, (json!(1), json!(1), json!(0)));
    ward.app.sql("UPDATE patient SET last_entry_at = last_entry_at - interval '2558 days'").await;
    run(&ward.app, &AnonymisePatients {}).await;
    assert_eq!(is_asked_for("nobody is left").await.0, Value::Null);
    dossier.ward.app.finish().await;
}
