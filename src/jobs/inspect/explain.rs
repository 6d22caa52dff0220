//! Why is it not running? A pure function of what was seen at one moment.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NodeState, Reason, State, Why};
use crate::jobs::JobId;

/// Everything that may stand before a job.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// The application's time, by which jobs are due.
    pub now: Timestamp,
    /// The database's time, by which tokens flow.
    pub seen_at: Timestamp,
    /// Where the job is.
    pub state: State,
    /// Not before then.
    pub due_at: Timestamp,
    /// Its kind.
    pub kind: Gate,
    /// Its queue.
    pub queue: Gate,
    /// Jobs of the queue that one process may run at once, where administrators say so.
    pub workers: Option<i32>,
    /// Its concurrency key.
    pub key: Option<Gate>,
    /// Whether it is parked at the door of its key, rather than of its kind.
    pub at_key: bool,
    /// Tokens of the queue's rate.
    pub rate: Option<Rate>,
    /// How many jobs it waits for, and the first of them.
    pub parents: (i32, Vec<JobId>),
    /// The processes.
    pub nodes: Vec<Seen>,
    /// The process that runs it.
    pub runs_on: Option<i64>,
    /// When its attempt began, until when it may take, and when it was asked to end.
    pub run: Option<(Timestamp, Timestamp, Option<Timestamp>)>,
    /// How many are before it, and whether there may be more.
    pub before: Option<(i64, bool)>,
    /// Jobs that its queue ends in a second, of late.
    pub pace: Option<f64>,
}

/// Something with a name that can be paused, and can be full.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate {
    /// Its name.
    pub name: String,
    /// Of a paused one.
    pub paused: Option<Pause>,
    /// How many may run at once.
    pub limit: Option<i32>,
    /// How many do.
    pub running: i64,
    /// Jobs that hold a place, the first of them.
    pub held_by: Vec<JobId>,
}

/// A pause.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// By whom.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// The tokens of a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// They flow so fast.
    pub per_s: f32,
    /// How many there were…
    pub tokens: f64,
    /// …then.
    pub at: Timestamp,
}

/// A process.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Its number.
    pub worker: i64,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: NodeState,
    /// Seconds since its last beat.
    pub beat_age_s: Option<f64>,
    /// Whether it knows the kind; unknown of older servers.
    pub knows: Option<bool>,
}

/// Why a job is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = JobExplanation)]
pub struct Explanation {
    /// Every reason, the strongest first.
    pub reasons: Vec<Why>,
    /// When it will probably start, at the pace of the last minutes; `null` when nobody can tell.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub estimated_start: Option<Timestamp>,
}

impl Explanation {
    /// Of a job that has ended.
    pub(super) fn ended(state: State) -> Self {
        let detail = format!("it has ended: {}", state.as_str());
        Self { reasons: vec![Why { reason: Reason::Ended, detail }], estimated_start: None }
    }

    /// Says more about the strongest reason.
    pub(super) fn add(&mut self, more: &str) {
        if let Some(why) = self.reasons.first_mut() {
            why.detail = format!("{}; {more}", why.detail);
        }
    }
}

/// Why the job is not running (or that it is).
pub(super) fn explain(it: &Snapshot) -> Explanation {
    if it.state == State::Running {
        return Explanation {
            reasons: running(it).into_iter().map(Why::of).collect(),
            estimated_start: None,
        };
    }
    let mut reasons = Vec::new();
    paused(it, &mut reasons);
    nodes(it, &mut reasons);
    let is_stuck = !reasons.is_empty();
    waiting(it, &mut reasons);
    let waits_for_jobs = it.state == State::Waiting && it.parents.0 > 0;
    full(it, &mut reasons);
    place(it, &mut reasons);
    if reasons.is_empty() {
        reasons.push(Reason::Next);
    }
    let estimated_start = if is_stuck || waits_for_jobs { None } else { estimate(it, &reasons) };
    Explanation { reasons: reasons.into_iter().map(Why::of).collect(), estimated_start }
}

fn running(it: &Snapshot) -> Vec<Reason> {
    let node = it.nodes.iter().find(|node| Some(node.worker) == it.runs_on);
    let name = node.map(|node| node.name.clone());
    let mut reasons = Vec::new();
    if node.is_none_or(|node| !matches!(node.state, NodeState::Live | NodeState::Draining)) {
        let beat_age_s = node.and_then(|node| node.beat_age_s);
        reasons.push(Reason::NodeSilent { node: name.clone(), beat_age_s });
    }
    if let Some((since, until, cancel_at)) = it.run {
        reasons.extend(cancel_at.map(|since| Reason::Cancelling { since }));
        reasons.push(Reason::Running { node: name, since, until });
    }
    reasons
}

fn paused(it: &Snapshot, reasons: &mut Vec<Reason>) {
    if let Some(Pause { since, by, reason }) = it.queue.paused.clone() {
        reasons.push(Reason::QueuePaused { by, since, reason });
    }
    if let Some(Pause { since, by, reason }) = it.kind.paused.clone() {
        reasons.push(Reason::KindPaused { by, since, reason });
    }
    if it.workers == Some(0) {
        reasons.push(Reason::NoWorkers);
    }
    if it.queue.limit == Some(0) {
        reasons.push(Reason::QueueFull { limit: 0, running: it.queue.running });
    }
}

/// Whether any process could take it.
fn nodes(it: &Snapshot, reasons: &mut Vec<Reason>) {
    let names = |nodes: &[&Seen]| nodes.iter().map(|node| node.name.clone()).collect();
    let alive: Vec<&Seen> =
        it.nodes.iter().filter(|node| !matches!(node.state, NodeState::Dead | NodeState::Left)).collect();
    let staying: Vec<&Seen> =
        alive.iter().copied().filter(|node| node.state != NodeState::Draining).collect();
    let able: Vec<&Seen> = staying.iter().copied().filter(|node| node.state == NodeState::Live).collect();
    if alive.is_empty() {
        reasons.push(Reason::NoNode);
    } else if staying.is_empty() {
        reasons.push(Reason::NodesDraining);
    } else if able.is_empty() {
        reasons.push(Reason::NodesFenced { nodes: names(&staying) });
    } else if able.iter().all(|node| node.knows == Some(false)) {
        reasons.push(Reason::KindUnknown { nodes: names(&able) });
    }
}

fn waiting(it: &Snapshot, reasons: &mut Vec<Reason>) {
    if it.state == State::Waiting && it.parents.0 > 0 {
        let (waits_for, parents) = it.parents.clone();
        reasons.push(Reason::Parents { waits_for, parents });
    }
    let is_later = matches!(it.state, State::Scheduled | State::Retrying | State::Snoozed | State::Waiting);
    if is_later && it.due_at > it.now {
        reasons.push(Reason::Until { at: it.due_at });
    }
}

fn full(it: &Snapshot, reasons: &mut Vec<Reason>) {
    if it.state == State::Parked {
        reasons.extend(match &it.key {
            Some(key) if it.at_key => Some(Reason::KeyFull {
                key: key.name.clone(),
                limit: key.limit,
                held_by: key.held_by.clone(),
            }),
            _ => it
                .kind
                .limit
                .map(|limit| Reason::KindFull { limit: Some(limit), held_by: it.kind.held_by.clone() }),
        });
    }
    if !matches!(it.state, State::Ready | State::Parked) {
        return;
    }
    if let Some(limit) = it.queue.limit.filter(|limit| *limit > 0 && it.queue.running >= i64::from(*limit)) {
        reasons.push(Reason::QueueFull { limit, running: it.queue.running });
    }
    let before = it.before.map_or(0, |(before, _)| before);
    if let Some(next_at) = it.rate.and_then(|rate| next_token(rate, before, it.seen_at)) {
        reasons.push(Reason::Rate { next_at });
    }
}

/// When there is a whole token after so many that others take; `None` when there is one now.
pub(super) fn next_token(rate: Rate, before: i64, now: Timestamp) -> Option<Timestamp> {
    let missing = before as f64 + 1.0 - rate.tokens;
    let at = later(rate.at, missing.max(0.0) / f64::from(rate.per_s))?;
    (at > now).then_some(at)
}

fn place(it: &Snapshot, reasons: &mut Vec<Reason>) {
    if let Some((before, is_cut)) = it.before.filter(|(before, _)| *before > 0) {
        reasons.push(Reason::Position { position: before + 1, exact: !is_cut });
    }
}

/// Its time, or its place at the pace of its queue, whichever is later.
fn estimate(it: &Snapshot, reasons: &[Reason]) -> Option<Timestamp> {
    let not_before = reasons.iter().filter_map(|reason| match reason {
        Reason::Until { at } | Reason::Rate { next_at: at } => Some(*at),
        _ => None,
    });
    let not_before = not_before.max();
    match (it.state, it.before, it.pace) {
        (State::Scheduled | State::Retrying | State::Snoozed | State::Waiting, ..) => {
            Some(it.due_at.max(it.now))
        }
        (State::Ready, Some((0, _)), _) => Some(not_before.unwrap_or(it.now)),
        (_, Some((before, false)), Some(pace)) if pace > 0.0 => {
            Some(later(it.now, (before + 1) as f64 / pace)?.max(not_before.unwrap_or(it.now)))
        }
        _ => None,
    }
}

fn later(at: Timestamp, seconds: f64) -> Option<Timestamp> {
    at.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn node(name: &str, state: NodeState, knows: Option<bool>) -> Seen {
        Seen { worker: 7, name: name.to_owned(), state, beat_age_s: Some(1.0), knows }
    }

    /// A ready job with one able process, nothing before it.
    fn ready() -> Snapshot {
        let gate = |name: &str| Gate { name: name.to_owned(), ..Gate::default() };
        Snapshot {
            now: at(0),
            seen_at: at(0),
            state: State::Ready,
            due_at: at(-5),
            kind: gate("mail.send"),
            queue: gate("mail"),
            workers: None,
            key: None,
            at_key: false,
            rate: None,
            parents: (0, Vec::new()),
            nodes: vec![node("one", NodeState::Live, Some(true))],
            runs_on: None,
            run: None,
            before: Some((0, false)),
            pace: None,
        }
    }

    #[track_caller]
    fn reasons(it: &Snapshot) -> Vec<Reason> {
        let reasons: Vec<_> = explain(it).reasons.into_iter().map(|why| why.reason).collect();
        assert!(!reasons.is_empty());
        reasons
    }

    #[test]
    fn a_free_job_is_next_and_starts_now() {
        assert_eq!(reasons(&ready()), [Reason::Next]);
        assert_eq!(explain(&ready()).estimated_start, Some(at(0)));
    }

    #[test]
    fn a_paused_queue_and_a_paused_kind_say_by_whom_and_nobody_knows_until_when() {
        let mut it = ready();
        let (by, reason) = (Some("anna".to_owned()), Some("the server moves".to_owned()));
        it.queue.paused = Some(Pause { since: at(-9), by: by.clone(), reason: reason.clone() });
        it.kind.paused = Some(Pause { since: at(-8), by: None, reason: None });
        let queue = Reason::QueuePaused { by, since: at(-9), reason };
        assert_eq!(reasons(&it), [queue, Reason::KindPaused { by: None, since: at(-8), reason: None }]);
        let explanation = explain(&it);
        assert_eq!(explanation.estimated_start, None);
        let detail = &explanation.reasons[0].detail;
        assert!(detail.contains("paused by anna") && detail.ends_with(": the server moves"), "{detail}");
    }

    #[test]
    fn what_waits_for_its_time_starts_then() {
        for state in [State::Scheduled, State::Retrying, State::Snoozed] {
            let it = Snapshot { state, due_at: at(60), before: None, ..ready() };
            assert_eq!(reasons(&it), [Reason::Until { at: at(60) }]);
            assert_eq!(explain(&it).estimated_start, Some(at(60)));
        }
    }

    #[test]
    fn a_full_key_names_the_jobs_that_hold_it() {
        let key = Gate {
            name: "host-1".to_owned(),
            limit: Some(2),
            held_by: vec![JobId(4), JobId(5)],
            ..Gate::default()
        };
        let it = Snapshot {
            state: State::Parked,
            key: Some(key),
            at_key: true,
            before: Some((3, false)),
            ..ready()
        };
        let full =
            Reason::KeyFull { key: "host-1".to_owned(), limit: Some(2), held_by: vec![JobId(4), JobId(5)] };
        assert_eq!(reasons(&it), [full, Reason::Position { position: 4, exact: true }]);
        assert_eq!(explain(&it).estimated_start, None, "nobody knows how long they take");
        let paced = Snapshot { pace: Some(2.0), ..it };
        assert_eq!(explain(&paced).estimated_start, Some(at(2)));
    }

    #[test]
    fn a_full_kind_names_its_jobs() {
        let mut it = Snapshot { state: State::Parked, ..ready() };
        (it.kind.limit, it.kind.held_by) = (Some(1), vec![JobId(4)]);
        assert_eq!(reasons(&it), [Reason::KindFull { limit: Some(1), held_by: vec![JobId(4)] }]);
    }

    #[test]
    fn a_full_queue_tells_its_limit() {
        let mut it = ready();
        (it.queue.limit, it.queue.running) = (Some(3), 3);
        assert_eq!(reasons(&it), [Reason::QueueFull { limit: 3, running: 3 }]);
        it.queue.running = 2;
        assert_eq!(reasons(&it), [Reason::Next]);
    }

    #[test]
    fn a_rate_says_when_the_next_token_comes() {
        let rate = |tokens| Some(Rate { per_s: 0.5, tokens, at: at(-1) });
        let it = Snapshot { rate: rate(0.0), ..ready() };
        assert_eq!(reasons(&it), [Reason::Rate { next_at: at(1) }]);
        assert_eq!(explain(&it).estimated_start, Some(at(1)));
        assert_eq!(reasons(&Snapshot { rate: rate(0.6), ..ready() }), [Reason::Next]);
        assert_eq!(reasons(&Snapshot { rate: rate(7.0), ..ready() }), [Reason::Next]);
        let third = Snapshot { rate: rate(0.0), before: Some((2, false)), ..ready() };
        let Reason::Rate { next_at } = reasons(&third)[0].clone() else { panic!("{third:?}") };
        let Reason::Rate { next_at: first } = reasons(&it)[0].clone() else { panic!("{it:?}") };
        assert!(next_at > first, "two others take tokens before it");
        let none = Snapshot { workers: Some(0), ..ready() };
        assert_eq!((reasons(&none)[0].clone(), explain(&none).estimated_start), (Reason::NoWorkers, None));
    }

    #[test]
    fn a_child_names_its_parents() {
        let it = Snapshot {
            state: State::Waiting,
            parents: (2, vec![JobId(1), JobId(2)]),
            before: None,
            ..ready()
        };
        assert_eq!(reasons(&it), [Reason::Parents { waits_for: 2, parents: vec![JobId(1), JobId(2)] }]);
        assert_eq!(explain(&it).estimated_start, None);
    }

    #[test]
    fn processes_that_are_missing_stopping_fenced_or_too_old_are_told_apart() {
        let with = |nodes: Vec<Seen>| reasons(&Snapshot { nodes, ..ready() });
        assert_eq!(with(vec![]), [Reason::NoNode]);
        assert_eq!(
            with(vec![node("a", NodeState::Dead, None), node("b", NodeState::Left, None)]),
            [Reason::NoNode]
        );
        assert_eq!(with(vec![node("a", NodeState::Draining, Some(true))]), [Reason::NodesDraining]);
        let fenced = Reason::NodesFenced { nodes: vec!["a".to_owned()] };
        assert_eq!(with(vec![node("a", NodeState::Fenced, Some(true))]), [fenced]);
        let unknown = Reason::KindUnknown { nodes: vec!["a".to_owned()] };
        let nodes = vec![node("a", NodeState::Live, Some(false)), node("b", NodeState::Draining, Some(true))];
        assert_eq!(with(nodes), [unknown]);
        assert_eq!(
            with(vec![node("a", NodeState::Live, None)]),
            [Reason::Next],
            "an older server may know it"
        );
    }

    #[test]
    fn a_place_in_the_queue_is_a_time_at_its_pace() {
        let it = Snapshot { before: Some((19, false)), pace: Some(10.0), ..ready() };
        assert_eq!(reasons(&it), [Reason::Position { position: 20, exact: true }]);
        assert_eq!(explain(&it).estimated_start, Some(at(2)));
        let far = Snapshot { before: Some((10_000, true)), pace: Some(10.0), ..ready() };
        assert_eq!(reasons(&far), [Reason::Position { position: 10_001, exact: false }]);
        assert_eq!(explain(&far).estimated_start, None);
    }

    #[test]
    fn a_running_job_says_where_and_when_its_process_is_silent() {
        let run = Some((at(-3), at(57), None));
        let it = Snapshot { state: State::Running, runs_on: Some(7), run, before: None, ..ready() };
        let running = Reason::Running { node: Some("one".to_owned()), since: at(-3), until: at(57) };
        assert_eq!(reasons(&it), std::slice::from_ref(&running));
        let cancelled = Snapshot { run: Some((at(-3), at(57), Some(at(-1)))), ..it.clone() };
        assert_eq!(reasons(&cancelled), [Reason::Cancelling { since: at(-1) }, running.clone()]);
        let silent = Snapshot { nodes: vec![node("one", NodeState::Fenced, None)], ..it.clone() };
        let silence = Reason::NodeSilent { node: Some("one".to_owned()), beat_age_s: Some(1.0) };
        assert_eq!(reasons(&silent), [silence, running]);
        let gone = Snapshot { nodes: vec![], ..it };
        assert!(matches!(reasons(&gone)[0], Reason::NodeSilent { node: None, .. }));
    }
}
