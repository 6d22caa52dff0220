//! The imager: pictures are decoded and encoded on blocking threads, a bounded number at once.
//!
//! One takes a processor for a good part of a second and up to a dozen bytes of memory for each pixel: unbounded, a
//! handful of uploads would stop everything else. `storage.image_workers` are made at once. An upload takes its
//! [`Place`] before its body is read, so that `storage.image_bound` bodies are in memory at most; more are refused (503).
//! Jobs need no place: their queue is bounded already.
//!
//! The permits live in the behaviour and the handle: a crash cannot start more threads than are allowed. What it loses
//! is asked for again once: making a picture changes nothing. A decoder that panics has met a damaged picture.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::sections,
    events::images::{self, Picture, PictureError, Thumbnails},
    metrics,
};

/// An actor that died is back in about that time.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// Why no picture was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImagerError {
    /// Too many wait, or the actor is being restarted: try again later.
    #[error("no picture can be made at the moment")]
    Busy,
    /// It is none.
    #[error(transparent)]
    Refused(#[from] PictureError),
}

/// Messages of the imager.
pub enum ImagerMsg {
    /// Make a picture of what somebody sent.
    Prepare {
        /// What was sent.
        sent: Bytes,
        /// Where the picture goes.
        reply: Reply<Result<Picture, PictureError>>,
    },
    /// Make the smaller ones of a picture.
    Shrink {
        /// The picture.
        jpeg: Bytes,
        /// Where they go.
        reply: Reply<Result<Thumbnails, PictureError>>,
    },
}
crate::kinds!(ImagerMsg: Prepare, Shrink);

/// Makes pictures. Cheap to clone.
#[derive(Clone)]
pub struct Imager {
    handle: Handle<ImagerMsg>,
    places: Arc<Semaphore>,
}

/// The right to have an upload in memory; given back when dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "is held, not read")] OwnedSemaphorePermit);

impl Imager {
    /// The handle of the imager, and `places` for uploads.
    pub fn new(handle: Handle<ImagerMsg>, places: usize) -> Self {
        Self { handle, places: Arc::new(Semaphore::new(places)) }
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<ImagerMsg> {
        &self.handle
    }

    /// A place for an upload, if there is one.
    pub fn place(&self) -> Option<Place> {
        self.places.clone().try_acquire_owned().ok().map(Place)
    }

    /// A picture of what somebody sent.
    pub async fn prepare(&self, sent: Bytes) -> Result<Picture, ImagerError> {
        self.ask(|reply| ImagerMsg::Prepare { sent: sent.clone(), reply }).await
    }

    /// The smaller ones of a picture.
    pub async fn shrink(&self, jpeg: Bytes) -> Result<Thumbnails, ImagerError> {
        self.ask(|reply| ImagerMsg::Shrink { jpeg: jpeg.clone(), reply }).await
    }

    async fn ask<R: Send>(
        &self,
        message: impl Fn(Reply<Result<R, PictureError>>) -> ImagerMsg,
    ) -> Result<R, ImagerError> {
        for attempt in 0..2 {
            if attempt > 0 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            match self.handle.call(&message).await {
                Ok(answer) => return answer.map_err(ImagerError::Refused),
                Err(CallError::Overloaded) => break,
                Err(CallError::Down | CallError::Crashed) => {}
            }
        }
        Err(ImagerError::Busy)
    }
}

/// The imager actor.
pub struct ImagerActor {
    workers: Arc<Semaphore>,
    max_pixels: u64,
    waiting: Arc<AtomicUsize>,
    made: Arc<AtomicU64>,
    figures: metrics::Pictures,
}

impl ImagerActor {
    /// As `[storage]` of the configuration says.
    pub fn new(config: &sections::Storage, figures: metrics::Pictures) -> Self {
        Self {
            workers: Arc::new(Semaphore::new(config.image_workers)),
            max_pixels: config.max_image_pixels as u64,
            waiting: Arc::default(),
            made: Arc::default(),
            figures,
        }
    }

    /// Lets `make` wait for a worker. Who waits is bounded by the places and by the jobs' workers.
    fn admit<R: Send + 'static>(
        &self,
        ctx: &Context<ImagerMsg>,
        work: &'static str,
        reply: Reply<Result<R, PictureError>>,
        make: impl FnOnce() -> Result<R, PictureError> + Send + 'static,
    ) {
        let waiting = Waiting::new(&self.waiting);
        let (workers, made, figures) = (self.workers.clone(), self.made.clone(), self.figures.clone());
        ctx.spawn(async move {
            let Ok(permit) = workers.acquire_owned().await else { return };
            drop(waiting);
            if reply.is_abandoned() {
                return;
            }
            let began = Instant::now();
            let working = tokio::task::spawn_blocking(move || {
                let _permit = permit; // held by the thread: it goes on even when this incarnation ends
                make()
            });
            let outcome = working.await.unwrap_or(Err(PictureError::Broken));
            made.fetch_add(u64::from(outcome.is_ok()), Relaxed);
            figures.done(work, if outcome.is_ok() { "made" } else { "refused" }, began.elapsed());
            reply.send(outcome);
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

impl Behaviour for ImagerActor {
    type Msg = ImagerMsg;
    type State = ();

    async fn init(&self, _: &Context<ImagerMsg>) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(&self, ctx: &Context<ImagerMsg>, message: ImagerMsg, (): &mut ()) -> Result<(), Failure> {
        match message {
            ImagerMsg::Prepare { sent, reply } => {
                let max_pixels = self.max_pixels;
                self.admit(ctx, "prepare", reply, move || images::prepare(&sent, max_pixels));
            }
            ImagerMsg::Shrink { jpeg, reply } => {
                self.admit(ctx, "shrink", reply, move || images::thumbnails(&jpeg));
            }
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({
            "waiting": self.waiting.load(Relaxed), "workers_free": self.workers.available_permits(),
            "made": self.made.load(Relaxed),
        })
    }
}
