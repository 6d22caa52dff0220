//! The notary desk over HTTP. Rules and SQL: [`crate::notary`].

mod acts;
mod administration;
mod agenda;
mod catalogue;
mod certified_mail;
pub(super) mod checks;
mod client_profile;
mod collaboration;
pub(super) mod collaborators;
mod conservation;
mod directory;
mod licences;
mod notification_stream;
mod notifications;
mod office;
mod office_checks;
mod office_picture;
mod own_office;
mod partner_directory;
mod partner_profile;
mod partners;
mod printed;
mod reviews;
mod templates;
pub(super) mod told;

use utoipa_axum::router::OpenApiRouter;

use super::state::AppState;

/// The routes, under `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(directory::routes())
        .merge(catalogue::routes())
        .merge(own_office::routes())
        .merge(office_picture::routes())
        .merge(collaborators::routes())
        .merge(collaboration::routes())
        .merge(client_profile::routes())
        .merge(partner_profile::routes())
        .merge(partner_directory::routes())
        .merge(partners::routes())
        .merge(administration::routes())
        .merge(licences::routes())
        .merge(agenda::routes())
        .merge(acts::routes())
        .merge(templates::routes())
        .merge(reviews::routes())
        .merge(certified_mail::routes())
        .merge(conservation::routes())
        .merge(notifications::routes())
        .merge(notification_stream::routes())
        .merge(printed::routes())
}
