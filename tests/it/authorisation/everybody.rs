//! Everybody is sent to every route.

use axum::http::Method;
use serde_json::Value;
use sportello::http::openapi::{self, operations};

use super::{
    table::{
        ADMIN, ROUTES,
        Who::{
            Account, Admins, Clinic, Clinics, Everybody, Host, Hosts, Notaries, Office, Offices, Owner,
            OwnerOrAdmin, Partners, Staff,
        },
    },
    things::{Things, a_body, a_clinician, a_notary, a_partner},
};
use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
};

async fn send(client: &Client, method: &Method, path: &str) -> Answer {
    let is_piece = *method == Method::PATCH && path.contains("/uploads/");
    if is_piece || *method == Method::PUT && path.ends_with("/content") {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("upload-offset", "0"),
            ("content-type", "application/offset+octet-stream"),
        ];
        let answer = client.attempt_bytes(method.clone(), path, &headers, "x".into()).await;
        return answer.expect("the server answers");
    }
    let has_body = matches!(*method, Method::POST | Method::PATCH)
        || *method == Method::PUT
            && [
                "/permissions/",
                "/acts/",
                "/appointments/",
                "/availability",
                "-preferences",
                "-templates/",
                "/patients/",
            ]
            .iter()
            .any(|part| path.contains(part));
    if path.ends_with("/notifications/stream") {
        // It would never end.
        return client.request(method.clone(), path, &[("last-event-id", "x")], None).await;
    }
    if path.contains("/uploads") {
        return client.request(method.clone(), path, &[("tus-resumable", "1.0.0")], None).await;
    }
    client.request(method.clone(), path, &[], has_body.then(|| a_body(method, path))).await
}

/// An answer without what differs from request to request.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
        body.remove("instance");
    }
    (answer.status, body)
}

fn routes() -> Vec<(Method, String)> {
    let document = openapi::document();
    let paths = document.paths.paths.iter();
    paths.flat_map(|(path, item)| operations(item).map(move |(method, _)| (method, path.clone()))).collect()
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let described: Vec<String> = routes().iter().map(|(method, path)| format!("{method} {path}")).collect();
    let rows: Vec<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    for route in described.iter().filter(|route| !route.contains(ADMIN)) {
        assert!(rows.contains(&route.as_str()), "who may use {route}? Add a row");
    }
    for row in &rows {
        assert!(described.iter().any(|route| route == row), "there is no {row} any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_its_row_says_and_nobody_else() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let cast = app.a_cast().await;
    let things = Things::make(&app, &cast).await;
    let (notary, partner) = (a_notary(&app).await, a_partner(&app).await);
    let clinician = a_clinician(&app).await;
    for (row, who) in ROUTES {
        let (method, template) = row.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let thing = who.thing();
        let [path, missing] = things.paths(template, thing);
        let status = async |client: &Client| send(client, &method, &path).await.status;
        let is_in = |status: u16| !matches!(status, 401 | 403) && status < 500;
        if matches!(*row, "POST /api/v1/payments/webhook" | "POST /api/v1/auth/login") {
            continue; // they look at what is in the body
        }
        let anonymous = status(&cast.anonymous).await;
        assert_eq!(anonymous == 401, *who != Everybody, "{row} for nobody: {anonymous}");
        for (name, client, may) in [
            ("a client", &cast.user, matches!(who, Everybody | Account)),
            ("a notary", &notary, matches!(who, Everybody | Account | Notaries | Offices)),
            ("a partner", &partner, matches!(who, Everybody | Account | Partners)),
            ("who works in a clinic", &clinician, matches!(who, Everybody | Account | Clinics)),
            ("a host", &cast.host, matches!(who, Everybody | Account | Hosts)),
            ("an administrator", &cast.admin, matches!(who, Everybody | Account | Hosts | Admins)),
        ] {
            // Logging out is for the last.
            if thing.is_none() && (*row != "POST /api/v1/auth/logout" || name == "a notary") {
                let status = status(client).await;
                assert_eq!(is_in(status), may, "{row} for {name}: {status}");
            }
        }
        let strangers: &[&Client] = match who {
            Owner(_) | OwnerOrAdmin(_) => &[&cast.stranger, &cast.other_host],
            Host(_) => &[&cast.other_host],
            Office(_) => &[&notary],
            Staff(_) => &[&notary, &cast.user, &cast.stranger, &cast.other_host],
            Clinic(_) => &[&clinician],
            _ => &[],
        };
        for stranger in strangers {
            let (real, unreal) =
                (send(stranger, &method, &path).await, send(stranger, &method, &missing).await);
            assert_eq!(said(&real), said(&unreal), "{row}: a stranger learns that it exists");
            // Some look at the body first; they say the same of it whatever it is sent to.
            assert!(matches!(real.status, 404 | 422), "{row} for a stranger: {}", real.status);
        }
        if matches!(who, Host(_) | Office(_) | Clinic(_)) {
            assert_eq!(status(&cast.user).await, 403, "{row} for a client");
        }
        if matches!(who, Office(_)) {
            let (real, unreal) =
                (send(&cast.stranger, &method, &path).await, send(&cast.stranger, &method, &missing).await);
            assert_eq!(said(&real), said(&unreal), "{row}: a stranger learns that it exists");
        }
        if matches!(who, Owner(_) | Clinic(_)) {
            let (real, unreal) =
                (send(&cast.admin, &method, &path).await, send(&cast.admin, &method, &missing).await);
            assert_eq!(said(&real), said(&unreal), "{row}: private is private to administrators, too");
        }
        let owner = match who {
            Host(_) => &cast.host,
            Office(_) | Staff(_) => &things.keeper,
            Clinic(_) => &things.clinician,
            _ => &cast.user,
        };
        if thing.is_some() {
            let status = status(owner).await;
            assert!(is_in(status) && status != 404, "{row} for its owner: {status}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_below_admin_is_for_administrators() {
    let app = TestApp::start_with(|config| config.limits.enabled = false).await;
    let cast = app.a_cast().await;
    let routes = routes().into_iter().filter(|(_, path)| path.starts_with(ADMIN));
    for (method, template) in routes {
        let path = template
            .replace("{path}", "root")
            .replace("{id}", "1")
            .replace("{name}", "x")
            .replace("{key}", "x.y");
        for (name, client, expected) in
            [("nobody", &cast.anonymous, 401), ("a client", &cast.user, 403), ("a host", &cast.host, 403)]
        {
            let answer = send(client, &method, &path).await;
            assert_eq!(answer.status, expected, "{method} {template} for {name}");
        }
        if template.ends_with("/stream") || template.ends_with("/events") {
            continue; // never ends
        }
        let status = send(&cast.admin, &method, &path).await.status;
        assert!(!matches!(status, 401 | 403) || path.ends_with("/crash"), "{method} {template}: {status}");
    }
    app.finish().await;
}
