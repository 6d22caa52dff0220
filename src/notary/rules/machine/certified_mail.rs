//! A certified mail (PEC), from the draft to the receipt of delivery.
//!
//! DPR 68/2005: the sender's provider confirms that it took the mail (sent), the addressee's that it arrived (delivered) or
//! did not (failed). Attempts that fail while the provider is away leave it queued. What is too large is quarantined and
//! needs a person.
//!
//! The originals called the states bozza, in_coda, inviato, consegnato, errore, quarantena.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> draft
//!     draft --> queued: enqueue (collaborator, notary)
//!     queued --> sent: send (system)
//!     queued --> failed: fail (system)
//!     queued --> quarantined: quarantine (system)
//!     sent --> delivered: deliver (system)
//!     sent --> failed: fail (system)
//!     failed --> queued: retry (collaborator, notary, admin)
//!     quarantined --> draft: revise (collaborator, notary)
//!     delivered --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as CertifiedMailState {
        /// Written.
        Draft = "draft",
        /// Waits to be sent.
        Queued = "queued",
        /// The provider has it.
        Sent = "sent",
        /// The addressee's provider has it.
        Delivered = "delivered",
        /// Given up, or not delivered.
        Failed = "failed",
        /// Too large to be sent.
        Quarantined = "quarantined",
    }
}

names! {
    /// What happens to it.
    Event as CertifiedMailEvent {
        /// It is to be sent.
        Enqueue = "enqueue",
        /// The provider took it.
        Send = "send",
        /// The receipt of delivery came.
        Deliver = "deliver",
        /// Attempts are used up, or a receipt of failure came.
        Fail = "fail",
        /// It is too large.
        Quarantine = "quarantine",
        /// It is to be sent again.
        Retry = "retry",
        /// It is taken back to be made smaller.
        Revise = "revise",
    }
}

/// The notary, and who works for them.
const OFFICE: &[Who] = &[Who::Collaborator, Who::Notary];
/// The queue, or a receipt.
const JOB: &[Who] = &[Who::System];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Draft, Event::Enqueue, State::Queued, OFFICE),
    row(State::Queued, Event::Send, State::Sent, JOB),
    row(State::Queued, Event::Fail, State::Failed, JOB),
    row(State::Queued, Event::Quarantine, State::Quarantined, JOB),
    row(State::Sent, Event::Deliver, State::Delivered, JOB),
    row(State::Sent, Event::Fail, State::Failed, JOB),
    row(State::Failed, Event::Retry, State::Queued, &[Who::Collaborator, Who::Notary, Who::Admin]),
    row(State::Quarantined, Event::Revise, State::Draft, OFFICE),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "certified mail", start: State::Draft, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            draft: enqueue=queued
            queued: send=sent fail=failed quarantine=quarantined
            sent: deliver=delivered fail=failed
            delivered:
            failed: retry=queued
            quarantined: revise=draft
        ";
        check(&MACHINE, written, include_str!("certified_mail.rs"));
    }
}
