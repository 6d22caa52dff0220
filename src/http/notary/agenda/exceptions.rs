//! Closures and extra openings of one's office.

use axum::{extract::State, http::StatusCode, response::IntoResponse as _};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::{Teller, not_permitted};
use crate::{
    http::{
        client::ClientAddress,
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        notary::office::OfficeUser,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ExceptionId,
    notary::{
        agenda::exceptions::{self, Exception, Kind, NewException, PER_OFFICE},
        licence,
        rules::slots::{MINUTES_MAX, MINUTES_MIN},
        time::today,
    },
};

/// A longer one is a slip: two years.
const LONGEST: SignedDuration = SignedDuration::from_hours(2 * 366 * 24);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// A closure, or an opening besides the week.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAvailabilityException)]
struct New {
    /// Whether people are met.
    kind: Kind,
    /// From.
    #[schema(value_type = String, format = DateTime)]
    starts_at: Timestamp,
    /// Until; later, by two years at most.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// Why, for the office.
    #[serde(default)]
    #[schema(max_length = 200)]
    reason: String,
    /// Of openings: a slot begins every so many minutes; 30 if nothing is said.
    #[schema(minimum = 15, maximum = 480)]
    slot_minutes: Option<u16>,
    /// Of openings: people may book it themselves; so it is if nothing is said.
    is_online: Option<bool>,
}

impl New {
    fn check(self) -> Result<NewException, Problem> {
        let mut checks = Checks::default();
        let length = self.ends_at.duration_since(self.starts_at);
        checks.ensure(length.is_positive(), "/ends_at", "out_of_range", "must be later than `starts_at`");
        checks.ensure(
            length <= LONGEST,
            "/ends_at",
            "out_of_range",
            "must be within two years of `starts_at`",
        );
        let reason = checks.text("/reason", &self.reason, 0..=200).to_owned();
        let is_opening = self.kind == Kind::Opening;
        if let Some(minutes) = self.slot_minutes {
            checks.ensure(is_opening, "/slot_minutes", "not_allowed", "closures have no slots");
            checks.range("/slot_minutes", minutes, MINUTES_MIN..=MINUTES_MAX);
        }
        checks.ensure(
            self.is_online.is_none() || is_opening,
            "/is_online",
            "not_allowed",
            "closures have no slots",
        );
        checks.done()?;
        let minutes = i16::try_from(self.slot_minutes.unwrap_or(30)).unwrap_or(i16::MAX);
        Ok(NewException {
            kind: self.kind,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            reason,
            slot_minutes: is_opening.then_some(minutes),
            is_online: self.is_online.unwrap_or(true),
        })
    }
}

/// Which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Only those that end later; now if nothing is said.
    #[param(value_type = Option<String>, format = DateTime)]
    ends_after: Option<Timestamp>,
}

/// Lists the closures and extra openings of one's office, in the order in which they begin.
#[utoipa::path(get, path = "/notary/office/exceptions", tag = "notary agenda", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of exceptions", body = Page<Exception>),
        (status = 403, description = "`no_office`")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<Filters, (Timestamp, ExceptionId)>,
) -> Answer {
    let after = list.filters.ends_after.unwrap_or_else(|| state.clock.now());
    let found =
        exceptions::list(&state.db, (office, principal.user), after, list.after, list.fetch()).await?;
    Ok(list.answer(found, |exception| (exception.starts_at, exception.id), |exception| exception))
}

/// Closes one's office for a time, or opens it besides the week. What is booked in a closure stays: the office cancels or
/// moves it.
#[utoipa::path(post, path = "/notary/office/exceptions", tag = "notary agenda", security(("bearer" = [])),
    request_body = New,
    responses((status = 201, description = "The exception", body = Exception),
        (status = 403, description = "`no_office`; `not_permitted`; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`too_many_exceptions`: remove some first")))]
async fn create(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    client: ClientAddress,
    Keyed { body, request }: Keyed<New>,
) -> Answer {
    let now = state.clock.now();
    let new = body.check()?;
    let (claim, id) = (request.claim(principal.user), ExceptionId::new(now));
    let mut tx = state.db.begin("notary.exceptions.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    licence::require(&mut tx, office, today(now)).await?;
    let Some(made) = exceptions::create(&mut tx, (id, office, principal.user), &new, now).await? else {
        drop(tx);
        let to_come = exceptions::list(&state.db, (office, principal.user), now, None, PER_OFFICE).await?;
        let full = || {
            Problem::conflict(
                "too_many_exceptions",
                format!("{PER_OFFICE} to come are the most: remove some first"),
            )
        };
        return Err(if to_come.len() as i64 >= PER_OFFICE { full() } else { not_permitted() });
    };
    let told = ("availability_exception", id.to_string());
    let teller = Teller { principal: &principal, client };
    teller
        .told(
            &state,
            &mut tx,
            "availability_exception.create",
            told,
            serde_json::json!({ "kind": made.kind }),
        )
        .await?;
    let outcome = Outcome::created(format!("/api/v1/notary/office/exceptions/{id}"), &made)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Removes a closure or an extra opening of one's office.
#[utoipa::path(delete, path = "/notary/office/exceptions/{id}", tag = "notary agenda", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The exception")),
    responses((status = 204, description = "Removed"), (status = 403, description = "`no_office`")))]
async fn remove(
    State(state): State<AppState>,
    OfficeUser { principal, .. }: OfficeUser,
    client: ClientAddress,
    Path(id): Path<ExceptionId>,
) -> Answer {
    let mut tx = state.db.begin("notary.exceptions.remove").await?;
    if !exceptions::remove(&mut tx, id, principal.user).await? {
        return Err(Problem::not_found("exception"));
    }
    let told = ("availability_exception", id.to_string());
    let teller = Teller { principal: &principal, client };
    teller.told(&state, &mut tx, "availability_exception.remove", told, serde_json::json!({})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
