//! What a receipt of certified mail says: a mail with headers of its own, and `daticert.xml` (DPR 68/2005 and its technical rules;
//! RFC 6109). Written for the built-in provider, read from everybody's.
//!
//! The words for people in a receipt are those of the rules, which are Italian whoever reads them.

use std::{fmt::Write as _, time::SystemTime};

use jiff::{Timestamp, tz::TimeZone};
use lettre::{
    Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use mail_parser::{MessageParser, MimeHeaders as _};

use crate::notary::time::ZONE;

/// Receipts are small; those that repeat the whole mail are asked not to (`X-TipoRicevuta`).
pub const BYTES_MAX: usize = 1 << 20;
/// Characters of what a provider says of itself and its mails.
const TEXT_MAX: usize = 200;

stored! {
    /// What a provider certifies.
    ReceiptKind as CertifiedMailReceiptKind {
        /// The sender's provider took the mail.
        Acceptance = "acceptance",
        /// It did not: something about the mail is against the rules.
        NonAcceptance = "non_acceptance",
        /// The addressee's provider took over from the sender's.
        TakenInCharge = "taken_in_charge",
        /// It is in the addressee's mailbox.
        Delivery = "delivery",
        /// It is not, and will not be.
        DeliveryError = "delivery_error",
        /// It is not yet, after half of the time that there is for it.
        DeliveryWarning = "delivery_warning",
        /// It was stopped: something dangerous is in it.
        Virus = "virus",
    }
}

impl ReceiptKind {
    /// As the header `X-Ricevuta` and the certificate call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Acceptance => "accettazione",
            Self::NonAcceptance => "non-accettazione",
            Self::TakenInCharge => "presa-in-carico",
            Self::Delivery => "avvenuta-consegna",
            Self::DeliveryError => "errore-consegna",
            Self::DeliveryWarning => "preavviso-errore-consegna",
            Self::Virus => "rilevazione-virus",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// How the subject of a receipt begins.
    const fn title(self) -> &'static str {
        match self {
            Self::Acceptance => "ACCETTAZIONE",
            Self::NonAcceptance => "AVVISO DI NON ACCETTAZIONE",
            Self::TakenInCharge => "PRESA IN CARICO",
            Self::Delivery => "CONSEGNA",
            Self::DeliveryError => "AVVISO DI MANCATA CONSEGNA",
            Self::DeliveryWarning => "AVVISO DI MANCATA CONSEGNA PER SUPERAMENTO TEMPO MASSIMO",
            Self::Virus => "PROBLEMA DI SICUREZZA",
        }
    }
}

/// What is certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What.
    pub kind: ReceiptKind,
    /// From whom the mail was.
    pub sender: String,
    /// To whom.
    pub recipients: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Who certifies it.
    pub provider: String,
    /// When it happened.
    pub certified_at: Timestamp,
    /// What the provider calls the mail.
    pub identifier: String,
    /// The mail's Message-ID.
    pub message_id: String,
    /// To which addressee it happened; `None`: it is about the mail as a whole.
    pub recipient: Option<String>,
    /// Why it was not accepted or delivered.
    pub problem: Option<String>,
}

/// It is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReceipt {
    /// It is no mail.
    #[error("this is not a mail")]
    NoMail,
    /// It has no `X-Ricevuta`.
    #[error("this mail is no receipt of certified mail: it has no header `X-Ricevuta` that is known")]
    NoHeader,
    /// It has no `daticert.xml`, or one that cannot be read.
    #[error("this receipt certifies nothing: its `daticert.xml` is missing, or {0} is missing in it")]
    NoCertificate(&'static str),
    /// Header and certificate differ.
    #[error("this receipt contradicts itself: its headers and its `daticert.xml` say different things")]
    Contradiction,
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn escaped(text: &str) -> String {
    let safe = text.chars().filter(|c| !c.is_control()).collect::<String>();
    safe.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Certificate {
    fn at(&self) -> jiff::Zoned {
        self.certified_at.to_zoned(TimeZone::get(ZONE).unwrap_or(TimeZone::UTC))
    }

    fn xml(&self) -> String {
        let error = if self.problem.is_some() { "altro" } else { "nessuno" };
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<postacert tipo=\"{}\" errore=\"{error}\">\n<intestazione>\n\
             <mittente>{}</mittente>\n",
            self.kind.word(),
            escaped(&self.sender)
        );
        for to in &self.recipients {
            let _ = writeln!(xml, "<destinatari tipo=\"certificato\">{}</destinatari>", escaped(to));
        }
        let at = self.at();
        let _ = write!(
            xml,
            "<risposte>{}</risposte>\n<oggetto>{}</oggetto>\n</intestazione>\n<dati>\n<gestore-emittente>{}</gestore-emittente>\n\
             <data zona=\"{}\">\n<giorno>{}</giorno>\n<ora>{}</ora>\n</data>\n<identificativo>{}</identificativo>\n\
             <msgid>{}</msgid>\n",
            escaped(&self.sender),
            escaped(&self.subject),
            escaped(&self.provider),
            at.strftime("%z"),
            at.strftime("%d/%m/%Y"),
            at.strftime("%H:%M:%S"),
            escaped(&self.identifier),
            escaped(&self.message_id),
        );
        if let Some(to) = &self.recipient {
            let _ = write!(xml, "<ricevuta tipo=\"sintetica\"/>\n<consegna>{}</consegna>\n", escaped(to));
        }
        if let Some(problem) = &self.problem {
            let _ = writeln!(xml, "<errore-esteso>{}</errore-esteso>", escaped(problem));
        }
        xml.push_str("</dati>\n</postacert>\n");
        xml
    }

    fn words(&self) -> String {
        let at = self.at();
        let (day, hour) = (at.strftime("%d/%m/%Y"), at.strftime("%H:%M:%S (%z)"));
        let (subject, sender) = (&self.subject, &self.sender);
        let to = self.recipient.clone().unwrap_or_else(|| self.recipients.join("\n"));
        let said = match self.kind {
            ReceiptKind::Acceptance => "è stato accettato dal sistema ed inoltrato.",
            ReceiptKind::Delivery => "è stato consegnato nella casella di destinazione.",
            ReceiptKind::TakenInCharge => "è stato preso in carico.",
            ReceiptKind::NonAcceptance => "non è stato accettato.",
            ReceiptKind::DeliveryError => "non è stato consegnato.",
            ReceiptKind::DeliveryWarning => "non è stato ancora consegnato.",
            ReceiptKind::Virus => "è stato fermato: contiene un virus informatico.",
        };
        let problem = self.problem.as_ref().map(|it| format!("\n\n{it}")).unwrap_or_default();
        format!(
            "Il giorno {day} alle ore {hour} il messaggio \"{subject}\" proveniente da \"{sender}\" ed indirizzato a:\n{to}\n\
             {said}{problem}\n\nIdentificativo messaggio: {}\n",
            self.identifier
        )
    }

    /// The receipt as a mail of `posta-certificata` at this domain.
    pub fn to_mail(&self, domain: &str) -> Result<Vec<u8>, lettre::error::Error> {
        let from = lettre::Address::new("posta-certificata", domain)
            .map_err(|_| lettre::error::Error::MissingFrom)?;
        let to = self.sender.parse().map_err(|_| lettre::error::Error::MissingTo)?;
        let whose = self.recipient.as_deref().unwrap_or_default();
        let number = self.recipients.iter().position(|to| to == whose).map_or(0, |place| place + 1);
        let left = self.message_id.trim_matches(['<', '>']).split('@').next().unwrap_or_default();
        let id = format!("<{}.{left}.{number}@{domain}>", self.kind.word());
        let subject: String =
            format!("{}: {}", self.kind.title(), self.subject).chars().filter(|c| !c.is_control()).collect();
        let parts = MultiPart::mixed().singlepart(SinglePart::plain(self.words())).singlepart(
            Attachment::new("daticert.xml".to_owned())
                .body(self.xml(), ContentType::parse("application/xml").unwrap_or(ContentType::TEXT_PLAIN)),
        );
        let mut builder = Message::builder()
            .date(SystemTime::from(self.certified_at))
            .from(Mailbox::new(None, from))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(id))
            .raw_header(header("X-Ricevuta", self.kind.word()))
            .raw_header(header("X-Riferimento-Message-ID", &self.message_id));
        if self.kind == ReceiptKind::Delivery {
            builder = builder.raw_header(header("X-TipoRicevuta", "sintetica"));
        }
        Ok(builder.multipart(parts)?.formatted())
    }

    /// What the mail of a provider certifies; who has written it is another question ([`super::signed`]).
    pub fn of_mail(raw: &[u8]) -> Result<Self, NoReceipt> {
        Self::of_part(raw, raw)
    }

    /// What a part of the mail certifies: the one that is signed. The headers of the mail must say the same.
    pub fn of_part(raw: &[u8], part: &[u8]) -> Result<Self, NoReceipt> {
        let mail = MessageParser::default().parse(raw).ok_or(NoReceipt::NoMail)?;
        let inner = MessageParser::default().parse(part).ok_or(NoReceipt::NoMail)?;
        let named = |name: &'static str| mail.header_raw(name).map(|value| value.trim().to_owned());
        let kind =
            named("X-Ricevuta").and_then(|word| ReceiptKind::of_word(&word)).ok_or(NoReceipt::NoHeader)?;
        let is_certificate =
            |part: &&mail_parser::MessagePart<'_>| part.attachment_name() == Some("daticert.xml");
        let part = inner.parts.iter().find(is_certificate).ok_or(NoReceipt::NoCertificate("it"))?;
        // Some write ISO 8859-1.
        let xml = String::from_utf8(part.contents().to_vec())
            .unwrap_or_else(|_| part.contents().iter().map(|byte| char::from(*byte)).collect());
        let found = Self::of_xml(&xml)?;
        let of = named("X-Riferimento-Message-ID");
        let agrees = found.kind == kind
            && of.is_none_or(|of| of.trim_matches(['<', '>']) == found.message_id.trim_matches(['<', '>']));
        if agrees { Ok(found) } else { Err(NoReceipt::Contradiction) }
    }

    /// A document type is refused by the reader: nothing is expanded.
    fn of_xml(xml: &str) -> Result<Self, NoReceipt> {
        let missing = NoReceipt::NoCertificate;
        let document =
            roxmltree::Document::parse(xml.trim_start_matches('\u{feff}')).map_err(|_| missing("it"))?;
        let root = document.root_element();
        let all = |name: &'static str| {
            let named = root.descendants().filter(move |node| node.has_tag_name(name));
            named
                .filter_map(|node| node.text())
                .map(|text| text.trim().chars().take(TEXT_MAX).collect::<String>())
        };
        let one = |name: &'static str| all(name).find(|text| !text.is_empty()).ok_or(missing(name));
        let zone = root.descendants().find(|node| node.has_tag_name("data"));
        let zone = zone.and_then(|node| node.attribute("zona")).ok_or(missing("zona"))?;
        let at = format!("{} {} {zone}", one("giorno")?, one("ora")?);
        let at = jiff::fmt::strtime::parse("%d/%m/%Y %H:%M:%S %z", &at).and_then(|at| at.to_timestamp());
        let kind = root.attribute("tipo").and_then(ReceiptKind::of_word).ok_or(missing("tipo"))?;
        let recipient = one("consegna").ok().map(|to| to.to_lowercase());
        let problem = one("errore-esteso").ok().or_else(|| {
            root.attribute("errore")
                .filter(|error| *error != "nessuno")
                .map(|error| error.chars().take(TEXT_MAX).collect())
        });
        Ok(Self {
            kind,
            sender: one("mittente")?,
            recipients: all("destinatari").map(|to| to.to_lowercase()).collect(),
            subject: one("oggetto").unwrap_or_default(),
            provider: one("gestore-emittente")?,
            certified_at: at.map_err(|_| missing("data"))?,
            identifier: one("identificativo")?,
            message_id: one("msgid")?,
            recipient,
            problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_certificate(kind: ReceiptKind) -> Certificate {
        let is_delivery = kind == ReceiptKind::Delivery;
        Certificate {
            kind,
            sender: "studio@pec.example.org".to_owned(),
            recipients: vec!["anna@pec.example.org".to_owned(), "b@pec.example.org".to_owned()],
            subject: "Atto <1> & \"altro\" – è così".to_owned(),
            provider: "Sportello".to_owned(),
            certified_at: "2027-07-01T09:30:05Z".parse().unwrap(),
            identifier: "sportello.1@pec.example.org".to_owned(),
            message_id: "<certified.x.1@pec.example.org>".to_owned(),
            recipient: is_delivery.then(|| "b@pec.example.org".to_owned()),
            problem: (kind == ReceiptKind::NonAcceptance).then(|| "bcc".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for kind in ReceiptKind::ALL {
            let certificate = a_certificate(*kind);
            let mail = certificate.to_mail("pec.example.org").unwrap();
            assert_eq!(
                Certificate::of_mail(&mail).unwrap(),
                certificate,
                "{}",
                String::from_utf8_lossy(&mail)
            );
            assert!(mail.len() < BYTES_MAX);
        }
    }

    #[test]
    fn a_receipt_has_the_headers_of_the_rules() {
        let mail = a_certificate(ReceiptKind::Delivery).to_mail("pec.example.org").unwrap();
        let text = String::from_utf8(mail).unwrap();
        for line in [
            "From: posta-certificata@pec.example.org",
            "X-Ricevuta: avvenuta-consegna",
            "X-TipoRicevuta: sintetica",
            "X-Riferimento-Message-ID: <certified.x.1@pec.example.org>",
            "daticert.xml",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    /// As operators write it: signed, the certificate behind the words, in the alphabet of their own.
    const OPERATORS: &str = "X-Ricevuta: errore-consegna\r\nX-Riferimento-Message-ID: <certified.x.1@pec.example.org>\r\n\
        From: posta-certificata@gestore.example\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/signed; boundary=\"s\"; protocol=\"application/pkcs7-signature\"; micalg=sha-256\r\n\r\n\
        --s\r\nContent-Type: multipart/mixed; boundary=\"m\"\r\n\r\n\
        --m\r\nContent-Type: text/plain\r\n\r\nAvviso di mancata consegna\r\n\
        --m\r\nContent-Type: application/xml; name=\"daticert.xml\"\r\n\
        Content-Disposition: inline; filename=\"daticert.xml\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--m--\r\n\
        --s\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIB\r\n--s--\r\n";
    const THEIRS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><postacert tipo=\"errore-consegna\" errore=\"no-dest\">\
        <intestazione><mittente>studio@pec.example.org</mittente><destinatari tipo=\"certificato\">Anna@PEC.example.org</destinatari>\
        <risposte>studio@pec.example.org</risposte><oggetto>Atto</oggetto></intestazione><dati>\
        <gestore-emittente>GESTORE S.p.A.</gestore-emittente><data zona=\"+0200\"><giorno>01/07/2027</giorno><ora>11:30:05</ora></data>\
        <identificativo>opec21.20270701@gestore.example</identificativo><msgid>&lt;certified.x.1@pec.example.org&gt;</msgid>\
        <consegna>Anna@PEC.example.org</consegna><errore-esteso>5.1.1 - indirizzo non valido</errore-esteso></dati></postacert>";

    fn theirs(xml: &str) -> Vec<u8> {
        OPERATORS.replace("{}", &data_encoding::BASE64.encode(xml.as_bytes())).into_bytes()
    }

    #[test]
    fn receipts_of_operators_are_read() {
        let found = Certificate::of_mail(&theirs(THEIRS)).unwrap();
        assert_eq!(found.kind, ReceiptKind::DeliveryError);
        assert_eq!(found.certified_at, "2027-07-01T09:30:05Z".parse().unwrap());
        assert_eq!(found.recipient.as_deref(), Some("anna@pec.example.org"));
        assert_eq!(found.problem.as_deref(), Some("5.1.1 - indirizzo non valido"));
        assert_eq!(found.identifier, "opec21.20270701@gestore.example");
    }

    #[test]
    fn what_is_no_receipt_or_contradicts_itself_is_refused() {
        let plain = b"From: a@b.it\r\nSubject: ciao\r\n\r\nciao\r\n";
        assert_eq!(Certificate::of_mail(plain), Err(NoReceipt::NoHeader));
        assert_eq!(Certificate::of_mail(b""), Err(NoReceipt::NoMail));
        let without = b"X-Ricevuta: accettazione\r\nSubject: x\r\n\r\nciao\r\n";
        assert_eq!(Certificate::of_mail(without), Err(NoReceipt::NoCertificate("it")));
        let other = THEIRS.replace("errore-consegna", "avvenuta-consegna");
        assert_eq!(Certificate::of_mail(&theirs(&other)), Err(NoReceipt::Contradiction));
        let other = THEIRS.replace("certified.x.1", "certified.y.1");
        assert_eq!(Certificate::of_mail(&theirs(&other)), Err(NoReceipt::Contradiction));
        let bomb = THEIRS.replace("<postacert", "<!DOCTYPE a [<!ENTITY b \"c\">]><postacert");
        assert_eq!(Certificate::of_mail(&theirs(&bomb)), Err(NoReceipt::NoCertificate("it")));
        let undated = THEIRS.replace("01/07/2027", "31/31/2027");
        assert_eq!(Certificate::of_mail(&theirs(&undated)), Err(NoReceipt::NoCertificate("data")));
    }
}
