//! Upkeep of signing keys.

mod rewrap_keys;

pub use rewrap_keys::RewrapSigningKeys;
