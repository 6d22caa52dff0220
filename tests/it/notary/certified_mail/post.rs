//! An office that sends certified mail, and the server that takes it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use sportello::{
    accounts::users::User,
    config::{
        Config,
        values::{Optional, Secret},
    },
};

use crate::{
    harness::{
        client::{Answer, Client},
        scratch::Scratch,
    },
    mail::server::{Mode, SmtpServer},
    notary::practice::Practice,
};

pub(super) const MAIL: &str = "/api/v1/certified-mail";

/// An office with a postmaster: a collaborator who may send certified mail.
pub(super) struct Post {
    pub(super) practice: Practice,
    pub(super) postmaster: Client,
    pub(super) account: User,
    pub(super) directory: Scratch,
    pub(super) port: u16,
}

impl Post {
    /// Its server is away.
    pub(super) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let port = std::net::TcpListener::bind("localhost:0").unwrap().local_addr().unwrap().port();
        let practice = Practice::new_with(|config| {
            let url = Secret::new(format!("smtp://localhost:{port}"));
            config.certified_mail.smtp_url = Optional(Some(url));
            config.certified_mail.timeout.0 = Duration::from_secs(10);
            change(config);
        })
        .await;
        let account =
            practice.app.a_collaborator(practice.office, &["send_certified_mail", "manage_acts"]).await;
        let postmaster = practice.app.log_in(&account).await;
        Self { practice, postmaster, account, directory: Scratch::new(), port }
    }

    /// Its server is there.
    pub(super) async fn open() -> (Self, SmtpServer) {
        let post = Self::new(|_| {}).await;
        let server = post.serve().await;
        (post, server)
    }

    pub(super) async fn serve(&self) -> SmtpServer {
        SmtpServer::start(&self.directory, self.port, Mode::Plain, None).await
    }

    /// Whom the server refuses.
    pub(super) fn refuse(&self, addresses: &str) {
        std::fs::write(self.directory.path().join("refused"), addresses).unwrap();
    }

    /// Moves the clock; who has waited logs in again.
    pub(super) async fn wait(&mut self, time: jiff::SignedDuration) {
        self.practice.app.app.clock.advance(time);
        self.postmaster = self.practice.app.log_in(&self.account).await;
        self.practice.wait(0).await;
    }

    /// A draft to this address.
    pub(super) async fn a_draft(&self, to: &str, more: Value) -> String {
        let mut draft = json!({"subject": "Trasmissione dell’atto", "body": "Si trasmette l'atto.\nDistinti saluti",
            "recipients": [{"kind": "to", "address": to, "name": "Anna Bianchi"}]});
        draft.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.postmaster.post(MAIL, draft).await.expect(201).json();
        assert_eq!(made["status"], "draft");
        made["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn does(&self, client: &Client, id: &str, event: &str) -> Answer {
        client.post(&format!("{MAIL}/{id}/transitions"), json!({ "event": event })).await
    }

    /// A mail to this address, in the queue.
    pub(super) async fn a_mail(&self, to: &str, more: Value) -> String {
        let id = self.a_draft(to, more).await;
        self.does(&self.postmaster, &id, "enqueue").await.expect(200);
        id
    }

    pub(super) async fn show(&self, id: &str) -> Value {
        self.postmaster.get(&format!("{MAIL}/{id}")).await.expect(200).json()
    }

    pub(super) async fn run_jobs(&self) {
        self.practice.app.run_jobs().await;
    }

    /// The receipts of a mail by their kinds, and what they say.
    pub(super) async fn receipts(&self, id: &str) -> BTreeMap<String, String> {
        let page = self.postmaster.get(&format!("{MAIL}/{id}/receipts?limit=100")).await.expect(200).json();
        let mut receipts = BTreeMap::new();
        for receipt in page["data"].as_array().unwrap() {
            let path = format!("{MAIL}/{id}/receipts/{}/content", receipt["id"].as_str().unwrap());
            let answer = self.postmaster.get(&path).await.expect(200);
            assert_eq!(answer.header("content-type"), "message/rfc822");
            let to = receipt["recipient"].as_str().unwrap_or_default();
            let key = format!("{} {to}", receipt["kind"].as_str().unwrap()).trim().to_owned();
            receipts.insert(key, String::from_utf8(answer.body.to_vec()).unwrap());
        }
        receipts
    }
}

/// Mails that have arrived, counted by their Message-IDs.
pub(super) async fn arrived(server: &mut SmtpServer, count: usize) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for _ in 0..count {
        let mail = server.next().await;
        assert_eq!(mail["defects"], json!([]), "{mail:#}");
        *arrived.entry(mail["headers"]["message-id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    arrived
}
