//! Conservation packages over HTTP. Rules and SQL: [`crate::notary::conservation`].

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::IntoResponse as _,
};
use jiff::SignedDuration;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{office::OfficeUser, told};
use crate::{
    accounts::policy::Principal,
    audit::{self, Entry},
    documents::versions,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::{Json, Path},
        listing::{Listing, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
        tasks::TaskStarted,
    },
    ids::ConservationPackageId,
    jobs::{Hold, NewJob, notary::conservation::VerifyConservationPackage},
    notary::{
        conservation::{
            package::{self, Package},
            progress,
        },
        rules::machine::conservation_package::State as Stage,
    },
};

/// All of a package is read: somebody may ask for it once in this time.
const EVERY: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(content))
        .routes(routes!(verify))
}

/// Which packages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Where they are in their life.
    #[param(inline)]
    status: Option<Stage>,
}

/// Lists the conservation packages of one's office, the newest first. Empty for who may not manage its acts.
#[utoipa::path(get, path = "/notary/office/conservation-packages", tag = "notary acts", security(("bearer" = [])),
    params(Filters, PageParameters),
    responses((status = 200, description = "A page of packages", body = Page<Package>),
        (status = 403, description = "`no_office`")))]
async fn list(
    State(state): State<AppState>,
    OfficeUser { principal, office }: OfficeUser,
    list: Listing<Filters, ConservationPackageId>,
) -> Answer {
    let who = (office, principal.user);
    let found = package::list(&state.db, who, list.filters.status, list.after, list.fetch()).await?;
    Ok(list.answer(found, |package| package.id, |package| package))
}

async fn found(
    state: &AppState,
    principal: &Principal,
    id: ConservationPackageId,
) -> Result<Package, Problem> {
    let found = package::find(&state.db, principal.into(), id).await?;
    found.ok_or_else(|| Problem::not_found("conservation package"))
}

/// Shows a conservation package to the office, and to administrators.
#[utoipa::path(get, path = "/conservation-packages/{id}", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The package")),
    responses((status = 200, description = "The package", body = Package)))]
async fn show(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<ConservationPackageId>,
) -> Answer {
    Ok(Json(found(&state, &principal, id).await?).into_response())
}

/// Sends the archive of a conservation package to the office; its `README.txt` says how it is verified without this service.
#[utoipa::path(get, path = "/conservation-packages/{id}/content", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The package"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The ZIP; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"),
        (status = 403, description = "`not_for_you`: administrators see that it exists"),
        (status = 409, description = "`not_in_this_state`: it is being made"),
        (status = 416, description = "The file is shorter")))]
async fn content(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ConservationPackageId>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let package = found(&state, &principal, id).await?;
    if !package.is_office() {
        return Err(Problem::forbidden("not_for_you", "what is in it is for the office"));
    }
    let making = || Problem::conflict("not_in_this_state", "the package is being made");
    let document = package.document_id.ok_or_else(making)?;
    let content = versions::held(&state.db, document, 1).await?.ok_or_else(making)?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let mut tx = state.db.begin("notary.conservation.read").await?;
        let object = ("conservation_package", id);
        let entry = told::entry(&state, (&principal, client), "conservation.read", object);
        audit::record(&mut tx, &[Entry { details: serde_json::json!({ "document": document }), ..entry }])
            .await?;
        Ok(tx.commit().await?)
    })
    .await
}

/// Has all hashes of a conservation package compared, in the background: `verified_at` or `trouble` of the package says what
/// came of it. For the notary and administrators.
#[utoipa::path(post, path = "/conservation-packages/{id}/verification", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The package")),
    responses((status = 202, description = "They are being compared", body = TaskStarted),
        (status = 403, description = "`not_for_you`"),
        (status = 409, description = "`not_in_this_state`: it was not taken over yet")))]
async fn verify(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ConservationPackageId>,
) -> Answer {
    progress::may_verify(&found(&state, &principal, id).await?)?;
    let mut tx = state.db.begin("notary.conservation.verify").await?;
    let entry = told::entry(&state, (&principal, client), "conservation.ask", ("conservation_package", id));
    audit::record(&mut tx, &[entry]).await?;
    let job = NewJob::of(&VerifyConservationPackage { package: id }).owner(principal.user.0);
    let job = job.unique(id.to_string(), Hold::Until(state.clock.now() + EVERY));
    let Some(job) = state.jobs.insert(&mut tx, &[job]).await?.into_iter().next().flatten() else {
        return Err(Problem::too_many(EVERY.unsigned_abs()));
    };
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(TaskStarted::of(job))).into_response())
}
