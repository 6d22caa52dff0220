//! `sportello completions`: for example `sportello completions bash > /etc/bash_completion.d/sportello`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::{Cli, print};

/// For which shell.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Args {
    /// The shell.
    shell: clap_complete::Shell,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sportello", &mut script);
    print(String::from_utf8(script)?.trim_end());
    Ok(ExitCode::SUCCESS)
}
