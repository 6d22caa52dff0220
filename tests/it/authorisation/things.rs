//! Something of every kind, somebody's each, and the paths that lead to it.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, ids::ActId, jobs::NewJob};

use super::table::Thing;
use crate::{
    clinic::{
        dossier::upload,
        ward::{PATIENTS, a_person},
    },
    harness::{
        app::TestApp,
        client::{Answer, Client},
        people::Cast,
        pictures::{form, png},
        until::eventually,
    },
    notary::practice::A_SLOT,
};

/// The things of the cast's host and user, by the parameters of their paths.
pub(super) struct Things {
    slug: String,
    ids: BTreeMap<Thing, String>,
    /// Somebody with whom the document is shared.
    friend: String,
    /// To the document.
    link: String,
    time_stamp: String,
    /// A document of the appointment, with a file.
    paper: String,
    /// Of the certified mail.
    receipt: String,
    /// About the patient.
    report: String,
    /// Whose office the appointment is with.
    pub(super) keeper: Client,
    /// Who manages the patient's clinic.
    pub(super) clinician: Client,
}

impl Things {
    pub(super) async fn make(app: &TestApp, cast: &Cast) -> Self {
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
        let time_stamp =
            cast.user.post(&format!("/api/v1/documents/{document}/time-stamps"), json!({})).await;
        let time_stamp = time_stamp.expect(201).json()["id"].as_str().unwrap().to_owned();
        let office = TheOffice::make(app, cast, &document).await;
        let clinic = app.a_clinic("Clinica Aurora").await;
        let clinician = app.log_in(&app.a_clinician(clinic, &["manage_members"]).await).await;
        let patient = clinician.post(PATIENTS, a_person("Anna", "Bianchi", "1990-05-17")).await;
        let patient = patient.expect(201).json()["id"].as_str().unwrap().to_owned();
        let analysis = an_analysis(app, &clinician, &patient).await;
        let batch = json!({"items": [{"kind": "follicle", "input": {"total_antral_follicles": 9}, "patient_id": patient}]});
        let batch = clinician.post("/api/v1/clinic/emr/analyze/batch", batch).await.expect(202);
        let batch = batch.json()["id"].as_str().unwrap().to_owned();
        let report = a_report(&clinician, &patient).await;
        let patient_document = a_document_of(&clinician, &patient).await;
        let value =
            clinician.post(&format!("{PATIENTS}/{patient}/values"), a_body(&Method::POST, "/values")).await;
        let value = value.expect(201).json()["id"].as_str().unwrap().to_owned();
        let ids = [
            (Thing::LaboratoryValue, value),
            (Thing::Analysis, analysis),
            (Thing::AnalysisBatch, batch),
            (Thing::Patient, patient),
            (Thing::PatientDocument, patient_document),
            (Thing::Act, office.act),
            (Thing::Appointment, office.appointment),
            (Thing::Availability, office.availability),
            (Thing::CertifiedMail, office.mail),
            (Thing::ConservationPackage, office.package),
            (Thing::MailTemplate, office.mail_template),
            (Thing::Exception, office.exception),
            (Thing::Notification, office.notification),
            (Thing::NotaryReview, office.review),
            (Thing::Template, office.template),
            (Thing::ApiKey, key["id"].as_str().unwrap().to_owned()),
            (Thing::Document, document),
            (Thing::Upload, upload),
            (Thing::Booking, booking),
            (Thing::Review, review),
            (Thing::Task, task.to_string()),
            (Thing::Image, image),
            (Thing::SignatureRequest, office.signature_request),
        ];
        let friend = cast.host_account.id.to_string();
        let (paper, receipt, keeper) = (office.paper, office.receipt, office.keeper);
        Self { slug, ids: ids.into(), friend, link, time_stamp, paper, receipt, report, keeper, clinician }
    }

    /// The path of a real thing, and that of one that does not exist.
    pub(super) fn paths(&self, template: &str, thing: Option<Thing>) -> [String; 2] {
        let nobody = uuid::Uuid::now_v7().to_string();
        let id = thing.and_then(|thing| self.ids.get(&thing)).unwrap_or(&nobody);
        let other = if thing == Some(Thing::Task) { "1" } else { &nobody };
        // A document and a value are their patient's.
        let is_of_patient = matches!(thing, Some(Thing::PatientDocument | Thing::LaboratoryValue));
        let patient = self.ids.get(&Thing::Patient).filter(|_| is_of_patient);
        let fill = |slug: &str, id: &str| {
            template
                .replace("{document}", id)
                .replace("{value}", id)
                .replace("{id}", patient.map_or(id, String::as_str))
                .replace("{slug}", slug)
                .replace("{name}", "x")
                .replace("{purpose}", "marketing_mail")
                .replace("{kind}", "semen")
                .replace("{code}", "general_power_of_attorney")
                .replace("{key}", "x.y")
                .replace("{token}", "spd_x")
                .replace("{user}", &self.friend)
                .replace("{link}", &self.link)
                .replace("{time_stamp}", &self.time_stamp)
                .replace("{paper}", &self.paper)
                .replace("{receipt}", &self.receipt)
                .replace("{report}", &self.report)
                .replace("{number}", "1")
        };
        // An image that does not exist, of an event that does.
        let missing = if thing == Some(Thing::Image) { &self.slug } else { "no-such-event" };
        [fill(&self.slug, id), fill(missing, other)]
    }
}

/// Of a patient who has consented, and for whom a score was computed.
async fn an_analysis(app: &TestApp, clinician: &Client, patient: &str) -> String {
    let consent = json!({"is_given": true});
    let path = format!("{PATIENTS}/{patient}/consent");
    clinician.request(Method::PUT, &path, &[], Some(consent)).await.expect(200);
    let made = clinician
        .post(&format!("{PATIENTS}/{patient}/analyses"), a_body(&Method::POST, "/patients/x/analyses"))
        .await
        .expect(201)
        .json();
    app.app.clock.advance(jiff::SignedDuration::from_secs(2));
    app.run_jobs().await;
    made["id"].as_str().unwrap().to_owned()
}

/// A document of a patient, who has consented; it was analysed.
async fn a_document_of(clinician: &Client, patient: &str) -> String {
    let path = format!("{PATIENTS}/{patient}");
    let said = json!({"is_given": true, "note": ""});
    clinician.request(Method::PUT, &format!("{path}/consent"), &[], Some(said)).await.expect(200);
    let sent = upload(clinician, &path, "referto.txt", b"FSH 7,2 mUI/mL\n", "lab_report").await;
    let id = sent.expect(202).json()["document"]["id"].as_str().unwrap().to_owned();
    let status =
        async || clinician.get(&format!("{path}/documents/{id}")).await.expect(200).json()["status"].clone();
    eventually("it is analysed", async || status().await == "completed").await;
    id
}

pub(super) async fn a_partner(app: &TestApp) -> Client {
    app.log_in(&app.a_person_with(Role::Partner).await).await
}

/// A notary with an office, who knows nobody here.
pub(super) async fn a_notary(app: &TestApp) -> Client {
    let notary = app.a_person_with(Role::Notary).await;
    app.an_office(notary.id).await;
    app.log_in(&notary).await
}

/// Who manages a clinic, and knows nobody here.
pub(super) async fn a_clinician(app: &TestApp) -> Client {
    let clinic = app.a_clinic("Clinica Luna").await;
    app.log_in(&app.a_clinician(clinic, &["manage_members"]).await).await
}

/// An office, and what the cast's user has with it.
struct TheOffice {
    keeper: Client,
    act: String,
    appointment: String,
    availability: String,
    exception: String,
    notification: String,
    paper: String,
    review: String,
    mail: String,
    receipt: String,
    mail_template: String,
    package: String,
    signature_request: String,
    template: String,
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
        let verify = "UPDATE users SET email_verified_at = now() WHERE id = ANY ($1)";
        let people = [cast.host_account.id, cast.user_account.id];
        app.database.client().await.execute(verify, &[&&people[..]]).await.unwrap();
        let case = json!({"client_email": cast.user_account.email, "act_type": "general_power_of_attorney"});
        let act = id(keeper.post("/api/v1/acts", case).await);
        let invitation = json!({ "email": cast.host_account.email });
        keeper.post(&format!("{path}/participants"), invitation).await.expect(201);
        let told = cast.user.get("/api/v1/me/notifications").await.expect(200).json();
        let notification = told["data"][0]["id"].as_str().unwrap().to_owned();
        keeper.post(&format!("/api/v1/acts/{act}/deeds"), json!({})).await.expect(201);
        let text = json!({"act_type": "mortgage_loan", "name": "Mutuo", "body": "Testo."});
        let template = id(keeper.post("/api/v1/notary/office/templates", text).await);
        let signed = app.a_signed_act(office, cast.user_account.id, "Procura").await;
        let review = app.a_review(&signed, 4, "approved").await;
        let (mail, receipt, mail_template) = a_certified_mail(&keeper).await;
        let package = uuid::Uuid::now_v7();
        let planned = "INSERT INTO conservation_package (id, notary_id, month, part, created_at, updated_at)
            VALUES ($1, $2, '2031-05-01', 1, now(), now())";
        app.database.client().await.execute(planned, &[&package, &office]).await.unwrap();
        let package = package.to_string();
        let (signature_request, now) = (uuid::Uuid::now_v7(), app.app.clock.now());
        let asked = "INSERT INTO signature_request (id, act_id, number, title, signer_id, signer_is, requested_by, expires_at,
                created_at, updated_at)
            VALUES ($1, $2, 1, 'Procura', $3, 'client', $4, $5::timestamptz + interval '1 day', $5, $5)";
        let values: [&(dyn postgres_types::ToSql + Sync); 5] =
            [&signature_request, &ActId(act.parse().unwrap()), &cast.user_account.id, &account.id, &now];
        app.database.client().await.execute(asked, &values).await.unwrap();
        let signature_request = signature_request.to_string();
        Self {
            keeper,
            act,
            appointment,
            availability,
            exception,
            notification,
            paper,
            review,
            mail,
            receipt,
            mail_template,
            package,
            signature_request,
            template,
        }
    }
}

/// A mail that was sent, one of its receipts, and a template.
async fn a_certified_mail(keeper: &Client) -> (String, String, String) {
    let id = |answer: Answer| answer.expect(201).json()["id"].as_str().unwrap().to_owned();
    let draft = json!({"subject": "Atto", "body": "Si trasmette.",
        "recipients": [{"kind": "to", "address": "anna@pec.example.org"}]});
    let mail = id(keeper.post("/api/v1/certified-mail", draft).await);
    let path = format!("/api/v1/certified-mail/{mail}");
    keeper.post(&format!("{path}/transitions"), json!({"event": "enqueue"})).await.expect(200);
    let receipts = async || keeper.get(&format!("{path}/receipts")).await.expect(200).json();
    eventually("it is sent", async || !receipts().await["data"].as_array().unwrap().is_empty()).await;
    let receipt = receipts().await["data"][0]["id"].as_str().unwrap().to_owned();
    let template = json!({"name": "Avviso", "subject": "Avviso", "body": "Avviso"});
    (mail, receipt, id(keeper.post("/api/v1/certified-mail-templates", template).await))
}

/// A report about a patient, who has consented; its id.
async fn a_report(clinician: &Client, patient: &str) -> String {
    let path = format!("{PATIENTS}/{patient}");
    let said = Some(json!({"is_given": true}));
    clinician.request(Method::PUT, &format!("{path}/consent"), &[], said).await.expect(200);
    let started = clinician.post(&format!("{path}/reports"), json!({})).await.expect(202).json();
    let task = started["links"]["self"].as_str().unwrap().to_owned();
    eventually("the report is there", async || clinician.get(&task).await.json()["result"].is_object()).await;
    let task = clinician.get(&task).await.expect(200).json();
    task["result"]["report_id"].as_str().unwrap().to_owned()
}

/// What is sent to routes that look at the body before anything else.
pub(super) fn a_body(method: &Method, path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "transitions" if path.contains("/certified-mail/") => json!({"event": "retry"}),
        "certified-mail-templates" => json!({"name": "Altro", "subject": "Altro", "body": "Altro"}),
        _ if path.contains("/certified-mail-templates/") => {
            json!({"name": "Altro", "subject": "Altro", "body": "Altro"})
        }
        "transitions" if path.contains("/signature-requests/") => json!({"event": "reject", "reason": "No."}),
        "signature-requests" => json!({"document_id": uuid::Uuid::nil(), "signer_id": uuid::Uuid::nil()}),
        "consent" if path.contains("/patients/") => json!({"is_given": true}),
        "archive" if path.contains("/patients/") => json!({"is_archived": false}),
        "analyses" => {
            json!({"kind": "follicle", "input": {"total_antral_follicles": 12}, "observed_on": "2026-11-01"})
        }
        "values" => json!({"analyte": "afc", "number": "12", "observed_on": "2026-11-01"}),
        "fhir" => json!({"resourceType": "Bundle", "type": "collection"}),
        "preview" => json!({"kind": "follicle", "input": {"total_antral_follicles": 12}}),
        "merge" if path.contains("/patients/") => json!({"source_id": uuid::Uuid::nil()}),
        "transitions" if path.contains("/acts/") => json!({"event": "prepare"}),
        "review" if path.contains("/acts/") => json!({"rating": 5}),
        "survey" => json!({"satisfaction": 5, "clarity": 5}),
        "transitions" => json!({"event": "cancel", "reason": "Impedimento."}),
        "admission" => json!({"is_admitted": true}),
        "answer" => json!({"answer": "hesitate"}),
        "review" => json!({"is_accepted": true}),
        "participants" => json!({"email": "nessuno@example.org"}),
        "parties" | "notification-preferences" => json!({"data": []}),
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
