//! Two records of one patient are made one.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::json;
use sportello::{clinic::patients::held::HELD, ids::PatientId};

use super::ward::{PATIENTS, Ward, a_person, with};

#[tokio::test(flavor = "multi_thread")]
async fn the_target_takes_everything_and_the_old_record_leads_to_it() {
    let ward = Ward::new().await;
    let partner = ward.register(a_person("Olga", "Neri", "1991-01-01")).await;
    let known = json!({ "medical_record_number": "FE-1", "phone": "051 111111" });
    let target = ward.register_consenting(with(a_person("Mario", "Rossi", "1985-12-10"), known)).await;
    let more = json!({ "medical_record_number": "FE-2", "fiscal_code": "RSSMRA85T10A562S", "phone": "051 222222",
        "notes": "allergico", "partner_patient_id": partner, "is_distinct": true });
    let source = ward.register(with(a_person("Mario", "Rossi", "1985-12-10"), more)).await;
    let wife = json!({ "partner_patient_id": source });
    ward.nurse.patch(&format!("{PATIENTS}/{partner}"), "*", wife).await.expect(200);
    ward.app.app.clock.advance(jiff::SignedDuration::from_secs(1));
    ward.consent(source, true).await.expect(200);
    ward.app.app.clock.advance(jiff::SignedDuration::from_secs(1));
    ward.consent(source, false).await.expect(200);

    ward.merge_as("\"v0\"", target, source).await.expect(412);
    let merged = ward.merge(target, source).await.expect(200).json();
    assert_eq!(
        [&merged["fiscal_code"], &merged["phone"], &merged["notes"], &merged["partner_patient_id"]],
        [&json!("RSSMRA85T10A562S"), &json!("051 111111"), &json!("allergico"), &json!(partner)]
    );
    assert!(merged["consented_at"].is_null(), "what was said last, to whichever record, counts");
    let (olga, _) = ward.patient(partner).await;
    assert_eq!(olga["partner_patient_id"], json!(target));
    // The old one leads there and takes nothing any more.
    for rest in ["", "/consents", "/duplicates", "/merges"] {
        let moved = ward.reader.get(&format!("{PATIENTS}/{source}{rest}")).await.expect(308);
        assert_eq!(
            (moved.code(), moved.header("location")),
            ("merged_into".to_owned(), &*format!("{PATIENTS}/{target}{rest}"))
        );
    }
    let closed =
        ward.nurse.patch(&format!("{PATIENTS}/{source}"), "*", json!({ "notes": "" })).await.expect(409);
    assert_eq!((closed.code(), &closed.json()["merged_into"]), ("merged_into".to_owned(), &json!(target)));
    assert_eq!(ward.consent(source, true).await.expect(409).code(), "merged_into");
    assert_eq!(ward.merge(target, source).await.expect(409).code(), "merged_into");
    ward.rival.get(&format!("{PATIENTS}/{source}")).await.expect(404);
    let listed = ward.reader.get(&format!("{PATIENTS}?q=rossi&state=all")).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    // Its number stays its own, and its history is the target's.
    let taken = with(a_person("Eva", "Gallo", "1979-01-01"), json!({ "medical_record_number": "FE-2" }));
    assert_eq!(ward.nurse.post(PATIENTS, taken).await.expect(409).code(), "taken");
    let consents = ward.reader.get(&format!("{PATIENTS}/{target}/consents")).await.expect(200).json();
    assert_eq!(consents["data"].as_array().unwrap().len(), 3);
    let history = ward.reader.get(&format!("{PATIENTS}/{target}/merges")).await.expect(200).json();
    let entry = &history["data"][0];
    assert_eq!(
        [&entry["source_id"], &entry["source_medical_record_number"], &entry["filled"], &entry["moved"]],
        [
            &json!(source),
            &json!("FE-2"),
            &json!(["fiscal_code", "partner_patient_id", "notes"]),
            &json!({ "patient_consent": 2 })
        ]
    );
    assert_eq!(ward.told("patient.merge").await, "patient.merge patient.merge");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_takes_the_history_that_it_does_not_know() {
    let ward = Ward::new().await;
    let of = |history| {
        let more = json!({ "is_distinct": true, "history": history });
        with(a_person("Anna", "Bianchi", "1990-05-17"), more)
    };
    let target = ward.register(of(json!({}))).await;
    let source = ward
        .register(of(json!({ "tubes": "one_blocked", "cycle_length_days": 29, "as_of": "2026-02-03" })))
        .await;
    let merged = ward.merge(target, source).await.expect(200).json();
    assert_eq!(
        [&merged["history"]["tubes"], &merged["history"]["cycle_length_days"], &merged["history"]["as_of"]],
        [&json!("one_blocked"), &json!(29), &json!("2026-02-03")]
    );
    let history = ward.reader.get(&format!("{PATIENTS}/{target}/merges")).await.expect(200).json();
    assert_eq!(history["data"][0]["filled"], json!(["history"]));
    let older = ward
        .register(of(json!({ "tubes": "both_open", "ovulation": "regular", "as_of": "2024-02-03" })))
        .await;
    let again = ward.merge(target, older).await.expect(200).json();
    assert_eq!(again["history"], merged["history"], "what was said before is not taken for new");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_records_say_is_kept_and_the_old_number_and_name_still_find_it() {
    let ward = Ward::new().await;
    let known =
        json!({ "medical_record_number": "FE-1", "notes": "allergica", "lifestyle": { "height_cm": 170 } });
    let target = ward.register(with(a_person("Anna", "Rossi", "1990-05-17"), known)).await;
    let more = json!({ "medical_record_number": "FE-2", "notes": "astemia",
        "lifestyle": { "smoking": "current", "cigarettes_per_day": 10, "height_cm": 168 } });
    let source = ward.register(with(a_person("Anna", "Bianchi", "1990-05-17"), more)).await;
    let merged = ward.merge(target, source).await.expect(200).json();
    let life = &merged["lifestyle"];
    assert_eq!(
        [&life["smoking"], &life["cigarettes_per_day"], &life["height_cm"]],
        [&json!("current"), &json!(10), &json!(170.0)]
    );
    assert_eq!(merged["notes"], "allergica\n\nastemia");
    let history = ward.reader.get(&format!("{PATIENTS}/{target}/merges")).await.expect(200).json();
    let entry = &history["data"][0];
    assert_eq!(
        (&entry["filled"], &entry["source_notes"]),
        (&json!(["lifestyle", "notes"]), &json!("astemia"))
    );
    // Notes for which there is no room stay where they were, and are shown.
    let long = "nota ".repeat(799);
    let third = json!({ "medical_record_number": "FE-3", "notes": long, "is_distinct": true });
    let third = ward.register(with(a_person("Anna", "Rossi", "1990-05-17"), third)).await;
    assert_eq!(ward.merge(target, third).await.expect(200).json()["notes"], "allergica\n\nastemia");
    let history = ward.reader.get(&format!("{PATIENTS}/{target}/merges")).await.expect(200).json();
    assert_eq!(history["data"][0]["source_notes"], long.trim());
    for query in ["medical_record_number=fe-2", "medical_record_number=FE-1", "q=fe-2", "q=bianchi", "q=anna"]
    {
        let found = ward.reader.get(&format!("{PATIENTS}?{query}")).await.expect(200).json();
        let ids: Vec<_> = found["data"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(ids, [&json!(target)], "{query}");
    }
    let nobody = ward.rival.get(&format!("{PATIENTS}?medical_record_number=FE-2")).await.expect(200).json();
    assert_eq!(nobody["data"], json!([]));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_records_take_nothing_and_are_nobodys_partners() {
    let ward = Ward::new().await;
    let same = |n: u8| {
        let more = json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") });
        with(a_person("Anna", "Bianchi", "1990-05-17"), more)
    };
    let (kept, gone) = (ward.register(same(1)).await, ward.register(same(2)).await);
    ward.archive(kept, true).await.expect(200);
    assert_eq!(ward.merge(kept, gone).await.expect(409).code(), "archived");
    ward.archive(kept, false).await.expect(200);
    ward.archive(gone, true).await.expect(200);
    ward.merge(kept, gone).await.expect(200);
    let ended = ward.register(a_person("Eva", "Neri", "1985-02-03")).await;
    ward.archive(ended, true).await.expect(200);
    let path = format!("{PATIENTS}/{ended}/anonymisation");
    ward.manager.request(Method::POST, &path, &[("if-match", "*")], None).await.expect(200);
    let mario = ward.register(a_person("Mario", "Rossi", "1985-12-10")).await;
    for closed in [gone, ended] {
        let partner = json!({ "partner_patient_id": closed });
        let refused = ward.nurse.patch(&format!("{PATIENTS}/{mario}"), "*", partner.clone()).await;
        assert_eq!(refused.expect(422).json()["errors"][0]["code"], "unknown_patient");
        let new = with(a_person("Olga", "Verdi", "1971-03-09"), partner);
        let refused = ward.nurse.post(PATIENTS, new).await;
        assert_eq!(refused.expect(422).json()["errors"][0]["code"], "unknown_patient");
    }
    let partner = json!({ "partner_patient_id": kept });
    ward.nurse.patch(&format!("{PATIENTS}/{mario}"), "*", partner).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_were_merged_again_lead_to_the_last_one_in_one_step() {
    let ward = Ward::new().await;
    let same = |n: u8| {
        with(
            a_person("Anna", "Bianchi", "1990-05-17"),
            json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") }),
        )
    };
    let (a, b, c) =
        (ward.register(same(1)).await, ward.register(same(2)).await, ward.register(same(3)).await);
    ward.merge(b, a).await.expect(200);
    ward.merge(c, b).await.expect(200);
    let moved = ward.reader.get(&format!("{PATIENTS}/{a}")).await.expect(308);
    assert_eq!(moved.json()["merged_into"], json!(c));
    let history = ward.reader.get(&format!("{PATIENTS}/{c}/merges")).await.expect(200).json();
    assert_eq!(history["data"].as_array().unwrap().len(), 2);
    let itself = ward.merge(c, c).await.expect(422).json();
    assert_eq!(itself["errors"][0]["code"], "same");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_merges_and_a_change_at_once_each_is_done_whole_or_refused() {
    for round in 0..6_u32 {
        let ward = Ward::new().await;
        let same = |n: u8| {
            with(
                a_person("Anna", "Bianchi", "1990-05-17"),
                json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") }),
            )
        };
        let (a, b) = (ward.register_consenting(same(1)).await, ward.register_consenting(same(2)).await);
        let ((_, of_a), (_, of_b)) = (ward.patient(a).await, ward.patient(b).await);
        let path = format!("{PATIENTS}/{a}");
        let (into_a, into_b, change) = tokio::join!(
            ward.merge_as(&of_a, a, b),
            ward.merge_as(&of_b, b, a),
            ward.nurse.patch(&path, &of_a, json!({ "notes": "nota" })),
        );
        let statuses = [into_a.status, into_b.status, change.status];
        let merges = statuses[..2].iter().filter(|it| **it == 200).count();
        assert!(
            merges <= 1 && statuses.iter().all(|it| matches!(it, 200 | 409 | 412)),
            "{round}: {statuses:?}"
        );
        // Only a change that came first keeps the merge into `a` from being done.
        assert!(merges == 1 || statuses == [412, 409, 200] || statuses == [412, 412, 200], "{statuses:?}");
        let count: i64 = ward.app.value("SELECT count(*) FROM patient_merge").await;
        let closed: i64 = ward.app.value("SELECT count(*) FROM patient WHERE merged_into IS NOT NULL").await;
        assert_eq!((count, closed), (merges as i64, merges as i64));
        let lost: i64 = ward
            .app
            .value("SELECT count(*) FROM patient_consent c JOIN patient p ON p.id = c.patient_id WHERE p.merged_into IS NOT NULL")
            .await;
        assert_eq!(lost, 0, "everything is where the record leads");
        if change.status == 200 {
            let notes: String =
                ward.app.value("SELECT notes FROM patient WHERE merged_into IS NULL AND notes <> ''").await;
            assert_eq!(notes, "nota", "what was answered 200 is not lost");
        }
        ward.app.finish().await;
    }
}

/// A man of 1960, a woman of 1990 and what they share.
async fn two_people(ward: &Ward) -> [PatientId; 2] {
    let man = json!({ "sex": "male", "fiscal_code": "RSSMRA85T10A562S" });
    let woman = json!({ "fiscal_code": "BNCNNA90E57A944H", "phone": "051 222222" });
    [
        ward.register(with(a_person("Mario", "Rossi", "1985-12-10"), man)).await,
        ward.register(with(a_person("Anna", "Bianchi", "1990-05-17"), woman)).await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_are_probably_two_are_merged_only_if_somebody_says_that_they_are_one() {
    let ward = Ward::new().await;
    let [man, woman] = two_people(&ward).await;
    let refused = ward.merge(man, woman).await.expect(409);
    assert_eq!(
        (refused.code(), &refused.json()["fields"]),
        ("likely_distinct".to_owned(), &json!(["first_name", "sex", "born_on", "fiscal_code"]))
    );
    let text = std::str::from_utf8(&refused.body).unwrap();
    assert!(!text.contains("BNCNNA") && !text.contains("1990") && !text.contains("Bianchi"), "{text}");
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM patient_merge").await, 0);
    let told = format!(
        "SELECT details::text FROM audit_entry WHERE action = 'patient.merge' AND result = 'refused'
        AND object_kind = 'patient' AND object_id = '{man}'"
    );
    let told: serde_json::Value = ward.app.value::<String>(&told).await.parse().unwrap();
    assert_eq!((&told["source"], &told["fields"][0]), (&json!(woman), &json!("first_name")));
    // A version that is old is said first; a record that is not there for somebody tells nothing.
    ward.merge_as("\"v0\"", man, woman).await.expect(412);
    let path = format!("{PATIENTS}/{man}/merge");
    let body = json!({ "source_id": woman });
    ward.rival.request(Method::POST, &path, &[("if-match", "*")], Some(body)).await.expect(404);

    let (_, etag) = ward.patient(man).await;
    let looked = json!({ "source_id": woman, "is_same_person": true });
    let merged = ward.manager.request(Method::POST, &path, &[("if-match", &etag)], Some(looked)).await;
    assert_eq!(merged.expect(200).json()["phone"], "051 222222");
    let history = ward.reader.get(&format!("{PATIENTS}/{man}/merges")).await.expect(200).json();
    let entry = &history["data"][0];
    assert_eq!(entry["differed"], json!(["first_name", "sex", "born_on", "fiscal_code"]));
    assert_eq!(
        [&entry["source_sex"], &entry["source_born_on"], &entry["source_fiscal_code"]],
        ["female", "1990-05-17", "BNCNNA90E57A944H"]
    );
    assert_eq!(ward.told("patient.merge").await, "patient.merge! patient.merge! patient.merge patient.merge");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_sex_birth_and_code_is_asked_about_and_a_code_that_one_has_not_is_not() {
    let ward = Ward::new().await;
    let of = |n: u8, more| {
        let same = json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") });
        with(with(a_person("Anna", "Bianchi", "1990-05-17"), same), more)
    };
    let code = json!({ "fiscal_code": "BNCNNA90E57A944H" });
    let target = ward.register(of(1, code)).await;
    let others = [
        (json!({ "sex": "other" }), "sex"),
        (json!({ "born_on": "1990-05-18" }), "born_on"),
        (json!({ "fiscal_code": "12345678903" }), "fiscal_code"),
    ];
    for (n, (more, field)) in (2..).zip(others) {
        let source = ward.register(of(n, more)).await;
        let refused = ward.merge(target, source).await.expect(409);
        assert_eq!(refused.json()["fields"], json!([field]));
    }
    let same = ward.register(of(9, json!({ "last_name": "Rossi" }))).await;
    ward.merge(target, same).await.expect(200);
    let history = ward.reader.get(&format!("{PATIENTS}/{target}/merges")).await.expect(200).json();
    assert_eq!(history["data"][0]["differed"], json!([]));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_sent_again_under_its_key_is_answered_as_the_first_time() {
    let ward = Ward::new().await;
    let [man, woman] = two_people(&ward).await;
    let (_, etag) = ward.patient(man).await;
    let path = format!("{PATIENTS}/{man}/merge");
    let send = async |key: &str, body| {
        let headers = [("if-match", &*etag), ("idempotency-key", key)];
        ward.manager.request(Method::POST, &path, &headers, Some(body)).await
    };
    let (asked, looked) =
        (json!({ "source_id": woman }), json!({ "source_id": woman, "is_same_person": true }));
    // A question is no answer that is kept.
    for _ in 0..2 {
        assert_eq!(send("k", asked.clone()).await.expect(409).code(), "likely_distinct");
    }
    let first = send("k", looked.clone()).await.expect(200);
    assert_ne!(first.header("etag"), etag);
    let again = send("k", looked.clone()).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    assert_eq!(send("k", asked).await.expect(422).code(), "idempotency_key_reused");
    send("other", looked).await.expect(409);
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM patient_merge").await, 1);
    assert_eq!(ward.told("patient.merge").await, "patient.merge! patient.merge! patient.merge patient.merge");
    // What is kept to be repeated goes with the person.
    let kept = "SELECT count(*) FROM idempotency_key WHERE convert_from(body, 'UTF8') LIKE '%BNCNNA%'
        OR convert_from(body, 'UTF8') LIKE '%RSSMRA%'";
    assert_eq!(ward.app.value::<i64>(kept).await, 1);
    ward.archive(man, true).await.expect(200);
    let gone = format!("{PATIENTS}/{man}/anonymisation");
    ward.manager.request(Method::POST, &gone, &[("if-match", "*")], None).await.expect(200);
    assert_eq!(ward.app.value::<i64>(kept).await, 0);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_becomes_somebody_else_meanwhile_is_not_merged_without_a_question() {
    for round in 0..6_u32 {
        let ward = Ward::new().await;
        let same = |n: u8| {
            let more = json!({ "is_distinct": true, "medical_record_number": format!("FE-{n}") });
            with(a_person("Anna", "Bianchi", "1990-05-17"), more)
        };
        let (target, source) = (ward.register(same(1)).await, ward.register(same(2)).await);
        let (_, etag) = ward.patient(target).await;
        let path = format!("{PATIENTS}/{source}");
        let (merged, changed) = tokio::join!(
            ward.merge_as(&etag, target, source),
            ward.nurse.patch(&path, "*", json!({ "born_on": "1960-01-01" })),
        );
        let codes = (merged.status, changed.status);
        assert!(codes == (200, 409) || codes == (409, 200), "{round}: {codes:?}");
        if codes.0 == 409 {
            assert_eq!(merged.code(), "likely_distinct");
        }
        ward.app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_that_names_a_patient_says_what_becomes_of_its_rows() {
    const NAMING: &str = "SELECT DISTINCT c.conrelid::regclass::text, a.attname::text
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.contype = 'f' AND c.confrelid = 'patient'::regclass AND a.attname <> 'clinic_id'";
    let ward = Ward::new().await;
    let rows = ward.app.database.client().await.query(NAMING, &[]).await.unwrap();
    let named: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let held: BTreeSet<_> = HELD.iter().map(|it| (it.table.to_owned(), it.column.to_owned())).collect();
    assert_eq!(
        named, held,
        "what becomes of it when records are merged, and when a patient is made anonymous?"
    );
    ward.app.finish().await;
}
