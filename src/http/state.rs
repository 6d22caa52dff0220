//! What handlers may use. Each part is also a substate: a handler asks for `State<Db>`, not for everything.
//!
//! To add a part: a field of [`Parts`] and one line of `substates!`.

use std::{
    ops::Deref,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::extract::FromRef;

use super::{clinic::Heard, cursor::CursorKey, documents::Desk, health::Probe, pages::Pages, tasks::Streams};
use crate::{
    accounts::login::Accounts,
    actors::{
        data::{contents::Contents, imager::Imager, redis::Redis, renderer::Renderer, storage::Storage},
        edge::{hasher::Hasher, limiter::Limiter, live::Live},
        kernel::Registry,
        ops::console::Console,
        sales::Sales,
    },
    clock::Clock,
    config::Config,
    db::Db,
    events::payments::Provider,
    jobs::{Breakers, Jobs},
    metrics::Metrics,
    notary::certified_mail::provider::Provider as CertifiedMail,
    signing::Signing,
};

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// The parts of [`AppState`], built by `app.rs`.
pub struct Parts {
    /// The effective configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Signs cursors.
    pub cursors: CursorKey,
    /// The database.
    pub db: Db,
    /// The jobs.
    pub jobs: Jobs,
    /// What requests about documents share.
    pub documents: Desk,
    /// What the audit log has heard of the clinic desk.
    pub clinic: Heard,
    /// Makes pictures.
    pub imager: Imager,
    /// Makes PDF documents.
    pub renderer: Renderer,
    /// Keeps files.
    pub storage: Storage,
    /// Keeps contents of documents.
    pub contents: Contents,
    /// Sends certified mail.
    pub certified: CertifiedMail,
    /// Sells tickets.
    pub sales: Sales,
    /// Answers that are kept for everybody.
    pub pages: Pages,
    /// People, and their sessions.
    pub accounts: Accounts,
    /// Signs and stamps the time.
    pub signing: Signing,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// The second cache level and shared quotas.
    pub redis: Redis,
    /// Limits requests.
    pub limiter: Limiter,
    /// Who waits for notifications.
    pub live: Live,
    /// Takes payments.
    pub payments: Provider,
    /// Every metric.
    pub metrics: Arc<Metrics>,
    /// Every actor.
    pub registry: Registry,
    /// Whether what jobs need is there.
    pub breakers: Breakers,
    /// For administrators.
    pub console: Console,
    /// Who follows how many tasks.
    pub task_streams: Arc<Streams>,
    /// Whether the server has been asked to stop.
    pub draining: Arc<AtomicBool>,
    /// Looks at the dependencies.
    pub probe: Probe,
    /// When the server started.
    pub started: tokio::time::Instant,
}

impl AppState {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

macro_rules! substates {
    ($($field:ident: $type:ty),* $(,)?) => {$(
        impl FromRef<AppState> for $type {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        }
    )*};
}

substates! {
    config: Arc<Config>,
    clock: Clock,
    cursors: CursorKey,
    db: Db,
    jobs: Jobs,
    imager: Imager,
    renderer: Renderer,
    storage: Storage,
    contents: Contents,
    sales: Sales,
    pages: Pages,
    accounts: Accounts,
    hasher: Hasher,
    redis: Redis,
    limiter: Limiter,
    live: Live,
    payments: Provider,
    metrics: Arc<Metrics>,
    registry: Registry,
    console: Console,
}

/// How much of a body is read, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// 413 beyond it.
    pub max_bytes: usize,
    /// 408 after it.
    pub deadline: Duration,
}

impl FromRef<AppState> for BodyLimits {
    fn from_ref(state: &AppState) -> Self {
        Self { max_bytes: *state.config.server.max_body_bytes, deadline: *state.config.server.body_deadline }
    }
}
