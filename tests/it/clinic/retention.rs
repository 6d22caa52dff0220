//! The end of a record.

use std::{collections::BTreeSet, time::Duration};

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::json;
use sportello::{
    accounts::upkeep,
    clinic::{
        patients::held::HELD,
        retention::BATCH,
        rules::patient::anonymisation::{Field, NOBODYS, Rule},
    },
    ids::PatientId,
};

use super::{
    analyses::one_of_each,
    confirmation::OF_ANOTHER,
    dossier::{Dossier, REPORT},
    ward::{PATIENTS, Ward, a_person, with},
};

/// Every word of every row of the desk's tables.
const EVERYTHING: &str = "SELECT concat_ws(' ', (SELECT string_agg(p::text, ' ') FROM patient p),
    (SELECT string_agg(c::text, ' ') FROM patient_consent c), (SELECT string_agg(m::text, ' ') FROM patient_merge m),
    (SELECT string_agg(e.details::text, ' ') FROM audit_entry e))";

#[tokio::test(flavor = "multi_thread")]
async fn after_seven_years_without_an_entry_nobody_is_left_in_the_record() {
    let ward = Ward::new().await;
    let more = json!({ "medical_record_number": "FE-77", "email": "ghironda@example.org", "phone": "051 987654",
        "notes": "ghironda", "insurance": "Assicurazione Ghironda", "lifestyle": { "smoking": "former" },
        "history": { "tubes": "both_open", "as_of": "2019-04-05" } });
    let old = ward.register_consenting(with(a_person("Ghironda", "Zampognari", "1985-06-07"), more)).await;
    let twin = json!({ "is_distinct": true });
    let merged = ward.register(with(a_person("Ghironda", "Zampognari", "1985-06-07"), twin)).await;
    ward.merge(old, merged).await.expect(200);
    let kept = ward
        .register(with(a_person("Anna", "Bianchi", "1990-05-17"), json!({ "partner_patient_id": old })))
        .await;
    let aged = ward.register(a_person("Ginevra", "Antichi", "1931-01-01")).await;
    let age = "UPDATE patient SET last_entry_at = last_entry_at - interval '2558 days' WHERE id <> $1";
    ward.app.database.client().await.execute(age, &[&kept]).await.unwrap();
    ward.app.app.clock.advance(SignedDuration::from_hours(25));
    ward.app.run_jobs().await;
    let client = ward.app.database.client().await;
    let left = "SELECT first_name, born_on::text, sex, archived_at IS NOT NULL, fiscal_code IS NULL, lifestyle ->> 'smoking',
        medical_record_number LIKE 'ANON-%' FROM patient WHERE id = $1 AND anonymised_at IS NOT NULL";
    let row = client.query_one(left, &[&old]).await.unwrap();
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, Option<&str>>(1), row.get::<_, &str>(2)),
        ("—", Some("1985-01-01"), "female")
    );
    assert!(row.get::<_, bool>(3) && row.get::<_, bool>(4) && row.get::<_, bool>(6));
    assert_eq!(row.get::<_, Option<&str>>(5), Some("former"));
    let row = client.query_one(left, &[&aged]).await.unwrap();
    assert_eq!(row.get::<_, Option<&str>>(1), None, "who is over ninety is one of few");
    client.query_one(left, &[&merged]).await.unwrap();
    let words: String = ward.app.value(EVERYTHING).await;
    for word in ["hironda", "ampognari", "ntichi", "FE-77", "987654", "modulo firmato", "2019-04-05"] {
        assert!(!words.contains(word), "{word}");
    }
    assert!(words.contains("Bianchi"));
    assert!(
        client
            .query_one("SELECT partner_patient_id FROM patient WHERE id = $1", &[&kept])
            .await
            .unwrap()
            .get::<_, Option<uuid::Uuid>>(0)
            .is_none()
    );
    assert_eq!(ward.told("patient.anonymise").await, "patient.anonymise patient.anonymise");
    // A second night finds nothing to do.
    ward.app.app.clock.advance(SignedDuration::from_hours(24));
    ward.app.run_jobs().await;
    assert_eq!(ward.told("patient.anonymise").await, "patient.anonymise patient.anonymise");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_manages_the_clinic_may_end_an_archived_record_for_good() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}/anonymisation");
    let end = async |etag: &str| ward.manager.request(Method::POST, &path, &[("if-match", etag)], None).await;
    assert_eq!(end("*").await.expect(409).code(), "not_archived");
    ward.archive(id, true).await.expect(200);
    let (_, etag) = ward.patient(id).await;
    ward.nurse.request(Method::POST, &path, &[("if-match", "*")], None).await.expect(403);
    end("\"v0\"").await.expect(412);
    let ended = end(&etag).await.expect(200).json();
    assert_eq!((&ended["first_name"], &ended["born_on"]), (&json!("—"), &json!("1990-01-01")));
    assert_eq!(end("*").await.expect(409).code(), "anonymised");
    assert_eq!(ward.archive(id, false).await.expect(409).code(), "anonymised");
    assert_eq!(ward.consent(id, true).await.expect(409).code(), "anonymised");
    // Whoever is registered next is nobody's duplicate.
    ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_that_cannot_be_emptied_keeps_no_other() {
    let ward = Ward::new().await;
    let client = ward.app.database.client().await;
    let mut ids = Vec::new();
    for n in 0..BATCH + 3 {
        ids.push(
            ward.register(a_person("Anna", &format!("Bianchi {}", "x".repeat(n as usize)), "1990-05-17"))
                .await,
        );
    }
    // Somebody has the number that the second of them would get; it was written down when that could still be.
    let (bad, holder) = (ids[1], ids[2]);
    let take = "UPDATE patient SET medical_record_number = 'ANON-' || upper(right($1::uuid::text, 12)) WHERE id = $2";
    client.execute(take, &[&bad, &holder]).await.unwrap();
    let age =
        "UPDATE patient SET last_entry_at = last_entry_at - interval '2558 days' + interval '1 second' * $2
        WHERE id = $1";
    for (n, id) in ids.iter().enumerate().filter(|(_, id)| **id != holder) {
        client.execute(age, &[id, &(n as f64)]).await.unwrap();
    }
    ward.app.app.clock.advance(SignedDuration::from_hours(25));
    let jobs = &ward.app.app.jobs;
    let ran = jobs.run_until_idle(&ward.app.app.db, Duration::from_secs(60)).await;
    assert!(ran.is_err(), "that one was not done is told");
    let left = "SELECT array_agg(id) FROM patient WHERE anonymised_at IS NULL";
    let left: Vec<PatientId> = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left.iter().collect::<BTreeSet<_>>(), [bad, holder].iter().collect());
    let told = ward.told("patient.anonymise").await;
    assert_eq!(told.split(' ').count(), ids.len() - 2, "each of the others once");
    // When nobody has the number any more, the next night does it.
    let give = "UPDATE patient SET medical_record_number = 'FE-1' WHERE id = $1";
    client.execute(give, &[&holder]).await.unwrap();
    ward.app.app.clock.advance(SignedDuration::from_hours(24));
    ward.app.run_jobs().await;
    let count = "SELECT count(*) FROM patient WHERE anonymised_at IS NULL";
    assert_eq!(ward.app.value::<i64>(count).await, 1);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_about_a_patient_has_a_rule() {
    const COLUMNS: &str = "SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = ANY ($1)";
    let ward = Ward::new().await;
    let tables: Vec<_> = HELD.iter().map(|it| it.table).chain(["patient", "patient_document_text"]).collect();
    let rows = ward.app.database.client().await.query(COLUMNS, &[&tables]).await.unwrap();
    let columns: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let ruled = Field::ALL.iter().flat_map(|it| it.columns()).chain(NOBODYS).map(|it| (*it).to_owned());
    assert_eq!(columns, ruled.collect(), "what becomes of it when a patient is made anonymous?");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_jobs_and_kept_answers_go_with_the_person() {
    let dossier = Dossier::new().await;
    let (ward, id) = (&dossier.ward, dossier.patient);
    let document = dossier.uploaded("Anna Bianchi.txt", format!("{OF_ANOTHER}{REPORT}").as_bytes()).await;
    dossier.analysed(&document).await;
    dossier.confirm(&document).await.expect(202);
    dossier.analysed(&document).await;
    let key = [("idempotency-key", "k")];
    let value = json!({ "analyte": "amh", "number": "2.80", "unit": "ng/mL", "observed_on": "2026-03-12" });
    let values = format!("{}/values", dossier.path);
    let kept =
        ward.manager.request(Method::POST, &values, &key, Some(value.clone())).await.expect(201).json();
    let withdrawal = format!("{values}/{}/withdrawal", kept["id"].as_str().unwrap());
    ward.manager.request(Method::POST, &withdrawal, &[], None).await.expect(204);
    let (analysis, _) = one_of_each()[3].clone();
    let analysis = with(analysis, json!({ "note": "Anna Bianchi" }));
    let analyses = format!("{}/analyses", dossier.path);
    let made =
        ward.manager.request(Method::POST, &analyses, &key, Some(analysis.clone())).await.expect(201).json();
    let withdrawal = format!("/api/v1/clinic/analyses/{}/withdrawal", made["id"].as_str().unwrap());
    ward.manager.request(Method::POST, &withdrawal, &[("if-match", "*")], None).await.expect(200);
    let other = a_person("Eva", "Neri", "1985-02-03");
    ward.manager.request(Method::POST, PATIENTS, &key, Some(other.clone())).await.expect(201);
    ward.manager.post(&format!("{}/reports", dossier.path), json!({})).await.expect(202);
    ward.app.app.clock.advance(SignedDuration::from_secs(2));
    ward.app.run_jobs().await;
    let client = ward.app.database.client().await;
    let about = "SELECT (SELECT count(*) FROM job.done WHERE tags @> ARRAY['subject:' || $1::uuid::text])
        + (SELECT count(*) FROM job.body WHERE tags @> ARRAY['subject:' || $1::uuid::text])";
    let known: i64 = client.query_one(about, &[&id]).await.unwrap().get(0);
    assert!(known >= 3, "an analysis, scores, a report: {known}");

    ward.archive(id, true).await.expect(200);
    let end = format!("{}/anonymisation", dossier.path);
    ward.manager.request(Method::POST, &end, &[("if-match", "*")], None).await.expect(200);
    for field in Field::ALL.iter().filter(|it| it.rule() == Rule::Coarsen) {
        for (table, column) in field.columns().iter().map(|it| it.split_once('.').unwrap()) {
            let whose = if table == "patient" { "id" } else { "patient_id" };
            let sql = format!(
                "SELECT count(*) FILTER (WHERE {column} IS NOT NULL), count(*) FILTER (WHERE {column}::timestamptz AT TIME ZONE 'UTC' <> date_trunc('year', {column}::timestamptz AT TIME ZONE 'UTC'))
                 FROM {table} WHERE {whose} = $1"
            );
            let row = client.query_one(&sql, &[&id]).await.unwrap();
            let (there, days): (i64, i64) = (row.get(0), row.get(1));
            assert!(there > 0 && days == 0, "{table}.{column}: {there} {days}");
        }
    }
    let known: i64 = client.query_one(about, &[&id]).await.unwrap().get(0);
    assert_eq!(known, 0);
    for (path, body) in [(&values, value), (&analyses, analysis)] {
        let again = ward.manager.request(Method::POST, path, &key, Some(body)).await;
        assert_eq!(again.expect(409).code(), "anonymised", "{path}: nothing is repeated");
    }
    let again = ward.manager.request(Method::POST, PATIENTS, &key, Some(other)).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true", "what is about others stays");
    dossier.ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_answers_about_a_patient_are_found_among_many_by_index() {
    const MANY: &str = "INSERT INTO idempotency_key (key, fingerprint, status, headers, body, created_at)
        SELECT sha256(g::text::bytea), sha256(g::text::bytea), 201, jsonb_build_object('location',
            CASE WHEN g % 10 = 0 THEN '/api/v1/clinic/patients/' || gen_random_uuid() ELSE '/api/v1/bookings/' || g END),
            '{}', now()
        FROM generate_series(1, 100000) g";
    let ward = Ward::new().await;
    let client = ward.app.database.client().await;
    client.execute(MANY, &[]).await.unwrap();
    client.batch_execute("VACUUM ANALYZE idempotency_key").await.unwrap();
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let paths = format!("ARRAY['{PATIENTS}/{}']", uuid::Uuid::now_v7());
    let (plan, took) = super::plans::explained(&client, upkeep::FORGET_ANSWERS, &paths).await;
    assert!(
        plan.contains("idempotency_key_clinic") && !plan.contains("Seq Scan on idempotency_key"),
        "{plan}"
    );
    println!("answers of a patient: {took:.2} ms");
    ward.app.finish().await;
}
