//! `sportello config`: what is in force, and why.

use std::process::ExitCode;

use super::print;
use crate::config::Loaded;

/// What to print.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
    /// Only what differs from the defaults.
    #[arg(long)]
    changed: bool,
}

pub(super) fn run(args: &Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    if args.json {
        print(&serde_json::to_string_pretty(&loaded.shown(args.changed))?);
    } else {
        print(loaded.to_toml(args.changed).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
