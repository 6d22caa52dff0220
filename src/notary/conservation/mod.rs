//! Conservation: what an office has signed and received goes, a month at a time, into packages that can be verified without
//! this service (DPCM 3 December 2013; AgID guidelines on electronic documents, 2021).
//!
//! Reading order: [`package`] (what a package is and who sees it), [`planning`] (which there are to be, and what is in
//! them), [`manifest`] (what they say of themselves), [`progress`] (what becomes of them), [`conservator`] (who keeps them).
//!
//! Invariants
//! - What is in a package is in one package only, in the version that was signed or received: the constraint
//!   `conservation_item_once`.
//! - A package names its files and their hashes in the transaction in which it becomes a document, which is held from then on.
//! - Whether something may happen to a package is said by [`super::rules::machine::conservation_package`] alone, about its
//!   row, locked.

pub mod conservator;
pub mod manifest;
pub mod package;
pub mod planning;
pub mod progress;

/// What holds the document of a package.
pub const HOLDER: &str = "conservation_package";
