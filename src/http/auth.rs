//! Who is asking: extractors that refuse everybody else.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use super::{keys, problem::Problem, state::AppState};
use crate::accounts::policy::Principal;

/// Somebody who is logged in.
#[derive(Debug, Clone, Copy)]
pub struct CurrentUser(pub Principal);

/// The holder of a key that is not good for whom it belongs to: where everybody may look, it is nobody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stranger;

/// Somebody, logged in or not. Credentials that are not valid are refused all the same.
#[derive(Debug, Clone, Copy)]
pub struct MaybeUser(pub Option<Principal>);

/// A host or an administrator.
#[derive(Debug, Clone, Copy)]
pub struct HostUser(pub Principal);

/// A notary.
#[derive(Debug, Clone, Copy)]
pub struct NotaryUser(pub Principal);

/// Somebody who brings clients to notaries.
#[derive(Debug, Clone, Copy)]
pub struct PartnerUser(pub Principal);

/// An administrator.
#[derive(Debug, Clone, Copy)]
pub struct AdminUser(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The front had to know whom to count the request for.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(*known);
        }
        // Only the front knows what a key is good for: what it has not let through is not looked at here.
        if parts.extensions.get::<Stranger>().is_some() {
            return Err(keys::not_allowed());
        }
        let state = AppState::from_ref(state);
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Err(Problem::unauthenticated());
        }
        let Some(token) = bearer(&parts.headers) else {
            return Err(Problem::invalid_token("send `Authorization: Bearer <access token>`"));
        };
        let principal = state.accounts.sessions().authenticate(token).await?;
        principal
            .map(Self)
            .ok_or_else(|| Problem::invalid_token("the access token is unknown, expired or revoked"))
    }
}

/// The access token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeUser
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let is_known = parts.extensions.get::<CurrentUser>().is_some();
        let is_stranger = parts.extensions.get::<Stranger>().is_some();
        if is_stranger || (!is_known && !parts.headers.contains_key(header::AUTHORIZATION)) {
            return Ok(Self(None));
        }
        let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
        Ok(Self(Some(principal)))
    }
}

macro_rules! restricted {
    ($name:ident, $what:literal, $may:ident) => {
        impl<S: Send + Sync> FromRequestParts<S> for $name
        where
            AppState: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
                if principal.$may() {
                    Ok(Self(principal))
                } else {
                    Err(Problem::forbidden("forbidden", $what))
                }
            }
        }
    };
}
restricted!(HostUser, "only hosts may do this", may_host);
restricted!(NotaryUser, "only notaries may do this", is_notary);
restricted!(PartnerUser, "only partners may do this", is_partner);
restricted!(AdminUser, "only administrators may do this", is_admin);
