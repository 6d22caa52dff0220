//! What the desk keeps, and for how long.

use jiff::SignedDuration;
use serde_json::json;
use sportello::jobs::notary::EndDeskRetention;

use super::practice::{A_SLOT, Practice};
use crate::harness::app::TestApp;

async fn end_retention(app: &TestApp, days: i64) {
    app.app.clock.advance(SignedDuration::from_hours(days * 24));
    let mut tx = app.app.db.begin("tests.end_retention").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &EndDeskRetention {}).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn appointments_without_an_act_go_when_their_time_is_over_and_let_their_files_go() {
    let mut practice = Practice::new().await;
    let rejected = practice.a_request("2031-06-17T12:00:00Z").await;
    practice.does(&practice.notary, &rejected, "reject").await.expect(200);
    let to_come = practice.a_request("2031-06-20T12:00:00Z").await;
    practice.does(&practice.notary, &to_come, "confirm").await.expect(200);
    let held = practice.an_appointment_for("mortgage_loan").await;
    let with_act = practice.a_request("2031-06-16T12:00:00Z").await;
    let documents = format!("/api/v1/appointments/{held}/documents");
    let papers = practice.client.get(&documents).await.expect(200).json();
    let file = practice.a_file(&practice.client, "Visura").await;
    let path = format!("{documents}/{}", papers["data"][0]["id"].as_str().unwrap());
    let put = json!({ "document_id": file });
    practice.client.request(axum::http::Method::PUT, &path, &[], Some(put)).await.expect(200);
    let file = format!("/api/v1/documents/{file}");
    assert_eq!(practice.client.delete(&file).await.expect(409).code(), "in_use");
    let database = practice.app.database.client().await;
    let past = "UPDATE appointment SET status = 'completed', ended_at = now(),
            during = tstzrange(now() - interval '2 hours' - n * interval '1 hour', now() - interval '1 hour' - n * interval '1 hour')
        FROM unnest(ARRAY[$1::text, $2]) WITH ORDINALITY AS w (id, n) WHERE appointment.id::text = w.id";
    database.execute(past, &[&held, &with_act]).await.unwrap();
    let act = "INSERT INTO act (id, notary_id, client_id, appointment_id, act_type, title, created_at, updated_at)
        SELECT gen_random_uuid(), notary_id, client_id, id, 'certified_copies', 'Copie', now(), now() FROM appointment
        WHERE id::text = $1";
    database.execute(act, &[&with_act]).await.unwrap();
    let there = async |id: &str| {
        let sql = "SELECT count(*) FROM appointment WHERE id::text = $1";
        database.query_one(sql, &[&id]).await.unwrap().get::<_, i64>(0) == 1
    };
    end_retention(&practice.app, 179).await;
    assert!(there(&rejected).await, "it can still be asked about");
    end_retention(&practice.app, 2).await;
    assert!(!there(&rejected).await && there(&held).await);
    end_retention(&practice.app, 730 - 180).await;
    assert!(!there(&held).await, "two years after it");
    assert!(there(&with_act).await && there(&to_come).await, "with an act, or to come");
    practice.wait(0).await;
    practice.client.delete(&file).await.expect(204);
    let told = "SELECT string_agg(details::text, ' ' ORDER BY id) FROM audit_entry WHERE action = 'notary.end_retention'
        AND object_kind = 'appointment'";
    let told: String = practice.app.value(told).await;
    assert_eq!(told, r#"{"requests": 1, "appointments": 0} {"requests": 0, "appointments": 1}"#);
    assert_eq!(practice.app.value::<i64>("SELECT count(*) FROM document_hold").await, 0);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_go_when_nobody_touches_them_letters_after_ten_years_and_those_about_an_act_never() {
    let mut practice = Practice::new().await;
    let act = practice.an_act("certified_copies").await;
    let file = practice.a_file(&practice.notary, "Allegato").await;
    let mail = |more: serde_json::Value| {
        let mut mail = json!({"subject": "Lettera", "body": "Testo", "recipients": [{"kind": "to", "address": "a@b.it"}]});
        mail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mail
    };
    let mut ids = Vec::new();
    let attached = json!({"attachments": [{"document_id": file}]});
    for more in [json!({}), attached, json!({ "act_id": act })] {
        let made = practice.notary.post("/api/v1/certified-mail", mail(more)).await.expect(201).json();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    for id in &ids[1..] {
        let path = format!("/api/v1/certified-mail/{id}/transitions");
        practice.notary.post(&path, json!({"event": "enqueue"})).await.expect(200);
    }
    practice.app.run_jobs().await;
    let left = async |app: &TestApp| {
        let left: Option<String> =
            app.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM certified_mail").await;
        left.unwrap_or_default()
    };
    end_retention(&practice.app, 364).await;
    assert_eq!(left(&practice.app).await, ids.join(" "));
    end_retention(&practice.app, 2).await;
    assert_eq!(left(&practice.app).await, ids[1..].join(" "));
    let told = "SELECT string_agg(details::text, ' ' ORDER BY id) FROM audit_entry WHERE action = 'notary.end_retention'
        AND object_kind = 'certified_mail'";
    assert_eq!(practice.app.value::<String>(told).await, r#"{"drafts": 1, "letters": 0}"#);
    let documents = "SELECT count(*) FROM document";
    assert_eq!(practice.app.value::<i64>(documents).await, 5, "a file, and two receipts of each");
    end_retention(&practice.app, 3653 - 367).await;
    assert_eq!(left(&practice.app).await, ids[1..].join(" "));
    end_retention(&practice.app, 2).await;
    assert_eq!(left(&practice.app).await, ids[2], "what is about an act is kept as long as it");
    assert_eq!(practice.app.value::<i64>(documents).await, 3, "its receipts have gone along");
    practice.wait(0).await;
    practice.notary.delete(&format!("/api/v1/documents/{file}")).await.expect(204);
    // Entries of the log have gone by their own age meanwhile.
    assert_eq!(practice.app.value::<String>(told).await, r#"{"drafts": 0, "letters": 1}"#);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_not_removed_before_it_has_ended() {
    let practice = Practice::new().await;
    let open = practice.a_request(A_SLOT).await;
    end_retention(&practice.app, 1000).await;
    assert_eq!(practice.app.value::<i64>("SELECT count(*) FROM appointment").await, 1, "{open}");
    practice.app.finish().await;
}
