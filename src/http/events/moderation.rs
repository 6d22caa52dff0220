//! Moderation: administrators hide reviews and show them again. The journal says who and why.

use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::reviews::tagged;
use crate::{
    accounts::policy::Principal,
    actors::data::cache::Tag,
    events::reviews::{self, After, Review, Status},
    http::{
        auth::AdminUser,
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ReviewId,
    journal::{self, Entry},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(hide)).routes(routes!(show))
}

/// Filters of reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// An event's name in URLs.
    event: Option<String>,
    /// Whether everybody sees them.
    #[param(inline)]
    status: Option<Status>,
}

/// Lists the reviews of all events, newest first.
#[utoipa::path(get, path = "/reviews", tag = "reviews", security(("bearer" = [])), params(Filters, PageParameters),
    responses((status = 200, description = "A page of reviews", body = Page<Review>),
        (status = 403, description = "Only administrators may do this")))]
async fn list(State(state): State<AppState>, _: AdminUser, mut list: Listing<Filters, After>) -> Answer {
    let (event, status) = (list.filters.event.take(), list.filters.status);
    let found = reviews::latest(&state.db, event, status, list.after, list.fetch()).await?;
    Ok(list.answer(found, |review| (review.created_at, review.id), |review| review))
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ModerationReason)]
struct Reason {
    /// For the journal: whoever reads it next year should understand.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Hides a review: only its author and administrators see it, and it counts no more.
#[utoipa::path(post, path = "/reviews/{id}/hide", tag = "reviews", security(("bearer" = [])), request_body = Reason,
    params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 200, description = "The hidden review", body = Review),
        (status = 403, description = "Only administrators may do this")))]
async fn hide(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(id): Path<ReviewId>,
    Json(body): Json<Reason>,
) -> Answer {
    moderate(&state, &admin, id, Status::Hidden, &body).await
}

/// Shows a hidden review again.
#[utoipa::path(post, path = "/reviews/{id}/show", tag = "reviews", security(("bearer" = [])), request_body = Reason,
    params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 200, description = "The published review", body = Review),
        (status = 403, description = "Only administrators may do this")))]
async fn show(
    State(state): State<AppState>,
    AdminUser(admin): AdminUser,
    Path(id): Path<ReviewId>,
    Json(body): Json<Reason>,
) -> Answer {
    moderate(&state, &admin, id, Status::Published, &body).await
}

/// The review and its entry in the journal are one transaction; what changes nothing is not journalled.
async fn moderate(
    state: &AppState,
    admin: &Principal,
    id: ReviewId,
    status: Status,
    body: &Reason,
) -> Answer {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", &body.reason, 1..=500).to_owned();
    checks.done()?;
    let mut tx = state.db.begin("events.moderate_review").await?;
    let moderated = reviews::moderate(&mut tx, id, status).await?;
    let (review, has_changed) = moderated.ok_or_else(|| Problem::not_found("review"))?;
    if has_changed {
        let entry = Entry {
            at: state.clock.now(),
            who: Some(admin.user),
            action: if status == Status::Hidden { "review.hide" } else { "review.show" },
            target: format!("review:{id}"),
            reason: Some(reason),
            result: Some("done".to_owned()),
            details: serde_json::json!({ "event": review.event, "session": admin.session() }),
        };
        journal::append(&mut tx, &[entry]).await?;
        tx.commit().await?;
        state.pages.invalidate(&[Tag::Event(&review.event)]);
    }
    Ok(tagged(review))
}
