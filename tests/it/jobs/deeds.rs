//! Kinds of jobs for servers that are killed. What they do inside PostgreSQL is a row of `job_deed`, which has no unique
//! constraint; what they do outside is a line of the file [`OUTSIDE`].

use std::{fs::OpenOptions, io::Write as _, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use sportello::jobs::{Job, JobContext, Outcome, Retry, registry::Registry};

/// Beside the directories of the nodes.
const OUTSIDE: &str = "outside";
/// The table.
pub(crate) const TABLE: &str = "CREATE TABLE job_deed (n bigint NOT NULL, pid int NOT NULL)";

pub(crate) fn kinds() -> Registry {
    Registry::default().with::<WriteRow>().with::<Report>().with::<Poison>()
}

/// Something that cannot be taken back: `n` was done by this process.
fn act(ctx: &JobContext, n: i64) -> anyhow::Result<()> {
    let path = ctx.config.database.data_dir.with_file_name(OUTSIDE);
    let line = format!("{n} {}\n", std::process::id());
    Ok(OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes())?)
}

/// What was done outside so far: number and process.
pub(crate) fn outside(directory: &Path) -> Vec<(i64, i32)> {
    let text = std::fs::read_to_string(directory.join(OUTSIDE)).unwrap_or_default();
    let split = |line: &str| line.split_once(' ').map(|(n, pid)| (n.parse().unwrap(), pid.parse().unwrap()));
    text.lines().map(|line| split(line).unwrap()).collect()
}

async fn write(ctx: &JobContext, n: i64, finish: bool) -> anyhow::Result<Outcome> {
    const DEED: &str = "-- tests.deed\nINSERT INTO job_deed (n, pid) VALUES ($1, $2)";
    let mut tx = ctx.db.begin("tests.deed").await?;
    tx.execute(DEED, &[&n, &(std::process::id() as i32)]).await?;
    if finish {
        ctx.finish(&mut tx).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Done)
}

/// Acts outside, works for a while, then writes its row and acknowledges itself in one transaction.
#[derive(Serialize, Deserialize)]
pub(crate) struct WriteRow {
    pub(crate) n: i64,
    pub(crate) work_ms: u64,
}

impl Job for WriteRow {
    const KIND: &'static str = "tests.write_row";
    const MAX_ATTEMPTS: u16 = 1000;
    const RETRY: Retry = Retry { first: Duration::from_millis(200), max: Duration::from_secs(1) };

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        act(ctx, self.n)?;
        ctx.sleep(Duration::from_millis(self.work_ms)).await;
        write(ctx, self.n, true).await
    }
}

/// Acts outside, works for a while, and leaves its acknowledgement to the engine.
#[derive(Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) n: i64,
    pub(crate) work_ms: u64,
}

impl Job for Report {
    const KIND: &'static str = "tests.report";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        act(ctx, self.n)?;
        ctx.sleep(Duration::from_millis(self.work_ms)).await;
        Ok(Outcome::Done)
    }
}

/// Ends the process, as memory that is written over or a library's `abort` does, a moment after it has started.
#[derive(Serialize, Deserialize)]
pub(crate) struct Poison {
    pub(crate) n: i64,
}

impl Job for Poison {
    const KIND: &'static str = "tests.poison";

    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        act(ctx, self.n)?;
        ctx.sleep(Duration::from_millis(50)).await;
        std::process::abort()
    }
}
