//! The servers: started, killed, started again at once or only when others have taken their jobs; and how long that took.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use super::{
    super::fleet::{Field, worker},
    plan::Plan,
    story::{Recovery, Story},
};
use crate::harness::servant::Node;

/// How often is looked whether jobs are back: finer than what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Jobs that are not back then are lost.
const LOST: Duration = Duration::from_secs(60);

/// How a server is killed.
#[derive(Debug, Clone, Copy)]
struct Kill {
    stays_dead: bool,
}

/// Random numbers: which server is next.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Lets the servers run, and kills a random one again and again, until it is over. All run at the end.
pub(super) async fn kill(field: &Field, plan: Plan, story: &Story, nodes: &mut [Node], seed: u64) {
    let places: Vec<Place> = nodes.iter().map(|_| Place::default()).collect();
    let (orders, ordered): (Vec<_>, Vec<_>) = nodes.iter().map(|_| mpsc::channel(1)).unzip();
    let lives = nodes.iter_mut().zip(&places).zip(ordered);
    let lives = lives.map(|((node, place), ordered)| live(field, story, node, (place, ordered)));
    let killing = async {
        let (orders, mut rows) = (orders, 0); // lives end with their orders
        let (mut ticks, mut dice) = (tokio::time::interval(plan.every), Dice(seed | 1));
        ticks.tick().await;
        while !story.is_over() {
            ticks.tick().await;
            rows = patiently("more rows", async || more_rows(field, story, rows + plan.rows_between).await)
                .await;
            let first = dice.roll(orders.len());
            // While one stays dead, the others must do its work.
            let all_live = places.iter().all(|place| !place.stays_dead.load(Relaxed));
            let is_time = story.turns.load(Relaxed) == plan.restarts as usize * 2;
            let stays_dead = all_live && is_time && story.recoveries(false).len() < plan.deaths;
            // A server that recovers is left alone.
            let mut others = (first..orders.len()).chain(0..first);
            let Some(next) = others.find(|node| !places[*node].recovers.load(Relaxed)) else { continue };
            places[next].recovers.store(true, Relaxed);
            places[next].stays_dead.store(stays_dead, Relaxed);
            story.kills.fetch_add(1, Relaxed);
            orders[next].send(Kill { stays_dead }).await.unwrap();
        }
    };
    tokio::join!(killing, futures_util::future::join_all(lives));
}

/// What the others know of a server.
#[derive(Default)]
struct Place {
    recovers: AtomicBool,
    stays_dead: AtomicBool,
}

/// The life of one place for servers, until nobody can order kills any more.
async fn live(
    field: &Field,
    story: &Story,
    node: &mut Node,
    (place, mut ordered): (&Place, mpsc::Receiver<Kill>),
) {
    node.start();
    while let Some(Kill { stays_dead }) = ordered.recv().await {
        let (pid, turns) = (node.pid(), story.turns.load(Relaxed));
        let killed = Instant::now();
        node.kill().await;
        // While PostgreSQL is away nobody can take these leases either.
        let (worker, leases) = patiently("the leases of the dead", async || leases(field, pid).await).await;
        let since = if stays_dead { killed } else { Instant::now() };
        if !stays_dead {
            node.start();
        }
        patiently("its jobs are back", async || are_back(field, worker, &leases).await).await;
        let took = since.elapsed();
        if stays_dead {
            node.start();
        }
        let disturbed = turns % 2 == 1 || turns != story.turns.load(Relaxed);
        let engine = if stays_dead { None } else { engine(field, worker, node.pid()).await };
        let recovery = Recovery { leases: leases.len(), same_node: !stays_dead, disturbed, took, engine };
        eprintln!("{} was killed: {recovery:?}", node.address());
        story.note(recovery);
        // It is killed when it runs jobs, not while it starts.
        let pid = node.pid();
        patiently("it is registered", async || number(field, pid).await).await;
        place.recovers.store(false, Relaxed);
        place.stays_dead.store(false, Relaxed);
    }
}

/// Asks until there is an answer: PostgreSQL may be away.
async fn patiently<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let (began, mut looks) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
    loop {
        looks.tick().await;
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < LOST, "never: {what}");
    }
}

/// The number of a process, once it has one.
async fn number(field: &Field, pid: i32) -> Option<i64> {
    worker(&field.client().await?, pid).await.ok()?
}

/// The number of the dead process, and the jobs leased to it.
async fn leases(field: &Field, pid: i32) -> Option<(i64, Vec<i64>)> {
    const LEASES: &str = "SELECT id FROM job.lease WHERE worker_id = $1";
    let client = field.client().await?;
    // Killed before it had a number: it holds nothing.
    let Some(worker) = worker(&client, pid).await.ok()? else { return Some((0, Vec::new())) };
    let rows = client.query(LEASES, &[&worker]).await.ok()?;
    Some((worker, rows.iter().map(|row| row.get(0)).collect()))
}

/// How many rows there are, once there are so many or all jobs have ended.
async fn more_rows(field: &Field, story: &Story, wanted: i64) -> Option<i64> {
    let rows = field.client().await?.query_one("SELECT count(*) FROM job_deed", &[]).await.ok()?.get(0);
    (rows >= wanted || story.is_over()).then_some(rows)
}

/// From the registration of the process `pid` to the last rescue of a lease of the dead worker; `None` if others rescued.
async fn engine(field: &Field, dead: i64, pid: i32) -> Option<Duration> {
    const TOOK: &str = "SELECT extract(epoch FROM max(a.finished_at) - max(w.started_at))::float8
        FROM job.attempt AS a CROSS JOIN job.worker AS w WHERE a.worker_id = $1 AND a.outcome = 7 AND w.id = $2";
    let client = field.client().await?;
    let heir = worker(&client, pid).await.ok()??;
    let took: Option<f64> = client.query_one(TOOK, &[&dead, &heir]).await.ok()?.get(0);
    took.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Whether none of these is the dead one's any more, and none waits although it is due. (Those that were in several
/// crashes have a pause, which counts as being back.)
async fn are_back(field: &Field, worker: i64, jobs: &[i64]) -> Option<()> {
    const WAITING: &str = "SELECT (SELECT count(*) FROM job.lease WHERE worker_id = $1)
        + (SELECT count(*) FROM job.later WHERE id = ANY ($2) AND run_at <= now())";
    let client = field.client().await?;
    let waiting: i64 = client.query_one(WAITING, &[&worker, &jobs]).await.ok()?.get(0);
    (waiting == 0).then_some(())
}
