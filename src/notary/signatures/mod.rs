//! Signatures at the notary desk.
//!
//! Reading order: [`signer`] (as what a certificate names somebody), [`deed`] (signing an act);
//! [`request`] (a document that somebody is asked to sign), [`asking`], [`answering`].
//!
//! Invariants
//! - Nothing asks a provider inside a transaction: what was signed outside is kept by one transaction, or not at all.
//! - An act is signed when its signed deed is there, with the number that stands on it: one transaction does both.

pub mod answering;
pub mod asking;
pub mod deed;
pub mod request;
pub mod signer;
