//! What patients agreed to: written down, taken back, and asked for before anything is written about them.

use serde_json::json;
use sportello::{
    clinic::{
        patients::entries::{self, Refused},
        staff::Permission,
    },
    ids::{PatientId, UserId},
};

use super::ward::{PATIENTS, Ward, a_person};

impl Ward {
    /// Whether somebody may write something about a patient; the code of the refusal.
    async fn admitted(&self, user: UserId, permission: Permission, id: PatientId) -> &'static str {
        let mut tx = self.app.app.db.begin("tests.admit").await.unwrap();
        let admitted = entries::admit(&mut tx, (user, permission), id, self.app.app.clock.now()).await;
        tx.commit().await.unwrap();
        admitted.map_or_else(|refused| refused.code(), |_| "admitted")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_given_and_taken_back_with_a_history_that_is_only_added_to() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let path = format!("{PATIENTS}/{id}/consents");
    // There is nothing to take back.
    assert!(ward.consent(id, false).await.expect(200).json()["consented_at"].is_null());
    let given = ward.consent(id, true).await.expect(200);
    let again = ward.consent(id, true).await.expect(200);
    assert_eq!(given.header("etag"), again.header("etag"), "once is enough");
    assert!(given.json()["consented_at"].is_string());
    assert!(ward.consent(id, false).await.expect(200).json()["consented_at"].is_null());
    ward.consent_again(id).await.expect(200);
    let history = ward.reader.get(&path).await.expect(200).json();
    let history = history["data"].as_array().unwrap();
    let said: Vec<_> = history.iter().map(|it| it["is_given"].as_bool().unwrap()).collect();
    assert_eq!(said, [true, false, true]);
    assert_eq!((&history[0]["note"], &history[1]["wording"]), (&json!("modulo firmato"), &json!(null)));
    assert!(history[0]["wording"].is_string());
    let client = ward.app.database.client().await;
    for edit in [
        "UPDATE patient_consent SET is_given = NOT is_given, wording = CASE WHEN is_given THEN NULL ELSE 'x' END",
        "UPDATE patient_consent SET note = 'un altro'",
        "UPDATE patient_consent SET at = now()",
        "DELETE FROM patient_consent",
    ] {
        let refused = client.execute(edit, &[]).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{edit}");
    }
    assert_eq!(ward.told("patient.consent").await, ["patient.consent"; 3].join(" "));
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_was_taken_back_is_given_again_only_by_who_has_seen_that() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let (_, before) = ward.patient(id).await;
    ward.consent(id, true).await.expect(200);
    let (_, given) = ward.patient(id).await;
    ward.consent(id, false).await.expect(200);
    // Somebody who has heard it yesterday, and writes it down a moment after it was taken back.
    ward.consent(id, true).await.expect(428);
    ward.consent_as(&given, id, true).await.expect(412);
    let (patient, taken_back) = ward.patient(id).await;
    assert!(patient["consented_at"].is_null());
    ward.consent_as(&taken_back, id, true).await.expect(200);
    // To take it back needs nothing; who names a version means it.
    ward.consent_as(&before, id, false).await.expect(412);
    ward.consent(id, false).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_nothing_is_written_and_what_is_there_stays_readable() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let (manager, nurse) = (ward.manager_account.id, ward.nurse_account.id);
    let documents = Permission::WriteDocuments;
    assert_eq!(ward.admitted(manager, documents, id).await, "consent_missing");
    ward.consent(id, true).await.expect(200);
    assert_eq!(ward.admitted(manager, documents, id).await, "admitted");
    assert_eq!(ward.admitted(nurse, documents, id).await, "not_found", "the nurse may not write documents");
    assert_eq!(ward.admitted(ward.rival_account.id, documents, id).await, "not_found");
    ward.archive(id, true).await.expect(200);
    assert_eq!(ward.admitted(manager, documents, id).await, "archived");
    // To take it back is never refused, to give it is not for the archive.
    ward.consent(id, false).await.expect(200);
    assert_eq!(ward.consent(id, true).await.expect(409).code(), "archived");
    ward.archive(id, false).await.expect(200);
    assert_eq!(ward.admitted(manager, documents, id).await, "consent_missing");
    let mut tx = ward.app.app.db.begin("tests.job").await.unwrap();
    let job = entries::still_admitted(&mut tx, id, ward.app.app.clock.now()).await;
    assert!(matches!(job, Err(Refused::ConsentMissing)), "a job that was begun stops, too");
    drop(tx);
    ward.reader.get(&format!("{PATIENTS}/{id}")).await.expect(200);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_it_back_waits_for_what_is_being_written_and_then_nothing_is() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let mut tx = ward.app.app.db.begin("tests.write").await.unwrap();
    let who = (ward.manager_account.id, Permission::WriteReports);
    entries::admit(&mut tx, who, id, ward.app.app.clock.now()).await.unwrap();
    let withdrawing = ward.consent(id, false);
    let committing = async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        crate::harness::until::eventually("the withdrawal waits", async || {
            ward.app.value::<i64>(waits).await == 1
        })
        .await;
        tx.commit().await.unwrap();
    };
    let (withdrawn, ()) = tokio::join!(withdrawing, committing);
    assert!(withdrawn.expect(200).json()["consented_at"].is_null());
    assert_eq!(ward.admitted(who.0, who.1, id).await, "consent_missing");
    ward.app.finish().await;
}
