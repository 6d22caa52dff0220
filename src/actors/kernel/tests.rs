//! The kernel's promises, each as a sentence.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    Behaviour, CallError, Context, Failure, Handle, Registry, Reply, Restart, SendError, State, Strategy,
    Supervisor, System, actor,
};
use crate::clock::Clock;

enum EchoMsg {
    Echo(u32, Reply<u32>),
    /// Waits for the permit, so that a test decides when the handler ends.
    Hold(tokio::sync::oneshot::Receiver<()>, Reply<()>),
    Panic,
}
crate::kinds!(EchoMsg: Echo, Hold, Panic);

struct Echo {
    name: &'static str,
    stopped: Arc<Mutex<Vec<&'static str>>>,
}

impl Behaviour for Echo {
    type Msg = EchoMsg;
    type State = u32;
    async fn init(&self, _: &Context<EchoMsg>) -> Result<u32, Failure> {
        Ok(0)
    }
    async fn handle(&self, _: &Context<EchoMsg>, message: EchoMsg, handled: &mut u32) -> Result<(), Failure> {
        *handled += 1;
        match message {
            EchoMsg::Echo(value, reply) => reply.send(value),
            EchoMsg::Hold(permit, reply) => {
                let _ = permit.await;
                reply.send(());
            }
            EchoMsg::Panic => panic!("as asked"),
        }
        Ok(())
    }
    async fn stop(&self, _: &mut u32) {
        self.stopped.lock().unwrap().push(self.name);
    }
}

struct Fixture {
    registry: Registry,
    a: Handle<EchoMsg>,
    b: Handle<EchoMsg>,
    system: System,
    stopped: Arc<Mutex<Vec<&'static str>>>,
}

async fn start(max: usize, restart: Restart) -> Fixture {
    let registry = Registry::new(Clock::system());
    let (a, b) = (registry.handle("root/a", "echo", 4), registry.handle("root/b", "echo", 4));
    let stopped = Arc::<Mutex<Vec<_>>>::default();
    let root = Supervisor::new("root", Strategy::OneForOne, max, Duration::from_secs(60))
        .child(actor(Echo { name: "a", stopped: stopped.clone() }, &a).restart(restart))
        .child(actor(Echo { name: "b", stopped: stopped.clone() }, &b).restart(restart));
    let system = System::start(&registry, root).await.unwrap();
    Fixture { registry, a, b, system, stopped }
}

/// Calls until the actor answers: recovery takes a moment.
async fn echo(handle: &Handle<EchoMsg>, value: u32) -> u32 {
    loop {
        if let Ok(answer) = handle.call(|reply| EchoMsg::Echo(value, reply)).await {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_mailbox_refuses_at_once_and_hands_the_message_back() {
    let Fixture { a, .. } = start(3, Restart::Intensity).await;
    let (permit, held) = tokio::sync::oneshot::channel();
    let holder = a.clone();
    let holding = async { holder.call(|reply| EchoMsg::Hold(held, reply)).await };
    let filling = async {
        let mut refused = 0;
        for _ in 0..10 {
            if let Err(SendError::Overloaded(EchoMsg::Panic)) = a.send(EchoMsg::Panic) {
                refused += 1;
            }
        }
        permit.send(()).unwrap();
        refused
    };
    let (held, refused) = tokio::join!(holding, filling);
    assert_eq!(held, Ok(()));
    assert_eq!(refused, 7, "the bound is 4, one of them in hand");
    assert_eq!(a.cell().rejected(), 7);
}

#[tokio::test]
async fn callers_of_a_crashed_actor_hear_of_it_and_the_handle_works_again() {
    let Fixture { a, .. } = start(3, Restart::Intensity).await;
    a.send(EchoMsg::Panic).unwrap();
    let behind = a.call(|reply| EchoMsg::Echo(1, reply)).await;
    assert_eq!(behind, Err(CallError::Crashed));
    assert_eq!(echo(&a, 2).await, 2);
    let exits = a.cell().exits();
    assert_eq!(exits.len(), 1);
    assert_eq!(exits[0].message, Some("Panic"));
    assert!(exits[0].cause.contains("as asked"), "{}", exits[0].cause);
    assert_eq!(exits[0].lost, 2, "the one in hand and the one behind it");
    assert!(exits[0].recovered_ms.is_some());
    assert_eq!(a.cell().restarts(), 1);
}

#[tokio::test]
async fn every_message_is_counted_exactly_once() {
    let Fixture { a, .. } = start(1000, Restart::Intensity).await;
    let mut attempted = 0;
    for round in 0..200u32 {
        attempted += 1;
        let _ =
            a.send(if round % 20 == 0 { EchoMsg::Panic } else { EchoMsg::Echo(round, Reply::detached()) });
        if round % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    attempted += 1;
    while a.call(|reply| EchoMsg::Echo(0, reply)).await.is_err() {
        attempted += 1;
        tokio::task::yield_now().await;
    }
    while a.cell().depth() > 0 {
        tokio::task::yield_now().await;
    }
    let cell = a.cell();
    assert_eq!(cell.handled() + cell.rejected() + cell.dropped(), attempted);
}

#[tokio::test]
async fn more_bugs_than_the_intensity_allows_melt_the_tree_down() {
    let Fixture { a, system, .. } = start(2, Restart::Intensity).await;
    for _ in 0..3 {
        while a.send(EchoMsg::Panic).is_err() {
            tokio::task::yield_now().await;
        }
        while a.cell().depth() > 0 {
            tokio::task::yield_now().await;
        }
    }
    let meltdown = system.meltdown().await;
    assert!(meltdown.0.contains("root gave up: more than 2 restarts"), "{meltdown}");
}

#[tokio::test(start_paused = true)]
async fn environment_failures_back_off_and_never_escalate() {
    let backoff = Restart::Backoff { min: Duration::from_millis(20), max: Duration::from_secs(5) };
    let Fixture { a, .. } = start(1, backoff).await;
    for round in 0..10 {
        while a.send(EchoMsg::Panic).is_err() {
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        while a.cell().depth() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(a.cell().exits().len(), round + 1);
    }
    while a.call(|reply| EchoMsg::Echo(7, reply)).await != Ok(7) {
        tokio::time::advance(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_stop_ends_children_in_reverse_order_and_works_off_their_mailboxes() {
    let Fixture { a, b, system, stopped, .. } = start(3, Restart::Intensity).await;
    let before = a.cell().handled();
    for _ in 0..3 {
        a.send(EchoMsg::Echo(1, Reply::detached())).unwrap();
    }
    system.stop(Duration::from_secs(5)).await;
    assert_eq!(*stopped.lock().unwrap(), ["b", "a"]);
    assert_eq!(a.cell().handled() - before, 3);
    assert_eq!((a.cell().state(), b.cell().state()), (State::Stopped, State::Stopped));
    assert_eq!(a.call(|reply| EchoMsg::Echo(1, reply)).await, Err(CallError::Down));
}

#[tokio::test]
async fn an_administrators_restart_is_not_held_against_the_actor() {
    let Fixture { registry, a, .. } = start(1, Restart::Intensity).await;
    for round in 1..=5 {
        while registry.restart("root/a").is_err() {
            tokio::task::yield_now().await;
        }
        while a.cell().restarts() < round {
            tokio::task::yield_now().await;
        }
        assert_eq!(echo(&a, 3).await, 3);
    }
    assert_eq!(a.cell().exits()[0].cause, "restarted on request");
}

#[tokio::test]
async fn a_suspended_actor_keeps_its_messages_until_it_is_resumed() {
    let Fixture { registry, a, .. } = start(1, Restart::Intensity).await;
    registry.suspend("root/a").unwrap();
    let waiting = a.call(|reply| EchoMsg::Echo(9, reply));
    let resuming = async {
        assert_eq!(a.cell().state(), State::Suspended);
        registry.resume("root/a").unwrap();
    };
    assert_eq!(tokio::join!(waiting, resuming).0, Ok(9));
}
