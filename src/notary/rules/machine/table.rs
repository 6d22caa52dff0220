//! What a state machine is: a table of transitions.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Write as _},
};

/// States and events: a closed list of names.
pub trait Name: Copy + Eq + Debug + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// As it is stored and told.
    fn as_str(self) -> &'static str;

    /// From its name.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

/// Declares an enum with names.
macro_rules! names {
    ($(#[$meta:meta])* $enum:ident as $schema:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $enum {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        $crate::stored::described!($enum as $schema [$($text),+]);

        impl $crate::notary::rules::machine::Name for $enum {
            const ALL: &'static [Self] = &[$(Self::$name),+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}
pub(in crate::notary) use names;

names! {
    /// Who does something. That they may do it with *this* appointment, act or mail is decided where it is stored.
    Who as NotaryDeskPerson {
        /// The client whose matter it is.
        Client = "client",
        /// A partner who takes part.
        Partner = "partner",
        /// A collaborator of the notary's office, as far as the notary permits.
        Collaborator = "collaborator",
        /// The notary.
        Notary = "notary",
        /// An administrator.
        Admin = "admin",
        /// A job or a provider's answer.
        System = "system",
    }
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Transition<S: 'static, E: 'static> {
    /// In this state
    pub from: S,
    /// this may happen
    pub event: E,
    /// and leads there,
    pub to: S,
    /// when one of these does it.
    pub by: &'static [Who],
}

/// A state machine.
#[derive(Debug, Clone, Copy)]
pub struct Machine<S: 'static, E: 'static> {
    /// What it is about.
    pub name: &'static str,
    /// Where it begins.
    pub start: S,
    /// All that may happen.
    pub table: &'static [Transition<S, E>],
}

/// Why something may not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not in this state.
    #[error("{machine}: {event} is not possible in the state {from}")]
    State {
        /// What it is about.
        machine: &'static str,
        /// Its state.
        from: &'static str,
        /// What was tried.
        event: &'static str,
    },
    /// Not by this one.
    #[error("{machine}: {event} in the state {from} is not for {who}")]
    Who {
        /// What it is about.
        machine: &'static str,
        /// Its state.
        from: &'static str,
        /// What was tried.
        event: &'static str,
        /// By whom.
        who: &'static str,
    },
}

/// A line of a table, as it is read.
pub const fn row<S, E>(from: S, event: E, to: S, by: &'static [Who]) -> Transition<S, E> {
    Transition { from, event, to, by }
}

impl<S: Name, E: Name> Machine<S, E> {
    fn line(&self, from: S, event: E) -> Result<&'static Transition<S, E>, Forbidden> {
        let line = self.table.iter().find(|line| line.from == from && line.event == event);
        let Self { name: machine, .. } = *self;
        line.ok_or(Forbidden::State { machine, from: from.as_str(), event: event.as_str() })
    }

    /// Where `event` leads.
    pub fn next(&self, from: S, event: E) -> Result<S, Forbidden> {
        Ok(self.line(from, event)?.to)
    }

    /// Where `event` leads when `who` does it.
    pub fn next_by(&self, from: S, event: E, who: Who) -> Result<S, Forbidden> {
        let line = self.line(from, event)?;
        let (machine, from, event) = (self.name, from.as_str(), event.as_str());
        let is_allowed = line.by.contains(&who);
        if is_allowed { Ok(line.to) } else { Err(Forbidden::Who { machine, from, event, who: who.as_str() }) }
    }

    /// What `who` may do in a state.
    pub fn events(&self, from: S, who: Who) -> impl Iterator<Item = E> {
        self.table
            .iter()
            .filter(move |line| line.from == from && line.by.contains(&who))
            .map(|line| line.event)
    }

    /// The states in which `event` is possible for `who`, for the condition of a statement.
    pub fn sources(&self, event: E, who: Who) -> Vec<&'static str> {
        let lines = self.table.iter().filter(|line| line.event == event && line.by.contains(&who));
        lines.map(|line| line.from.as_str()).collect()
    }

    /// Whether nothing leads to another state.
    pub fn is_end(&self, state: S) -> bool {
        self.table.iter().all(|line| line.from != state || line.to == state)
    }

    /// The machine as a Mermaid diagram.
    pub fn diagram(&self) -> String {
        let mut text = format!("stateDiagram-v2\n    [*] --> {}\n", self.start.as_str());
        for Transition { from, event, to, by } in self.table {
            let by: Vec<_> = by.iter().map(|who| who.as_str()).collect();
            let (from, event, to, by) = (from.as_str(), event.as_str(), to.as_str(), by.join(", "));
            writeln!(text, "    {from} --> {to}: {event} ({by})").expect("writing to a String cannot fail");
        }
        for state in S::ALL.iter().filter(|state| self.is_end(**state)) {
            writeln!(text, "    {} --> [*]", state.as_str()).expect("writing to a String cannot fail");
        }
        text
    }

    /// The states that can be reached from the start.
    pub fn reachable(&self) -> BTreeSet<&'static str> {
        let mut reached = BTreeSet::from([self.start.as_str()]);
        let mut waiting = vec![self.start];
        while let Some(state) = waiting.pop() {
            for line in self.table.iter().filter(|line| line.from == state) {
                if reached.insert(line.to.as_str()) {
                    waiting.push(line.to);
                }
            }
        }
        reached
    }
}
