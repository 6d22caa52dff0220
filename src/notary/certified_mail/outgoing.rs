//! A certified mail as it travels: from the rows of its sending to the bytes that a server is given.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Attachment as Part, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

use super::message::{Recipient, RecipientKind};
use crate::{
    args,
    db::{Db, DbError},
    documents::versions::{self, Content},
    ids::{CertifiedMailId, DocumentId},
};

/// What a part costs besides its content: its headers, its border. More than it is.
const PART: u64 = 1024;
/// The header of a mail, and of its addressees each.
const HEADER: u64 = 4096;
const RECIPIENT: u64 = 600;

/// A sending that is to be handed over.
#[derive(Debug)]
pub struct Outgoing {
    /// The mail.
    pub id: CertifiedMailId,
    /// Which of its sendings.
    pub sending: i32,
    /// Its Message-ID.
    pub message_id: String,
    /// From which address.
    pub sender: String,
    /// From whom.
    pub sender_name: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// To whom.
    pub recipients: Vec<Recipient>,
    /// What goes along.
    pub attachments: Vec<Content>,
    /// How often it was tried before.
    pub tries: i32,
}

/// Why a mail cannot be made, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Something that becomes a header is none.
    #[error("{0} cannot stand in a mail")]
    Header(&'static str),
    /// A document that goes along is gone, or is not what it was.
    #[error("an attached document is not what it was when the mail was put into the queue")]
    Attachment,
}

/// A sending, while it waits to be handed over. `Err`: what goes along is not there any more.
pub async fn load(
    db: &Db,
    id: CertifiedMailId,
    sending: i32,
) -> Result<Option<Result<Outgoing, Unsendable>>, DbError> {
    const LOAD: &str = "-- notary.certified_mail.load
        SELECT m.message_id, m.sender, m.sender_name, m.subject, m.body, m.tries, (
            SELECT jsonb_agg(jsonb_build_object('kind', r.kind, 'address', r.address, 'name', r.name) ORDER BY r.position)
            FROM certified_mail_recipient r WHERE r.mail_id = m.id) AS recipients
        FROM certified_mail m WHERE m.id = $1 AND m.sending = $2 AND m.status = 'queued' AND m.submitted_at IS NULL";
    const ATTACHED: &str = "-- notary.certified_mail.attached
        SELECT document_id, number, sha256 FROM certified_mail_attachment WHERE mail_id = $1 ORDER BY position";
    let rows = db.read(LOAD, args![id, sending]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut attachments = Vec::new();
    for row in db.read(ATTACHED, args![id]).await?.iter() {
        let (document, number): (DocumentId, i32) = (row.get("document_id"), row.get("number"));
        let content = versions::held(db, document, number).await?;
        match content.filter(|it| it.version.sha256.0 == row.get::<_, &[u8]>("sha256")) {
            Some(content) => attachments.push(content),
            None => return Ok(Some(Err(Unsendable::Attachment))),
        }
    }
    Ok(Some(Ok(Outgoing {
        id,
        sending,
        message_id: row.get("message_id"),
        sender: row.get("sender"),
        sender_name: row.get("sender_name"),
        subject: row.get("subject"),
        body: row.get("body"),
        recipients: serde_json::from_value(row.get("recipients")).unwrap_or_default(),
        attachments,
        tries: row.get("tries"),
    })))
}

/// A mail as it is handed over.
#[derive(Debug, Clone)]
pub struct Built {
    /// For the server.
    pub envelope: Envelope,
    /// For everybody.
    pub bytes: Vec<u8>,
}

impl Outgoing {
    /// Not less than it will have as it is sent; attachments become a third larger (base64, lines of 76 characters).
    pub fn estimated_bytes(&self) -> u64 {
        let encoded = |bytes: u64| bytes.div_ceil(57) * 78;
        let attached = self.attachments.iter().map(|it| PART + encoded(it.version.bytes.unsigned_abs()));
        HEADER
            + RECIPIENT * self.recipients.len() as u64
            + encoded(self.body.len() as u64)
            + attached.sum::<u64>()
    }

    fn of_kind(&self, kind: RecipientKind) -> impl Iterator<Item = &Recipient> {
        self.recipients.iter().filter(move |it| it.kind == kind)
    }
}

/// One line, without anything that a header could end with.
fn line<'t>(text: &'t str, what: &'static str) -> Result<&'t str, Unsendable> {
    if text.chars().any(char::is_control) { Err(Unsendable::Header(what)) } else { Ok(text) }
}

fn address(text: &str) -> Result<Address, Unsendable> {
    line(text, "an address")?.parse().map_err(|_| Unsendable::Header("an address"))
}

fn mailbox(name: &str, at: &str) -> Result<Mailbox, Unsendable> {
    let name = line(name, "a name")?;
    Ok(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address(at)?))
}

/// Makes the mail of `contents`, which are those of its attachments, in their order. For a thread that may take its time.
pub fn build(mail: &Outgoing, contents: Vec<Vec<u8>>, now: Timestamp) -> Result<Built, Unsendable> {
    let mut builder = Message::builder()
        .date(SystemTime::from(now))
        .from(mailbox(&mail.sender_name, &mail.sender)?)
        .subject(line(&mail.subject, "the subject")?)
        .message_id(Some(line(&mail.message_id, "the Message-ID")?.to_owned()))
        // A receipt of delivery that does not repeat the whole mail (RFC 6109, 3.3.2).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("X-TipoRicevuta"),
            "sintetica".to_owned(),
        ));
    for to in mail.of_kind(RecipientKind::To) {
        builder = builder.to(mailbox(&to.name, &to.address)?);
    }
    for copy in mail.of_kind(RecipientKind::Cc) {
        builder = builder.cc(mailbox(&copy.name, &copy.address)?);
    }
    // Blind copies are the server's to know.
    let to = mail.recipients.iter().map(|it| address(&it.address)).collect::<Result<Vec<_>, _>>()?;
    let envelope = Envelope::new(Some(address(&mail.sender)?), to);
    let envelope = envelope.map_err(|_| Unsendable::Header("an empty list of addressees"))?;
    let text = SinglePart::plain(mail.body.clone());
    let builder = builder.envelope(envelope.clone());
    let message = if contents.is_empty() {
        builder.singlepart(text)
    } else {
        let mut parts = MultiPart::mixed().singlepart(text);
        for (attached, content) in mail.attachments.iter().zip(contents) {
            let name = line(&attached.version.name, "the name of a file")?.to_owned();
            parts = parts.singlepart(Part::new(name).body(content, kind(&attached.version.media_type)));
        }
        builder.multipart(parts)
    };
    let message = message.map_err(|_| Unsendable::Header("what the mail says of itself"))?;
    Ok(Built { envelope, bytes: message.formatted() })
}

/// A mail inside of a mail must not be encoded (RFC 2046, 5.2.1): it goes along as a file.
fn kind(media_type: &str) -> ContentType {
    const FILE: &str = "application/octet-stream";
    let shown = if media_type.starts_with("message/") { FILE } else { media_type };
    ContentType::parse(shown).unwrap_or(ContentType::TEXT_PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_mail(change: impl FnOnce(&mut Outgoing)) -> Outgoing {
        let to = |kind, address: &str, name: &str| Recipient {
            kind,
            address: address.to_owned(),
            name: name.to_owned(),
            delivered_at: None,
            failed_at: None,
            problem: None,
        };
        let mut mail = Outgoing {
            id: CertifiedMailId(uuid::Uuid::nil()),
            sending: 1,
            message_id: "<certified.x.1@pec.example.org>".to_owned(),
            sender: "studio@pec.example.org".to_owned(),
            sender_name: "Studio Verdi".to_owned(),
            subject: "Trasmissione dell’atto".to_owned(),
            body: "Si trasmette.\nDistinti saluti".to_owned(),
            recipients: vec![
                to(RecipientKind::To, "anna@pec.example.org", "Anna \"la\" Bianchi"),
                to(RecipientKind::Bcc, "archivio@pec.example.org", ""),
            ],
            attachments: Vec::new(),
            tries: 0,
        };
        change(&mut mail);
        mail
    }

    #[test]
    fn a_mail_has_the_headers_it_is_to_have_and_hides_blind_copies() {
        let mail = a_mail(|_| {});
        let built = build(&mail, Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(built.bytes.clone()).unwrap();
        let header = text.split("\r\n\r\n").next().unwrap();
        for line in [
            "Message-ID: <certified.x.1@pec.example.org>",
            "X-TipoRicevuta: sintetica",
            "Date: Thu, 01 Jan 1970",
        ] {
            assert!(header.contains(line), "{header}");
        }
        assert!(!text.contains("archivio") && built.envelope.to().len() == 2, "{text}");
        assert!((built.bytes.len() as u64) <= mail.estimated_bytes());
    }

    #[test]
    fn nothing_that_people_write_becomes_a_header() {
        for evil in ["x\r\nBcc: evil@example.org", "x\nX-Evil: 1", "x\rX-Evil: 1", "x\u{85}y\u{0}"] {
            let cases: [fn(&mut Outgoing, &str); 4] = [
                |mail, evil| evil.clone_into(&mut mail.subject),
                |mail, evil| evil.clone_into(&mut mail.sender_name),
                |mail, evil| evil.clone_into(&mut mail.recipients[0].name),
                |mail, evil| mail.recipients[0].address = format!("a@b.it{evil}"),
            ];
            for change in cases {
                let mail = a_mail(|mail| change(mail, evil));
                assert!(matches!(
                    build(&mail, Vec::new(), Timestamp::UNIX_EPOCH),
                    Err(Unsendable::Header(_))
                ));
            }
            let body = a_mail(|mail| mail.body = format!("Testo\n.\n{}", evil.replace('\u{0}', "")));
            let built = build(&body, Vec::new(), Timestamp::UNIX_EPOCH).unwrap();
            let text = String::from_utf8(built.bytes).unwrap();
            let header = text.split("\r\n\r\n").next().unwrap();
            assert!(!header.contains("evil") && !header.contains("X-Evil"), "{header}");
        }
    }
}
