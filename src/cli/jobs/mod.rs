//! `sportello jobs`: what the job engine does, seen and steered from the command line.

use std::process::ExitCode;

use super::{print, session};
use crate::config::Loaded;

mod steer;

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Steer(steer::Command),
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    match args.command {
        Command::Steer(command) => steer::run(command, &loaded.config).await,
    }
}
