//! A review of a notary.
//!
//! Only an approved one is seen by everybody and counts. Whoever changes their words has them looked at again.
//!
//! The originals had two booleans that anybody could set (is_approved, is_visible).
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> pending
//!     pending --> approved: approve (admin)
//!     pending --> rejected: reject (admin)
//!     pending --> pending: change (client)
//!     approved --> rejected: reject (admin)
//!     approved --> pending: change (client)
//!     rejected --> approved: approve (admin)
//!     rejected --> pending: change (client)
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as NotaryReviewState {
        /// Nobody has looked at it yet.
        Pending = "pending",
        /// Everybody sees it.
        Approved = "approved",
        /// Its author, the office and administrators see it.
        Rejected = "rejected",
    }
}

names! {
    /// What happens to it.
    Event as NotaryReviewEvent {
        /// It may be seen.
        Approve = "approve",
        /// It may not, for a reason.
        Reject = "reject",
        /// Its author says something else.
        Change = "change",
    }
}

/// Who looks at reviews.
const ADMIN: &[Who] = &[Who::Admin];
/// Who writes them.
const CLIENT: &[Who] = &[Who::Client];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Pending, Event::Approve, State::Approved, ADMIN),
    row(State::Pending, Event::Reject, State::Rejected, ADMIN),
    row(State::Pending, Event::Change, State::Pending, CLIENT),
    row(State::Approved, Event::Reject, State::Rejected, ADMIN),
    row(State::Approved, Event::Change, State::Pending, CLIENT),
    row(State::Rejected, Event::Approve, State::Approved, ADMIN),
    row(State::Rejected, Event::Change, State::Pending, CLIENT),
];

/// The machine.
pub const MACHINE: Machine<State, Event> = Machine { name: "review", start: State::Pending, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            pending: approve=approved reject=rejected change=pending
            approved: reject=rejected change=pending
            rejected: approve=approved change=pending
        ";
        check(&MACHINE, written, include_str!("review.rs"));
    }
}
