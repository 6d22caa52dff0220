//! Administrators look at reviews of notaries.

use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::tagged;
use crate::{
    audit::{self, Entry},
    http::{
        auth::AdminUser,
        client::ClientAddress,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        notary::{own_office::outdated, told},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{NotaryId, NotaryReviewId},
    notary::{
        reviews::{Review, moderation},
        rules::machine::review::{Event, State as Stage},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(queue)).routes(routes!(decide))
}

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Where they are in their life; those that wait if nothing is said.
    #[param(inline)]
    status: Option<Stage>,
    /// Of this office.
    notary_id: Option<NotaryId>,
}

/// Lists reviews of notaries that wait for a look, or in another state; who has waited longest comes first. For
/// administrators.
#[utoipa::path(get, path = "/notary/reviews", tag = "notary reviews", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of reviews", body = Page<Review>),
        (status = 403, description = "Only administrators may do this")))]
async fn queue(
    State(state): State<AppState>,
    _: AdminUser,
    list: Listing<Filters, (Timestamp, NotaryReviewId)>,
) -> Answer {
    let which = (list.filters.status.unwrap_or(Stage::Pending), list.filters.notary_id);
    let found = moderation::queue(&state.db, which, list.after, list.fetch()).await?;
    Ok(list.answer(found, |review| (review.created_at, review.id), |review| review))
}

/// What is to happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotaryReviewTransition)]
struct Transition {
    /// `approve` or `reject`.
    event: Event,
    /// Why: of rejecting. Its author reads it.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

/// Approves or rejects a review of a notary; the rating follows at once. For administrators.
#[utoipa::path(post, path = "/notary/reviews/{id}/transitions", tag = "notary reviews", security(("bearer" = [])),
    request_body = Transition, params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 200, description = "The review, with its ETag", body = Review),
        (status = 403, description = "Only administrators may do this"),
        (status = 409, description = "`not_in_this_state`: it is so already")))]
async fn decide(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    client: ClientAddress,
    Path(id): Path<NotaryReviewId>,
    Json(body): Json<Transition>,
) -> Answer {
    let mut checks = Checks::default();
    let reason = body.reason.as_deref().map(|reason| checks.text("/reason", reason, 1..=1000).to_owned());
    let is_rejected = body.event == Event::Reject;
    checks.ensure(body.event != Event::Change, "/event", "not_allowed", "its author changes a review");
    checks.ensure(!is_rejected || reason.is_some(), "/reason", "required", "say why: its author reads it");
    checks.ensure(is_rejected || reason.is_none(), "/reason", "not_allowed", "only rejecting has a reason");
    checks.done()?;
    let mut tx = state.db.begin("notary.reviews.decide").await?;
    let found = moderation::lock(&mut tx, id).await?.ok_or_else(|| Problem::not_found("review"))?;
    let decision = (body.event, reason.as_deref());
    let decided = moderation::decide(&mut tx, &found, decision, state.clock.now()).await?;
    let told = told::entry(&state, (&admin, client), "review.decide", ("review", id));
    let details = serde_json::json!({ "event": body.event, "was": found.status, "reason": reason });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, decided.notary_id);
    Ok(tagged(StatusCode::OK, &decided))
}
