//! Patients: registered, found, changed, archived; by whom, and who hears nothing.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sportello::config::values::Quota;

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_registered_with_a_number_found_and_changed() {
    let ward = Ward::new().await;
    let content = with(
        a_person("Niccolò", "D'Angelo", "1990-05-17"),
        json!({ "sex": "male", "medical_record_number": " fe-2041/7 ", "email": "N.Dangelo@Example.org", "notes": " x ",
            "lifestyle": { "smoking": "former", "height_cm": 181.5, "weight_kg": 79 } }),
    );
    let key = [("idempotency-key", "k")];
    let made = ward.nurse.request(Method::POST, PATIENTS, &key, Some(content.clone())).await.expect(201);
    let again = ward.nurse.request(Method::POST, PATIENTS, &key, Some(content)).await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(again.json()["id"], json!(id));
    let one = format!("{PATIENTS}/{id}");
    assert_eq!(made.header("location"), one);
    let seen = ward.reader.get(&one).await.expect(200);
    let patient = seen.json();
    assert_eq!(
        [&patient["medical_record_number"], &patient["email"], &patient["notes"], &patient["consented_at"]],
        [&json!("FE-2041/7"), &json!("n.dangelo@example.org"), &json!("x"), &Value::Null]
    );
    assert_eq!(patient["lifestyle"]["height_cm"], 181.5);
    assert!(patient.get("is_distinct").is_none() && patient.get("merged_into").is_none());
    let change = json!({ "phone": "051 123456", "lifestyle": { "weight_kg": 78.5 }, "email": null });
    let changed = ward.nurse.patch(&one, seen.header("etag"), change).await.expect(200).json();
    assert_eq!(
        [
            &changed["phone"],
            &changed["lifestyle"]["weight_kg"],
            &changed["lifestyle"]["smoking"],
            &changed["email"]
        ],
        [&json!("051 123456"), &json!(78.5), &json!("former"), &Value::Null]
    );
    ward.nurse.patch(&one, seen.header("etag"), json!({ "phone": null })).await.expect(412);
    ward.nurse.request(Method::PATCH, &one, &[], Some(json!({ "phone": null }))).await.expect(428);
    // Who has no number gets one.
    let given = ward.nurse.post(PATIENTS, a_person("Ada", "Neri", "1985-02-03")).await.expect(201).json();
    assert!(given["medical_record_number"].as_str().unwrap().starts_with("MR-"), "{given}");
    // Numbers are unique within a clinic.
    let same = with(a_person("Eva", "Gallo", "1979-01-01"), json!({ "medical_record_number": "FE-2041/7" }));
    assert_eq!(ward.nurse.post(PATIENTS, same.clone()).await.expect(409).code(), "taken");
    ward.rival.post(PATIENTS, same).await.expect(201);
    let other = format!("{PATIENTS}/{}", given["id"].as_str().unwrap());
    let taken = ward.nurse.patch(&other, "*", json!({ "medical_record_number": "fe-2041/7" })).await;
    assert_eq!(taken.expect(409).code(), "taken");
    ward.nurse.patch(&other, "*", json!({ "medical_record_number": null })).await.expect(422);
    ward.nurse.patch(&other, "*", json!({ "born_on": null })).await.expect(422);
    let reserved = ward.nurse.patch(&other, "*", json!({ "medical_record_number": "anon-1" })).await;
    assert_eq!(reserved.expect(422).json()["errors"][0]["code"], "invalid_number");
    // A partner is a patient of the same clinic.
    let partner = ward.nurse.patch(&other, "*", json!({ "partner_patient_id": id })).await.expect(200).json();
    assert_eq!(partner["partner_patient_id"], json!(id));
    for nobody in [uuid::Uuid::now_v7().to_string(), given["id"].as_str().unwrap().to_owned()] {
        let refused = ward.nurse.patch(&other, "*", json!({ "partner_patient_id": nobody })).await;
        assert_eq!(refused.expect(422).json()["errors"][0]["pointer"], "/partner_patient_id");
    }
    let told = "patient.create patient.read patient.change patient.create patient.change";
    let sql = "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE action LIKE 'patient.%' AND result = 'ok' AND who <> $1";
    let rival = ward.rival_account.id;
    let row = ward.app.database.client().await.query_one(sql, &[&rival]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), told);
    let fields =
        "SELECT details ->> 'fields' FROM audit_entry WHERE action = 'patient.change' ORDER BY id LIMIT 1";
    assert_eq!(ward.app.value::<String>(fields).await, r#"["email", "lifestyle", "phone"]"#);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_field_by_field() {
    let ward = Ward::new().await;
    let check = async |more: Value, expected: &[(&str, &str)]| {
        let content = with(a_person("Anna", "Bianchi", "1990-05-17"), more);
        let answer = ward.nurse.post(PATIENTS, content).await.expect(422).json();
        let errors: Vec<_> = answer["errors"].as_array().unwrap().iter().collect();
        let said: Vec<_> =
            errors.iter().map(|it| (it["pointer"].as_str().unwrap(), it["code"].as_str().unwrap())).collect();
        assert_eq!(said, expected, "{answer}");
    };
    check(json!({ "first_name": " " }), &[("/first_name", "required")]).await;
    check(json!({ "born_on": "2090-01-01" }), &[("/born_on", "in_the_future")]).await;
    check(json!({ "born_on": "1850-01-01" }), &[("/born_on", "out_of_range")]).await;
    check(json!({ "born_on": null }), &[("/born_on", "required")]).await;
    check(json!({ "medical_record_number": "ABC" }), &[("/medical_record_number", "invalid_number")]).await;
    check(json!({ "fiscal_code": "RSSMRA85T10A562X" }), &[("/fiscal_code", "invalid_fiscal_code")]).await;
    check(json!({ "fiscal_code": "RSSMRA85T10A562S" }), &[("/fiscal_code", "contradicts")]).await;
    check(json!({ "email": "anna" }), &[("/email", "invalid_email")]).await;
    check(json!({ "history": { "tubes": "both_open" } }), &[("/history/as_of", "required")]).await;
    check(
        json!({ "history": { "cycle_length_days": 9, "as_of": "2999-01-01" } }),
        &[("/history/cycle_length_days", "out_of_range"), ("/history/as_of", "in_the_future")],
    )
    .await;
    let his = json!({ "sex": "male", "history": { "ovulation": "absent", "as_of": "2026-02-03" } });
    check(his, &[("/history", "contradicts")]).await;
    let unborn = json!({ "history": { "ovulation": "absent", "as_of": "1985-02-03" } });
    check(unborn, &[("/history/as_of", "out_of_range")]).await;
    check(json!({ "lifestyle": { "height_cm": 17 } }), &[("/lifestyle/height_cm", "out_of_range")]).await;
    check(
        json!({ "lifestyle": { "smoking": "never", "cigarettes_per_day": 5 } }),
        &[("/lifestyle/cigarettes_per_day", "contradicts")],
    )
    .await;
    let good = a_person("Anna", "Bianchi", "1990-05-17");
    for unknown in [
        json!({ "age": 34 }),
        json!({ "lifestyle": { "coffee": 3 } }),
        json!({ "sex": "f" }),
        json!({ "consented_at": "2026-01-01T00:00:00Z" }),
    ] {
        ward.nurse.post(PATIENTS, with(good.clone(), unknown)).await.expect(422);
    }
    ward.nurse.get(&format!("{PATIENTS}?name=x")).await.expect(400);
    ward.nurse.get(&format!("{PATIENTS}?state=gone")).await.expect(400);
    ward.nurse.get(&format!("{PATIENTS}?q={}", "x".repeat(201))).await.expect(400);
    ward.nurse.get(&format!("{PATIENTS}?cursor=abc")).await.expect(400);
    assert_eq!(ward.app.value::<i64>("SELECT count(*) FROM patient").await, 0);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_are_listed_page_by_page_and_found_by_words_numbers_and_codes() {
    let ward = Ward::new().await;
    let first = with(
        a_person("Mario", "Rossi", "1985-12-10"),
        json!({ "sex": "male", "fiscal_code": "rssmra85t10a562s", "medical_record_number": "FE-12E3" }),
    );
    let rossi = ward.register(first).await;
    let dangelo = ward.register_consenting(a_person("Niccolò", "D'Angelo", "1990-05-17")).await;
    let neri = ward.register(a_person("Anna-Maria", "Neri", "1970-01-01")).await;
    ward.rival.post(PATIENTS, a_person("Mario", "Rossini", "1985-12-10")).await.expect(201);
    let ids = async |query: &str| -> Vec<String> {
        let page = ward.reader.get(&format!("{PATIENTS}?{query}")).await.expect(200).json();
        let data = page["data"].as_array().unwrap().iter();
        data.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let all: Vec<String> = [neri, dangelo, rossi].iter().map(ToString::to_string).collect();
    let some = |at: usize| vec![all[at].clone()];
    assert_eq!(ids("").await, all);
    for blank in ["q=", "q=%20", "medical_record_number=&fiscal_code=%20"] {
        assert_eq!(ids(blank).await, all, "{blank}: blank is the same as none");
    }
    assert_eq!(ids("q=&fiscal_code=RSSMRA85T10A562S").await, some(2));
    assert_eq!(ids("q=&has_consented=true&state=all").await, some(1));
    assert!(ids("q=%21").await.is_empty(), "punctuation is no name");
    assert_eq!(ids("q=ros").await, some(2));
    assert_eq!(ids("q=ROSSI%20mar").await, some(2));
    assert_eq!(ids("q=d%27angelo").await, some(1));
    assert_eq!(ids("q=nicc").await, some(1));
    assert_eq!(ids("q=maria").await, some(0));
    assert_eq!(ids("q=mar").await, [all[0].clone(), all[2].clone()]);
    assert_eq!(ids("q=fe-12").await, some(2));
    assert_eq!(ids("q=rssmra85").await, some(2));
    assert_eq!(ids("fiscal_code=RSSMRA85T10A562S").await, some(2));
    assert_eq!(ids("medical_record_number=fe-12e3").await, some(2));
    assert!(ids("medical_record_number=FE-12").await.is_empty());
    assert!(ids("medical_record_number=FE12E3").await.is_empty(), "without its hyphen it is another number");
    assert!(ids("q=%27%20%7C%20a").await.is_empty() || ids("q=%27").await.is_empty());
    assert_eq!(ids("has_consented=true").await, some(1));
    assert_eq!(ids("has_consented=false").await, [all[0].clone(), all[2].clone()]);
    ward.archive(neri, true).await.expect(200);
    assert_eq!(ids("").await, all[1..]);
    assert_eq!(ids("state=archived").await, some(0));
    assert_eq!(ids("state=all").await, all);
    assert_eq!(ids("state=all&q=mar&has_consented=false").await, [all[0].clone(), all[2].clone()]);
    // Page by page.
    let mut walked = Vec::new();
    let mut next = Some(format!("{PATIENTS}?state=all&limit=1"));
    while let Some(path) = next {
        let page = ward.reader.get(&path).await.expect(200).json();
        walked
            .extend(page["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let cursor = page["next_cursor"].as_str();
        next = cursor.map(|cursor| format!("{PATIENTS}?state=all&limit=1&cursor={cursor}"));
    }
    assert_eq!(walked, all);
    // Who was seen is in the log, each once in its minute.
    let seen = "SELECT count(*) FROM audit_entry e, jsonb_array_elements(e.details -> 'patients') WHERE action = 'patient.list'";
    assert_eq!(ward.app.value::<i64>(seen).await, 3);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_hear_that_there_is_nobody_and_members_only_what_they_are_permitted() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let other = ward.register(a_person("Olga", "Verdi", "1971-03-09")).await;
    let (one, nobody) = (format!("{PATIENTS}/{id}"), format!("{PATIENTS}/{}", uuid::Uuid::now_v7()));
    let put = |rest: &'static str, body: Value| (Method::PUT, rest, Some(body));
    let requests = [
        (Method::GET, "", None),
        (Method::GET, "/consents", None),
        (Method::GET, "/duplicates", None),
        (Method::GET, "/merges", None),
        (Method::PATCH, "", Some(json!({ "phone": "051 123456" }))),
        put("/consent", json!({ "is_given": true })),
        put("/archive", json!({ "is_archived": true })),
        (Method::POST, "/merge", Some(json!({ "source_id": other }))),
        (Method::POST, "/anonymisation", None),
    ];
    let match_any = [("if-match", "*")];
    for (method, rest, body) in &requests {
        let send = async |client: &crate::harness::client::Client, path: &str| {
            client.request(method.clone(), &format!("{path}{rest}"), &match_any, body.clone()).await
        };
        let (real, unreal) = (send(&ward.rival, &one).await, send(&ward.rival, &nobody).await);
        assert_eq!((real.status, unreal.status), (404, 404), "{method} {rest}");
        assert_eq!(real.json()["detail"], unreal.json()["detail"]);
        assert_eq!(
            send(&ward.nurse, &nobody).await.status,
            if *rest == "/merge" || *rest == "/anonymisation" { 403 } else { 404 }
        );
        assert_eq!(send(&ward.admin, &one).await.expect(403).code(), "no_clinic");
        if *method != Method::GET {
            assert_eq!(send(&ward.reader, &one).await.expect(403).code(), "no_permission", "{method} {rest}");
        }
    }
    // Merging needs both.
    let merge = json!({ "source_id": uuid::Uuid::now_v7() });
    let unknown = ward.manager.request(Method::POST, &format!("{one}/merge"), &match_any, Some(merge)).await;
    assert_eq!(unknown.expect(422).json()["errors"][0]["code"], "unknown_patient");
    let writer = ward.app.a_clinician(ward.clinic, &["write_patients"]).await;
    let writer = ward.app.log_in(&writer).await;
    assert_eq!(writer.get(&one).await.expect(403).code(), "no_permission", "to write is not to read");
    writer.patch(&one, "*", json!({ "phone": "051 123456" })).await.expect(204);
    // What was asked in vain is in the log.
    let missed = "SELECT count(*) FROM audit_entry WHERE result = 'refused' AND object_kind = 'patient'";
    assert!(ward.app.value::<i64>(missed).await >= 2);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_once_one_is_done_and_the_archive_is_closed() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let one = format!("{PATIENTS}/{id}");
    let (_, etag) = ward.patient(id).await;
    let changes = (0..8).map(|n| {
        let (nurse, one, etag) = (&ward.nurse, &one, &etag);
        async move { nurse.patch(one, etag, json!({ "notes": format!("nota {n}") })).await.status }
    });
    let mut statuses = join_all(changes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[412; 7]].concat());
    ward.archive(id, true).await.expect(200);
    let closed = ward.nurse.patch(&one, "*", json!({ "notes": "" })).await.expect(409);
    assert_eq!(closed.code(), "archived");
    ward.reader.get(&one).await.expect(200);
    ward.archive(id, true).await.expect(200);
    ward.archive(id, false).await.expect(200);
    ward.nurse.patch(&one, "*", json!({ "notes": "" })).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_has_a_quota_of_its_own_for_each_person() {
    let app = TestApp::start_with(|config| {
        let quota: Quota = "2/60s".parse().unwrap();
        config.limits.create_patient = quota;
    })
    .await;
    let clinic = app.a_clinic("Clinica Aurora").await;
    let (one, other) = (
        app.a_clinician(clinic, &["manage_members"]).await,
        app.a_clinician(clinic, &["manage_members"]).await,
    );
    let (one, other) = (app.log_in(&one).await, app.log_in(&other).await);
    for first in ["Anna", "Olga"] {
        one.post(PATIENTS, a_person(first, "Bianchi", "1990-05-17")).await.expect(201);
    }
    let refused = one.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(429);
    assert!(refused.header("ratelimit-policy").contains("create_patient"));
    one.get(PATIENTS).await.expect(200);
    other.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(201);
    app.finish().await;
}
