//! Deeds of acts: drafted by the office, read by the client too.

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::IntoResponse as _,
};
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::locked_by_office;
use crate::{
    audit::{self, Entry},
    documents::{check::Kind, orphans::content_key, publish::Stored, versions},
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        notary::told,
        paper::as_problem,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, ActTemplateId, DocumentId, UploadId},
    mail::Language,
    notary::{
        acts::act,
        deeds::{
            deed::{self, Deed},
            drafting::{self, DeedError, Wanted},
            rendering::Purpose,
        },
        templates::markup::{FIELDS_MAX, is_name},
    },
    pdf::Rendering as _,
};

/// Longest value of a field, in characters.
const VALUE_MAX: usize = 4000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, draft)).routes(routes!(show)).routes(routes!(content))
}

impl From<DeedError> for Problem {
    fn from(error: DeedError) -> Self {
        let detail = error.to_string();
        match error {
            DeedError::Final => Self::conflict("not_in_this_state", detail),
            DeedError::NoSuchTemplate => Self::rule("unknown_template", detail),
            DeedError::NoSuchFields(_) => Self::rule("unknown_fields", detail),
            DeedError::TooMany => Self::conflict("too_many_drafts", detail),
            DeedError::Changed => Self::conflict("changed_meanwhile", detail),
            DeedError::NoNotary => Self::conflict("no_notary", detail),
            DeedError::Markup(error) => Self::internal(error),
            DeedError::Db(error) => error.into(),
        }
    }
}

/// From what the next deed is drafted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDeed)]
struct New {
    /// A template of the office for this type of act; the active one if none is named, else the built-in text.
    template_id: Option<ActTemplateId>,
    /// The language of the built-in text; Italian if nothing is said.
    language: Option<Language>,
    /// Its title; that of the type of act if nothing is said.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// What fills the fields of the text that the act does not fill, 100 at most.
    #[serde(default)]
    values: BTreeMap<String, String>,
}

impl New {
    fn check(self) -> Result<Wanted, Problem> {
        let mut checks = Checks::default();
        let few = self.values.len() <= FIELDS_MAX;
        checks.ensure(few, "/values", "too_many", "a text has 100 different fields at most");
        let title = self.title.as_deref().map(|title| checks.line("/title", title, 1..=200).to_owned());
        let mut values = BTreeMap::new();
        for (name, value) in self.values.into_iter().take(FIELDS_MAX) {
            checks.ensure(is_name(&name), "/values", "invalid_name", "small letters, digits and _");
            let pointer = format!("/values/{}", crate::text::pointer_part(&name));
            let value = checks.text(&pointer, &value, 1..=VALUE_MAX).to_owned();
            values.insert(name, value);
        }
        checks.done()?;
        Ok(Wanted { template: self.template_id, language: self.language, title, values })
    }
}

/// Drafts the next deed of an act: its text as a PDF, from a template of the office. What nothing fills is named in `missing`
/// and stands in the text by its name. The newest deed is the one whose signature is asked for.
#[utoipa::path(post, path = "/acts/{id}/deeds", tag = "notary acts", security(("bearer" = [])), request_body = New,
    params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 201, description = "The deed", body = Deed),
        (status = 403, description = "`not_for_you`: this is for the office; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`not_in_this_state`: its signature was asked for; `too_many_drafts`; \
            `changed_meanwhile`: try again; `no_notary`"),
        (status = 422, description = "`unknown_template`, `unknown_fields`; or the body is wrong")))]
async fn draft(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    Keyed { body, request }: Keyed<New>,
) -> Answer {
    let now = state.clock.now();
    let wanted = body.check()?;
    let claim = request.claim(principal.user);
    // Planned, and looked for an answer that was given: without anything that waits for the press.
    let mut tx = state.db.begin("notary.deeds.plan").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    let plan = drafting::plan(&mut tx, &found, &wanted, now).await?;
    drop(tx);
    let document = plan.text.document(Purpose::Draft, now).map_err(Problem::internal)?;
    let pdf = state.renderer.render(document).await.map_err(as_problem)?;
    let document = DocumentId::new(now);
    let stored = store(&state, document, pdf).await?;
    let mut tx = state.db.begin("notary.deeds.draft").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let found = locked_by_office(&mut tx, &principal, id, now).await?;
    if drafting::plan(&mut tx, &found, &wanted, now).await? != plan {
        return Err(DeedError::Changed.into());
    }
    let made = drafting::keep(&mut tx, &found, (&plan, document, &stored), principal.user, now).await?;
    let details = json!({ "number": made.number, "document": document, "sha256": made.sha256 });
    let entry = Entry { details, ..told::entry(&state, (&principal, client), "act.draft_deed", ("act", id)) };
    audit::record(&mut tx, &[entry]).await?;
    let outcome = Outcome::created(format!("/api/v1/acts/{id}/deeds/{}", made.number), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Stores a PDF that was made here: no scanner has to look at it. Without a row it is an orphan.
async fn store(state: &AppState, document: DocumentId, pdf: Bytes) -> Result<Stored, Problem> {
    let object = content_key(UploadId(document.0), 0);
    let bytes = pdf.len() as u64;
    let content = stream::iter([Ok(pdf)]);
    let stored = state.contents.store(&object, bytes, false, content).await?;
    Ok(Stored { object, kind: Kind::Pdf, sha256: stored.sha256, kept: stored.kept, scanned_by: None })
}

/// Lists the deeds of an act, the newest first, for those who see it.
#[utoipa::path(get, path = "/acts/{id}/deeds", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"), PageParameters),
    responses((status = 200, description = "A page of deeds", body = Page<Deed>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ActId>,
    list: Listing<NoFilters, i32>,
) -> Answer {
    let reader = (&principal).into();
    let found = deed::list(&state.db, reader, id, list.after, list.fetch()).await?;
    if found.is_empty() && act::find(&state.db, reader, id).await?.is_none() {
        return Err(Problem::not_found("act"));
    }
    Ok(list.answer(found, |deed| deed.number, |deed| deed))
}

/// Shows a deed of an act to those who see it.
#[utoipa::path(get, path = "/acts/{id}/deeds/{number}", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"), ("number" = i32, Path, description = "The deed", minimum = 1)),
    responses((status = 200, description = "The deed", body = Deed)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path((id, number)): Path<(ActId, i32)>,
) -> Answer {
    let found = deed::find(&state.db, (&principal).into(), id, number).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("deed"))?).into_response())
}

/// Sends the PDF of a deed, to the client and to the office. Being an administrator is not enough.
#[utoipa::path(get, path = "/acts/{id}/deeds/{number}/content", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"), ("number" = i32, Path, description = "The deed", minimum = 1),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The PDF; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), (status = 416, description = "The file is shorter")))]
async fn content(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, number)): Path<(ActId, i32)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let file = deed::file_of(&state.db, (&principal).into(), id, number).await?;
    let document = file.ok_or_else(|| Problem::not_found("deed"))?;
    let content = versions::held(&state.db, document, 1).await?;
    let content = content.ok_or_else(|| Problem::not_found("deed"))?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let mut tx = state.db.begin("notary.deeds.read").await?;
        let details = json!({ "number": number });
        let entry =
            Entry { details, ..told::entry(&state, (&principal, client), "act.read_deed", ("act", id)) };
        audit::record(&mut tx, &[entry]).await?;
        Ok(tx.commit().await?)
    })
    .await
}
