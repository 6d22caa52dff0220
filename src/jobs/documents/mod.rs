//! Jobs of the documents; one file each.

pub(in crate::jobs) mod arrived;
mod collect_orphans;
mod expire_sharing;
mod expire_uploads;
mod finish_upload;
mod parts;
mod remove_objects;
mod rewrap_keys;
mod send_share_mail;

pub use collect_orphans::CollectOrphans;
pub use expire_sharing::ExpireSharing;
pub use expire_uploads::ExpireUploads;
pub use finish_upload::FinishUpload;
pub use remove_objects::RemoveObjects;
pub use rewrap_keys::RewrapKeys;
pub use send_share_mail::SendShareMail;
