//! The plans over 100,000 patients of a clinic, of which others have as many again: indexes and no scan.

use std::time::Instant;

use serde_json::json;
use sportello::clinic::patients::{duplicates::CANDIDATES, list};
use tokio_postgres::Client;

use super::ward::{PATIENTS, Ward, a_person, with};

pub(super) const MANY: &str = "INSERT INTO patient (id, clinic_id, medical_record_number, first_name, last_name, name_key, born_on, sex,
        fiscal_code, last_entry_at, created_at, updated_at)
    SELECT gen_random_uuid(), CASE WHEN g % 2 = 0 THEN $1 ELSE (SELECT id FROM clinic WHERE id <> $1) END, 'MR-' || g,
        'Anna' || g % 300, 'Rossi' || g % 5000, 'anna' || g % 300 || ' rossi' || g % 5000,
        '1950-01-01'::date + (g % 20000)::int, 'female', CASE WHEN g % 3 = 0 THEN lpad(g::text, 11, '0') END, now(), now(), now()
    FROM generate_series(1, 200000) g";

pub(super) async fn explained(client: &Client, statement: &str, arguments: &str) -> (String, f64) {
    client.batch_execute(&format!("PREPARE shape AS {statement}")).await.unwrap();
    let (mut plan, mut best) = (String::new(), f64::MAX);
    for _ in 0..5 {
        let sql = format!("EXPLAIN (ANALYZE, BUFFERS) EXECUTE shape ({arguments})");
        let rows = client.query(&sql, &[]).await.unwrap();
        plan = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
        let took = plan.lines().find_map(|line| line.trim().strip_prefix("Execution Time: ")).unwrap();
        best = best.min(took.trim_end_matches(" ms").parse().unwrap());
    }
    client.batch_execute("DEALLOCATE shape").await.unwrap();
    (plan, best)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_patients_are_listed_found_and_compared_by_index() {
    let ward = Ward::new().await;
    let client = ward.app.database.client().await;
    client.execute(MANY, &[&ward.clinic]).await.unwrap();
    client.batch_execute("VACUUM ANALYZE patient").await.unwrap();
    // As on every connection.
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.unwrap();
    let (clinic, nurse) = (format!("'{}'", ward.clinic), format!("'{}'", ward.nurse_account.id));
    let found = |terms: &str| format!("{nurse}, NULL, '{{0,2}}', 21, $${terms}$$, NULL, NULL");
    // Three of all are archived, and two have consented.
    client
        .batch_execute(
            "UPDATE patient SET archived_at = now() WHERE medical_record_number IN ('MR-200', 'MR-90000', 'MR-199998');
             UPDATE patient SET consented_at = now() WHERE medical_record_number IN ('MR-400', 'MR-150000')",
        )
        .await
        .unwrap();
    let newest = |shelves: &str| format!("{nurse}, NULL, '{shelves}', 21");
    let shapes = [
        ("newest", list::NEWEST, newest("{0,2}"), "patient_shelf"),
        ("archived", list::NEWEST, newest("{1,3}"), "patient_shelf"),
        ("consented", list::NEWEST, newest("{2}"), "patient_shelf"),
        ("all", list::NEWEST, newest("{0,1,2,3}"), "patient_shelf"),
        ("a rare word", list::FOUND, found("'rossi4712':* & 'anna12':*"), "patient_search"),
        ("a name", list::FOUND, found("'rossi47':*"), "patient_search"),
        ("a number", list::FOUND, found("'mr199998'"), "patient_search"),
        (
            "duplicates",
            CANDIDATES,
            format!("{clinic}, NULL, '00000199998', 'anna198 rossi4998', '1977-05-18', 500"),
            "patient_born_on",
        ),
    ];
    let mut told = Vec::new();
    for (name, statement, arguments, index) in shapes {
        let (plan, took) = explained(&client, statement, &arguments).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on patient"), "{name}\n{plan}");
        let is_walked = statement == list::NEWEST && plan.contains("Rows Removed by Filter");
        assert!(!is_walked, "{name}: nobody is looked at who is not wanted\n{plan}");
        if name == "duplicates" {
            assert!(["patient_name_key", "patient_fiscal_code"].iter().all(|it| plan.contains(it)), "{plan}");
        }
        told.push(format!("{name}: {took:.2} ms"));
    }
    println!("{}", told.join("\n"));
    // Over HTTP: somebody who is there is found, somebody else is registered.
    let began = Instant::now();
    let there = with(a_person("Anna198", "Rossi4998", "1950-01-01"), json!({ "fiscal_code": null }));
    let day: String = ward
        .app
        .value("SELECT born_on::text FROM patient WHERE name_key = 'anna198 rossi4998' AND medical_record_number = 'MR-199998'")
        .await;
    let refused = ward.nurse.post(PATIENTS, with(there, json!({ "born_on": day }))).await.expect(409);
    assert_eq!(refused.code(), "likely_duplicate");
    ward.nurse.post(PATIENTS, a_person("Olga", "Verdi", &day)).await.expect(201);
    println!("two over HTTP: {:?}", began.elapsed());
    ward.app.finish().await;
}
