//! A forgotten password: a mail, and a new password for who reads it.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{busy, check_password},
    sender::Sender,
};
use crate::{
    accounts::passwords::{Hashing as _, Password},
    audit::{self, Who},
    http::{
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    jobs::accounts::{Occasion, SendAccountMail},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(forgot)).routes(routes!(reset))
}

/// Whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgot {
    /// The address.
    #[schema(format = "email", max_length = 254)]
    email: String,
}

/// Mails a link to replace the password. The answer is the same whether the address has an account or not; one mail
/// within a minute.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "accounts", request_body = Forgot,
    responses((status = 202, description = "If the address has an account, a mail is on its way")))]
async fn forgot(State(state): State<AppState>, Sender(origin): Sender, Json(body): Json<Forgot>) -> Answer {
    let mut checks = Checks::default();
    let email = checks.email("/email", &body.email);
    checks.done()?;
    // From here on everything is done alike for an account that exists and for one that does not.
    let (addressee, now) = (state.accounts.addressee(&email).await?, state.clock.now());
    let known = addressee.is_known.then_some(addressee.user);
    let mail = SendAccountMail { user: addressee.user, occasion: Occasion::ResetPassword };
    let mut tx = state.db.begin("accounts.forgot_password").await?;
    state.jobs.insert(&mut tx, &[mail.once_a_minute(now)]).await?;
    let entry = origin.entry(now, Who::Anonymous, "account.forgot_password", known);
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// What the mail carried, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reset {
    /// The token of the mail.
    #[schema(max_length = 100)]
    token: String,
    /// At least 8 characters, at most 128, and not one that everybody tries.
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    new_password: String,
}

fn invalid_token() -> Problem {
    Problem::invalid_credentials(
        "invalid_reset_token",
        "the link was used, is too old, or belongs to an older password: ask for a new one",
    )
}

/// Replaces the password and ends all sessions. A second factor stays, and is asked for at the next log-in.
#[utoipa::path(post, path = "/auth/password/reset", tag = "accounts", request_body = Reset,
    responses((status = 204, description = "Replaced: log in with it"),
        (status = 401, description = "`invalid_reset_token`: it was used, is too old, or was never given")))]
async fn reset(State(state): State<AppState>, Sender(origin): Sender, Json(body): Json<Reset>) -> Answer {
    let holder = state.accounts.resetting(&body.token).await?.ok_or_else(invalid_token)?;
    let new = Password::new(body.new_password);
    let mut checks = Checks::default();
    check_password(&mut checks, "/new_password", &new, &holder.email, &state);
    checks.done()?;
    let hash = state.hasher.hash(new).await.map_err(busy)?;
    let mut tx = state.db.begin("accounts.reset_password").await?;
    let user = state.accounts.reset_password(&mut tx, &body.token, &hash, &origin).await?;
    let user = user.ok_or_else(invalid_token)?;
    state.jobs.enqueue(&mut tx, &SendAccountMail { user, occasion: Occasion::PasswordChanged }).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
