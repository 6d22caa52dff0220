//! Lane actors: each owns one pipelined connection and answers short reads.
//!
//! Lookups of one statement that are waiting together are answered by one execution over arrays of keys, and equal
//! keys by one row. A lane never waits for company: a batch is what arrived while earlier batches were flying. It
//! replaces a connection checkout and an execution per request.
//!
//! Invariants
//! - At most `database.lane_in_flight` batches are flying, each of at most `database.lane_batch` keys.
//! - Only short, autocommitted, read-only statements; results are always drained.
//! - A lost connection ends the actor (back-off restart); its callers hear [`DbError::Lost`] and ask again elsewhere.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ahash::AHashMap;
use tokio::time::Instant;
use tokio_postgres::{Client, Row, Statement};

use crate::{
    actors::kernel::{Behaviour, Context, Failure, Myself, Reply},
    db::{Arg, Connector, DbError, Observer, Params, Rows, Transposed, label, told},
    metrics,
};

/// How often a lane looks whether its connection still answers.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Probes without any completion while something flies before the connection is given up.
const PROBES_STUCK: u32 = 5;

type RowsReply = Reply<Result<Rows, DbError>>;

/// Messages of a lane.
pub enum LaneMsg {
    /// A read by key, answered in a batch.
    Lookup {
        /// The statement; its first column is the key's ordinal.
        sql: &'static str,
        /// The key.
        key: Params,
        /// Where the rows go.
        reply: RowsReply,
    },
    /// Any other read, answered by an execution of its own.
    Read {
        /// The statement.
        sql: &'static str,
        /// Its arguments.
        args: Arc<Vec<Arg>>,
        /// Where the rows go.
        reply: RowsReply,
    },
    /// Send what is waiting: behind everything that was already in the mailbox.
    Flush,
    /// A batch has been answered.
    Done,
    /// The connection ended.
    Lost(String),
    /// Does the connection still answer?
    Probe,
}
crate::kinds!(LaneMsg: Lookup, Read, Flush, Done, Lost, Probe);

/// One lane.
pub struct Lane {
    /// Where to connect.
    pub connector: Connector,
    /// Batches flying at once.
    pub in_flight: usize,
    /// Keys per batch.
    pub batch: usize,
    /// Counts statements.
    pub observer: Observer,
    /// Counts batches.
    pub figures: metrics::Lane,
}

struct Lookup {
    key: Params,
    reply: RowsReply,
}

enum Work {
    Lookups(&'static str, Vec<Lookup>),
    Read(&'static str, Arc<Vec<Arg>>, RowsReply),
}

/// What a lane loses when it dies.
pub struct LaneState {
    connection: Arc<Prepared>,
    /// Lookups waiting, by statement, oldest statement first.
    lookups: VecDeque<(&'static str, Vec<Lookup>)>,
    reads: VecDeque<(&'static str, Arc<Vec<Arg>>, RowsReply)>,
    flying: usize,
    flush_told: bool,
    done: u64,
    done_at_probe: u64,
    stuck: u32,
}

/// A connection and its prepared statements.
struct Prepared {
    client: Client,
    /// By the address of the static text: comparing a pointer is cheaper than hashing a statement.
    statements: Mutex<AHashMap<usize, Statement>>,
}

impl Behaviour for Lane {
    type Msg = LaneMsg;
    type State = LaneState;

    async fn init(&self, ctx: &Context<LaneMsg>) -> Result<LaneState, Failure> {
        let (client, driver) = self.connector.connect().await?;
        let myself = ctx.myself();
        ctx.background(async move {
            let why = driver.await.map_or_else(told, |()| "closed".to_owned());
            myself.tell(LaneMsg::Lost(why));
        });
        ctx.every(PROBE_EVERY, || LaneMsg::Probe);
        Ok(LaneState {
            connection: Arc::new(Prepared { client, statements: Mutex::default() }),
            lookups: VecDeque::new(),
            reads: VecDeque::new(),
            flying: 0,
            flush_told: false,
            done: 0,
            done_at_probe: 0,
            stuck: 0,
        })
    }

    async fn handle(
        &self,
        ctx: &Context<LaneMsg>,
        message: LaneMsg,
        state: &mut LaneState,
    ) -> Result<(), Failure> {
        match message {
            LaneMsg::Lookup { sql, key, reply } => state.push_lookup(sql, Lookup { key, reply }),
            LaneMsg::Read { sql, args, reply } => state.reads.push_back((sql, args, reply)),
            LaneMsg::Flush => {
                state.flush_told = false;
                self.send_waiting(ctx, state);
                return Ok(());
            }
            LaneMsg::Done => {
                state.flying -= 1;
                state.done += 1;
            }
            LaneMsg::Lost(why) => anyhow::bail!("connection lost: {why}"),
            LaneMsg::Probe => return state.probe(),
        }
        if state.flying < self.in_flight && state.has_work() && !state.flush_told {
            state.flush_told = true;
            ctx.myself().tell(LaneMsg::Flush);
        }
        Ok(())
    }

    fn view(&self, state: &LaneState) -> serde_json::Value {
        serde_json::json!({
            "batches_flying": state.flying, "batches_done": state.done, "stuck_probes": state.stuck,
            "lookups_waiting": state.lookups.iter().map(|(_, lookups)| lookups.len()).sum::<usize>(),
            "reads_waiting": state.reads.len(),
            "statements": state.connection.statements.lock().map_or(0, |map| map.len()),
        })
    }
}

impl LaneState {
    fn push_lookup(&mut self, sql: &'static str, lookup: Lookup) {
        match self.lookups.iter_mut().find(|(waiting, _)| std::ptr::eq(waiting.as_ptr(), sql.as_ptr())) {
            Some((_, lookups)) => lookups.push(lookup),
            None => self.lookups.push_back((sql, vec![lookup])),
        }
    }

    fn has_work(&self) -> bool {
        !self.lookups.is_empty() || !self.reads.is_empty()
    }

    /// The next thing to send: statements take turns, a batch is cut at `batch` keys.
    fn next(&mut self, batch: usize) -> Option<Work> {
        if let Some((sql, mut lookups)) = self.lookups.pop_front() {
            if lookups.len() > batch {
                let rest = lookups.split_off(batch);
                self.lookups.push_back((sql, rest));
            }
            return Some(Work::Lookups(sql, lookups));
        }
        self.reads.pop_front().map(|(sql, args, reply)| Work::Read(sql, args, reply))
    }

    fn probe(&mut self) -> Result<(), Failure> {
        let idle = self.flying == 0 || self.done != self.done_at_probe;
        self.stuck = if idle { 0 } else { self.stuck + 1 };
        self.done_at_probe = self.done;
        anyhow::ensure!(
            self.stuck < PROBES_STUCK,
            "no answer for {PROBES_STUCK} s: the connection is given up"
        );
        Ok(())
    }
}

impl Lane {
    fn send_waiting(&self, ctx: &Context<LaneMsg>, state: &mut LaneState) {
        while state.flying < self.in_flight
            && let Some(work) = state.next(self.batch)
        {
            state.flying += 1;
            let (connection, observer) = (state.connection.clone(), self.observer.clone());
            let done = Done(ctx.myself());
            let flight = self.figures.sent(match &work {
                Work::Lookups(_, lookups) => lookups.len(),
                Work::Read(..) => 1,
            });
            ctx.spawn(async move {
                match work {
                    Work::Lookups(sql, lookups) => connection.answer(sql, lookups, &observer).await,
                    Work::Read(sql, args, reply) => connection.read(sql, &args, reply, &observer).await,
                }
                drop((flight, done));
            });
        }
    }
}

/// Reports a batch as done, however it ends: a place in flight must never leak.
struct Done(Myself<LaneMsg>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.tell(LaneMsg::Done);
    }
}

impl Prepared {
    async fn statement(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let key = sql.as_ptr() as usize;
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(key, statement.clone());
        Ok(statement)
    }

    async fn read(&self, sql: &'static str, args: &[Arg], reply: RowsReply, observer: &Observer) {
        if reply.is_abandoned() {
            return;
        }
        let began = Instant::now();
        let answer = async {
            let statement = self.statement(sql).await?;
            let args: Vec<_> =
                args.iter().map(|arg| arg.as_ref() as &(dyn postgres_types::ToSql + Sync)).collect();
            self.client.query(&statement, &args).await
        }
        .await;
        observer.record(label(sql), began.elapsed(), 1, answer.as_ref().map(Vec::len).map_err(|_| ()));
        reply.send(answer.map(Arc::new).map_err(DbError::from));
    }

    /// Answers a batch: one key per distinct question, one execution, rows dealt out by ordinal.
    async fn answer(&self, sql: &'static str, lookups: Vec<Lookup>, observer: &Observer) {
        let (keys, replies) = distinct(lookups);
        if keys.is_empty() {
            return;
        }
        let (began, served) = (Instant::now(), replies.iter().map(Vec::len).sum());
        let rows = self.execute(sql, keys).await;
        let count = rows.as_ref().map(Vec::len).map_err(|_| ());
        observer.record(label(sql), began.elapsed(), served, count);
        match rows {
            Ok(rows) => deal(rows, replies),
            Err(error) => {
                let error = DbError::from(error);
                for reply in replies.into_iter().flatten() {
                    reply.send(Err(error.clone()));
                }
            }
        }
    }

    async fn execute(&self, sql: &'static str, keys: Vec<Params>) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.statement(sql).await?;
        let columns = Transposed::of(keys);
        let args: Vec<_> = columns.iter().map(Transposed::as_sql).collect();
        self.client.query(&statement, &args).await
    }
}

/// Equal keys share an answer; callers that have left are skipped.
fn distinct(lookups: Vec<Lookup>) -> (Vec<Params>, Vec<Vec<RowsReply>>) {
    let (mut keys, mut replies) = (Vec::with_capacity(lookups.len()), Vec::<Vec<RowsReply>>::new());
    let mut places = AHashMap::with_capacity(lookups.len());
    for Lookup { key, reply } in lookups {
        if reply.is_abandoned() {
            continue;
        }
        let place = *places.entry(key).or_insert_with_key(|key| {
            keys.push(key.clone());
            replies.push(Vec::with_capacity(1));
            keys.len() - 1
        });
        replies[place].push(reply);
    }
    (keys, replies)
}

/// Gives each caller the rows of its ordinal.
fn deal(rows: Vec<Row>, replies: Vec<Vec<RowsReply>>) {
    let mut answers: Vec<Vec<Row>> = replies.iter().map(|_| Vec::new()).collect();
    for row in rows {
        let ordinal: i64 = row.get(0);
        answers[ordinal as usize - 1].push(row);
    }
    for (rows, callers) in answers.into_iter().zip(replies) {
        let rows = Arc::new(rows);
        for caller in callers {
            caller.send(Ok(rows.clone()));
        }
    }
}
