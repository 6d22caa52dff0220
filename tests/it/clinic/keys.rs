//! Keys for programs at the clinic desk: scopes, and what the clinic has paid for.

use futures_util::future::join_all;
use serde_json::json;
use sportello::jobs::registry::registry;

use super::ward::{PATIENTS, Ward, a_person};

const KEYS: &str = "/api/v1/api-keys";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_and_its_owner_may_and_no_more_than_the_clinic_has() {
    let ward = Ward::new().await;
    let id = ward.register(a_person("Anna", "Bianchi", "1990-05-17")).await;
    let make = |scopes: &[&str], quota: Option<i32>| json!({ "name": "cartella", "scopes": scopes, "quota_per_hour": quota });
    let made = ward.reader.post(KEYS, make(&["clinic:read", "clinic:write"], None)).await.expect(201).json();
    assert_eq!(made["quota_per_hour"], 100, "what a clinic has to try it");
    let key = ward.reader.with(made["key"].as_str().unwrap());
    key.get(&format!("{PATIENTS}/{id}")).await.expect(200);
    let refused = key.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(403);
    assert_eq!(refused.code(), "no_permission", "the owner may not");
    let read = ward.nurse.post(KEYS, make(&["clinic:read"], Some(50))).await.expect(201).json();
    let read = ward.nurse.with(read["key"].as_str().unwrap());
    let refused = read.post(PATIENTS, a_person("Eva", "Neri", "1991-05-17")).await.expect(403);
    assert_eq!(refused.code(), "insufficient_scope");
    read.get("/api/v1/clinic/members").await.expect(403);
    ward.reader.post(KEYS, make(&["clinic:read"], Some(101))).await.expect(422);
    ward.reader.post(KEYS, make(&["profile:read"], Some(101))).await.expect(201);
    // Another clinic's key gets nothing; who works there no more, neither.
    let rival = ward.rival.post(KEYS, make(&["clinic:read"], None)).await.expect(201).json();
    let rival = ward.rival.with(rival["key"].as_str().unwrap());
    rival.get(&format!("{PATIENTS}/{id}")).await.expect(404);
    let nurse = format!("/api/v1/clinic/members/{}", ward.nurse_account.id);
    ward.manager.delete(&nurse).await.expect(204);
    assert_eq!(read.get(PATIENTS).await.expect(403).code(), "no_clinic");
    ward.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_what_the_clinic_has_at_that_moment_and_holds_over_two_nodes() {
    let ward = Ward::new().await;
    let pay = async |tier: &str| {
        let path = format!("/api/v1/clinics/{}", ward.clinic);
        ward.admin.patch(&path, "*", json!({ "tier": tier })).await.expect(200);
    };
    pay("basic").await;
    let made = json!({ "name": "cartella", "scopes": ["clinic:read"] });
    let made = ward.reader.post(KEYS, made).await.expect(201).json();
    assert_eq!(made["quota_per_hour"], 1000);
    let key = ward.reader.with(made["key"].as_str().unwrap());
    pay("demo").await;
    let node = ward.app.another_node(|_| {}, registry()).await;
    let there = key.at(node.address);
    let asked = join_all((0..130).map(|n| {
        let client = if n % 2 == 0 { &key } else { &there };
        client.get("/api/v1/clinic")
    }))
    .await;
    let count = |status: u16| asked.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (100, 30), "exactly what the clinic has");
    node.stop().await;
    ward.app.finish().await;
}
