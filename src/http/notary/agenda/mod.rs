//! The agenda of the notary desk over HTTP. Rules and SQL: [`crate::notary::agenda`].

mod appointments;
mod calendars;
mod exceptions;
mod hours;
mod papers;
mod participants;
mod refused;
mod requests;
mod slots;
mod transitions;
mod waiting_room;

use utoipa_axum::router::OpenApiRouter;

use crate::http::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(hours::routes())
        .merge(exceptions::routes())
        .merge(slots::routes())
        .merge(requests::routes())
        .merge(appointments::routes())
        .merge(calendars::routes())
        .merge(transitions::routes())
        .merge(waiting_room::routes())
        .merge(participants::routes())
        .merge(papers::routes())
}
