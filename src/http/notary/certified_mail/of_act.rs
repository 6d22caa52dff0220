//! The signed deed of an act by certified mail, in one step: written with all that is known, and put into the queue.

use std::collections::BTreeMap;

use axum::{extract::State, http::header, response::IntoResponse as _};
use minijinja::context;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    bodies::{RecipientBody, check_words, recipients, values},
    refused::{etag, locked, record},
};
use crate::{
    http::{
        client::ClientAddress,
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, CertifiedMailId, MailTemplateId},
    jobs::notary::SendCertifiedMail,
    mail::{Text, render},
    notary::{
        certified_mail::{
            attachments::NewAttachment,
            deed::{self, Deed},
            drafts::{self, NewMail, NewRecipient, Words},
            message::{CertifiedMail, RecipientKind},
            provider::CertifiedMailProvider as _,
            transitions::{self, CertifiedMailError, Sender},
        },
        rules::machine::certified_mail::Event,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(send))
}

/// How the deed is to be sent; everything may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDeedMail)]
struct New {
    /// A template of the office for subject and text; if none is named the usual words, in the client's language.
    template_id: Option<MailTemplateId>,
    /// Values for fields of the template besides the known ones.
    #[serde(default)]
    values: BTreeMap<String, String>,
    /// To whom it goes; to the client's address of certified mail if nothing is said.
    #[schema(max_items = 50)]
    recipients: Option<Vec<RecipientBody>>,
}

/// What was checked of [`New`].
struct Wanted {
    template: Option<(MailTemplateId, BTreeMap<String, String>)>,
    recipients: Option<Vec<NewRecipient>>,
}

impl New {
    fn check(self) -> Result<Wanted, Problem> {
        let mut checks = Checks::default();
        let given = values(&mut checks, self.values);
        let detail = "values are for templates";
        checks.ensure(self.template_id.is_some() || given.is_empty(), "/values", "not_allowed", detail);
        let recipients = self.recipients.as_deref().map(|bodies| recipients(&mut checks, bodies));
        checks.done()?;
        Ok(Wanted { template: self.template_id.map(|template| (template, given)), recipients })
    }
}

impl Wanted {
    /// The mail that takes a deed to its client.
    fn mail_of(self, act: ActId, deed: &Deed) -> Result<NewMail, Problem> {
        let words = if let Some((template, given)) = self.template {
            Words::Template(template, given)
        } else {
            let Deed { client_name, office_name, title, protocol_number, .. } = deed;
            let values = context! { name => client_name, office => office_name, act => title, number => protocol_number };
            let words = render(Text::DeedSent, deed.language, ("", ""), values, String::new());
            let words = words.map_err(Problem::internal)?;
            Words::Own { subject: words.subject, body: words.text.trim().to_owned() }
        };
        let recipients = if let Some(named) = self.recipients {
            named
        } else {
            let address = deed.certified_address.clone().ok_or(CertifiedMailError::NoAddress)?;
            vec![NewRecipient { kind: RecipientKind::To, address, name: deed.client_name.clone() }]
        };
        let attachments = vec![NewAttachment { document: deed.document, number: Some(deed.number) }];
        Ok(NewMail { act: Some(act), words, recipients, attachments })
    }
}

/// Sends the signed deed of an act of one's office by certified mail: writes the mail and puts it into the queue, both or
/// neither. When the provider has taken it, the act is `sent`. An office without a valid licence may do so, too.
#[utoipa::path(post, path = "/acts/{id}/certified-mail", tag = "notary certified mail", security(("bearer" = [])),
    request_body = New,
    params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 201, description = "The certified mail, in the queue, with its ETag", body = CertifiedMail),
        (status = 403, description = "`no_office`; `not_permitted`"),
        (status = 409, description = "`not_signed`: the act has no signed deed, or was annulled; `no_certified_address`: the client \
            has none, and nobody is named; `incomplete`: nobody is named in the field `to`; `no_blind_copies`; `too_many_drafts`"),
        (status = 422, description = "`unknown_template`, `fields_without_value`; or the body is wrong")))]
async fn send(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Path(act): Path<ActId>,
    Keyed { body, request }: Keyed<New>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let wanted = body.check()?;
    let id = CertifiedMailId::new(now);
    let mut tx = state.db.begin("notary.certified_mail.send_deed").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let found = deed::of(&mut tx, (office, principal.user), act).await.map_err(|error| match error {
        CertifiedMailError::NoSuchAct => Problem::not_found("act"),
        other => other.into(),
    })?;
    deed::require_licence(&mut tx, (office, Some(act)), today(now)).await?;
    let new = wanted.mail_of(act, &found)?;
    drafts::create(&mut tx, (id, office, principal.user), &new, check_words, now).await?;
    let written = locked(&mut tx, &principal, id).await?;
    let sender = Sender { domain: &state.config.certified_mail.domain, hides: state.certified.hides() };
    let sending =
        transitions::enqueue(&mut tx, &written, Event::Enqueue, sender, principal.user, now).await?;
    state.jobs.enqueue(&mut tx, &SendCertifiedMail { mail: id, sending }).await?;
    let details = serde_json::json!({ "act": act, "recipients": written.recipients.len() });
    let whom = (&principal, client);
    record(&state, &mut tx, whom, "certified_mail.send_deed", ("certified_mail", id), details).await?;
    let queued = locked(&mut tx, &principal, id).await?;
    let outcome = Outcome::created(format!("/api/v1/certified-mail/{id}"), &queued)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(queued.version));
    Ok(response)
}
