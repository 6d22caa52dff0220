//! Every route, in one list.

use axum::{Router, http::Method};
use utoipa_axum::router::OpenApiRouter;

use super::{
    accounts, admin, audit, calendars, clinic, documents, events,
    front::Front,
    health,
    keys::KeyGate,
    limits::Gate,
    media, notary,
    openapi::{self, operations, reads_query},
    routes::{Query, Routes},
    signing,
    state::AppState,
    tasks,
};

/// The routes with their descriptions.
pub fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .nest(
            "/api/v1",
            OpenApiRouter::new()
                .merge(accounts::routes())
                .merge(events::routes())
                .merge(documents::routes())
                .merge(notary::routes())
                .merge(clinic::routes())
                .merge(signing::routes())
                .merge(tasks::routes())
                .merge(calendars::routes())
                .merge(audit::routes()),
        )
        .merge(admin::routes())
        .merge(health::routes())
        .merge(media::routes())
        .merge(documents::open_routes())
}

/// Routes for people and tools; they describe the API and are no part of it.
const UNDESCRIBED: [(&str, Method); 6] = [
    ("/", Method::GET),
    ("/openapi.json", Method::GET),
    ("/docs", Method::GET),
    ("/docs/{*file}", Method::GET),
    (admin::WITH_SLASHES, Method::GET),
    (admin::WITH_SLASHES, Method::POST),
];

/// The router with everything that happens to every request.
pub fn front(state: &AppState) -> Front {
    let (api, document) = api().split_for_parts();
    let described = document.paths.paths.iter().flat_map(|(path, item)| {
        operations(item).map(move |(method, operation)| {
            let query = if reads_query(operation) { Query::Read } else { Query::Refused };
            (path.as_str(), method, query)
        })
    });
    let undescribed = UNDESCRIBED.map(|(path, method)| {
        let is_api = path == admin::WITH_SLASHES;
        (path, method, if is_api { Query::Refused } else { Query::Read })
    });
    let pages = accounts::pages::PATHS.map(|(path, method)| (path, method, Query::Read));
    let routes = described.chain(undescribed).chain(pages);
    let routes = Routes::new(&state.metrics, routes);
    let router: Router = api
        .merge(health::aliases())
        .merge(accounts::pages::routes())
        .merge(openapi::routes(document))
        .with_state(state.clone());
    let gate = Gate::new(state);
    let keys = KeyGate::new(gate.clone(), state.accounts.keys().clone());
    Front::new(&state.config.server, router, routes, gate, state.metrics.clone())
        .with_keys(keys)
        .with_pages(state.pages.clone())
}
