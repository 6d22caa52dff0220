//! The hasher: passwords are hashed on blocking threads, a bounded number at once.
//!
//! Hashing one takes tens of milliseconds of a processor and `accounts.password_memory` of memory: unbounded, a wave of
//! log-ins would stop everything else. `accounts.hash_workers` are hashed at once, `accounts.hash_bound` wait in order,
//! more are refused (503). The permits live in the behaviour: a crash cannot start more threads than are allowed, and
//! loses only those waiting, who hear it at once and are told to come back: nothing was written yet.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::Semaphore;

use crate::{
    accounts::passwords::{Argon, Busy, Hashing, Password, Verdict},
    actors::kernel::{Behaviour, Context, Failure, Handle, Reply},
    config::sections,
};

/// Messages of the hasher.
pub enum HasherMsg {
    /// Hash a new password.
    Hash {
        /// In clear.
        password: Password,
        /// Where the hash goes.
        reply: Reply<Result<String, Busy>>,
    },
    /// Compare a password.
    Verify {
        /// In clear.
        password: Password,
        /// The stored hash; none for an unknown account.
        hash: Option<String>,
        /// Where the verdict goes.
        reply: Reply<Result<Verdict, Busy>>,
    },
}
crate::kinds!(HasherMsg: Hash, Verify);

/// Hashes passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher(Handle<HasherMsg>);

impl Hasher {
    /// The handle of the hasher.
    pub fn new(handle: Handle<HasherMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<HasherMsg> {
        &self.0
    }
}

impl Hashing for Hasher {
    async fn hash(&self, password: Password) -> Result<String, Busy> {
        self.0.call(|reply| HasherMsg::Hash { password, reply }).await.unwrap_or(Err(Busy))
    }

    async fn verify(&self, password: Password, hash: Option<String>) -> Result<Verdict, Busy> {
        self.0.call(|reply| HasherMsg::Verify { password, hash, reply }).await.unwrap_or(Err(Busy))
    }
}

/// The hasher actor.
pub struct HasherActor {
    argon: Arc<Argon>,
    workers: Arc<Semaphore>,
    bound: usize,
    waiting: Arc<AtomicUsize>,
    hashed: Arc<AtomicU64>,
}

impl HasherActor {
    /// As `[accounts]` of the configuration says.
    pub fn new(config: &sections::Accounts) -> anyhow::Result<Self> {
        Ok(Self {
            argon: Arc::new(Argon::new(config)?),
            workers: Arc::new(Semaphore::new(config.hash_workers)),
            bound: config.hash_bound,
            waiting: Arc::default(),
            hashed: Arc::default(),
        })
    }

    /// Lets `work` wait for a worker, unless too many wait already.
    fn admit<R: Send + 'static>(
        &self,
        ctx: &Context<HasherMsg>,
        reply: Reply<Result<R, Busy>>,
        work: impl FnOnce(&Argon) -> R + Send + 'static,
    ) {
        let waiting = Waiting::new(&self.waiting);
        if self.waiting.load(Relaxed) > self.bound {
            return reply.send(Err(Busy));
        }
        let (argon, workers, hashed) = (self.argon.clone(), self.workers.clone(), self.hashed.clone());
        ctx.spawn(async move {
            let Ok(permit) = workers.acquire_owned().await else { return };
            drop(waiting);
            if reply.is_abandoned() {
                return;
            }
            hashed.fetch_add(1, Relaxed);
            let working = tokio::task::spawn_blocking(move || {
                let _permit = permit; // held by the thread: it goes on even when this incarnation ends
                work(&argon)
            });
            if let Ok(done) = working.await {
                reply.send(Ok(done));
            }
        });
    }
}

/// Counts a waiter, however it ends.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Behaviour for HasherActor {
    type Msg = HasherMsg;
    type State = ();

    async fn init(&self, _: &Context<HasherMsg>) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(&self, ctx: &Context<HasherMsg>, message: HasherMsg, (): &mut ()) -> Result<(), Failure> {
        match message {
            HasherMsg::Hash { password, reply } => {
                self.admit(ctx, reply, move |argon| argon.hash(&password));
            }
            HasherMsg::Verify { password, hash, reply } => {
                self.admit(ctx, reply, move |argon| argon.verify(&password, hash.as_deref()));
            }
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({
            "waiting": self.waiting.load(Relaxed), "workers_free": self.workers.available_permits(),
            "hashed": self.hashed.load(Relaxed),
        })
    }
}
