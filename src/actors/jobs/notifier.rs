//! The notifier: tells other processes what has happened, after the commit, on a connection of the jobs' own.
//!
//! Never in the user's transaction (a transaction that notified takes a lock for the whole cluster at commit), and at
//! most once per pause. A process that runs jobs speaks only while others do; one that does not (`jobs.enabled = false`)
//! knows nobody and always speaks. A hint: polling is the guarantee.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Bell, Context, Failure, fly},
    db::Link,
    jobs::Hint,
};

/// The channel other processes listen to; the payload is a list of hints.
pub const CHANNEL: &str = "sportello_jobs";
/// At most one notification per pause.
const PAUSE: Duration = Duration::from_millis(5);

/// Messages of the notifier.
pub enum NotifierMsg {
    /// There is something to say.
    Ready,
    /// The pause is over.
    Sent,
}
crate::kinds!(NotifierMsg: Ready, Sent);

/// Hints to be told: one bit each.
#[derive(Default)]
pub(super) struct Named(AtomicU16);

impl Named {
    pub(super) fn add(&self, hint: Hint) {
        let bit = Hint::all().position(|it| it == hint).expect("all hints are listed");
        self.0.fetch_or(1 << bit, Relaxed);
    }

    fn take(&self) -> String {
        let bits = self.0.swap(0, Relaxed);
        let words: Vec<_> = Hint::all()
            .enumerate()
            .filter(|(bit, _)| bits >> bit & 1 == 1)
            .map(|(_, hint)| hint.word())
            .collect();
        words.join(",")
    }
}

/// On which connection it speaks.
#[derive(Clone)]
pub(super) enum Voice {
    /// The one that the engine's parts share.
    Engine(Arc<Engine>),
    /// Its own, where there is no engine.
    Own(Arc<Link>),
}

impl Voice {
    fn link(&self) -> &Link {
        match self {
            Self::Engine(engine) => &engine.control,
            Self::Own(link) => link,
        }
    }
}

/// The notifier.
pub(super) struct Notifier {
    pub(super) voice: Voice,
    pub(super) bell: Bell<NotifierMsg>,
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
        self.bell.answer();
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
                self.bell.answer();
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
            let (voice, named) = (self.voice.clone(), self.named.clone());
            fly(ctx, NotifierMsg::Sent, async move {
                let hints = named.take();
                if !hints.is_empty() {
                    const NOTIFY: &str = "-- jobs.notify\nSELECT pg_notify($1, $2)";
                    if let Err(error) = voice.link().query(NOTIFY, &[&CHANNEL, &hints]).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::QueueName;

    #[test]
    fn what_is_named_is_said_once_and_understood() {
        let named = Named::default();
        for hint in [Hint::Orders, Hint::Ready(QueueName::Mail), Hint::Cron, Hint::Orders] {
            named.add(hint);
        }
        let said = named.take();
        assert_eq!(said, "mail,!orders,!cron");
        let heard: Vec<_> = said.split(',').filter_map(Hint::parse).collect();
        assert_eq!(heard, [Hint::Ready(QueueName::Mail), Hint::Orders, Hint::Cron]);
        assert_eq!((named.take(), Hint::parse("!newer")), (String::new(), None));
    }
}
