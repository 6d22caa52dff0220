//! Who asks, and for which office.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};

use crate::{
    accounts::policy::Principal,
    http::{auth::CurrentUser, problem::Problem, state::AppState},
    ids::NotaryId,
    notary::staff,
};

/// Somebody who has an office, or works in one. What they may do there is asked by each statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfficeUser {
    /// Who.
    pub(super) principal: Principal,
    /// Which office.
    pub(super) office: NotaryId,
}

impl<S: Send + Sync> FromRequestParts<S> for OfficeUser
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
        let office = staff::office_of(&AppState::from_ref(state).db, principal.user).await?;
        let detail = "this is for notaries with an office, and for who works there";
        Ok(Self { principal, office: office.ok_or_else(|| Problem::forbidden("no_office", detail))? })
    }
}
