//! A package of documents for the conservator (DPCM 3 December 2013, AgID guidelines).
//!
//! Exported with a manifest of hashes, taken over by the conservator, and verified, which may be done again at any time. What
//! the conservator refuses is made anew.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> pending
//!     pending --> exported: export (system)
//!     exported --> conserved: conserve (system)
//!     exported --> pending: refuse (system)
//!     conserved --> verified: verify (notary, admin, system)
//!     verified --> verified: verify (notary, admin, system)
//!     verified --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as ConservationPackageState {
        /// To be made.
        Pending = "pending",
        /// Made, with its manifest.
        Exported = "exported",
        /// The conservator has it.
        Conserved = "conserved",
        /// Its hashes were compared.
        Verified = "verified",
    }
}

names! {
    /// What happens to it.
    Event as ConservationPackageEvent {
        /// It is made.
        Export = "export",
        /// The conservator takes it over.
        Conserve = "conserve",
        /// The conservator does not take it.
        Refuse = "refuse",
        /// Its hashes are compared and right.
        Verify = "verify",
    }
}

/// Anybody who answers for it.
const VERIFIER: &[Who] = &[Who::Notary, Who::Admin, Who::System];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Pending, Event::Export, State::Exported, &[Who::System]),
    row(State::Exported, Event::Conserve, State::Conserved, &[Who::System]),
    row(State::Exported, Event::Refuse, State::Pending, &[Who::System]),
    row(State::Conserved, Event::Verify, State::Verified, VERIFIER),
    row(State::Verified, Event::Verify, State::Verified, VERIFIER),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "conservation package", start: State::Pending, table: TABLE };

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            pending: export=exported
            exported: conserve=conserved refuse=pending
            conserved: verify=verified
            verified: verify=verified
        ";
        check(&MACHINE, written, include_str!("conservation_package.rs"));
    }
}
