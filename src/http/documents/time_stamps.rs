//! Time stamps of documents: asked for by those who may read, listed, downloaded.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::IntoResponse as _,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    content::{DocumentContent, PRIVATE},
    told::Teller,
};
use crate::{
    audit,
    documents::{
        time_stamps::{self, PER_DOCUMENT, TimeStamp},
        versions,
    },
    http::{
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{DocumentId, TimeStampId},
};

const STAMP: &str = "document.time_stamp";
/// RFC 3161, 3.4.
const REPLY: HeaderValue = HeaderValue::from_static("application/timestamp-reply");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(download))
}

/// Lists the time stamps of a document, newest first.
#[utoipa::path(get, path = "/documents/{id}/time-stamps", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), PageParameters),
    responses((status = 200, description = "A page of time stamps", body = Page<TimeStamp>)))]
async fn list(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    list: Listing<NoFilters, TimeStampId>,
) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    let Some(found) = time_stamps::list(&state.db, viewer, id, list.after, list.fetch(), now).await? else {
        return Err(teller.missed(&state, "document.show", id).await?);
    };
    Ok(list.answer(found, |it| it.id, |it| it))
}

/// A time stamp that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDocumentTimeStamp)]
struct NewTimeStamp {
    /// The version that is stamped; else the newest.
    #[schema(minimum = 1)]
    version: Option<i32>,
}

/// Stamps a version of a document with the time (RFC 3161): its hash goes to the time stamp authority, nothing else.
#[utoipa::path(post, path = "/documents/{id}/time-stamps", tag = "documents", security(("bearer" = [])),
    request_body = NewTimeStamp, params(("id" = uuid::Uuid, Path, description = "The document")),
    responses((status = 201, description = "The time stamp", body = TimeStamp),
        (status = 409, description = "`too_many_time_stamps`"),
        (status = 422, description = "`unknown_version`, or the body is wrong"),
        (status = 503, description = "`time_stamp_provider_away`: nothing has changed")))]
async fn create(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    Keyed { body, request }: Keyed<NewTimeStamp>,
) -> Answer {
    let (now, user) = (state.clock.now(), teller.principal.user);
    let mut checks = Checks::default();
    if let Some(version) = body.version {
        checks.range("/version", version, 1..=i32::MAX);
    }
    checks.done()?;
    let Some(newest) = versions::content(&state.db, user, id, None, now).await? else {
        return Err(teller.missed(&state, STAMP, id).await?);
    };
    let content = match body.version {
        Some(number) => versions::content(&state.db, user, id, Some(number), now).await?,
        None => Some(newest),
    };
    let unknown = || Problem::rule("unknown_version", "the document has no such version");
    let version = content.ok_or_else(unknown)?.version;
    // Outside of the transaction: an authority may take its time. A repetition has another one for nothing.
    let token = state.signing.time_stamp(version.sha256.0, now).await?;
    let claim = request.claim(user);
    let mut tx = state.db.begin("documents.keep_time_stamp").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let stamp = TimeStampId::new(now);
    let kept = time_stamps::keep(&mut tx, (stamp, user), (id, version.number), &token, now).await?;
    let kept = kept.ok_or_else(|| {
        Problem::conflict(
            "too_many_time_stamps",
            format!("a document has {PER_DOCUMENT} time stamps at most"),
        )
    })?;
    let mut entry = teller.entry(now, STAMP, id);
    entry.details =
        serde_json::json!({ "time_stamp": stamp, "version": kept.version, "serial": kept.serial });
    audit::record(&mut tx, &[entry]).await?;
    let outcome = Outcome::created(format!("/api/v1/documents/{id}/time-stamps/{stamp}/content"), &kept)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    Ok(outcome.into_response())
}

/// Sends a time stamp: the authority's answer, as `openssl ts -verify -in … -data …` reads it.
#[utoipa::path(get, path = "/documents/{id}/time-stamps/{time_stamp}/content", tag = "documents",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"),
        ("time_stamp" = uuid::Uuid, Path, description = "The time stamp")),
    responses((status = 200, description = "The time stamp (RFC 3161, DER)", body = inline(DocumentContent),
        content_type = "application/timestamp-reply")))]
async fn download(
    State(state): State<AppState>,
    teller: Teller,
    Path((id, stamp)): Path<(DocumentId, TimeStampId)>,
) -> Answer {
    let (now, user) = (state.clock.now(), teller.principal.user);
    let Some(reply) = time_stamps::reply(&state.db, user, (id, stamp), now).await? else {
        return Err(teller.missed(&state, "document.read", id).await?);
    };
    let name = format!("attachment; filename=\"{stamp}.tsr\"");
    let name = HeaderValue::try_from(name).map_err(Problem::internal)?;
    let headers = [
        (header::CONTENT_TYPE, REPLY),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, PRIVATE),
    ];
    Ok((headers, reply).into_response())
}
