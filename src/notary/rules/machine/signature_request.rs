//! A request to sign a document.
//!
//! Whoever is asked signs or refuses; without an answer it expires.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> pending
//!     pending --> signed: sign (client, partner, notary)
//!     pending --> rejected: reject (client, partner, notary)
//!     pending --> expired: expire (system)
//!     signed --> [*]
//!     rejected --> [*]
//!     expired --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as SignatureRequestState {
        /// Waits for an answer.
        Pending = "pending",
        /// Signed.
        Signed = "signed",
        /// Refused.
        Rejected = "rejected",
        /// Not answered in time.
        Expired = "expired",
    }
}

names! {
    /// What happens to it.
    Event as SignatureRequestEvent {
        /// They sign.
        Sign = "sign",
        /// They refuse.
        Reject = "reject",
        /// The time is over.
        Expire = "expire",
    }
}

/// Who was asked: that it is this one is looked at where it is stored.
const SIGNER: &[Who] = &[Who::Client, Who::Partner, Who::Notary];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Pending, Event::Sign, State::Signed, SIGNER),
    row(State::Pending, Event::Reject, State::Rejected, SIGNER),
    row(State::Pending, Event::Expire, State::Expired, &[Who::System]),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "signature request", start: State::Pending, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            pending: sign=signed reject=rejected expire=expired
            signed:
            rejected:
            expired:
        ";
        check(&MACHINE, written, include_str!("signature_request.rs"));
    }
}
