//! Who may do what with a document, besides its owner.
//!
//! A person is named by their id, or by an e-mail address. An address that nobody has proved to be theirs is the same as one
//! without an account. That an address belongs to somebody cannot be kept from those who share with them, because they see
//! with whom the document is shared; so asking is as dear as it is when registering, which tells the same: each address that
//! belongs to nobody counts against `limits.register` of the network address, and every question is audited. Nothing else of
//! the person is told, no name.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::told::Teller;
use crate::{
    accounts::users,
    actors::edge::limiter::{Class, Key},
    audit,
    db::Tx,
    documents::permissions::{self, Consequences, Holder, Permission, Rights, ShareError, Standing},
    http::{
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{DocumentId, UserId},
    jobs::documents::SendShareMail,
};

const GRANT: &str = "document.grant";
const REVOKE: &str = "document.revoke";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

fn tag(permission: &Permission) -> Result<ETag, Problem> {
    Ok(ETag::of_bytes(&serde_json::to_vec(permission).map_err(Problem::internal)?))
}

fn tagged(status: StatusCode, permission: &Permission) -> Answer {
    let etag = tag(permission)?.header(Coding::Identity);
    Ok((status, [(header::ETAG, etag)], Json(permission)).into_response())
}

/// Lists what others may do with a document. For those who may share it, and administrators.
#[utoipa::path(get, path = "/documents/{id}/permissions", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), PageParameters),
    responses((status = 200, description = "A page of permissions", body = Page<Permission>),
        (status = 403, description = "`no_right`: one may only read it")))]
async fn list(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    list: Listing<NoFilters, UserId>,
) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    match permissions::list(&state.db, viewer, id, list.after, list.fetch(), now).await? {
        Some(found) => Ok(list.answer(found, |permission| permission.user_id, |permission| permission)),
        None => Err(teller.not_allowed(&state, "document.show_permissions", id).await?),
    }
}

/// Shows what somebody may do with a document: one's own, or anybody's for those who may share it.
#[utoipa::path(get, path = "/documents/{id}/permissions/{user}", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), ("user" = uuid::Uuid, Path, description = "The person")),
    responses((status = 200, description = "The permission, with its ETag", body = Permission),
        (status = 403, description = "`no_right`: one may only read it")))]
async fn show(
    State(state): State<AppState>,
    teller: Teller,
    Path((id, user)): Path<(DocumentId, UserId)>,
) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    match permissions::find(&state.db, viewer, id, user, now).await? {
        Some(Some(permission)) => tagged(StatusCode::OK, &permission),
        Some(None) => Err(Problem::not_found("permission")),
        None => Err(teller.not_allowed(&state, "document.show_permissions", id).await?),
    }
}

/// What somebody is to be able to do. Reading is always part of it.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "four rights that have nothing to do with each other")]
#[schema(as = SetDocumentPermission)]
struct SetPermission {
    /// Always: to take it, delete the permission.
    #[serde(default = "yes")]
    #[schema(default = true)]
    read: bool,
    /// Renaming it, and adding versions.
    #[serde(default)]
    write: bool,
    /// Deleting it.
    #[serde(default)]
    delete: bool,
    /// Sharing it further, with people and by links.
    #[serde(default)]
    share: bool,
    /// Until when; else as long as one's own permission.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

const fn yes() -> bool {
    true
}

impl SetPermission {
    fn check(self, checks: &mut Checks, now: Timestamp) -> Wanted {
        checks.ensure(self.read, "/read", "not_allowed", "must be true: to take it, delete the permission");
        let is_future = self.expires_at.is_none_or(|until| until > now);
        checks.ensure(is_future, "/expires_at", "out_of_range", "must be in the future");
        (Rights { write: self.write, delete: self.delete, share: self.share }, self.expires_at)
    }
}

type Wanted = (Rights, Option<Timestamp>);

/// Somebody, and what they are to be able to do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "four rights that have nothing to do with each other")]
#[schema(as = NewDocumentPermission)]
struct NewPermission {
    /// The person; or `email`.
    user_id: Option<UserId>,
    /// The person's address; or `user_id`.
    #[schema(max_length = 254)]
    email: Option<String>,
    /// Always.
    #[serde(default = "yes")]
    #[schema(default = true)]
    read: bool,
    /// Renaming it, and adding versions.
    #[serde(default)]
    write: bool,
    /// Deleting it.
    #[serde(default)]
    delete: bool,
    /// Sharing it further, with people and by links.
    #[serde(default)]
    share: bool,
    /// Until when; else as long as one's own permission.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Whom somebody wants to share with.
enum Whom {
    Id(UserId),
    Email(String),
}

impl NewPermission {
    fn check(self, now: Timestamp) -> Result<(Whom, Wanted), Problem> {
        let Self { user_id, email, read, write, delete, share, expires_at } = self;
        let mut checks = Checks::default();
        let wanted = SetPermission { read, write, delete, share, expires_at }.check(&mut checks, now);
        let whom = match (user_id, email) {
            (Some(id), None) => Whom::Id(id),
            (None, Some(email)) => Whom::Email(checks.email("/email", &email)),
            _ => {
                checks.fail("", "required", "name the person by `user_id` or by `email`");
                return Err(checks.done().err().unwrap_or_else(|| Problem::internal("an error was found")));
            }
        };
        checks.done()?;
        Ok((whom, wanted))
    }
}

/// Shares a document with somebody who has no permission yet, named by id or by a verified e-mail address. Nobody gives more
/// than they have, neither rights nor time. Addresses of nobody count against the quota of registering. The person is told by
/// mail, if they have verified their address; at most once a day of the same document.
#[utoipa::path(post, path = "/documents/{id}/permissions", tag = "documents", security(("bearer" = [])),
    request_body = NewPermission, params(("id" = uuid::Uuid, Path, description = "The document")),
    responses((status = 201, description = "The permission, with its ETag", body = Permission),
        (status = 403, description = "`no_right`: one may not share it; `more_than_own`"),
        (status = 409, description = "`already_shared`: change the permission; `is_owner`, `granted_by_another`, `too_many_permissions`"),
        (status = 422, description = "`unknown_person`: nobody has this id or has verified this address, or the body is wrong")))]
async fn create(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    Keyed { body, request }: Keyed<NewPermission>,
) -> Answer {
    let now = state.clock.now();
    let (whom, wanted) = body.check(now)?;
    let claim = request.claim(teller.principal.user);
    let mut tx = state.db.begin("documents.grant").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let Some(holder) = permissions::lock_to_share(&mut tx, teller.principal.user, id, now).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, GRANT, id).await?);
    };
    let standing = match whom {
        Whom::Id(user) => permissions::standing(&mut tx, &holder, id, user, now).await,
        Whom::Email(email) => match person_of(&state, &mut tx, teller.client, &email).await? {
            Some(user) => permissions::standing(&mut tx, &holder, id, user, now).await,
            None => Err(ShareError::Nobody),
        },
    };
    let granted = match standing {
        Ok(standing) if standing.current.is_some() => {
            let detail = "the document is shared with this person: change the permission";
            return Err(
                Problem::conflict("already_shared", detail).member("user_id", standing.user.to_string())
            );
        }
        Ok(standing) => grant(&mut tx, (&state, &teller), (&holder, &standing), id, wanted, now).await,
        Err(error) => Err(error),
    };
    let permission = match granted {
        Ok(permission) => permission,
        Err(error) => {
            drop(tx);
            return Err(refused(&state, &teller, GRANT, id, error).await?);
        }
    };
    let location = format!("/api/v1/documents/{id}/permissions/{}", permission.user_id);
    let outcome = Outcome::created(location, &permission)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, tag(&permission)?.header(Coding::Identity));
    Ok(response)
}

/// Whose an address is. Who asks for too many that belong to nobody is not answered any more.
async fn person_of(
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

/// Sets what somebody may do with a document; what they gave to others shrinks with it. Nobody gives more than they have,
/// neither rights nor time.
#[utoipa::path(put, path = "/documents/{id}/permissions/{user}", tag = "documents", security(("bearer" = [])),
    request_body = SetPermission,
    params(("id" = uuid::Uuid, Path, description = "The document"), ("user" = uuid::Uuid, Path, description = "The person"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 200, description = "The changed permission, with its ETag", body = Permission),
        (status = 201, description = "The new permission, with its ETag", body = Permission),
        (status = 403, description = "`no_right`: one may not share it; `more_than_own`"),
        (status = 409, description = "`is_owner`, `granted_by_another`, `too_many_permissions`"),
        (status = 412, description = "It was changed meanwhile"),
        (status = 422, description = "`unknown_person`, or the body is wrong")))]
async fn put(
    State(state): State<AppState>,
    teller: Teller,
    Path((id, user)): Path<(DocumentId, UserId)>,
    if_match: IfMatch,
    Json(body): Json<SetPermission>,
) -> Answer {
    let now = state.clock.now();
    let mut checks = Checks::default();
    let wanted = body.check(&mut checks, now);
    checks.done()?;
    let mut tx = state.db.begin("documents.grant").await?;
    let Some(holder) = permissions::lock_to_share(&mut tx, teller.principal.user, id, now).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, GRANT, id).await?);
    };
    let granted = match permissions::standing(&mut tx, &holder, id, user, now).await {
        Ok(standing) => {
            still(&if_match, standing.current.as_ref())?;
            let status = if standing.current.is_some() { StatusCode::OK } else { StatusCode::CREATED };
            let granted = grant(&mut tx, (&state, &teller), (&holder, &standing), id, wanted, now).await;
            granted.map(|permission| (status, permission))
        }
        Err(error) => Err(error),
    };
    match granted {
        Ok((status, permission)) => {
            tx.commit().await?;
            tagged(status, &permission)
        }
        Err(error) => {
            drop(tx);
            Err(refused(&state, &teller, GRANT, id, error).await?)
        }
    }
}

/// Takes a permission away, with all that hangs from it: what this person gave to others, and their links. Everybody may give
/// up their own.
#[utoipa::path(delete, path = "/documents/{id}/permissions/{user}", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), ("user" = uuid::Uuid, Path, description = "The person"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Taken away"),
        (status = 403, description = "`no_right`: one may not share it"),
        (status = 409, description = "`is_owner`, `granted_by_another`"),
        (status = 412, description = "It was changed meanwhile")))]
async fn remove(
    State(state): State<AppState>,
    teller: Teller,
    Path((id, user)): Path<(DocumentId, UserId)>,
    if_match: IfMatch,
) -> Answer {
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.revoke").await?;
    let holder = permissions::lock_to_share(&mut tx, teller.principal.user, id, now).await?;
    let is_own = user == teller.principal.user && holder.is_none_or(|holder| !holder.is_owner());
    if is_own {
        still(&if_match, permissions::current(&mut tx, id, user, now).await?.as_ref())?;
    } else {
        let Some(holder) = holder else {
            drop(tx);
            return Err(teller.not_allowed(&state, REVOKE, id).await?);
        };
        match permissions::standing(&mut tx, &holder, id, user, now).await {
            Ok(standing) => still(&if_match, standing.current.as_ref())?,
            Err(error) => {
                drop(tx);
                return Err(refused(&state, &teller, REVOKE, id, error).await?);
            }
        }
    }
    let Some(consequences) = permissions::revoke(&mut tx, id, user, now).await? else {
        drop(tx);
        let Some(_) = holder else { return Err(teller.missed(&state, REVOKE, id).await?) };
        return Err(Problem::not_found("permission"));
    };
    let mut entry = teller.entry(now, REVOKE, id);
    entry.details = serde_json::json!({ "user": user, "consequences": consequences });
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 412 when the permission is not the one that the client read, if it says which that was.
fn still(if_match: &IfMatch, current: Option<&Permission>) -> Result<(), Problem> {
    match (if_match.0.is_some(), current) {
        (false, _) => Ok(()),
        (true, Some(current)) => if_match.check(&tag(current)?),
        (true, None) => Err(Problem::precondition_failed()),
    }
}

async fn grant(
    tx: &mut Tx,
    (state, teller): (&AppState, &Teller),
    (holder, standing): (&Holder, &Standing),
    id: DocumentId,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Permission, ShareError> {
    let (permission, consequences): (_, Consequences) =
        permissions::grant(tx, holder, id, standing, wanted, now).await?;
    let action = if standing.current.is_some() { "document.change_grant" } else { GRANT };
    let mut entry = teller.entry(now, action, id);
    let Permission { user_id, write, delete, share, expires_at, .. } = &permission;
    entry.details = serde_json::json!({ "user": user_id, "write": write, "delete": delete, "share": share,
        "expires_at": expires_at, "consequences": consequences });
    audit::record(tx, &[entry]).await?;
    if standing.current.is_none() {
        let mail = SendShareMail { document: id, user: standing.user };
        state.jobs.insert(tx, &[mail.once_a_day(now)]).await?;
    }
    Ok(permission)
}

/// Writes down what was refused, and says why.
async fn refused(
    state: &AppState,
    teller: &Teller,
    action: &'static str,
    id: DocumentId,
    error: ShareError,
) -> Result<Problem, Problem> {
    let (code, detail) = (error.code(), error.to_string());
    let problem = match error {
        ShareError::Db(error) => return Ok(error.into()),
        ShareError::MoreThanOwn => Problem::forbidden(code, detail),
        ShareError::Nobody => Problem::rule(code, detail),
        ShareError::Owner | ShareError::ByAnother | ShareError::TooMany => Problem::conflict(code, detail),
    };
    teller.refused(state, action, id, code).await?;
    Ok(problem)
}
