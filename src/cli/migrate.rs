//! `sportello migrate`: the schema alone, without serving.

use std::process::ExitCode;

use super::print;
use crate::{
    app::Database,
    config::Loaded,
    migrate::{self, MIGRATIONS},
};

/// What to do; without a command, `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// As JSON, for scripts.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::Subcommand)]
enum Command {
    /// Applies what is missing.
    Run,
    /// Lists every migration and when it was applied. Exit code 1 while some are waiting.
    Status,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let command = args.command.unwrap_or(Command::Run);
    let database = match command {
        Command::Run => Database::attach(&loaded.config).await?,
        Command::Status => Database::existing(&loaded.config).await?,
    };
    let done = match command {
        Command::Run => apply(&database, args.json).await,
        Command::Status => status(&database, args.json).await,
    };
    database.close().await;
    done
}

async fn apply(database: &Database, json: bool) -> anyhow::Result<ExitCode> {
    let report = migrate::run(&database.connector).await?;
    if json {
        print(&serde_json::to_string_pretty(&report)?);
        return Ok(ExitCode::SUCCESS);
    }
    for name in &report.applied {
        print(&format!("applied {name}"));
    }
    let total = report.already + report.applied.len();
    print(&format!("the schema is current: {total} migrations, {} of them new", report.applied.len()));
    Ok(ExitCode::SUCCESS)
}

async fn status(database: &Database, json: bool) -> anyhow::Result<ExitCode> {
    let (client, driver) = database.connector.connect().await?;
    let listing = async {
        let applied = migrate::status(&client).await;
        drop(client); // ends the driver
        applied
    };
    let (applied, _) = tokio::join!(listing, driver);
    let applied = applied?;
    let when = |version| applied.iter().find(|(known, ..)| *known == version).map(|(_, _, at)| *at);
    let waiting = MIGRATIONS.iter().filter(|migration| when(migration.version).is_none()).count();
    if json {
        let all: Vec<_> = MIGRATIONS
            .iter()
            .map(|it| serde_json::json!({ "version": it.version, "name": it.name, "applied_at": when(it.version) }))
            .collect();
        print(&serde_json::to_string_pretty(&serde_json::json!({ "waiting": waiting, "migrations": all }))?);
    } else {
        for migration in MIGRATIONS {
            let state =
                when(migration.version).map_or_else(|| "waiting".to_owned(), |at| format!("applied {at}"));
            print(&format!("{:04} {:<20} {state}", migration.version, migration.name));
        }
    }
    Ok(if waiting == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
