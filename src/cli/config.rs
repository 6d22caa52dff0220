//! `sportello config`: what is in force, and why.

use std::process::ExitCode;

use super::print;
use crate::config::{DEFAULTS, Loaded};

/// What to print.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Args {
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
    /// Only what somebody set.
    #[arg(long)]
    changed: bool,
    /// Every key with its default and what it does, as a file to start from.
    #[arg(long, conflicts_with_all = ["json", "changed"])]
    pub(super) defaults: bool,
}

pub(super) fn run(args: Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    if args.json {
        print(&serde_json::to_string_pretty(&loaded.shown(args.changed))?);
    } else {
        print(loaded.to_toml(args.changed).trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn defaults() -> ExitCode {
    print(DEFAULTS.trim_end());
    ExitCode::SUCCESS
}
