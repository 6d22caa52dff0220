//! Consents: given to a wording that was shown, taken back at any time, and never rewritten.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
};

const CONSENTS: &str = "/api/v1/me/consents";

async fn say(client: &Client, purpose: &str, body: Value) -> Answer {
    client.request(Method::PUT, &format!("{CONSENTS}/{purpose}"), &[], Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_is_given_to_its_wording_taken_back_and_its_history_stays() {
    let app = TestApp::start().await;
    let client = app.log_in(&app.a_person().await).await;
    let all = client.get(CONSENTS).await.expect(200).json();
    let first = all["data"].as_array().unwrap();
    assert!(first.len() >= 4 && first.iter().all(|it| it["is_given"] == false && it["since"].is_null()));
    assert!(first[0]["text"].as_str().unwrap().contains("Acconsento"), "in one's language");
    let wording = first[0]["current_wording"].clone();
    let missing = say(&client, "marketing_mail", json!({ "given": true })).await.expect(422).json();
    assert_eq!(missing["errors"][0]["pointer"], "/wording");
    let other = say(&client, "marketing_mail", json!({ "given": true, "wording": "0" })).await.expect(409);
    assert_eq!((other.code().as_str(), &other.json()["current_wording"]), ("outdated_wording", &wording));
    say(&client, "everything", json!({ "given": true, "wording": wording })).await.expect(404);

    let yes = json!({ "given": true, "wording": wording });
    let given = say(&client, "marketing_mail", yes.clone()).await.expect(200).json();
    assert_eq!((&given["is_given"], &given["wording"]), (&json!(true), &wording));
    let again = say(&client, "marketing_mail", yes.clone()).await.expect(200).json();
    assert_eq!(again["since"], given["since"], "saying it again adds nothing");
    let taken = say(&client, "marketing_mail", json!({ "given": false })).await.expect(200).json();
    assert_eq!(taken["is_given"], false);
    say(&client, "marketing_mail", yes).await.expect(200);
    let path = format!("{CONSENTS}/marketing_mail/history");
    let history = client.get(&path).await.expect(200).json();
    let said: Vec<_> = history["data"].as_array().unwrap().iter().map(|it| it["is_given"].clone()).collect();
    assert_eq!(said, [json!(true), json!(false), json!(true)]);
    let page = client.get(&format!("{path}?limit=2")).await.expect(200).json();
    let rest = client.get(&format!("{path}?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await;
    assert_eq!(rest.expect(200).json()["data"].as_array().unwrap().len(), 1);
    let stranger = app.log_in(&app.a_person().await).await;
    assert_eq!(stranger.get(&path).await.expect(200).json()["data"], json!([]), "everybody has their own");
    let told: i64 = app.value("SELECT count(*) FROM audit_entry WHERE object_kind = 'consent'").await;
    assert_eq!(told, 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_cannot_be_rewritten_not_even_in_the_database() {
    let app = TestApp::start().await;
    let client = app.log_in(&app.a_person().await).await;
    let yes = json!({ "given": true, "wording": "1" });
    join_all((0..8).map(|_| say(&client, "clinic_processing", yes.clone()))).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM consent").await, 1, "of eight at once one is written");
    let database = app.database.client().await;
    for change in [
        "UPDATE consent SET is_given = false",
        "UPDATE consent SET at = now(), address = NULL",
        "UPDATE consent SET wording = '2', address = NULL",
        "TRUNCATE consent",
    ] {
        let refused = database.batch_execute(change).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{change}");
    }
    database.batch_execute("UPDATE consent SET address = NULL").await.unwrap(); // as erasure does
    app.finish().await;
}
