//! `sportello user`: accounts, above all the first administrator's.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use super::{exit::Usage, password, print, session::Session};
use crate::{
    accounts::{
        administration::{self, Switched},
        passwords::{Argon, Password, check},
        policy::Role,
        users::{self, NewUser, normal_email},
    },
    clock::Clock,
    config::{Config, Loaded},
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
    /// Makes an account.
    Create(Create),
    /// Lists the newest accounts.
    List(List),
    /// Sets a password and ends the person's sessions.
    SetPassword {
        /// The address.
        #[arg(long)]
        email: String,
        #[command(flatten)]
        password: password::Args,
    },
    /// Keeps a person from logging in: ends the sessions and stops the keys for programs, both at once.
    Disable {
        /// The address.
        #[arg(long)]
        email: String,
    },
    /// Lets a person log in again. The keys for programs from before are revoked, unless it is said that they shall work.
    Enable {
        /// The address.
        #[arg(long)]
        email: String,
        /// The keys from before work again.
        #[arg(long)]
        keep_keys: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The address.
    #[arg(long)]
    email: String,
    /// What the person may do: client, host, partner, collaborator, notary, staff or admin; several with commas.
    #[arg(long, default_value = "client", value_parser = role, value_delimiter = ',')]
    role: Vec<Role>,
    /// How the person is addressed; the address's first part by default.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    password: password::Args,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only of this role.
    #[arg(long, value_parser = role)]
    role: Option<Role>,
    /// At most so many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

fn role(text: &str) -> Result<Role, String> {
    let known = || format!("write {}", Role::ALL.map(Role::as_str).join(", "));
    Role::of(text).ok_or_else(known)
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let config = &loaded.config;
    match args.command {
        Command::Create(args) => create(args, config).await,
        Command::List(args) => list(args, config).await,
        Command::SetPassword { email, password } => set_password(&email, password, config).await,
        Command::Disable { email } => disable(&email, config).await,
        Command::Enable { email, keep_keys } => enable(&email, keep_keys, config).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The hash of a password that follows the rules.
fn hashed(password: &Password, email: &str, config: &Config) -> anyhow::Result<String> {
    if let Err(weakness) = check(password, email, config.accounts.min_password) {
        bail!(Usage(format!("the password {weakness}")));
    }
    Ok(Argon::new(&config.accounts)?.hash(password))
}

fn address(email: &str) -> anyhow::Result<String> {
    let email = normal_email(email);
    ensure!(email.parse::<lettre::Address>().is_ok(), Usage(format!("--email: {email:?} is not an address")));
    Ok(email)
}

async fn create(args: Create, config: &Config) -> anyhow::Result<()> {
    let email = address(&args.email)?;
    let name = args.name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email).to_owned());
    let password_hash = hashed(&args.password.read()?, &email, config)?;
    let language = Language::of(&config.mail.language);
    let new = NewUser { email, name, roles: args.role.into_iter().collect(), language, password_hash };
    let clock = Clock::system();
    let session = Session::open(config, clock.clone()).await?;
    let made = async {
        let mut tx = session.db.begin("cli.user.create").await?;
        let user = users::create(&mut tx, &new, clock.now()).await?;
        tx.commit().await?;
        anyhow::Ok(user)
    };
    let made = made.await;
    session.close(config).await;
    let user = made.with_context(|| format!("{} was not made", new.email))?;
    if args.json {
        print(&serde_json::to_string_pretty(&user)?);
    } else {
        print(&format!("made {} ({}), id {}", user.email, user.roles.names().join(", "), user.id));
    }
    Ok(())
}

async fn list(args: List, config: &Config) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed {
        users: Vec<administration::Summary>,
    }
    let session = Session::open(config, Clock::system()).await?;
    let found = async {
        let mut tx = session.db.begin("cli.user.list").await?;
        let users = administration::list(&mut tx, args.role, args.limit.into()).await?;
        tx.rollback().await?;
        anyhow::Ok(users)
    };
    let found = found.await;
    session.close(config).await;
    let users = found?;
    if args.json {
        print(&serde_json::to_string_pretty(&Listed { users })?);
        return Ok(());
    }
    for user in users {
        let state = if user.active { "active" } else { "disabled" };
        print(&format!(
            "{:<14} {state:<9} {:>3} sessions  {:<40} {}  {}",
            user.roles.names().join(","),
            user.sessions,
            user.email,
            user.created_at.strftime("%F"),
            user.name
        ));
    }
    Ok(())
}

async fn set_password(email: &str, password: password::Args, config: &Config) -> anyhow::Result<()> {
    let email = address(email)?;
    let hash = hashed(&password.read()?, &email, config)?;
    let clock = Clock::system();
    let session = Session::open(config, clock.clone()).await?;
    let done = async {
        let mut tx = session.db.begin("cli.user.set_password").await?;
        let found = administration::set_password(&mut tx, &email, &hash, clock.now()).await?;
        tx.commit().await?;
        anyhow::Ok(found)
    };
    let done = done.await;
    session.close(config).await;
    ensure!(done?, "{email} has no account");
    print(&format!("{email}: the password is set, all sessions have ended"));
    Ok(())
}

async fn disable(email: &str, config: &Config) -> anyhow::Result<()> {
    let (email, Switched { sessions, keys }) = set_active(email, false, false, config).await?;
    print(&format!(
        "{email} may not log in any more: {sessions} sessions have ended, {keys} keys for programs are refused"
    ));
    Ok(())
}

async fn enable(email: &str, keep_keys: bool, config: &Config) -> anyhow::Result<()> {
    let (email, Switched { keys, .. }) = set_active(email, true, keep_keys, config).await?;
    let keys = match (keys, keep_keys) {
        (0, _) => "it has no keys for programs".to_owned(),
        (_, true) => format!("{keys} keys for programs work again"),
        (_, false) => format!("{keys} keys for programs from before are revoked (--keep-keys keeps them)"),
    };
    print(&format!("{email} may log in again; {keys}"));
    Ok(())
}

async fn set_active(
    email: &str,
    active: bool,
    keep_keys: bool,
    config: &Config,
) -> anyhow::Result<(String, Switched)> {
    let email = address(email)?;
    let clock = Clock::system();
    let session = Session::open(config, clock.clone()).await?;
    let done = async {
        let mut tx = session.db.begin("cli.user.set_active").await?;
        let found = administration::set_active(&mut tx, &email, active, keep_keys, clock.now()).await?;
        tx.commit().await?;
        anyhow::Ok(found)
    };
    let done = done.await;
    session.close(config).await;
    let switched = done?.with_context(|| format!("{email} has no account"))?;
    Ok((email, switched))
}
