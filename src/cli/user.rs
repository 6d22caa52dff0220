//! `sportello user create`: the way to the first administrator.

use std::{io::Read as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};

use super::print;
use crate::{
    accounts::{
        passwords::{Hashing as _, Password, check},
        policy::Role,
        users::{self, NewUser, normal_email},
    },
    app::App,
    clock::Clock,
    config::Loaded,
    mail::Language,
};

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Makes an account. The password is read from --password-file, else from standard input.
    Create {
        /// The address.
        #[arg(long)]
        email: String,
        /// The name.
        #[arg(long, default_value = "Administrator")]
        name: String,
        /// user, host or admin.
        #[arg(long, default_value = "user")]
        role: String,
        /// A file that holds the password.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
}

pub(super) async fn run(args: Args, mut loaded: Loaded) -> anyhow::Result<ExitCode> {
    let Command::Create { email, name, role, password_file } = args.command;
    let role = Role::of(&role).context("--role: write user, host or admin")?;
    ensure!(email.contains('@'), "--email: {email:?} is not an address");
    let mut password = String::new();
    match password_file {
        Some(path) => {
            password = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        }
        None => drop(std::io::stdin().take(1024).read_to_string(&mut password)?),
    }
    let password = password.trim_end_matches(['\n', '\r']).to_owned();
    let (email, password) = (normal_email(&email), Password::new(password));
    check(&password, &email, loaded.config.accounts.min_password)
        .map_err(|weakness| anyhow::anyhow!("the password {weakness}"))?;
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    loaded.config.server.listen.set_port(0); // nothing is served meanwhile
    let app = App::start(loaded.config.into(), Clock::system()).await?;
    let language = Language::of(&app.config.mail.language);
    let made = async {
        let hash = app.hasher.hash(password).await?;
        let mut tx = app.db.begin("cli.user_create").await?;
        let user = NewUser { email, name, role, language, password_hash: hash };
        let user = users::create(&mut tx, &user, app.clock.now()).await?;
        tx.commit().await?;
        anyhow::Ok(user)
    };
    let made = made.await;
    app.stop().await;
    print(&serde_json::to_string(&made?)?);
    Ok(ExitCode::SUCCESS)
}
