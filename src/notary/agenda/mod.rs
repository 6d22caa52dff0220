//! The agenda: when an office is open, and who meets whom when.
//!
//! Reading order: [`hours`] and [`exceptions`] (when an office is open), [`openings`] (which slots are left of that),
//! [`appointment`] (what an appointment is and who sees it), [`requests`] (somebody asks for a slot), [`decisions`] (the
//! office, or time, decides), [`changes`] (what the office writes down), [`participants`] (who is invited), [`papers`] (the
//! documents that are needed), [`calendar`] (for calendar programs), [`daily`] (what people are mailed in the morning).
//!
//! Invariants
//! - Two appointments that take their slot never overlap: constraint `appointment_no_overlap`.
//! - Requests compete. Confirming one rejects those that overlap in the same statement; who asked for them is told.
//! - What changes the agenda of an office locks its row first, so that two clerks do one after the other.
//! - Whether something may happen to an appointment is said by [`super::rules::machine::appointment`] alone.

pub mod appointment;
pub mod calendar;
pub mod changes;
pub mod daily;
pub mod decisions;
pub mod exceptions;
pub mod hours;
pub mod openings;
pub mod papers;
pub mod participants;
pub mod printed;
pub mod requests;
