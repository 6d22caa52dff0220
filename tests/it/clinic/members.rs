//! Members of a clinic: invited, agreeing, permitted, and gone again.

use serde_json::json;
use sportello::{accounts::policy::Role, clinic::staff};

use super::ward::{PATIENTS, Ward, a_person};

const STAFF: &str = "/api/v1/clinic/members";
const MINE: &str = "/api/v1/me/clinic-membership";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_works_there_only_after_agreeing_and_until_removed() {
    let ward = Ward::new().await;
    let app = &ward.app;
    let account = app.a_person_with(Role::Staff).await;
    app.prove_address(&account).await;
    let person = app.log_in(&account).await;
    let invite = json!({ "email": account.email, "job_title": "Biologa", "permissions": ["read_patients"] });
    let invited = ward.manager.post(STAFF, invite.clone()).await.expect(201);
    assert_eq!(invited.json()["agreed_at"], json!(null));
    assert_eq!(ward.manager.post(STAFF, invite.clone()).await.expect(409).code(), "already_invited");
    let works = async || staff::standing(&app.app.db, account.id).await.unwrap().map(|it| it.clinic);
    assert_eq!(works().await, None, "not before they have agreed");
    person.get(PATIENTS).await.expect(403);
    person.post(&format!("{MINE}/agree"), json!({ "clinic_id": uuid::Uuid::now_v7() })).await.expect(404);
    person.post(&format!("{MINE}/agree"), json!({ "clinic_id": ward.clinic })).await.expect(200);
    assert_eq!(works().await, Some(ward.clinic));
    // To agree again changes nothing.
    let agreed = person.get(MINE).await.expect(200);
    let again = person.post(&format!("{MINE}/agree"), json!({ "clinic_id": ward.clinic })).await.expect(200);
    assert_eq!((again.header("etag"), again.json()), (agreed.header("etag"), agreed.json()));
    person.get(PATIENTS).await.expect(200);
    let refused = person.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")).await.expect(403);
    assert_eq!(refused.code(), "no_permission");

    let one = format!("{STAFF}/{}", account.id);
    let etag = ward.manager.get(&one).await.expect(200);
    let change = json!({ "permissions": ["write_patients", "write_patients"] });
    let changed = ward.manager.patch(&one, etag.header("etag"), change.clone()).await.expect(200).json();
    assert_eq!(
        (&changed["permissions"], &changed["job_title"]),
        (&json!(["write_patients"]), &json!("Biologa"))
    );
    ward.manager.patch(&one, etag.header("etag"), change.clone()).await.expect(412);
    person.get(PATIENTS).await.expect(403);
    person.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")).await.expect(201);
    // Another clinic's members do not exist; who does not manage may not ask.
    ward.rival.get(&one).await.expect(404);
    ward.rival.patch(&one, "*", change.clone()).await.expect(404);
    ward.rival.delete(&one).await.expect(404);
    for refused in [ward.nurse.get(STAFF).await, ward.nurse.get(&one).await, ward.nurse.delete(&one).await] {
        assert_eq!(refused.expect(403).code(), "no_permission");
    }
    // Who has not the role any more does not work there, either.
    let take = "UPDATE users SET roles = '{client}' WHERE id = $1";
    app.database.client().await.execute(take, &[&account.id]).await.unwrap();
    assert_eq!(works().await, None);
    assert_eq!(person.get("/api/v1/clinic").await.expect(403).code(), "no_clinic");
    let give = "UPDATE users SET roles = '{client,staff}' WHERE id = $1";
    app.database.client().await.execute(give, &[&account.id]).await.unwrap();
    person.get("/api/v1/clinic").await.expect(200);
    ward.manager.delete(&one).await.expect(204);
    ward.manager.delete(&one).await.expect(404);
    person.get("/api/v1/clinic").await.expect(403);
    let told = "clinic_member.invite clinic_member.agree clinic_member.change clinic_member.remove";
    assert_eq!(ward.told("clinic_member").await, told);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_keeps_somebody_who_manages_it_and_nobody_works_twice() {
    let ward = Ward::new().await;
    let own = format!("{STAFF}/{}", ward.manager_account.id);
    let demote = json!({ "permissions": ["read_patients"] });
    assert_eq!(ward.manager.patch(&own, "*", demote.clone()).await.expect(409).code(), "last_manager");
    assert_eq!(ward.manager.delete(&own).await.expect(409).code(), "last_manager");
    assert_eq!(ward.manager.delete(MINE).await.expect(409).code(), "last_manager");
    let nurse = format!("{STAFF}/{}", ward.nurse_account.id);
    ward.manager.patch(&nurse, "*", json!({ "permissions": ["manage_members"] })).await.expect(200);
    // Both go at once: one stays.
    let (one, other) = tokio::join!(ward.manager.delete(MINE), ward.nurse.delete(MINE));
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [204, 409]);
    let left: i64 =
        ward.app.value("SELECT count(*) FROM clinic_member WHERE permissions @> '{manage_members}'").await;
    assert_eq!(left, 2, "one in each clinic");
    // Nobody works twice.
    ward.app.prove_address(&ward.nurse_account).await;
    let gone = if one.status == 204 { &ward.manager_account } else { &ward.nurse_account };
    let stays = if one.status == 204 { &ward.nurse_account } else { &ward.manager_account };
    ward.app.prove_address(gone).await;
    ward.app.prove_address(stays).await;
    let elsewhere = ward.rival.post(STAFF, json!({ "email": stays.email })).await.expect(409);
    assert_eq!(elsewhere.code(), "works_elsewhere");
    ward.rival.post(STAFF, json!({ "email": gone.email })).await.expect(201);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_manage_any_more_is_nobody_who_manages() {
    let ward = Ward::new().await;
    let other = ward.app.a_clinician(ward.clinic, &["manage_members"]).await;
    let client = ward.app.database.client().await;
    for (take, give) in [
        (
            "UPDATE users SET roles = '{client}' WHERE id = $1",
            "UPDATE users SET roles = '{client,staff}' WHERE id = $1",
        ),
        (
            "UPDATE users SET status = 'disabled' WHERE id = $1",
            "UPDATE users SET status = 'active' WHERE id = $1",
        ),
    ] {
        client.execute(take, &[&other.id]).await.unwrap();
        assert_eq!(ward.manager.delete(MINE).await.expect(409).code(), "last_manager", "{take}");
        client.execute(give, &[&other.id]).await.unwrap();
    }
    ward.manager.delete(MINE).await.expect(204);
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_member_is_gone_and_the_patients_stay() {
    let ward = Ward::new().await;
    let id = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let export = ward.nurse.request(axum::http::Method::POST, "/api/v1/me/export", &[], None).await;
    export.expect(202);
    let erase = json!({ "password": crate::harness::people::PASSWORD });
    ward.nurse.post("/api/v1/me/erasure", erase).await.expect(202);
    ward.app.run_jobs().await;
    let member = "SELECT count(*) FROM clinic_member WHERE user_id = $1";
    let client = ward.app.database.client().await;
    let count: i64 = client.query_one(member, &[&ward.nurse_account.id]).await.unwrap().get(0);
    assert_eq!(count, 0);
    let (patient, _) = ward.patient(id).await;
    assert_eq!(patient["first_name"], "Anna");
    let consents = ward.manager.get(&format!("{PATIENTS}/{id}/consents")).await.expect(200).json();
    assert_eq!(consents["data"][0]["recorded_by"], json!(ward.nurse_account.id));
    ward.app.finish().await;
}
