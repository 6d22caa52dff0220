//! The storage: files that belong to rows, in a local directory or in a bucket of an S3 API (see [`super::place`]).
//!
//! A file is written whole, synced and renamed into place before anybody commits a row that names it: a crash leaves a
//! file without a row (pruned by a job), never a row without its file. Keys are made by us, never by users.
//!
//! Every operation may be repeated without harm, so the handle asks a second time when the actor died with the first
//! question. A crash loses only what waits; threads that write finish what they began, into a file that nobody names
//! yet. `storage.bound` operations wait at most, [`AT_ONCE`] run. Large files are streamed by those who send or want them
//! (see [`super::transfers`]); the actor gives them their places.

use std::{
    io,
    ops::Range,
    path::{Path as FilePath, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use tokio::sync::Semaphore;

use super::{
    place::Place,
    transfers::{self, Reading, Writer, Written},
};
use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::Config,
    metrics,
};

/// Operations at once: a disk is not faster with more, and each holds a file in memory.
const AT_ONCE: usize = 16;
/// Files written as streams at once: each has a part or two in memory.
const WRITERS: usize = 8;
/// Files read as streams at once; readers may be slow, and each has some hundred kilobytes.
const READERS: usize = 256;
/// Files listed by one message; a folder with more is listed again the next day.
const LISTED_MAX: usize = 10_000;
/// An actor that died is back in about that time.
const RETRY_PAUSE: Duration = Duration::from_millis(25);
/// What the probe writes after a write failed.
const PROBE: &str = "probe";

/// Why an operation has no result. Nothing is half done in any case.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// Too many are waiting: try again later.
    #[error("the storage has no place for another operation")]
    Overloaded,
    /// The actor is being restarted: try again later.
    #[error("the storage is away")]
    Away,
    /// The disk is full, or not writable.
    #[error("the storage failed: {0}")]
    Failed(String),
    /// What was to be written did not come to its end.
    #[error("the content broke off: {0}")]
    BrokeOff(String),
    /// Not a key: a bug of the caller.
    #[error("not a key of the storage")]
    NoKey,
}

/// A file as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written.
    pub modified: Timestamp,
}

type Answer<R> = Reply<Result<R, StorageError>>;

/// Messages of the storage.
pub enum StorageMsg {
    /// Write a file, or replace it.
    Put {
        /// Its key.
        key: Path,
        /// Its content.
        bytes: Bytes,
        /// Answered when it is safe.
        reply: Answer<()>,
    },
    /// Read a file.
    Get {
        /// Its key.
        key: Path,
        /// Its content, if it is there.
        reply: Answer<Option<Bytes>>,
    },
    /// Read a part of a file as a stream.
    Read {
        /// Its key.
        key: Path,
        /// Which bytes; at least one.
        range: Range<u64>,
        /// The stream, if the file is there.
        reply: Answer<Option<Reading>>,
    },
    /// Write a file as a stream.
    Write {
        /// Who may do it.
        reply: Answer<Writer>,
    },
    /// Is it there?
    Has {
        /// Its key.
        key: Path,
        /// Whether it is.
        reply: Answer<bool>,
    },
    /// Remove a file; a missing one is fine.
    Delete {
        /// Its key.
        key: Path,
        /// Answered when it is gone.
        reply: Answer<()>,
    },
    /// What is in a folder?
    List {
        /// The folder.
        folder: Path,
        /// At most [`LISTED_MAX`] files.
        reply: Answer<Vec<Listed>>,
    },
    /// Remove what writers that died before this time have left.
    Sweep {
        /// Younger ones may be in use.
        before: Timestamp,
        /// How many there were.
        reply: Answer<usize>,
    },
    /// Can it be written to?
    Probe {
        /// Whether it can.
        reply: Answer<bool>,
    },
}
crate::kinds!(StorageMsg: Put, Get, Read, Write, Has, Delete, List, Sweep, Probe);

/// Keeps files. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Handle<StorageMsg>);

impl Storage {
    /// The handle of the storage.
    pub fn new(handle: Handle<StorageMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<StorageMsg> {
        &self.0
    }

    /// Writes a file, or replaces it. When this returns `Ok`, a power cut does not lose it.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StorageError> {
        let key = parse(key)?;
        self.ask(|reply| StorageMsg::Put { key: key.clone(), bytes: bytes.clone(), reply }).await
    }

    /// The content of a file.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StorageError> {
        let key = parse(key)?;
        self.ask(|reply| StorageMsg::Get { key: key.clone(), reply }).await
    }

    /// Writes a file of any size, or replaces it: nobody sees it before it is whole. When this returns `Ok`, a power cut
    /// does not lose it. Is not repeated by itself: streams cannot be.
    pub async fn put_stream(
        &self,
        key: &str,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Written, StorageError> {
        let key = parse(key)?;
        let writer = self.ask(|reply| StorageMsg::Write { reply }).await?;
        writer.write(&key, content).await
    }

    /// These bytes of a file, at least one, as they are read. Fewer when the file is shorter.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Reading>, StorageError> {
        let key = parse(key)?;
        self.ask(|reply| StorageMsg::Read { key: key.clone(), range: range.clone(), reply }).await
    }

    /// Whether there is such a file.
    pub async fn has(&self, key: &str) -> Result<bool, StorageError> {
        let key = parse(key)?;
        self.ask(|reply| StorageMsg::Has { key: key.clone(), reply }).await
    }

    /// Removes a file; a missing one is fine.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let key = parse(key)?;
        self.ask(|reply| StorageMsg::Delete { key: key.clone(), reply }).await
    }

    /// Files of a folder and those below it, in no order.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>, StorageError> {
        let folder = parse(folder)?;
        self.ask(|reply| StorageMsg::List { folder: folder.clone(), reply }).await
    }

    /// Removes what writers that died before `before` have left half written; how many there were.
    pub async fn sweep(&self, before: Timestamp) -> Result<usize, StorageError> {
        self.ask(|reply| StorageMsg::Sweep { before, reply }).await
    }

    /// Whether files can be written at the moment.
    pub async fn is_writable(&self) -> bool {
        self.ask(|reply| StorageMsg::Probe { reply }).await.unwrap_or(false)
    }

    /// Writes a small file, reads it and removes it: whether files can be had at the moment.
    pub async fn round_trip(&self) -> Result<(), StorageError> {
        let probe = Bytes::from_static(b"probe");
        self.put(PROBE, probe).await?;
        // Another node may have removed it by now.
        self.get(PROBE).await?;
        self.delete(PROBE).await
    }

    async fn ask<R: Send>(&self, message: impl Fn(Answer<R>) -> StorageMsg) -> Result<R, StorageError> {
        for attempt in 0..2 {
            if attempt > 0 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            match self.0.call(&message).await {
                Ok(answer) => return answer,
                Err(CallError::Overloaded) => return Err(StorageError::Overloaded),
                Err(CallError::Down | CallError::Crashed) => {}
            }
        }
        Err(StorageError::Away)
    }
}

/// Refuses empty segments, `.` and `..`: a key never leaves its place.
fn parse(key: &str) -> Result<Path, StorageError> {
    let path = Path::parse(key).map_err(|_| StorageError::NoKey)?;
    if path.is_root() { Err(StorageError::NoKey) } else { Ok(path) }
}

/// Where files are stored.
pub fn directory(config: &Config) -> PathBuf {
    config.storage.path.0.clone().unwrap_or_else(|| config.database.data_dir.join("files"))
}

/// The storage actor. What it counts survives a crash.
pub struct StorageActor {
    store: Arc<dyn ObjectStore>,
    place: Arc<Place>,
    places: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
    bound: usize,
    waiting: Arc<AtomicUsize>,
    /// The last write failed.
    failing: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    figures: metrics::Storage,
}

impl StorageActor {
    /// As `[storage]` of the configuration says. Makes the directory, readable by its owner only.
    pub fn new(config: &Config, figures: metrics::Storage) -> anyhow::Result<Self> {
        let (store, place) = Place::open(config)?;
        Ok(Self {
            store,
            place: Arc::new(place),
            readers: Arc::new(Semaphore::new(READERS)),
            writers: Arc::new(Semaphore::new(WRITERS)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            bound: config.storage.bound,
            waiting: Arc::default(),
            failing: Arc::default(),
            written: Arc::default(),
            figures,
        })
    }

    /// Lets an operation wait for its place, unless too many wait already.
    fn admit<R: Send + 'static>(
        &self,
        ctx: &Context<StorageMsg>,
        operation: &'static str,
        reply: Answer<R>,
        work: impl Future<Output = Result<R, object_store::Error>> + Send + 'static,
    ) {
        if self.waiting.fetch_add(1, Relaxed) >= self.bound {
            self.waiting.fetch_sub(1, Relaxed);
            return reply.send(Err(StorageError::Overloaded));
        }
        let (places, figures, writes) = (self.places.clone(), self.figures.clone(), operation == "put");
        let (waiting, failing) = (Waiting(self.waiting.clone()), self.failing.clone());
        ctx.spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            drop(waiting);
            if reply.is_abandoned() {
                return;
            }
            let began = Instant::now();
            let done = work.await;
            figures.done(operation, done.is_ok(), began.elapsed());
            if writes {
                failing.store(done.is_err(), Relaxed);
            }
            reply.send(done.map_err(|error| {
                tracing::error!(%error, storage.operation = operation, "the storage failed");
                StorageError::Failed(error.to_string())
            }));
        });
    }

    /// Opens a file, unless there are too many readers. The stream keeps its place until it is dropped.
    fn read(&self, ctx: &Context<StorageMsg>, key: Path, range: Range<u64>, reply: Answer<Option<Reading>>) {
        let Ok(place) = self.readers.clone().try_acquire_owned() else {
            return reply.send(Err(StorageError::Overloaded));
        };
        let store = self.store.clone();
        self.admit(ctx, "read", reply, async move {
            Ok(optional(transfers::open(&*store, &key, range).await)?.map(|open| open.at(place)))
        });
    }

    /// Lets somebody write as soon as there is a place.
    fn write(&self, ctx: &Context<StorageMsg>, reply: Answer<Writer>) {
        if self.waiting.fetch_add(1, Relaxed) >= self.bound {
            self.waiting.fetch_sub(1, Relaxed);
            return reply.send(Err(StorageError::Overloaded));
        }
        let (writers, waiting) = (self.writers.clone(), Waiting(self.waiting.clone()));
        let (store, chunk, figures) = (self.store.clone(), self.place.chunk(), self.figures.clone());
        let (failing, written) = (self.failing.clone(), self.written.clone());
        ctx.spawn(async move {
            let Ok(place) = writers.acquire_owned().await else { return };
            drop(waiting);
            reply.send(Ok(Writer { store, chunk, figures, failing, written, _place: place }));
        });
    }

    /// A write that failed is tried again with a small file; otherwise the permissions are enough.
    fn probe(&self, ctx: &Context<StorageMsg>, reply: Answer<bool>) {
        let (store, directory) = (self.store.clone(), self.place.directory().map(FilePath::to_owned));
        if self.failing.load(Relaxed) {
            let written = Path::from(PROBE);
            // Counted as a write: it clears `failing` when it succeeds.
            self.admit(ctx, "put", reply, async move {
                store.put(&written, PutPayload::from_static(b"probe")).await?;
                store.delete(&written).await.map(|()| true)
            });
        } else {
            self.admit(ctx, "probe", reply, async move { Ok(directory.is_none_or(|it| is_writable(&it))) });
        }
    }
}

fn is_writable(directory: &FilePath) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(directory, access).is_ok()
}

/// Counts a waiter, however it ends.
struct Waiting(Arc<AtomicUsize>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A file that is not there is an answer, not an error.
fn optional<T>(result: Result<T, object_store::Error>) -> Result<Option<T>, object_store::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn get(store: &dyn ObjectStore, key: &Path) -> Result<Option<Bytes>, object_store::Error> {
    match optional(store.get(key).await)? {
        Some(found) => found.bytes().await.map(Some),
        None => Ok(None),
    }
}

async fn list(store: &dyn ObjectStore, folder: &Path) -> Result<Vec<Listed>, object_store::Error> {
    let listed = store.list(Some(folder)).take(LISTED_MAX).map_ok(|meta| Listed {
        key: meta.location.to_string(),
        modified: Timestamp::from_microsecond(meta.last_modified.timestamp_micros())
            .unwrap_or(Timestamp::MAX),
    });
    listed.try_collect().await
}

impl Behaviour for StorageActor {
    type Msg = StorageMsg;
    type State = ();

    async fn init(&self, _: &Context<StorageMsg>) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        ctx: &Context<StorageMsg>,
        message: StorageMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        let store = self.store.clone();
        match message {
            StorageMsg::Put { key, bytes, reply } => {
                let written = self.written.clone();
                self.admit(ctx, "put", reply, async move {
                    let length = bytes.len() as u64;
                    store.put(&key, bytes.into()).await?;
                    written.fetch_add(length, Relaxed);
                    Ok(())
                });
            }
            StorageMsg::Get { key, reply } => {
                self.admit(ctx, "get", reply, async move { get(&*store, &key).await });
            }
            StorageMsg::Read { key, range, reply } => self.read(ctx, key, range, reply),
            StorageMsg::Write { reply } => self.write(ctx, reply),
            StorageMsg::Has { key, reply } => {
                self.admit(ctx, "has", reply, async move { Ok(optional(store.head(&key).await)?.is_some()) });
            }
            StorageMsg::Delete { key, reply } => {
                self.admit(
                    ctx,
                    "delete",
                    reply,
                    async move { optional(store.delete(&key).await).map(|_| ()) },
                );
            }
            StorageMsg::List { folder, reply } => {
                self.admit(ctx, "list", reply, async move { list(&*store, &folder).await });
            }
            StorageMsg::Sweep { before, reply } => {
                let place = self.place.clone();
                self.admit(ctx, "sweep", reply, async move { place.sweep(before).await });
            }
            StorageMsg::Probe { reply } => self.probe(ctx, reply),
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({
            "kind": self.place.name(), "waiting": self.waiting.load(Relaxed),
            "places_free": self.places.available_permits(), "readers_free": self.readers.available_permits(),
            "writers_free": self.writers.available_permits(), "failing": self.failing.load(Relaxed),
            "bytes_written": self.written.load(Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_key_never_leaves_its_place() {
        for bad in ["", "/", "..", "../secret", "a/../b", "a//b", "a/./b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(parse("media/ab/abcd.jpg").unwrap().to_string(), "media/ab/abcd.jpg");
    }
}
