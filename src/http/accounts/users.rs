//! People, for administrators.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    accounts::{
        directory::{self, Changes, Filter, Person, Status},
        policy::{Role, Roles},
    },
    audit::{self, Entry},
    http::{
        auth::AdminUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::UserId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, change))
}

fn tagged(person: Person) -> Response {
    let etag = ETag::of_version(person.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(person)).into_response()
}

/// Lists accounts, newest first. For administrators.
#[utoipa::path(get, path = "/users", tag = "accounts", security(("bearer" = [])), params(Filter, PageParameters),
    responses((status = 200, description = "A page of accounts", body = Page<Person>),
        (status = 403, description = "Only administrators may do this")))]
async fn list(State(state): State<AppState>, _: AdminUser, list: Listing<Filter, UserId>) -> Answer {
    let found = directory::list(&state.db, &list.filters, list.after, list.fetch()).await?;
    Ok(list.answer(found, |person| person.id, |person| person))
}

/// Shows an account. For administrators.
#[utoipa::path(get, path = "/users/{id}", tag = "accounts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The account")),
    responses((status = 200, description = "The account, with its ETag", body = Person),
        (status = 403, description = "Only administrators may do this")))]
async fn show(State(state): State<AppState>, _: AdminUser, Path(id): Path<UserId>) -> Answer {
    let person = directory::find(&state.db, id).await?;
    Ok(tagged(person.ok_or_else(|| Problem::not_found("account"))?))
}

/// Changes to an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeAccount)]
struct Change {
    /// All roles that the person is to have; `client` is always among them. `admin` is neither given nor taken here.
    roles: Option<Vec<Role>>,
    /// Whether the person may log in. Disabled, all sessions end and all API keys are refused from the next request on.
    status: Option<Status>,
    /// With `"status": "active"`: the API keys from before work again. Otherwise enabling revokes them.
    #[serde(default)]
    keep_api_keys: bool,
}

/// Gives an account other roles, or keeps its person out; either ends the person's sessions. Keeping out refuses the API keys,
/// too; letting in again revokes them, unless `keep_api_keys` is said. For administrators.
#[utoipa::path(patch, path = "/users/{id}", tag = "accounts", security(("bearer" = [])), request_body = Change,
    params(("id" = uuid::Uuid, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed account, with its ETag", body = Person),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`own_account`: nobody keeps themselves out"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    address: ClientAddress,
    Path(id): Path<UserId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let mut checks = Checks::default();
    let asks_for_admin = body.roles.iter().flatten().any(|role| *role == Role::Admin);
    checks.ensure(!asks_for_admin, "/roles", "not_allowed", "administrators are made on the command line");
    let keeps = body.keep_api_keys && body.status != Some(Status::Active);
    checks.ensure(!keeps, "/keep_api_keys", "not_allowed", "is said with `\"status\": \"active\"`");
    checks.done()?;
    let person = directory::find(&state.db, id).await?.ok_or_else(|| Problem::not_found("account"))?;
    if_match.check(&ETag::of_version(person.version))?;
    if id == admin.user && body.status == Some(Status::Disabled) {
        return Err(Problem::conflict("own_account", "another administrator can disable this account"));
    }
    let roles = body.roles.map(|roles| roles.into_iter().collect::<Roles>());
    let changes = Changes { roles, status: body.status, keep_api_keys: body.keep_api_keys };
    let mut tx = state.db.begin("accounts.directory.change").await?;
    let (sessions, now) = (state.accounts.sessions(), state.clock.now());
    let changed = directory::change(&mut tx, sessions, &person, changes, now).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let entry = Entry {
        address: Some(address.0),
        details: serde_json::json!({ "roles": changed.roles, "status": changed.status, "had": person.roles,
            "had_status": person.status, "keep_api_keys": body.keep_api_keys }),
        ..Entry::new(now, (&admin).into(), "user.change", "user", id)
    };
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(tagged(changed))
}
