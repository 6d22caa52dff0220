//! What administrators do to offices: they see that notaries are notaries, give and take licences, and count.

mod offices;
mod statistics;
mod warnings;

pub use offices::{AdminLicence, AdminOffice, Filter, Terms, change_licence, find, list, verify};
pub use statistics::{Notaries, Revenue, Statistics, statistics};
pub use warnings::{BATCH, Warning, due};
