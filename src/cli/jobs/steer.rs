//! `sportello jobs pause|resume|scale|drain`: the same orders as over HTTP, beside running servers, which hear of them
//! at once. Journalled without a name: whoever may run this has the database anyway.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{operator, print, session::Session};
use crate::{
    cli::exit::Usage,
    clock::Clock,
    config::Config,
    db::Tx,
    jobs::{Hint, Jobs, registry::registry, seal::KeyRing, settings::Steward},
};

/// Orders to queues, kinds and nodes.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Starts nothing more of a queue or a kind, on any node; what runs goes on.
    Pause {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// Lets a queue, a kind or a drained node work again.
    Resume {
        #[command(flatten)]
        target: Target,
        /// A node, by the number of its boot.
        #[arg(long, conflicts_with_all = ["queue", "kind"])]
        node: Option<i64>,
        #[command(flatten)]
        how: How,
    },
    /// Sets how many jobs of a queue each node runs at once.
    Scale {
        /// The queue.
        queue: String,
        /// A number, or `default` for what each node is configured to run; 0 lets what runs finish.
        #[arg(value_parser = workers, allow_negative_numbers = true)]
        workers: Workers,
        #[command(flatten)]
        how: How,
    },
    /// Drains a node: it takes nothing more and finishes what it runs.
    Drain {
        /// The number of its boot.
        node: i64,
        #[command(flatten)]
        how: How,
    },
}

/// What is meant.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The queue.
    queue: Option<String>,
    /// A kind of job instead.
    #[arg(long, conflicts_with = "queue")]
    kind: Option<String>,
}

/// How it is done and answered.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// For the journal: whoever reads it next year should understand.
    #[arg(long, value_parser = operator::reason)]
    reason: String,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// `None`: as configured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workers(Option<i32>);

fn workers(text: &str) -> Result<Workers, String> {
    let number = || text.parse().ok().filter(|number| (0..=10_000).contains(number));
    match text {
        "default" => Ok(Workers(None)),
        _ => number().map(|it| Workers(Some(it))).ok_or_else(|| "write 0 to 10000, or default".to_owned()),
    }
}

pub(super) async fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    // No process of ours tells the others after the commit, and nobody waits for the lock of this one.
    const NOTIFY: &str = "-- jobs.steer.notify\nSELECT pg_notify('sportello_jobs', $1)";
    let (Command::Pause { how, .. }
    | Command::Resume { how, .. }
    | Command::Scale { how, .. }
    | Command::Drain { how, .. }) = &command;
    let (name, details, reason) = (operator::name(), operator::details(), how.reason.clone());
    let (by, as_json) = (Steward { user: None, name, details, reason }, how.json);
    let session = Session::open(config, Clock::system()).await?;
    let done = async {
        let kinds = registry();
        let seal = KeyRing::of(&config.jobs, &kinds)?;
        let jobs = Jobs::new(Clock::system(), kinds, seal);
        let mut tx = session.db.begin_admin("cli.jobs.steer").await?;
        let said = act(&jobs, &mut tx, command, &by, as_json).await?;
        tx.execute(NOTIFY, &[&Hint::Orders.word()]).await?;
        tx.commit().await?;
        anyhow::Ok(said)
    };
    let said = done.await;
    session.close(config).await;
    print(&said?);
    Ok(ExitCode::SUCCESS)
}

async fn act(
    jobs: &Jobs,
    tx: &mut Tx,
    command: Command,
    by: &Steward,
    as_json: bool,
) -> anyhow::Result<String> {
    let pick = |target: Target| match (target.queue, target.kind) {
        (Some(queue), None) => Ok((queue, true)),
        (None, Some(kind)) => Ok((kind, false)),
        _ => bail!(Usage("name a queue, or --kind with a kind".to_owned())),
    };
    match command {
        Command::Pause { target, .. } => match pick(target)? {
            (queue, true) => {
                let state = jobs.pause_queue(tx, &queue, by).await?;
                told(state, &format!("queue {queue}"), "is paused; what runs goes on", as_json)
            }
            (kind, false) => {
                let state = jobs.pause_kind(tx, &kind, by).await?;
                told(state, &format!("kind {kind}"), "is paused; what runs goes on", as_json)
            }
        },
        Command::Resume { node: Some(node), .. } => {
            let state = jobs.resume_node(tx, node, by).await?;
            told(state, &format!("node {node}"), "works again", as_json)
        }
        Command::Resume { target, .. } => match pick(target)? {
            (queue, true) => {
                let state = jobs.resume_queue(tx, &queue, by).await?;
                told(state, &format!("queue {queue}"), "runs again", as_json)
            }
            (kind, false) => {
                let state = jobs.resume_kind(tx, &kind, by).await?;
                told(state, &format!("kind {kind}"), "runs again", as_json)
            }
        },
        Command::Scale { queue, workers: Workers(workers), .. } => {
            let target = format!("queue {queue}");
            let known = jobs.lock_queue(tx, &queue).await?.with_context(|| unknown(&target))?;
            let limits = crate::jobs::settings::QueueLimits { workers, ..known.limits };
            let words = workers.map_or_else(
                || "has as many workers as each node is configured to have".to_owned(),
                |workers| format!("has {workers} workers on each node"),
            );
            told(jobs.limit_queue(tx, &queue, &limits, by).await?, &target, &words, as_json)
        }
        Command::Drain { node, .. } => {
            let state = jobs.drain_node(tx, node, by).await?;
            told(state, &format!("node {node}"), "takes nothing more and finishes what it runs", as_json)
        }
    }
}

fn unknown(target: &str) -> String {
    format!("there is no {target}")
}

fn told<T: Serialize>(state: Option<T>, target: &str, words: &str, as_json: bool) -> anyhow::Result<String> {
    let state = state.with_context(|| unknown(target))?;
    Ok(if as_json { serde_json::to_string(&state)? } else { format!("{target} {words}") })
}
