//! Templates of certified mails of one's office.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{etag, record};
use crate::{
    db::Tx,
    http::{
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{MailTemplateId, UserId},
    notary::{
        certified_mail::{
            message::{BODY_MAX, SUBJECT_MAX},
            templates::{self, Content, Template, fields},
        },
        licence,
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

const fn yes() -> bool {
    true
}

/// What a template says. Fields are `{{name}}`; known are `office_name`, `notary_name` and `today`, about an act also `client_name`,
/// `act_title`, `act_type`, and once it is signed `protocol_number` and `signed_on`. Others are given when a mail is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CertifiedMailTemplateContent)]
struct Says {
    /// What it is called; once in an office.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// When it is used.
    #[serde(default)]
    #[schema(max_length = 1000)]
    description: String,
    /// The subject.
    #[schema(min_length = 1, max_length = 500)]
    subject: String,
    /// The text.
    #[schema(min_length = 1, max_length = 50000)]
    body: String,
    /// Whether mails are written with it; so it is if nothing is said.
    #[serde(default = "yes")]
    is_active: bool,
}

impl Says {
    fn check(self) -> Result<Content, Problem> {
        let mut checks = Checks::default();
        let content = Content {
            name: checks.line("/name", &self.name, 1..=200).to_owned(),
            description: checks.text("/description", &self.description, 0..=1000).to_owned(),
            subject: checks.line("/subject", &self.subject, 1..=SUBJECT_MAX).to_owned(),
            body: checks.text("/body", &self.body, 1..=BODY_MAX).to_owned(),
            is_active: self.is_active,
        };
        for (pointer, text) in [("/subject", &content.subject), ("/body", &content.body)] {
            if let Err(error) = fields(text) {
                checks.fail(pointer, "invalid_field", error.to_string());
            }
        }
        checks.done()?;
        Ok(content)
    }
}

fn tagged(template: &Template) -> Response {
    ([(header::ETAG, etag(template.version))], Json(template)).into_response()
}

async fn locked(tx: &mut Tx, who: UserId, id: MailTemplateId) -> Result<Template, Problem> {
    templates::lock(tx, who, id).await?.ok_or_else(|| Problem::not_found("template"))
}

/// Lists the templates of certified mails of one's office, by name. Empty for who may not send certified mail.
#[utoipa::path(get, path = "/certified-mail-templates", tag = "notary certified mail", security(("bearer" = [])),
    params(PageParameters),
    responses((status = 200, description = "A page of templates", body = Page<Template>),
        (status = 403, description = "`no_office`")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<NoFilters, String>,
) -> Answer {
    let after = list.after.clone();
    let found = templates::list(&state.db, (office, principal.user), after, list.fetch()).await?;
    Ok(list.answer(found, |template| template.name.clone(), |template| template))
}

/// Makes a template of certified mails for one's office.
#[utoipa::path(post, path = "/certified-mail-templates", tag = "notary certified mail", security(("bearer" = [])),
    request_body = Says,
    responses((status = 201, description = "The template, with its ETag", body = Template),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`name_taken`, `too_many_templates`")))]
async fn create(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<Says>,
) -> Answer {
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let content = body.check()?;
    let id = MailTemplateId::new(now);
    let mut tx = state.db.begin("notary.mail_templates.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    licence::require(&mut tx, office, today(now)).await?;
    templates::create(&mut tx, (id, office, principal.user), &content, now).await?;
    let made = locked(&mut tx, principal.user, id).await?;
    let (whom, what) = ((&principal, client), ("certified_mail_template", id));
    record(&state, &mut tx, whom, "certified_mail_template.create", what, serde_json::json!({})).await?;
    let outcome = Outcome::created(format!("/api/v1/certified-mail-templates/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(made.version));
    Ok(response)
}

/// Shows a template of one's office.
#[utoipa::path(get, path = "/certified-mail-templates/{id}", tag = "notary certified mail", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 200, description = "The template, with its ETag", body = Template),
        (status = 403, description = "`no_office`")))]
async fn show(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    Path(id): Path<MailTemplateId>,
) -> Answer {
    let found = templates::find(&state.db, principal.user, id).await?;
    Ok(tagged(&found.ok_or_else(|| Problem::not_found("template"))?))
}

/// Replaces what a template of one's office says. Mails that were written with it stay as they are.
#[utoipa::path(put, path = "/certified-mail-templates/{id}", tag = "notary certified mail", security(("bearer" = [])),
    request_body = Says,
    params(("id" = uuid::Uuid, Path, description = "The template"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed template, with its ETag", body = Template),
        (status = 403, description = "`no_office`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`name_taken`"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<MailTemplateId>,
    if_match: IfMatch,
    Json(body): Json<Says>,
) -> Answer {
    let now = state.clock.now();
    let content = body.check()?;
    let mut tx = state.db.begin("notary.mail_templates.change").await?;
    let found = locked(&mut tx, principal.user, id).await?;
    licence::require(&mut tx, office, today(now)).await?;
    if_match.check(&ETag::of_version(found.version))?;
    templates::change(&mut tx, id, &content, now).await?;
    let (whom, what) = ((&principal, client), ("certified_mail_template", id));
    record(&state, &mut tx, whom, "certified_mail_template.change", what, serde_json::json!({})).await?;
    let changed = locked(&mut tx, principal.user, id).await?;
    tx.commit().await?;
    Ok(tagged(&changed))
}

/// Removes a template of one's office. Mails that were written with it stay as they are.
#[utoipa::path(delete, path = "/certified-mail-templates/{id}", tag = "notary certified mail", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 204, description = "Removed"),
        (status = 403, description = "`no_office`; `licence_expired`, `notary_inactive`")))]
async fn remove(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<MailTemplateId>,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("notary.mail_templates.remove").await?;
    locked(&mut tx, principal.user, id).await?;
    licence::require(&mut tx, office, today(now)).await?;
    templates::remove(&mut tx, id).await?;
    let (whom, what) = ((&principal, client), ("certified_mail_template", id));
    record(&state, &mut tx, whom, "certified_mail_template.remove", what, serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
