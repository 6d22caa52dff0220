//! What people are to the desk besides notaries: clients, and partners who bring them.

pub mod client;
pub mod partner;
