//! A second factor is enrolled, confirmed, renewed and taken away by its owner alone.

use axum::http::Method;
use jiff::ToSpan as _;
use serde_json::{Value, json};
use sportello::{
    accounts::{second_factor::Proof, sessions::Origin, totp::Secret, users::User},
    config::values::{Optional, Secret as ConfigSecret},
    jobs::registry::registry,
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    people::PASSWORD,
};

const TOTP: &str = "/api/v1/me/totp";
const CONFIRM: &str = "/api/v1/me/totp/confirm";

/// Somebody with an authenticator.
pub(super) struct Enrolled {
    pub(super) person: User,
    pub(super) client: Client,
    pub(super) secret: Secret,
    pub(super) recovery_codes: Vec<String>,
}

impl TestApp {
    pub(super) async fn enrol(&self, client: &Client) -> Secret {
        let made = client.post(TOTP, json!({ "password": PASSWORD })).await.expect(200).json();
        Secret::from_base32(made["secret"].as_str().unwrap()).unwrap()
    }

    /// Somebody whose log-ins ask for a second factor; the next code is good.
    pub(super) async fn an_enrolled_person(&self) -> Enrolled {
        let person = self.a_person().await;
        let client = self.log_in(&person).await;
        let secret = self.enrol(&client).await;
        let on = client.post(CONFIRM, json!({ "code": self.code(&secret) })).await.expect(200).json();
        let codes = on["recovery_codes"].as_array().unwrap();
        let recovery_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        self.next_code();
        Enrolled { person, client, secret, recovery_codes }
    }

    /// What the authenticator shows.
    pub(super) fn code(&self, secret: &Secret) -> String {
        secret.code_at(self.app.clock.now())
    }

    /// Waits until the authenticator shows another code.
    pub(super) fn next_code(&self) {
        self.app.clock.advance(30.seconds().try_into().unwrap());
    }

    /// The challenge that the password is answered with.
    pub(super) async fn challenge(&self, person: &User) -> String {
        let body = json!({ "email": person.email, "password": PASSWORD });
        let answer = self.anonymous().post("/api/v1/auth/login", body).await.expect(200).json();
        assert!(answer.get("access_token").is_none() && answer.get("refresh_token").is_none(), "{answer}");
        answer["challenge"].as_str().unwrap().to_owned()
    }
}

async fn disable(client: &Client, body: Value) -> Answer {
    client.request(Method::DELETE, TOTP, &[], Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_asks_nobody_for_anything_until_its_first_code() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    let refused = client.post(TOTP, json!({ "password": "not my password" })).await.expect(403);
    assert_eq!(refused.code(), "wrong_password");
    let none = json!({ "enabled_at": null, "recovery_codes_left": 0 });
    assert_eq!(client.get(TOTP).await.expect(200).json(), none);
    assert_eq!(client.post(CONFIRM, json!({ "code": "123456" })).await.expect(409).code(), "not_enrolling");

    let forgotten = app.enrol(&client).await;
    let secret = app.enrol(&client).await;
    assert_ne!(forgotten.base32(), secret.base32());
    for wrong in [app.code(&forgotten), "000000x".to_owned(), String::new()] {
        let refused = client.post(CONFIRM, json!({ "code": wrong })).await.expect(422).json();
        assert_eq!(refused["errors"][0]["code"], "wrong_code");
    }
    app.log_in(&person).await; // with the password alone
    assert_eq!(client.get(TOTP).await.expect(200).json(), none);

    app.app.clock.advance(16.minutes().try_into().unwrap());
    let late = client.post(CONFIRM, json!({ "code": app.code(&secret) })).await.expect(409);
    assert_eq!(late.code(), "not_enrolling");
    let secret = app.enrol(&client).await;
    let on = client.post(CONFIRM, json!({ "code": app.code(&secret) })).await.expect(200);
    assert_eq!(on.header("cache-control"), "no-store");
    assert_eq!(on.json()["recovery_codes"].as_array().unwrap().len(), 10);
    let status = client.get(TOTP).await.expect(200).json();
    assert!(status["enabled_at"].is_string() && status["recovery_codes_left"] == 10, "{status}");
    assert_eq!(
        client.post(CONFIRM, json!({ "code": app.code(&secret) })).await.expect(409).code(),
        "not_enrolling"
    );
    let again = client.post(TOTP, json!({ "password": PASSWORD })).await.expect(409);
    assert_eq!(again.code(), "already_enabled");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_secret_nor_recovery_codes_stand_in_the_database_and_a_secret_cannot_be_moved() {
    const MOVE: &str =
        "UPDATE totp SET secret = (SELECT secret FROM totp WHERE user_id = $1) WHERE user_id = $2";
    let app = TestApp::start().await;
    let (anna, bruno) = (app.an_enrolled_person().await, app.an_enrolled_person().await);
    let dump: String = app
        .value("SELECT string_agg(t::text, ' ') || (SELECT string_agg(r::text, ' ') FROM recovery_code r) FROM totp t")
        .await;
    let hex = data_encoding::HEXLOWER
        .encode(&data_encoding::BASE32_NOPAD.decode(anna.secret.base32().as_bytes()).unwrap());
    assert!(!dump.contains(&hex) && !dump.contains(&anna.secret.base32()));
    assert!(anna.recovery_codes.iter().all(|code| !dump.contains(code.as_str())));
    // Whoever can write the database puts a secret that is known into another's row.
    let client = app.database.client().await;
    client.execute(MOVE, &[&anna.person.id, &bruno.person.id]).await.unwrap();
    let body = json!({ "challenge": app.challenge(&bruno.person).await, "code": app.code(&anna.secret) });
    app.anonymous().post("/api/v1/auth/login/totp", body).await.expect(500);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_taken_away_with_password_and_code_and_its_owner_is_told() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let code = app.code(&it.secret);
    for (body, status) in [
        (json!({ "password": PASSWORD }), 422),
        (json!({ "code": code }), 422),
        (json!({ "password": PASSWORD, "code": code, "recovery_code": it.recovery_codes[0] }), 422),
        (json!({ "password": "not my password", "code": code }), 403),
        (json!({ "password": PASSWORD, "recovery_code": "AAAAAA-AAAAAA-AAAAAA-AAAAAA" }), 403),
        (json!({ "password": PASSWORD, "code": code }), 204),
        (json!({ "password": PASSWORD, "code": code }), 409),
    ] {
        assert_eq!(disable(&it.client, body.clone()).await.status, status, "{body}");
    }
    app.log_in(&it.person).await; // with the password alone
    assert_eq!(app.value::<i64>("SELECT count(*) FROM recovery_code").await, 0);
    app.run_jobs().await;
    let mails = app.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].contains("attivato") && mails[1].contains("disattivato"));
    let told: i64 = app
        .value("SELECT count(*) FROM audit_entry WHERE action LIKE 'account.%able_second_factor' AND who IS NOT NULL")
        .await;
    assert_eq!(told, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_recovery_codes_make_the_old_ones_worthless() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let renew = |proof: Value| {
        let mut body = json!({ "password": PASSWORD });
        body.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
        let client = it.client.clone();
        async move { client.post("/api/v1/me/totp/recovery-codes", body).await }
    };
    let made = renew(json!({ "recovery_code": it.recovery_codes[0] })).await.expect(200).json();
    for old in &it.recovery_codes[..2] {
        assert_eq!(renew(json!({ "recovery_code": old })).await.expect(403).code(), "wrong_code");
    }
    let new = made["recovery_codes"][0].as_str().unwrap();
    let challenge = app.challenge(&it.person).await;
    // Written as people write.
    let body = json!({ "challenge": challenge, "recovery_code": new.to_lowercase().replace('-', " ") });
    app.anonymous().post("/api/v1/auth/login/totp", body).await.expect(200);
    assert_eq!(it.client.get(TOTP).await.json()["recovery_codes_left"], 9);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_sealed_by_the_servers_own_key_opens_after_keys_were_configured() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let key = "2027a:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let node = app
        .another_node(|config| config.jobs.seal_keys = Optional(Some(ConfigSecret::new(key))), registry())
        .await;
    let proof = Proof::Code(app.code(&it.secret));
    let challenge = app.challenge(&it.person).await;
    node.accounts.answer_challenge(&challenge, &proof, &Origin::default()).await.unwrap();
    node.stop().await;
    app.finish().await;
}
