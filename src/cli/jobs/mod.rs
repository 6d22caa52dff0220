//! `sportello jobs`: looks at jobs and orders them about, straight on the database, so that whoever has the server's shell
//! needs no account. Every change is journalled as the operating system's user.

mod arguments;
mod look;
mod orders;
mod steer;

pub(super) use arguments::Args;

use std::process::ExitCode;

use arguments::Command;

use super::{
    exit::Usage,
    operator, print,
    session::{self, Session},
};
use crate::{
    clock::Clock,
    config::{Config, Loaded},
    db::Tx,
    jobs::{
        Jobs,
        inspect::{self, Filter, UnknownName},
        registry::registry,
        seal::KeyRing,
    },
};

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let config = &loaded.config;
    args.command.check()?;
    let command = match args.command {
        Command::Steer(command) => return steer::run(command, config).await,
        command => command,
    };
    let clock = Clock::system();
    let kinds = registry();
    let seal = KeyRing::of(&config.jobs, &kinds)?;
    let jobs = Jobs::new(clock.clone(), kinds, seal);
    let session = Session::open(config, clock).await?;
    let done = carry_out(command, &session, &jobs, config).await;
    session.close(config).await;
    done
}

/// A queue or a kind that is not there is a slip.
async fn check_names(tx: &mut Tx, jobs: &Jobs, filter: &Filter) -> anyhow::Result<()> {
    inspect::check_names(tx, jobs.registry(), filter).await.map_err(|error| match error {
        UnknownName::Unknown { what, .. } => Usage(format!("--{what}: {error}")).into(),
        UnknownName::Db(error) => error.into(),
    })
}

async fn carry_out(
    command: Command,
    session: &Session,
    jobs: &Jobs,
    config: &Config,
) -> anyhow::Result<ExitCode> {
    let db = &session.db;
    match command {
        Command::List(args) => look::list(args, db, jobs).await?,
        Command::Show { id, json } => look::show(id, json, db, jobs, config).await?,
        Command::Explain { id, json } => look::explain(id, json, db, jobs, config).await?,
        Command::Queues { json } => look::queues(json, db, jobs).await?,
        Command::Kinds { json } => look::kinds(json, db, jobs, config).await?,
        Command::Nodes { json } => look::nodes(json, db, config).await?,
        Command::Batches { open, limit, json } => look::batches(open, limit, json, db).await?,
        Command::Enqueue(args) => orders::enqueue(args, db, jobs).await?,
        Command::Retry(args) => return orders::retry(args, db, jobs).await,
        Command::Cancel(args) => return orders::cancel(args, db, jobs).await,
        Command::Snooze(args) => return orders::snooze(args, db, jobs).await,
        Command::Priority(args) => return orders::priority(args, db, jobs).await,
        Command::Steer(_) => unreachable!("carried out by itself"),
    }
    Ok(ExitCode::SUCCESS)
}
