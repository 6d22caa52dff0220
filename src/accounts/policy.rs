//! Roles, and what they allow. Everything that is not allowed here is forbidden.

use std::fmt;

use super::scopes::Scopes;
use crate::ids::{ApiKeyId, SessionId, UserId};

/// What a person is to the service. One person may be several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Books, pays, reviews, opens cases. Everybody is one.
    Client,
    /// Also publishes events.
    Host,
    /// Also brings clients to notaries: estate agents, surveyors, accountants.
    Partner,
    /// Also works for a notary, as far as the notary permits.
    Collaborator,
    /// Also keeps an office.
    Notary,
    /// Also works in a clinic.
    Staff,
    /// Also looks after everything; made on the command line only.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Client, Self::Host, Self::Partner, Self::Collaborator, Self::Notary, Self::Staff, Self::Admin];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Host => "host",
            Self::Partner => "partner",
            Self::Collaborator => "collaborator",
            Self::Notary => "notary",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The roles of one person: clients are what everybody is.
#[derive(Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = Vec<Role>)]
pub struct Roles(u8);

impl Roles {
    /// Only a client.
    pub const CLIENT: Self = Self(1 << Role::Client as u8);

    /// Also `role`.
    #[must_use]
    pub const fn and(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Whether `role` is among them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & 1 << role as u8 != 0
    }

    /// Those that there are, clients first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// Their names, as they are stored.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Role::as_str).collect()
    }

    /// From their stored names. A role that only a newer server knows gives nothing here.
    pub(super) fn stored(names: &[&str]) -> Self {
        names.iter().filter_map(|name| Role::of(name)).collect()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::CLIENT, Self::and)
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self::CLIENT.and(role)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl serde::Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// What showed who it is.
    pub via: Via,
    /// What the person is.
    pub roles: Roles,
}

/// What a request showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The access token of a log-in.
    Session(SessionId),
    /// A key for programs, good for these scopes.
    Key(ApiKeyId, Scopes),
}

impl Principal {
    /// The log-in this request belongs to; keys belong to none.
    pub fn session(&self) -> Option<SessionId> {
        match self.via {
            Via::Session(session) => Some(session),
            Via::Key(..) => None,
        }
    }

    /// May publish events.
    pub fn may_host(&self) -> bool {
        self.roles.has(Role::Host) || self.is_admin()
    }

    /// May keep an office.
    pub fn is_notary(&self) -> bool {
        self.roles.has(Role::Notary)
    }

    /// May bring clients to notaries.
    pub fn is_partner(&self) -> bool {
        self.roles.has(Role::Partner)
    }

    /// May look after everything.
    pub fn is_admin(&self) -> bool {
        self.roles.has(Role::Admin)
    }

    /// May change what belongs to `owner`.
    pub fn may_manage(&self, owner: UserId) -> bool {
        self.user == owner || self.is_admin()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Principal, Role, Roles, Via};
    use crate::ids::{SessionId, UserId};

    #[test]
    fn a_host_manages_its_own_things_and_an_admin_everything() {
        let (me, other) = (UserId::new(Timestamp::UNIX_EPOCH), UserId::new(Timestamp::UNIX_EPOCH));
        let via = Via::Session(SessionId::new(Timestamp::UNIX_EPOCH));
        let of = |role: Role| Principal { user: me, via, roles: role.into() };
        for (role, host, admin, foreign) in [
            (Role::Client, false, false, false),
            (Role::Notary, false, false, false),
            (Role::Host, true, false, false),
            (Role::Admin, true, true, true),
        ] {
            let principal = of(role);
            assert_eq!(
                (
                    principal.may_host(),
                    principal.is_admin(),
                    principal.may_manage(other),
                    principal.may_manage(me)
                ),
                (host, admin, foreign, true),
                "{role:?}"
            );
        }
    }

    #[test]
    fn roles_are_a_set_that_survives_its_journey_and_everybody_is_a_client() {
        let roles = Roles::from(Role::Notary).and(Role::Host).and(Role::Host);
        assert_eq!(roles.names(), ["client", "host", "notary"]);
        assert_eq!(Roles::stored(&roles.names()), roles);
        assert_eq!(serde_json::to_string(&roles).unwrap(), r#"["client","host","notary"]"#);
        assert_eq!(Roles::stored(&["admiral"]), Roles::CLIENT);
        assert!(Role::ALL.iter().all(|role| Role::of(role.as_str()) == Some(*role)));
    }
}
