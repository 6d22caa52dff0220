//! Reviews of notaries over HTTP. Rules and SQL: [`crate::notary::reviews`].

mod moderation;
mod public;
mod writing;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    http::{conditional::ETag, extract::Json, negotiate::Coding, problem::Problem, state::AppState},
    notary::reviews::{Review, ReviewError},
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(public::routes()).merge(writing::routes()).merge(moderation::routes())
}

impl From<ReviewError> for Problem {
    fn from(error: ReviewError) -> Self {
        let detail = error.to_string();
        match error {
            ReviewError::NoSuchAct => Self::not_found("act"),
            ReviewError::NotSigned => Self::conflict("not_signed", detail),
            ReviewError::Twice => Self::conflict("already_reviewed", detail),
            ReviewError::Forbidden(forbidden) => forbidden.into(),
            ReviewError::Answered => Self::conflict("already_answered", detail),
            ReviewError::Db(error) => error.into(),
        }
    }
}

/// A review with its ETag.
fn tagged(status: StatusCode, review: &Review) -> Response {
    let etag = ETag::of_version(review.version).header(Coding::Identity);
    (status, [(header::ETAG, etag)], Json(review)).into_response()
}
