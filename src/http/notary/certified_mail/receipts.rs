//! Receipts of a certified mail: the list, and each as the mail that it was.

use axum::{
    extract::State,
    http::{HeaderMap, Method},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::refused::record;
use crate::{
    documents::versions,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::Path,
        listing::{Listing, NoFilters, Page, PageParameters},
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::{CertifiedMailId, ReceiptId},
    notary::certified_mail::{
        message,
        receipts::{self, Receipt},
    },
};

/// A receipt has one version.
const ONLY: i32 = 1;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(content))
}

/// Lists the receipts of a certified mail, in the order in which they came; those that came together have none.
#[utoipa::path(get, path = "/certified-mail/{id}/receipts", tag = "notary certified mail", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The certified mail"), PageParameters),
    responses((status = 200, description = "A page of receipts", body = Page<Receipt>)))]
async fn list(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    Path(id): Path<CertifiedMailId>,
    list: Listing<NoFilters, ReceiptId>,
) -> Answer {
    let reader = (&principal).into();
    let found = receipts::list(&state.db, reader, id, list.after, list.fetch()).await?;
    if found.is_empty() && message::find(&state.db, reader, id).await?.is_none() {
        return Err(Problem::not_found("certified mail"));
    }
    Ok(list.answer(found, |receipt| receipt.id, |receipt| receipt))
}

/// Sends a receipt as the mail that it was, with its `daticert.xml`, to who may send certified mail for the office.
#[utoipa::path(get, path = "/certified-mail/{id}/receipts/{receipt}/content", tag = "notary certified mail",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The certified mail"), ("receipt" = uuid::Uuid, Path, description = "The receipt"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The mail; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), (status = 416, description = "The mail is shorter")))]
async fn content(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path((id, receipt)): Path<(CertifiedMailId, ReceiptId)>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let document = receipts::document_of(&state.db, principal.user, id, receipt).await?;
    let document = document.ok_or_else(|| Problem::not_found("receipt"))?;
    let content = versions::held(&state.db, document, ONLY).await?;
    let content = content.ok_or_else(|| Problem::not_found("receipt"))?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let mut tx = state.db.begin("notary.certified_mail.read_receipt").await?;
        let (whom, what) = ((&principal, client), ("certified_mail", id));
        let details = serde_json::json!({ "receipt": receipt });
        record(&state, &mut tx, whom, "certified_mail.read_receipt", what, details).await?;
        Ok(tx.commit().await?)
    })
    .await
}
