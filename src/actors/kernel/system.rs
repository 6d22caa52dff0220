//! A running tree: started whole, stopped in reverse, and telling when it melts down.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ractor::{Actor, ActorRef};
use tokio::sync::watch;

use super::{Registry, Supervisor, cell::lock, supervisor::Msg};

/// The root supervisor gave up: the process must end (exit code 70) and be restarted from outside.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the actor tree melted down: {0}")]
pub struct Meltdown(pub String);

/// A running tree.
pub struct System {
    root: ActorRef<Msg>,
    grace: Duration,
    ended: watch::Receiver<bool>,
    why: Arc<Mutex<Option<String>>>,
}

impl System {
    /// Starts the tree; returns when every child is up (those whose environment is away excepted).
    pub async fn start(registry: &Registry, root: Supervisor) -> anyhow::Result<Self> {
        let (grace, why) = (root.grace(), root.why.clone());
        let (root, joined) = Actor::spawn(None, root.root(registry), ())
            .await
            .map_err(|error| anyhow::anyhow!("the actor tree did not start: {error:#}"))?;
        let (sender, ended) = watch::channel(false);
        #[expect(clippy::disallowed_methods, reason = "ends with the root supervisor it waits for")]
        tokio::spawn(async move {
            let _ = joined.await;
            sender.send_replace(true);
        });
        Ok(Self { root, grace, ended, why })
    }

    /// Returns when the tree has ended without having been asked to.
    pub async fn meltdown(&self) -> Meltdown {
        let mut ended = self.ended.clone();
        let _ = ended.wait_for(|ended| *ended).await;
        Meltdown(lock(&self.why).clone().unwrap_or_else(|| "the root supervisor ended".to_owned()))
    }

    /// Stops the tree in reverse start order; kills what is left after `grace` (at most the sum of the graces).
    pub async fn stop(&self, grace: Duration) {
        self.root.stop(None);
        let mut ended = self.ended.clone();
        let wait = ended.wait_for(|ended| *ended);
        if tokio::time::timeout(grace.min(self.grace), wait).await.is_err() {
            tracing::error!("the actor tree did not stop in time and is killed");
            self.root.kill();
        }
    }
}
