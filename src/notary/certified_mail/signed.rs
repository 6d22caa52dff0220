//! Whether a receipt is one that an operator has signed: S/MIME in two parts (RFC 8551, `multipart/signed`), as the rules want it
//! (RFC 6109, 2.2.2 and 4.3).
//!
//! What is in the first part is believed, and nothing beside it: headers of the mail are not signed.

use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders as _};
use rustls::pki_types::CertificateDer;

use super::certificate::{Certificate, NoReceipt};
use crate::signing::verify::{Purpose, Untrusted, verify};

/// From whom receipts are: this at the operator's domain (RFC 6109, 2.2.2).
const OPERATOR: &str = "posta-certificata";

stored! {
    /// Why a receipt is believed.
    Proof as CertifiedMailProof {
        /// It was made here.
        Own = "own",
        /// An operator has signed it, for whom a root of the configuration vouches.
        Verified = "verified",
        /// Nobody has looked at its signature: no roots are configured. It is believed because of who has handed it in.
        Unverified = "unverified",
    }
}

/// Why a receipt is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unbelieved {
    /// It is none.
    #[error(transparent)]
    NoReceipt(#[from] NoReceipt),
    /// It has no signature where it must be.
    #[error("this receipt is not signed (`multipart/signed`)")]
    NoSignature,
    /// The signature is not right.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It is somebody else's.
    #[error("this receipt is not signed by who has sent it, or that is no operator")]
    Other,
}

/// What a receipt says, and why that is believed.
pub fn read(
    raw: &[u8],
    roots: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(Certificate, Proof), Unbelieved> {
    let said = Certificate::of_mail(raw)?; // what is no receipt at all is told so
    if roots.is_empty() {
        return Ok((said, Proof::Unverified));
    }
    let part = signed_part(raw, roots, now)?;
    Ok((Certificate::of_part(raw, &part)?, Proof::Verified))
}

/// What is signed of a mail (a part with its headers, which reads like a mail itself), by the operator who has sent it.
fn signed_part(raw: &[u8], roots: &[CertificateDer<'_>], now: Timestamp) -> Result<Vec<u8>, Unbelieved> {
    let raw = with_line_ends(raw);
    let mail = MessageParser::default().parse(&raw).ok_or(Unbelieved::NoSignature)?;
    let (part, signature) = parts(&raw, &mail).ok_or(Unbelieved::NoSignature)?;
    let verified = verify(&signature, Some(part), (roots, Purpose::Mails), now)?;
    let from = mail.from().and_then(|from| from.first()).and_then(|from| from.address());
    let from = from.unwrap_or_default().to_lowercase();
    let is_operator = from.split_once('@').is_some_and(|(name, _)| name == OPERATOR);
    if is_operator && verified.addresses().contains(&from) {
        Ok(part.to_vec())
    } else {
        Err(Unbelieved::Other)
    }
}

/// The lines as they were signed; who fetches mails often leaves half of each end away.
fn with_line_ends(raw: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(raw.len() + raw.len() / 32);
    for byte in raw {
        if *byte == b'\n' && whole.last() != Some(&b'\r') {
            whole.push(b'\r');
        }
        whole.push(*byte);
    }
    whole
}

/// The part that is signed, and the signature.
fn parts<'r>(raw: &'r [u8], mail: &Message<'_>) -> Option<(&'r [u8], Vec<u8>)> {
    let outer = mail.parts.first()?;
    let form =
        outer.content_type().filter(|it| it.c_type == "multipart" && it.subtype() == Some("signed"))?;
    let border = format!("\r\n--{}", form.attribute("boundary")?);
    // The end of the headers is the beginning of the first border.
    let body = raw.get(usize::try_from(outer.offset_body).ok()?.checked_sub(2)?..)?;
    let (_, begin) = line(body, &border)?;
    let (end, next) = line(&body[begin..], &border)?;
    let rest = &body[begin + next..];
    let (last, _) = line(rest, &border)?;
    let signature = MessageParser::default().parse(&rest[..last])?;
    Some((&body[begin..begin + end], signature.parts.first()?.contents().to_vec()))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}

/// Where the next line begins that is a border, and where what follows it does.
fn line(text: &[u8], border: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + find(&text[from..], border.as_bytes())?;
        let after = at + border.len();
        let rest = text[after..].strip_prefix(b"--").unwrap_or(&text[after..]);
        let end = find(rest, b"\r\n").unwrap_or(rest.len());
        if rest[..end].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            let long = text.len() - rest.len() + end;
            return Some((at, (long + 2).min(text.len())));
        }
        from = after;
    }
}
