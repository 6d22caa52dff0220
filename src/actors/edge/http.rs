//! The acceptor: owns the accept loop. The listening socket is owned by the behaviour, and connections by the server, so
//! that a crash of the acceptor refuses no connection and cuts nobody off; while it is down, the kernel's queue waits.

use std::{net::TcpListener, time::Duration};

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
    /// The listening socket.
    pub listener: TcpListener,
    /// Serves the connections.
    pub server: Server,
    /// How long answers under way may take when everything stops.
    pub grace: Duration,
}

impl Behaviour for Acceptor {
    type Msg = HttpMsg;
    type State = ();

    async fn init(&self, ctx: &Context<HttpMsg>) -> Result<(), Failure> {
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let (server, myself) = (self.server.clone(), ctx.myself());
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
        self.server.stop(self.grace).await;
    }
}
