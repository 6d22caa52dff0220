//! The job engine, next to what PostgreSQL can do with the same statements.
//!
//! Everything is measured in one run: burn-down beside the same claims and acknowledgements without an engine, a steady
//! flow, enqueueing alone, how soon a job starts after its commit, how late scheduled ones are beside a million that wait;
//! with each the processor time, WAL, commits and dead tuples per job. With `--held` also
//! a burn-down of minutes, with `--pinned` what a transaction pinned open costs. Commits reach the disk.
//!
//! A run checks itself: after each case every job ran once, none is left and none has failed.

#![expect(clippy::print_stderr, reason = "progress goes where the report does not")]

#[path = "jobs/mod.rs"]
mod cases;
mod support;

use cases::{Report, Site, burn, enqueue, lateness, options::JobsOptions, pickup, pinned, steady};

fn main() -> anyhow::Result<()> {
    let options = JobsOptions::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

async fn run(options: &JobsOptions) -> anyhow::Result<()> {
    let mut site = Site::open(options).await?;
    let mut report = Report::new(site.ground.version().await?, options.common.json);
    burn::run(&site, &mut report).await?;
    steady::run(&site, &mut report).await?;
    enqueue::run(&site, &mut report).await?;
    pickup::run(&site, &mut report).await?;
    lateness::run(&site, &mut report).await?;
    if let Some(time) = options.held_time() {
        burn::hold(&mut site, &mut report, time).await?;
    }
    if let Some(time) = options.pinned_time() {
        pinned::run(&site, &mut report, time).await?;
    }
    site.close().await?;
    report.finish()
}
