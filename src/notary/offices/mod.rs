//! Offices: made and edited by their notary. What others see of them is [`super::directory`], what administrators do to
//! them [`super::administration`].

mod content;
mod office;
pub mod picture;
mod services;

pub use content::{Content, Country, Language, Offer, OfficeKind, Specialisation};
pub use office::{CreateError, Licence, Office, change, create, find, lock};
pub(in crate::notary) use services::services_of;
pub use services::{NewService, SERVICES_MAX, Service, replace};
