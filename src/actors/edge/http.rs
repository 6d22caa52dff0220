//! The acceptor: owns the accept loop. The listening socket is owned by the behaviour, and connections by the server, so
//! that a crash of the acceptor refuses no connection and cuts nobody off; while it is down, the kernel's queue waits.
//! An orderly stop lets answers finish and closes the connections. When it restarts with its siblings, who connects
//! meanwhile waits in the kernel's queue and is served anew; when the whole application stops, the socket is closed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    actors::kernel::{Behaviour, Context, Failure},
    http::{listening::Listening, server::Server},
};

/// Messages of the acceptor.
pub enum HttpMsg {
    /// The accept loop has ended by itself.
    Ended,
}
crate::kinds!(HttpMsg: Ended);

/// The acceptor.
pub struct Acceptor {
    listening: Listening,
    server: Mutex<Server>,
    grace: Duration,
    /// The application stops.
    last: Arc<AtomicBool>,
}

impl Acceptor {
    /// Accepts from `listening` for `server`; when it stops, answers under way may take `grace`. A stop is for good once
    /// `last` is set.
    pub fn new(listening: Listening, server: Server, grace: Duration, last: Arc<AtomicBool>) -> Self {
        Self { listening, server: Mutex::new(server), grace, last }
    }

    /// How long an orderly stop may take.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Behaviour for Acceptor {
    type Msg = HttpMsg;
    type State = ();

    async fn init(&self, ctx: &Context<HttpMsg>) -> Result<(), Failure> {
        let listener = self.listening.acceptor()?;
        let server = {
            let mut server = self.server();
            if server.stopping().is_stopping() {
                *server = server.anew();
            }
            server.clone()
        };
        let myself = ctx.myself();
        ctx.background(async move {
            server.accept(&listener).await;
            myself.tell(HttpMsg::Ended);
        });
        Ok(())
    }

    async fn handle(
        &self,
        _: &Context<HttpMsg>,
        HttpMsg::Ended: HttpMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        Ok(()) // a stop is under way
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({ "address": self.listening.address().ok() })
    }

    async fn stop(&self, (): &mut ()) {
        let server = self.server().clone();
        server.stop(self.grace, self.last.load(Relaxed).then_some(&self.listening)).await;
    }
}
