//! The notifier: tells other nodes that queues have work, after the commit, on the engine's own connection.
//!
//! Never in the user's transaction (a transaction that notified takes a lock for the whole cluster at commit), at most
//! once per pause, and only while other nodes live. A hint: their polling is the guarantee.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    jobs::QueueName,
};

/// The channel other nodes listen to; the payload is a list of queues.
pub const CHANNEL: &str = "sportello_jobs";
/// At most one notification per pause.
const PAUSE: Duration = Duration::from_millis(5);

/// Messages of the notifier.
pub enum NotifierMsg {
    /// Queues have work.
    Ready,
    /// The pause is over.
    Sent,
}
crate::kinds!(NotifierMsg: Ready, Sent);

/// Queues to be named: one bit each.
#[derive(Default)]
pub(super) struct Named(AtomicU8);

impl Named {
    pub(super) fn add(&self, queue: QueueName) {
        self.0.fetch_or(1 << queue.index(), Relaxed);
    }

    fn take(&self) -> String {
        let bits = self.0.swap(0, Relaxed);
        let names: Vec<_> = QueueName::ALL
            .iter()
            .filter(|queue| bits >> queue.index() & 1 == 1)
            .map(|queue| queue.as_str())
            .collect();
        names.join(",")
    }
}

/// The notifier.
pub(super) struct Notifier {
    pub(super) engine: Arc<Engine>,
    pub(super) named: Arc<Named>,
}

/// Whether a notification is on its way, and whether more came meanwhile.
#[derive(Default)]
pub(super) struct NotifierState {
    flying: bool,
    again: bool,
}

impl Behaviour for Notifier {
    type Msg = NotifierMsg;
    type State = NotifierState;

    async fn init(&self, _ctx: &Context<NotifierMsg>) -> Result<NotifierState, Failure> {
        self.engine.bells.notify.answer();
        Ok(NotifierState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<NotifierMsg>,
        message: NotifierMsg,
        state: &mut NotifierState,
    ) -> Result<(), Failure> {
        match message {
            NotifierMsg::Ready => {
                self.engine.bells.notify.answer();
                state.again = state.flying;
            }
            NotifierMsg::Sent => {
                state.flying = false;
                if !std::mem::take(&mut state.again) {
                    return Ok(());
                }
            }
        }
        if !std::mem::replace(&mut state.flying, true) {
            let (engine, named) = (self.engine.clone(), self.named.clone());
            fly(ctx, NotifierMsg::Sent, async move {
                let queues = named.take();
                if !queues.is_empty() {
                    const NOTIFY: &str = "-- jobs.notify\nSELECT pg_notify($1, $2)";
                    if let Err(error) = engine.control.query(NOTIFY, &[&CHANNEL, &queues]).await {
                        trouble("other nodes could not be notified: they poll", &error);
                    }
                }
                tokio::time::sleep(PAUSE).await;
                NotifierMsg::Sent
            });
        }
        Ok(())
    }
}
