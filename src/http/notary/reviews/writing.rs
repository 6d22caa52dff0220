//! A client reviews an act, changes the review, takes it back.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::tagged;
use crate::{
    audit::{self, Entry},
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        merge_patch::MergePatch,
        negotiate::Coding,
        notary::{own_office::outdated, told},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{ActId, NotaryReviewId, UserId},
    notary::reviews::{Opinion, Review, lists, review, writing},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(mine)).routes(routes!(show, change, remove))
}

fn checked(opinion: &Opinion) -> Result<Opinion, Problem> {
    let mut checks = Checks::default();
    checks.range("/rating", opinion.rating, 1..=5);
    let title = checks.line("/title", &opinion.title, 0..=200).to_owned();
    let comment = checks.text("/comment", &opinion.comment, 0..=2000).to_owned();
    checks.done()?;
    Ok(Opinion { rating: opinion.rating, title, comment })
}

/// Reviews the notary of an act of one's own, once it is signed. Everybody sees it when an administrator has approved it.
#[utoipa::path(post, path = "/acts/{id}/review", tag = "notary reviews", security(("bearer" = [])),
    request_body = Opinion, params(("id" = uuid::Uuid, Path, description = "The act")),
    responses((status = 201, description = "The review, pending, with its ETag", body = Review),
        (status = 409, description = "`not_signed`: the act is not signed yet; `already_reviewed`: change that review")))]
async fn create(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(act): Path<ActId>,
    Keyed { body, request }: Keyed<Opinion>,
) -> Answer {
    let opinion = checked(&body)?;
    let (now, claim) = (state.clock.now(), request.claim(principal.user));
    let mut tx = state.db.begin("notary.reviews.create").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let ids = (NotaryReviewId::new(now), principal.user);
    let review = writing::create(&mut tx, ids, act, &opinion, now).await?;
    let told = told::entry(&state, (&principal, client), "review.create", ("review", review.id));
    let details = serde_json::json!({ "act": act, "rating": review.rating });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    let outcome = Outcome::created(format!("/api/v1/notary/reviews/{}", review.id), &review)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, ETag::of_version(review.version).header(Coding::Identity));
    Ok(response)
}

/// Lists one's own reviews of notaries, the newest first, whatever became of them.
#[utoipa::path(get, path = "/me/notary-reviews", tag = "notary reviews", security(("bearer" = [])),
    params(PageParameters), responses((status = 200, description = "A page of reviews", body = Page<Review>)))]
async fn mine(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    list: Listing<NoFilters, NotaryReviewId>,
) -> Answer {
    let found = lists::of_author(&state.db, principal.user, list.after, list.fetch()).await?;
    Ok(list.answer(found, |review| review.id, |review| review))
}

/// Shows a review of a notary to its author, to administrators, and to the office once it is approved.
#[utoipa::path(get, path = "/notary/reviews/{id}", tag = "notary reviews", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The review")),
    responses((status = 200, description = "The review, with its ETag", body = Review)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<NotaryReviewId>,
) -> Answer {
    let found = review::find(&state.db, (&principal).into(), id).await?;
    Ok(tagged(StatusCode::OK, &found.ok_or_else(|| Problem::not_found("review"))?))
}

/// Changes to a review: a JSON merge patch (RFC 7396).
struct Change;

impl PartialSchema for Change {
    fn schema() -> RefOr<Schema> {
        let mut schema = Opinion::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.clear();
            object.description = Some("What is left out stays (RFC 7396)".to_owned());
        }
        schema
    }
}

impl ToSchema for Change {
    fn name() -> std::borrow::Cow<'static, str> {
        "ChangeNotaryReview".into()
    }
}

/// One of the person's own.
async fn own(state: &AppState, user: UserId, id: NotaryReviewId) -> Result<Review, Problem> {
    let found = review::find_own(&state.db, user, id).await?;
    found.ok_or_else(|| Problem::not_found("review"))
}

/// Changes one of one's reviews of notaries: an administrator looks at it again, and the answer of the office goes.
#[utoipa::path(patch, path = "/notary/reviews/{id}", tag = "notary reviews", security(("bearer" = [])),
    request_body(content((Change = "application/merge-patch+json"), (Change = "application/json"))),
    params(("id" = uuid::Uuid, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed review, pending, with its ETag", body = Review),
        (status = 412, description = "It was changed meanwhile"), (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<NotaryReviewId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Answer {
    let found = own(&state, principal.user, id).await?;
    if_match.check(&ETag::of_version(found.version))?;
    let opinion = checked(&patch.apply(&found.opinion())?)?;
    let mut tx = state.db.begin("notary.reviews.change").await?;
    let changed = writing::change(&mut tx, &found, &opinion, state.clock.now()).await?;
    let changed = changed.ok_or_else(Problem::precondition_failed)?;
    let told = told::entry(&state, (&principal, client), "review.change", ("review", id));
    let details = serde_json::json!({ "rating": changed.rating, "was": found.rating });
    audit::record(&mut tx, &[Entry { details, ..told }]).await?;
    tx.commit().await?;
    outdated(&state, changed.notary_id);
    Ok(tagged(StatusCode::OK, &changed))
}

/// Removes one of one's reviews of notaries.
#[utoipa::path(delete, path = "/notary/reviews/{id}", tag = "notary reviews", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The review"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Removed"), (status = 412, description = "It was changed meanwhile")))]
async fn remove(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<NotaryReviewId>,
    if_match: IfMatch,
) -> Answer {
    let mut version = None;
    if if_match.0.is_some() {
        let found = own(&state, principal.user, id).await?;
        if_match.check(&ETag::of_version(found.version))?;
        version = Some(found.version);
    }
    let mut tx = state.db.begin("notary.reviews.remove").await?;
    let gone = || version.map_or_else(|| Problem::not_found("review"), |_| Problem::precondition_failed());
    let office = writing::remove(&mut tx, (id, principal.user), version).await?.ok_or_else(gone)?;
    let told = told::entry(&state, (&principal, client), "review.remove", ("review", id));
    audit::record(&mut tx, &[told]).await?;
    tx.commit().await?;
    outdated(&state, office);
    Ok(StatusCode::NO_CONTENT.into_response())
}
