//! Who is asking: extractors that refuse everybody else.

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{header, request::Parts},
};

use super::{problem::Problem, state::AppState};
use crate::accounts::policy::{Principal, Role};

/// Somebody who is logged in.
#[derive(Debug, Clone, Copy)]
pub struct CurrentUser(pub Principal);

/// A host or an administrator.
#[derive(Debug, Clone, Copy)]
pub struct HostUser(pub Principal);

/// An administrator.
#[derive(Debug, Clone, Copy)]
pub struct AdminUser(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser
where
    AppState: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let state = AppState::from_ref(state);
        let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(Problem::unauthenticated)?;
        let token = header.to_str().ok().and_then(|header| header.split_once(' '));
        let Some((_, token)) = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
            return Err(Problem::invalid_token("send `Authorization: Bearer <access token>`"));
        };
        let principal = state.accounts.sessions().authenticate(token.trim()).await?;
        principal
            .map(Self)
            .ok_or_else(|| Problem::invalid_token("the access token is unknown, expired or revoked"))
    }
}

macro_rules! restricted {
    ($name:ident, $what:literal, $($role:pat_param)|+) => {
        impl<S: Send + Sync> FromRequestParts<S> for $name
        where
            AppState: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
                match principal.role {
                    $($role)|+ => Ok(Self(principal)),
                    _ => Err(Problem::forbidden("forbidden", $what)),
                }
            }
        }
    };
}
restricted!(HostUser, "only hosts may do this", Role::Host | Role::Admin);
restricted!(AdminUser, "only administrators may do this", Role::Admin);

/// The address of the client as far as it can be trusted: the peer, or what a trusted proxy says.
#[derive(Debug, Clone)]
pub struct ClientAddress(pub Option<std::net::IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    AppState: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let state = AppState::from_ref(state);
        let peer = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|info| info.0.ip());
        let trusted = |address: std::net::IpAddr| {
            state.config.server.trusted_proxies.iter().any(|net| net.contains(address))
        };
        let mut client = peer;
        if peer.is_some_and(trusted) {
            // From right to left: the last address that is not a proxy of ours.
            let forwarded =
                parts.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
            let hops: Vec<_> =
                forwarded.flat_map(|value| value.split(',')).map(|hop| hop.trim().parse().ok()).collect();
            for hop in hops.into_iter().rev() {
                let Some(address) = hop else { break };
                client = Some(address);
                if !trusted(address) {
                    break;
                }
            }
        }
        Ok(Self(client))
    }
}
