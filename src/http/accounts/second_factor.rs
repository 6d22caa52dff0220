//! One's own second factor: enrol, confirm, new recovery codes, disable. Rules: [`crate::accounts::second_factor`].

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{broken, not_proved, proof},
    me::confirmed,
    sender::Sender,
};
use crate::{
    accounts::{
        challenge::ProofError,
        policy::Principal,
        recovery::{self, RecoveryCode},
        second_factor::{self, Confirming, ENROLMENT, Status},
        sessions::Origin,
    },
    audit::{self, Who},
    db::Tx,
    http::{
        auth::CurrentUser,
        extract::Json,
        problem::{Answer, FieldError, Problem},
        state::AppState,
    },
    jobs::accounts::{Occasion, SendAccountMail},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, enrol, disable))
        .routes(routes!(confirm))
        .routes(routes!(renew_codes))
}

/// Shows whether one has a second factor.
#[utoipa::path(get, path = "/me/totp", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "Since when, and how many recovery codes are left", body = Status)))]
async fn show(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    Ok(Json(second_factor::status(&state.db, principal.user).await?).into_response())
}

/// The password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Enrol {
    /// The password: an open session is not enough.
    #[schema(max_length = 128)]
    password: String,
}

/// A new secret: shown once.
#[derive(serde::Serialize, ToSchema)]
struct Enrolment {
    /// To be typed into an authenticator.
    secret: String,
    /// To be shown as a QR code.
    uri: String,
    /// Until when the first code is waited for.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Makes a secret for an authenticator. Log-ins ask for it once its first code was sent to `/me/totp/confirm`.
#[utoipa::path(post, path = "/me/totp", tag = "accounts", security(("bearer" = [])), request_body = Enrol,
    responses((status = 200, description = "The secret, shown once", body = Enrolment),
        (status = 403, description = "`wrong_password`"),
        (status = 409, description = "`already_enabled`: disable it first")))]
async fn enrol(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<Enrol>,
) -> Answer {
    let confirmed = confirmed(&state, &principal, &origin, body.password).await?;
    let (now, user) = (state.clock.now(), principal.user);
    let mut tx = state.db.begin("accounts.enrol_second_factor").await?;
    let secret = second_factor::enrol(&mut tx, state.accounts.ring(), user, now).await?;
    let secret = secret.ok_or_else(|| {
        Problem::conflict("already_enabled", "there is a second factor already: disable it first")
    })?;
    tx.commit().await?;
    let expires_at = now.checked_add(ENROLMENT).unwrap_or(Timestamp::MAX);
    let (uri, secret) = (secret.uri(&confirmed.user.email), secret.base32());
    Ok(Json(Enrolment { secret, uri, expires_at }).into_response())
}

/// The first code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirm {
    /// The code that the authenticator shows.
    #[schema(max_length = 20)]
    code: String,
}

/// Codes for the day the telephone is lost: shown once, each good once.
#[derive(serde::Serialize, ToSchema)]
struct RecoveryCodes {
    /// Ten of them.
    recovery_codes: Vec<String>,
}

fn shown(codes: &[RecoveryCode]) -> Response {
    Json(RecoveryCodes { recovery_codes: codes.iter().map(RecoveryCode::expose).collect() }).into_response()
}

/// Turns the second factor on.
#[utoipa::path(post, path = "/me/totp/confirm", tag = "accounts", security(("bearer" = [])), request_body = Confirm,
    responses((status = 200, description = "On from now on; the recovery codes, shown once", body = RecoveryCodes),
        (status = 409, description = "`not_enrolling`: make a secret first"),
        (status = 422, description = "`/code` is `wrong_code`: the authenticator shows another one")))]
async fn confirm(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<Confirm>,
) -> Answer {
    let mut tx = state.db.begin("accounts.confirm_second_factor").await?;
    let (ring, now) = (state.accounts.ring(), state.clock.now());
    let confirming = second_factor::confirm(&mut tx, ring, principal.user, &body.code, now).await;
    let codes = match confirming.map_err(broken)? {
        Confirming::Enabled(codes) => codes,
        Confirming::WrongCode => {
            let error = FieldError::body("/code", "wrong_code", "is not the code that the secret gives now");
            return Err(Problem::unprocessable(vec![error]));
        }
        Confirming::NotEnrolling => {
            return Err(Problem::conflict("not_enrolling", "no secret waits for its first code: make one"));
        }
    };
    told(&state, tx, &principal, &origin, ("account.enable_second_factor", Occasion::SecondFactorOn)).await?;
    Ok(shown(&codes))
}

/// The password, and one of both proofs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Prove {
    /// The password: an open session is not enough.
    #[schema(max_length = 128)]
    password: String,
    /// The code that the authenticator shows.
    #[schema(max_length = 20)]
    code: Option<String>,
    /// Or one of the recovery codes.
    #[schema(max_length = 100)]
    recovery_code: Option<String>,
}

/// Checks both, and opens the transaction of what they allow.
async fn proved(
    state: &AppState,
    principal: &Principal,
    origin: &Origin,
    body: Prove,
) -> Result<Tx, Problem> {
    let proof = proof(body.code, body.recovery_code)?;
    if second_factor::status(&state.db, principal.user).await?.enabled_at.is_none() {
        return Err(Problem::conflict("not_enabled", "there is no second factor"));
    }
    let confirmed = confirmed(state, principal, origin, body.password).await?;
    let tx = state.db.begin("accounts.prove_second_factor").await?;
    state.accounts.prove(tx, &confirmed.user, &proof, origin).await.map_err(|error| match error {
        ProofError::Wrong => Problem::forbidden("wrong_code", error.to_string()),
        error => not_proved(error, state.clock.now()),
    })
}

/// Makes ten new recovery codes; those before are worthless.
#[utoipa::path(post, path = "/me/totp/recovery-codes", tag = "accounts", security(("bearer" = [])), request_body = Prove,
    responses((status = 200, description = "The codes, shown once", body = RecoveryCodes),
        (status = 403, description = "`wrong_password`, `wrong_code`"),
        (status = 409, description = "`not_enabled`: there is no second factor")))]
async fn renew_codes(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<Prove>,
) -> Answer {
    let mut tx = proved(&state, &principal, &origin, body).await?;
    let codes = recovery::replace(&mut tx, principal.user).await?;
    let (now, who) = (state.clock.now(), Who::from(&principal));
    let entry = origin.entry(now, who, "account.renew_recovery_codes", Some(principal.user));
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(shown(&codes))
}

/// Turns the second factor off and takes the recovery codes away.
#[utoipa::path(delete, path = "/me/totp", tag = "accounts", security(("bearer" = [])), request_body = Prove,
    responses((status = 204, description = "Off"),
        (status = 403, description = "`wrong_password`, `wrong_code`"),
        (status = 409, description = "`not_enabled`: there is no second factor")))]
async fn disable(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<Prove>,
) -> Answer {
    let mut tx = proved(&state, &principal, &origin, body).await?;
    second_factor::remove(&mut tx, principal.user).await?;
    told(&state, tx, &principal, &origin, ("account.disable_second_factor", Occasion::SecondFactorOff))
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Writes the change down, tells its owner by mail, and commits.
async fn told(
    state: &AppState,
    mut tx: Tx,
    principal: &Principal,
    origin: &Origin,
    (action, occasion): (&'static str, Occasion),
) -> Result<(), Problem> {
    let (user, now) = (principal.user, state.clock.now());
    audit::record(&mut tx, &[origin.entry(now, Who::from(principal), action, Some(user))]).await?;
    state.jobs.enqueue(&mut tx, &SendAccountMail { user, occasion }).await?;
    Ok(tx.commit().await?)
}
