//! The hub: gives each sample of the meter, and what happens to jobs, to everybody who watches.
//!
//! A sample is encoded once; a viewer costs a clone of the bytes. Viewers are bounded (`ops.sse_clients`), each may lag
//! [`LAG`] events behind and is dropped beyond, and none stays longer than `ops.sse_life`: clients reconnect by
//! themselves. A crash or a stop of the hub ends all streams.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use crate::{
    actors::{
        core::meter::Meter,
        kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    },
    config::sections,
    jobs::inspect::Feed,
};

/// Events a slow viewer may be behind.
const LAG: usize = 8;
/// A silent stream is closed by proxies: a comment keeps it open when the meter is down.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const HEARTBEAT: Bytes = Bytes::from_static(b": still here\n\n");

/// How often changes of jobs are told: often enough for people, seldom enough to tell many at once.
const JOBS_EVERY: Duration = Duration::from_millis(250);

/// Why nobody may watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// `ops.sse_clients` are watching.
    #[error("too many are watching already")]
    Full,
    /// The hub is down.
    #[error("the stream is not available at the moment")]
    Down,
}

/// Messages of the hub.
pub enum HubMsg {
    /// Somebody wants to watch.
    Watch {
        /// Where the events go.
        reply: Reply<Result<mpsc::Receiver<Bytes>, WatchError>>,
    },
    /// Somebody wants to watch the jobs.
    WatchJobs {
        /// Where the events go.
        reply: Reply<Result<mpsc::Receiver<Bytes>, WatchError>>,
    },
    /// Tell what has happened to jobs.
    TellJobs,
    /// Show the meter's last sample.
    Show {
        /// The meter.
        meter: Meter,
    },
    /// Let viewers know that the stream is alive.
    Heartbeat,
}
crate::kinds!(HubMsg: Watch, WatchJobs, TellJobs, Show, Heartbeat);

/// Shows samples. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Handle<HubMsg>);

impl Hub {
    /// The handle of the hub.
    pub fn new(handle: Handle<HubMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<HubMsg> {
        &self.0
    }

    /// A stream of server-sent events.
    pub async fn watch(&self) -> Result<mpsc::Receiver<Bytes>, WatchError> {
        Self::answered(self.0.call(|reply| HubMsg::Watch { reply }).await)
    }

    /// The same of what happens to jobs.
    pub async fn watch_jobs(&self) -> Result<mpsc::Receiver<Bytes>, WatchError> {
        Self::answered(self.0.call(|reply| HubMsg::WatchJobs { reply }).await)
    }

    fn answered<T>(answer: Result<Result<T, WatchError>, CallError>) -> Result<T, WatchError> {
        match answer {
            Ok(answer) => answer,
            Err(CallError::Overloaded | CallError::Down | CallError::Crashed) => Err(WatchError::Down),
        }
    }

    /// Shows the meter's last sample; without viewers this costs a message. A busy hub skips it.
    pub fn show(&self, meter: &Meter) {
        let _ = self.0.send(HubMsg::Show { meter: meter.clone() });
    }
}

/// The hub actor.
pub struct HubActor {
    clients: usize,
    life: Duration,
    feed: Feed,
}

impl HubActor {
    /// As `[ops]` of the configuration says; `feed` tells what happens to jobs.
    pub fn new(config: &sections::Ops, feed: Feed) -> Self {
        Self { clients: config.sse_clients, life: *config.sse_life, feed }
    }

    /// One more viewer, if there is room.
    fn admit(
        &self,
        watching: &mut Watching,
        side: fn(&mut Watching) -> &mut Viewers,
    ) -> Result<mpsc::Receiver<Bytes>, WatchError> {
        for viewers in [&mut watching.tree, &mut watching.jobs] {
            viewers.present.retain(|viewer| !viewer.events.is_closed());
        }
        if watching.tree.present.len() + watching.jobs.present.len() >= self.clients {
            return Err(WatchError::Full);
        }
        let (events, receiver) = mpsc::channel(LAG);
        side(watching).present.push(Viewer { events, until: Instant::now() + self.life });
        Ok(receiver)
    }

    /// Tells viewers of jobs what has happened, and lets nobody collect it when they have gone.
    fn tell_jobs(&self, viewers: &mut Viewers) {
        if let Some(changes) = self.feed.take() {
            let mut text = b"event: jobs\ndata: ".to_vec();
            serde_json::to_writer(&mut text, &changes)
                .expect("changes have only string keys and finite numbers");
            text.extend_from_slice(b"\n\n");
            viewers.give(&text.into());
        }
        viewers.present.retain(|viewer| !viewer.events.is_closed());
        self.feed.watch(!viewers.present.is_empty());
    }
}

/// Who watches what.
#[derive(Default)]
pub struct Watching {
    tree: Viewers,
    jobs: Viewers,
}

struct Viewer {
    events: mpsc::Sender<Bytes>,
    until: Instant,
}

/// Who watches.
#[derive(Default)]
pub struct Viewers {
    present: Vec<Viewer>,
    last: Option<Instant>,
    too_slow: u64,
}

impl Viewers {
    /// Gives an event to everybody; who left, lags or has watched long enough is dropped.
    fn give(&mut self, event: &Bytes) {
        let now = Instant::now();
        let too_slow = &mut self.too_slow;
        self.present.retain(|viewer| {
            viewer.until > now
                && match viewer.events.try_send(event.clone()) {
                    Ok(()) => true,
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        *too_slow += 1;
                        false
                    }
                    Err(mpsc::error::TrySendError::Closed(_)) => false,
                }
        });
        self.last = Some(now);
    }
}

impl Behaviour for HubActor {
    type Msg = HubMsg;
    type State = Watching;

    async fn init(&self, ctx: &Context<HubMsg>) -> Result<Watching, Failure> {
        ctx.every(HEARTBEAT_EVERY, || HubMsg::Heartbeat);
        ctx.every(JOBS_EVERY, || HubMsg::TellJobs);
        self.feed.watch(false);
        Ok(Watching::default())
    }

    async fn handle(
        &self,
        _: &Context<HubMsg>,
        message: HubMsg,
        watching: &mut Watching,
    ) -> Result<(), Failure> {
        match message {
            HubMsg::Watch { reply } => reply.send(self.admit(watching, |it| &mut it.tree)),
            HubMsg::WatchJobs { reply } => {
                let admitted = self.admit(watching, |it| &mut it.jobs);
                self.feed.watch(!watching.jobs.present.is_empty());
                reply.send(admitted);
            }
            HubMsg::TellJobs if self.feed.is_watched() => self.tell_jobs(&mut watching.jobs),
            HubMsg::Show { meter } if !watching.tree.present.is_empty() => {
                watching.tree.give(&event(&meter));
            }
            HubMsg::Heartbeat => {
                for viewers in [&mut watching.tree, &mut watching.jobs] {
                    if viewers.last.is_none_or(|last| last.elapsed() >= HEARTBEAT_EVERY) {
                        viewers.give(&HEARTBEAT);
                    }
                }
            }
            HubMsg::Show { .. } | HubMsg::TellJobs => {}
        }
        Ok(())
    }

    fn view(&self, Watching { tree, jobs }: &Watching) -> serde_json::Value {
        serde_json::json!({
            "viewers": tree.present.len() + jobs.present.len(), "viewers_max": self.clients,
            "dropped_too_slow": tree.too_slow + jobs.too_slow,
        })
    }
}

/// The tree as an event.
fn event(meter: &Meter) -> Bytes {
    let tree = meter.tree();
    let mut text = format!("id: {}\nevent: tree\ndata: ", tree.seq).into_bytes();
    serde_json::to_writer(&mut text, &tree).expect("figures have only string keys and finite numbers");
    text.extend_from_slice(b"\n\n");
    text.into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use tokio::{sync::mpsc, time::Instant};

    use super::{LAG, Viewer, Viewers};

    #[tokio::test(start_paused = true)]
    async fn who_lags_leaves_or_stays_too_long_is_dropped() {
        let mut viewers = Viewers::default();
        let mut join = |life| {
            let (events, receiver) = mpsc::channel(LAG);
            viewers.present.push(Viewer { events, until: Instant::now() + Duration::from_secs(life) });
            receiver
        };
        let (mut good, _slow, gone, mut old) = (join(60), join(60), join(60), join(5));
        drop(gone);
        for _ in 0..=LAG {
            viewers.give(&Bytes::from_static(b"x"));
            assert!(good.recv().await.is_some());
            old.try_recv().unwrap();
        }
        assert_eq!((viewers.present.len(), viewers.too_slow), (2, 1));
        tokio::time::advance(Duration::from_secs(6)).await;
        viewers.give(&Bytes::from_static(b"x"));
        assert_eq!(viewers.present.len(), 1);
        assert!(old.recv().await.is_none(), "the stream has ended");
    }
}
