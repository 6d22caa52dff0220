//! Links to documents: made, listed, revoked by those who may share. What they open is in `opened.rs`.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::told::Teller;
use crate::{
    audit,
    documents::{
        links::{self, Link, LinkError, New},
        permissions::lock_to_share,
    },
    http::{
        extract::Path,
        idempotency::{self, Keyed, Outcome},
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        validate::Checks,
    },
    ids::{DocumentId, DocumentLinkId},
};

/// More is the same as no bound.
const DOWNLOADS_MAX: i32 = 1_000_000;
const CREATE: &str = "document.create_link";
const REVOKE: &str = "document.revoke_link";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(remove))
}

/// Lists the links to a document, newest first, without their secrets; those that are over for thirty days. For those who may
/// share it, and administrators.
#[utoipa::path(get, path = "/documents/{id}/links", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), PageParameters),
    responses((status = 200, description = "A page of links", body = Page<Link>),
        (status = 403, description = "`no_right`: one may only read it")))]
async fn list(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    list: Listing<NoFilters, DocumentLinkId>,
) -> Answer {
    let (viewer, now) = (teller.viewer(), state.clock.now());
    let Some(found) = links::list(&state.db, viewer, id, list.after, list.fetch(), now).await? else {
        return Err(teller.not_allowed(&state, "document.show_links", id).await?);
    };
    Ok(list.answer(found, |link| link.id, |link| link))
}

/// A link that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDocumentLink)]
struct NewLink {
    /// The version that it opens; else the newest, which it opens also when there are newer ones.
    #[schema(minimum = 1)]
    version: Option<i32>,
    /// So many seconds from now it ends; or `expires_at`; else after an hour, unless configured otherwise.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in: Option<i64>,
    /// It ends then: within seven days, unless configured otherwise.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// So often it may be downloaded.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_downloads: Option<i32>,
}

impl NewLink {
    fn check(self, state: &AppState, now: Timestamp) -> Result<New, Problem> {
        let config = &state.config.documents;
        let usual = SignedDuration::try_from(*config.link_life).map_err(Problem::internal)?;
        let longest = SignedDuration::try_from(*config.link_life_max).map_err(Problem::internal)?;
        let mut checks = Checks::default();
        if let Some(version) = self.version {
            checks.range("/version", version, 1..=i32::MAX);
        }
        if let Some(times) = self.max_downloads {
            checks.range("/max_downloads", times, 1..=DOWNLOADS_MAX);
        }
        let mut expires_at = self.expires_at;
        if let Some(until) = expires_at {
            let right = until > now && until <= now + longest;
            let detail = format!("must be in the future, and within {} seconds", longest.as_secs());
            if !right {
                checks.fail("/expires_at", "out_of_range", detail);
            }
        }
        if let Some(seconds) = self.expires_in {
            checks.range("/expires_in", seconds, 1..=longest.as_secs());
            checks.ensure(expires_at.is_none(), "/expires_in", "not_allowed", "or `expires_at`, not both");
            expires_at = now.checked_add(SignedDuration::from_secs(seconds)).ok();
        }
        checks.done()?;
        let usual = now + usual;
        Ok(New { version: self.version, expires_at, usual, max_downloads: self.max_downloads })
    }
}

/// A new link.
#[derive(serde::Serialize, ToSchema)]
#[schema(as = CreatedDocumentLink)]
struct CreatedLink {
    /// What is known of it.
    #[serde(flatten)]
    link: Link,
    /// Whoever has it can download the version. It is shown this once: a repetition with the same key does not have it.
    url: Option<String>,
}

/// Makes a secret link to a version of a document, for somebody without an account.
#[utoipa::path(post, path = "/documents/{id}/links", tag = "documents", security(("bearer" = [])), request_body = NewLink,
    params(("id" = uuid::Uuid, Path, description = "The document")),
    responses((status = 201, description = "The link; `url` is shown this once", body = CreatedLink),
        (status = 403, description = "`no_right`: one may not share it; `more_than_own`: it would outlive one's permission"),
        (status = 409, description = "`too_many_links`"),
        (status = 422, description = "`unknown_version`, or the body is wrong")))]
async fn create(
    State(state): State<AppState>,
    teller: Teller,
    Path(id): Path<DocumentId>,
    Keyed { body, request }: Keyed<NewLink>,
) -> Answer {
    let now = state.clock.now();
    let new = body.check(&state, now)?;
    let claim = request.claim(teller.principal.user);
    let mut tx = state.db.begin("documents.create_link").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        return Ok(replay);
    }
    let Some(holder) = lock_to_share(&mut tx, teller.principal.user, id, now).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, CREATE, id).await?);
    };
    let (link, token) = match links::create(&mut tx, &holder, id, new, now).await {
        Ok(made) => made,
        Err(LinkError::MoreThanOwn) => {
            drop(tx);
            teller.refused(&state, CREATE, id, "more_than_own").await?;
            return Err(LinkError::MoreThanOwn.into());
        }
        Err(error) => return Err(error.into()),
    };
    let mut entry = teller.entry(now, CREATE, id);
    entry.details = serde_json::json!({ "link": link.id, "version": link.version, "expires_at": link.expires_at,
        "max_downloads": link.max_downloads });
    audit::record(&mut tx, &[entry]).await?;
    let location = format!("/api/v1/documents/{id}/links/{}", link.id);
    let secret = format!("{}/d/{}", state.config.server.base_url(), token.expose());
    // The table of answers holds no secret.
    let mut created = CreatedLink { link, url: None };
    let outcome = Outcome::created(location, &created)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    created.url = Some(secret);
    Ok(Outcome { location: outcome.location, ..Outcome::json(StatusCode::CREATED, &created)? }
        .into_response())
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        let detail = error.to_string();
        match error {
            LinkError::NoVersion => Self::rule("unknown_version", detail),
            LinkError::MoreThanOwn => Self::forbidden("more_than_own", detail),
            LinkError::TooMany => Self::conflict("too_many_links", detail),
            LinkError::Db(error) => error.into(),
        }
    }
}

/// Revokes a link of one's own, or any to one's own document: it opens nothing from now on.
#[utoipa::path(delete, path = "/documents/{id}/links/{link}", tag = "documents", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The document"), ("link" = uuid::Uuid, Path, description = "The link")),
    responses((status = 204, description = "Revoked, now or before"),
        (status = 403, description = "`no_right`: one may not share the document, or somebody else has made the link")))]
async fn remove(
    State(state): State<AppState>,
    teller: Teller,
    Path((id, link)): Path<(DocumentId, DocumentLinkId)>,
) -> Answer<Response> {
    let now = state.clock.now();
    let mut tx = state.db.begin("documents.revoke_link").await?;
    let Some(holder) = lock_to_share(&mut tx, teller.principal.user, id, now).await? else {
        drop(tx);
        return Err(teller.not_allowed(&state, REVOKE, id).await?);
    };
    match links::revoke(&mut tx, &holder, id, link, now).await? {
        Some(true) => {}
        Some(false) => {
            drop(tx);
            teller.refused(&state, REVOKE, id, "made_by_another").await?;
            return Err(Problem::forbidden("no_right", "somebody else has made this link"));
        }
        None => return Err(Problem::not_found("link")),
    }
    let mut entry = teller.entry(now, REVOKE, id);
    entry.details = serde_json::json!({ "link": link });
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
