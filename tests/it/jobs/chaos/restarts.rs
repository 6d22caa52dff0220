//! PostgreSQL is restarted in the middle: once as after a power cut, once in order.

use std::{path::Path, sync::atomic::Ordering::Relaxed, time::Duration};

use sportello::postgres::{Cluster, Mode};

use super::{super::fleet::Field, plan::Plan, story::Story};
use crate::harness::cluster::start_postgres;

/// How often is looked how much is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Restarts it whenever another share of the rows is there; says when all jobs have ended.
pub(super) async fn restart(
    field: &Field,
    plan: Plan,
    story: &Story,
    mut cluster: Cluster,
    data_dir: &Path,
) -> Cluster {
    for turn in 1..=plan.restarts {
        reached(field, "SELECT count(*) FROM job_deed", |rows| {
            rows >= plan.jobs * turn / (plan.restarts + 4)
        })
        .await;
        story.turns.fetch_add(1, Relaxed);
        cluster.stop(if turn % 2 == 1 { Mode::Immediate } else { Mode::Fast }).await;
        cluster = start_postgres(data_dir).await;
        story.turns.fetch_add(1, Relaxed);
    }
    reached(field, "SELECT count(*) FROM job.body", |bodies| bodies == 0).await;
    story.is_over.store(true, Relaxed);
    cluster
}

/// Waits until what is counted is so; a whole run may pass until then.
async fn reached(field: &Field, sql: &str, is_so: impl Fn(i64) -> bool) {
    /// Nothing more happens then.
    const STUCK: Duration = Duration::from_secs(60);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let (mut last, mut since) = (-1, tokio::time::Instant::now());
    loop {
        looks.tick().await;
        let Some(client) = field.client().await else { continue };
        let Ok(row) = client.query_one(sql, &[]).await else { continue };
        let count: i64 = row.get(0);
        if is_so(count) {
            return;
        }
        if count != last {
            (last, since) = (count, tokio::time::Instant::now());
        }
        assert!(since.elapsed() < STUCK, "nothing happens any more: {sql} is {count}");
    }
}
