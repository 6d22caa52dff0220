//! Notaries with an office, as the API and an administrator make them.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{accounts::policy::Role, accounts::users::User, ids::NotaryId};

use super::{
    app::TestApp,
    client::{Answer, Client},
};

/// A notary.
pub(crate) struct ANotary {
    pub(crate) account: User,
    pub(crate) client: Client,
    pub(crate) office: NotaryId,
}

/// An office that can be made.
pub(crate) fn an_office() -> Value {
    json!({
        "first_name": "Ermengarda", "last_name": "Zanotti", "office_name": "Studio Zanotti", "city": "Bologna",
        "province": "BO", "latitude": 44.4949, "longitude": 11.3426, "specialisations": ["property_and_sales"],
    })
}

/// A partita IVA with a right check digit, of this serial number.
pub(crate) fn a_vat_number(serial: u32) -> String {
    let digits = format!("{serial:07}015");
    let counted = digits.bytes().enumerate().map(|(place, digit)| {
        let value = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
        if value > 9 { value - 9 } else { value }
    });
    format!("{digits}{}", (10 - counted.sum::<u32>() % 10) % 10)
}

impl TestApp {
    /// A notary whose office was verified, with what `change` says of it.
    pub(crate) async fn a_notary_with(&self, change: Value) -> ANotary {
        let account = self.a_person_with(Role::Notary).await;
        let client = self.log_in(&account).await;
        let mut office = an_office();
        office.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let made = client.post("/api/v1/notary/office", office).await.expect(201).json();
        let office: NotaryId = made["id"].as_str().unwrap().parse().unwrap();
        let verify = "UPDATE notary SET is_verified = true WHERE id = $1";
        self.database.client().await.execute(verify, &[&office]).await.unwrap();
        ANotary { account, client, office }
    }

    /// A notary whose office was verified.
    pub(crate) async fn a_notary(&self) -> ANotary {
        self.a_notary_with(json!({})).await
    }

    /// Somebody who has agreed to work for this notary and may do this.
    pub(crate) async fn a_clerk(&self, notary: &ANotary, permissions: &[&str]) -> (User, Client) {
        let account = self.a_person_with(Role::Collaborator).await;
        self.prove_address(&account).await;
        let client = self.log_in(&account).await;
        let invite = json!({ "email": account.email, "permissions": permissions });
        notary.client.post("/api/v1/notary/collaborators", invite).await.expect(201);
        let agree = json!({ "notary_id": notary.office });
        client.post("/api/v1/me/collaboration/agree", agree).await.expect(200);
        (account, client)
    }

    /// The person has proved that the address is theirs.
    pub(crate) async fn prove_address(&self, user: &User) {
        let prove = "UPDATE users SET email_verified_at = now() WHERE id = $1";
        self.database.client().await.execute(prove, &[&user.id]).await.unwrap();
    }
}

impl Client {
    /// Replaces, as the version that `etag` names if it is one.
    pub(crate) async fn replace(&self, path: &str, etag: Option<&str>, body: Value) -> Answer {
        let headers: Vec<_> = etag.map(|etag| ("if-match", etag)).into_iter().collect();
        self.request(Method::PUT, path, &headers, Some(body)).await
    }
}
