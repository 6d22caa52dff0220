//! Certified mail over HTTP. Rules and SQL: [`crate::notary::certified_mail`].

mod bodies;
mod drafts;
mod intake;
mod mails;
mod of_act;
mod receipts;
mod refused;
mod templates;
mod transitions;

use utoipa_axum::router::OpenApiRouter;

use crate::http::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(mails::routes())
        .merge(drafts::routes())
        .merge(of_act::routes())
        .merge(transitions::routes())
        .merge(receipts::routes())
        .merge(templates::routes())
        .merge(intake::routes())
}
