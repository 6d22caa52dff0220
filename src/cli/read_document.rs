//! `sportello read-document`: the process that looks at one document. The server starts it, and people have no use for it:
//! it confines itself before it does anything else, so it reads no configuration and starts no thread.

use std::process::ExitCode;

use crate::clinic::reading::worker;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What there is to do, as `clinic::reading::order` writes it.
    order: String,
}

pub(super) fn run(args: &Args) -> ExitCode {
    worker::run(&args.order)
}
