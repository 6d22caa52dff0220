//! What people send about a certified mail, and whether it can be right. Lines are lines here: nothing of them becomes a header
//! of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{problem::Problem, validate::Checks},
    ids::DocumentId,
    notary::certified_mail::{
        attachments::NewAttachment,
        drafts::NewRecipient,
        message::{ATTACHMENTS_MAX, BODY_MAX, RECIPIENTS_MAX, RecipientKind, SUBJECT_MAX},
        templates::FIELD_MAX,
    },
};

/// Values that are given for one template.
const VALUES_MAX: usize = 50;
/// Characters of one.
const VALUE_MAX: usize = 4000;

/// Somebody to whom a mail is to go.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCertifiedMailRecipient)]
pub(super) struct RecipientBody {
    /// In which field.
    kind: RecipientKind,
    /// The address.
    #[schema(max_length = 254)]
    address: String,
    /// The name beside it.
    #[serde(default)]
    #[schema(max_length = 200)]
    name: String,
}

/// A document that is to go along.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCertifiedMailAttachment)]
pub(super) struct AttachmentBody {
    /// A document that one may read, or that was handed in at the office.
    document_id: DocumentId,
    /// Its version; the newest when the mail is put into the queue, if nothing is said.
    #[schema(minimum = 1)]
    number: Option<i32>,
}

pub(super) fn recipients(checks: &mut Checks, bodies: &[RecipientBody]) -> Vec<NewRecipient> {
    checks.at_most("/recipients", bodies, RECIPIENTS_MAX);
    let mut seen = BTreeSet::new();
    let mut checked = Vec::with_capacity(bodies.len());
    for (place, body) in bodies.iter().take(RECIPIENTS_MAX).enumerate() {
        let at = |field: &str| format!("/recipients/{place}/{field}");
        let address = checks.email(&at("address"), &body.address);
        // What follows RFC 5322, but not what mails are made with, is found now and not on the way.
        let can_be_sent = address.parse::<lettre::Address>().is_ok();
        if checks.is_ok() {
            checks.ensure(can_be_sent, &at("address"), "invalid_email", "is not an e-mail address");
        }
        checks.ensure(seen.insert(address.clone()), &at("address"), "repeated", "is named twice");
        let name = checks.line(&at("name"), &body.name, 0..=200).to_owned();
        checked.push(NewRecipient { kind: body.kind, address, name });
    }
    checked
}

pub(super) fn attachments(checks: &mut Checks, bodies: &[AttachmentBody]) -> Vec<NewAttachment> {
    checks.at_most("/attachments", bodies, ATTACHMENTS_MAX);
    let mut seen = BTreeSet::new();
    let mut checked = Vec::with_capacity(bodies.len());
    for (place, body) in bodies.iter().take(ATTACHMENTS_MAX).enumerate() {
        if let Some(number) = body.number {
            checks.range(&format!("/attachments/{place}/number"), number, 1..=i32::MAX);
        }
        let is_new = seen.insert((body.document_id, body.number));
        checks.ensure(is_new, &format!("/attachments/{place}"), "repeated", "goes along already");
        checked.push(NewAttachment { document: body.document_id, number: body.number });
    }
    checked
}

/// Subject and text of a draft, which may still be empty.
pub(super) fn words(checks: &mut Checks, subject: &str, body: &str) -> (String, String) {
    let subject = checks.line("/subject", subject, 0..=SUBJECT_MAX).to_owned();
    (subject, checks.text("/body", body, 0..=BODY_MAX).to_owned())
}

/// The same of words that come out of a template.
pub(super) fn check_words(subject: &str, body: &str) -> Result<(), Problem> {
    let mut checks = Checks::default();
    words(&mut checks, subject, body);
    checks.done()
}

pub(super) fn values(checks: &mut Checks, values: BTreeMap<String, String>) -> BTreeMap<String, String> {
    checks.ensure(values.len() <= VALUES_MAX, "/values", "too_many", "50 values are the most");
    for (name, value) in values.iter().take(VALUES_MAX) {
        let is_name = (1..=FIELD_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        checks.ensure(
            is_name,
            "/values",
            "invalid_name",
            "fields have small letters, digits and underscores",
        );
        if is_name {
            checks.text(&format!("/values/{name}"), value, 0..=VALUE_MAX);
        }
    }
    values
}
