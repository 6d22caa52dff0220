//! Somebody who has used everything: what an export must hold, and an erasure must forget.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::{policy::Role, users::User},
    ids::NotaryId,
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
    pictures::form,
};

/// What the person has written down somewhere; it stands nowhere else.
pub(super) const WORDS: [&str; 9] = [
    "Zenobia Marcantonio",
    "+39 051 778899",
    "Suono la ghironda",
    "Serata memorabile con Ermengarda",
    "Netscape di Zenobia",
    "chiave del gestionale di Zenobia",
    "testamento-zenobia",
    "ghironda-in-arrivo",
    "Vicolo della Ghironda 7",
];

/// What a client has said to an office; it stands nowhere else.
pub(super) const CASE_WORDS: [&str; 5] = [
    "Procura per la ghironda",
    "Vorrei vendere la ghironda grande",
    "Un notaio paziente come una ghironda",
    "Ghirondaro benissimo",
    "Lettera sulla ghironda, mai spedita",
];

/// Somebody with a life.
pub(super) struct Life {
    pub(super) person: User,
    pub(super) client: Client,
    /// The answer to the log-in.
    pub(super) tokens: Value,
    /// A key for programs.
    pub(super) key: Client,
    /// A document, and its content.
    pub(super) document: String,
    pub(super) content: Vec<u8>,
    /// A document that the law keeps for a year.
    pub(super) kept: String,
    /// An event of the person that was booked, and is over.
    pub(super) hosted: String,
    /// One to come that nobody has booked.
    pub(super) planned: String,
}

pub(super) async fn upload(client: &Client, name: &str, content: &[u8]) -> Answer {
    let file = format!("; filename=\"{name}\"\r\nContent-Type: text/plain");
    let (kind, body) = form(&[("file", &file, content)]);
    let headers = [("content-type", &*kind)];
    client.attempt_bytes(Method::POST, "/api/v1/documents", &headers, body.into()).await.unwrap()
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

impl TestApp {
    /// Somebody who hosts, books, pays, reviews, agrees, stores and shares.
    pub(super) async fn a_life(&self) -> Life {
        let person = self.a_person_with(Role::Host).await;
        let body = json!({ "email": person.email, "password": PASSWORD });
        let agent = [("user-agent", WORDS[4])];
        let login = self.anonymous().request(Method::POST, "/api/v1/auth/login", &agent, Some(body)).await;
        let tokens = login.expect(200).json();
        let client = self.anonymous().with(tokens["access_token"].as_str().unwrap());
        let other = self.log_in(&self.a_person().await).await;

        let profile = json!({ "name": WORDS[0], "phone": WORDS[1], "bio": WORDS[2] });
        client.patch("/api/v1/me", "*", profile).await.expect(200);
        let consent = json!({ "given": true, "wording": "1" });
        let path = "/api/v1/me/consents/notary_processing";
        client.request(Method::PUT, path, &[], Some(consent)).await.expect(200);
        let whom = json!({ "first_name": "Zenobia", "last_name": "Marcantonio", "street": WORDS[8] });
        client.request(Method::PUT, "/api/v1/me/client-profile", &[], Some(whom)).await.expect(201);
        let key = json!({ "name": WORDS[5], "scopes": ["profile:read"] });
        let key = client.post("/api/v1/api-keys", key).await.expect(201).json();
        client.put("/api/v1/me/calendar-link").await.expect(200);

        let slug = self.an_event().priced(1500).create().await;
        client.put(&format!("/api/v1/events/{slug}/favourite")).await.expect(204);
        let booked = client.post(&format!("/api/v1/events/{slug}/bookings"), json!({ "tickets": 2 })).await;
        let booking = id(&booked.expect(201));
        let token = json!({ "token": "tok_success" });
        client.post(&format!("/api/v1/bookings/{booking}/payment"), token).await.expect(200);
        let past = self.an_event().days_ahead(-3).create().await;
        self.a_visit(&past, person.id, "completed").await;
        let review = json!({ "rating": 5, "comment": WORDS[3] });
        client.post(&format!("/api/v1/events/{past}/reviews"), review).await.expect(201);
        let hosted = self.an_event().hosted_by(person.id).days_ahead(-9).create().await;
        self.a_visit(&hosted, self.a_user().await, "completed").await;
        let planned = self.an_event().hosted_by(person.id).create().await;

        let content = b"Lascio la ghironda a Ermengarda.\n".to_vec();
        let document = id(&upload(&client, &format!("{}.txt", WORDS[6]), &content).await.expect(201));
        let kept = id(&upload(&client, "atto.txt", b"Un atto che la legge conserva.\n").await.expect(201));
        let keep = "UPDATE document SET keep_until = current_date + 365 WHERE id::text = $1";
        self.database.client().await.execute(keep, &[&kept]).await.unwrap();
        let metadata =
            format!("filename {}", data_encoding::BASE64.encode(format!("{}.txt", WORDS[7]).as_bytes()));
        let headers = [("tus-resumable", "1.0.0"), ("upload-length", "10"), ("upload-metadata", &*metadata)];
        let announced = client.request(Method::POST, "/api/v1/uploads", &headers, None).await.expect(201);
        let piece = [
            ("tus-resumable", "1.0.0"),
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", "0"),
        ];
        let path = announced.header("location").to_owned();
        let sent = client.attempt_bytes(Method::PATCH, &path, &piece, "Arriv".into()).await.unwrap();
        sent.expect(204);
        // Somebody else's document, which the person may read.
        let foreign = id(&upload(&other, "altro.txt", b"Di qualcun altro.\n").await.expect(201));
        let shares = |document: &str| format!("/api/v1/documents/{document}/permissions");
        let passed_on = json!({ "user_id": person.id, "share": true });
        other.post(&shares(&foreign), passed_on).await.expect(201);
        // Which the person passes on; and shares one of the own, with somebody and by a link.
        let reader = self.a_person().await;
        for document in [&foreign, &kept] {
            client.post(&shares(document), json!({ "user_id": reader.id })).await.expect(201);
        }
        client.post(&format!("/api/v1/documents/{kept}/links"), json!({})).await.expect(201);
        self.run_jobs().await;
        let key = self.anonymous().with(key["key"].as_str().unwrap());
        Life { person, client, tokens, key, document, content, kept, hosted, planned }
    }

    /// The person is a client of a notary: an appointment, a draft, a signed act with a review and a survey.
    pub(super) async fn a_case(&self, person: &User) -> NotaryId {
        let office = self.an_office(self.a_person_with(Role::Notary).await.id).await;
        let database = self.database.client().await;
        let appointment = "INSERT INTO appointment (id, notary_id, client_id, type, during, status, title, description, answer_by,
                created_at, updated_at)
            VALUES (gen_random_uuid(), $1, $2, 'deed', tstzrange(now() + interval '9 days', now() + interval '9 days 1 hour'),
                'provisional', 'Incontro', $3, now() + interval '2 days', now(), now())";
        database.execute(appointment, &[&office, &person.id, &CASE_WORDS[1]]).await.unwrap();
        let draft = "INSERT INTO act (id, notary_id, client_id, act_type, title, created_at, updated_at)
            VALUES (gen_random_uuid(), $1, $2, 'certified_copies', $3, now(), now())";
        database.execute(draft, &[&office, &person.id, &CASE_WORDS[0]]).await.unwrap();
        let letter = "WITH made AS (
                INSERT INTO certified_mail (id, notary_id, subject, body, created_by, created_at, updated_at)
                VALUES (gen_random_uuid(), $1, $2, '', gen_random_uuid(), now(), now()) RETURNING id)
            INSERT INTO certified_mail_recipient (mail_id, position, kind, address) SELECT id, 1, 'to', $3 FROM made";
        database.execute(letter, &[&office, &CASE_WORDS[4], &person.email]).await.unwrap();
        let act = self.a_signed_act(office, person.id, "Procura generale").await;
        let survey = "UPDATE act SET survey_completed_at = now(),
            survey = jsonb_build_object('satisfaction', 5, 'clarity', 5, 'comment', $2::text) WHERE id::text = $1";
        database.execute(survey, &[&act, &CASE_WORDS[3]]).await.unwrap();
        let review = self.a_review(&act, 5, "approved").await;
        let comment = "UPDATE notary_review SET comment = $2 WHERE id::text = $1";
        database.execute(comment, &[&review, &CASE_WORDS[2]]).await.unwrap();
        office
    }

    /// How many files of documents and uploads the storage has.
    pub(super) fn stored(&self) -> usize {
        fn files(folder: &std::path::Path) -> usize {
            let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
            let paths = entries.map(|entry| entry.unwrap().path());
            paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
        }
        let root = self.app.config.database.data_dir.join("files");
        files(&root.join("documents")) + files(&root.join("uploads"))
    }
}
