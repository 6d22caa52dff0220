//! Clinics, for administrators: made, given what they have paid for, and somebody who manages them.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::members::{self as staff, Invitation};
use crate::{
    audit::{self, Entry},
    clinic::{
        clinics::{self, Clinic, Content},
        members::{self, Member},
        staff::Permission,
        tiers::Tier,
    },
    http::{
        auth::AdminUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        notary::{
            checks::{email, line, two_letters},
            told::entry,
        },
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ClinicId, UserId},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(list_members))
        .routes(routes!(appoint))
}

pub(super) fn tagged(clinic: Clinic) -> Response {
    let etag = ETag::of_version(clinic.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(clinic)).into_response()
}

/// What is said of a clinic with its texts trimmed, or every field that is wrong.
pub(super) fn checked(content: Content) -> Result<Content, Problem> {
    let mut checks = Checks::default();
    let it = &mut checks;
    let checked = Content {
        name: it.line("/name", &content.name, 1..=200).to_owned(),
        street: line(it, "/street", content.street, 1..=200),
        city: it.line("/city", &content.city, 1..=100).to_owned(),
        province: content.province.map(|text| two_letters(it, "/province", &text)),
        phone: line(it, "/phone", content.phone, 5..=20),
        email: email(it, "/email", content.email),
    };
    checks.done()?;
    Ok(checked)
}

/// Lists clinics, newest first. For administrators.
#[utoipa::path(get, path = "/clinics", tag = "clinic", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of clinics", body = Page<Clinic>),
        (status = 403, description = "Only administrators may do this")))]
async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<NoFilters, ClinicId>) -> Answer {
    let found = clinics::list(&state.db, list.after, list.fetch()).await?;
    Ok(list.answer(found, |clinic| clinic.id, |clinic| clinic))
}

/// Makes a clinic. Nobody works there before somebody is appointed to manage it. For administrators.
#[utoipa::path(post, path = "/clinics", tag = "clinic", security(("bearer" = [])), request_body = Content,
    responses((status = 201, description = "The clinic, with its ETag", body = Clinic),
        (status = 403, description = "Only administrators may do this")))]
async fn create(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<Content>,
) -> Answer {
    let now = state.clock.now();
    let content = checked(body)?;
    let claim = request.claim(admin.user);
    let mut tx = state.db.begin("clinic.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let clinic = clinics::create(&mut tx, ClinicId::new(now), &content, now).await?;
    let told = entry(&state, (&admin, client), "clinic.create", ("clinic", clinic.id));
    audit::record(&mut tx, &[told]).await?;
    let outcome = Outcome::created(format!("/api/v1/clinics/{}", clinic.id), &clinic)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(clinic.version).header(Coding::Identity));
    Ok(response)
}

/// Shows a clinic. For administrators.
#[utoipa::path(get, path = "/clinics/{id}", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The clinic")),
    responses((status = 200, description = "The clinic, with its ETag", body = Clinic),
        (status = 403, description = "Only administrators may do this")))]
async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<ClinicId>) -> Answer {
    Ok(tagged(clinics::find(&state.db, id).await?.ok_or_else(|| Problem::not_found("clinic"))?))
}

/// What a clinic has paid for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeClinicTier {
    /// From the next request on: of all keys of its members together, so many requests an hour.
    tier: Tier,
}

/// Gives a clinic what it has paid for. For administrators.
#[utoipa::path(patch, path = "/clinics/{id}", tag = "clinic", security(("bearer" = [])),
    request_body = ChangeClinicTier,
    params(("id" = uuid::Uuid, Path, description = "The clinic"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The clinic, with its ETag", body = Clinic),
        (status = 403, description = "Only administrators may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Path(id): Path<ClinicId>,
    if_match: IfMatch,
    Json(body): Json<ChangeClinicTier>,
) -> Answer {
    let mut tx = state.db.begin("clinic.set_tier").await?;
    let locked = clinics::lock(&mut tx, id).await?.ok_or_else(|| Problem::not_found("clinic"))?;
    if_match.check(&ETag::of_version(locked.version))?;
    let changed = clinics::set_tier(&mut tx, id, body.tier, state.clock.now()).await?;
    let told = entry(&state, (&admin, client), "clinic.set_tier", ("clinic", id));
    let details = serde_json::json!({ "tier": changed.tier, "had": locked.tier });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}

/// Lists who works, or is invited to work, in a clinic. For administrators.
#[utoipa::path(get, path = "/clinics/{id}/members", tag = "clinic", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The clinic"), PageParameters),
    responses((status = 200, description = "A page of members", body = Page<Member>),
        (status = 403, description = "Only administrators may do this")))]
async fn list_members(
    State(state): State<AppState>,
    _: AdminUser,
    Path(id): Path<ClinicId>,
    list: Listing<NoFilters, UserId>,
) -> Answer {
    clinics::find(&state.db, id).await?.ok_or_else(|| Problem::not_found("clinic"))?;
    let found = members::of_clinic(&state.db, id, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.user_id, |it| it))
}

/// Somebody who is to manage a clinic.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AppointManager {
    /// The verified address of an account with the role of staff.
    #[schema(max_length = 254)]
    email: String,
}

/// Invites somebody to manage a clinic, who is told by mail. For administrators.
#[utoipa::path(post, path = "/clinics/{id}/managers", tag = "clinic", security(("bearer" = [])),
    request_body = AppointManager, params(("id" = uuid::Uuid, Path, description = "The clinic")),
    responses((status = 201, description = "The member, who has not agreed yet, with its ETag", body = Member),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`already_invited`, `works_elsewhere`, `too_many_members`"),
        (status = 422, description = "`unknown_member`: nobody with the role of staff has verified this address")))]
async fn appoint(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Path(id): Path<ClinicId>,
    Keyed { body, request }: Keyed<AppointManager>,
) -> Answer {
    let now: Timestamp = state.clock.now();
    let mut checks = Checks::default();
    let email = checks.email("/email", &body.email);
    checks.done()?;
    let claim = request.claim(admin.user);
    let mut tx = state.db.begin("clinic.appoint").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let locked = clinics::lock(&mut tx, id).await?.ok_or_else(|| Problem::not_found("clinic"))?;
    let invitation = Invitation { email, job_title: "", permissions: &[Permission::ManageMembers] };
    let invited = staff::invited(&state, &mut tx, (&admin, client), locked.id, &invitation).await?;
    let outcome = Outcome::created(format!("/api/v1/clinics/{id}/members"), &invited)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(staff::created(outcome, &invited))
}
