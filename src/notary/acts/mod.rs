//! Acts, from the case that is opened to the archive, and the protocol register.
//!
//! Reading order: [`act`] (what an act is and who sees it), [`list`], [`opening`], [`changes`] (what the office writes down),
//! [`parties`], [`transitions`] (what happens to it), [`register`] (its number).
//!
//! Invariants
//! - Whether something may happen to an act is said by [`super::rules::machine::act`] alone, about its row, locked.
//! - A number is given by the transaction that signs, under the lock of its counter: numbers of a notary and prefix are
//!   1, 2, 3 … without gap or double, whatever is rolled back; annulling keeps the number.
//! - What was asked to be signed is not changed any more; what was signed is never removed.

pub mod act;
pub mod changes;
pub mod list;
pub mod opening;
pub mod parties;
pub mod printed;
pub mod register;
pub mod transitions;
