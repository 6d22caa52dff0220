//! FHIR R4 (4.0.1): patients, values and graded analyses as other systems exchange them. Pure mapping, and the import.
//!
//! Reading order: [`systems`] (what codes and identifiers are called), [`types`] (the structures, as far as they are used),
//! [`outgoing`] (from what is kept to resources), [`bundle`] (what is sent), `elements` (what it may have), [`incoming`] (what an Observation says, and
//! everything that is wrong with it), `resolve` (whom and what it names, as that is known here), [`import`] (a Bundle of them
//! written down), [`find`] (codes of searches).
//!
//! Lifestyle and history of the registry are not exchanged: as Observations they would need a code and a value set for each
//! answer, and no profile that systems here agree on has them. They are in the clinic's own API and export.
//!
//! Invariants
//! - Numbers keep their digits: 7.20 is sent as 7.20, and kept as 7.20.
//! - What is sent can be imported by another clinic, which then sends the same values.
//! - What was withdrawn is told as `entered-in-error`, what was put right as `corrected`, and imported so. Of what another value
//!   has taken the place of, nothing is sent: it is the same Observation.
//! - A Bundle is imported as a whole or not at all; sent again it changes nothing. What is not understood is refused with its
//!   place, never left out in silence.

pub mod bundle;
mod elements;
pub mod find;
pub mod import;
pub mod incoming;
pub mod outgoing;
mod resolve;
pub mod systems;
#[cfg(test)]
mod tests;
pub mod types;
