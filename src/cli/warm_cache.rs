//! `sportello warm-cache`: asks a running server for what people ask most, so that they find it in the cache. Like
//! them it is subject to `limits.anonymous`.

use std::process::ExitCode;

use anyhow::ensure;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::{
    client::{Client, own_url},
    print,
};
use crate::config::Loaded;

/// Lists that the front page shows.
const LISTS: [&str; 4] =
    ["/api/v1/cities", "/api/v1/events", "/api/v1/events?featured=true", "/api/v1/events?sort=popular"];
const TOO_MANY_REQUESTS: u16 = 429;

/// What to ask for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server; without it the one that this configuration serves.
    url: Option<String>,
    /// Details of so many of the most popular events.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    events: u8,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    slug: String,
}

pub(super) async fn run(args: Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let url = args.url.unwrap_or_else(|| own_url(&loaded.config.server));
    let mut client = Client::connect(url.trim_end_matches('/')).await?;
    let popular = format!("/api/v1/events?sort=popular&limit={}", args.events.max(1));
    let (status, body) = client.get(&popular).await?;
    ensure!(status == 200, "{popular}: status {status}");
    let events = serde_json::from_slice::<List>(&body)?.data;
    let details =
        events.iter().take(args.events.into()).map(|event| format!("/api/v1/events/{}", event.slug));
    let paths: Vec<String> = LISTS.map(str::to_owned).into_iter().chain(details).collect();
    let bar = ProgressBar::new(paths.len() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}")?);
    let (mut warmed, mut failed) = (0, 0);
    for path in &paths {
        let (status, _) = client.get(path).await?;
        bar.inc(1);
        match status {
            200 => warmed += 1,
            TOO_MANY_REQUESTS => {
                bar.abandon_with_message("stopped by limits.anonymous; ask for fewer events");
                break;
            }
            _ => failed += 1,
        }
    }
    bar.finish();
    let left = paths.len() - warmed - failed;
    if args.json {
        print(&serde_json::json!({ "warmed": warmed, "failed": failed, "left": left }).to_string());
    } else {
        print(&format!("{warmed} answers warmed, {failed} failed, {left} left out"));
    }
    Ok(if failed + left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
