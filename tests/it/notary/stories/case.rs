//! The case of the stories, until everything is there: a house is sold. Each step is done by whom it is for.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::town::{OFFICE_AT, Person, Town, data, id_of};
use crate::harness::{client::Client, pictures::form};

/// The type of act.
pub(super) const ACT_TYPE: &str = "property_sale";

/// What has come of it so far.
pub(super) struct Case {
    pub(super) appointment: String,
    pub(super) starts_at: Timestamp,
    pub(super) act: String,
}

impl Case {
    /// The act, behind this.
    pub(super) fn act(&self, rest: &str) -> String {
        format!("/api/v1/acts/{}{rest}", self.act)
    }

    /// The appointment, behind this.
    pub(super) fn appointment(&self, rest: &str) -> String {
        format!("/api/v1/appointments/{}{rest}", self.appointment)
    }
}

/// A file of somebody's in the store.
pub(super) async fn a_file(client: &Client, name: &str, kind: &str, bytes: &[u8]) -> String {
    let part = format!("; filename=\"{name}\"\r\nContent-Type: {kind}");
    let (kind, body) = form(&[("file", &part, bytes)]);
    let headers = [("content-type", &*kind)];
    let sent = client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap();
    id_of(&sent.expect(201).json())
}

/// Something happens to what is at a path.
pub(super) async fn does(client: &Client, path: &str, event: &str) -> Value {
    client.post(&format!("{path}/transitions"), json!({ "event": event })).await.expect(200).json()
}

impl Town {
    /// Offices near the cathedral that sell houses, as anybody finds them.
    pub(super) async fn offices_nearby(&self) -> Vec<Value> {
        let (lat, lng) = (OFFICE_AT.0 + 0.01, OFFICE_AT.1);
        let near =
            format!("/api/v1/notaries?lat={lat}&lng={lng}&radius_km=5&specialisation=property_and_sales");
        data(&self.app.anonymous().get(&near).await.expect(200).json()).to_vec()
    }

    /// Begins that are left next week.
    pub(super) async fn slots(&self, client: &Client) -> Vec<Value> {
        let now = self.app.app.clock.now();
        let day = |days: i64| (now + SignedDuration::from_hours(days * 24)).to_string()[..10].to_owned();
        let (office, from, until) = (&self.office, day(7), day(14));
        let path = format!("/api/v1/notaries/{office}/slots?from={from}&until={until}&minutes=60");
        data(&client.get(&path).await.expect(200).json()).to_vec()
    }

    /// The citizen takes the first slot that is left next week.
    pub(super) async fn ask(&self) -> Case {
        let slot = self.slots(&self.citizen.client).await.remove(0);
        let starts_at = slot["starts_at"].as_str().unwrap_or_else(|| panic!("{slot}"));
        let request = json!({"type": "deed", "act_type": ACT_TYPE, "starts_at": starts_at, "minutes": 60,
            "title": "Vendita di via Indipendenza 1"});
        let path = format!("/api/v1/notaries/{}/appointments", self.office);
        let appointment = self.citizen.client.post(&path, request).await.expect(201).json();
        assert_eq!(appointment["status"], "provisional");
        Case { appointment: id_of(&appointment), starts_at: starts_at.parse().unwrap(), act: String::new() }
    }

    /// The clerk confirms.
    pub(super) async fn confirm(&self, case: &Case) {
        does(&self.clerk.client, &case.appointment(""), "confirm").await;
    }

    /// The clerk invites the partner, who says yes.
    pub(super) async fn invite(&self, case: &Case) {
        let invitation = json!({"email": self.partner.email, "is_partner": true});
        self.clerk.client.post(&case.appointment("/participants"), invitation).await.expect(201);
        self.answer(case, "accept").await;
    }

    /// The partner answers.
    pub(super) async fn answer(&self, case: &Case, answer: &str) {
        let body = json!({ "answer": answer });
        self.partner.client.replace(&case.appointment("/answer"), None, body).await.expect(204);
    }

    /// The documents that the case needs.
    pub(super) async fn papers(&self, case: &Case) -> Vec<String> {
        let papers = self.citizen.client.get(&case.appointment("/documents")).await.expect(200).json();
        data(&papers).iter().map(id_of).collect()
    }

    /// The citizen puts a file in the place of a document.
    pub(super) async fn fill(&self, case: &Case, paper: &str, text: &str) {
        let text = format!("{text}\n");
        let file = a_file(&self.citizen.client, "documento.txt", "text/plain", text.as_bytes()).await;
        let (path, body) = (case.appointment(&format!("/documents/{paper}")), json!({ "document_id": file }));
        self.citizen.client.replace(&path, None, body).await.expect(200);
    }

    /// The citizen hands in what is there.
    pub(super) async fn hand_in(&self, case: &Case) -> Value {
        self.citizen.client.post(&case.appointment("/submission"), json!({})).await.expect(200).json()
    }

    /// The clerk says of a document that it is as it must be, or why it is not.
    pub(super) async fn judge(&self, case: &Case, paper: &str, reason: Option<&str>) -> Value {
        let body = json!({"is_accepted": reason.is_none(), "reason": reason});
        let path = case.appointment(&format!("/documents/{paper}/review"));
        self.clerk.client.replace(&path, None, body).await.expect(200).json()
    }

    /// All documents come; the clerk refuses one with a reason.
    pub(super) async fn gather(&self, case: &Case) {
        let papers = self.papers(case).await;
        assert!(papers.len() >= 9, "a sale needs many documents");
        for paper in &papers {
            self.fill(case, paper, &format!("documento {paper}")).await;
        }
        self.hand_in(case).await;
        for paper in &papers[1..] {
            self.judge(case, paper, None).await;
        }
        let seen = self.judge(case, &papers[0], Some("Il documento è scaduto.")).await;
        assert_eq!(seen["status"], "documents_partial");
    }

    /// What was refused comes again, and is accepted.
    pub(super) async fn mend(&self, case: &Case) {
        let papers = self.papers(case).await;
        self.fill(case, &papers[0], "documento rinnovato").await;
        self.hand_in(case).await;
        assert_eq!(self.judge(case, &papers[0], None).await["status"], "documents_accepted");
        does(&self.clerk.client, &case.appointment(""), "make_ready").await;
    }

    /// A case of which everything is there.
    pub(super) async fn a_ready_case(&self) -> Case {
        let case = self.ask().await;
        self.confirm(&case).await;
        self.invite(&case).await;
        self.gather(&case).await;
        self.mend(&case).await;
        case
    }

    /// The day before, the morning, the hour: people are reminded, the office reads its agenda, and they meet.
    pub(super) async fn meet(&mut self, case: &Case) {
        self.until(case.starts_at - SignedDuration::from_mins(24 * 60 - 1)).await;
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let morning = case.starts_at.to_zoned(rome.clone()).date().at(7, 0, 30, 0).to_zoned(rome).unwrap();
        self.until(morning.timestamp()).await;
        self.until(case.starts_at).await;
        does(&self.clerk.client, &case.appointment(""), "begin").await;
    }

    /// Somebody is asked to sign a PDF of the office; the request.
    pub(super) async fn ask_to_sign(&self, case: &Case, person: &Person, name: &str) -> (String, String) {
        let pdf = crate::signing::hostile::hand_made();
        let document = a_file(&self.clerk.client, name, "application/pdf", &pdf).await;
        let body = json!({"document_id": document, "signer_id": person.id, "message": "Per favore."});
        let asked = self.clerk.client.post(&case.act("/signature-requests"), body).await.expect(201).json();
        (id_of(&asked), document)
    }

    /// Whoever is asked has a code mailed and signs with it.
    pub(super) async fn sign_with_code(&self, person: &Person, request: &str) {
        let path = format!("/api/v1/signature-requests/{request}");
        person.client.post(&format!("{path}/code"), json!({})).await.expect(202);
        let text = self.letter(person, "Il codice per firmare").await.text;
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let code = numbers.find(|it| it.len() == 6).unwrap_or_else(|| panic!("no code in {text}"));
        let sign = json!({"event": "sign", "code": code});
        let signed =
            person.client.post(&format!("{path}/transitions"), sign.clone()).await.expect(200).json();
        assert_eq!((&signed["status"], &signed["signed_version"]), (&json!("signed"), &json!(2)));
        person.client.post(&format!("{path}/transitions"), sign).await.expect(409);
    }
}
