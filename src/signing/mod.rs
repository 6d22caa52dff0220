//! Signatures and time stamps: what a deed needs so that anybody believes it, without asking us.
//!
//! Reading order: [`oids`] (names of algorithms), [`cms`] (a signature, CAdES-B-T), [`pades`] (in a PDF), [`time_stamp`]
//! (RFC 3161), [`authority`] (the built-in one: who certifies people, and stamps the time).
//!
//! Everything here is made to be verified by others: `openssl cms -cades`, `openssl ts`, `pdfsig` (`tests/it/signing`).

pub mod authority;
pub mod cms;
pub mod oids;
pub mod pades;
pub mod time_stamp;
