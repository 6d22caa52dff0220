//! Accounts over HTTP.

mod api_keys;
mod auth;
mod calendar_link;
mod consents;
mod email;
mod erasure;
mod export;
mod me;
pub(super) mod pages;
mod password;
mod second_factor;
mod sender;
mod sessions;
mod users;

pub(super) use auth::not_proved;
pub(super) use me::{null_is_empty, present};

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(auth::routes())
        .merge(password::routes())
        .merge(email::routes())
        .merge(me::routes())
        .merge(second_factor::routes())
        .merge(sessions::routes())
        .merge(api_keys::routes())
        .merge(consents::routes())
        .merge(export::routes())
        .merge(erasure::routes())
        .merge(calendar_link::routes())
        .merge(users::routes())
}
