//! The description of the API against the API.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    http::{openapi, routes::LIMITS},
};

use super::wire::Reply;
use crate::harness::app::TestApp;

/// Bytes of an operation on average, its share of the components included: more than this nobody wrote.
const OPERATION_MAX: usize = 4000;

fn document() -> Value {
    serde_json::to_value(openapi::document()).unwrap()
}

/// What a reference stands for.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("nothing is at {reference}"))
}

#[test]
fn what_is_common_is_described_once_and_every_reference_leads_somewhere() {
    let document = document();
    let size = document.to_string().len();
    let each = size / operations(&document).len();
    assert!(each < OPERATION_MAX, "{each} bytes each: what is repeated belongs into the components");
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        resolved(&document, value);
        left.extend(value.as_object().into_iter().flat_map(|it| it.values()));
        left.extend(value.as_array().into_iter().flatten());
    }
}

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
    });
    all.filter(|(_, method, _)| matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH" | "DELETE"))
        .collect()
}

#[test]
fn every_operation_has_words_and_names_its_problems() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["license"]["identifier"], "MIT OR Apache-2.0");
    assert!(document["info"]["contact"].is_null(), "nobody's but ours");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{name} has no summary");
        assert!(ids.insert(operation["operationId"].to_string()), "{name} shares its operationId");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        if path.starts_with("/api/") {
            for status in ["429", "500", "503"] {
                let content = &resolved(&document, &responses[status])["content"];
                let kind = if path.starts_with("/api/v1/fhir") { "fhir" } else { "problem" };
                assert!(
                    content[format!("application/{kind}+json")].is_object(),
                    "{name} does not describe {status}"
                );
            }
        }
        if operation["requestBody"].is_object() {
            assert!(responses.contains_key("413") && responses.contains_key("415"), "{name}");
        }
        if operation["security"].is_array() {
            assert!(responses.contains_key("401") && responses.contains_key("403"), "{name}");
        }
    }
}

#[test]
fn what_is_closed_by_itself_is_open_where_it_is_joined_to_others() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let closed = |schema: &Value| schema["additionalProperties"] == false;
    assert!(closed(&schemas["CronSchedule"]), "as a body");
    let mut left = vec![&document];
    while let Some(value) = left.pop() {
        for part in value["allOf"].as_array().into_iter().flatten() {
            let of = part["$ref"].as_str().and_then(|it| it.rsplit('/').next());
            assert!(!closed(of.map_or(part, |of| &schemas[of])), "it has fields of its own: {value}");
        }
        left.extend(value.as_object().into_iter().flat_map(|it| it.values()));
        left.extend(value.as_array().into_iter().flatten());
    }
}

#[test]
fn every_limit_belongs_to_a_route_that_exists() {
    let document = document();
    let known: BTreeSet<_> =
        operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();
    for (method, path, _) in LIMITS {
        assert!(known.contains(&((*path).to_owned(), method.to_string())), "{method} {path} is no route");
    }
}

#[tokio::test]
async fn every_described_route_is_mounted_and_has_its_own_figures() {
    let app = TestApp::start().await;
    let document = document();
    for (path, method, _) in operations(&document) {
        let concrete = path.replace(['{', '}'], "");
        let reply = ask(&app, &format!("{method} {concrete}")).await;
        assert_ne!(reply.status(), 405, "{method} {path}");
        if reply.status() == 404 {
            assert_ne!(reply.json()["detail"], "there is nothing at this path", "{method} {path}");
        }
        let route = format!("route=\"{path}\"");
        assert!(app.app.metrics.encode().contains(&route), "{method} {path} has no figures");
    }
    app.finish().await;
}

#[tokio::test]
async fn probes_answer_with_and_without_a_slash_and_to_head() {
    let app = TestApp::start().await;
    for path in ["/health", "/ready", "/alive", "/health/ready", "/health/live", "/metrics", "/openapi.json"]
    {
        for method in ["GET", "HEAD"] {
            assert_eq!(
                ask(&app, &format!("{method} {path}\nconnection: close")).await.status(),
                200,
                "{method} {path}"
            );
            if path != "/openapi.json" {
                assert_eq!(
                    ask(&app, &format!("{method} {path}/\nconnection: close")).await.status(),
                    200,
                    "{path}/"
                );
            }
        }
    }
    let health = ask(&app, "GET /health").await.json();
    assert_eq!(
        (&health["status"], &health["checks"]["database"]["status"]),
        (&"healthy".into(), &"ok".into())
    );
    assert!(health["response_time_ms"].is_number());
    app.finish().await;
}

#[tokio::test]
async fn metrics_are_for_the_networks_that_are_named() {
    let app = TestApp::start_with(|config| {
        config.server.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        config.ops.metrics_from = vec!["127.0.0.0/8".parse().unwrap(), "10.20.0.0/16".parse().unwrap()];
    })
    .await;
    for (forwarded, status) in [
        ("", 200),
        ("\nx-forwarded-for: 10.20.3.4", 200),
        ("\nx-forwarded-for: 10.21.3.4", 403),
        ("\nx-forwarded-for: 127.0.0.1, 10.21.3.4", 403),
        ("\nx-forwarded-for: nobody", 403),
        ("\nx-forwarded-for: 2001:db8::1", 403),
        ("\nvia: 1.1 somewhere", 403),
    ] {
        for path in ["/metrics", "/metrics/"] {
            let reply = ask(&app, &format!("GET {path}{forwarded}")).await;
            assert_eq!(reply.status(), status, "{path} {forwarded}");
            let shown = String::from_utf8_lossy(&reply.body).contains("sportello_");
            assert_eq!(shown, status == 200, "{path} {forwarded}");
            if status == 403 {
                assert_eq!(reply.problem(), "address_not_allowed");
            }
        }
    }
    let anybody = "GET /alive\nx-forwarded-for: 10.21.3.4";
    assert_eq!(ask(&app, anybody).await.status(), 200, "probes are for everybody");
    app.finish().await;

    let nobody = TestApp::start_with(|config| config.ops.metrics_from.clear()).await;
    assert_eq!(ask(&nobody, "GET /metrics").await.status(), 403);
    nobody.finish().await;
}

async fn ask(app: &TestApp, head: &str) -> Reply {
    super::wire::ask(app.app.address, head, "").await
}

/// What stands for the parameters of a path, so that nothing but the query is wrong.
fn filled(path: &str) -> String {
    let fill = |segment: &str| match segment {
        "{id}" if path.starts_with("/admin/") => "1".to_owned(),
        "{id}" | "{document}" => uuid::Uuid::nil().to_string(),
        "{purpose}" => "marketing_mail".to_owned(),
        segment => segment.replace(['{', '}'], ""),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn no_route_takes_a_parameter_it_does_not_know() {
    let app = TestApp::start().await;
    // Somebody who may ask everything.
    let admin = app.a_person_with(Role::Admin).await;
    app.an_office(admin.id).await;
    let clinic = app.a_clinic("Clinica").await;
    let everything = ["read_patients", "write_patients", "manage_members", "merge_patients"];
    app.join_clinic(&admin, clinic, &everything).await;
    let all =
        "UPDATE users SET roles = '{client,host,partner,collaborator,notary,staff,admin}' WHERE id = $1";
    app.database.client().await.execute(all, &[&admin.id]).await.unwrap();
    let admin = app.log_in(&admin).await;
    let document = document();
    let mut heard = Vec::new();
    for (path, method, operation) in operations(&document) {
        let body = operation["requestBody"].is_object().then(|| json!({"reason": "to see"}));
        let headers: &[_] = if method == "PATCH" { &[("if-match", "*")] } else { &[] };
        let asked = format!("{}?colour=red", filled(&path));
        let answer = admin.request(method.parse().unwrap(), &asked, headers, body).await;
        let said = if answer.status == 400 { answer.json()["errors"][0].clone() } else { Value::Null };
        let is_told =
            (said["code"].as_str(), said["pointer"].as_str()) == (Some("unknown_parameter"), Some("/colour"));
        // FHIR tells it in its own way.
        let issue = if answer.status == 400 { answer.json()["issue"][0].clone() } else { Value::Null };
        let is_told = is_told
            || issue["details"]["text"] == "unknown_parameter" && issue["expression"] == json!(["colour"]);
        if !is_told {
            heard.push(format!("{method} {path}: {} {:?}", answer.status, answer.body));
        }
        assert!(operation["responses"]["400"].is_object(), "{method} {path} does not describe it");
    }
    assert!(heard.is_empty(), "{heard:#?}");
    // Beside the described ones: paths of actors with their slashes.
    admin.get("/admin/api/actors/root/jobs/acker?x=1").await.expect(400);
    admin.get("/admin/api/actors/root/jobs/acker").await.expect(200);
    // A bare `?` says nothing, and what is no part of the API may be asked as browsers do.
    app.anonymous().get("/health/live?").await.expect(200);
    app.anonymous().get("/openapi.json?v=2").await.expect(200);
    app.anonymous().get("/nowhere?x=1").await.expect(404);
    app.finish().await;
}
