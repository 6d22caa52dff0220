//! Signatures and time stamps: what a deed needs so that anybody believes it, without asking us.
//!
//! Reading order: [`oids`] (names of algorithms), [`cms`] (a signature, CAdES-B-T), [`pades`] (in a PDF), [`time_stamp`]
//! (RFC 3161), [`authority`] (the built-in one: who certifies people, and stamps the time): these know neither database nor
//! clock. Then [`verify`] (signatures of others, and [`ber`], as many write them), [`providers`] (the ports of real ones), [`local`] and [`store`] (the built-in ones, and where their keys are),
//! [`handle`] (what everybody else uses), [`turns`], [`codes`], [`pem`].
//!
//! Everything here is made to be verified by others: `openssl cms -cades`, `openssl ts`, `pdfsig` (`tests/it/signing`).

pub mod authority;
pub mod ber;
pub mod cms;
pub mod codes;
pub mod handle;
pub mod local;
pub mod oids;
pub mod pades;
pub mod pem;
pub mod providers;
pub mod store;
pub mod time_stamp;
pub mod turns;
pub mod verify;

pub use handle::{Port, Signature, SignedPdf, Signing, SigningError};
