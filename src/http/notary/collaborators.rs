//! Who works in one's office, for its notary.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{checks::once, told::entry};
use crate::{
    accounts::users,
    actors::edge::limiter::{Class, Key},
    audit::{self, Entry},
    db::Tx,
    http::{
        auth::NotaryUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::UserId,
    jobs::notary::{Occasion, SendOfficeMail},
    notary::{
        collaborators::{self, Collaborator, InviteError},
        offices,
        staff::Permission,
        time::today,
    },
};

/// There are fewer permissions.
const PERMISSIONS_MAX: usize = 20;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, invite)).routes(routes!(show, change, remove))
}

fn etag(collaborator: &Collaborator) -> axum::http::HeaderValue {
    ETag::of_version(collaborator.version).header(Coding::Identity)
}

pub(super) fn tagged(collaborator: Collaborator) -> Response {
    ([(header::ETAG, etag(&collaborator))], Json(collaborator)).into_response()
}

/// Lists who works, or is invited to work, in one's office.
#[utoipa::path(get, path = "/notary/collaborators", tag = "notary", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of collaborators", body = Page<Collaborator>),
        (status = 403, description = "Only notaries may do this")))]
async fn list(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    list: Listing<NoFilters, UserId>,
) -> Answer {
    let found = collaborators::list(&state.db, principal.user, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.user_id, |it| it))
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InviteCollaborator)]
struct Invite {
    /// The verified address of an account with the role of a collaborator.
    #[schema(max_length = 254)]
    email: String,
    /// What the person is to do.
    #[serde(default)]
    #[schema(max_length = 100)]
    job_title: String,
    /// What the person may do for the office, once they have agreed. Who may manage the agenda or
    /// review documents sees the agenda; who manages acts sees the cases.
    #[serde(default)]
    #[schema(max_items = 5)]
    permissions: Vec<Permission>,
}

/// Invites somebody into one's office, who is told by mail. Addresses of nobody count against the quota of registering.
#[utoipa::path(post, path = "/notary/collaborators", tag = "notary", security(("bearer" = [])), request_body = Invite,
    responses((status = 201, description = "The collaborator, who has not agreed yet, with its ETag", body = Collaborator),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`: the office is read-only"),
        (status = 404, description = "There is no office yet"),
        (status = 409, description = "`already_invited`, `works_elsewhere`, `own_office`, `too_many_collaborators`"),
        (status = 422, description = "`unknown_collaborator`: no collaborator has verified this address, or the body is wrong")))]
async fn invite(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<Invite>,
) -> Answer {
    let now = state.clock.now();
    let mut checks = Checks::default();
    let email = checks.email("/email", &body.email);
    let job_title = checks.line("/job_title", &body.job_title, 0..=100);
    checks.at_most("/permissions", &body.permissions, PERMISSIONS_MAX);
    checks.done()?;
    let permissions = once(body.permissions);
    let claim = request.claim(principal.user);
    let mut tx = state.db.begin("notary.invite_collaborator").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let office = offices::lock(&mut tx, principal.user, today(now)).await?;
    let office = office.ok_or_else(|| Problem::not_found("office"))?;
    office.licence.status.valid()?;
    let user = person_of(&state, &mut tx, client, &email).await?;
    let user = user.ok_or_else(|| refused(InviteError::Nobody))?;
    let owner = (office.id, principal.user);
    let invited = collaborators::invite(&mut tx, owner, user, (job_title, &permissions), now);
    let invited = invited.await.map_err(refused)?;
    let told = entry(&state, (&principal, client), "collaborator.invite", ("office", office.id));
    let details = serde_json::json!({ "user": user, "permissions": permissions });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let mail = SendOfficeMail { user, notary: office.id, occasion: Occasion::CollaboratorInvited };
    state.jobs.enqueue(&mut tx, &mail).await?;
    let outcome = Outcome::created(format!("/api/v1/notary/collaborators/{user}"), &invited)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(&invited));
    Ok(response)
}

/// Whose an address is. Who asks for too many that belong to nobody is not answered any more.
pub(in crate::http) async fn person_of(
    state: &AppState,
    tx: &mut Tx,
    client: ClientAddress,
    email: &str,
) -> Result<Option<UserId>, Problem> {
    let address = Key::Address(client.key());
    if !state.limiter.is_enabled() {
        return Ok(users::of_proven_address(tx, email).await?);
    }
    if let Some(spent) = state.limiter.spent(Class::Register, address) {
        return Err(Problem::too_many(spent.retry_after.unwrap_or_default()));
    }
    let found = users::of_proven_address(tx, email).await?;
    if found.is_none() {
        state.limiter.check(Class::Register, address).await;
    }
    Ok(found)
}

fn refused(error: InviteError) -> Problem {
    let (code, detail) = (error.code(), error.to_string());
    match error {
        InviteError::Db(error) => error.into(),
        InviteError::Nobody => Problem::unprocessable(vec![FieldError::body("/email", code, detail)]),
        _ => Problem::conflict(code, detail),
    }
}

/// Shows one of those who work in one's office.
#[utoipa::path(get, path = "/notary/collaborators/{user}", tag = "notary", security(("bearer" = [])),
    params(("user" = uuid::Uuid, Path, description = "The collaborator's account")),
    responses((status = 200, description = "The collaborator, with its ETag", body = Collaborator),
        (status = 403, description = "Only notaries may do this")))]
async fn show(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    Path(user): Path<UserId>,
) -> Answer {
    let found = collaborators::find(&state.db, principal.user, user).await?;
    Ok(tagged(found.ok_or_else(|| Problem::not_found("collaborator"))?))
}

/// Changes to a collaborator; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeCollaborator)]
struct Change {
    /// What the person does.
    #[schema(max_length = 100)]
    job_title: Option<String>,
    /// What the person may do from now on.
    #[schema(max_items = 5)]
    permissions: Option<Vec<Permission>>,
}

/// Changes what somebody does and may do in one's office, from the next request on.
#[utoipa::path(patch, path = "/notary/collaborators/{user}", tag = "notary", security(("bearer" = [])),
    request_body = Change,
    params(("user" = uuid::Uuid, Path, description = "The collaborator's account"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed collaborator, with its ETag", body = Collaborator),
        (status = 403, description = "Only notaries may do this"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    Path(user): Path<UserId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let mut checks = Checks::default();
    let job_title = body.job_title.as_deref().map(|title| checks.line("/job_title", title, 0..=100));
    checks.at_most("/permissions", body.permissions.as_deref().unwrap_or_default(), PERMISSIONS_MAX);
    checks.done()?;
    let permissions = body.permissions.map(once);
    let had = collaborators::find(&state.db, principal.user, user).await?;
    let had = had.ok_or_else(|| Problem::not_found("collaborator"))?;
    if_match.check(&ETag::of_version(had.version))?;
    let mut tx = state.db.begin("notary.change_collaborator").await?;
    let (of, wanted) = ((user, had.version), (job_title, permissions.as_deref()));
    let changed = collaborators::change(&mut tx, principal.user, of, wanted, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&principal, client), "collaborator.change", ("office", changed.notary_id));
    let details =
        serde_json::json!({ "user": user, "permissions": changed.permissions, "had": had.permissions });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}

/// Removes somebody from one's office: from the next request on they may do nothing there.
#[utoipa::path(delete, path = "/notary/collaborators/{user}", tag = "notary", security(("bearer" = [])),
    params(("user" = uuid::Uuid, Path, description = "The collaborator's account")),
    responses((status = 204, description = "Removed"), (status = 403, description = "Only notaries may do this")))]
async fn remove(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    Path(user): Path<UserId>,
) -> Answer {
    let mut tx = state.db.begin("notary.remove_collaborator").await?;
    let office = collaborators::remove(&mut tx, principal.user, user).await?;
    let office = office.ok_or_else(|| Problem::not_found("collaborator"))?;
    let told = entry(&state, (&principal, client), "collaborator.remove", ("office", office));
    let details = serde_json::json!({ "user": user });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
