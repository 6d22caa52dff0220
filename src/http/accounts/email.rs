//! Whether mails to an address are read.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sender::Sender;
use crate::{
    accounts::{
        account_tokens::{self, MAILS_MAX, MAILS_PERIOD, Purpose},
        users,
    },
    http::{
        auth::CurrentUser,
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
    },
    jobs::accounts::{MINUTE, Occasion, SendAccountMail},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(verify)).routes(routes!(send_again))
}

/// What the mail carried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    /// The token of the mail.
    #[schema(max_length = 100)]
    token: String,
}

/// Shows that a mail was read: the address belongs to the person.
#[utoipa::path(post, path = "/auth/email/verify", tag = "accounts", request_body = Verify,
    responses((status = 204, description = "Verified"),
        (status = 401, description = "`invalid_verification_token`: it was used, is too old, or was never given")))]
async fn verify(State(state): State<AppState>, Sender(origin): Sender, Json(body): Json<Verify>) -> Answer {
    let mut tx = state.db.begin("accounts.verify_email").await?;
    if state.accounts.verify_email(&mut tx, &body.token, &origin).await?.is_none() {
        return Err(Problem::invalid_credentials(
            "invalid_verification_token",
            "the link was used, is too old, or belongs to another address",
        ));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Mails the link to verify the address again: once a minute, five times an hour.
#[utoipa::path(post, path = "/me/email/verification", tag = "accounts", security(("bearer" = [])),
    responses((status = 202, description = "The mail is on its way"),
        (status = 409, description = "`already_verified`: there is nothing to do")))]
async fn send_again(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let (user, now) = (principal.user, state.clock.now());
    let account = users::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("account"))?;
    if account.email_verified_at.is_some() {
        return Err(Problem::conflict("already_verified", "the address is verified already"));
    }
    if account_tokens::recent(&state.db, user, Purpose::VerifyEmail, now).await? >= MAILS_MAX {
        return Err(Problem::too_many(MAILS_PERIOD.unsigned_abs()));
    }
    let mut tx = state.db.begin("accounts.send_verification").await?;
    let mail = SendAccountMail { user, occasion: Occasion::VerifyEmail };
    let enqueued = state.jobs.insert(&mut tx, &[mail.once_a_minute(now)]).await?;
    if enqueued.iter().all(Option::is_none) {
        return Err(Problem::too_many(MINUTE.unsigned_abs()));
    }
    tx.commit().await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
