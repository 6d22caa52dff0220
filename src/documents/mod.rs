//! Documents of all desks: files of any size that belong to somebody, with versions.
//!
//! Reading order: [`uploads`] (how a file arrives), [`check`] and [`clamd`] (what may come in), [`publish`] (how it becomes a
//! version), [`at_rest`] (how it is kept), [`documents`] (who may see and change what), [`versions`] (what is downloaded),
//! [`permissions`] (what others may do), [`links`] (for those who have no account), [`expiry`], [`quota`],
//! [`made`] (what the service itself makes for somebody), [`orphans`].
//!
//! Invariants
//! - A file is an object of the storage before any row names it, and is removed after its row is gone: a crash leaves an
//!   object without a row (collected by a job), never a row without its object.
//! - `upload.received` is the truth about how much has arrived; parts are committed with it, by comparing and swapping.
//! - A version becomes visible in one statement, when its whole content was checked, hashed and stored. It never changes.
//! - Whose something is, and who may do what with it, is a condition inside of every statement (`permitted!`); what
//!   somebody may not see does not exist for them. Administrators see that documents exist, not what is in them; of a
//!   clinic's (`of_clinic`), which are reached through the clinic desk alone, not even that.
//! - Rights that are written down are asked for after the document is locked, and given and taken under the same lock: what
//!   was revoked before a version is published, or before somebody shares further, gives nothing any more.
//! - A document without an owner is a desk's that holds it: it exists for nobody here, also not for administrators, and is in
//!   nobody's quota.
//! - Nobody gives more than they have, neither rights nor time; who loses something takes it from those they gave it to.
//! - Names and types are what was found out, not what was said.

pub mod at_rest;
pub mod check;
pub mod clamd;
#[expect(clippy::module_inception, reason = "the rows of documents, beside those of versions and uploads")]
pub mod documents;
pub mod expiry;
pub mod links;
pub mod made;
pub mod orphans;
pub mod permissions;
pub mod publish;
pub mod quota;
pub mod rewrap;
pub(crate) mod rights;
pub mod time_stamps;
pub mod uploads;
pub mod versions;

pub use check::Refusal;
pub use rights::Viewer;
