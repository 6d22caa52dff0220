//! The managed PostgreSQL as an actor: started before everything that uses it, stopped after it.
//!
//! A crash of `postgres` ends the actor; its back-off restart starts the server again, which recovers from its log.
//! Meanwhile lanes and pool back off too, and requests are answered from the cache or with 503.

use std::{sync::Mutex, time::Duration};

use crate::{
    actors::kernel::{Behaviour, Context, Failure},
    postgres::{Binaries, Cluster, ClusterOptions, Mode},
};

/// An administrator's restart must find the old server gone.
const STOP_GRACE: Duration = Duration::from_secs(45);

/// Messages of the managed server's actor.
pub enum PostgresMsg {
    /// The server ended by itself.
    Exited(String),
}
crate::kinds!(PostgresMsg: Exited);

/// Keeps a managed PostgreSQL running.
pub struct Postgres {
    binaries: Binaries,
    options: ClusterOptions,
    /// The server that was started before the tree, to migrate it; taken by the first incarnation.
    first: Mutex<Option<Cluster>>,
}

impl Postgres {
    /// How long an orderly stop may take.
    pub const GRACE: Duration = STOP_GRACE;

    /// Takes over a running server and keeps it running.
    pub fn new(binaries: Binaries, options: ClusterOptions, running: Cluster) -> Self {
        Self { binaries, options, first: Mutex::new(Some(running)) }
    }
}

impl Behaviour for Postgres {
    type Msg = PostgresMsg;
    type State = Option<Cluster>;

    async fn init(&self, ctx: &Context<PostgresMsg>) -> Result<Option<Cluster>, Failure> {
        let first = self.first.lock().ok().and_then(|mut first| first.take());
        let cluster = match first {
            Some(cluster) => cluster,
            None => Cluster::start(&self.binaries, &self.options).await?,
        };
        let (myself, ended) = (ctx.myself(), cluster.wait());
        ctx.background(async move { myself.tell(PostgresMsg::Exited(ended.await.to_string())) });
        Ok(Some(cluster))
    }

    async fn handle(
        &self,
        _: &Context<PostgresMsg>,
        PostgresMsg::Exited(status): PostgresMsg,
        _: &mut Option<Cluster>,
    ) -> Result<(), Failure> {
        anyhow::bail!("PostgreSQL ended: {status}")
    }

    fn view(&self, cluster: &Option<Cluster>) -> serde_json::Value {
        cluster.as_ref().map_or(serde_json::Value::Null, |cluster| {
            let (major, minor) = cluster.version();
            serde_json::json!({ "pid": cluster.pid(), "version": format!("{major}.{minor}") })
        })
    }

    async fn stop(&self, cluster: &mut Option<Cluster>) {
        if let Some(cluster) = cluster.take() {
            cluster.stop(Mode::Fast).await;
        }
    }
}
