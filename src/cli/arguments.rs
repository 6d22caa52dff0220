//! What can be written after `sportello`, and which command it means.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use super::{
    audit, completions, config, cron, doctor, exit, exit::Usage, health, jobs, migrate, openapi, output,
    read_document, seed, serve, user, warm_cache,
};
use crate::config::{Flag, Loaded, Sources, load};

/// The back office of service practices in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "sportello",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a dependency is away or the data directory \
                  holds no database, 70 the actors gave up, 78 wrong configuration."
)]
pub(super) struct Cli {
    /// A configuration file (TOML); `sportello config --defaults` documents every key. Also SPORTELLO_CONFIG.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, for example --set server.hsts=true; may be repeated.
    #[arg(long, global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves; without database.url on a PostgreSQL of its own.
    Serve(serve::Args),
    /// Brings the database to this binary's schema, or says where it is.
    Migrate(migrate::Args),
    /// Fills an empty database with deterministic, realistic data.
    Seed(seed::Args),
    /// Prints the effective configuration, each value with its origin, secrets redacted.
    Config(config::Args),
    /// Looks at the machine and the configuration and says what to do.
    Doctor(doctor::Args),
    /// Makes, lists, disables accounts and sets passwords.
    User(user::Args),
    /// Lists, makes, changes, pauses, runs and previews schedules.
    Cron(cron::Args),
    /// Looks at background jobs and orders them about; pauses, resumes, scales and drains queues and servers.
    Jobs(Box<jobs::Args>),
    /// Looks at the audit log.
    Audit(audit::Args),
    /// Asks a running server how it is; for container health checks.
    Health(health::Args),
    /// Asks a running server for what people ask most.
    WarmCache(warm_cache::Args),
    /// Prints the API's description (OpenAPI 3.1).
    Openapi,
    /// Prints completions for a shell.
    Completions(completions::Args),
    /// Reads a document that is not trusted; the server starts this for itself.
    #[command(hide = true)]
    ReadDocument(read_document::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli).unwrap_or_else(|error| {
        output::report(&error);
        exit::code(&error)
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        // These need no configuration, so a wrong one does not matter.
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(args),
        Command::ReadDocument(args) => Ok(read_document::run(&args)),
        Command::Config(config::Args { defaults: true, .. }) => Ok(config::defaults()),
        command => {
            let mut flags = flags(&cli.set)?;
            if let Command::Serve(args) = &command {
                flags.extend(args.flags());
            }
            let loaded = load(&Sources::of_process(cli.config, flags))?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(configured(command, loaded))
        }
    }
}

async fn configured(command: Command, loaded: Loaded) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args, loaded).await,
        Command::Migrate(args) => migrate::run(args, loaded).await,
        Command::Seed(args) => seed::run(args, loaded).await,
        Command::Config(args) => config::run(args, &loaded),
        Command::Doctor(args) => doctor::run(args, &loaded).await,
        Command::User(args) => user::run(args, loaded).await,
        Command::Cron(args) => cron::run(args, loaded).await,
        Command::Jobs(args) => jobs::run(*args, loaded).await,
        Command::Audit(args) => audit::run(args, loaded).await,
        Command::Health(args) => health::run(args, &loaded).await,
        Command::WarmCache(args) => warm_cache::run(args, &loaded).await,
        Command::Openapi | Command::Completions(_) | Command::ReadDocument(_) => {
            unreachable!("run without configuration")
        }
    }
}

fn flags(set: &[String]) -> anyhow::Result<Vec<Flag>> {
    let parse = |text: &String| {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Usage(format!("--set {text}: write --set section.key=value")))?;
        Ok(Flag { key: key.trim().to_owned(), text: value.to_owned(), name: "--set".to_owned() })
    };
    set.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn a_set_flag_needs_a_value() {
        let error = super::flags(&["server.listen".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "--set server.listen: write --set section.key=value");
        assert_eq!(super::flags(&["a.b=c=d".to_owned()]).unwrap()[0].text, "c=d");
    }
}
