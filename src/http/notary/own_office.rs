//! The office where one works: made and edited by its notary, seen by its collaborators, too.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    office::OfficeUser,
    office_checks::{checked, checked_services},
    told::entry,
};
use crate::{
    actors::data::cache::Tag,
    audit::{self, Entry},
    http::{
        auth::NotaryUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::Json,
        idempotency::{self, Keyed, Outcome},
        merge_patch::MergePatch,
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    ids::{NotaryId, NotaryServiceId},
    notary::{
        offices::{self, Content, CreateError, NewService, Office},
        time::today,
    },
};

const PATH: &str = "/api/v1/notary/office";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, show, change)).routes(routes!(replace_services))
}

fn tagged(office: Office) -> Response {
    let etag = ETag::of_version(office.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(office)).into_response()
}

fn refused(error: CreateError) -> Problem {
    match error {
        CreateError::HasOne => Problem::conflict("has_office", error.to_string()),
        CreateError::Taken(field) => {
            let detail = error.to_string();
            let field = FieldError::body(format!("/{field}"), "taken", detail.clone());
            Problem::conflict("taken", detail).with_errors(vec![field])
        }
        CreateError::Db(error) => error.into(),
    }
}

/// After the commit of what changes what others see of an office.
pub(super) fn outdated(state: &AppState, id: NotaryId) {
    state.pages.invalidate(&[Tag::Notary(id), Tag::Notaries]);
}

/// Makes one's office. Nobody finds it before an administrator has verified it.
#[utoipa::path(post, path = "/notary/office", tag = "notary", security(("bearer" = [])), request_body = Content,
    responses((status = 201, description = "The office, with its ETag", body = Office),
        (status = 403, description = "Only notaries may do this"),
        (status = 409, description = "`has_office`: there is one already; `taken`: another office has this number or address")))]
async fn create(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<Content>,
) -> Answer {
    let now = state.clock.now();
    let today = today(now);
    let content = checked(body, today)?;
    let claim = request.claim(principal.user);
    let mut tx = state.db.begin("notary.create_office").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let ids = (NotaryId::new(now), principal.user);
    let office = offices::create(&mut tx, ids, &content, (today, now)).await.map_err(refused)?;
    let told = entry(&state, (&principal, client), "office.create", ("office", office.id));
    audit::record(&mut tx, &[told]).await?;
    let outcome = Outcome::created(PATH, &office)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(office.version).header(Coding::Identity));
    Ok(response)
}

/// Shows the office where one works, as its notary or as a collaborator who has agreed.
#[utoipa::path(get, path = "/notary/office", tag = "notary", security(("bearer" = [])),
    responses((status = 200, description = "The office, with its ETag", body = Office),
        (status = 403, description = "`no_office`: one works in none")))]
async fn show(State(state): State<AppState>, who: OfficeUser) -> Answer {
    let office = offices::find(&state.db, who.principal.user, today(state.clock.now())).await?;
    Ok(tagged(office.ok_or_else(|| Problem::not_found("office"))?))
}

/// Changes to an office: a JSON merge patch (RFC 7396). What is left out stays; `null` removes what is optional.
struct ChangeOffice;

impl PartialSchema for ChangeOffice {
    fn schema() -> RefOr<Schema> {
        let mut schema = Content::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description =
                Some("What is left out stays; `null` removes what is optional (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeOffice {}

/// Changes one's office. Who changes names, roll number, district or tax numbers is verified anew.
#[utoipa::path(patch, path = "/notary/office", tag = "notary", security(("bearer" = [])),
    request_body(content((ChangeOffice = "application/merge-patch+json"), (ChangeOffice = "application/json"))),
    params(("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed office, with its ETag", body = Office),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`: it is read-only"),
        (status = 404, description = "There is no office yet"),
        (status = 409, description = "`taken`: another office has this number or address"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let now = state.clock.now();
    let today = today(now);
    let mut tx = state.db.begin("notary.change_office").await?;
    let locked = offices::lock(&mut tx, principal.user, today).await?;
    let locked = locked.ok_or_else(|| Problem::not_found("office"))?;
    if_match.check(&ETag::of_version(locked.version))?;
    locked.licence.status.valid()?;
    let content = checked(patch.apply(&locked.content)?, today)?;
    let office = offices::change(&mut tx, &locked, &content, (today, now)).await.map_err(refused)?;
    let told = entry(&state, (&principal, client), "office.change", ("office", office.id));
    let details = serde_json::json!({ "verified": office.is_verified, "was_verified": locked.is_verified });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, office.id);
    Ok(tagged(office))
}

/// Everything that an office offers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceServices {
    /// In the order in which they are shown.
    #[schema(max_items = 50)]
    services: Vec<NewService>,
}

/// Replaces all services of one's office.
#[utoipa::path(put, path = "/notary/office/services", tag = "notary", security(("bearer" = [])),
    request_body = ReplaceServices,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the office that was read; without it 428")),
    responses((status = 200, description = "The office with these services, and its ETag", body = Office),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`: it is read-only"),
        (status = 404, description = "There is no office yet"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn replace_services(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    if_match: IfMatch,
    Json(body): Json<ReplaceServices>,
) -> Answer {
    let now = state.clock.now();
    let today = today(now);
    let services: Vec<_> =
        checked_services(body.services)?.into_iter().map(|it| (NotaryServiceId::new(now), it)).collect();
    let mut tx = state.db.begin("notary.replace_services").await?;
    let locked = offices::lock(&mut tx, principal.user, today).await?;
    let locked = locked.ok_or_else(|| Problem::not_found("office"))?;
    if_match.check(&ETag::of_version(locked.version))?;
    locked.licence.status.valid()?;
    offices::replace(&mut tx, locked.id, &services).await?;
    // The office has another version now, and shows them.
    let office = offices::change(&mut tx, &locked, &locked.content, (today, now)).await.map_err(refused)?;
    let told = entry(&state, (&principal, client), "office.replace_services", ("office", office.id));
    let details = serde_json::json!({ "services": services.len(), "had": locked.services.len() });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, office.id);
    Ok(tagged(office))
}
