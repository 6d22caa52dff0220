//! The managed PostgreSQL as an actor: started before everything that uses it, stopped after it.
//!
//! The server belongs to the behaviour: a crash of this actor does not end it. A crash of `postgres` ends the actor; its
//! back-off restart starts the server again, which recovers from its log. That may take minutes, so it happens beside
//! the mailbox: nobody waits for it, neither the supervisor nor an administrator who looks. Meanwhile lanes and pool back
//! off too, and requests are answered from the cache or with 503.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    actors::kernel::{Behaviour, Context, Failure},
    postgres::{Binaries, Cluster, ClusterOptions, Mode},
};

/// A fast stop, then an immediate one.
const STOP_GRACE: Duration = Duration::from_secs(45);

/// Messages of the managed server's actor.
pub enum PostgresMsg {
    /// The server was started again.
    Started,
    /// It could not be started.
    Failed(String),
    /// It ended by itself.
    Exited(String),
}
crate::kinds!(PostgresMsg: Started, Failed, Exited);

/// Keeps a managed PostgreSQL running.
pub struct Postgres(Arc<Inner>);

struct Inner {
    binaries: Binaries,
    options: ClusterOptions,
    cluster: Mutex<Option<Cluster>>,
}

impl Inner {
    fn cluster(&self) -> MutexGuard<'_, Option<Cluster>> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Postgres {
    /// How long an orderly stop may take.
    pub const GRACE: Duration = STOP_GRACE;
    /// The longest pause between two starts: each of them is work, and most reasons to fail do not go away by haste.
    pub const BACKOFF_MAX: Duration = Duration::from_secs(5);

    /// Takes over a running server, which was started before the tree to migrate it, and keeps it running.
    pub fn new(binaries: Binaries, options: ClusterOptions, running: Cluster) -> Self {
        Self(Arc::new(Inner { binaries, options, cluster: Mutex::new(Some(running)) }))
    }

    /// Hears of the server's end; `false` if there is none that runs.
    fn watch(&self, ctx: &Context<PostgresMsg>) -> bool {
        let mut cluster = self.0.cluster();
        let Some(ended) = cluster.as_ref().filter(|cluster| !cluster.has_ended()).map(Cluster::wait) else {
            *cluster = None; // with it its lock on the data directory
            return false;
        };
        let myself = ctx.myself();
        ctx.background(async move { myself.tell(PostgresMsg::Exited(ended.await.to_string())) });
        true
    }

    fn start(&self, ctx: &Context<PostgresMsg>) {
        let (inner, myself) = (self.0.clone(), ctx.myself());
        ctx.spawn(async move {
            myself.tell(match Cluster::start(&inner.binaries, &inner.options).await {
                Ok(cluster) => {
                    *inner.cluster() = Some(cluster);
                    PostgresMsg::Started
                }
                Err(error) => PostgresMsg::Failed(error.to_string()),
            });
        });
    }
}

impl Behaviour for Postgres {
    type Msg = PostgresMsg;
    type State = ();

    async fn init(&self, ctx: &Context<PostgresMsg>) -> Result<(), Failure> {
        if !self.watch(ctx) {
            self.start(ctx);
        }
        Ok(())
    }

    async fn handle(
        &self,
        ctx: &Context<PostgresMsg>,
        message: PostgresMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        match message {
            PostgresMsg::Started => anyhow::ensure!(self.watch(ctx), "PostgreSQL ended as soon as it ran"),
            PostgresMsg::Failed(why) => anyhow::bail!("PostgreSQL could not be started: {why}"),
            PostgresMsg::Exited(status) => anyhow::bail!("PostgreSQL ended: {status}"),
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        match &*self.0.cluster() {
            Some(cluster) => {
                let (major, minor) = cluster.version();
                let running = !cluster.has_ended();
                serde_json::json!({ "running": running, "pid": cluster.pid(), "version": format!("{major}.{minor}") })
            }
            None => serde_json::json!({ "running": false }),
        }
    }

    async fn stop(&self, (): &mut ()) {
        let cluster = self.0.cluster().take();
        if let Some(cluster) = cluster {
            cluster.stop(Mode::Fast).await;
        }
    }
}
