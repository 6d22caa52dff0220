//! What is true of every machine: used by each, with what is written there once more by hand.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Forbidden, Machine, Name, Who};

/// What is true of every machine. `written` has a line per state, `state: event=next event=next`, and what is not
/// in it is forbidden; `source` is the machine's file.
pub(super) fn check<S: Name, E: Name>(machine: &Machine<S, E>, written: &str, source: &str) {
    walk(machine, written);
    assert_documented(machine, source);
    let all: BTreeSet<_> = S::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(all.len(), S::ALL.len(), "two states have one name");
    assert_eq!(machine.reachable(), all, "every state can be reached");
    for name in S::ALL {
        assert_eq!(S::parse(name.as_str()), Some(*name));
    }
    for name in E::ALL {
        assert_eq!(E::parse(name.as_str()), Some(*name));
        assert!(machine.table.iter().any(|line| line.event == *name), "{name:?} never happens");
    }
    assert!(S::parse("").is_none() && E::parse("Confirm").is_none());
}

/// Every event in every state, by everybody.
fn walk<S: Name, E: Name>(machine: &Machine<S, E>, written: &str) {
    let lines: Vec<_> = written.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), S::ALL.len(), "a line per state");
    for (from, line) in S::ALL.iter().zip(lines) {
        let (name, allowed) = line.split_once(':').unwrap();
        assert_eq!(name, from.as_str());
        let allowed: Vec<_> = allowed.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        for (event, to) in &allowed {
            assert!(E::parse(event).is_some() && S::parse(to).is_some(), "{event}={to}");
        }
        for event in E::ALL {
            let to = allowed.iter().find(|(name, _)| *name == event.as_str()).and_then(|it| S::parse(it.1));
            let next = machine.next(*from, *event);
            assert_eq!(next.ok(), to, "{} in {}", event.as_str(), from.as_str());
            assert_eq!(next.is_err(), to.is_none());
            walk_by(machine, *from, *event, to);
        }
    }
}

fn walk_by<S: Name, E: Name>(machine: &Machine<S, E>, from: S, event: E, to: Option<S>) {
    let lines: Vec<_> = machine.table.iter().filter(|it| it.from == from && it.event == event).collect();
    assert_eq!(lines.len(), usize::from(to.is_some()), "one line per state and event");
    for who in Who::ALL {
        let is_allowed = lines.iter().any(|line| line.by.contains(who));
        let next = machine.next_by(from, event, *who);
        assert_eq!(next.ok(), to.filter(|_| is_allowed));
        assert_eq!(machine.events(from, *who).any(|it| it == event), is_allowed);
        assert_eq!(machine.sources(event, *who).contains(&from.as_str()), is_allowed);
        match next {
            Err(Forbidden::Who { .. }) => assert!(to.is_some() && !is_allowed),
            Err(Forbidden::State { .. }) => assert!(to.is_none()),
            Ok(_) => {}
        }
    }
    assert!(lines.iter().all(|line| !line.by.is_empty()), "somebody does it");
}

fn assert_documented<S: Name, E: Name>(machine: &Machine<S, E>, source: &str) {
    let mut expected = String::from("//! ```mermaid\n");
    for line in machine.diagram().lines() {
        writeln!(expected, "//! {line}").unwrap();
    }
    expected.push_str("//! ```\n");
    assert!(source.contains(&expected), "the docs of {} must contain\n{expected}", machine.name);
}

#[test]
fn what_is_forbidden_says_what_and_why() {
    use super::appointment::{Event, MACHINE, State};

    let error = MACHINE.next(State::Completed, Event::Cancel).unwrap_err();
    assert_eq!(error.to_string(), "appointment: cancel is not possible in the state completed");
    let error = MACHINE.next_by(State::Provisional, Event::Confirm, Who::Client).unwrap_err();
    assert_eq!(error.to_string(), "appointment: confirm in the state provisional is not for client");
}
