//! Registering, logging in, refreshing, logging out.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sender::Sender;
use crate::{
    accounts::{
        account_tokens::Issued,
        challenge::ProofError,
        login::{Entered, LoginError},
        passwords::{Busy, Hashing as _, Password, check},
        policy::{Role, Roles},
        second_factor::{METHODS, Proof, SecondFactorError},
        sessions::{self, Ending, Origin, Refreshed},
        users::{self, CreateError, NewUser, User},
    },
    audit::{self, Who},
    http::{
        auth::CurrentUser,
        extract::Json,
        idempotency::{self, Keyed, Outcome},
        problem::{Answer, FieldError, Problem, SOON},
        state::AppState,
        validate::Checks,
    },
    jobs::accounts::{Occasion, SendAccountMail},
    mail::Language,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(log_in_with_second_factor))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
}

/// Tokens: shown once.
#[derive(serde::Serialize, ToSchema)]
struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// When the access token expires.
    #[schema(value_type = String, format = DateTime)]
    access_expires_at: Timestamp,
    /// Exchange it for new tokens, once.
    refresh_token: String,
    /// When the refresh token expires.
    #[schema(value_type = String, format = DateTime)]
    refresh_expires_at: Timestamp,
}

impl From<sessions::Tokens> for Tokens {
    fn from(tokens: sessions::Tokens) -> Self {
        Self {
            access_token: tokens.access.expose().to_owned(),
            token_type: "Bearer",
            access_expires_at: tokens.access_expires_at,
            refresh_token: tokens.refresh.expose().to_owned(),
            refresh_expires_at: tokens.refresh_expires_at,
        }
    }
}

/// Roles that people may give themselves.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OpenRole {
    /// Books.
    #[default]
    Client,
    /// Publishes events.
    Host,
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// The address, which is the name at log-in.
    #[schema(format = "email", max_length = 254)]
    email: String,
    /// At least 8 characters, at most 128, and not one that everybody tries.
    #[schema(value_type = String, min_length = 8, max_length = 128)]
    password: String,
    /// The name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What for.
    #[serde(default)]
    role: OpenRole,
    /// Of mails.
    language: Option<Language>,
}

/// An account and its first session.
#[derive(serde::Serialize, ToSchema)]
struct Registered {
    /// The account.
    user: User,
    /// Its tokens.
    #[serde(flatten)]
    tokens: Tokens,
}

pub(super) fn check_password(
    checks: &mut Checks,
    pointer: &str,
    password: &Password,
    email: &str,
    state: &AppState,
) {
    if let Err(weakness) = check(password, email, state.config.accounts.min_password) {
        checks.fail(pointer, weakness.code(), weakness.to_string());
    }
}

pub(super) fn busy(_: Busy) -> Problem {
    Problem::unavailable(SOON)
}

pub(super) fn not_logged_in(error: LoginError, now: Timestamp) -> Problem {
    let detail = error.to_string();
    match error {
        LoginError::Wrong | LoginError::Disabled => {
            Problem::invalid_credentials("invalid_credentials", detail)
        }
        LoginError::Locked { until } => {
            let wait = until.duration_since(now).as_secs().max(1);
            Problem::too_many(std::time::Duration::from_secs(wait as u64))
        }
        LoginError::Busy(error) => busy(error),
        LoginError::Db(error) => error.into(),
    }
}

pub(in crate::http) fn not_proved(error: ProofError, now: Timestamp) -> Problem {
    let detail = error.to_string();
    match error {
        ProofError::NoChallenge => Problem::invalid_credentials("invalid_challenge", detail),
        ProofError::Wrong => Problem::invalid_credentials("wrong_code", detail),
        ProofError::Locked { until } => not_logged_in(LoginError::Locked { until }, now),
        ProofError::Broken(error) => broken(error),
    }
}

pub(super) fn broken(error: SecondFactorError) -> Problem {
    match error {
        SecondFactorError::Db(error) => error.into(),
        error @ SecondFactorError::Sealed(_) => Problem::internal(error),
    }
}

/// Makes an account and logs in. A repetition with the same `Idempotency-Key`, and the same password, finds the account
/// made and gets tokens of its own.
#[utoipa::path(post, path = "/auth/register", tag = "accounts", request_body = Register,
    responses((status = 201, description = "The account and its tokens", body = Registered)))]
async fn register(
    State(state): State<AppState>,
    Sender(origin): Sender,
    Keyed { body, request }: Keyed<Register>,
) -> Answer {
    let mut checks = Checks::default();
    let email = users::normal_email(&checks.email("/email", &body.email));
    let name = checks.line("/name", &body.name, 1..=100).to_owned();
    let password = Password::new(body.password);
    check_password(&mut checks, "/password", &password, &email, &state);
    checks.done()?;
    let roles = match body.role {
        OpenRole::Client => Roles::CLIENT,
        OpenRole::Host => Role::Host.into(),
    };
    let language = body.language.unwrap_or_else(|| Language::of(&state.config.mail.language));
    let said = (&email, &name, roles, language);
    let claim = request.claim_of(format_args!("nobody, registering {email}"), &said)?;
    let now = state.clock.now();
    let password_hash = state.hasher.hash(password.clone()).await.map_err(busy)?;
    let user = NewUser { email, name, roles, language, password_hash };
    let mut tx = state.db.begin("accounts.register").await?;
    if idempotency::begin(&mut tx, claim, now).await?.is_some() {
        tx.rollback().await?;
        return registered_before(&state, &user.email, password, &origin).await;
    }
    let made = users::create(&mut tx, &user, now).await.map_err(|error| match error {
        CreateError::EmailTaken => {
            Problem::conflict("email_taken", "the address has an account already: log in")
        }
        CreateError::Db(error) => error.into(),
    })?;
    let tokens = state.accounts.sessions().open(&mut tx, made.id, &user.password_hash, &origin).await?;
    let tokens = tokens.ok_or_else(|| Problem::internal("a new account is active and has its password"))?;
    state.jobs.enqueue(&mut tx, &SendAccountMail { user: made.id, occasion: Occasion::Welcome }).await?;
    let who = Who::Person(made.id, Some(tokens.session.0));
    audit::record(&mut tx, &[origin.entry(now, who, "account.register", Some(made.id))]).await?;
    // No secrets in the table of answers: whose account was made is all that a repetition needs.
    let stored = Outcome::json(StatusCode::CREATED, &serde_json::json!({ "user": { "id": made.id } }))?;
    idempotency::finish(&mut tx, claim, &stored, now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(Registered { user: made, tokens: tokens.into() })).into_response())
}

/// The account was made by the first request with this key: whoever knows its password is given new tokens. Another
/// password is another request, and counts as a failed log-in.
async fn registered_before(state: &AppState, email: &str, password: Password, origin: &Origin) -> Answer {
    let logged_in = state.accounts.log_in(&state.hasher, email, password, origin).await;
    let logged_in = logged_in.map_err(|error| match error {
        LoginError::Wrong => idempotency::key_reused(),
        error => not_logged_in(error, state.clock.now()),
    })?;
    let Some(logged_in) = logged_in.logged_in() else {
        return Err(Problem::conflict(
            "second_factor_needed",
            "the account has a second factor by now: log in",
        ));
    };
    let answer = Registered { user: logged_in.user, tokens: logged_in.tokens.into() };
    Ok(idempotency::replay(Outcome::json(StatusCode::CREATED, &answer)?))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    /// The address.
    #[schema(max_length = 254)]
    email: String,
    /// The password.
    #[schema(max_length = 128)]
    password: String,
}

/// The password was right, and the account has a second factor.
#[derive(serde::Serialize, ToSchema)]
struct Challenged {
    /// Send it with the second factor to `/auth/login/totp`. It is good for five tries.
    challenge: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What is accepted: `totp`, `recovery_code`.
    methods: [&'static str; 2],
}

impl From<Issued> for Challenged {
    fn from(issued: Issued) -> Self {
        Self { challenge: issued.token.expose().to_owned(), expires_at: issued.expires_at, methods: METHODS }
    }
}

/// Tokens, or what the second step needs.
#[derive(serde::Serialize, ToSchema)]
#[serde(untagged)]
enum LogInAnswer {
    Tokens(Tokens),
    Challenged(Challenged),
}

/// Logs in. An account with a second factor gets a challenge instead of tokens.
#[utoipa::path(post, path = "/auth/login", tag = "accounts", request_body = LogIn,
    responses((status = 200, description = "Tokens, or a challenge for `/auth/login/totp`", body = LogInAnswer),
        (status = 401, description = "Address or password are wrong")))]
async fn log_in(State(state): State<AppState>, Sender(origin): Sender, Json(body): Json<LogIn>) -> Answer {
    let password = Password::new(body.password);
    let entered = state.accounts.log_in(&state.hasher, &body.email, password, &origin).await;
    let answer = match entered.map_err(|error| not_logged_in(error, state.clock.now()))? {
        Entered::In(logged_in) => LogInAnswer::Tokens(logged_in.tokens.into()),
        Entered::Challenged(challenge) => LogInAnswer::Challenged(challenge.into()),
    };
    Ok(Json(answer).into_response())
}

/// A challenge, and one of both proofs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecondStep {
    /// As it was answered to the password.
    #[schema(max_length = 100)]
    challenge: String,
    /// The code that the authenticator shows.
    #[schema(max_length = 20)]
    code: Option<String>,
    /// Or one of the recovery codes.
    #[schema(max_length = 100)]
    recovery_code: Option<String>,
}

/// The proof that was sent: one of both.
pub(super) fn proof(code: Option<String>, recovery_code: Option<String>) -> Result<Proof, Problem> {
    match (code, recovery_code) {
        (Some(code), None) => Ok(Proof::Code(code)),
        (None, Some(code)) => Ok(Proof::Recovery(code)),
        (code, _) => {
            let word = if code.is_none() { "required" } else { "too_many" };
            let error = FieldError::body("/code", word, "send either `code` or `recovery_code`");
            Err(Problem::unprocessable(vec![error]))
        }
    }
}

/// Logs in with the second factor. Failures lock the account as wrong passwords do.
#[utoipa::path(post, path = "/auth/login/totp", tag = "accounts", request_body = SecondStep,
    responses((status = 200, description = "Tokens", body = Tokens),
        (status = 401, description = "`wrong_code`; `invalid_challenge`: log in again")))]
async fn log_in_with_second_factor(
    State(state): State<AppState>,
    Sender(origin): Sender,
    Json(body): Json<SecondStep>,
) -> Answer {
    let proof = proof(body.code, body.recovery_code)?;
    let logged_in = state.accounts.answer_challenge(&body.challenge, &proof, &origin).await;
    let logged_in = logged_in.map_err(|error| not_proved(error, state.clock.now()))?;
    Ok(Json(Tokens::from(logged_in.tokens)).into_response())
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The refresh token of the last answer.
    #[schema(max_length = 100)]
    refresh_token: String,
}

/// Exchanges a refresh token for new tokens. A token that was used before revokes its session.
#[utoipa::path(post, path = "/auth/refresh", tag = "accounts", request_body = Refresh,
    responses((status = 200, description = "New tokens", body = Tokens),
        (status = 401, description = "The token is not valid: log in")))]
async fn refresh(State(state): State<AppState>, Json(body): Json<Refresh>) -> Answer {
    let mut tx = state.db.begin("accounts.refresh").await?;
    let refreshed = state.accounts.sessions().refresh(&mut tx, &body.refresh_token).await?;
    tx.commit().await?; // a betrayed session is revoked by this, too
    match refreshed {
        Refreshed::Renewed(tokens) => Ok(Json(Tokens::from(*tokens)).into_response()),
        Refreshed::Invalid | Refreshed::Betrayed => Err(Problem::invalid_credentials(
            "invalid_refresh_token",
            "the refresh token is not valid: log in",
        )),
    }
}

/// Logs out: this session's tokens are worthless from now on.
#[utoipa::path(post, path = "/auth/logout", tag = "accounts", security(("bearer" = [])),
    responses((status = 204, description = "Logged out")))]
async fn log_out(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
) -> Answer {
    let mut tx = state.db.begin("accounts.log_out").await?;
    if let Some(session) = principal.session() {
        state.accounts.sessions().end(&mut tx, session, Ending::LoggedOut).await?;
    }
    let (now, who) = (state.clock.now(), Who::from(&principal));
    audit::record(&mut tx, &[origin.entry(now, who, "account.log_out", Some(principal.user))]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
