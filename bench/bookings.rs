//! Bookings: sales shards, which commit what waits together, against one transaction per booking.
//!
//! The rule is the same code ([`Shard::commit`]), with a batch of one and [`CONNECTIONS`] connections for all buyers. A
//! booking takes tickets, writes its row and enqueues its mail's job; jobs are not run. Commits reach the disk. At the
//! end the books must balance: no ticket is sold twice or lost, and each booking has its job.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use jiff::SignedDuration;
use sportello::{
    actors::sales::{SalesError, Shard},
    app::App,
    clock::Clock,
    events::selling::{Order, Refusal, Sale, ticket_code},
    ids::{BookingId, UserId},
    jobs::QueueName,
};
use support::{Ground, Measured, Options, Report, Variant, cpu::Cpu, report::order};
use tokio::{sync::Semaphore, task::JoinSet};

/// People who buy at once, each one booking after another.
const BUYERS: usize = 256;
/// Connections of the variant without shards: what the pool lends at most.
const CONNECTIONS: usize = 30;
/// Events with a rush each: one of them alone, or all.
const EVENTS: i64 = 1_000;
/// What shards must be worth for all and for one.
const TARGETS: [f64; 2] = [1.5, 5.0];
/// Never sold out: refusals are cheap.
const PLENTY: i32 = 1_000_000_000;

fn main() -> anyhow::Result<()> {
    let options = Options::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

/// How a booking travels.
#[derive(Clone, Copy)]
enum Way {
    Shards,
    OneByOne,
}

async fn run(options: &Options) -> anyhow::Result<()> {
    let ground = Ground::open(options).await?;
    pause_jobs(&ground).await?;
    let app = ground.app(|_| {}).await?;
    let desk = Arc::new(Desk::new(&app, &ground).await?);
    let mut report = Report::new("bookings", ground.version().await?, options.json);
    let all = stock(&ground).await?;
    let cases =
        [(format!("{} events", all.len()), all.clone()), ("one hot event".to_owned(), all[..1].into())];
    for ((name, slugs), target) in cases.into_iter().zip(TARGETS) {
        let title = format!("{name}, {BUYERS} buyers");
        if !options.wants(&title) {
            continue;
        }
        let ways = [("sales shards", Way::Shards), ("a transaction each", Way::OneByOne)];
        let mut variants = ways.map(|(name, _)| Variant { name, rounds: Vec::new() });
        for round in 0..options.rounds {
            for index in order(round, ways.len()) {
                let measured = measure(&ground, &desk, ways[index].1, &slugs, options.time()).await?;
                eprintln!("{title}, round {}: {} {:.0}/s", round + 1, ways[index].0, measured.rate);
                variants[index].rounds.push(measured);
            }
        }
        balance(&ground, &slugs).await?;
        report.add(title, Some(target), variants.into());
    }
    drop(desk);
    app.stop().await;
    ground.close().await?;
    report.finish()
}

/// Jobs are enqueued and stay: running them is another benchmark.
async fn pause_jobs(ground: &Ground) -> anyhow::Result<()> {
    const PAUSE: &str = "-- bench.bookings.pause_jobs
        INSERT INTO job.queue (name, paused_at) SELECT unnest($1::text[]), now()
        ON CONFLICT (name) DO UPDATE SET paused_at = now()";
    let names: Vec<&str> = QueueName::ALL.iter().map(|queue| queue.as_str()).collect();
    ground.client().execute(PAUSE, &[&names]).await?;
    Ok(())
}

/// Both ways to sell.
struct Desk {
    sales: sportello::actors::sales::Sales,
    shard: Shard,
    /// Buyers wait in line for a connection, as they would for a pool's.
    connections: Semaphore,
    buyers: Vec<UserId>,
    clock: Clock,
}

impl Desk {
    async fn new(app: &App, ground: &Ground) -> anyhow::Result<Self> {
        const BUYING: &str =
            "-- bench.bookings.buyers\nSELECT id FROM users WHERE roles = '{client}' ORDER BY id LIMIT $1";
        let rows = ground.client().query(BUYING, &[&(BUYERS as i64)]).await?;
        let shard = Shard {
            db: app.db.clone(),
            jobs: app.jobs.clone(),
            clock: app.clock.clone(),
            hold: SignedDuration::try_from(*app.config.events.booking_hold)?,
            batch: 1,
            sold: Arc::new(|_| {}),
        };
        Ok(Self {
            sales: app.sales.clone(),
            shard,
            connections: Semaphore::new(CONNECTIONS),
            buyers: rows.iter().map(|row| row.get(0)).collect(),
            clock: app.clock.clone(),
        })
    }

    async fn book(&self, way: Way, order: Order) -> Result<Result<Sale, Refusal>, SalesError> {
        match way {
            Way::Shards => self.sales.book(order).await,
            Way::OneByOne => {
                let _connection = self.connections.acquire().await.map_err(|_| SalesError::Down)?;
                let mut outcomes = self.shard.commit(std::slice::from_ref(&order)).await?;
                Ok(outcomes.remove(0))
            }
        }
    }

    fn order(&self, buyer: usize, event: &str, random: u64) -> Order {
        Order {
            id: BookingId::new(self.clock.now()),
            event: event.to_owned(),
            user: self.buyers[buyer % self.buyers.len()],
            tickets: 1 + (random % 3) as i16,
            date: None,
            code: ticket_code(random),
            claim: None,
        }
    }
}

/// All buyers at work for `time`.
async fn measure(
    ground: &Ground,
    desk: &Arc<Desk>,
    way: Way,
    slugs: &Arc<[String]>,
    time: Duration,
) -> anyhow::Result<Measured> {
    let before = Cpu::read(ground.client()).await?;
    let (began, until) = (Instant::now(), Instant::now() + time);
    let mut buyers = JoinSet::new();
    for buyer in 0..BUYERS {
        let (desk, slugs) = (desk.clone(), slugs.clone());
        buyers.spawn(async move { buy(&desk, way, buyer, &slugs, until).await });
    }
    let (mut latencies, mut errors) = (Histogram::<u64>::new(3)?, 0);
    while let Some(bought) = buyers.join_next().await {
        let (mine, failed) = bought??;
        latencies.add(&mine)?;
        errors += failed;
    }
    // The last bookings end after the time: they count, and so does their time.
    let took = began.elapsed();
    let (server_us, postgres_us) = Cpu::read(ground.client()).await?.per_request(before, latencies.len());
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Measured {
        rate: latencies.len() as f64 / took.as_secs_f64(),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        server_us,
        postgres_us,
        errors,
    })
}

/// One buyer: latencies of what was sold, and how often nothing was.
async fn buy(
    desk: &Desk,
    way: Way,
    buyer: usize,
    slugs: &[String],
    until: Instant,
) -> anyhow::Result<(Histogram<u64>, u64)> {
    let (mut latencies, mut errors) = (Histogram::new(3)?, 0);
    while Instant::now() < until {
        let random = getrandom::u64()?;
        let order = desk.order(buyer, &slugs[(random >> 32) as usize % slugs.len()], random);
        let asked = Instant::now();
        match desk.book(way, order).await {
            Ok(Ok(Sale::Sold(_))) => latencies.record(asked.elapsed().as_micros() as u64)?,
            _ => errors += 1,
        }
    }
    Ok((latencies, errors))
}

/// Coming events of one day with tickets for everybody.
async fn stock(ground: &Ground) -> anyhow::Result<Arc<[String]>> {
    const STOCK: &str = "-- bench.bookings.stock
        UPDATE events SET capacity = $2, tickets_left = $2 - (capacity - tickets_left) WHERE id IN (
            SELECT id FROM events WHERE status = 'published' AND starts_on = ends_on AND starts_on > current_date + 7 ORDER BY md5(slug) LIMIT $1)
        RETURNING slug";
    let rows = ground.client().query(STOCK, &[&EVENTS, &PLENTY]).await?;
    anyhow::ensure!(!rows.is_empty(), "the data set has no coming events");
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Tickets taken are tickets booked, and every booking made here has its job.
async fn balance(ground: &Ground, slugs: &[String]) -> anyhow::Result<()> {
    const UNBALANCED: &str = "-- bench.bookings.unbalanced
        SELECT count(*) FROM events e WHERE slug = ANY($1) AND capacity - tickets_left <> (
            SELECT coalesce(sum(tickets), 0) FROM bookings b
            WHERE b.event_id = e.id AND b.status NOT IN ('cancelled', 'expired'))";
    const JOBS: &str = "-- bench.bookings.jobs
        SELECT (SELECT count(*) FROM bookings b JOIN job.body j ON j.args->>'booking' = b.id::text),
            (SELECT count(*) FROM job.body j JOIN job.kind k ON k.id = j.kind_id WHERE k.name = 'events.send_booking_mail')";
    let unbalanced: i64 = ground.client().query_one(UNBALANCED, &[&slugs]).await?.get(0);
    anyhow::ensure!(unbalanced == 0, "{unbalanced} events have sold other tickets than they took");
    let row = ground.client().query_one(JOBS, &[]).await.context("counting jobs")?;
    let (booked, jobs): (i64, i64) = (row.get(0), row.get(1));
    anyhow::ensure!(booked == jobs && jobs > 0, "{jobs} mails for {booked} bookings");
    Ok(())
}
