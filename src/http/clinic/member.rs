//! Who asks, and what they may do in which clinic.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use utoipa::IntoResponses;

use crate::{
    accounts::policy::Principal,
    clinic::staff::{self, Permission, Standing},
    http::{auth::CurrentUser, client::ClientAddress, problem::Problem, state::AppState},
};

/// Somebody who works in a clinic. What they may do there is asked again by each statement.
#[derive(Debug, Clone)]
pub(super) struct Clinician {
    /// Who.
    pub(super) principal: Principal,
    /// From where.
    pub(super) client: ClientAddress,
    /// Which clinic, and what is permitted there.
    pub(super) standing: Standing,
}

impl Clinician {
    /// Refuses who is not permitted this, whatever it is about.
    pub(super) fn need(&self, permission: Permission) -> Result<(), Problem> {
        if self.standing.may(permission) {
            return Ok(());
        }
        let detail = format!("your clinic has not permitted you this: {}", permission.as_str());
        Err(Problem::forbidden("no_permission", detail))
    }
}

/// What every route says of who reads about a patient, for the description of the API.
#[derive(Debug, IntoResponses)]
#[expect(dead_code, reason = "describes answers that `Problem` gives")]
pub(super) enum NotRead {
    /// `merged_into`: the record that has taken everything of this one
    #[response(status = 308)]
    Merged,
    /// `no_clinic`: one works in none; `no_permission`: one may not read patients
    #[response(status = 403)]
    Refused,
}

impl FromRequestParts<AppState> for Clinician {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
        let client = ClientAddress::from_request_parts(parts, state).await?;
        let standing = staff::standing(&AppState::from_ref(state).db, principal.user).await?;
        let detail = "this is for who works in a clinic";
        let standing = standing.ok_or_else(|| Problem::forbidden("no_clinic", detail))?;
        Ok(Self { principal, client, standing })
    }
}
