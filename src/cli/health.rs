//! `sportello health`: asks a running server how it is. For container health checks, which have no curl.

use std::process::ExitCode;

use super::{
    client::{Client, own_url},
    exit, print,
};
use crate::config::Loaded;

/// Whom to ask.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server; without it the one that this configuration serves.
    url: Option<String>,
    /// Ask whether it is alive, not whether it is ready.
    #[arg(long)]
    alive: bool,
}

pub(super) async fn run(args: Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let url = args.url.unwrap_or_else(|| own_url(&loaded.config.server));
    let mut client = Client::connect(url.trim_end_matches('/')).await?;
    let (status, body) = client.get(if args.alive { "/alive" } else { "/ready" }).await?;
    print(String::from_utf8_lossy(&body).trim_end());
    Ok(if (200..300).contains(&status) { ExitCode::SUCCESS } else { ExitCode::from(exit::DEPENDENCY) })
}
