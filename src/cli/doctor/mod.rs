//! `sportello doctor`: looks at the machine and the configuration, changes nothing, and says what to do.
//!
//! Exit code 1 when something fails, 0 when everything is fine or only worth a warning.

mod database;
mod machine;
mod services;
mod settings;

use std::{fmt::Write as _, future::Future, process::ExitCode, time::Duration};

use serde::Serialize;

use super::print;
use crate::config::{Config, Loaded};

/// A service that does not answer within this is not there.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to show it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// One look at one thing.
#[derive(Debug, Clone, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What was found. Never a secret.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), advice: None }
    }

    fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Fail, found: found.into(), advice: Some(advice.into()) }
    }
}

pub(super) async fn run(args: Args, loaded: &Loaded) -> anyhow::Result<ExitCode> {
    let checks = examine(&loaded.config).await;
    let worst = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
    if args.json {
        let report = serde_json::json!({ "status": worst, "checks": checks });
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        print(text(&checks).trim_end());
    }
    Ok(if worst == Status::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn examine(config: &Config) -> Vec<Check> {
    // Boxed: these futures are large and there is no hurry.
    let (database, redis, smtp, certified, scanner, tesseract) = tokio::join!(
        Box::pin(database::check(config)),
        Box::pin(services::redis(config)),
        Box::pin(services::smtp(config)),
        Box::pin(services::certified_mail(config)),
        Box::pin(services::scanner(config)),
        Box::pin(services::tesseract(config))
    );
    let mut checks = machine::check(config);
    checks.extend(database);
    checks.extend([redis, smtp, certified, scanner, tesseract]);
    checks.extend(settings::check(config));
    checks
}

fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Check { name, status, found, advice } in checks {
        let mark = match status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        let _ = writeln!(text, "{mark}  {name:<width$}  {found}");
        if let Some(advice) = advice {
            let _ = writeln!(text, "      {:<width$}  -> {advice}", "");
        }
    }
    text
}

/// `None` when it takes too long.
async fn patiently<T>(look: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(PATIENCE, look).await.ok()
}

#[cfg(test)]
mod tests;
