//! Who may use which route, and on whose things: one row per route, and a route without a row fails.
//!
//! Everybody is sent to every route: who may not hears 401 or 403, and about a stranger's thing exactly what is said about
//! one that does not exist. The routes come from the description of the API, which the router itself makes.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    http::openapi::{self, operations},
    jobs::NewJob,
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::Cast,
    pictures::{form, png},
};
use crate::notary::practice::A_SLOT;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Also who is not logged in.
    Everybody,
    /// Who is logged in; it is about their own things alone.
    Account,
    /// Hosts and administrators.
    Hosts,
    /// Notaries: those whose office it is.
    Notaries,
    /// Partners of notaries.
    Partners,
    /// Administrators.
    Admins,
    /// The person whose thing it is. For others it does not exist.
    Owner(Thing),
    /// The host whose thing it is, and administrators. For others it does not exist; who is no host may not ask.
    Host(Thing),
    /// The person whose thing it is, and administrators. For others it does not exist.
    OwnerOrAdmin(Thing),
    /// Who has an office, or works in one.
    Offices,
    /// The office whose thing it is. For others it does not exist, but to its client, who may look at it.
    Office(Thing),
}
use Who::{
    Account, Admins, Everybody, Host, Hosts, Notaries, Office, Offices, Owner, OwnerOrAdmin, Partners,
};

impl Who {
    /// Whose it is, where it is somebody's.
    const fn thing(self) -> Option<Thing> {
        match self {
            Owner(thing) | Host(thing) | OwnerOrAdmin(thing) | Office(thing) => Some(thing),
            _ => None,
        }
    }
}

/// What can be somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    ApiKey,
    Appointment,
    Availability,
    Booking,
    Document,
    Event,
    Exception,
    Image,
    Notification,
    Review,
    Task,
    Upload,
}

/// In this order: what changes a thing comes after what reads it.
#[rustfmt::skip]
const ROUTES: &[(&str, Who)] = &[
    ("GET /alive", Everybody),
    ("GET /health", Everybody),
    ("GET /health/live", Everybody),
    ("GET /health/ready", Everybody),
    ("GET /ready", Everybody),
    ("GET /metrics", Everybody), // from this machine; see `ops.metrics`
    ("GET /media/{name}", Everybody),
    ("GET /d/{token}", Everybody), // who has the link
    ("POST /api/v1/auth/register", Everybody),
    ("POST /api/v1/auth/login", Everybody),
    ("POST /api/v1/auth/login/totp", Everybody),
    ("POST /api/v1/auth/email/verify", Everybody),
    ("POST /api/v1/auth/password/forgot", Everybody),
    ("POST /api/v1/auth/password/reset", Everybody),
    ("POST /api/v1/auth/refresh", Everybody),
    ("OPTIONS /api/v1/uploads", Everybody),
    ("GET /api/v1/cities", Everybody),
    ("GET /api/v1/cities/{slug}", Everybody),
    ("GET /api/v1/events", Everybody),
    ("GET /api/v1/events/autocomplete", Everybody),
    ("GET /api/v1/events/{slug}", Everybody),
    ("GET /api/v1/events/{slug}.ics", Everybody),
    ("GET /api/v1/events/{slug}/reviews", Everybody),
    ("GET /api/v1/events/{slug}/images/{id}", Everybody),
    ("POST /api/v1/payments/webhook", Everybody), // whose signature is wrong hears 401; see `payments`
    ("GET /api/v1/notaries", Everybody),
    ("GET /api/v1/notaries/{id}", Everybody),
    ("GET /api/v1/notary/catalogue/act-types", Everybody),
    ("GET /api/v1/notary/catalogue/act-types/{code}", Everybody),
    ("GET /api/v1/notary/catalogue/document-types", Everybody),
    ("GET /api/v1/notary/catalogue/appointment-types", Everybody),
    ("GET /api/v1/me", Account),
    ("PATCH /api/v1/me", Account),
    ("POST /api/v1/me/password", Account),
    ("POST /api/v1/me/email/verification", Account),
    ("GET /api/v1/me/totp", Account),
    ("POST /api/v1/me/totp", Account),
    ("POST /api/v1/me/totp/confirm", Account),
    ("POST /api/v1/me/totp/recovery-codes", Account),
    ("DELETE /api/v1/me/totp", Account),
    ("GET /api/v1/me/sessions", Account),
    ("DELETE /api/v1/me/sessions", Account),
    ("DELETE /api/v1/me/sessions/{id}", Account),
    ("GET /api/v1/me/bookings", Account),
    ("GET /api/v1/me/bookings.ics", Account),
    ("GET /api/v1/me/favourites", Account),
    ("GET /api/v1/me/reviews", Account),
    ("GET /api/v1/me/calendar-link", Account),
    ("PUT /api/v1/me/calendar-link", Account),
    ("DELETE /api/v1/me/calendar-link", Account),
    ("POST /api/v1/me/export", Account),
    ("POST /api/v1/me/erasure", Account), // a body without a password is 422
    ("GET /api/v1/me/consents", Account),
    ("PUT /api/v1/me/consents/{purpose}", Account),
    ("GET /api/v1/me/consents/{purpose}/history", Account),
    ("GET /api/v1/api-keys", Account),
    ("POST /api/v1/api-keys", Account),
    ("GET /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("PATCH /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("DELETE /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("GET /api/v1/audit", Account),
    ("PUT /api/v1/events/{slug}/favourite", Account),
    ("DELETE /api/v1/events/{slug}/favourite", Account),
    ("POST /api/v1/events/{slug}/bookings", Account),
    ("POST /api/v1/events/{slug}/reviews", Account),
    ("GET /api/v1/me/events", Hosts),
    ("POST /api/v1/events", Hosts),
    // One's own, and that of whom one works for: see `notary::{offices,collaborators}`.
    ("GET /api/v1/me/client-profile", Account),
    ("PUT /api/v1/me/client-profile", Account),
    ("DELETE /api/v1/me/client-profile", Account),
    ("GET /api/v1/me/partner-profile", Account),
    ("PUT /api/v1/me/partner-profile", Partners),
    ("DELETE /api/v1/me/partner-profile", Account),
    ("GET /api/v1/me/collaboration", Account),
    ("POST /api/v1/me/collaboration/agree", Account),
    ("DELETE /api/v1/me/collaboration", Account),
    ("GET /api/v1/notary/office", Offices),
    ("POST /api/v1/notary/office", Notaries),
    ("PATCH /api/v1/notary/office", Notaries),
    ("PUT /api/v1/notary/office/services", Notaries),
    ("GET /api/v1/notary/collaborators", Notaries),
    ("POST /api/v1/notary/collaborators", Notaries),
    ("GET /api/v1/notary/collaborators/{user}", Notaries),
    ("PATCH /api/v1/notary/collaborators/{user}", Notaries),
    ("DELETE /api/v1/notary/collaborators/{user}", Notaries),
    ("GET /api/v1/notary/offices", Admins),
    ("GET /api/v1/notary/offices/{id}", Admins),
    ("PATCH /api/v1/notary/offices/{id}", Admins),
    ("PATCH /api/v1/notary/offices/{id}/licence", Admins),
    ("GET /api/v1/notary/statistics", Admins),
    ("GET /api/v1/notary/partners", Admins),
    ("GET /api/v1/notary/partners/{user}", Admins),
    ("PATCH /api/v1/notary/partners/{user}", Admins),
    ("GET /api/v1/users", Admins),
    ("GET /api/v1/users/{id}", Admins),
    ("PATCH /api/v1/users/{id}", Admins),
    ("GET /api/v1/reviews", Admins),
    ("GET /api/v1/reviews/{id}", OwnerOrAdmin(Thing::Review)),
    ("PATCH /api/v1/reviews/{id}", Owner(Thing::Review)),
    ("POST /api/v1/reviews/{id}/hide", Admins),
    ("POST /api/v1/reviews/{id}/show", Admins),
    ("DELETE /api/v1/reviews/{id}", OwnerOrAdmin(Thing::Review)),
    ("GET /api/v1/tasks/{id}", Owner(Thing::Task)),
    ("GET /api/v1/tasks/{id}/events", Owner(Thing::Task)),
    ("GET /api/v1/bookings/{id}", Owner(Thing::Booking)),
    ("POST /api/v1/bookings/{id}/payment", Owner(Thing::Booking)),
    ("POST /api/v1/bookings/{id}/cancel", Owner(Thing::Booking)),
    ("GET /api/v1/documents", Account),
    ("POST /api/v1/documents", Account),
    ("GET /api/v1/me/documents/quota", Account),
    ("GET /api/v1/documents/{id}", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/versions", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/content", Owner(Thing::Document)),
    ("PUT /api/v1/documents/{id}/content", Owner(Thing::Document)),
    ("PATCH /api/v1/documents/{id}", Owner(Thing::Document)),
    // What those may do with whom it is shared: see `documents::permissions`.
    ("PUT /api/v1/documents/{id}/permissions/{user}", Owner(Thing::Document)),
    ("POST /api/v1/documents/{id}/permissions", Owner(Thing::Document)),
    ("GET /api/v1/documents/{id}/permissions", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/permissions/{user}", OwnerOrAdmin(Thing::Document)),
    ("DELETE /api/v1/documents/{id}/permissions/{user}", Owner(Thing::Document)),
    ("POST /api/v1/documents/{id}/links", Owner(Thing::Document)),
    ("GET /api/v1/documents/{id}/links", OwnerOrAdmin(Thing::Document)),
    ("DELETE /api/v1/documents/{id}/links/{link}", Owner(Thing::Document)),
    ("DELETE /api/v1/documents/{id}", Owner(Thing::Document)),
    ("POST /api/v1/uploads", Account),
    ("GET /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("PATCH /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("DELETE /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("GET /api/v1/me/events/{slug}", Host(Thing::Event)),
    ("GET /api/v1/me/events/{slug}/sales", Host(Thing::Event)),
    ("POST /api/v1/events/{slug}/images", Host(Thing::Event)),
    ("PATCH /api/v1/events/{slug}/images/{id}", Host(Thing::Image)),
    ("DELETE /api/v1/events/{slug}/images/{id}", Host(Thing::Image)),
    ("PATCH /api/v1/events/{slug}", Host(Thing::Event)),
    ("DELETE /api/v1/events/{slug}", Host(Thing::Event)),
    ("GET /api/v1/notaries/{id}/slots", Everybody),
    ("POST /api/v1/notaries/{id}/appointments", Account),
    ("GET /api/v1/notary/office/availability", Offices),
    ("POST /api/v1/notary/office/availability", Offices),
    ("GET /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("PUT /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("DELETE /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("GET /api/v1/notary/office/exceptions", Offices),
    ("POST /api/v1/notary/office/exceptions", Offices),
    ("DELETE /api/v1/notary/office/exceptions/{id}", Office(Thing::Exception)),
    ("GET /api/v1/appointments", Account),
    ("GET /api/v1/appointments/{id}", OwnerOrAdmin(Thing::Appointment)),
    ("PATCH /api/v1/appointments/{id}", Office(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/admission", Office(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/participants", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/participants", Office(Thing::Appointment)),
    ("DELETE /api/v1/appointments/{id}/participants/{user}", Office(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/answer", OwnerOrAdmin(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/documents", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/documents", Office(Thing::Appointment)),
    // With files: see `notary::papers`.
    ("PUT /api/v1/appointments/{id}/documents/{paper}", OwnerOrAdmin(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/documents/{paper}/content", Owner(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/documents/{paper}/review", Office(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/submission", OwnerOrAdmin(Thing::Appointment)),
    ("DELETE /api/v1/appointments/{id}/documents/{paper}", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/transitions", OwnerOrAdmin(Thing::Appointment)), // which event is whose: `notary::machines`
    ("GET /api/v1/me/notifications", Account),
    ("PUT /api/v1/me/notifications/read", Account),
    ("PUT /api/v1/me/notifications/{id}/read", Owner(Thing::Notification)),
    ("DELETE /api/v1/me/notifications/{id}", Owner(Thing::Notification)),
    ("GET /api/v1/me/notification-preferences", Account),
    ("PUT /api/v1/me/notification-preferences", Account),
    ("POST /api/v1/auth/logout", Account), // the last one: it ends the session
];

/// Below it everything is for administrators.
const ADMIN: &str = "/admin/api/";

/// The things of the cast's host and user, by the parameters of their paths.
struct Things {
    slug: String,
    ids: BTreeMap<Thing, String>,
    /// Somebody with whom the document is shared.
    friend: String,
    /// To the document.
    link: String,
    /// A document of the appointment, with a file.
    paper: String,
    /// Whose office the appointment is with.
    keeper: Client,
}

impl Things {
    async fn make(app: &TestApp, cast: &Cast) -> Self {
        let slug = app.an_event().hosted_by(cast.host_account.id).create().await;
        let booking = cast.user.post(&format!("/api/v1/events/{slug}/bookings"), json!({"tickets": 1})).await;
        let booking = booking.expect(201).json()["id"].as_str().unwrap().to_owned();
        let past = app.an_event().hosted_by(cast.host_account.id).days_ahead(-3).create().await;
        app.a_visit(&past, cast.user_account.id, "completed").await;
        let review = json!({"rating": 4, "comment": "Una bella serata, torneremo."});
        let review = cast.user.post(&format!("/api/v1/events/{past}/reviews"), review).await;
        let review = review.expect(201).json()["id"].as_str().unwrap().to_owned();
        let mut tx = app.app.db.begin("tests.task").await.unwrap();
        let job = NewJob::of(&sportello::jobs::events::WarmCache {}).owner(cast.user_account.id.0);
        let task = app.app.jobs.insert(&mut tx, &[job]).await.unwrap()[0].unwrap();
        tx.commit().await.unwrap();
        let (path, kind) = (format!("/api/v1/events/{slug}/images"), [("content-type", "image/png")]);
        let image = cast.host.attempt_bytes(Method::POST, &path, &kind, png(40, 30).into()).await.unwrap();
        let image = image.expect(201).json()["id"].as_str().unwrap().to_owned();
        let (document, upload) = a_document_and_an_upload(&cast.user).await;
        let key = json!({"name": "un programma", "scopes": ["profile:read"]});
        let key = cast.user.post("/api/v1/api-keys", key).await.expect(201).json();
        let link =
            cast.user.post(&format!("/api/v1/documents/{document}/links"), json!({})).await.expect(201);
        let link = link.json()["id"].as_str().unwrap().to_owned();
        let office = TheOffice::make(app, cast, &document).await;
        let ids = [
            (Thing::Appointment, office.appointment),
            (Thing::Availability, office.availability),
            (Thing::Exception, office.exception),
            (Thing::Notification, office.notification),
            (Thing::ApiKey, key["id"].as_str().unwrap().to_owned()),
            (Thing::Document, document),
            (Thing::Upload, upload),
            (Thing::Booking, booking),
            (Thing::Review, review),
            (Thing::Task, task.to_string()),
            (Thing::Image, image),
        ];
        let friend = cast.host_account.id.to_string();
        Self { slug, ids: ids.into(), friend, link, paper: office.paper, keeper: office.keeper }
    }

    /// The path of a real thing, and that of one that does not exist.
    fn paths(&self, template: &str, thing: Option<Thing>) -> [String; 2] {
        let nobody = uuid::Uuid::now_v7().to_string();
        let id = thing.and_then(|thing| self.ids.get(&thing)).unwrap_or(&nobody);
        let other = if thing == Some(Thing::Task) { "1" } else { &nobody };
        let fill = |slug: &str, id: &str| {
            template
                .replace("{slug}", slug)
                .replace("{id}", id)
                .replace("{name}", "x")
                .replace("{purpose}", "marketing_mail")
                .replace("{code}", "general_power_of_attorney")
                .replace("{key}", "x.y")
                .replace("{token}", "spd_x")
                .replace("{user}", &self.friend)
                .replace("{link}", &self.link)
                .replace("{paper}", &self.paper)
        };
        // An image that does not exist, of an event that does.
        let missing = if thing == Some(Thing::Image) { &self.slug } else { "no-such-event" };
        [fill(&self.slug, id), fill(missing, other)]
    }
}

async fn a_partner(app: &TestApp) -> Client {
    app.log_in(&app.a_person_with(Role::Partner).await).await
}

/// A notary with an office, who knows nobody here.
async fn a_notary(app: &TestApp) -> Client {
    let notary = app.a_person_with(Role::Notary).await;
    app.an_office(notary.id).await;
    app.log_in(&notary).await
}

/// An office, and what the cast's user has with it.
struct TheOffice {
    keeper: Client,
    appointment: String,
    availability: String,
    exception: String,
    notification: String,
    paper: String,
}

impl TheOffice {
    async fn make(app: &TestApp, cast: &Cast, document: &str) -> Self {
        let account = app.a_person_with(Role::Notary).await;
        let (office, keeper) = (app.an_office(account.id).await, app.log_in(&account).await);
        let id = |answer: Answer| answer.expect(201).json()["id"].as_str().unwrap().to_owned();
        let hours = json!({"weekday": 3, "start_time": "08:00", "end_time": "20:00"});
        let availability = id(keeper.post("/api/v1/notary/office/availability", hours).await);
        let closure = json!({"kind": "closure", "starts_at": "2031-08-01T00:00:00Z", "ends_at": "2031-08-31T00:00:00Z"});
        let exception = id(keeper.post("/api/v1/notary/office/exceptions", closure).await);
        let request =
            json!({"type": "deed", "act_type": "mortgage_loan", "starts_at": A_SLOT, "minutes": 60});
        let appointment =
            id(cast.user.post(&format!("/api/v1/notaries/{office}/appointments"), request).await);
        let path = format!("/api/v1/appointments/{appointment}");
        keeper.post(&format!("{path}/transitions"), json!({"event": "confirm"})).await.expect(200);
        let papers = cast.user.get(&format!("{path}/documents")).await.expect(200).json();
        let paper = papers["data"][0]["id"].as_str().unwrap().to_owned();
        let file = json!({ "document_id": document });
        cast.user
            .request(Method::PUT, &format!("{path}/documents/{paper}"), &[], Some(file))
            .await
            .expect(200);
        let verify = "UPDATE users SET email_verified_at = now() WHERE id = $1";
        app.database.client().await.execute(verify, &[&cast.host_account.id]).await.unwrap();
        let invitation = json!({ "email": cast.host_account.email });
        keeper.post(&format!("{path}/participants"), invitation).await.expect(201);
        let told = cast.user.get("/api/v1/me/notifications").await.expect(200).json();
        let notification = told["data"][0]["id"].as_str().unwrap().to_owned();
        Self { keeper, appointment, availability, exception, notification, paper }
    }
}

/// What is sent to routes that look at the body before anything else.
fn a_body(method: &Method, path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "transitions" => json!({"event": "cancel", "reason": "Impedimento."}),
        "admission" => json!({"is_admitted": true}),
        "answer" => json!({"answer": "hesitate"}),
        "review" => json!({"is_accepted": true}),
        "participants" => json!({"email": "nessuno@example.org"}),
        "notification-preferences" => json!({"data": []}),
        "documents" if path.contains("/appointments/") => json!({"document_type": "floor_plan"}),
        _ if path.contains("/appointments/") && *method == Method::PUT => {
            json!({"document_id": uuid::Uuid::nil()})
        }
        _ if path.contains("/availability") => {
            json!({"weekday": 3, "start_time": "08:00", "end_time": "20:00"})
        }
        _ => json!({}),
    }
}

/// A file that is there, and one that is on its way.
async fn a_document_and_an_upload(client: &Client) -> (String, String) {
    let (kind, body) = form(&[("file", "; filename=\"a.txt\"\r\nContent-Type: text/plain", b"Una riga.\n")]);
    let headers = [("content-type", &*kind)];
    let sent = client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap();
    let document = sent.expect(201).json()["id"].as_str().unwrap().to_owned();
    // `a.txt`
    let headers =
        [("tus-resumable", "1.0.0"), ("upload-length", "10"), ("upload-metadata", "filename YS50eHQ=")];
    let announced = client.request(Method::POST, "/api/v1/uploads", &headers, None).await.expect(201);
    (document, announced.header("location").rsplit('/').next().unwrap().to_owned())
}

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
            && ["/permissions/", "/appointments/", "/availability", "-preferences"]
                .iter()
                .any(|part| path.contains(part));
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
            _ => &[],
        };
        for stranger in strangers {
            let (real, unreal) =
                (send(stranger, &method, &path).await, send(stranger, &method, &missing).await);
            assert_eq!(said(&real), said(&unreal), "{row}: a stranger learns that it exists");
            // Some look at the body first; they say the same of it whatever it is sent to.
            assert!(matches!(real.status, 404 | 422), "{row} for a stranger: {}", real.status);
        }
        if matches!(who, Host(_) | Office(_)) {
            assert_eq!(status(&cast.user).await, 403, "{row} for a client");
        }
        if matches!(who, Office(_)) {
            let (real, unreal) =
                (send(&cast.stranger, &method, &path).await, send(&cast.stranger, &method, &missing).await);
            assert_eq!(said(&real), said(&unreal), "{row}: a stranger learns that it exists");
        }
        if matches!(who, Owner(_)) {
            let (real, unreal) =
                (send(&cast.admin, &method, &path).await, send(&cast.admin, &method, &missing).await);
            assert_eq!(
                said(&real),
                said(&unreal),
                "{row}: what is private is private to administrators, too"
            );
        }
        let owner = match who {
            Host(_) => &cast.host,
            Office(_) => &things.keeper,
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
