//! Every route, in one list.

use std::sync::Arc;

use axum::{
    Router,
    http::Method,
    middleware::{from_fn, from_fn_with_state},
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    accounts, events,
    front::{Front, front, name_route},
    health, openapi,
    problem::Problem,
    state::AppState,
};

/// The routes of the API, with their descriptions.
pub fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .nest("/api/v1", OpenApiRouter::new().merge(accounts::routes()).merge(events::routes()))
}

/// The whole router.
pub fn router(state: AppState, process: u32) -> Router {
    let (api, document) = api().split_for_parts();
    let layer = Front::new(state.config.clone(), state.metrics.clone(), process);
    api.merge(health::routes())
        .merge(openapi::routes(&openapi::complete(document)))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn(name_route))
        .fallback(not_found)
        .layer(openapi::cors(&state.config.server.cors_origins))
        .layer(from_fn_with_state(Arc::clone(&layer), front))
        .with_state(state)
}

async fn not_found() -> Problem {
    Problem::not_found("resource")
}

async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!("{method} is not possible here; the Allow header says what is");
    Problem::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
