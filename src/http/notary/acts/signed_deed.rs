//! The signed deed of an act, for the client and the office.

use axum::{
    extract::State,
    http::{HeaderMap, Method},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    audit,
    documents::versions,
    http::{
        auth::CurrentUser,
        client::ClientAddress,
        documents::{DocumentContent, PRIVATE, serve},
        extract::Path,
        notary::told,
        problem::{Answer, Problem},
        state::AppState,
    },
    ids::ActId,
    notary::{acts::act, agenda::appointment::Reader, signatures::deed::VERSION},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(download))
}

/// Sends the signed deed of an act, to its client and its office: being an administrator is not enough. `pdfsig` and
/// `openssl cms` verify it under the authorities of `/signature/authorities`.
#[utoipa::path(get, path = "/acts/{id}/signed-deed", tag = "notary acts", security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The act"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent")),
    responses((status = 200, description = "The deed (PDF); `Repr-Digest` has its SHA-256",
            body = inline(DocumentContent), content_type = "application/pdf"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "application/pdf"),
        (status = 304, description = "The client has it"),
        (status = 409, description = "`not_signed`: there is none yet"),
        (status = 416, description = "The file is shorter")))]
async fn download(
    State(state): State<AppState>,
    CurrentUser(principal): CurrentUser,
    client: ClientAddress,
    Path(id): Path<ActId>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let reader = Reader { user: principal.user, is_admin: false };
    let found = act::find(&state.db, reader, id).await?.ok_or_else(|| Problem::not_found("act"))?;
    let unsigned = || Problem::conflict("not_signed", "the act has no signed deed yet");
    let deed = found.signed_deed.ok_or_else(unsigned)?;
    let content = versions::held(&state.db, deed.document_id, VERSION).await?.ok_or_else(unsigned)?;
    serve(&state, &content, (&method, &headers), PRIVATE, async |_| {
        let entry = told::entry(&state, (&principal, client), "act.read_deed", ("act", id));
        let mut tx = state.db.begin("notary.acts.read_deed").await?;
        audit::record(&mut tx, &[entry]).await?;
        Ok(tx.commit().await?)
    })
    .await
}
