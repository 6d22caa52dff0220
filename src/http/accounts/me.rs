//! One's own profile.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{busy, check_password, not_logged_in},
    sender::Sender,
};
use crate::{
    accounts::{
        login::{Confirmed, LoginError},
        passwords::{Hashing as _, Password},
        policy::Principal,
        sessions::Origin,
        users::{self, Changes, User},
    },
    audit::{self, Who},
    http::{
        auth::CurrentUser,
        conditional::{ETag, IfMatch},
        extract::Json,
        negotiate::Coding,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::accounts::{Occasion, SendAccountMail},
    mail::Language,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change)).routes(routes!(change_password))
}

fn tagged(user: User) -> Response {
    let etag = ETag::of_version(user.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(user)).into_response()
}

/// Shows one's profile.
#[utoipa::path(get, path = "/me", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "The profile, with its ETag", body = User)))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let user = users::find(&state.db, principal.user).await?;
    Ok(tagged(user.ok_or_else(|| Problem::not_found("account"))?))
}

/// Changes to a profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeProfile {
    /// The name.
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// Of mails.
    #[schema(nullable = false)]
    #[serde(default, deserialize_with = "present")]
    language: Option<Language>,
    /// Empty or `null` removes it.
    #[schema(max_length = 20)]
    #[serde(default, deserialize_with = "null_is_empty")]
    phone: Option<String>,
    /// Empty or `null` removes it.
    #[schema(max_length = 2000)]
    #[serde(default, deserialize_with = "null_is_empty")]
    bio: Option<String>,
}

/// May be left out, but not be `null`.
pub(in crate::http) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// May be left out; `null` is empty.
pub(in crate::http) fn null_is_empty<'de, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<String>, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default).map(Some)
}

/// Changes one's profile.
#[utoipa::path(patch, path = "/me", tag = "accounts", security(("bearer" = [])), request_body = ChangeProfile,
    params(("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed profile", body = User),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    if_match: IfMatch,
    Json(body): Json<ChangeProfile>,
) -> Answer {
    let mut checks = Checks::default();
    let name = body.name.as_deref().map(|name| checks.line("/name", name, 1..=100).to_owned());
    let phone = body.phone.as_deref().map(|phone| checks.line("/phone", phone, 0..=20).to_owned());
    if let Some(phone) = phone.as_ref().filter(|phone| !phone.is_empty()) {
        checks.ensure(phone.chars().count() >= 5, "/phone", "too_short", "needs at least 5 characters");
    }
    let bio = body.bio.as_deref().map(|bio| checks.text("/bio", bio, 0..=2000).to_owned());
    checks.done()?;
    let optional = |text: Option<String>| text.map(|text| (!text.is_empty()).then_some(text));
    let changes = Changes { name, language: body.language, phone: optional(phone), bio: optional(bio) };
    let user = users::find(&state.db, principal.user).await?.ok_or_else(|| Problem::not_found("account"))?;
    if_match.check(&ETag::of_version(user.version))?;
    let mut tx = state.db.begin("accounts.change_profile").await?;
    let changed = users::change(&mut tx, (user.id, user.version), &changes, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    tx.commit().await?;
    Ok(tagged(changed))
}

/// The old and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    /// The password until now.
    #[schema(max_length = 128)]
    current_password: String,
    /// The password from now on.
    #[schema(min_length = 8, max_length = 128)]
    new_password: String,
}

/// Compares the password of somebody who is logged in: 403 if it is wrong.
pub(super) async fn confirmed(
    state: &AppState,
    principal: &Principal,
    origin: &Origin,
    password: String,
) -> Result<Confirmed, Problem> {
    let confirmed = state.accounts.confirm(&state.hasher, principal, origin, Password::new(password)).await;
    confirmed.map_err(|error| match error {
        LoginError::Wrong => Problem::forbidden("wrong_password", "the current password is wrong"),
        error => not_logged_in(error, state.clock.now()),
    })
}

/// Changes the password and closes the other sessions.
#[utoipa::path(post, path = "/me/password", tag = "accounts", security(("bearer" = [])), request_body = ChangePassword,
    responses((status = 204, description = "Changed"), (status = 403, description = "The current password is wrong")))]
async fn change_password(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<ChangePassword>,
) -> Answer {
    let confirmed = confirmed(&state, &principal, &origin, body.current_password).await?;
    let new = Password::new(body.new_password);
    let mut checks = Checks::default();
    check_password(&mut checks, "/new_password", &new, &confirmed.user.email, &state);
    checks.done()?;
    let hash = state.hasher.hash(new).await.map_err(busy)?;
    let mut tx = state.db.begin("accounts.change_password").await?;
    if !state.accounts.change_password(&mut tx, &confirmed, &hash, principal.session()).await? {
        return Err(Problem::conflict("changed_meanwhile", "the password was changed meanwhile"));
    }
    let mail = SendAccountMail { user: principal.user, occasion: Occasion::PasswordChanged };
    state.jobs.enqueue(&mut tx, &mail).await?;
    let (now, who) = (state.clock.now(), Who::from(&principal));
    audit::record(&mut tx, &[origin.entry(now, who, "account.change_password", Some(principal.user))])
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
