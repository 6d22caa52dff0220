//! What operators look through and act with. Optional: nothing else depends on it, and it never escalates.

pub mod console;
pub mod game_day;
pub mod hub;
pub mod introspection;
