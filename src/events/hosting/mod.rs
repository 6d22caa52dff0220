//! Hosting: events are published, changed and withdrawn by their hosts, who follow their sales.
//!
//! Invariants
//! - Who may manage an event is part of every statement: a foreign event does not exist. Administrators manage all.
//! - Capacity never falls below the tickets that are taken; what was booked keeps its price, its day and its city.
//! - Withdrawing is for ever. The buyers' refunds and mails are jobs of the withdrawing transaction.

mod change;
mod content;
mod create;
mod hosted;
mod sales;
mod slug;

pub use change::{Locked, Refusal, change, lock, withdraw};
pub use content::Content;
pub use create::{CreateError, create};
pub use hosted::{Hosted, HostedEvent, Status, find, find_in, list};
pub use sales::{Day, by_day};
