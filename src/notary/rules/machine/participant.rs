//! Somebody who is invited to an appointment: a client or a partner.
//!
//! They may change their mind until it begins. When the appointment is moved, everybody is asked again.
//!
//! The originals called the states in_attesa, accettato, rifiutato, forse.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> waiting
//!     waiting --> accepted: accept (client, partner)
//!     waiting --> declined: decline (client, partner)
//!     waiting --> tentative: hesitate (client, partner)
//!     accepted --> declined: decline (client, partner)
//!     accepted --> tentative: hesitate (client, partner)
//!     accepted --> waiting: ask_again (collaborator, notary, system)
//!     declined --> accepted: accept (client, partner)
//!     declined --> tentative: hesitate (client, partner)
//!     declined --> waiting: ask_again (collaborator, notary, system)
//!     tentative --> accepted: accept (client, partner)
//!     tentative --> declined: decline (client, partner)
//!     tentative --> waiting: ask_again (collaborator, notary, system)
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as ParticipantState {
        /// Has not answered.
        Waiting = "waiting",
        /// Comes.
        Accepted = "accepted",
        /// Does not come.
        Declined = "declined",
        /// May come.
        Tentative = "tentative",
    }
}

names! {
    /// What happens to it.
    Event as ParticipantEvent {
        /// They come.
        Accept = "accept",
        /// They do not come.
        Decline = "decline",
        /// They may come.
        Hesitate = "hesitate",
        /// The appointment was moved.
        AskAgain = "ask_again",
    }
}

/// Who was invited.
const INVITED: &[Who] = &[Who::Client, Who::Partner];
/// Who moves it.
const MOVED: &[Who] = &[Who::Collaborator, Who::Notary, Who::System];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Waiting, Event::Accept, State::Accepted, INVITED),
    row(State::Waiting, Event::Decline, State::Declined, INVITED),
    row(State::Waiting, Event::Hesitate, State::Tentative, INVITED),
    row(State::Accepted, Event::Decline, State::Declined, INVITED),
    row(State::Accepted, Event::Hesitate, State::Tentative, INVITED),
    row(State::Accepted, Event::AskAgain, State::Waiting, MOVED),
    row(State::Declined, Event::Accept, State::Accepted, INVITED),
    row(State::Declined, Event::Hesitate, State::Tentative, INVITED),
    row(State::Declined, Event::AskAgain, State::Waiting, MOVED),
    row(State::Tentative, Event::Accept, State::Accepted, INVITED),
    row(State::Tentative, Event::Decline, State::Declined, INVITED),
    row(State::Tentative, Event::AskAgain, State::Waiting, MOVED),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "participant", start: State::Waiting, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            waiting: accept=accepted decline=declined hesitate=tentative
            accepted: decline=declined hesitate=tentative ask_again=waiting
            declined: accept=accepted hesitate=tentative ask_again=waiting
            tentative: accept=accepted decline=declined ask_again=waiting
        ";
        check(&MACHINE, written, include_str!("participant.rs"));
    }
}
