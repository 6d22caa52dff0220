//! One's own account: erased. Rules: [`crate::accounts::erasure`].

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    auth::{not_proved, proof},
    me::confirmed,
    sender::Sender,
};
use crate::{
    accounts::{
        challenge::ProofError,
        erasure::{self, Kept, NotYet},
        second_factor,
    },
    actors::data::cache::Tag,
    audit::{self, Entry, Who},
    http::{
        auth::CurrentUser,
        extract::Json,
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
    },
    jobs::{NewJob, accounts::EraseAccount},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(erase))
}

/// The password, and one of both proofs where a second factor is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EraseMe {
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

/// What happens now, and what is kept.
#[derive(serde::Serialize, ToSchema)]
struct Erasing {
    /// The work. Nobody is logged in any more to look at it; its id may be quoted.
    task: TaskStarted,
    /// What the law keeps.
    kept: Vec<Kept>,
}

fn not_yet(error: NotYet) -> Problem {
    let detail = error.to_string();
    match error {
        NotYet::LastAdmin => Problem::conflict("last_administrator", detail),
        NotYet::BookedEvents { events } => {
            Problem::conflict("booked_events", detail).member("events", events)
        }
        NotYet::Appointments(_) => Problem::conflict("appointments_to_come", detail),
        NotYet::Closed => Problem::conflict("account_closed", detail),
        NotYet::Db(error) => error.into(),
    }
}

/// Erases one's account: it is closed at once and for good, all sessions and keys end, and everything that the law does not
/// keep is removed soon after. The answer names what is kept, for how long, and by which law; when that time is over it goes,
/// too. Mails that wait are not sent any more, and those in an outbox of this server are removed; what was sent is yours.
#[utoipa::path(post, path = "/me/erasure", tag = "accounts", security(("bearer" = [])), request_body = EraseMe,
    responses((status = 202, description = "Closed; the rest is being removed", body = Erasing),
        (status = 403, description = "`wrong_password`, `wrong_code`"),
        (status = 409, description = "`last_administrator`; `appointments_to_come`: make another one first; `booked_events`: withdraw the events that \
            are still to come first")))]
async fn erase(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Sender(origin): Sender,
    Json(body): Json<EraseMe>,
) -> Answer {
    let (user, now) = (principal.user, state.clock.now());
    let has_factor = second_factor::status(&state.db, user).await?.enabled_at.is_some();
    let proof = if has_factor { Some(proof(body.code, body.recovery_code)?) } else { None };
    let confirmed = confirmed(&state, &principal, &origin, body.password).await?;
    let mut tx = state.db.begin("accounts.begin_erasure").await?;
    if let Some(proof) = proof {
        let proved = state.accounts.prove(tx, &confirmed.user, &proof, &origin).await;
        tx = proved.map_err(|error| match error {
            ProofError::Wrong => Problem::forbidden("wrong_code", error.to_string()),
            error => not_proved(error, now),
        })?;
    }
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let begun = erasure::begin(&mut tx, &state.accounts, user, today, now).await.map_err(not_yet)?;
    let job = NewJob::of(&EraseAccount { user }).owner(user.0);
    let job = state.jobs.insert(&mut tx, &[job]).await?.into_iter().next().flatten();
    let job = job.ok_or_else(|| Problem::internal("a job without a unique key is always inserted"))?;
    let entry = origin.entry(now, Who::from(&principal), "account.ask_erasure", Some(user));
    let details = serde_json::json!({ "task": job.to_string(), "withdrawn": begun.withdrawn.len() });
    audit::record(&mut tx, &[Entry { details, ..entry }]).await?;
    tx.commit().await?;
    if !begun.withdrawn.is_empty() {
        let mut tags: Vec<_> = begun.withdrawn.iter().map(|event| Tag::Event(event)).collect();
        tags.push(Tag::Catalogue);
        state.pages.invalidate(&tags);
    }
    let answer = Erasing { task: TaskStarted::of(job), kept: begun.kept };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
