//! Every route and every key: what is not named takes none, and what names a scope takes no other.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::{policy::Role, scopes::Scope},
    http::{
        openapi::{self, operations},
        scopes::{Keys, ROUTES, of},
    },
};

use crate::harness::{app::TestApp, client::Client};

const KEYS: &str = "/api/v1/api-keys";

fn routes() -> Vec<(Method, String, Value)> {
    let document = openapi::document();
    let paths = document.paths.paths.iter();
    let routes = paths.flat_map(|(path, item)| {
        operations(item).map(move |(method, operation)| {
            (method, path.clone(), serde_json::to_value(&operation.security).unwrap())
        })
    });
    routes.collect()
}

fn path(template: &str) -> String {
    let nobody = "01980f3c-7a3e-7cc1-8f1b-2a6d3a1c9e10";
    let path = template.replace("{slug}", "x").replace("{path}", "root").replace("{key}", "x.y");
    let path = path
        .replace("{code}", "x")
        .replace("{kind}", "semen")
        .replace("{user}", nobody)
        .replace("{link}", nobody)
        .replace("{token}", "x");
    path.replace("/tasks/{id}", "/tasks/1").replace("{id}", nobody).replace("{name}", "x")
}

async fn key(client: &Client, scopes: &[Scope]) -> Client {
    let body = json!({ "name": "tutto", "scopes": scopes, "quota_per_hour": 5_000 });
    let made = client.post(KEYS, body).await.expect(201).json();
    client.with(made["key"].as_str().unwrap())
}

async fn send(client: &Client, method: &Method, template: &str) -> (u16, String) {
    let body = matches!(*method, Method::POST | Method::PATCH).then(|| json!({}));
    let answer = client.request(method.clone(), &path(template), &[], body).await;
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    // FHIR tells it in its own way.
    let code = document["code"].as_str().or_else(|| document["issue"][0]["details"]["text"].as_str());
    (answer.status, code.unwrap_or_default().to_owned())
}

#[test]
fn the_table_names_routes_that_exist_and_the_description_says_the_same() {
    let described = routes();
    for (method, template, _) in ROUTES {
        assert!(
            described.iter().any(|(m, path, _)| m == method && path == template),
            "no {method} {template}"
        );
        assert_eq!(ROUTES.iter().filter(|(m, path, _)| m == method && path == template).count(), 1);
    }
    for (method, template, security) in described {
        let said = security.as_array().into_iter().flatten().find_map(|it| it.get("api_key"));
        match of(&method, &template) {
            Keys::Need(scope) => assert_eq!(said, Some(&json!([scope])), "{method} {template}"),
            Keys::Open => assert!(said.is_none_or(|it| *it == json!([])), "{method} {template}"),
            Keys::Refused => assert_eq!(said, None, "{method} {template}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_key_with_every_scope_is_refused_where_none_is_named() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let everything = key(&admin, &Scope::ALL).await;
    let mut refused = 0;
    for (method, template, _) in routes() {
        let is_exempt = method == Method::OPTIONS || template.starts_with("/media");
        if of(&method, &template) != Keys::Refused || is_exempt {
            continue;
        }
        if ["/health", "/ready", "/alive", "/metrics"].iter().any(|probe| template.starts_with(probe)) {
            continue; // nobody is looked at there
        }
        let (status, code) = send(&everything, &method, &template).await;
        assert_eq!((status, code.as_str()), (403, "key_not_allowed"), "{method} {template}");
        refused += 1;
    }
    assert!(refused > 80, "only {refused} routes refuse keys");
    // The routes of old forms of paths, which no description names.
    let odd = everything.get("/admin/api/actors/root/data/pool").await;
    assert_eq!(odd.code(), "key_not_allowed");
    everything.get("/api/v1/no-such-thing").await.expect(404);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_takes_its_own_scope_and_no_other() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let account = app.a_person_with(Role::Admin).await;
    let admin = app.log_in(&account).await;
    // Some routes are for who works in a clinic.
    let client = app.database.client().await;
    client
        .execute("UPDATE users SET roles = roles || '{staff}' WHERE id = $1", &[&account.id])
        .await
        .unwrap();
    let clinic = app.a_clinic("Clinica Aurora").await;
    client.execute("UPDATE clinic SET tier = 'professional'", &[]).await.unwrap();
    app.join_clinic(&account, clinic, &["manage_members"]).await;
    for (method, template, keys) in ROUTES {
        let Keys::Need(scope) = keys else {
            let none = key(&admin, &[Scope::AuditRead]).await;
            let (status, _) = send(&none, method, template).await;
            assert!(!matches!(status, 401 | 403), "{method} {template}: {status}");
            continue;
        };
        let others: Vec<_> = Scope::ALL.into_iter().filter(|it| it != scope).collect();
        let (all_others, right) = (key(&admin, &others).await, key(&admin, &[*scope]).await);
        let (status, code) = send(&all_others, method, template).await;
        assert_eq!((status, code.as_str()), (403, "insufficient_scope"), "{method} {template}");
        let (status, code) = send(&right, method, template).await;
        // The administrator works for no office.
        let is_in = !matches!(status, 401 | 403) || code == "no_office";
        assert!(is_in && status < 500, "{method} {template}: {status}");
        for made in admin.get("/api/v1/api-keys?limit=100").await.json()["data"].as_array().unwrap() {
            admin.delete(&format!("{KEYS}/{}", made["id"].as_str().unwrap())).await.expect(204);
        }
    }
    app.finish().await;
}
