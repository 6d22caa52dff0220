//! `sportello serve`: until it is told to stop.

use std::{cell::Cell, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::exit;
use crate::{
    accounts::passwords::{Argon, Password},
    app::App,
    clock::Clock,
    config::{Config, Flag, Loaded},
    db::Connector,
    jobs::registry::registry,
    seed::{self, Options},
};

/// How to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Fills an empty database with demonstration data.
    #[arg(long)]
    demo: bool,
    /// Where to listen; the same as --set server.listen=….
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Only enqueues jobs, for other processes to run; the same as --set jobs.enabled=false.
    #[arg(long)]
    no_jobs: bool,
}

impl Args {
    /// Flags that are short for settings, so that they are checked and shown like these.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let listen = self.listen.as_ref().map(|text| ("--listen", "server.listen", text.clone()));
        let no_jobs = self.no_jobs.then(|| ("--no-jobs", "jobs.enabled", "false".to_owned()));
        let flag =
            |(name, key, text): (&str, &str, String)| Flag { name: name.into(), key: key.into(), text };
        listen.into_iter().chain(no_jobs).map(flag).collect()
    }
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    open_files();
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (config, clock) = (Arc::new(loaded.config), Clock::system());
    // Before anybody is served: an empty catalogue would stay in caches for a while.
    let is_new = Cell::new(false);
    let first = async |connector: &Connector| {
        if args.demo {
            is_new.set(demo(connector, &config, &clock).await?);
        }
        Ok(())
    };
    let app = App::start_after(config.clone(), clock.clone(), registry(), first).await?;
    if is_new.get() {
        seed::begin(&app.db, &app.jobs).await?;
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]); // nobody listens outside systemd
    tracing::info!(address = %app.address, "serving: http://{}/docs", app.address);
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        meltdown = app.meltdown() => {
            tracing::error!(%meltdown, "giving up");
            return Ok(ExitCode::from(exit::MELTDOWN));
        }
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    tokio::select! {
        () = app.stop() => tracing::info!("stopped"),
        _ = interrupted.recv() => tracing::warn!("stopped at once: a second interrupt"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes as many file descriptors as may be had: the usual soft limit of 1024 is for programs that still use `select`.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, most)
    {
        tracing::warn!(%error, allowed = limit.current, "more file descriptors are not to be had");
    }
}

/// Demonstration data, only where there is nothing. Whether there was nothing.
async fn demo(connector: &Connector, config: &Config, clock: &Clock) -> anyhow::Result<bool> {
    let (mut client, driver) = connector.connect().await?;
    let filling = async {
        let filled = async {
            if !seed::is_empty(&client).await? {
                return anyhow::Ok(false);
            }
            let hash = Argon::new(&config.accounts)?.hash(&Password::new(seed::DEMO_PASSWORD));
            let report = seed::run(&mut client, &Options::demo(clock.now(), hash), |_, _| {}).await?;
            tracing::info!(
                events = report.events,
                password = seed::DEMO_PASSWORD,
                "demonstration data: log in as {}",
                seed::DEMO_USER
            );
            Ok(true)
        };
        let filled = filled.await;
        drop(client);
        filled
    };
    let (filled, _) = tokio::join!(filling, driver);
    filled.context("the demonstration data could not be written")
}
