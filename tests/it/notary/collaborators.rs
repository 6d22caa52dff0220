//! Collaborators: invited, told, agreeing, and gone again.

use axum::http::Method;
use serde_json::json;
use sportello::{accounts::policy::Role, notary::staff};

use crate::harness::app::TestApp;

const STAFF: &str = "/api/v1/notary/collaborators";
const MINE: &str = "/api/v1/me/collaboration";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_works_there_only_after_agreeing_and_until_removed() {
    let app = TestApp::start().await;
    let notary = app.a_notary().await;
    let account = app.a_person_with(Role::Collaborator).await;
    app.prove_address(&account).await;
    let person = app.log_in(&account).await;
    let invite = json!({ "email": account.email, "job_title": "Segreteria", "permissions": ["manage_agenda", "manage_agenda"] });
    let key = [("idempotency-key", "k")];
    let invited = notary.client.request(Method::POST, STAFF, &key, Some(invite.clone())).await.expect(201);
    notary.client.request(Method::POST, STAFF, &key, Some(invite.clone())).await.expect(201);
    assert_eq!(notary.client.post(STAFF, invite).await.expect(409).code(), "already_invited");
    assert_eq!(invited.json()["permissions"], json!(["manage_agenda"]));
    app.run_jobs().await;
    let mails = app.mails();
    assert!(mails.len() == 1 && mails[0].contains("Studio Zanotti"), "{mails:?}");

    let office_of = async || staff::office_of(&app.app.db, account.id).await.unwrap();
    person.get("/api/v1/notary/office").await.expect(403);
    assert_eq!(office_of().await, None, "not before they have agreed");
    assert_eq!(person.get(MINE).await.expect(200).json()["agreed_at"], json!(null));
    let other = app.a_notary().await;
    person.post(&format!("{MINE}/agree"), json!({ "notary_id": other.office })).await.expect(404);
    let agreed =
        person.post(&format!("{MINE}/agree"), json!({ "notary_id": notary.office })).await.expect(200);
    assert!(agreed.json()["agreed_at"].is_string());
    assert_eq!(person.get("/api/v1/notary/office").await.expect(200).json()["id"], json!(notary.office));
    assert_eq!(office_of().await, Some(notary.office));

    let one = format!("{STAFF}/{}", account.id);
    let seen = notary.client.get(&one).await.expect(200);
    let change = json!({ "permissions": ["manage_acts"] });
    let changed = notary.client.patch(&one, seen.header("etag"), change.clone()).await.expect(200).json();
    assert_eq!(
        (&changed["permissions"], &changed["job_title"]),
        (&json!(["manage_acts"]), &json!("Segreteria"))
    );
    notary.client.patch(&one, seen.header("etag"), change.clone()).await.expect(412);
    // Another notary's collaborators do not exist.
    assert_eq!(other.client.get(STAFF).await.expect(200).json()["data"], json!([]));
    other.client.get(&one).await.expect(404);
    other.client.patch(&one, "*", change).await.expect(404);
    other.client.delete(&one).await.expect(404);
    // Who has not the role any more does not work there, either.
    let take = "UPDATE users SET roles = '{client}' WHERE id = $1";
    app.database.client().await.execute(take, &[&account.id]).await.unwrap();
    assert_eq!(office_of().await, None);
    let give = "UPDATE users SET roles = '{client,collaborator}' WHERE id = $1";
    app.database.client().await.execute(give, &[&account.id]).await.unwrap();
    assert_eq!(office_of().await, Some(notary.office));
    notary.client.delete(&one).await.expect(204);
    notary.client.delete(&one).await.expect(404);
    person.get("/api/v1/notary/office").await.expect(403);
    let told: String =
        app.value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE action ~ '^coll'").await;
    assert_eq!(told, "collaborator.invite collaborator.agree collaborator.change collaborator.remove");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_kept_from_working_by_an_invitation_and_nobody_works_twice() {
    let app = TestApp::start().await;
    let (first, second) = (app.a_notary().await, app.a_notary().await);
    let account = app.a_person_with(Role::Collaborator).await;
    let invite = json!({ "email": account.email });
    let unknown = first.client.post(STAFF, invite.clone()).await.expect(422).json();
    assert_eq!(unknown["errors"][0]["code"], "unknown_collaborator", "nobody has proved this address");
    app.prove_address(&account).await;
    let client = app.a_person().await;
    app.prove_address(&client).await;
    first.client.post(STAFF, json!({ "email": client.email })).await.expect(422);
    app.prove_address(&first.account).await;
    let own = json!({ "email": first.account.email });
    assert_eq!(first.client.post(STAFF, own).await.expect(409).code(), "own_office");

    first.client.post(STAFF, invite.clone()).await.expect(201);
    second.client.post(STAFF, invite.clone()).await.expect(201);
    let person = app.log_in(&account).await;
    assert_eq!(person.get(MINE).await.expect(200).json()["notary_id"], json!(second.office));
    person.post(&format!("{MINE}/agree"), json!({ "notary_id": first.office })).await.expect(404);
    person.post(&format!("{MINE}/agree"), json!({ "notary_id": second.office })).await.expect(200);
    assert_eq!(first.client.post(STAFF, invite.clone()).await.expect(409).code(), "works_elsewhere");
    person.delete(MINE).await.expect(204);
    person.delete(MINE).await.expect(204);
    first.client.post(STAFF, invite).await.expect(201);
    app.finish().await;
}
