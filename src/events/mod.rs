//! The events desk: people find events, book tickets, pay, cancel with a refund rule, and review.
//!
//! Reading order: [`catalogue`] (finding events), [`booking`] (what a booking is), [`selling`] (how tickets are taken:
//! the only place that lowers `tickets_left` for a buyer), [`cancelling`] and [`refund`] (how they come back),
//! [`payments`] (money), [`hosting`] (publishing, changing, withdrawing), [`reviews`] and [`favourites`] (what visitors
//! think and keep), [`calendar`] (for calendar programs), [`upkeep`] (what time does: expiry, completion, reminders).
//!
//! Invariants of the desk
//! - Tickets of live bookings (pending, confirmed, completed) plus `tickets_left` are the event's capacity.
//! - A booking is charged at most once and refunded at most once, never more than was charged.
//! - What a write promises by its answer was committed before the answer was sent.

mod amounts;
pub mod booking;
pub mod calendar;
pub mod cancelling;
pub mod catalogue;
pub mod favourites;
pub mod hosting;
pub mod images;
pub mod payments;
pub mod refund;
pub mod reviews;
pub mod selling;
pub mod ticket;
pub mod upkeep;
