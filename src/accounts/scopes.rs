//! What a key for programs may be good for. Which route needs which scope stands in `http::scopes`, and nowhere else.

use std::fmt;

/// One thing that a key may be good for: as far as its owner may do it at that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[repr(u8)]
pub enum Scope {
    /// The profile, favourites and reviews are read.
    #[serde(rename = "profile:read")]
    ProfileRead,
    /// Bookings are read.
    #[serde(rename = "bookings:read")]
    BookingsRead,
    /// Tickets are booked, paid and cancelled.
    #[serde(rename = "bookings:write")]
    BookingsWrite,
    /// One's own events and their sales are read. What everybody may read needs no scope.
    #[serde(rename = "events:read")]
    EventsRead,
    /// Events are published, changed and withdrawn.
    #[serde(rename = "events:write")]
    EventsWrite,
    /// Reviews are written and removed.
    #[serde(rename = "reviews:write")]
    ReviewsWrite,
    /// Documents are found and downloaded.
    #[serde(rename = "documents:read")]
    DocumentsRead,
    /// Documents are uploaded, changed and removed.
    #[serde(rename = "documents:write")]
    DocumentsWrite,
    /// Documents are shared, with people and by links, and it is seen with whom.
    #[serde(rename = "documents:share")]
    DocumentsShare,
    /// Patients and what is kept of them are read.
    #[serde(rename = "clinic:read")]
    ClinicRead,
    /// Patients are registered and changed, and what is kept of them is written.
    #[serde(rename = "clinic:write")]
    ClinicWrite,
    /// The audit log is searched.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Appointments are read: one's own, and the agenda of the office one works for.
    #[serde(rename = "agenda:read")]
    AgendaRead,
    /// Acts and the protocol register are read: one's own, and those of the office one works for.
    #[serde(rename = "acts:read")]
    ActsRead,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::ProfileRead,
        Self::BookingsRead,
        Self::BookingsWrite,
        Self::EventsRead,
        Self::EventsWrite,
        Self::ReviewsWrite,
        Self::DocumentsRead,
        Self::DocumentsWrite,
        Self::DocumentsShare,
        Self::ClinicRead,
        Self::ClinicWrite,
        Self::AuditRead,
        Self::AgendaRead,
        Self::ActsRead,
    ];

    /// As clients write it, and as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProfileRead => "profile:read",
            Self::BookingsRead => "bookings:read",
            Self::BookingsWrite => "bookings:write",
            Self::EventsRead => "events:read",
            Self::EventsWrite => "events:write",
            Self::ReviewsWrite => "reviews:write",
            Self::DocumentsRead => "documents:read",
            Self::DocumentsWrite => "documents:write",
            Self::DocumentsShare => "documents:share",
            Self::ClinicRead => "clinic:read",
            Self::ClinicWrite => "clinic:write",
            Self::AuditRead => "audit:read",
            Self::AgendaRead => "agenda:read",
            Self::ActsRead => "acts:read",
        }
    }

    /// From its name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// What one key is good for.
#[derive(Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = Vec<Scope>)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether `scope` is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    /// Whether something at the clinic desk is among them.
    pub const fn has_clinic(self) -> bool {
        self.has(Scope::ClinicRead) || self.has(Scope::ClinicWrite)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that there are.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }

    /// Their names, as they are stored.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Scope::as_str).collect()
    }

    /// From their stored names. One that only a newer server knows is good for nothing here.
    pub(super) fn stored(names: &[&str]) -> Self {
        names.iter().filter_map(|name| Scope::of(name)).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | 1 << scope as u8))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl serde::Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, Scopes};

    #[test]
    fn scopes_are_a_set_that_survives_its_journey() {
        let some: Scopes =
            [Scope::BookingsWrite, Scope::ProfileRead, Scope::BookingsWrite].into_iter().collect();
        assert_eq!(some.names(), ["profile:read", "bookings:write"]);
        assert_eq!(Scopes::stored(&some.names()), some);
        assert!(some.has(Scope::ProfileRead) && !some.has(Scope::BookingsRead));
        assert!(Scopes::stored(&["everything"]).is_empty());
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["profile:read","bookings:write"]"#);
        for scope in Scope::ALL {
            assert_eq!(Scope::of(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
