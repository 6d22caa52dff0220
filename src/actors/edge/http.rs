//! The acceptor: owns the accept loop. The listening socket is owned by the behaviour, and connections by the server, so
//! that a crash of the acceptor refuses no connection and cuts nobody off; while it is down, the kernel's queue waits.
//! An orderly stop lets answers finish and closes the connections; should it start again, it serves anew.

use std::{
    net::TcpListener,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    actors::kernel::{Behaviour, Context, Failure},
    http::server::Server,
};

/// Messages of the acceptor.
pub enum HttpMsg {
    /// The accept loop has ended by itself.
    Ended,
}
crate::kinds!(HttpMsg: Ended);

/// The acceptor.
pub struct Acceptor {
    listener: TcpListener,
    server: Mutex<Server>,
    grace: Duration,
}

impl Acceptor {
    /// Accepts from `listener` for `server`; when it stops, answers under way may take `grace`.
    pub fn new(listener: TcpListener, server: Server, grace: Duration) -> Self {
        Self { listener, server: Mutex::new(server), grace }
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
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
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
        serde_json::json!({ "address": self.listener.local_addr().ok() })
    }

    async fn stop(&self, (): &mut ()) {
        let server = self.server().clone();
        server.stop(self.grace).await;
    }
}
