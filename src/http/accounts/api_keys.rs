//! One's own keys for programs: made, seen, changed, revoked. Rules: [`crate::accounts::api_keys`].

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{me::present, sender::Sender};
use crate::{
    accounts::{
        api_keys::{self, ApiKey, Changes, NewApiKey, PER_PERSON},
        policy::Principal,
        scopes::{Scope, Scopes},
        sessions::Origin,
    },
    audit::{self, Entry, Who},
    clinic::clinics,
    config::sections::Accounts,
    http::{
        auth::CurrentUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ApiKeyId, UserId},
    jobs::accounts::{Occasion, SendAccountMail},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, revoke))
}

fn path_of(id: ApiKeyId) -> String {
    format!("/api/v1/api-keys/{id}")
}

fn tagged(key: ApiKey) -> Response {
    let etag = ETag::of_version(key.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(key)).into_response()
}

fn told(state: &AppState, origin: &Origin, who: &Principal, action: &'static str, id: ApiKeyId) -> Entry {
    let entry = origin.entry(state.clock.now(), Who::from(who), action, None);
    Entry { object: "api_key", id: Some(id.to_string()), ..entry }
}

/// Lists one's keys, newest first; those that have ended for 90 days more.
#[utoipa::path(get, path = "/api-keys", tag = "accounts", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<NoFilters, ApiKeyId>,
) -> Answer {
    let found = api_keys::list(&state.db, principal.user, (list.after, list.fetch())).await?;
    Ok(list.answer(found, |key| key.id, |key| key))
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MakeApiKey)]
struct Make {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it is good for, as far as its owner may do it.
    #[schema(min_items = 1, max_items = 50)]
    scopes: Vec<Scope>,
    /// Requests in one hour of the clock; 1000 if nothing is said, and 10000 at most, unless the operator has decided
    /// otherwise. With a scope of the clinic desk at most what one's clinic has, 100, 1000 or 5000, which all keys of
    /// its members share.
    #[schema(minimum = 1)]
    quota_per_hour: Option<i32>,
    /// When it ends: within a year, unless the operator has decided otherwise; after that time if nothing is said.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
struct Made {
    /// The key itself, shown once: send it as `X-API-Key` or `Authorization: Bearer`.
    key: String,
    /// What is shown of it later.
    #[serde(flatten)]
    about: ApiKey,
}

fn latest(config: &Accounts, now: Timestamp) -> Timestamp {
    let life = SignedDuration::try_from(*config.key_life).unwrap_or(SignedDuration::MAX);
    now.checked_add(life).unwrap_or(Timestamp::MAX)
}

fn check_scopes(checks: &mut Checks, scopes: &[Scope]) -> Scopes {
    checks.at_most("/scopes", scopes, 50);
    checks.ensure(!scopes.is_empty(), "/scopes", "required", "a key is good for something");
    scopes.iter().copied().collect()
}

fn check_quota(checks: &mut Checks, quota: i32, most: i32) {
    checks.range("/quota_per_hour", quota, 1..=most);
}

/// The largest quota of a key: what is configured, and for the clinic desk what the clinic has where its owner works.
async fn largest_quota(state: &AppState, user: UserId, scopes: Scopes) -> Result<i32, Problem> {
    let most = i32::try_from(state.config.accounts.key_quota_max).unwrap_or(i32::MAX);
    if !scopes.has_clinic() {
        return Ok(most);
    }
    let tier = clinics::tier_of(&state.db, user).await?;
    Ok(tier.map_or(most, |tier| tier.quota().min(most)))
}

fn check_end(checks: &mut Checks, end: Timestamp, latest: Timestamp, now: Timestamp) {
    checks.ensure(end > now, "/expires_at", "in_the_past", "must be later than now");
    if end > latest {
        checks.fail("/expires_at", "too_late", format!("must not be later than {latest}"));
    }
}

/// Makes a key for programs. It acts for its owner, within its scopes, and is shown once: a repetition with the same
/// `Idempotency-Key` makes no second one, and does not show the first again.
#[utoipa::path(post, path = "/api-keys", tag = "accounts", security(("bearer" = [])), request_body = Make,
    responses((status = 201, description = "The key, shown once", body = Made),
        (status = 409, description = "`too_many_keys`: revoke one first; `shown_once`: a request with the same \
            `Idempotency-Key` has made it")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Keyed { body, request }: Keyed<Make>,
) -> Answer {
    let (config, now) = (&state.config.accounts, state.clock.now());
    let latest = latest(config, now);
    let mut checks = Checks::default();
    let scopes = check_scopes(&mut checks, &body.scopes);
    let most = largest_quota(&state, principal.user, scopes).await?;
    let usual = i32::try_from(config.key_quota).unwrap_or(i32::MAX).min(most);
    let new = NewApiKey {
        name: checks.line("/name", &body.name, 1..=100).to_owned(),
        scopes,
        quota_per_hour: body.quota_per_hour.unwrap_or(usual),
        expires_at: body.expires_at.unwrap_or(latest),
    };
    check_quota(&mut checks, new.quota_per_hour, most);
    check_end(&mut checks, new.expires_at, latest, now);
    checks.done()?;
    let claim = request.claim(principal.user);
    let mut tx = state.db.begin("accounts.create_api_key").await?;
    if idempotency::begin(&mut tx, claim, now).await?.is_some() {
        let detail = "the key was made by the first request and is shown once: revoke it, and make another";
        return Err(Problem::conflict("shown_once", detail));
    }
    let (about, token) = api_keys::create(&mut tx, principal.user, &new, now).await?.ok_or_else(|| {
        let detail = format!("{PER_PERSON} keys are the most: revoke one first");
        Problem::conflict("too_many_keys", detail)
    })?;
    let entry = told(&state, &origin, &principal, "api_key.create", about.id);
    let details = serde_json::json!({ "scopes": about.scopes, "quota_per_hour": about.quota_per_hour });
    audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
    let mail = SendAccountMail { user: principal.user, occasion: Occasion::ApiKeyMade };
    state.jobs.enqueue(&mut tx, &mail).await?;
    // No secrets in the table of answers.
    let stored = Outcome::created(path_of(about.id), &serde_json::json!({ "id": about.id }))?;
    idempotency::finish(&mut tx, claim, &stored, now).await?;
    tx.commit().await?;
    let etag = ETag::of_version(about.version).header(Coding::Identity);
    let made = Made { key: token.expose().to_owned(), about };
    let mut answer = Outcome::created(path_of(made.about.id), &made)?.into_response();
    answer.headers_mut().insert(header::ETAG, etag);
    Ok(answer)
}

/// Shows one of one's keys; never the key itself.
#[utoipa::path(get, path = "/api-keys/{id}", tag = "accounts", security(("bearer" = [])),
    params(("id" = ApiKeyId, Path, description = "The key")),
    responses((status = 200, description = "The key, with its ETag", body = ApiKey)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ApiKeyId>,
) -> Answer {
    let key = api_keys::find(&state.db, principal.user, id).await?;
    Ok(tagged(key.ok_or_else(|| Problem::not_found("key"))?))
}

/// Changes to a key; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeApiKey)]
struct Change {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// What it is good for from now on.
    #[schema(min_items = 1, max_items = 50, nullable = false)]
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<Scope>>,
    /// Requests in one hour of the clock.
    #[schema(minimum = 1, nullable = false)]
    #[serde(default, deserialize_with = "present")]
    quota_per_hour: Option<i32>,
    /// When it ends: no later than one that is made now would.
    #[schema(value_type = String, format = DateTime, nullable = false)]
    #[serde(default, deserialize_with = "present")]
    expires_at: Option<Timestamp>,
}

/// Changes one of one's keys, from its next request on. One that has ended stays so.
#[utoipa::path(patch, path = "/api-keys/{id}", tag = "accounts", security(("bearer" = [])), request_body = Change,
    params(("id" = ApiKeyId, Path, description = "The key"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed key, with its ETag", body = ApiKey),
        (status = 409, description = "`key_ended`: it was revoked or has expired; make another"),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Path(id): Path<ApiKeyId>,
    if_match: IfMatch,
    Json(body): Json<Change>,
) -> Answer {
    let (config, now) = (&state.config.accounts, state.clock.now());
    let mut checks = Checks::default();
    let name = body.name.as_deref().map(|name| checks.line("/name", name, 1..=100).to_owned());
    let scopes = body.scopes.as_deref().map(|scopes| check_scopes(&mut checks, scopes));
    if let Some(end) = body.expires_at {
        check_end(&mut checks, end, latest(config, now), now);
    }
    let had = api_keys::find(&state.db, principal.user, id).await?;
    let had = had.ok_or_else(|| Problem::not_found("key"))?;
    if let Some(quota) = body.quota_per_hour {
        let most = largest_quota(&state, principal.user, scopes.unwrap_or(had.scopes)).await?;
        check_quota(&mut checks, quota, most);
    }
    checks.done()?;
    if_match.check(&ETag::of_version(had.version))?;
    if had.has_ended(now) {
        return Err(Problem::conflict("key_ended", "the key was revoked or has expired: make another"));
    }
    let changes = Changes { name, scopes, quota_per_hour: body.quota_per_hour, expires_at: body.expires_at };
    let mut tx = state.db.begin("accounts.change_api_key").await?;
    let key = api_keys::change(&mut tx, principal.user, (id, had.version), &changes, now).await?;
    let key = key.ok_or_else(Problem::precondition_failed)?;
    let details =
        serde_json::json!({ "scopes": key.scopes, "quota_per_hour": key.quota_per_hour, "had": had.scopes });
    let entry = told(&state, &origin, &principal, "api_key.change", id);
    audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
    tx.commit().await?;
    Ok(tagged(key))
}

/// Revokes one of one's keys: from the next request on it is worthless. It stays in the list.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "accounts", security(("bearer" = [])),
    params(("id" = ApiKeyId, Path, description = "The key")),
    responses((status = 204, description = "Revoked, now or before")))]
async fn revoke(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Path(id): Path<ApiKeyId>,
) -> Answer {
    let known = api_keys::find(&state.db, principal.user, id).await?;
    known.ok_or_else(|| Problem::not_found("key"))?;
    let mut tx = state.db.begin("accounts.revoke_api_key").await?;
    if api_keys::revoke(&mut tx, principal.user, id, state.clock.now()).await? {
        let entry = told(&state, &origin, &principal, "api_key.revoke", id);
        audit::record(&mut tx, &[entry]).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
