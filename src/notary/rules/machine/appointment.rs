//! An appointment, from the request to the meeting.
//!
//! Requests are provisional and compete; confirming one makes the overlapping others lose. With an act that needs documents,
//! the client hands them in, and the office accepts or refuses them until all are accepted. With them, or without any, the office
//! says that it is ready. It can be cancelled until it has ended.
//!
//! The originals called the states provvisorio (or richiesto), confermato (approvato), documenti_in_caricamento,
//! documenti_in_verifica, documenti_parziali, documenti_verificati, pronto_atto_virtuale, in_corso, completato, rifiutato,
//! annullato; nothing there expired.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> provisional
//!     provisional --> confirmed: confirm (collaborator, notary, admin)
//!     provisional --> rejected: reject (collaborator, notary, admin)
//!     provisional --> rejected: lose (system)
//!     provisional --> expired: expire (system)
//!     provisional --> cancelled: cancel (client, collaborator, notary, admin)
//!     confirmed --> documents_open: open_documents (collaborator, notary, system)
//!     confirmed --> ready: make_ready (collaborator, notary, system)
//!     confirmed --> cancelled: cancel (client, collaborator, notary, admin)
//!     documents_open --> documents_review: submit_documents (client)
//!     documents_open --> cancelled: cancel (client, collaborator, notary, admin)
//!     documents_review --> documents_partial: refuse_documents (collaborator, notary, system)
//!     documents_review --> documents_accepted: accept_documents (collaborator, notary, system)
//!     documents_review --> cancelled: cancel (client, collaborator, notary, admin)
//!     documents_partial --> documents_review: submit_documents (client)
//!     documents_partial --> cancelled: cancel (client, collaborator, notary, admin)
//!     documents_accepted --> ready: make_ready (collaborator, notary, system)
//!     documents_accepted --> cancelled: cancel (client, collaborator, notary, admin)
//!     ready --> in_progress: begin (collaborator, notary)
//!     ready --> cancelled: cancel (client, collaborator, notary, admin)
//!     in_progress --> completed: complete (collaborator, notary)
//!     in_progress --> cancelled: cancel (collaborator, notary, admin)
//!     completed --> [*]
//!     rejected --> [*]
//!     cancelled --> [*]
//!     expired --> [*]
//! ```

use super::table::{Machine, Transition, Who, names, row};

names! {
    /// Where it is in its life.
    State as AppointmentState {
        /// Asked for; does not take its slot.
        Provisional = "provisional",
        /// Takes its slot.
        Confirmed = "confirmed",
        /// The client hands documents in.
        DocumentsOpen = "documents_open",
        /// The office looks at them.
        DocumentsReview = "documents_review",
        /// Some were refused; the client hands in others.
        DocumentsPartial = "documents_partial",
        /// All are accepted.
        DocumentsAccepted = "documents_accepted",
        /// Nothing is missing.
        Ready = "ready",
        /// It takes place.
        InProgress = "in_progress",
        /// It has taken place.
        Completed = "completed",
        /// Refused, or another request got the slot.
        Rejected = "rejected",
        /// Given up by one side.
        Cancelled = "cancelled",
        /// Nobody answered in time.
        Expired = "expired",
    }
}

names! {
    /// What happens to it.
    Event as AppointmentEvent {
        /// The office agrees.
        Confirm = "confirm",
        /// The office does not agree.
        Reject = "reject",
        /// Another request for the same time is confirmed.
        Lose = "lose",
        /// The time to answer is over.
        Expire = "expire",
        /// Documents are needed; their list was made from the type of act.
        OpenDocuments = "open_documents",
        /// The client has handed in all that is mandatory.
        SubmitDocuments = "submit_documents",
        /// The review has ended, some are refused.
        RefuseDocuments = "refuse_documents",
        /// The review has ended, all are accepted.
        AcceptDocuments = "accept_documents",
        /// Nothing is missing any more.
        MakeReady = "make_ready",
        /// People are let in.
        Begin = "begin",
        /// It is over.
        Complete = "complete",
        /// One side gives it up.
        Cancel = "cancel",
    }
}

/// The notary, and who works for them.
const OFFICE: &[Who] = &[Who::Collaborator, Who::Notary];
/// Followed by the office, or by the transaction that made it true.
const OFFICE_OR_JOB: &[Who] = &[Who::Collaborator, Who::Notary, Who::System];
/// Both sides.
const ANYBODY: &[Who] = &[Who::Client, Who::Collaborator, Who::Notary, Who::Admin];

/// All that may happen.
pub const TABLE: &[Transition<State, Event>] = &[
    row(State::Provisional, Event::Confirm, State::Confirmed, &[Who::Collaborator, Who::Notary, Who::Admin]),
    row(State::Provisional, Event::Reject, State::Rejected, &[Who::Collaborator, Who::Notary, Who::Admin]),
    row(State::Provisional, Event::Lose, State::Rejected, &[Who::System]),
    row(State::Provisional, Event::Expire, State::Expired, &[Who::System]),
    row(State::Provisional, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::Confirmed, Event::OpenDocuments, State::DocumentsOpen, OFFICE_OR_JOB),
    row(State::Confirmed, Event::MakeReady, State::Ready, OFFICE_OR_JOB),
    row(State::Confirmed, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::DocumentsOpen, Event::SubmitDocuments, State::DocumentsReview, &[Who::Client]),
    row(State::DocumentsOpen, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::DocumentsReview, Event::RefuseDocuments, State::DocumentsPartial, OFFICE_OR_JOB),
    row(State::DocumentsReview, Event::AcceptDocuments, State::DocumentsAccepted, OFFICE_OR_JOB),
    row(State::DocumentsReview, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::DocumentsPartial, Event::SubmitDocuments, State::DocumentsReview, &[Who::Client]),
    row(State::DocumentsPartial, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::DocumentsAccepted, Event::MakeReady, State::Ready, OFFICE_OR_JOB),
    row(State::DocumentsAccepted, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::Ready, Event::Begin, State::InProgress, OFFICE),
    row(State::Ready, Event::Cancel, State::Cancelled, ANYBODY),
    row(State::InProgress, Event::Complete, State::Completed, OFFICE),
    row(State::InProgress, Event::Cancel, State::Cancelled, &[Who::Collaborator, Who::Notary, Who::Admin]),
];

/// The machine.
pub const MACHINE: Machine<State, Event> =
    Machine { name: "appointment", start: State::Provisional, table: TABLE };

/// The states in which an appointment takes its slot: what the constraint `appointment_no_overlap` looks at.
pub const BLOCKING: [State; 8] = [
    State::Confirmed,
    State::DocumentsOpen,
    State::DocumentsReview,
    State::DocumentsPartial,
    State::DocumentsAccepted,
    State::Ready,
    State::InProgress,
    State::Completed,
];

impl State {
    /// Whether nobody else can have its time.
    pub fn takes_its_slot(self) -> bool {
        BLOCKING.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Name as _, tests::check},
        *,
    };

    #[test]
    fn every_event_in_every_state_is_allowed_or_forbidden_as_written_here() {
        let written = "
            provisional: confirm=confirmed reject=rejected lose=rejected expire=expired cancel=cancelled
            confirmed: open_documents=documents_open make_ready=ready cancel=cancelled
            documents_open: submit_documents=documents_review cancel=cancelled
            documents_review: refuse_documents=documents_partial accept_documents=documents_accepted cancel=cancelled
            documents_partial: submit_documents=documents_review cancel=cancelled
            documents_accepted: make_ready=ready cancel=cancelled
            ready: begin=in_progress cancel=cancelled
            in_progress: complete=completed cancel=cancelled
            completed:
            rejected:
            cancelled:
            expired:
        ";
        check(&MACHINE, written, include_str!("appointment.rs"));
    }

    #[test]
    fn a_slot_is_taken_from_the_confirmation_on_and_never_by_requests_that_compete() {
        let taken: Vec<_> = State::ALL.iter().filter(|state| state.takes_its_slot()).collect();
        assert_eq!(taken.len(), BLOCKING.len());
        for state in State::ALL {
            let is_open =
                matches!(state, State::Provisional | State::Rejected | State::Cancelled | State::Expired);
            assert_eq!(state.takes_its_slot(), !is_open, "{state:?}");
        }
    }
}
