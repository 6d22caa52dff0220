//! An office with its people, and what tests do with it.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    accounts::{policy::Role, users::User},
    config::Config,
    ids::{ActId, NotaryId, NotaryReviewId, UserId},
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    pictures::form,
};

/// A Wednesday without anything special, two in the afternoon in Rome, whenever the tests run.
pub(crate) const A_SLOT: &str = "2031-06-18T12:00:00Z";

/// An office that is open all week, from eight to eight.
pub(crate) struct Practice {
    pub(crate) app: TestApp,
    pub(crate) office: NotaryId,
    pub(crate) notary: Client,
    pub(crate) notary_account: User,
    pub(crate) clerk: Client,
    pub(crate) client: Client,
    pub(crate) client_account: User,
    pub(crate) stranger: Client,
}

impl TestApp {
    /// An office of a person, verified and with a licence without end.
    pub(crate) async fn an_office(&self, notary: UserId) -> NotaryId {
        let (id, now) = (NotaryId::new(self.app.clock.now()), self.app.clock.now());
        let sql = "INSERT INTO notary (id, user_id, first_name, last_name, office_name, city, province, is_verified, search,
                created_at, updated_at)
            VALUES ($1, $2, 'Carla', 'Verdi', 'Studio Verdi', 'Bologna', 'BO', true, '', $3, $3)";
        self.database.client().await.execute(sql, &[&id, &notary, &now]).await.unwrap();
        id
    }

    /// Somebody who works in an office and may do all this there.
    pub(crate) async fn a_collaborator(&self, office: NotaryId, permissions: &[&str]) -> User {
        let (user, now) = (self.a_person_with(Role::Collaborator).await, self.app.clock.now());
        let sql =
            "INSERT INTO collaborator (user_id, notary_id, permissions, agreed_at, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $4, $4)";
        self.database.client().await.execute(sql, &[&user.id, &office, &permissions, &now]).await.unwrap();
        user
    }
}

impl TestApp {
    /// An act of a client's that was signed, without what signing leaves besides.
    pub(crate) async fn a_signed_act(&self, office: NotaryId, client: UserId, title: &str) -> String {
        let (id, now) = (ActId::new(self.app.clock.now()), self.app.clock.now());
        let sql = "INSERT INTO act (id, notary_id, client_id, act_type, status, title, signed_at, created_at, updated_at)
            VALUES ($1, $2, $3, 'general_power_of_attorney', 'signed', $4, $5, $5, $5)";
        self.database.client().await.execute(sql, &[&id, &office, &client, &title, &now]).await.unwrap();
        id.to_string()
    }

    /// A review of an act, in a state; an approved one counts.
    pub(crate) async fn a_review(&self, act: &str, rating: i16, status: &str) -> String {
        let (id, now) = (NotaryReviewId::new(self.app.clock.now()), self.app.clock.now());
        let sql = "WITH written AS (
                INSERT INTO notary_review (id, act_id, notary_id, client_id, rating, comment, status, created_at, updated_at)
                SELECT $1, a.id, a.notary_id, a.client_id, $3, 'Una ghironda di notaio.', $4, $5, $5 FROM act a
                WHERE a.id::text = $2 RETURNING *)
            UPDATE notary SET rating_sum = rating_sum + w.rating, rating_count = rating_count + 1
            FROM written w WHERE notary.id = w.notary_id AND w.status = 'approved'";
        self.database.client().await.execute(sql, &[&id, &act, &rating, &status, &now]).await.unwrap();
        id.to_string()
    }
}

impl Practice {
    pub(crate) async fn new() -> Self {
        Self::new_with(|_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn new_with(change: impl FnOnce(&mut Config)) -> Self {
        let app = TestApp::start_with(|config| {
            config.limits.enabled = false;
            config.server.server_timing = true;
            config.notary.request_life = "20000d".parse().unwrap(); // tests ask for days that are years away
            change(config);
        })
        .await;
        let notary_account = app.a_person_with(Role::Notary).await;
        let office = app.an_office(notary_account.id).await;
        let clerk = app.a_collaborator(office, &["manage_agenda", "review_documents"]).await;
        let client_account = app.a_person().await;
        let practice = Self {
            office,
            notary: app.log_in(&notary_account).await,
            clerk: app.log_in(&clerk).await,
            client: app.log_in(&client_account).await,
            stranger: app.log_in(&app.a_person().await).await,
            notary_account,
            client_account,
            app,
        };
        for weekday in 1..=7 {
            practice.open(weekday, "08:00", "20:00").await;
        }
        practice
    }

    /// Opens the office on a day of every week.
    pub(crate) async fn open(&self, weekday: i32, from: &str, until: &str) {
        let hours = json!({"weekday": weekday, "start_time": from, "end_time": until});
        self.notary.post("/api/v1/notary/office/availability", hours).await.expect(201);
    }

    /// Asks for half an hour.
    pub(crate) async fn ask(&self, client: &Client, starts_at: &str) -> Answer {
        self.ask_for(client, json!({"type": "consultation", "starts_at": starts_at, "minutes": 30})).await
    }

    pub(crate) async fn ask_for(&self, client: &Client, request: Value) -> Answer {
        client.post(&format!("/api/v1/notaries/{}/appointments", self.office), request).await
    }

    /// An appointment of the client's, provisional.
    pub(crate) async fn a_request(&self, starts_at: &str) -> String {
        let answer = self.ask(&self.client, starts_at).await.expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// An appointment of the client's for an act of a type, confirmed.
    pub(crate) async fn an_appointment_for(&self, act_type: &str) -> String {
        let request = json!({"type": "deed", "act_type": act_type, "starts_at": A_SLOT, "minutes": 60});
        let id =
            self.ask_for(&self.client, request).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        self.does(&self.notary, &id, "confirm").await.expect(200);
        id
    }

    /// Something happens to an appointment.
    pub(crate) async fn does(&self, client: &Client, id: &str, event: &str) -> Answer {
        let mut body = json!({ "event": event });
        if matches!(event, "reject" | "cancel") {
            body["reason"] = json!("Impedimento improvviso.");
        }
        client.post(&format!("/api/v1/appointments/{id}/transitions"), body).await
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        let found = self.notary.get(&format!("/api/v1/appointments/{id}")).await.expect(200).json();
        found["status"].as_str().unwrap().to_owned()
    }

    /// The kinds of somebody's notifications, the oldest first.
    pub(crate) async fn told(&self, client: &Client) -> Vec<String> {
        let page = client.get("/api/v1/me/notifications?limit=100").await.expect(200).json();
        let kinds = page["data"].as_array().unwrap().iter().rev();
        kinds.map(|it| it["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// A file of somebody's in the store.
    pub(crate) async fn a_file(&self, client: &Client, text: &str) -> String {
        let text = format!("{text}\n");
        let (kind, body) =
            form(&[("file", "; filename=\"visura.txt\"\r\nContent-Type: text/plain", text.as_bytes())]);
        let headers = [("content-type", &*kind)];
        let sent =
            client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap();
        sent.expect(201).json()["id"].as_str().unwrap().to_owned()
    }

    /// Moves the clock; access tokens of before are no longer good.
    pub(crate) async fn wait(&mut self, hours: i64) {
        self.app.app.clock.advance(SignedDuration::from_hours(hours));
        self.notary = self.app.log_in(&self.notary_account).await;
        self.client = self.app.log_in(&self.client_account).await;
    }
}
