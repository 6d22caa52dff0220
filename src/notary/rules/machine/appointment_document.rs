//! A document that an appointment needs.
//!
//! The client uploads and hands in, the office accepts or refuses with a reason; what was refused is uploaded again. What
//! the office itself uploads is accepted at once.
//!
//! The originals called the states da_caricare, caricato, in_verifica, accettato, rifiutato.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> missing
//!     missing --> uploaded: upload (client)
//!     missing --> accepted: provide (collaborator, notary)
//!     uploaded --> uploaded: upload (client)
//!     uploaded --> missing: remove (client)
//!     uploaded --> in_review: submit (client)
//!     uploaded --> accepted: provide (collaborator, notary)
//!     in_review --> accepted: accept (collaborator, notary, admin)
//!     in_review --> rejected: reject (collaborator, notary, admin)
//!     rejected --> uploaded: upload (client)
//!     rejected --> accepted: provide (collaborator, notary)
//!     accepted --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as AppointmentDocumentState {
        /// Not there yet.
        Missing = "missing",
        /// There; may still be replaced.
        Uploaded = "uploaded",
        /// Handed in.
        InReview = "in_review",
        /// As it must be.
        Accepted = "accepted",
        /// Refused, with a reason.
        Rejected = "rejected",
    }
}

names! {
    /// What happens to it.
    Event as AppointmentDocumentEvent {
        /// A file is uploaded, or replaced.
        Upload = "upload",
        /// The file is taken back.
        Remove = "remove",
        /// It is handed in.
        Submit = "submit",
        /// It is as it must be.
        Accept = "accept",
        /// It is not, for a reason.
        Reject = "reject",
        /// The office uploads it.
        Provide = "provide",
    }
}

/// The notary, and who works for them.
const OFFICE: &[Who] = &[Who::Collaborator, Who::Notary];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Missing, Event::Upload, State::Uploaded, &[Who::Client]),
    row(State::Missing, Event::Provide, State::Accepted, OFFICE),
    row(State::Uploaded, Event::Upload, State::Uploaded, &[Who::Client]),
    row(State::Uploaded, Event::Remove, State::Missing, &[Who::Client]),
    row(State::Uploaded, Event::Submit, State::InReview, &[Who::Client]),
    row(State::Uploaded, Event::Provide, State::Accepted, OFFICE),
    row(State::InReview, Event::Accept, State::Accepted, &[Who::Collaborator, Who::Notary, Who::Admin]),
    row(State::InReview, Event::Reject, State::Rejected, &[Who::Collaborator, Who::Notary, Who::Admin]),
    row(State::Rejected, Event::Upload, State::Uploaded, &[Who::Client]),
    row(State::Rejected, Event::Provide, State::Accepted, OFFICE),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "appointment document", start: State::Missing, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            missing: upload=uploaded provide=accepted
            uploaded: upload=uploaded remove=missing submit=in_review provide=accepted
            in_review: accept=accepted reject=rejected
            accepted:
            rejected: upload=uploaded provide=accepted
        ";
        check(&MACHINE, written, include_str!("appointment_document.rs"));
    }
}
