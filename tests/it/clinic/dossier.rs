//! A patient with documents, and what tests do with them.

use axum::http::Method;
use serde_json::{Value, json};
use sportello::{
    accounts::users::User,
    config::Config,
    ids::{ClinicId, PatientId},
};

use super::ward::{PATIENTS, Ward, a_person, with};
use crate::harness::{
    client::{Answer, Client},
    pictures::form,
    until::eventually,
};

/// A report with a value that is too high, one that is not understood and one that is fine.
pub(crate) const REPORT: &str = "Laboratorio Analisi San Luca\nPrelievo del 03/02/2026\n\n\
    FSH   27,2 mUI/mL   (3,5 - 12,5)\nTSH   2,1 mUI/L   (0,4 - 4,0)\nProlattina   in corso\n";
/// A semen analysis that can be graded.
pub(crate) const SEMEN: &str = "SPERMIOGRAMMA\nData prelievo: 03/02/2026\nVolume   2,8 mL\n\
    Concentrazione spermatozoi   9 milioni/mL\nMotilità progressiva   25 %\nForme normali   3 %\n";

/// Sends a document as people do; `path` is the patient's.
pub(crate) async fn upload(client: &Client, path: &str, name: &str, content: &[u8], kind: &str) -> Answer {
    upload_with(client, path, (name, content), kind, &[]).await
}

/// The same with further headers.
pub(crate) async fn upload_with(
    client: &Client,
    path: &str,
    (name, content): (&str, &[u8]),
    kind: &str,
    more: &[(&str, &str)],
) -> Answer {
    let file = format!("; filename=\"{name}\"\r\nContent-Type: application/octet-stream");
    let (form_type, body) = form(&[("file", &file, content), ("kind", "", kind.as_bytes())]);
    let length = body.len().to_string();
    let mut headers = vec![("content-type", &*form_type), ("content-length", &*length)];
    headers.extend_from_slice(more);
    let sent = client.attempt_bytes(Method::POST, &format!("{path}/documents"), &headers, body.into()).await;
    sent.expect("the server answers")
}

/// A document of the corpus.
pub(crate) fn corpus(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/clinic/");
    std::fs::read(format!("{folder}{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A clinic with a patient who has consented.
pub(crate) struct Dossier {
    pub(crate) ward: Ward,
    pub(crate) patient: PatientId,
    /// The patient's path.
    pub(crate) path: String,
}

impl Dossier {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let ward = Ward::with(change).await;
        let patient = ward.register_consenting(a_person("Anna", "Bianchi", "1990-05-17")).await;
        Self { ward, patient, path: format!("{PATIENTS}/{patient}") }
    }

    /// The same of somebody of this sex.
    pub(crate) async fn of(sex: &str) -> Self {
        let ward = Ward::new().await;
        let person = with(a_person("Andrea", "Verdi", "1985-03-01"), json!({ "sex": sex }));
        let patient = ward.register_consenting(person).await;
        Self { ward, patient, path: format!("{PATIENTS}/{patient}") }
    }

    pub(crate) async fn upload(&self, name: &str, content: &[u8]) -> Answer {
        upload(&self.ward.manager, &self.path, name, content, "lab_report").await
    }

    /// The id of a document that was uploaded just now.
    pub(crate) async fn uploaded(&self, name: &str, content: &[u8]) -> String {
        let sent = self.upload(name, content).await.expect(202);
        sent.json()["document"]["id"].as_str().unwrap().to_owned()
    }

    /// The details of a document.
    pub(crate) async fn document(&self, id: &str) -> Value {
        document(&self.ward.manager, &self.path, id).await
    }

    /// The same when it has ended.
    pub(crate) async fn analysed(&self, id: &str) -> Value {
        ended(&self.ward.manager, &self.path, id).await
    }

    /// Somebody else of the clinic with this permission besides reading.
    pub(crate) async fn colleague(&self, clinic: ClinicId, permissions: &[&str]) -> (User, Client) {
        let account = self.ward.app.a_clinician(clinic, permissions).await;
        let client = self.ward.app.log_in(&account).await;
        (account, client)
    }
}

pub(crate) async fn document(client: &Client, path: &str, id: &str) -> Value {
    client.get(&format!("{path}/documents/{id}")).await.expect(200).json()
}

/// Waits until a document was analysed, however that ended.
pub(crate) async fn ended(client: &Client, path: &str, id: &str) -> Value {
    let mut last = Value::Null;
    eventually("the document was analysed", async || {
        last = document(client, path, id).await;
        last["status"] == "completed" || last["status"] == "failed"
    })
    .await;
    last
}

/// The codes of what was found.
pub(crate) fn codes(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap();
    findings.iter().map(|it| it["code"].as_str().unwrap()).collect()
}

/// The analytes of the values.
pub(crate) fn analytes(values: &Value) -> Vec<&str> {
    values.as_array().unwrap().iter().map(|it| it["analyte"].as_str().unwrap()).collect()
}
