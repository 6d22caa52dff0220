//! Reviews: written, read, changed, deleted. Rules and SQL live in [`crate::events::reviews`].

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    actors::data::cache::Tag,
    events::reviews::{self, After, Opinion, Review, ReviewError},
    http::{
        auth::CurrentUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        merge_patch::MergePatch,
        negotiate::Coding,
        pages::page,
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::ReviewId,
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create, of_event))
        .routes(routes!(show, change, delete))
        .routes(routes!(mine))
}

/// A review with its ETag.
pub(super) fn tagged(review: Review) -> Response {
    let etag = ETag::of_version(review.version).header(Coding::Identity);
    ([(header::ETAG, etag)], Json(review)).into_response()
}

fn checked(opinion: &Opinion) -> Result<Opinion, Problem> {
    let mut checks = Checks::default();
    checks.range("/rating", opinion.rating, 1..=5);
    let comment = checks.text("/comment", &opinion.comment, 0..=2000).to_owned();
    checks.done()?;
    Ok(Opinion { rating: opinion.rating, comment })
}

/// Reviews an event, from the day after one has been there.
#[utoipa::path(post, path = "/events/{slug}/reviews", tag = "reviews", security(("bearer" = [])),
    request_body = Opinion,
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 201, description = "The review, with its ETag", body = Review),
        (status = 403, description = "Only who has been there may review, and not the host"),
        (status = 409, description = "`already_reviewed`: change that review; `event_withdrawn`")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(slug): Path<String>,
    Keyed { body, request }: Keyed<Opinion>,
) -> Answer {
    let opinion = checked(&body)?;
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut tx = state.db.begin("events.review").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let ids = (ReviewId::new(now), principal.user);
    let review = reviews::create(&mut tx, ids, &slug, &opinion, now).await.map_err(unwritten)?;
    let outcome = Outcome::created(format!("/api/v1/reviews/{}", review.id), &review)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    state.pages.invalidate(&[Tag::Event(&slug)]);
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(review.version).header(Coding::Identity));
    Ok(response)
}

fn unwritten(error: ReviewError) -> Problem {
    let detail = error.to_string();
    match error {
        ReviewError::NoSuchEvent => Problem::not_found("event"),
        ReviewError::Withdrawn => Problem::conflict("event_withdrawn", detail),
        ReviewError::NotAttended => Problem::forbidden("not_attended", detail),
        ReviewError::OwnEvent => Problem::forbidden("own_event", detail),
        ReviewError::Twice => Problem::conflict("already_reviewed", detail),
        ReviewError::Db(error) => error.into(),
    }
}

/// Lists the reviews of an event, newest first.
#[utoipa::path(get, path = "/events/{slug}/reviews", tag = "reviews",
    params(("slug" = String, Path, description = "The event's name in URLs"), PageParameters),
    responses((status = 200, description = "A page of reviews", body = Page<Review>),
        (status = 304, description = "Unchanged since the ETag in If-None-Match")))]
async fn of_event(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    list: Listing<NoFilters, After>,
) -> Answer {
    let (key, list) = (list.cache_key(), Arc::new(list));
    let load = || {
        let (state, slug, list) = (state.clone(), slug.clone(), list.clone());
        async move {
            let found = reviews::of_event(&state.db.public(), slug, list.after, list.fetch()).await?;
            let Some(found) = found else { return Ok(None) };
            let found = list.page(found, |review| (review.created_at, review.id), |review| review);
            let link = found.next_cursor.as_deref().map(|cursor| list.link(cursor));
            Ok(Some(page(&found).linked(link)))
        }
    };
    let found = state.pages.get(&state.pages.reviews, &key, &[Tag::Event(&slug)], load).await?;
    found.map(|page| page.answer(&headers)).ok_or_else(|| Problem::not_found("event"))
}

/// Lists one's own reviews, newest first.
#[utoipa::path(get, path = "/me/reviews", tag = "reviews", security(("bearer" = [])), params(PageParameters),
    responses((status = 200, description = "A page of reviews", body = Page<Review>)))]
async fn mine(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<NoFilters, After>,
) -> Answer {
    let found = reviews::of_author(&state.db, principal.user, list.after, list.fetch()).await?;
    Ok(list.answer(found, |review| (review.created_at, review.id), |review| review))
}

/// Shows one of one's reviews. Administrators see everybody's.
#[utoipa::path(get, path = "/reviews/{id}", tag = "reviews", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 200, description = "The review, with its ETag", body = Review)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ReviewId>,
) -> Answer {
    let author = (!principal.is_admin()).then_some(principal.user);
    let review = reviews::find(&state.db, id, author).await?;
    Ok(tagged(review.ok_or_else(|| Problem::not_found("review"))?))
}

/// Changes to a review: a JSON merge patch (RFC 7396).
struct ChangeReview;

impl PartialSchema for ChangeReview {
    fn schema() -> RefOr<Schema> {
        let mut schema = Opinion::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description = Some("What is left out stays (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for ChangeReview {}

/// Changes one of one's reviews.
#[utoipa::path(patch, path = "/reviews/{id}", tag = "reviews", security(("bearer" = [])),
    request_body(content((ChangeReview = "application/merge-patch+json"), (ChangeReview = "application/json"))),
    params(("id" = uuid::Uuid, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed review, with its ETag", body = Review),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ReviewId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let review = reviews::find(&state.db, id, Some(principal.user)).await?;
    let review = review.ok_or_else(|| Problem::not_found("review"))?;
    if_match.check(&ETag::of_version(review.version))?;
    let opinion = checked(&patch.apply(&review.opinion())?)?;
    let mut tx = state.db.begin("events.change_review").await?;
    let changed = reviews::change(&mut tx, (id, review.version), &opinion, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    tx.commit().await?;
    state.pages.invalidate(&[Tag::Event(&changed.event)]);
    Ok(tagged(changed))
}

/// Deletes one of one's reviews.
#[utoipa::path(delete, path = "/reviews/{id}", tag = "reviews", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Deleted"), (status = 412, description = "It was changed meanwhile")))]
async fn delete(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ReviewId>,
    if_match: IfMatch,
) -> Answer {
    let mut version = None;
    if if_match.0.is_some() {
        let review = reviews::find(&state.db, id, Some(principal.user)).await?;
        let review = review.ok_or_else(|| Problem::not_found("review"))?;
        if_match.check(&ETag::of_version(review.version))?;
        version = Some(review.version);
    }
    let mut tx = state.db.begin("events.delete_review").await?;
    let deleted = reviews::delete(&mut tx, id, principal.user, version).await?;
    let gone = || version.map_or_else(|| Problem::not_found("review"), |_| Problem::precondition_failed());
    let event = deleted.ok_or_else(gone)?;
    tx.commit().await?;
    state.pages.invalidate(&[Tag::Event(&event)]);
    Ok(StatusCode::NO_CONTENT.into_response())
}
