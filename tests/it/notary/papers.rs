//! Documents of an appointment: asked for, handed in, refused with a reason, handed in again, accepted.

use axum::http::Method;
use serde_json::{Value, json};

use super::practice::Practice;
use crate::harness::client::{Answer, Client};

async fn papers(client: &Client, id: &str) -> Vec<Value> {
    let list = client.get(&format!("/api/v1/appointments/{id}/documents")).await.expect(200).json();
    list["data"].as_array().unwrap().clone()
}

async fn put(client: &Client, id: &str, paper: &Value, file: &str) -> Answer {
    let path = format!("/api/v1/appointments/{id}/documents/{}", paper["id"].as_str().unwrap());
    client.request(Method::PUT, &path, &[], Some(json!({ "document_id": file }))).await
}

async fn review(client: &Client, id: &str, paper: &Value, reason: Option<&str>) -> Answer {
    let path = format!("/api/v1/appointments/{id}/documents/{}/review", paper["id"].as_str().unwrap());
    let body = json!({"is_accepted": reason.is_none(), "reason": reason});
    client.request(Method::PUT, &path, &[], Some(body)).await
}

async fn submit(client: &Client, id: &str) -> Answer {
    client.post(&format!("/api/v1/appointments/{id}/submission"), json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_go_back_and_forth_until_all_are_accepted() {
    let practice = Practice::new().await;
    let (client, notary) = (&practice.client, &practice.notary);
    let id = practice.an_appointment_for("private_company_formation").await;
    let needed = papers(client, &id).await;
    assert!(needed.len() > 1 && needed.iter().all(|paper| paper["status"] == "missing"));
    assert!(practice.told(client).await.contains(&"documents_missing".to_owned()));
    assert_eq!(submit(client, &id).await.expect(409).code(), "documents_missing");
    let file = practice.a_file(client, "contenuto").await;
    for paper in &needed {
        put(client, &id, paper, &file).await.expect(200);
    }
    put(&practice.stranger, &id, &needed[0], &file).await.expect(404);
    let theirs = practice.a_file(&practice.stranger, "di un altro").await;
    assert_eq!(put(client, &id, &needed[0], &theirs).await.expect(422).code(), "unknown_document");
    let content =
        format!("/api/v1/appointments/{id}/documents/{}/content", needed[0]["id"].as_str().unwrap());
    notary.get(&content).await.expect(404); // not handed in yet
    assert_eq!(submit(client, &id).await.expect(200).json()["status"], "documents_review");
    assert_eq!(notary.get(&content).await.expect(200).body[..], *b"contenuto\n");
    practice.stranger.get(&content).await.expect(404);
    let held = client.delete(&format!("/api/v1/documents/{file}")).await.expect(409);
    assert_eq!(held.code(), "in_use");

    review(client, &id, &needed[0], None).await.expect(403);
    review(notary, &id, &needed[0], Some("Scaduto.")).await.expect(200);
    for paper in &needed[1..] {
        review(&practice.clerk, &id, paper, None).await.expect(200);
    }
    assert_eq!(practice.status(&id).await, "documents_partial");
    assert_eq!(papers(client, &id).await[0]["reason"], "Scaduto.");
    assert_eq!(practice.does(notary, &id, "make_ready").await.expect(409).code(), "not_in_this_state");
    let better = practice.a_file(client, "rinnovato").await;
    put(client, &id, &needed[0], &better).await.expect(200);
    submit(client, &id).await.expect(200);
    let done = review(notary, &id, &needed[0], None).await.expect(200).json();
    assert_eq!(done["status"], "documents_accepted");
    assert!(practice.told(client).await.contains(&"documents_accepted".to_owned()));
    practice.does(notary, &id, "make_ready").await.expect(200);
    practice.does(notary, &id, "begin").await.expect(200);
    assert_eq!(practice.does(notary, &id, "complete").await.expect(200).json()["status"], "completed");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_office_asks_for_more_and_provides_its_own() {
    let practice = Practice::new().await;
    let id = practice.a_request(super::practice::A_SLOT).await;
    let path = format!("/api/v1/appointments/{id}/documents");
    let ask = json!({"document_type": "floor_plan", "is_mandatory": true});
    assert_eq!(practice.notary.post(&path, ask.clone()).await.expect(409).code(), "not_in_this_state");
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    practice.client.post(&path, ask.clone()).await.expect(403);
    let paper = practice.notary.post(&path, ask.clone()).await.expect(201).json();
    assert_eq!(practice.status(&id).await, "documents_open");
    assert_eq!(practice.notary.post(&path, ask).await.expect(409).code(), "already_required");
    let unknown = json!({"document_type": "horoscope"});
    assert_eq!(practice.notary.post(&path, unknown).await.expect(422).code(), "unknown_document_type");
    let file = practice.a_file(&practice.notary, "planimetria").await;
    assert_eq!(put(&practice.notary, &id, &paper, &file).await.expect(200).json()["status"], "accepted");
    let submitted = submit(&practice.client, &id).await.expect(200).json();
    assert_eq!(submitted["status"], "documents_accepted", "there was nothing left to look at");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_handed_in_is_taken_back_and_cancelling_lets_the_files_go() {
    let practice = Practice::new().await;
    let client = &practice.client;
    let id = practice.an_appointment_for("mortgage_loan").await;
    let needed = papers(client, &id).await;
    let file = practice.a_file(client, "contenuto").await;
    put(client, &id, &needed[0], &file).await.expect(200);
    let path = format!("/api/v1/appointments/{id}/documents/{}", needed[0]["id"].as_str().unwrap());
    practice.notary.delete(&path).await.expect(403);
    client.delete(&path).await.expect(204);
    client.delete(&path).await.expect(409);
    put(client, &id, &needed[1], &file).await.expect(200);
    client.delete(&format!("/api/v1/documents/{file}")).await.expect(409);
    practice.does(client, &id, "cancel").await.expect(200);
    client.delete(&format!("/api/v1/documents/{file}")).await.expect(204);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_of_act_may_change_until_something_is_handed_in_and_what_it_needs_is_listed_anew() {
    let practice = Practice::new().await;
    let retype = async |client: &Client, id: &str, code: &str| {
        let path = format!("/api/v1/appointments/{id}");
        let etag = practice.notary.get(&path).await.header("etag").to_owned();
        client.patch(&path, &etag, json!({ "act_type": code })).await
    };
    let types = async |id: &str| -> Vec<String> {
        let found = papers(&practice.client, id).await;
        found.iter().map(|paper| paper["document_type"].as_str().unwrap().to_owned()).collect()
    };
    // A request has no documents yet; confirming it lists those of the type it has by then.
    let id = practice.a_request(super::practice::A_SLOT).await;
    retype(&practice.notary, &id, "mortgage_loan").await.expect(200);
    practice.does(&practice.notary, &id, "confirm").await.expect(200);
    let of_loan = types(&id).await;
    assert_eq!(
        practice
            .client
            .patch(&format!("/api/v1/appointments/{id}"), "*", json!({"act_type": "property_sale"}))
            .await
            .expect(403)
            .code(),
        "not_for_you"
    );
    assert_eq!(retype(&practice.notary, &id, "horoscope").await.expect(422).code(), "unknown_act_type");
    assert_eq!(
        retype(&practice.notary, &id, "certified_copies").await.expect(409).code(),
        "needs_no_documents"
    );
    assert_eq!(types(&id).await, of_loan, "what was refused has changed nothing");
    let changed = retype(&practice.clerk, &id, "property_sale").await.expect(200).json();
    assert_eq!(
        (&changed["act_type"], &changed["status"]),
        (&json!("property_sale"), &json!("documents_open"))
    );
    let of_sale = types(&id).await;
    assert!(of_sale != of_loan && !of_sale.is_empty(), "{of_sale:?}");
    assert_eq!(
        practice.told(&practice.client).await.iter().filter(|it| *it == "documents_missing").count(),
        2
    );
    let file = practice.a_file(&practice.client, "contenuto").await;
    let needed = papers(&practice.client, &id).await;
    put(&practice.client, &id, &needed[0], &file).await.expect(200);
    assert_eq!(
        retype(&practice.notary, &id, "mortgage_loan").await.expect(409).code(),
        "documents_handed_in"
    );
    assert_eq!(types(&id).await, of_sale);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_review_documents_sees_whose_they_are_and_decides_nothing_else() {
    let practice = Practice::new().await;
    let id = practice.an_appointment_for("private_company_formation").await;
    let reviewer = practice.app.a_collaborator(practice.office, &["review_documents"]).await;
    let reviewer = practice.app.log_in(&reviewer).await;
    let file = practice.a_file(&practice.client, "contenuto").await;
    for paper in papers(&practice.client, &id).await {
        put(&practice.client, &id, &paper, &file).await.expect(200);
    }
    submit(&practice.client, &id).await.expect(200);
    let agenda = reviewer.get("/api/v1/appointments?side=office").await.expect(200).json();
    assert_eq!((&agenda["data"][0]["id"], &agenda["data"][0]["possible"]), (&json!(id), &json!([])));
    let seen = reviewer.get(&format!("/api/v1/appointments/{id}")).await.expect(200).json();
    assert_eq!(seen["office_note"], json!(null));
    review(&reviewer, &id, &papers(&reviewer, &id).await[0], None).await.expect(200);
    practice.does(&reviewer, &id, "cancel").await.expect(403);
    practice.app.finish().await;
}
