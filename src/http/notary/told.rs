//! What the audit log hears of the notary desk, and what the desk's refusals are called.

use crate::{
    accounts::policy::Principal,
    audit::{Entry, Who},
    http::{client::ClientAddress, problem::Problem, state::AppState},
    notary::licence::{Invalid, RequireError},
    scope,
};

/// Something that somebody did.
pub(in crate::http) fn entry(
    state: &AppState,
    (principal, client): (&Principal, ClientAddress),
    action: &'static str,
    (object, id): (&'static str, impl ToString),
) -> Entry {
    let mut entry = Entry::new(state.clock.now(), Who::from(principal), action, object, id);
    entry.address = Some(client.0);
    entry.request = scope::current().map(|scope| scope.request_id().to_owned());
    entry
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::forbidden(invalid.code(), invalid.to_string())
    }
}

impl From<RequireError> for Problem {
    fn from(error: RequireError) -> Self {
        match error {
            RequireError::NoSuchOffice => Self::not_found("office"),
            RequireError::Invalid(invalid) => invalid.into(),
            RequireError::Db(error) => error.into(),
        }
    }
}
