//! The tree: what administrators see and order, and what survives its crashes.

mod console;
mod crashes;
pub(crate) mod crowd;
mod escalation;
mod stop;
