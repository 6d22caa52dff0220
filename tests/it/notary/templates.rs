//! Templates of an office: versions, one active for each type of act, and texts that cannot be read.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::practice::Practice;
use crate::harness::client::{Answer, Client};

const PATH: &str = "/api/v1/notary/office/templates";

impl Practice {
    /// The office's next text for a type of act.
    pub(super) async fn a_template(&self, act_type: &str, body: &str) -> Value {
        self.writes(&self.notary, act_type, body).await.expect(201).json()
    }

    async fn writes(&self, client: &Client, act_type: &str, body: &str) -> Answer {
        client.post(PATH, json!({"act_type": act_type, "name": "Il nostro", "body": body})).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_the_active_one_and_an_old_one_can_be_again() {
    let practice = Practice::new().await;
    let first = practice.a_template("certified_copies", "Prima {{client_name}} {{own}}").await;
    assert_eq!((&first["number"], &first["is_active"]), (&json!(1), &json!(true)));
    assert_eq!(first["fields"], json!(["client_name", "own"]));
    let second = practice.a_template("certified_copies", "Seconda").await;
    let other = practice.a_template("property_sale", "Vendita").await;
    assert_eq!((&second["number"], &other["number"]), (&json!(2), &json!(1)));
    let active = async |act_type: &str| {
        let path = format!("{PATH}?act_type={act_type}&is_active=true");
        let page = practice.notary.get(&path).await.expect(200).json();
        let ids = page["data"].as_array().unwrap().iter();
        ids.map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(active("certified_copies").await, [second["id"].as_str().unwrap()]);
    let path = format!("{PATH}/{}", first["id"].as_str().unwrap());
    let shown = practice.notary.get(&path).await.expect(200).json();
    assert_eq!(
        (&shown["body"], &shown["is_active"]),
        (&json!("Prima {{client_name}} {{own}}"), &json!(false))
    );
    practice.notary.put(&format!("{path}/activation")).await.expect(200);
    assert_eq!(active("certified_copies").await, [first["id"].as_str().unwrap()]);
    practice.notary.delete(&path).await.expect(204);
    assert!(active("certified_copies").await.is_empty(), "the built-in text is used");
    let versions = practice.notary.get(&format!("{PATH}?act_type=certified_copies")).await.expect(200).json();
    assert_eq!(versions["data"].as_array().unwrap().len(), 2, "both are still there");
    assert_eq!(active("property_sale").await, [other["id"].as_str().unwrap()]);
    let count = "SELECT count(*) FROM audit_entry WHERE object_kind = 'act_template'";
    assert_eq!(practice.app.value::<i64>(count).await, 5);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_versions_that_are_written_at_once_each_has_its_number_and_one_is_active() {
    let practice = Practice::new().await;
    let writing = (0..8).map(|_| practice.writes(&practice.notary, "certified_copies", "Testo"));
    for answer in futures_util::future::join_all(writing).await {
        answer.expect(201);
    }
    let page = practice.notary.get(PATH).await.expect(200).json();
    let versions = page["data"].as_array().unwrap();
    let numbers: BTreeSet<i64> = versions.iter().map(|it| it["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=8).collect());
    let active: Vec<&Value> = versions.iter().filter(|it| it["is_active"] == true).collect();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0]["number"], 8, "the newest");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_managed_by_who_is_permitted_to() {
    let practice = Practice::new().await;
    let template = practice.a_template("certified_copies", "Testo").await;
    let path = format!("{PATH}/{}", template["id"].as_str().unwrap());
    // The practice's clerk may do other things.
    assert_eq!(practice.clerk.get(PATH).await.expect(200).json()["data"], json!([]));
    practice.clerk.get(&path).await.expect(404);
    practice.clerk.delete(&path).await.expect(404);
    practice.clerk.put(&format!("{path}/activation")).await.expect(404);
    let refused = practice.writes(&practice.clerk, "certified_copies", "Testo").await;
    assert_eq!(refused.expect(403).code(), "not_permitted");
    let author = practice.app.a_collaborator(practice.office, &["manage_templates"]).await;
    let author = practice.app.log_in(&author).await;
    practice.writes(&author, "certified_copies", "Testo").await.expect(201);
    author.delete(&path).await.expect(204);
    assert_eq!(practice.client.get(PATH).await.expect(403).code(), "no_office");
    let fields = practice.client.get("/api/v1/notary/template-fields").await.expect(200).json();
    let is_there = |name: &str| fields["data"].as_array().unwrap().iter().any(|it| it["name"] == name);
    assert!(["client_name", "parties", "protocol_number", "signed_on"].into_iter().all(is_there), "{fields}");
    let off = "UPDATE notary SET licence_active = false";
    practice.app.database.client().await.execute(off, &[]).await.unwrap();
    let refused = practice.writes(&practice.notary, "certified_copies", "Testo").await;
    assert_eq!(refused.expect(403).code(), "notary_inactive");
    assert_eq!(author.delete(&path).await.expect(403).code(), "notary_inactive");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_its_line_and_a_preview_keeps_nothing() {
    let practice = Practice::new().await;
    for (body, part) in [
        ("Una riga\n{{aperta", "line 2"),
        ("{{No}}", "line 1"),
        (&*"è".repeat(60_000), "120000 bytes"),
        (&(0..101).map(|n| format!("{{{{f{n}}}}} ")).collect::<Vec<_>>().concat(), "100 different fields"),
    ] {
        let refused = practice.writes(&practice.notary, "certified_copies", body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["code"], "invalid_template", "{refused}");
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains(part), "{refused}");
    }
    let unknown = practice.writes(&practice.notary, "no_such_type", "Testo").await;
    assert_eq!(unknown.expect(422).code(), "unknown_act_type");
    let path = "/api/v1/notary/office/template-preview";
    let text = json!({"title": "Prova", "body": "# Uno\n\n{{client_name}} #eval(1) **forte** $x$\n- punto"});
    let pdf = practice.notary.request(Method::POST, path, &[], Some(text)).await.expect(200);
    assert_eq!((pdf.header("content-type"), pdf.header("cache-control")), ("application/pdf", "no-store"));
    let read = crate::harness::verify::words(&pdf.body);
    for part in ["ANTEPRIMA DEL MODELLO", "[client_name] #eval(1) forte $x$", "punto", "Prova"] {
        assert!(read.contains(part), "{part} is not in {read}");
    }
    practice.notary.post(path, json!({"title": "x", "body": "{{"})).await.expect(422);
    assert_eq!(practice.app.value::<i64>("SELECT count(*) FROM act_template").await, 0);
    practice.app.finish().await;
}
