//! The end of a record.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::ward::{PATIENTS, Ward, a_person, with};

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
