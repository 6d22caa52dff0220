//! A clinic with its people, and what tests do with it.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::{policy::Role, users::User},
    ids::{ClinicId, PatientId},
};

use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
};

pub(crate) const PATIENTS: &str = "/api/v1/clinic/patients";

/// A clinic and another one.
pub(crate) struct Ward {
    pub(crate) app: TestApp,
    pub(crate) clinic: ClinicId,
    /// May do everything.
    pub(crate) manager: Client,
    pub(crate) manager_account: User,
    /// Reads and writes patients.
    pub(crate) nurse: Client,
    pub(crate) nurse_account: User,
    /// Reads patients, and nothing else.
    pub(crate) reader: Client,
    /// Manages the other clinic.
    pub(crate) rival: Client,
    pub(crate) rival_account: User,
    pub(crate) admin: Client,
}

impl TestApp {
    /// A clinic where nobody works.
    pub(crate) async fn a_clinic(&self, name: &str) -> ClinicId {
        let (id, now) = (ClinicId::new(self.app.clock.now()), self.app.clock.now());
        let sql =
            "INSERT INTO clinic (id, name, city, created_at, updated_at) VALUES ($1, $2, 'Bologna', $3, $3)";
        self.database.client().await.execute(sql, &[&id, &name, &now]).await.unwrap();
        id
    }

    /// Somebody who works in a clinic and may do all this there.
    pub(crate) async fn a_clinician(&self, clinic: ClinicId, permissions: &[&str]) -> User {
        let user = self.a_person_with(Role::Staff).await;
        self.join_clinic(&user, clinic, permissions).await;
        user
    }

    /// Makes a person work in a clinic.
    pub(crate) async fn join_clinic(&self, user: &User, clinic: ClinicId, permissions: &[&str]) {
        let now = self.app.clock.now();
        let sql =
            "INSERT INTO clinic_member (user_id, clinic_id, permissions, agreed_at, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $4, $4)";
        self.database.client().await.execute(sql, &[&user.id, &clinic, &permissions, &now]).await.unwrap();
    }
}

/// Somebody to be registered.
pub(crate) fn a_person(first: &str, last: &str, born: &str) -> Value {
    json!({ "first_name": first, "last_name": last, "born_on": born, "sex": "female" })
}

/// With more, or something else, said.
pub(crate) fn with(mut content: Value, mut more: Value) -> Value {
    content.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    content
}

impl Ward {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a configuration of its own.
    pub(crate) async fn with(change: impl FnOnce(&mut sportello::config::Config)) -> Self {
        let app = TestApp::start_with(|config| {
            config.limits.enabled = false;
            change(config);
        })
        .await;
        let (clinic, other) = (app.a_clinic("Clinica Aurora").await, app.a_clinic("Clinica Luna").await);
        let manager_account = app.a_clinician(clinic, &["manage_members"]).await;
        let nurse_account = app.a_clinician(clinic, &["read_patients", "write_patients"]).await;
        let reader = app.a_clinician(clinic, &["read_patients"]).await;
        let rival_account = app.a_clinician(other, &["manage_members"]).await;
        Self {
            clinic,
            manager: app.log_in(&manager_account).await,
            nurse: app.log_in(&nurse_account).await,
            reader: app.log_in(&reader).await,
            rival: app.log_in(&rival_account).await,
            admin: app.log_in(&app.a_person_with(Role::Admin).await).await,
            manager_account,
            nurse_account,
            rival_account,
            app,
        }
    }

    /// Registers a patient; its id.
    pub(crate) async fn register(&self, content: Value) -> PatientId {
        let made = self.nurse.post(PATIENTS, content).await.expect(201).json();
        made["id"].as_str().unwrap().parse().unwrap()
    }

    /// Registers a patient who has consented.
    pub(crate) async fn register_consenting(&self, content: Value) -> PatientId {
        let id = self.register(content).await;
        self.consent(id, true).await.expect(200);
        id
    }

    pub(crate) async fn consent(&self, id: PatientId, is_given: bool) -> Answer {
        let said = json!({ "is_given": is_given, "note": "modulo firmato" });
        self.nurse.request(Method::PUT, &format!("{PATIENTS}/{id}/consent"), &[], Some(said)).await
    }

    /// The same for a version of the record.
    pub(crate) async fn consent_as(&self, etag: &str, id: PatientId, is_given: bool) -> Answer {
        let said = json!({ "is_given": is_given, "note": "modulo firmato" });
        let path = format!("{PATIENTS}/{id}/consent");
        self.nurse.request(Method::PUT, &path, &[("if-match", etag)], Some(said)).await
    }

    /// The consent that was taken back is given again.
    pub(crate) async fn consent_again(&self, id: PatientId) -> Answer {
        let (_, etag) = self.patient(id).await;
        self.consent_as(&etag, id, true).await
    }

    /// The patient as it is, with its ETag.
    pub(crate) async fn patient(&self, id: PatientId) -> (Value, String) {
        let found = self.manager.get(&format!("{PATIENTS}/{id}")).await.expect(200);
        (found.json(), found.header("etag").to_owned())
    }

    pub(crate) async fn archive(&self, id: PatientId, is_archived: bool) -> Answer {
        let (_, etag) = self.patient(id).await;
        let headers = [("if-match", &*etag)];
        let body = json!({ "is_archived": is_archived });
        self.nurse.request(Method::PUT, &format!("{PATIENTS}/{id}/archive"), &headers, Some(body)).await
    }

    /// Merges `source` into `target` as the version that is there now.
    pub(crate) async fn merge(&self, target: PatientId, source: PatientId) -> Answer {
        let (_, etag) = self.patient(target).await;
        self.merge_as(&etag, target, source).await
    }

    pub(crate) async fn merge_as(&self, etag: &str, target: PatientId, source: PatientId) -> Answer {
        let path = format!("{PATIENTS}/{target}/merge");
        let body = json!({ "source_id": source });
        self.manager.request(Method::POST, &path, &[("if-match", etag)], Some(body)).await
    }

    /// The actions of the audit log that begin so, in their order.
    pub(crate) async fn told(&self, begin: &str) -> String {
        let sql = format!(
            "SELECT coalesce(string_agg(action || CASE result WHEN 'ok' THEN '' ELSE '!' END, ' ' ORDER BY id), '')
             FROM audit_entry WHERE action LIKE '{begin}%'"
        );
        self.app.value(&sql).await
    }
}
