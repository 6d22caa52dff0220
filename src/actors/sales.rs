//! Sales shards: every booking of an event goes through the same shard, which commits what is waiting together.
//!
//! Without them each buyer of a popular event would queue for the event's row lock, one commit per booking. A shard has
//! one transaction in flight; the next one takes everything that arrived meanwhile (at most `events.sales_batch`).
//! The confirmation mail's job is enqueued in the same transaction.
//!
//! A crash of a shard: orders not yet in a transaction were not sold; of those in flight the outcome is unknown. Both
//! hear [`SalesError::Unknown`], because they cannot tell. An order with an idempotency key is safe to send again, and
//! the HTTP handler does so once; any other is answered 503 `outcome_unknown`.

use std::sync::Arc;

use ahash::RandomState;
use jiff::SignedDuration;

use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Myself, Reply},
    clock::Clock,
    db::{Db, DbError},
    events::selling::{Order, Refusal, Sale, sell},
    jobs::{Jobs, NewJob, events::SendBookingMail},
};

/// A batch that deadlocked or collided is tried this often before its orders hear of it.
const TRIES: usize = 3;

/// Why there is no outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SalesError {
    /// Too many orders are waiting: not sold.
    #[error("too many orders are waiting")]
    Overloaded,
    /// The shard or the database is away: not sold.
    #[error("tickets cannot be sold at the moment")]
    Down,
    /// The shard or the connection died with the order: it may have been sold.
    #[error("the outcome of the order is unknown")]
    Unknown,
    /// The database refused: not sold.
    #[error("the order could not be written")]
    Db(#[source] DbError),
}

type Outcome = Result<Result<Sale, Refusal>, SalesError>;

/// Messages of a shard.
pub enum SalesMsg {
    /// Sell tickets.
    Book {
        /// The order.
        order: Box<Order>,
        /// Where the outcome goes.
        reply: Reply<Outcome>,
    },
    /// Commit what is waiting: behind everything that was already in the mailbox.
    Flush,
    /// The transaction in flight has ended.
    Done,
}
crate::kinds!(SalesMsg: Book, Flush, Done);

/// Sells tickets. Cheap to clone.
#[derive(Clone)]
pub struct Sales {
    shards: Arc<[Handle<SalesMsg>]>,
    hasher: RandomState,
}

impl Sales {
    /// Orders go to the shard of their event.
    pub fn new(shards: Vec<Handle<SalesMsg>>) -> Self {
        // Fixed seeds: an event's shard is the same after a restart, which makes the console readable.
        Self { shards: shards.into(), hasher: RandomState::with_seeds(1, 2, 3, 4) }
    }

    /// The shards' handles.
    pub fn shards(&self) -> &[Handle<SalesMsg>] {
        &self.shards
    }

    /// Sells, or says why not.
    pub async fn book(&self, order: Order) -> Outcome {
        let shard = self.hasher.hash_one(&order.event) as usize % self.shards.len();
        let order = Box::new(order);
        match self.shards[shard].call(|reply| SalesMsg::Book { order, reply }).await {
            Ok(outcome) => outcome,
            Err(CallError::Overloaded) => Err(SalesError::Overloaded),
            Err(CallError::Down) => Err(SalesError::Down),
            Err(CallError::Crashed) => Err(SalesError::Unknown),
        }
    }
}

/// Called with the events of a committed batch: their cached pages show fewer tickets now.
pub type Sold = Arc<dyn Fn(&[&str]) + Send + Sync>;

/// One shard.
#[derive(Clone)]
pub struct Shard {
    /// The database.
    pub db: Db,
    /// For the mails.
    pub jobs: Jobs,
    /// The time.
    pub clock: Clock,
    /// How long unpaid tickets are held.
    pub hold: SignedDuration,
    /// Most orders of one transaction.
    pub batch: usize,
    /// Told after each commit.
    pub sold: Sold,
}

struct Waiting {
    order: Order,
    reply: Reply<Outcome>,
}

/// What a shard loses when it dies.
#[derive(Default)]
pub struct ShardState {
    waiting: Vec<Waiting>,
    flying: bool,
    flush_told: bool,
    batches: u64,
    largest: usize,
}

impl Behaviour for Shard {
    type Msg = SalesMsg;
    type State = ShardState;

    async fn init(&self, _: &Context<SalesMsg>) -> Result<ShardState, Failure> {
        Ok(ShardState::default())
    }

    async fn handle(
        &self,
        ctx: &Context<SalesMsg>,
        message: SalesMsg,
        state: &mut ShardState,
    ) -> Result<(), Failure> {
        match message {
            SalesMsg::Book { order, reply } => state.waiting.push(Waiting { order: *order, reply }),
            SalesMsg::Flush => {
                state.flush_told = false;
                self.send_waiting(ctx, state);
            }
            SalesMsg::Done => state.flying = false,
        }
        if !state.flying && !state.flush_told && !state.waiting.is_empty() {
            state.flush_told = true;
            ctx.myself().tell(SalesMsg::Flush);
        }
        Ok(())
    }

    fn view(&self, state: &ShardState) -> serde_json::Value {
        serde_json::json!({
            "waiting": state.waiting.len(), "flying": state.flying, "batches": state.batches,
            "largest_batch": state.largest,
        })
    }
}

impl Shard {
    fn send_waiting(&self, ctx: &Context<SalesMsg>, state: &mut ShardState) {
        // A buyer who has left is not sold to.
        state.waiting.retain(|waiting| !waiting.reply.is_abandoned());
        let count = state.waiting.len().min(self.batch);
        if state.flying || count == 0 {
            return;
        }
        let batch: Vec<Waiting> = state.waiting.drain(..count).collect();
        (state.flying, state.batches, state.largest) = (true, state.batches + 1, state.largest.max(count));
        let (shard, done) = (self.clone(), Done(ctx.myself()));
        ctx.spawn(async move {
            shard.answer(batch).await;
            drop(done);
        });
    }

    async fn answer(&self, batch: Vec<Waiting>) {
        let (orders, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|it| (it.order, it.reply)).unzip();
        let outcomes = match self.commit(&orders).await {
            // One order that the schema refuses must not take the others with it.
            Err(SalesError::Db(_)) if orders.len() > 1 => self.one_by_one(&orders).await,
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) => orders.iter().map(|_| Err(error.clone())).collect(),
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            reply.send(outcome);
        }
    }

    async fn one_by_one(&self, orders: &[Order]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(orders.len());
        for order in orders {
            let outcome = self.commit(std::slice::from_ref(order)).await;
            outcomes.push(outcome.map(|mut outcomes| outcomes.remove(0)));
        }
        outcomes
    }

    /// One transaction, tried again when it collided with another.
    pub async fn commit(&self, orders: &[Order]) -> Result<Vec<Result<Sale, Refusal>>, SalesError> {
        let mut tries = 1;
        loop {
            match self.try_commit(orders).await {
                Err(DbError::Conflict) if tries < TRIES => tries += 1,
                Ok(outcomes) => return Ok(outcomes),
                Err(DbError::Unknown) => return Err(SalesError::Unknown),
                Err(DbError::Overloaded) => return Err(SalesError::Overloaded),
                Err(error) if error.is_unavailable() => return Err(SalesError::Down),
                Err(error) => {
                    tracing::error!(error = ?error, orders = orders.len(), "a batch of orders was refused");
                    return Err(SalesError::Db(error));
                }
            }
        }
    }

    async fn try_commit(&self, orders: &[Order]) -> Result<Vec<Result<Sale, Refusal>>, DbError> {
        let mut tx = self.db.begin("events.selling").await?;
        let outcomes = sell(&mut tx, orders, self.clock.now(), self.hold).await?;
        let sold = || {
            outcomes.iter().filter_map(|outcome| match outcome {
                Ok(Sale::Sold(booking)) => Some(booking),
                _ => None,
            })
        };
        let mails: Vec<NewJob> =
            sold().map(|booking| NewJob::of(&SendBookingMail::placed(booking))).collect();
        if mails.is_empty() {
            tx.rollback().await?;
            return Ok(outcomes);
        }
        self.jobs.insert(&mut tx, &mails).await?;
        tx.commit().await?;
        let events: Vec<&str> = sold().map(|booking| booking.event.as_str()).collect();
        (self.sold)(&events);
        Ok(outcomes)
    }
}

/// Reports the end of a transaction, however it came.
struct Done(Myself<SalesMsg>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.tell(SalesMsg::Done);
    }
}
