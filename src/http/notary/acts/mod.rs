//! Acts and the protocol register over HTTP. Rules and SQL: [`crate::notary::acts`].

mod cases;
mod deeds;
mod opening;
mod parties;
mod refused;
mod register;
mod signature_answers;
mod signature_requests;
mod signed_deed;
mod signing;
mod survey;
mod transitions;

use utoipa_axum::router::OpenApiRouter;

use crate::http::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(opening::routes())
        .merge(cases::routes())
        .merge(parties::routes())
        .merge(deeds::routes())
        .merge(transitions::routes())
        .merge(signed_deed::routes())
        .merge(signature_requests::routes())
        .merge(signature_answers::routes())
        .merge(survey::routes())
        .merge(register::routes())
}
