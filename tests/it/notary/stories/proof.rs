//! What a stranger with poppler, openssl and qpdf makes of the papers of a case.

use axum::body::Bytes;
use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::Value;
use sportello::signing::cms::sha256;

use super::{case::Case, town::Town};
use crate::{
    harness::{
        client::Client,
        verify::{Verifier, signed_parts, time_stamp_of, words},
    },
    notary::conservation::verify_as_a_stranger,
};

/// A certified mail as it left.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    /// The file that went along.
    pub(super) file: Vec<u8>,
}

impl Town {
    /// The certificates of whom one is to trust.
    pub(super) async fn authorities(&self) -> String {
        let roots = self.app.anonymous().get("/api/v1/signature/authorities").await.expect(200);
        String::from_utf8(roots.body.to_vec()).unwrap()
    }

    /// Somebody downloads the signed deed, and others' programs look at it: all of it is signed by the notary, whom the
    /// authorities know; the time was stamped; nothing in it is broken; it has its number and what the act says.
    pub(super) async fn proven_deed(&self, reader: &Client, case: &Case) -> Bytes {
        let act = reader.get(&case.act("")).await.expect(200).json();
        let pdf = reader.get(&case.act("/signed-deed")).await.expect(200).body;
        let verifier = Verifier::new(&self.authorities().await);
        verifier.assert_pdf(&pdf);
        let seen = verifier.pdfsig(&pdf);
        assert_eq!((seen.count, seen.valid, seen.trusted, seen.whole), (1, 1, 1, 1), "{}", seen.text);
        assert!(seen.text.contains("Ermengarda Zanotti"), "{}", seen.text);
        let (content, signature) = signed_parts(&pdf);
        verifier.cms(&signature, &content).unwrap();
        verifier.cms(&signature, b"something else").unwrap_err();
        let (token, stamped) = time_stamp_of(&signature);
        verifier.time_stamp(&token, &stamped).unwrap();
        verifier.time_stamp(&token, b"something else").unwrap_err();
        assert_eq!(act["signed_deed"]["sha256"], data_encoding::HEXLOWER.encode(&sha256(&[&pdf])));
        let text = words(&pdf);
        let number = act["protocol_number"].as_str().unwrap();
        for part in
            [number, "Mario Rossi", "Olivetti", "Via Indipendenza 1", "con bonifico", "Banca di Bologna"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        pdf
    }

    /// A PDF that somebody was asked to sign has one signature, and it is theirs.
    pub(super) async fn proven_signature(&self, pdf: &[u8], name: &str) {
        let verifier = Verifier::new(&self.authorities().await);
        verifier.assert_pdf(pdf);
        let seen = verifier.pdfsig(pdf);
        assert_eq!((seen.count, seen.valid, seen.trusted, seen.whole), (1, 1, 1, 1), "{}", seen.text);
        assert!(seen.text.contains(name), "{}", seen.text);
    }

    /// The certified mails that have left.
    pub(super) fn certified_mails(&self) -> Vec<Sent> {
        let outbox = self.app.app.config.database.data_dir.join("certified-outbox/new");
        let files =
            std::fs::read_dir(outbox).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.map(|raw| sent(&raw)).collect()
    }

    /// The receipts of a certified mail by their kinds, each with a certificate of the mail.
    pub(super) async fn proven_receipts(&self, reader: &Client, mail: &Value) -> Vec<String> {
        let path = format!("/api/v1/certified-mail/{}/receipts", mail["id"].as_str().unwrap());
        let page = reader.get(&path).await.expect(200).json();
        let mut kinds = Vec::new();
        for receipt in super::town::data(&page) {
            let content = format!("{path}/{}/content", receipt["id"].as_str().unwrap());
            let raw = reader.get(&content).await.expect(200).body;
            let parsed = MessageParser::default().parse(&raw[..]).unwrap();
            let certificate = parsed.attachments().find(|it| it.attachment_name() == Some("daticert.xml"));
            let certificate = String::from_utf8(certificate.unwrap().contents().to_vec()).unwrap();
            let id = mail["message_id"].as_str().unwrap().trim_matches(['<', '>']);
            assert!(certificate.contains(id), "{certificate}");
            kinds.push(receipt["kind"].as_str().unwrap().to_owned());
        }
        kinds.sort(); // those that come together have no order
        kinds
    }

    /// A conservation package is unpacked and looked at by sha256sum, openssl and pdfsig; its manifest.
    pub(super) async fn proven_package(&self, reader: &Client, package: &Value) -> Value {
        let path = format!("/api/v1/conservation-packages/{}/content", package["id"].as_str().unwrap());
        let zip = reader.get(&path).await.expect(200).body;
        verify_as_a_stranger(&zip, &self.authorities().await)
    }
}

fn sent(raw: &[u8]) -> Sent {
    let mail = MessageParser::default().parse(raw).expect("a mail");
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address());
    Sent {
        to: to.unwrap_or_default().to_owned(),
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: mail.body_text(0).unwrap_or_default().into_owned(),
        file: mail.attachments().next().map(|it| it.contents().to_vec()).unwrap_or_default(),
    }
}
