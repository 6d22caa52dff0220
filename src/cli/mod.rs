//! The command line: one file per command.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a dependency is away, 70 the actor tree melted down, 78 wrong
//! configuration (sysexits).

mod config;
mod migrate;
mod seed;
mod serve;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Flag, Loaded, Sources, load};

const CONFIG_WRONG: u8 = 78;
const FAILED: u8 = 1;

/// The back office of service practices in one binary.
#[derive(Debug, Parser)]
#[command(name = "sportello", version)]
struct Cli {
    /// A configuration file (TOML); config/default.toml documents every key.
    #[arg(long, global = true, env = "SPORTELLO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key: --set server.listen=0.0.0.0:80
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves; without database.url on a PostgreSQL of its own.
    Serve(serve::Args),
    /// Brings the database to this binary's schema.
    Migrate(migrate::Args),
    /// Fills an empty database with deterministic, realistic data.
    Seed(seed::Args),
    /// Prints the effective configuration, each value with its origin, secrets redacted.
    Config(config::Args),
    /// Makes accounts.
    User(user::Args),
    /// Prints the API's description (OpenAPI 3.1).
    Openapi,
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let loaded =
        match flags(&cli.set).and_then(|flags| Ok(load(&Sources::of_process(cli.config.clone(), flags))?)) {
            Ok(loaded) => loaded,
            Err(error) => {
                report(&error);
                return ExitCode::from(CONFIG_WRONG);
            }
        };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report(&error.into());
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(run(cli.command, loaded)) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::from(FAILED)
        }
    }
}

async fn run(command: Command, loaded: Loaded) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args, loaded).await,
        Command::Migrate(args) => migrate::run(args, loaded).await,
        Command::Seed(args) => seed::run(args, loaded).await,
        Command::Config(args) => config::run(&args, &loaded),
        Command::User(args) => user::run(args, loaded).await,
        Command::Openapi => {
            print(&serde_json::to_string_pretty(&crate::http::openapi::document())?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "sportello", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn flags(set: &[String]) -> anyhow::Result<Vec<Flag>> {
    let parse = |text: &String| {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| anyhow::anyhow!("--set {text}: write --set section.key=value"))?;
        Ok(Flag { key: key.to_owned(), text: value.to_owned(), name: "--set".to_owned() })
    };
    set.iter().map(parse).collect()
}

/// The command line's own output goes to standard output; logs go to standard error.
#[expect(clippy::print_stdout, reason = "what a command prints is its result")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the last word of a failed command")]
fn report(error: &anyhow::Error) {
    eprintln!("sportello: {error:#}");
}
