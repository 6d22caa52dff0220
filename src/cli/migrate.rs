//! `sportello migrate`: the schema alone, without serving.

use std::process::ExitCode;

use super::print;
use crate::{app, config::Loaded, migrate};

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only lists what has been applied.
    #[arg(long)]
    status: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let database = app::Database::open(&loaded.config).await?;
    let done = async {
        if args.status {
            let (client, driver) = database.connector.connect().await?;
            let listing = async {
                let applied = migrate::status(&client).await;
                drop(client);
                applied
            };
            let (applied, _) = tokio::join!(listing, driver);
            for (version, name, at) in applied? {
                print(&format!("{version:04} {name} applied {at}"));
            }
        } else {
            let report = migrate::run(&database.connector).await?;
            print(&serde_json::to_string(&report)?);
        }
        anyhow::Ok(())
    };
    let done = done.await;
    database.close().await;
    done.map(|()| ExitCode::SUCCESS)
}
