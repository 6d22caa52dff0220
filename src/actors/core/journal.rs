//! The journal actor: writes what administrators do, and what crashes, in the order in which it happened.
//!
//! An administrator's action is recorded before it is carried out: [`Journal::record`] answers when the entry is
//! committed, and without it nothing is done. Crashes are read from the cells once a second, so that reporting one
//! costs the crashing part nothing. Entries wait in a bounded buffer in the behaviour: neither a crash of this actor nor
//! an absence of PostgreSQL loses them; when the buffer is full, the oldest crash makes place and is counted.
//!
//! Writing uses the connection reserved for administration, so that an exhausted pool does not stop it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    actors::kernel::{Behaviour, CallError, Context, Exit, Failure, Handle, Registry, Reply},
    db::{Db, DbError},
    journal::{Entry, append},
};

/// How often the cells are searched for crashes, and a failed write is repeated.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Entries waiting for PostgreSQL: some minutes of a very bad day.
const BUFFER: usize = 1_024;
/// Entries written by one statement.
const BATCH: usize = 256;
/// An exit is written when its recovery is known, at the latest after so many looks.
const PATIENCE: u32 = 30;

/// Messages of the journal.
pub enum JournalMsg {
    /// Remember something.
    Record {
        /// What.
        entry: Box<Entry>,
        /// Where its number goes, once it is committed.
        reply: Reply<Result<i64, DbError>>,
    },
    /// Look for crashes, and write what waits.
    Look,
    /// A write has ended.
    Written,
}
crate::kinds!(JournalMsg: Record, Look, Written);

/// Remembers. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    handle: Handle<JournalMsg>,
    buffer: Arc<Mutex<Buffer>>,
}

impl Journal {
    /// The handle of the journal.
    pub fn new(handle: Handle<JournalMsg>) -> Self {
        Self { handle, buffer: Arc::default() }
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<JournalMsg> {
        &self.handle
    }

    /// Returns the entry's number when it is committed.
    pub async fn record(&self, entry: Entry) -> Result<i64, DbError> {
        let entry = Box::new(entry);
        match self.handle.call(|reply| JournalMsg::Record { entry, reply }).await {
            Ok(answer) => answer,
            Err(CallError::Overloaded) => Err(DbError::Overloaded),
            Err(CallError::Down) => Err(DbError::Down),
            Err(CallError::Crashed) => Err(DbError::Unknown),
        }
    }

    /// Remembers what has happened already. What cannot be written now (what was restarted may be the pool, or this
    /// very actor) waits in the buffer; an entry whose commit was cut off may stand there twice.
    pub async fn outcome(&self, entry: Entry) {
        if let Err(error) = self.record(entry.clone()).await {
            tracing::warn!(%error, action = entry.action, "an outcome could not be journalled yet");
            lock(&self.buffer).push(Pending { entry, reply: None });
        }
    }
}

fn lock(buffer: &Mutex<Buffer>) -> MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pending {
    entry: Entry,
    /// `None` for what has happened already: nobody waits, and it must not be lost.
    reply: Option<Reply<Result<i64, DbError>>>,
}

#[derive(Default)]
struct Buffer {
    waiting: VecDeque<Pending>,
    /// The last exit that was written, per actor.
    seen: HashMap<String, u64>,
    /// Looks since an exit was first seen without its recovery.
    unrecovered: HashMap<String, u32>,
    forgotten: u64,
}

impl Buffer {
    /// Takes an entry; when there is no place, the oldest that nobody waits for makes place.
    fn push(&mut self, pending: Pending) {
        if self.waiting.len() >= BUFFER {
            let oldest = self.waiting.iter().position(|waiting| waiting.reply.is_none());
            if oldest.and_then(|oldest| self.waiting.remove(oldest)).is_none() {
                if let Some(reply) = pending.reply {
                    reply.send(Err(DbError::Overloaded));
                }
                return;
            }
            if self.forgotten == 0 {
                tracing::error!("the journal has lost an entry: more wait for the database than it can keep");
            }
            self.forgotten += 1;
        }
        self.waiting.push_back(pending);
    }
}

/// The journal actor.
pub struct JournalActor {
    db: Db,
    registry: Registry,
    buffer: Arc<Mutex<Buffer>>,
    writing: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
}

impl JournalActor {
    /// Writes to `db` what `journal` is told and what happens to the actors of `registry`.
    pub fn new(journal: &Journal, db: Db, registry: Registry) -> Self {
        Self {
            db,
            registry,
            buffer: journal.buffer.clone(),
            writing: Arc::default(),
            written: Arc::default(),
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        lock(&self.buffer)
    }

    /// Finds exits that are not in the journal yet.
    fn look(&self) {
        for cell in self.registry.cells() {
            let seen = self.buffer().seen.get(&cell.path).copied().unwrap_or(0);
            if cell.exits_ever() == seen {
                continue;
            }
            for exit in cell.exits().into_iter().filter(|exit| exit.number > seen) {
                if exit.recovered_ms.is_none() && exit.number == cell.exits_ever() && !self.waited(&cell.path)
                {
                    break; // soon it is known how long it took
                }
                {
                    let mut buffer = self.buffer();
                    buffer.seen.insert(cell.path.clone(), exit.number);
                    buffer.unrecovered.remove(&cell.path);
                }
                self.buffer().push(Pending { entry: crash(&cell.path, exit), reply: None });
            }
        }
    }

    fn waited(&self, path: &str) -> bool {
        let mut buffer = self.buffer();
        let looks = buffer.unrecovered.entry(path.to_owned()).or_default();
        *looks += 1;
        *looks >= PATIENCE
    }

    /// Writes what waits, unless a write is under way.
    fn write(&self, ctx: &Context<JournalMsg>) {
        if self.buffer().waiting.is_empty() || self.writing.swap(true, Relaxed) {
            return;
        }
        let done = Done { writing: self.writing.clone(), myself: ctx.myself() };
        let (db, buffer, written) = (self.db.clone(), self.buffer.clone(), self.written.clone());
        ctx.spawn(async move {
            let _done = done;
            let batch = Batch::take(&buffer);
            match insert(&db, &batch.entries()).await {
                Ok(numbers) => {
                    written.fetch_add(numbers.len() as u64, Relaxed);
                    batch.answer(&numbers);
                }
                Err(error) => {
                    let (kept, refused) = batch.refuse(&error);
                    tracing::warn!(%error, kept, refused,
                        "the journal could not be written: what happened is kept for the next try, what was asked for is refused");
                }
            }
        });
    }
}

fn crash(path: &str, exit: Exit) -> Entry {
    Entry {
        at: exit.at,
        who: None,
        action: "actor.exit",
        target: path.to_owned(),
        reason: Some(exit.cause),
        result: Some(if exit.recovered_ms.is_some() { "recovered" } else { "down" }.to_owned()),
        details: serde_json::json!({
            "number": exit.number, "message": exit.message, "lost": exit.lost, "uptime_ms": exit.uptime_ms,
            "recovered_ms": exit.recovered_ms,
        }),
    }
}

async fn insert(db: &Db, entries: &[Entry]) -> Result<Vec<i64>, DbError> {
    let mut tx = db.begin_admin("journal.append").await?;
    let numbers = append(&mut tx, entries).await?;
    tx.commit().await?;
    Ok(numbers)
}

/// Entries being written. Dropped without an outcome, they go back: the incarnation ended.
struct Batch {
    pending: Vec<Pending>,
    buffer: Arc<Mutex<Buffer>>,
}

impl Batch {
    fn take(buffer: &Arc<Mutex<Buffer>>) -> Self {
        let mut waiting = lock(buffer);
        let count = waiting.waiting.len().min(BATCH);
        let pending = waiting.waiting.drain(..count).collect();
        drop(waiting);
        Self { pending, buffer: buffer.clone() }
    }

    fn entries(&self) -> Vec<Entry> {
        self.pending.iter().map(|pending| pending.entry.clone()).collect()
    }

    fn answer(mut self, numbers: &[i64]) {
        for (pending, number) in std::mem::take(&mut self.pending).into_iter().zip(numbers) {
            if let Some(reply) = pending.reply {
                reply.send(Ok(*number));
            }
        }
    }

    /// Callers hear of the failure, crashes wait for the next try: how many of these, and of those.
    fn refuse(mut self, error: &DbError) -> (usize, usize) {
        let all = std::mem::take(&mut self.pending);
        let (callers, crashes) = all.into_iter().partition(|pending| pending.reply.is_some());
        self.pending = crashes;
        let callers: Vec<Pending> = callers;
        let counts = (self.pending.len(), callers.len());
        for reply in callers.into_iter().filter_map(|pending| pending.reply) {
            reply.send(Err(error.clone()));
        }
        counts
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut buffer = lock(&self.buffer);
        for pending in self.pending.drain(..).rev() {
            buffer.waiting.push_front(pending);
        }
    }
}

/// Lets the next write begin, however this one ended.
struct Done {
    writing: Arc<AtomicBool>,
    myself: crate::actors::kernel::Myself<JournalMsg>,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.writing.store(false, Relaxed);
        self.myself.tell(JournalMsg::Written);
    }
}

impl Behaviour for JournalActor {
    type Msg = JournalMsg;
    type State = ();

    async fn init(&self, ctx: &Context<JournalMsg>) -> Result<(), Failure> {
        ctx.every(LOOK_EVERY, || JournalMsg::Look);
        Ok(())
    }

    async fn handle(
        &self,
        ctx: &Context<JournalMsg>,
        message: JournalMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        match message {
            JournalMsg::Record { entry, reply } => {
                self.buffer().push(Pending { entry: *entry, reply: Some(reply) });
                self.write(ctx);
            }
            JournalMsg::Look => {
                self.look();
                self.write(ctx);
            }
            // After a failure only the next look tries again: a database that is away is not hammered.
            JournalMsg::Written if self.buffer().waiting.iter().any(|waiting| waiting.reply.is_some()) => {
                self.write(ctx);
            }
            JournalMsg::Written => {}
        }
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        let buffer = self.buffer();
        serde_json::json!({
            "waiting": buffer.waiting.len(), "buffer": BUFFER, "written": self.written.load(Relaxed),
            "forgotten": buffer.forgotten,
        })
    }
}
