//! Who works in one's clinic, for who manages it.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::member::Clinician;
use crate::{
    accounts::policy::Principal,
    audit::{self, Entry},
    clinic::{
        clinics,
        members::{self, ChangeError, InviteError, Member},
        staff::Permission,
    },
    db::Tx,
    http::{
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        notary::{checks::once, collaborators::person_of, told::entry},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ClinicId, UserId},
    jobs::clinic::SendClinicMail,
};

/// There are fewer permissions.
const PERMISSIONS_MAX: usize = 20;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, invite)).routes(routes!(show, change, remove))
}

fn etag(member: &Member) -> header::HeaderValue {
    ETag::of_version(member.version).header(Coding::Identity)
}

pub(super) fn tagged(member: Member) -> Response {
    ([(header::ETAG, etag(&member))], Json(member)).into_response()
}

/// The answer to an invitation.
pub(super) fn created(outcome: Outcome, member: &Member) -> Response {
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, etag(member));
    response
}

/// Somebody to be invited.
pub(super) struct Invitation<'a> {
    pub(super) email: String,
    pub(super) job_title: &'a str,
    pub(super) permissions: &'a [Permission],
}

/// Invites somebody into a locked clinic, and has them told by mail.
pub(super) async fn invited(
    state: &AppState,
    tx: &mut Tx,
    (principal, client): (&Principal, ClientAddress),
    clinic: ClinicId,
    invitation: &Invitation<'_>,
) -> Result<Member, Problem> {
    let Invitation { email, job_title, permissions } = invitation;
    let user = person_of(state, tx, client, email).await?;
    let user = user.ok_or_else(|| refused(InviteError::Nobody))?;
    let invited = members::invite(tx, clinic, user, (job_title, permissions), state.clock.now()).await;
    let invited = invited.map_err(refused)?;
    let told = entry(state, (principal, client), "clinic_member.invite", ("clinic", clinic));
    let details = serde_json::json!({ "user": user, "permissions": permissions });
    audit::record(tx, &[Entry { details, ..told }]).await?;
    state.jobs.enqueue(tx, &SendClinicMail { user, clinic }).await?;
    Ok(invited)
}

fn refused(error: InviteError) -> Problem {
    let (code, detail) = (error.code(), error.to_string());
    match error {
        InviteError::Db(error) => error.into(),
        InviteError::Nobody => Problem::unprocessable(vec![FieldError::body("/email", code, detail)]),
        _ => Problem::conflict(code, detail),
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::LastManager => Self::conflict("last_manager", error.to_string()),
            ChangeError::Db(error) => error.into(),
        }
    }
}

/// Lists who works, or is invited to work, in the clinic that one manages.
#[utoipa::path(get, path = "/clinic/members", tag = "clinic", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of members", body = Page<Member>),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it")))]
async fn list(State(state): State<AppState>, who: Clinician, list: Listing<NoFilters, UserId>) -> Answer {
    who.need(Permission::ManageMembers)?;
    let found = members::list(&state.db, who.principal.user, list.after, list.fetch()).await?;
    Ok(list.answer(found, |it| it.user_id, |it| it))
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InviteMember {
    /// The verified address of an account with the role of staff.
    #[schema(max_length = 254)]
    email: String,
    /// What the person is to do.
    #[serde(default)]
    #[schema(max_length = 100)]
    job_title: String,
    /// What the person may do there, once they have agreed; without any they see the clinic and no patient.
    #[serde(default)]
    #[schema(max_items = 20)]
    permissions: Vec<Permission>,
}

/// Invites somebody into the clinic that one manages, who is told by mail. Addresses of nobody count against the quota of
/// registering.
#[utoipa::path(post, path = "/clinic/members", tag = "clinic", security(("bearer" = [])), request_body = InviteMember,
    responses((status = 201, description = "The member, who has not agreed yet, with its ETag", body = Member),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it"),
        (status = 409, description = "`already_invited`, `works_elsewhere`, `too_many_members`"),
        (status = 422, description = "`unknown_member`: nobody with the role of staff has verified this address, or the body is wrong")))]
async fn invite(
    State(state): State<AppState>,
    who: Clinician,
    Keyed { body, request }: Keyed<InviteMember>,
) -> Answer {
    who.need(Permission::ManageMembers)?;
    let now = state.clock.now();
    let mut checks = Checks::default();
    let email = checks.email("/email", &body.email);
    let job_title = checks.line("/job_title", &body.job_title, 0..=100);
    checks.at_most("/permissions", &body.permissions, PERMISSIONS_MAX);
    checks.done()?;
    let permissions = once(body.permissions);
    let claim = request.claim(who.principal.user);
    let mut tx = state.db.begin("clinic.invite_member").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let clinic = managed(&mut tx, &who).await?;
    let invitation = Invitation { email, job_title, permissions: &permissions };
    let by = (&who.principal, who.client);
    let invited = invited(&state, &mut tx, by, clinic, &invitation).await?;
    let outcome = Outcome::created(format!("/api/v1/clinic/members/{}", invited.user_id), &invited)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(created(outcome, &invited))
}

/// The clinic that somebody manages, locked.
async fn managed(tx: &mut Tx, who: &Clinician) -> Result<ClinicId, Problem> {
    let locked = clinics::lock_managed(tx, who.principal.user).await?;
    Ok(locked.ok_or_else(|| Problem::not_found("clinic"))?.id)
}

/// Shows one of those who work in the clinic that one manages.
#[utoipa::path(get, path = "/clinic/members/{user}", tag = "clinic", security(("bearer" = [])),
    params(("user" = uuid::Uuid, Path, description = "The member's account")),
    responses((status = 200, description = "The member, with its ETag", body = Member),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it")))]
async fn show(State(state): State<AppState>, who: Clinician, Path(user): Path<UserId>) -> Answer {
    who.need(Permission::ManageMembers)?;
    let found = members::find(&state.db, who.principal.user, user).await?;
    Ok(tagged(found.ok_or_else(|| Problem::not_found("member"))?))
}

/// Changes to a member; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMember {
    /// What the person does.
    #[schema(max_length = 100)]
    job_title: Option<String>,
    /// What the person may do from now on.
    #[schema(max_items = 20)]
    permissions: Option<Vec<Permission>>,
}

/// Changes what somebody does and may do in the clinic that one manages, from the next request on.
#[utoipa::path(patch, path = "/clinic/members/{user}", tag = "clinic", security(("bearer" = [])),
    request_body = ChangeMember,
    params(("user" = uuid::Uuid, Path, description = "The member's account"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed member, with its ETag", body = Member),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it"),
        (status = 409, description = "`last_manager`: nobody else manages the clinic"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    who: Clinician,
    Path(user): Path<UserId>,
    if_match: IfMatch,
    Json(body): Json<ChangeMember>,
) -> Answer {
    who.need(Permission::ManageMembers)?;
    let mut checks = Checks::default();
    let job_title = body.job_title.as_deref().map(|title| checks.line("/job_title", title, 0..=100));
    checks.at_most("/permissions", body.permissions.as_deref().unwrap_or_default(), PERMISSIONS_MAX);
    checks.done()?;
    let permissions = body.permissions.map(once);
    let had = members::find(&state.db, who.principal.user, user).await?;
    let had = had.ok_or_else(|| Problem::not_found("member"))?;
    if_match.check(&ETag::of_version(had.version))?;
    let mut tx = state.db.begin("clinic.change_member").await?;
    let clinic = managed(&mut tx, &who).await?;
    let (of, wanted) = ((user, had.version), (job_title, permissions.as_deref()));
    let changed = members::change(&mut tx, clinic, of, wanted, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = entry(&state, (&who.principal, who.client), "clinic_member.change", ("clinic", clinic));
    let details =
        serde_json::json!({ "user": user, "permissions": changed.permissions, "had": had.permissions });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}

/// Removes somebody from the clinic that one manages: from the next request on they may do nothing there.
#[utoipa::path(delete, path = "/clinic/members/{user}", tag = "clinic", security(("bearer" = [])),
    params(("user" = uuid::Uuid, Path, description = "The member's account")),
    responses((status = 204, description = "Removed"),
        (status = 403, description = "`no_clinic`: one works in none; `no_permission`: one does not manage it"),
        (status = 409, description = "`last_manager`: nobody else manages the clinic")))]
async fn remove(State(state): State<AppState>, who: Clinician, Path(user): Path<UserId>) -> Answer {
    who.need(Permission::ManageMembers)?;
    let mut tx = state.db.begin("clinic.remove_member").await?;
    let clinic = managed(&mut tx, &who).await?;
    if !members::remove(&mut tx, clinic, user).await? {
        return Err(Problem::not_found("member"));
    }
    let told = entry(&state, (&who.principal, who.client), "clinic_member.remove", ("clinic", clinic));
    let details = serde_json::json!({ "user": user });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
