//! Roles, and what they allow. Everything that is not allowed here is forbidden.

use crate::ids::{SessionId, UserId};

/// What a person is to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Books, pays, reviews.
    User,
    /// Also publishes events.
    Host,
    /// Also looks after everything; made on the command line only.
    Admin,
}

impl Role {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
            Self::Admin => "admin",
        }
    }

    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::User, Self::Host, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }

    pub(super) fn stored(name: &str) -> Self {
        Self::of(name).expect("users_role_known allows no other")
    }
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// The person.
    pub user: UserId,
    /// The log-in this request belongs to.
    pub session: SessionId,
    /// What the person is.
    pub role: Role,
}

impl Principal {
    /// May publish events.
    pub fn may_host(&self) -> bool {
        matches!(self.role, Role::Host | Role::Admin)
    }

    /// May look after everything.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// May change what belongs to `owner`.
    pub fn may_manage(&self, owner: UserId) -> bool {
        self.user == owner || self.is_admin()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Principal, Role};
    use crate::ids::{SessionId, UserId};

    #[test]
    fn a_host_manages_its_own_things_and_an_admin_everything() {
        let (me, other) = (UserId::new(Timestamp::UNIX_EPOCH), UserId::new(Timestamp::UNIX_EPOCH));
        let session = SessionId::new(Timestamp::UNIX_EPOCH);
        let of = |role| Principal { user: me, session, role };
        for (role, host, admin, foreign) in [
            (Role::User, false, false, false),
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
}
