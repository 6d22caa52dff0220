//! A town: people who register, prove their addresses and get their roles and offices, all through the API. Only the
//! administrator is there already: one is made on the command line, and no other way.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use mail_parser::MessageParser;
use serde_json::{Value, json};
use sportello::accounts::{policy::Role, totp::Secret};

use crate::harness::{app::TestApp, client::Client, people::PASSWORD};

/// Where the office is: Piazza Maggiore, Bologna.
pub(super) const OFFICE_AT: (f64, f64) = (44.4938, 11.3430);
/// What the licence costs a month.
pub(super) const FEE: i64 = 12_000;

/// How long ago the stories begin. The longest takes six weeks.
const TWO_MONTHS: SignedDuration = SignedDuration::from_hours(60 * 24);

/// Somebody with an account.
pub(super) struct Person {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) client: Client,
    /// Of the second factor, if there is one.
    pub(super) secret: Option<Secret>,
}

/// A mail that somebody got.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
}

/// Everybody.
pub(super) struct Town {
    pub(super) app: TestApp,
    pub(super) office: String,
    pub(super) admin: Person,
    pub(super) notary: Person,
    pub(super) clerk: Person,
    pub(super) partner: Person,
    pub(super) citizen: Person,
}

/// The id in an answer.
pub(super) fn id_of(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

/// The list in an answer.
pub(super) fn data(value: &Value) -> &[Value] {
    value["data"].as_array().unwrap_or_else(|| panic!("no list in {value}"))
}

impl Town {
    /// Registers everybody, opens the office and lets its people in.
    pub(super) async fn settle() -> Self {
        let town = Self::found().await;
        town.license().await;
        town.employ().await;
        town.verify_partner().await;
        town
    }

    /// Everybody is there; the office is not verified, nobody works there, and the partner is not looked at.
    pub(super) async fn found() -> Self {
        // Certificates must be valid when others look at them, who have the machine's time.
        let app = TestApp::start_late(TWO_MONTHS, |config| config.limits.enabled = false).await;
        let root = app.a_person_with(Role::Admin).await;
        let admin = Person {
            id: root.id.to_string(),
            client: app.log_in(&root).await,
            email: root.email,
            secret: None,
        };
        let notary = register(&app, &admin, "Ermengarda Zanotti", "zanotti", Some("notary")).await;
        let clerk = register(&app, &admin, "Ugo Bianchi", "bianchi", Some("collaborator")).await;
        let partner = register(&app, &admin, "Lia Neri", "neri", Some("partner")).await;
        let citizen = register(&app, &admin, "Mario Rossi", "rossi", None).await;
        let office = open_office(&notary.client).await;
        let town = Self { app, office, admin, notary, clerk, partner, citizen };
        town.introduce().await;
        town
    }

    /// Somebody else.
    pub(super) async fn newcomer(&self, name: &str, at: &str) -> Person {
        register(&self.app, &self.admin, name, at, None).await
    }

    /// The administrator verifies the notary and gives the office a licence.
    pub(super) async fn license(&self) {
        let admin = &self.admin.client;
        let path = format!("/api/v1/notary/offices/{}", self.office);
        let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
        admin.patch(&path, &etag, json!({ "is_verified": true })).await.expect(200);
        self.set_licence(json!({"active": true, "fee_cents": FEE, "fee_every": "month"})).await;
    }

    /// The administrator says something of the licence.
    pub(super) async fn set_licence(&self, terms: Value) -> Value {
        let path = format!("/api/v1/notary/offices/{}", self.office);
        let etag = self.admin.client.get(&path).await.expect(200).header("etag").to_owned();
        self.admin.client.patch(&format!("{path}/licence"), &etag, terms).await.expect(200).json()
    }

    /// The clerk is invited to the office, and agrees.
    pub(super) async fn employ(&self) {
        self.invite_clerk().await;
        self.agree().await;
    }

    /// The clerk is invited to the office.
    pub(super) async fn invite_clerk(&self) {
        let permissions =
            ["manage_agenda", "review_documents", "manage_acts", "manage_templates", "send_certified_mail"];
        let invite = json!({ "email": self.clerk.email, "permissions": permissions });
        self.notary.client.post("/api/v1/notary/collaborators", invite).await.expect(201);
    }

    /// The clerk agrees to work there.
    pub(super) async fn agree(&self) {
        let agree = json!({ "notary_id": self.office });
        self.clerk.client.post("/api/v1/me/collaboration/agree", agree).await.expect(200);
    }

    /// The partner and the citizen say who they are.
    async fn introduce(&self) {
        let firm = json!({"kind": "surveyor", "business_name": "Geometra Neri", "vat_number": "00743110157",
            "city": "Bologna", "province": "BO"});
        self.partner.client.replace("/api/v1/me/partner-profile", None, firm).await.expect(201);
        let mario = json!({"first_name": "Mario", "last_name": "Rossi", "sex": "male", "born_on": "1985-12-10",
            "fiscal_code": "RSSMRA85T10A562S", "country": "IT", "certified_address": "mario.rossi@pec.example",
            "id_kind": "passport", "id_number": "YA1234567", "id_expires_on": "2040-01-01"});
        self.citizen.client.replace("/api/v1/me/client-profile", None, mario).await.expect(201);
    }

    /// The administrator has looked at the partner's papers.
    pub(super) async fn verify_partner(&self) {
        let path = format!("/api/v1/notary/partners/{}", self.partner.id);
        let etag = self.admin.client.get(&path).await.expect(200).header("etag").to_owned();
        self.admin.client.patch(&path, &etag, json!({"is_verified": true})).await.expect(200);
    }

    /// The mails that somebody has got, when all that was to be sent is.
    pub(super) async fn letters(&self, person: &Person) -> Vec<Letter> {
        self.app.run_jobs().await;
        letters_to(&self.app, &person.email)
    }

    /// The one mail with such a subject that somebody has got.
    pub(super) async fn letter(&self, person: &Person, subject: &str) -> Letter {
        let mut letters = self.letters(person).await;
        let subjects: Vec<String> = letters.iter().map(|it| it.subject.clone()).collect();
        letters.retain(|it| it.subject.contains(subject));
        assert_eq!(letters.len(), 1, "one “{subject}” among {subjects:?}");
        letters.remove(0)
    }

    /// The kinds of what somebody was told, the oldest first, each once.
    pub(super) async fn told(&self, person: &Person) -> Vec<String> {
        let page = person.client.get("/api/v1/me/notifications?limit=100").await.expect(200).json();
        let mut kinds = Vec::new();
        for kind in data(&page).iter().rev().map(|it| it["kind"].as_str().unwrap()) {
            if !kinds.iter().any(|it| it == kind) {
                kinds.push(kind.to_owned());
            }
        }
        kinds
    }

    /// The clock goes on to this moment, and everybody logs in again.
    pub(super) async fn until(&mut self, moment: Timestamp) {
        self.app.app.clock.advance(moment.duration_since(self.app.app.clock.now()));
        for person in
            [&mut self.admin, &mut self.notary, &mut self.clerk, &mut self.partner, &mut self.citizen]
        {
            person.client = log_in(&self.app, &person.email, person.secret.as_ref()).await;
        }
        self.app.run_jobs().await;
    }
}

fn letters_to(app: &TestApp, email: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    for raw in app.mails() {
        let mail = MessageParser::default().parse(raw.as_bytes()).expect("a mail");
        let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address());
        if to == Some(email) {
            let (subject, text) = (mail.subject().unwrap(), mail.body_text(0).unwrap());
            letters.push(Letter { subject: subject.to_owned(), text: text.into_owned() });
        }
    }
    letters
}

async fn log_in(app: &TestApp, email: &str, secret: Option<&Secret>) -> Client {
    let form = json!({ "email": email, "password": PASSWORD });
    let mut answer = app.anonymous().post("/api/v1/auth/login", form).await.expect(200).json();
    if let Some(secret) = secret {
        let code = secret.code_at(app.app.clock.now());
        let step = json!({ "challenge": answer["challenge"], "code": code });
        answer = app.anonymous().post("/api/v1/auth/login/totp", step).await.expect(200).json();
    }
    app.anonymous().with(answer["access_token"].as_str().unwrap())
}

/// Somebody registers, proves the address by the link of the mail, is given a role and logs in.
async fn register(app: &TestApp, admin: &Person, name: &str, at: &str, role: Option<&str>) -> Person {
    let email = format!("{at}@example.org");
    let form = json!({ "email": email, "password": PASSWORD, "name": name, "language": "it" });
    let made = app.anonymous().post("/api/v1/auth/register", form).await.expect(201).json();
    app.run_jobs().await;
    let letters = letters_to(app, &email);
    let link = letters.iter().find_map(|it| it.text.split_once("spv_")).expect("a link in a mail").1;
    let token: String = link.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    let token = json!({ "token": format!("spv_{token}") });
    app.anonymous().post("/api/v1/auth/email/verify", token).await.expect(204);
    let id = id_of(&made["user"]);
    if let Some(role) = role {
        let path = format!("/api/v1/users/{id}");
        let etag = admin.client.get(&path).await.expect(200).header("etag").to_owned();
        admin.client.patch(&path, &etag, json!({ "roles": ["client", role] })).await.expect(200);
    }
    Person { id, client: log_in(app, &email, None).await, email, secret: None }
}

/// The notary opens an office that is open from eight to eight.
async fn open_office(notary: &Client) -> String {
    let office = json!({"first_name": "Ermengarda", "last_name": "Zanotti", "office_name": "Studio Zanotti",
        "city": "Bologna", "province": "BO", "latitude": OFFICE_AT.0, "longitude": OFFICE_AT.1,
        "specialisations": ["property_and_sales"]});
    let office = id_of(&notary.post("/api/v1/notary/office", office).await.expect(201).json());
    for weekday in 1..=5 {
        let hours = json!({"weekday": weekday, "start_time": "08:00", "end_time": "20:00"});
        notary.post("/api/v1/notary/office/availability", hours).await.expect(201);
    }
    office
}

/// Somebody says something with a version of it.
pub(super) async fn put(client: &Client, path: &str, etag: &str, body: Value) -> Value {
    client.request(Method::PUT, path, &[("if-match", etag)], Some(body)).await.expect(200).json()
}
