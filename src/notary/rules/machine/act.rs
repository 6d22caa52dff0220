//! An act, from the draft to the archive.
//!
//! Signing assigns the number of the protocol in the same transaction. Archiving needs the client's survey. An act can be
//! annulled, with a reason, until it is archived; once it is signed, only by the notary.
//!
//! The originals called the states bozza, in_lavorazione, in_attesa_firma, firmato, inviato_pec, archiviato, annullato.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> draft
//!     draft --> in_preparation: prepare (collaborator, notary)
//!     draft --> annulled: annul (collaborator, notary)
//!     in_preparation --> awaiting_signature: request_signature (collaborator, notary)
//!     in_preparation --> annulled: annul (collaborator, notary)
//!     awaiting_signature --> signed: sign (notary)
//!     awaiting_signature --> annulled: annul (collaborator, notary)
//!     signed --> sent: send (collaborator, notary, system)
//!     signed --> annulled: annul (notary)
//!     sent --> archived: archive (collaborator, notary)
//!     sent --> annulled: annul (notary)
//!     archived --> [*]
//!     annulled --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as ActState {
        /// Opened.
        Draft = "draft",
        /// Written, and its documents gathered.
        InPreparation = "in_preparation",
        /// Its text is final.
        AwaitingSignature = "awaiting_signature",
        /// Signed, and in the register.
        Signed = "signed",
        /// Sent by certified mail.
        Sent = "sent",
        /// Closed for good.
        Archived = "archived",
        /// Void.
        Annulled = "annulled",
    }
}

names! {
    /// What happens to it.
    Event as ActEvent {
        /// Work on it begins.
        Prepare = "prepare",
        /// Its text is final.
        RequestSignature = "request_signature",
        /// The notary signs.
        Sign = "sign",
        /// It is sent by certified mail.
        Send = "send",
        /// It is closed.
        Archive = "archive",
        /// It is made void, with a reason.
        Annul = "annul",
    }
}

/// The notary, and who works for them.
const OFFICE: &[Who] = &[Who::Collaborator, Who::Notary];
/// What only a public officer does.
const NOTARY: &[Who] = &[Who::Notary];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Draft, Event::Prepare, State::InPreparation, OFFICE),
    row(State::Draft, Event::Annul, State::Annulled, OFFICE),
    row(State::InPreparation, Event::RequestSignature, State::AwaitingSignature, OFFICE),
    row(State::InPreparation, Event::Annul, State::Annulled, OFFICE),
    row(State::AwaitingSignature, Event::Sign, State::Signed, NOTARY),
    row(State::AwaitingSignature, Event::Annul, State::Annulled, OFFICE),
    row(State::Signed, Event::Send, State::Sent, &[Who::Collaborator, Who::Notary, Who::System]),
    row(State::Signed, Event::Annul, State::Annulled, NOTARY),
    row(State::Sent, Event::Archive, State::Archived, OFFICE),
    row(State::Sent, Event::Annul, State::Annulled, NOTARY),
];

/// The machine.
pub const MACHINE: Machine<State, Event> = Machine { name: "act", start: State::Draft, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            draft: prepare=in_preparation annul=annulled
            in_preparation: request_signature=awaiting_signature annul=annulled
            awaiting_signature: sign=signed annul=annulled
            signed: send=sent annul=annulled
            sent: archive=archived annul=annulled
            archived:
            annulled:
        ";
        check(&MACHINE, written, include_str!("act.rs"));
    }
}
