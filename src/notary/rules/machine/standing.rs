//! What a person is to a thing, and so what its machine lets them do.

use super::table::{Forbidden, Machine, Name, Who};

/// What a person is to an appointment, an act, a mail: several at once, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five things that one may be, several at once")]
pub struct Standing {
    /// Whose matter it is.
    pub is_client: bool,
    /// Invited.
    pub is_participant: bool,
    /// Of the office: a collaborator who is permitted what this kind of thing takes.
    pub is_collaborator: bool,
    /// Whose office it is.
    pub is_notary: bool,
    /// Looks after everything.
    pub is_admin: bool,
}

impl Standing {
    /// As the machines call it, the most powerful first.
    pub fn who(self) -> impl Iterator<Item = Who> {
        [
            (self.is_notary, Who::Notary),
            (self.is_collaborator, Who::Collaborator),
            (self.is_admin, Who::Admin),
            (self.is_client, Who::Client),
            (self.is_participant, Who::Partner),
        ]
        .into_iter()
        .filter_map(|(is_so, who)| is_so.then_some(who))
    }

    /// The notary, or a collaborator who is permitted.
    pub const fn is_office(self) -> bool {
        self.is_notary || self.is_collaborator
    }

    /// Where `event` leads from a state, if one of the things this person is may do it.
    pub fn next<S: Name, E: Name>(self, machine: &Machine<S, E>, from: S, event: E) -> Result<S, Forbidden> {
        let mut refused = None;
        for who in self.who() {
            match machine.next_by(from, event, who) {
                Ok(to) => return Ok(to),
                // What the most powerful of them may not is said, not what the last of them may not.
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        // Who is nothing of it may do as much as who is merely invited.
        refused.map_or_else(|| machine.next_by(from, event, Who::Partner), Err)
    }

    /// What this person may do in a state, each once, in the order of the machine's events.
    pub fn possible<S: Name, E: Name + Ord>(self, machine: &Machine<S, E>, from: S) -> Vec<E> {
        let mut events: Vec<E> = self.who().flat_map(|who| machine.events(from, who)).collect();
        events.sort_unstable();
        events.dedup();
        events
    }
}
