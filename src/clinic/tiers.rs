//! What a clinic has paid for: how many requests an hour its members' keys for programs may make.
//!
//! They share it, all keys that may do something at the clinic desk: a member may have many, and a clinic many members. What the
//! owner of a key has set may be less, so that no program takes everything. A clinic that is given less has less from the next request on ([`crate::accounts::key_use`]).

use serde::{Deserialize, Serialize};

/// What a clinic has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClinicTier)]
pub enum Tier {
    /// To try it: 100 requests an hour with keys.
    Demo,
    /// 1000.
    Basic,
    /// 5000.
    Professional,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Demo, Self::Basic, Self::Professional];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Basic => "basic",
            Self::Professional => "professional",
        }
    }

    /// From its stored name; what only a newer server knows is the least here.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|tier| tier.as_str() == name).unwrap_or(Self::Demo)
    }

    /// Requests of all keys in one hour of the clock.
    pub const fn quota(self) -> i32 {
        match self {
            Self::Demo => 100,
            Self::Basic => 1000,
            Self::Professional => 5000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tier;

    #[test]
    fn tiers_are_stored_by_the_names_that_the_api_has_and_an_unknown_one_is_the_least() {
        for tier in Tier::ALL {
            assert_eq!(Tier::of(tier.as_str()), tier);
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.as_str());
        }
        assert_eq!(Tier::of("enterprise"), Tier::Demo);
        assert_eq!(Tier::ALL.map(Tier::quota), [100, 1000, 5000]);
    }
}
