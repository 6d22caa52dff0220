//! The scheduler: decides cron ticks. Several nodes may run it; one compare-and-swap per tick decides who enqueues.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, Reply, fly},
    db::DbError,
    jobs::{
        Hold, NewJob,
        schedules::{self, Decision, Fold, Gap, Missed, Overlap, Schedule, Tick, Timing},
        store::cron,
    },
};

/// A row this binary cannot read is looked at again after this long.
const UNREADABLE_PAUSE: Duration = Duration::from_secs(3600);

/// Messages of the scheduler.
pub enum SchedulerMsg {
    /// Time to look.
    Look,
    /// A look has ended.
    Looked {
        /// When the next tick comes, if that is known.
        next: Option<Timestamp>,
    },
    /// Decide everything due, then answer.
    CatchUp {
        /// The answer.
        done: Reply<()>,
    },
}
crate::kinds!(SchedulerMsg: Look, Looked, CatchUp);

/// The scheduler.
pub(super) struct Scheduler {
    pub(super) engine: Arc<Engine>,
    pub(super) schedules: Vec<Schedule>,
    /// The table in code has been written to the database.
    pub(super) saved: AtomicBool,
}

impl Behaviour for Arc<Scheduler> {
    type Msg = SchedulerMsg;
    type State = Option<Timestamp>;

    async fn init(&self, ctx: &Context<SchedulerMsg>) -> Result<Option<Timestamp>, Failure> {
        ctx.myself().tell(SchedulerMsg::Look);
        Ok(None)
    }

    async fn handle(
        &self,
        ctx: &Context<SchedulerMsg>,
        message: SchedulerMsg,
        next_seen: &mut Option<Timestamp>,
    ) -> Result<(), Failure> {
        let (scheduler, myself) = (self.clone(), ctx.myself());
        match message {
            SchedulerMsg::Look => fly(ctx, SchedulerMsg::Looked { next: None }, async move {
                SchedulerMsg::Looked { next: scheduler.look_and_log().await }
            }),
            SchedulerMsg::Looked { next } => {
                *next_seen = next;
                // Tests move the clock, other nodes change the table: never sleep longer than the poll.
                let longest = *self.engine.config.poll_max;
                let now = self.engine.jobs.clock().now();
                let left = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
                let sleep = left.map_or(longest, |left| left.min(longest));
                ctx.background(async move {
                    tokio::time::sleep(sleep).await;
                    myself.tell(SchedulerMsg::Look);
                });
            }
            SchedulerMsg::CatchUp { done } => ctx.spawn(async move {
                scheduler.look_and_log().await;
                done.send(());
            }),
        }
        Ok(())
    }

    fn view(&self, next: &Option<Timestamp>) -> serde_json::Value {
        let figures = &self.engine.jobs.figures().engine;
        serde_json::json!({
            "schedules": self.schedules.iter().map(|it| it.key).collect::<Vec<_>>(), "next_tick": next,
            "fired": figures.fired.load(Relaxed), "skipped": figures.skipped.load(Relaxed),
        })
    }
}

impl Scheduler {
    async fn look_and_log(&self) -> Option<Timestamp> {
        match self.look().await {
            Ok(next) => next,
            Err(error) => {
                trouble("cron ticks could not be decided", &error);
                None
            }
        }
    }

    async fn look(&self) -> Result<Option<Timestamp>, DbError> {
        if self.engine.jobs.catalog().is_none() || self.engine.is_stopping() {
            return Ok(None); // the beat has not registered the kinds yet
        }
        if !self.saved.load(Relaxed) {
            self.save().await?;
            self.saved.store(true, Relaxed);
        }
        let now = self.engine.jobs.clock().now();
        for due in cron::due(&self.engine.control, now).await? {
            if let Err(error) = fire(&self.engine, due, now).await {
                if error.is_unavailable() {
                    return Err(error);
                }
                // One schedule that cannot be written must not stop the others.
                trouble("a cron tick could not be decided", &error);
            }
        }
        cron::next(&self.engine.control).await
    }

    async fn save(&self) -> Result<(), DbError> {
        let Some(catalog) = self.engine.jobs.catalog() else { return Ok(()) };
        let now = self.engine.jobs.clock().now();
        for schedule in &self.schedules {
            match schedule.timing().map(|timing| timing.next_after(now)) {
                Ok(Some(next_at)) => {
                    cron::save(&mut &self.engine.control, catalog, schedule, next_at).await?;
                }
                Ok(None) => tracing::error!(cron.key = schedule.key, "this schedule never ticks"),
                Err(error) => {
                    tracing::error!(cron.key = schedule.key, %error, "this schedule cannot be read");
                }
            }
        }
        Ok(())
    }
}

/// Decides the ticks of one schedule in one transaction: the compare-and-swap, the jobs, the record.
async fn fire(engine: &Engine, due: cron::Due, now: Timestamp) -> Result<(), DbError> {
    let Some(kind) = engine.jobs.catalog().and_then(|catalog| catalog.kind_name(due.kind)) else {
        return Ok(()); // a newer server knows what to run
    };
    let mut tx = engine.resources.db.begin("jobs.cron.fire").await?;
    let Some((decision, overlap)) = decide(&due, now) else {
        tracing::error!(cron.key = due.key, "a schedule cannot be read by this server");
        if cron::take(&mut tx, &due.key, due.next_at, Some(now + UNREADABLE_PAUSE)).await? {
            cron::record(&mut tx, &due.key, &[(due.next_at, None, "skipped: cannot be read by this server")])
                .await?;
        }
        return tx.commit().await;
    };
    if !cron::take(&mut tx, &due.key, due.next_at, decision.next_at).await? {
        return tx.rollback().await; // another node was faster
    }
    let template = engine.jobs.template(kind, due.args.to_string());
    let delay = splay(&due);
    let new: Vec<NewJob> = decision
        .ticks
        .iter()
        .filter(|(_, tick)| *tick == Tick::Fire)
        .map(|(at, _)| {
            let job = template.clone().at(*at + delay).tag(format!("cron:{}", due.key));
            match overlap {
                Overlap::Allow => job,
                Overlap::Skip => job.unique(format!("cron:{}", due.key), Hold::End),
                Overlap::QueueOne => job.unique(format!("cron:{}", due.key), Hold::Start),
            }
        })
        .collect();
    let mut ids = engine.jobs.insert(&mut tx, &new).await?.into_iter();
    let record: Vec<_> = decision
        .ticks
        .iter()
        .map(|(at, tick)| match tick {
            Tick::Skip(why) => (*at, None, *why),
            Tick::Fire => match ids.next().flatten() {
                Some(id) => (*at, Some(id), "fired"),
                None => (*at, None, "skipped: the last run is still live"),
            },
        })
        .collect();
    cron::record(&mut tx, &due.key, &record).await?;
    tx.commit().await?;
    let fired = record.iter().filter(|(_, job, _)| job.is_some()).count();
    engine.jobs.figures().engine.fired.fetch_add(fired as u64, Relaxed);
    engine.jobs.figures().engine.skipped.fetch_add((record.len() - fired) as u64, Relaxed);
    Ok(())
}

/// `None` when a word or the timing is of a newer binary.
fn decide(due: &cron::Due, now: Timestamp) -> Option<(Decision, Overlap)> {
    let timing = Timing::new(&due.spec, &due.tz, Gap::parse(&due.gap)?, Fold::parse(&due.fold)?).ok()?;
    let (missed, max) = (Missed::parse(&due.missed)?, due.missed_max.max(1) as usize);
    let decision = schedules::decide(&timing, due.next_at, now, missed, due.missed_within, max);
    Some((decision, Overlap::parse(&due.overlap)?))
}

/// The same part of the splay for every tick of a schedule, different between schedules.
fn splay(due: &cron::Due) -> Duration {
    let hash = due.key.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    due.splay.mul_f64((hash >> 11) as f64 / (1u64 << 53) as f64)
}
