//! The listener: one connection on which this node hears what others have changed, and says what it has changed itself.
//!
//! Everything here is a hint that makes things fast; what guarantees them are the expiry of cached answers and sessions
//! and the polling of the jobs. While the connection is away hints are lost: when it is back everything cached is taken
//! for outdated (it is still served while the database cannot answer).
//!
//! What is cached is announced after the commit and on this connection, not in the transaction of a user: a transaction that
//! notifies takes a lock for the whole cluster at its commit. What is announced within [`PAUSE`] goes out together. What
//! people are told (`edge::live`) is announced by the transaction itself, by all servers to all, this one too: nobody
//! would tell it later, if this server died in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::poll_fn;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client};

use super::cache::{self, Tags};
use crate::{
    accounts::{
        sessions::{self, Sessions},
        tokens::TokenHash,
    },
    actors::{
        edge::live::{self, Live},
        jobs::CHANNEL as JOBS_CHANNEL,
        kernel::{Behaviour, Bell, Context, Failure, Handle, fly},
    },
    db::{Connector, Driver, told},
    jobs::Jobs,
};

/// At most one announcement per pause.
const PAUSE: Duration = Duration::from_millis(5);
/// PostgreSQL takes payloads of less than 8000 bytes; names are at most some hundred bytes long.
const PAYLOAD_MAX: usize = 7000;
/// How often the connection is tried: one that is half open would be silent for ever.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// It answers within this time, or it is lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Messages of the listener.
pub enum ListenerMsg {
    /// Something is to be announced.
    Announce,
    /// An announcement has ended.
    Announced {
        /// Whether it was taken.
        said: bool,
    },
    /// Another node said something.
    Heard {
        /// The channel.
        channel: String,
        /// What it said.
        payload: String,
    },
    /// Try the connection.
    Probe,
    /// The connection is gone.
    Lost(String),
}
crate::kinds!(ListenerMsg: Announce, Announced, Heard, Probe, Lost);

/// The listener.
pub struct Listener {
    connector: Connector,
    tags: Tags,
    sessions: Sessions,
    jobs: Jobs,
    live: Live,
    bell: Bell<ListenerMsg>,
}

/// Lost with the connection.
pub struct ListenerState {
    client: Arc<Client>,
    announcing: bool,
    again: bool,
    heard: u64,
    announced: u64,
}

impl Listener {
    /// Listens for these parts; from now on `tags` are announced.
    pub fn new(
        connector: &Connector,
        handle: &Handle<ListenerMsg>,
        tags: Tags,
        sessions: Sessions,
        jobs: Jobs,
        live: Live,
    ) -> Self {
        let bell = Bell::new(handle, || ListenerMsg::Announce);
        tags.announced_by(bell.clone());
        Self { connector: connector.for_use("listener", ANSWER_WITHIN), tags, sessions, jobs, live, bell }
    }

    fn heard(&self, channel: &str, payload: &str) {
        match channel {
            cache::CHANNEL => self.tags.heard(payload),
            JOBS_CHANNEL => self.jobs.heard(payload),
            sessions::CHANNEL => match TokenHash::from_hex(payload) {
                Some(hash) => self.sessions.forget(hash),
                None => self.sessions.forget_all(),
            },
            live::CHANNEL => {
                if let Ok(user) = payload.parse() {
                    self.live.wake(user);
                }
            }
            _ => {}
        }
    }
}

impl Behaviour for Listener {
    type Msg = ListenerMsg;
    type State = ListenerState;

    async fn init(&self, ctx: &Context<ListenerMsg>) -> Result<ListenerState, Failure> {
        const PROCESS: &str = "-- cache.process\nSELECT pg_backend_pid()";
        let (client, driver) = self.connector.connect().await?;
        let own = Arc::new(AtomicI32::new(0));
        listen(ctx, driver, own.clone());
        let process = timeout(ANSWER_WITHIN, client.query_one(PROCESS, &[])).await??;
        own.store(process.get(0), Relaxed);
        let channels = [cache::CHANNEL, JOBS_CHANNEL, sessions::CHANNEL, live::CHANNEL];
        let listen = channels.map(|channel| format!("LISTEN {channel}")).join("; ");
        timeout(ANSWER_WITHIN, client.batch_execute(&listen)).await??;
        // From here on nothing is missed; before, something may have been.
        self.tags.outdate_everything();
        self.sessions.forget_all();
        self.live.wake_all();
        self.bell.answer();
        self.bell.ring();
        ctx.every(PROBE_EVERY, || ListenerMsg::Probe);
        let client = Arc::new(client);
        Ok(ListenerState { client, announcing: false, again: false, heard: 0, announced: 0 })
    }

    async fn handle(
        &self,
        ctx: &Context<ListenerMsg>,
        message: ListenerMsg,
        state: &mut ListenerState,
    ) -> Result<(), Failure> {
        match message {
            ListenerMsg::Announce => {
                self.bell.answer();
                if state.announcing {
                    state.again = true;
                } else {
                    self.announce(ctx, state);
                }
            }
            ListenerMsg::Announced { said } => {
                state.announcing = false;
                anyhow::ensure!(said, "an announcement was not taken");
                if std::mem::take(&mut state.again) {
                    self.announce(ctx, state);
                }
            }
            ListenerMsg::Heard { channel, payload } => {
                state.heard += 1;
                self.heard(&channel, &payload);
            }
            ListenerMsg::Probe => {
                let (client, myself) = (state.client.clone(), ctx.myself());
                ctx.background(async move {
                    if !matches!(timeout(ANSWER_WITHIN, client.batch_execute("")).await, Ok(Ok(()))) {
                        myself.tell(ListenerMsg::Lost("no answer to a probe".to_owned()));
                    }
                });
            }
            ListenerMsg::Lost(why) => anyhow::bail!("connection lost: {why}"),
        }
        Ok(())
    }

    fn view(&self, state: &ListenerState) -> serde_json::Value {
        serde_json::json!({
            "announcing": state.announcing, "announcements": state.announced, "heard": state.heard,
        })
    }
}

impl Listener {
    fn announce(&self, ctx: &Context<ListenerMsg>, state: &mut ListenerState) {
        const ANNOUNCE: &str = "-- cache.announce\nSELECT pg_notify('sportello_cache', payload) FROM unnest($1::text[]) AS p (payload)";
        let announcement = self.tags.take_pending(PAYLOAD_MAX);
        if announcement.is_empty() {
            return;
        }
        state.announcing = true;
        state.announced += 1;
        let client = state.client.clone();
        // If this dies half-way, the connection that follows announces it.
        fly(ctx, ListenerMsg::Announced { said: false }, async move {
            let payloads = announcement.raise().await;
            let answer = timeout(ANSWER_WITHIN, client.execute(ANNOUNCE, &[&payloads])).await;
            let said = matches!(answer, Ok(Ok(_)));
            if said {
                announcement.said();
            }
            tokio::time::sleep(PAUSE).await;
            ListenerMsg::Announced { said }
        });
    }
}

/// Tells what arrives, until the connection ends. What this very connection said is not news.
fn listen(ctx: &Context<ListenerMsg>, mut driver: Driver, own: Arc<AtomicI32>) {
    let myself = ctx.myself();
    ctx.background(async move {
        loop {
            match poll_fn(|cx| driver.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(it))) => {
                    if it.process_id() != own.load(Relaxed) {
                        let (channel, payload) = (it.channel().to_owned(), it.payload().to_owned());
                        myself.tell(ListenerMsg::Heard { channel, payload });
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return myself.tell(ListenerMsg::Lost(told(error))),
                None => return myself.tell(ListenerMsg::Lost("closed".to_owned())),
            }
        }
    });
}
