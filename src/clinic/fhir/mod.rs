//! FHIR R4 (4.0.1): patients, values and graded analyses as other systems exchange them. Pure mapping, and the import.
//!
//! Reading order: [`systems`] (what codes and identifiers are called), [`types`] (the structures, as far as they are used),
//! [`outgoing`] (from what is kept to resources), [`incoming`] (an Observation that was sent, and everything that is wrong with
//! it), [`import`] (a Bundle of them written down), [`find`] (codes of searches).
//!
//! Invariants
//! - Numbers keep their digits: 7.20 is sent as 7.20, and kept as 7.20.
//! - What is sent can be imported by another clinic, which then sends the same values.
//! - A Bundle is imported as a whole or not at all; sent again it changes nothing. What is not understood is refused with its
//!   place, never left out in silence.

pub mod find;
pub mod import;
pub mod incoming;
pub mod outgoing;
pub mod systems;
#[cfg(test)]
mod tests;
pub mod types;
