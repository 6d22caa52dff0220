//! Receipts that an operator has signed, and those that somebody else would like to be taken for such.

use std::process::Command;

use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role, config::values::Optional, notary::certified_mail::certificate::ReceiptKind,
};

use super::{
    operator::{hand_in, receipt},
    post::Post,
};
use crate::harness::{client::Client, scratch::Scratch};

const OPERATOR: &str = "posta-certificata@gestore.example";

/// Keys and certificates, as openssl makes them.
struct Keys(Scratch);

impl Keys {
    fn new() -> Self {
        let keys = Self(Scratch::new());
        for root in ["root", "stranger"] {
            let subject = format!("/CN={root}");
            let made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "400", "-subj", &subject];
            keys.openssl(
                &[&made[..], &["-keyout", &format!("{root}.key"), "-out", &format!("{root}.pem")]].concat(),
            );
        }
        keys
    }

    fn openssl(&self, args: &[&str]) {
        let done = Command::new("openssl").args(args).current_dir(self.0.path()).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// A certificate for this address, by a root.
    fn certify(&self, name: &str, (root, key): (&str, &[&str]), address: &str) {
        let (csr, pem, secret) = (format!("{name}.csr"), format!("{name}.pem"), format!("{name}.key"));
        let (ca, ca_key) = (format!("{root}.pem"), format!("{root}.key"));
        let san = format!("subjectAltName=email:{address}");
        let ask = ["-nodes", "-keyout", &secret, "-out", &csr, "-subj", "/CN=Gestore", "-addext", &san];
        self.openssl(
            &[&["req", "-newkey"], key, &ask, &["-addext", "extendedKeyUsage=emailProtection"]].concat(),
        );
        let sign =
            ["x509", "-req", "-in", &csr, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-days", "30"];
        self.openssl(&[&sign[..], &["-copy_extensions", "copy", "-out", &pem]].concat());
    }

    /// A receipt as its operator signs it.
    fn sign(&self, mail: &[u8], name: &str, how: &[&str]) -> Vec<u8> {
        let text = String::from_utf8(mail.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        let (inner, outer): (Vec<&str>, Vec<&str>) = unfolded
            .split("\r\n")
            .partition(|line| line.starts_with("Content-") || line.starts_with("MIME-"));
        let inner = inner.iter().filter(|line| line.starts_with("Content-")).copied().collect::<Vec<_>>();
        std::fs::write(self.path("part"), format!("{}\r\n\r\n{body}", inner.join("\r\n"))).unwrap();
        let (pem, key) = (format!("{name}.pem"), format!("{name}.key"));
        let sign = ["cms", "-sign", "-in", "part", "-signer", &pem, "-inkey", &key, "-out", "signed"];
        self.openssl(&[&sign[..], how].concat());
        let signed = std::fs::read_to_string(self.path("signed")).unwrap();
        format!("{}\r\n{signed}", outer.join("\r\n")).into_bytes()
    }
}

/// A mail that an operator has, and an administrator.
async fn a_mail(keys: Option<&Keys>) -> (Post, Value, Client) {
    let post = Post::new(|config| {
        config.certified_mail.provider = "operator".to_owned();
        config.certified_mail.operator_roots = Optional(keys.map(|keys| keys.path("root.pem")));
    })
    .await;
    let mut server = post.serve().await;
    let admin = post.practice.app.a_person_with(Role::Admin).await;
    let admin = post.practice.app.log_in(&admin).await;
    let id = post.a_mail("anna@pec.example.org", json!({})).await;
    post.run_jobs().await;
    server.next().await;
    let mail = post.show(&id).await;
    (post, mail, admin)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_believed_when_its_operator_has_signed_it() {
    let keys = Keys::new();
    keys.certify("operator", ("root", &["rsa:2048"]), OPERATOR);
    keys.certify("newer", ("root", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]), OPERATOR);
    let (post, mail, admin) = a_mail(Some(&keys)).await;
    let accepted = receipt(&mail, ReceiptKind::Acceptance, None);
    // As openssl writes it at once; DER, lines with half an end.
    let taken = hand_in(&admin, keys.sign(&accepted, "operator", &[])).await.expect(200).json();
    assert_eq!((&taken["proof"], &taken["status"]), (&json!("verified"), &json!("sent")));
    // In a stream (BER), with whole ends of lines, another hash and another kind of key.
    let delivered = receipt(&mail, ReceiptKind::Delivery, Some("anna@pec.example.org"));
    let streamed = keys.sign(&delivered, "newer", &["-stream", "-crlfeol", "-md", "sha384"]);
    let taken = hand_in(&admin, streamed).await.expect(200).json();
    assert_eq!((&taken["proof"], &taken["status"]), (&json!("verified"), &json!("delivered")));
    let path = format!("/api/v1/certified-mail/{}/receipts", mail["id"].as_str().unwrap());
    let page = post.postmaster.get(&path).await.expect(200).json();
    assert!(page["data"].as_array().unwrap().iter().all(|it| it["proof"] == "verified"), "{page}");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_makes_receipts() {
    let keys = Keys::new();
    keys.certify("operator", ("root", &["rsa:2048"]), OPERATOR);
    keys.certify("forger", ("stranger", &["rsa:2048"]), OPERATOR);
    keys.certify("neighbour", ("root", &["rsa:2048"]), "posta-certificata@altro.example");
    keys.certify("customer", ("root", &["rsa:2048"]), "mario@gestore.example");
    keys.certify("weak", ("root", &["rsa:1024"]), OPERATOR);
    let (post, mail, admin) = a_mail(Some(&keys)).await;
    let accepted = receipt(&mail, ReceiptKind::Acceptance, None);
    let good = String::from_utf8(keys.sign(&accepted, "operator", &["-crlfeol"])).unwrap();
    let mut wrong: Vec<(&str, Vec<u8>)> = vec![
        ("no signature", accepted.clone()),
        ("the content inside", keys.sign(&accepted, "operator", &["-nodetach"])),
        ("no certificate", keys.sign(&accepted, "operator", &["-nocerts"])),
        ("a hash that is too weak", keys.sign(&accepted, "operator", &["-md", "sha1"])),
        ("nothing about the content", keys.sign(&accepted, "operator", &["-noattr"])),
    ];
    for name in ["forger", "neighbour", "customer", "weak"] {
        wrong.push((name, keys.sign(&accepted, name, &[])));
    }
    // The customer says who they are, which does not make them an operator.
    let own = String::from_utf8(keys.sign(&accepted, "customer", &[])).unwrap();
    wrong.push(("a customer's own", own.replace(OPERATOR, "mario@gestore.example").into_bytes()));
    // The certificate of another mail beside what is signed, before it, and behind it.
    let (head, body) = good.split_once("\r\n\r\n").unwrap();
    let border = head[head.find("boundary=\"").unwrap() + 10..].split('"').next().unwrap().to_owned();
    let inner = String::from_utf8(accepted.clone()).unwrap();
    let inner = inner.split_once("\r\n\r\n").unwrap().1.to_owned();
    wrong.push(("another text", good.replace("Identificativo messaggio", "Identificativo").into_bytes()));
    let outside = format!("--{border}\r\nContent-Type: text/plain\r\n\r\nnothing\r\n{body}");
    wrong.push(("a part before", format!("{head}\r\n\r\n{outside}").into_bytes()));
    let mixed = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"o\"\r\n\r\n--o\r\n{good}\r\n--o\r\n{inner}\r\n--o--\r\n"
    );
    wrong.push(("signed inside", mixed.into_bytes()));
    for (what, raw) in wrong {
        let refused = hand_in(&admin, raw).await;
        let code = refused.code();
        assert!(
            refused.status == 422 && matches!(&*code, "not_signed" | "no_receipt"),
            "{what}: {refused:?}"
        );
    }
    assert_eq!(post.show(mail["id"].as_str().unwrap()).await["status"], "queued");
    // A day after the certificate's last.
    let raw = keys.sign(&accepted, "operator", &[]);
    post.practice.app.app.clock.advance(SignedDuration::from_hours(31 * 24));
    let admin = post.practice.app.log_in(&post.practice.app.a_person_with(Role::Admin).await).await;
    assert_eq!(hand_in(&admin, raw).await.expect(422).code(), "not_signed");
    post.practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_roots_a_receipt_says_that_nobody_has_looked_at_its_signature() {
    let (post, mail, admin) = a_mail(None).await;
    let accepted = receipt(&mail, ReceiptKind::Acceptance, None);
    let taken = hand_in(&admin, accepted).await.expect(200).json();
    assert_eq!((&taken["proof"], &taken["status"]), (&json!("unverified"), &json!("sent")));
    post.practice.app.finish().await;
    let (post, _server) = Post::open().await;
    let id = post.a_mail("anna@pec.example.org", json!({})).await;
    post.run_jobs().await;
    let page = post.postmaster.get(&format!("/api/v1/certified-mail/{id}/receipts")).await.expect(200).json();
    assert_eq!((page["data"].as_array().unwrap().len(), &page["data"][0]["proof"]), (2, &json!("own")));
    post.practice.app.finish().await;
}
