//! An entry of the protocol register.
//!
//! Its number is assigned when it is signed. It can be annulled, with a reason, until it is registered; the number stays
//! used, so that there is no gap.
//!
//! The originals called the states bozza, firmato, protocollato, annullato; their in_lavorazione and pronto_firma were
//! never set.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> draft
//!     draft --> signed: sign (notary)
//!     draft --> annulled: annul (notary)
//!     signed --> registered: register (collaborator, notary, system)
//!     signed --> annulled: annul (notary)
//!     registered --> [*]
//!     annulled --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as RegisterEntryState {
        /// Prepared, without a number.
        Draft = "draft",
        /// Signed, with a number.
        Signed = "signed",
        /// In the register for good.
        Registered = "registered",
        /// Void; its number is not used again.
        Annulled = "annulled",
    }
}

names! {
    /// What happens to it.
    Event as RegisterEntryEvent {
        /// The notary signs; it gets its number.
        Sign = "sign",
        /// It is entered.
        Register = "register",
        /// It is made void, with a reason.
        Annul = "annul",
    }
}

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Draft, Event::Sign, State::Signed, &[Who::Notary]),
    row(State::Draft, Event::Annul, State::Annulled, &[Who::Notary]),
    row(State::Signed, Event::Register, State::Registered, &[Who::Collaborator, Who::Notary, Who::System]),
    row(State::Signed, Event::Annul, State::Annulled, &[Who::Notary]),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "register entry", start: State::Draft, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            draft: sign=signed annul=annulled
            signed: register=registered annul=annulled
            registered:
            annulled:
        ";
        check(&MACHINE, written, include_str!("register_entry.rs"));
    }
}
