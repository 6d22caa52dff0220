//! What one agreed to: seen with its wording, given, taken back, and its history.

use axum::{extract::State, response::IntoResponse};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::sender::Sender;
use crate::{
    accounts::{
        consents::{self, Change, Purpose, Said},
        users,
    },
    audit::{self, Entry, Who},
    http::{
        auth::CurrentUser,
        extract::{Json, Path},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    mail::Language,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(say)).routes(routes!(history))
}

/// What one has said about a purpose, and what one can agree to.
#[derive(serde::Serialize, ToSchema)]
struct Consent {
    /// What it is about.
    purpose: Purpose,
    /// Whether it is given.
    is_given: bool,
    /// The wording that was agreed to, or taken back; `null`: nothing was ever said.
    wording: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The wording that can be agreed to.
    current_wording: &'static str,
    /// What it says, in one's language.
    text: &'static str,
}

impl Consent {
    fn of(purpose: Purpose, said: Option<Change>, language: Language) -> Self {
        Self {
            purpose,
            is_given: said.as_ref().is_some_and(|said| said.is_given),
            since: said.as_ref().map(|said| said.at),
            wording: said.map(|said| said.wording),
            current_wording: purpose.wording(),
            text: purpose.text(language),
        }
    }
}

/// Every purpose.
#[derive(serde::Serialize, ToSchema)]
struct Consents {
    /// All of them, also those about which nothing was said.
    data: Vec<Consent>,
}

/// Lists every purpose, with what one has said about it and the wording that can be agreed to.
#[utoipa::path(get, path = "/me/consents", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "Every purpose", body = Consents)))]
async fn list(State(state): State<AppState>, CurrentUser(principal): CurrentUser) -> Answer {
    let user = users::find(&state.db, principal.user).await?.ok_or_else(|| Problem::not_found("account"))?;
    let said = consents::newest(&state.db, principal.user).await?;
    let data = said.into_iter().map(|(purpose, said)| Consent::of(purpose, said, user.language)).collect();
    Ok(Json(Consents { data }).into_response())
}

/// What one says about a purpose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SayConsent {
    /// Whether it is given; else it is taken back.
    given: bool,
    /// The wording that one was shown; needed to give.
    #[schema(max_length = 50)]
    wording: Option<String>,
}

/// As its column allows.
const WORDING_MAX: usize = 50;

/// Agrees to a purpose in its current wording, or takes that back. Saying the same again changes nothing.
#[utoipa::path(put, path = "/me/consents/{purpose}", tag = "accounts", security(("bearer" = [])),
    request_body = SayConsent,
    params(("purpose" = Purpose, Path, description = "What it is about")),
    responses((status = 200, description = "What holds now", body = Consent),
        (status = 409, description = "`outdated_wording`: show the current one first"),
        (status = 422, description = "`/wording` is missing")))]
async fn say(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Path(purpose): Path<Purpose>,
    Json(body): Json<SayConsent>,
) -> Answer {
    let current = purpose.wording();
    let mut checks = Checks::default();
    if let Some(wording) = &body.wording {
        checks.line("/wording", wording, 0..=WORDING_MAX);
    }
    checks.done()?;
    match body.wording.as_deref() {
        None if body.given => {
            let detail = "say which wording was agreed to: `current_wording`";
            return Err(Problem::unprocessable(vec![FieldError::body("/wording", "required", detail)]));
        }
        Some(shown) if body.given && shown != current => {
            let detail = format!("the wording is {current} by now: show that one");
            return Err(Problem::conflict("outdated_wording", detail).member("current_wording", current));
        }
        _ => {}
    }
    let (user, now) = (principal.user, state.clock.now());
    let account = users::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("account"))?;
    let address = origin.address.map(|address| address.to_canonical().to_string());
    let said = Said { purpose, is_given: body.given, wording: current, address };
    let mut tx = state.db.begin("accounts.say_consent").await?;
    let changed = consents::say(&mut tx, user, &said, now).await?;
    if changed.is_some() {
        let action = if body.given { "consent.give" } else { "consent.take_back" };
        let entry = origin.entry(now, Who::from(&principal), action, None);
        let details = serde_json::json!({ "wording": current });
        audit::record(
            &mut tx,
            &[Entry { object: "consent", id: Some(purpose.as_str().to_owned()), details, ..entry }],
        )
        .await?;
    }
    tx.commit().await?;
    let holds = match changed {
        Some(changed) => Some(changed),
        None => consents::history(&state.db, user, purpose, None, 1).await?.pop(),
    };
    Ok(Json(Consent::of(purpose, holds, account.language)).into_response())
}

/// Lists everything that one has said about a purpose, newest first. It is never changed.
#[utoipa::path(get, path = "/me/consents/{purpose}/history", tag = "accounts", security(("bearer" = [])),
    params(("purpose" = Purpose, Path, description = "What it is about"), PageParameters),
    responses((status = 200, description = "A page of changes", body = Page<Change>)))]
async fn history(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(purpose): Path<Purpose>,
    list: Listing<NoFilters, i64>,
) -> Answer {
    let found = consents::history(&state.db, principal.user, purpose, list.after, list.fetch()).await?;
    Ok(list.answer(found, |change| change.id, |change| change))
}
