//! What handlers may use. Each part is also a substate: a handler asks for `State<Db>`, not for everything.
//!
//! To add a part: a field of [`Parts`] and one line of `substates!`.

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::extract::FromRef;

use super::cursor::CursorKey;
use crate::{clock::Clock, config::Config};

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
