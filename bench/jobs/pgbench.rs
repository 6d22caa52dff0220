//! pgbench with the engine's own claim and acknowledgement, where it stands beside PostgreSQL's other programs.
//!
//! The texts are those of the engine: prepared once through its functions, and read back from the session. The claim's
//! rows are folded into two arrays (`\gset` takes one row); each acknowledgement is for what one claim brought.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr as _,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use sportello::{
    db::Link,
    jobs::{
        Ending, JobId, Report, Verdict,
        store::{acks, claims},
    },
    postgres::locate,
};
use tokio::process::Command;
use tokio_postgres::config::Host;

use super::{
    Figures, Site,
    limit::{link, worker},
    meter::Meter,
    site::queue_number,
};
use crate::support::Ground;

/// The engine's settings of a session; see `store::settings`.
const SETTINGS: &str = "-c plan_cache_mode=force_generic_plan -c enable_nestloop=off -c enable_seqscan=off";

/// Where pgbench is, if it is there.
pub(super) fn binary(ground: &Ground) -> Option<PathBuf> {
    let binaries = locate(ground.config().database.bin_dir.as_deref()).ok()?;
    Some(binaries.directory.join("pgbench")).filter(|path| path.exists())
}

/// Empties the queue through so many connections.
pub(super) async fn run(site: &Site, connections: usize) -> anyhow::Result<Figures> {
    let batch = site.ground.config().jobs.claim;
    let link = link(site.ground.connector());
    let script = script(&link, queue_number(site.client()).await?, batch).await?;
    drop(link);
    let path = site.ground.data_dir().join("claim-and-acknowledge.sql");
    std::fs::write(&path, script)?;
    let (jobs, binary) = (site.options.jobs, binary(&site.ground).context("there is no pgbench")?);
    let meter = Meter::read(site.client()).await?;
    let (rate, server) = pgbench(site, &binary, &path, connections, jobs.div_ceil(batch)).await?;
    let figures = meter.figures(site.client(), jobs as u64).await?;
    // Its backends have ended: their processor time cannot be read any more.
    Ok(Figures {
        rate: Some(rate * jobs as f64),
        server_us: Some(server.as_secs_f64() * 1e6 / jobs as f64),
        postgres_us: None,
        ..figures
    })
}

/// How often per second the queue was emptied, and pgbench's own processor time.
async fn pgbench(
    site: &Site,
    binary: &Path,
    script: &Path,
    connections: usize,
    transactions: usize,
) -> anyhow::Result<(f64, Duration)> {
    let config = tokio_postgres::Config::from_str(site.ground.url())?;
    let mut command = Command::new("sh");
    // The shell's `times` tells the processor time of its children.
    command.args(["-c", r#""$@"; status=$?; times; exit $status"#, "sh"]).arg(binary);
    command.args(["--no-vacuum", "--protocol=prepared", "--client"]).arg(connections.to_string());
    command.arg("--jobs").arg(connections.to_string());
    let each = transactions.div_ceil(connections);
    command.arg("--transactions").arg(each.to_string()).arg("--file").arg(script);
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().map(u16::to_string);
    let password = config.get_password().map(|it| String::from_utf8_lossy(it).into_owned());
    let (user, database) = (config.get_user().map(str::to_owned), config.get_dbname().map(str::to_owned));
    let settings = [
        ("PGHOST", host),
        ("PGPORT", port),
        ("PGPASSWORD", password),
        ("PGUSER", user),
        ("PGDATABASE", database),
    ];
    command.envs(settings.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.env("PGOPTIONS", SETTINGS).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "pgbench failed: {errors}");
    let tps =
        text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
    let tps = tps.with_context(|| format!("pgbench did not tell its rate: {text}"))?;
    let children = text.lines().last().unwrap_or_default();
    let server = children.split(' ').filter_map(shell_time).sum();
    Ok((tps / (each * connections) as f64, server))
}

/// `0m1.25s`, as `times` writes it.
fn shell_time(text: &str) -> Option<Duration> {
    let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
    Some(Duration::from_secs_f64(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?))
}

/// The engine's two statements as a script.
async fn script(link: &Link, queue: i16, batch: usize) -> anyhow::Result<String> {
    const PREPARED: &str = "-- bench.jobs.prepared
        SELECT statement FROM pg_prepared_statements WHERE statement LIKE '-- jobs.%'";
    let worker = worker(link).await?;
    // Nothing is claimed or acknowledged here: the statements are prepared.
    claims::claim(link, queue, 0, worker, Duration::ZERO).await?;
    let (job, verdict) = (JobId(0), Verdict::End(Ending::Done));
    acks::flush(link, &[Report::new(job, 0, verdict)]).await?;
    let rows = link.query(PREPARED, &[]).await?;
    let statement = |label: &str| {
        let text = rows.iter().map(|row| row.get::<_, &str>(0)).find(|text| text.starts_with(label));
        text.with_context(|| format!("the engine has no statement {label}"))
    };
    let claim = statement("-- jobs.claims.claim\n")?;
    let (body, answer) = claim.split_at(claim.rfind("SELECT").context("a claim answers with a SELECT")?);
    let body = body
        .replace("$1", &format!("{queue}::smallint"))
        .replace("$2", &format!("{batch}::bigint"))
        .replace("$3", &format!("{worker}::bigint"))
        .replace("$4", "3.6e9::float8");
    ensure!(!body.contains('$'), "the claim has parameters that pgbench does not know");
    let done = statement("-- jobs.acks.done\n")?.replace("$1", ":ids").replace("$2", ":tokens");
    ensure!(!done.contains('$'), "the acknowledgement has parameters that pgbench does not know");
    Ok(format!(
        "{body}, answer AS ({answer})
        SELECT coalesce(array_agg(id), '{{}}')::text AS ids, coalesce(array_agg(token), '{{}}')::text AS tokens
        FROM answer \\gset\n{done};\n"
    ))
}
