//! Drafts of certified mails: written, changed, thrown away.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    bodies::{AttachmentBody, RecipientBody, attachments, check_words, recipients, values, words},
    refused::{etag, locked, locked_by_office, record, tagged},
};
use crate::{
    http::{
        accounts::present,
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, CertifiedMailId, MailTemplateId},
    notary::{
        certified_mail::{
            deed,
            drafts::{self, Changes, NewMail, Words},
            message::CertifiedMail,
        },
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(change, remove))
}

/// A certified mail to be written, by hand or with a template of the office.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCertifiedMail)]
struct New {
    /// The act it is about: when its provider takes the mail, a signed act is `sent`.
    act_id: Option<ActId>,
    /// A template of the office, instead of `subject` and `body`.
    template_id: Option<MailTemplateId>,
    /// Values for fields of the template besides the known ones.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// The subject.
    #[schema(max_length = 500)]
    subject: Option<String>,
    /// The text.
    #[schema(max_length = 50000)]
    body: Option<String>,
    /// To whom it goes.
    #[serde(default)]
    #[schema(max_items = 50)]
    recipients: Vec<RecipientBody>,
    /// What goes along.
    #[serde(default)]
    #[schema(max_items = 20)]
    attachments: Vec<AttachmentBody>,
}

impl New {
    fn check(self) -> Result<NewMail, Problem> {
        let mut checks = Checks::default();
        let given = values(&mut checks, self.values);
        let is_own = self.subject.is_some() || self.body.is_some();
        let words = if let Some(template) = self.template_id {
            checks.ensure(!is_own, "/subject", "not_allowed", "subject and text are the template's");
            Words::Template(template, given)
        } else {
            checks.ensure(given.is_empty(), "/values", "not_allowed", "values are for templates");
            let (subject, body) = (self.subject.unwrap_or_default(), self.body.unwrap_or_default());
            let (subject, body) = words(&mut checks, &subject, &body);
            Words::Own { subject, body }
        };
        let recipients = recipients(&mut checks, &self.recipients);
        let attachments = attachments(&mut checks, &self.attachments);
        checks.done()?;
        Ok(NewMail { act: self.act_id, words, recipients, attachments })
    }
}

/// Writes a draft of a certified mail for one's office. Nothing is sent before it is put into the queue. Without a
/// valid licence only mails about signed acts are written.
#[utoipa::path(post, path = "/certified-mail", tag = "notary certified mail", security(("bearer" = [])), request_body = New,
    responses((status = 201, description = "The draft, with its ETag", body = CertifiedMail),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`too_many_drafts`"),
        (status = 422, description = "`unknown_act`, `unknown_template`, `unknown_document`; `fields_without_value`: of the template; \
            or the body is wrong")))]
async fn create(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<New>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let new = body.check()?;
    let id = CertifiedMailId::new(now);
    let mut tx = state.db.begin("notary.certified_mail.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    deed::require_licence(&mut tx, (office, new.act), today(now)).await?;
    drafts::create(&mut tx, (id, office, principal.user), &new, check_words, now).await?;
    let made = locked(&mut tx, &principal, id).await?;
    let details = serde_json::json!({ "act": made.act_id, "recipients": made.recipients.len() });
    let whom = (&principal, client);
    record(&state, &mut tx, whom, "certified_mail.create", ("certified_mail", id), details).await?;
    let outcome = Outcome::created(format!("/api/v1/certified-mail/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(made.version));
    Ok(response)
}

/// Changes to a draft; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeCertifiedMail)]
struct Change {
    /// The subject.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 500, nullable = false)]
    subject: Option<String>,
    /// The text.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_length = 50000, nullable = false)]
    body: Option<String>,
    /// To whom it goes: all of them.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 50, nullable = false)]
    recipients: Option<Vec<RecipientBody>>,
    /// What goes along: all of it.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 20, nullable = false)]
    attachments: Option<Vec<AttachmentBody>>,
}

impl Change {
    fn check(self) -> Result<Changes, Problem> {
        let mut checks = Checks::default();
        let subject = self.subject.map(|subject| words(&mut checks, &subject, "").0);
        let body = self.body.map(|body| words(&mut checks, "", &body).1);
        let recipients = self.recipients.map(|bodies| recipients(&mut checks, &bodies));
        let attachments = self.attachments.map(|bodies| attachments(&mut checks, &bodies));
        checks.done()?;
        Ok(Changes { subject, body, recipients, attachments })
    }
}

/// Changes a draft of one's office.
#[utoipa::path(patch, path = "/certified-mail/{id}", tag = "notary certified mail", security(("bearer" = [])),
    request_body = Change,
    params(("id" = uuid::Uuid, Path, description = "The certified mail"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed draft, with its ETag", body = CertifiedMail),
        (status = 403, description = "`not_for_you`: this is for the office; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`: it is in the queue, or was sent"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<CertifiedMailId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let now = state.clock.now();
    let changes = body.check()?;
    let mut tx = state.db.begin("notary.certified_mail.change").await?;
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    if_match.check(&ETag::of_version(found.version))?;
    drafts::change(&mut tx, &found, &changes, principal.user, now).await?;
    let (whom, what) = ((&principal, client), ("certified_mail", id));
    record(&state, &mut tx, whom, "certified_mail.change", what, serde_json::json!({})).await?;
    let changed = locked(&mut tx, &principal, id).await?;
    tx.commit().await?;
    Ok(tagged(&changed))
}

/// Throws a draft of one's office away.
#[utoipa::path(delete, path = "/certified-mail/{id}", tag = "notary certified mail", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The certified mail"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Removed"),
        (status = 403, description = "`not_for_you`: this is for the office; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`: it is no draft"),
        (status = 412, description = "It was changed meanwhile")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<CertifiedMailId>,
    if_match: IfMatch,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("notary.certified_mail.remove").await?;
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    if if_match.0.is_some() {
        if_match.check(&ETag::of_version(found.version))?;
    }
    drafts::remove(&mut tx, &found).await?;
    let (whom, what) = ((&principal, client), ("certified_mail", id));
    record(&state, &mut tx, whom, "certified_mail.remove", what, serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
