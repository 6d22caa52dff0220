//! Templates of acts of one's office.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse as _,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{office::OfficeUser, told};
use crate::{
    audit::{self, Entry},
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::DocumentContent,
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        paper::as_problem,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ActTemplateId,
    mail::Language,
    notary::{
        deeds::rendering::{Purpose, Text},
        licence,
        templates::{
            fields::{Field, KNOWN},
            markup::{self, BYTES_MAX},
            template::{self, NewTemplate, Template, TemplateError, Wanted},
        },
        time::today,
    },
    pdf::Rendering as _,
};

/// Nobody keeps a preview.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PDF: HeaderValue = HeaderValue::from_static("application/pdf");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(known_fields))
        .routes(routes!(preview))
        .routes(routes!(show, remove))
        .routes(routes!(activate))
}

impl From<TemplateError> for Problem {
    fn from(error: TemplateError) -> Self {
        let detail = error.to_string();
        match error {
            TemplateError::NotPermitted => Self::forbidden("not_permitted", detail),
            TemplateError::NoSuchType => Self::rule("unknown_act_type", detail),
            TemplateError::TooMany => Self::conflict("too_many_versions", detail),
            TemplateError::Db(error) => error.into(),
        }
    }
}

/// A text that becomes the next version for a type of act, and the active one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewActTemplate)]
struct New {
    /// The type of act, of the catalogue.
    #[schema(min_length = 1, max_length = 50)]
    act_type: String,
    /// What the office calls it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// In which language it is; Italian if nothing is said.
    language: Option<Language>,
    /// The text, of 100 kB at most: `# heading`, `## heading`, paragraphs between empty lines, `- item`, `**bold**`, and
    /// fields `{{name}}`, of which 100 may differ.
    #[schema(min_length = 1, max_length = 100_000)]
    body: String,
}

/// A body as it is stored.
fn body(checks: &mut Checks, text: &str) -> String {
    let text = checks.text("/body", text, 1..=BYTES_MAX).to_owned();
    if let Err(error) = markup::parse(&text) {
        checks.fail("/body", "invalid_template", error.to_string());
    }
    text
}

impl New {
    fn check(self) -> Result<NewTemplate, Problem> {
        let mut checks = Checks::default();
        let new = NewTemplate {
            act_type: checks.line("/act_type", &self.act_type, 1..=50).to_owned(),
            name: checks.line("/name", &self.name, 1..=200).to_owned(),
            language: self.language.unwrap_or(Language::It),
            body: body(&mut checks, &self.body),
        };
        checks.done()?;
        Ok(new)
    }
}

/// Which templates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Those for this type of act: its versions.
    act_type: Option<String>,
    /// Only those that are active, or are not.
    is_active: Option<bool>,
}

/// Lists the templates of one's office with all their versions, the newest first, without their texts. Empty for who may not
/// manage them.
#[utoipa::path(get, path = "/notary/office/templates", tag = "notary templates", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of templates", body = Page<Template>),
        (status = 403, description = "`no_office`")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<Filters, ActTemplateId>,
) -> Answer {
    let Filters { ref act_type, is_active } = list.filters;
    let wanted = Wanted { act_type: act_type.clone(), is_active };
    let who = (office, principal.user);
    let found = template::list(&state.db, who, wanted, list.after, list.fetch()).await?;
    Ok(list.answer(found, |template| template.id, |template| template))
}

/// Writes the next version for a type of act; deeds are drafted from it from now on.
#[utoipa::path(post, path = "/notary/office/templates", tag = "notary templates", security(("bearer" = [])),
    request_body = New,
    responses((status = 201, description = "The template, active", body = Template),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`too_many_versions`"),
        (status = 422, description = "`unknown_act_type`; `invalid_template`: the text cannot be read; or the body is \
            wrong")))]
async fn create(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<New>,
) -> Answer {
    let now = state.clock.now();
    let new = body.check()?;
    let (claim, id) = (request.claim(principal.user), ActTemplateId::new(now));
    let mut tx = state.db.begin("notary.templates.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    licence::require(&mut tx, office, today(now)).await?;
    let made = template::create(&mut tx, (id, office, principal.user), &new, now).await?;
    let details = json!({ "act_type": made.act_type, "number": made.number });
    let object = ("act_template", id);
    let entry = Entry { details, ..told::entry(&state, (&principal, client), "act_template.create", object) };
    audit::record(&mut tx, &[entry]).await?;
    let outcome = Outcome::created(format!("/api/v1/notary/office/templates/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Shows a template with its text.
#[utoipa::path(get, path = "/notary/office/templates/{id}", tag = "notary templates", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 200, description = "The template", body = Template)))]
async fn show(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    Path(id): Path<ActTemplateId>,
) -> Answer {
    let found = template::find(&state.db, principal.user, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("template"))?).into_response())
}

/// Makes a version the one that deeds of its type of act are drafted from.
#[utoipa::path(put, path = "/notary/office/templates/{id}/activation", tag = "notary templates", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 200, description = "The template, active", body = Template),
        (status = 403, description = "`licence_expired`, `notary_inactive`")))]
async fn activate(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<ActTemplateId>,
) -> Answer {
    let who = (&principal, client);
    let changed = set_active(&state, who, (id, true, "act_template.activate")).await?;
    Ok(Json(changed).into_response())
}

/// Deactivates a template: without an active one, deeds of its type are drafted from the built-in text. It stays among the
/// versions, because deeds were drafted from it.
#[utoipa::path(delete, path = "/notary/office/templates/{id}", tag = "notary templates", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 204, description = "It is not active any more"),
        (status = 403, description = "`licence_expired`, `notary_inactive`")))]
async fn remove(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<ActTemplateId>,
) -> Answer {
    set_active(&state, (&principal, client), (id, false, "act_template.deactivate")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn set_active(
    state: &AppState,
    who: (&crate::accounts::policy::Principal, ClientAddress),
    (id, is_active, action): (ActTemplateId, bool, &'static str),
) -> Result<Template, Problem> {
    let missing = || Problem::not_found("template");
    let mut tx = state.db.begin("notary.templates.activate").await?;
    let place = template::place_of(&mut tx, (id, who.0.user)).await?;
    let (office, _) = place.ok_or_else(missing)?;
    licence::require(&mut tx, office, today(state.clock.now())).await?;
    let changed = template::activate(&mut tx, (id, who.0.user), is_active).await?.ok_or_else(missing)?;
    let details = json!({ "act_type": changed.act_type, "number": changed.number });
    let entry = Entry { details, ..told::entry(state, who, action, ("act_template", id)) };
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(changed)
}

/// The fields that are filled from the act.
#[derive(Serialize, ToSchema)]
#[schema(as = TemplateFields)]
struct KnownFields {
    /// Each with what it is.
    data: &'static [Field],
}

/// Lists the fields that are filled from the act. A template may have others, which are given when a deed is drafted.
#[utoipa::path(get, path = "/notary/template-fields", tag = "notary templates", security(("bearer" = [])),
    responses((status = 200, description = "The fields", body = KnownFields)))]
async fn known_fields(_: CurrentUser) -> Answer {
    Ok(Json(KnownFields { data: KNOWN }).into_response())
}

/// A text to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActTemplatePreview)]
struct Preview {
    /// The title.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    /// In which language it is; Italian if nothing is said.
    language: Option<Language>,
    /// The text, as of a template.
    #[schema(min_length = 1, max_length = 100_000)]
    body: String,
}

/// Shows what a text looks like as a PDF. Fields stand there by their names. Nothing is kept.
#[utoipa::path(post, path = "/notary/office/template-preview", tag = "notary templates", security(("bearer" = [])),
    request_body = Preview,
    responses((status = 200, description = "The PDF", body = inline(DocumentContent), content_type = "application/pdf"),
        (status = 403, description = "`no_office`"),
        (status = 422, description = "`invalid_template`: the text cannot be read; or the body is wrong")))]
async fn preview(State(state): State<AppState>, _: OfficeUser, Json(asked): Json<Preview>) -> Answer {
    let mut checks = Checks::default();
    let text = Text {
        title: checks.line("/title", &asked.title, 1..=200).to_owned(),
        language: asked.language.unwrap_or(Language::It),
        body: body(&mut checks, &asked.body),
        facts: BTreeMap::new(),
        given: BTreeMap::new(),
    };
    checks.done()?;
    let document = text.document(Purpose::Preview, state.clock.now()).map_err(Problem::internal)?;
    let pdf = state.renderer.render(document).await.map_err(as_problem)?;
    let headers = [(header::CONTENT_TYPE, PDF), (header::CACHE_CONTROL, NO_STORE)];
    Ok((headers, pdf).into_response())
}
