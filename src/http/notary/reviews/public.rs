//! What everybody reads of an office, and what its notary says to it.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse as _,
};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::data::cache::Tag,
    audit,
    http::{
        auth::NotaryUser,
        client::ClientAddress,
        conditional::ETag,
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, Page, PageParameters},
        negotiate::Coding,
        notary::{own_office::outdated, told},
        pages::page,
        problem::{Answer, FieldError, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{NotaryId, NotaryReviewId},
    notary::{
        licence,
        reviews::{PublicReview, Review, answers, lists},
        time::today,
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(answer))
}

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// With this rating.
    #[param(minimum = 1, maximum = 5)]
    rating: Option<i16>,
}

/// Lists the reviews of a notary who can be found, the newest first.
#[utoipa::path(get, path = "/notaries/{id}/reviews", tag = "notary reviews",
    params(("id" = uuid::Uuid, Path, description = "The office"), Filters, PageParameters),
    responses((status = 200, description = "A page of reviews", body = Page<PublicReview>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn list(
    State(state): State<AppState>,
    Path(id): Path<NotaryId>,
    headers: HeaderMap,
    list: Listing<Filters, (Timestamp, NotaryReviewId)>,
) -> Answer {
    if list.filters.rating.is_some_and(|rating| !(1..=5).contains(&rating)) {
        let error = FieldError::query("rating", "out_of_range", "must be from 1 to 5");
        return Err(Problem::invalid_parameters(vec![error]));
    }
    let (key, list) = (list.cache_key(), Arc::new(list));
    let load = || {
        let (state, list) = (state.clone(), list.clone());
        async move {
            let (of, rating) = ((id, today(state.clock.now())), list.filters.rating);
            let found = lists::of_office(&state.db, of, rating, list.after, list.fetch()).await?;
            let Some(found) = found else { return Ok(None) };
            let found = list.page(found, |review| (review.created_at, review.id), |review| review);
            let link = found.next_cursor.as_deref().map(|cursor| list.link(cursor));
            Ok(Some(page(&found).linked(link)))
        }
    };
    let found = state.pages.get(&state.pages.notary_reviews, &key, &[Tag::Notary(id)], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("notary"))
}

/// What the notary says to a review.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerNotaryReview)]
struct Said {
    /// In words.
    #[schema(min_length = 1, max_length = 2000)]
    answer: String,
}

/// Answers a review of one's office, once and in public. When its author changes the review, the answer goes, and another
/// one may be given.
#[utoipa::path(post, path = "/notary/reviews/{id}/answer", tag = "notary reviews", security(("bearer" = [])),
    request_body = Said, params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 201, description = "The review with the answer, and its ETag", body = Review),
        (status = 403, description = "Only notaries may do this; `licence_expired`, `notary_inactive`"),
        (status = 409, description = "`already_answered`")))]
async fn answer(
    State(state): State<AppState>,
    NotaryUser(principal): NotaryUser,
    client: ClientAddress,
    Path(id): Path<NotaryReviewId>,
    Keyed { body, request }: Keyed<Said>,
) -> Answer {
    let mut checks = Checks::default();
    let text = checks.text("/answer", &body.answer, 1..=2000).to_owned();
    checks.done()?;
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut tx = state.db.begin("notary.reviews.answer").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let review = answers::lock(&mut tx, id, principal.user).await?;
    let review = review.ok_or_else(|| Problem::not_found("review"))?;
    licence::require(&mut tx, review.notary_id, today(now)).await?;
    let answered = answers::answer(&mut tx, &review, &text, now).await?;
    let entry = told::entry(&state, (&principal, client), "review.answer", ("review", id));
    audit::record(&mut tx, &[entry]).await?;
    let outcome = Outcome::created(format!("/api/v1/notary/reviews/{id}"), &answered)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    outdated(&state, answered.notary_id);
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(answered.version).header(Coding::Identity));
    Ok(response)
}
