//! Where a request comes from, as sessions and the audit log remember it.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::{
    accounts::sessions::Origin,
    http::{client::ClientAddress, problem::Problem},
};

/// Address and browser.
#[derive(Debug, Clone)]
pub(super) struct Sender(pub(super) Origin);

impl<S: Send + Sync> FromRequestParts<S> for Sender {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Ok(Self(Origin { address: Some(address.0), user_agent: agent.map(str::to_owned) }))
    }
}
