//! Passwords for commands: typed without being shown, from standard input, or from a file. Giving one as an argument
//! works, with a warning: other users of the machine see arguments.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::exit::Usage;
use crate::accounts::passwords::Password;

/// Longer input is no password.
const BYTES_MAX: u64 = 4096;

/// Where the password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file that holds the password; "-" is standard input. Without it the password is asked for.
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    password_file: Option<PathBuf>,
    /// The password itself. Other users of this machine can see it: prefer one of the other ways.
    #[arg(long)]
    password: Option<String>,
}

impl Args {
    /// Reads it; a terminal is asked twice.
    pub(super) fn read(self) -> anyhow::Result<Password> {
        let text = match (self.password, self.password_file) {
            (Some(password), _) => {
                super::warn("a password given as an argument can be seen by other users of this machine");
                password
            }
            (None, Some(path)) if path.as_os_str() != "-" => {
                fs::read_to_string(&path).with_context(|| path.display().to_string())?
            }
            (None, None) if io::stdin().is_terminal() => ask_twice()?,
            (None, _) => {
                let mut text = String::new();
                io::stdin().take(BYTES_MAX).read_to_string(&mut text)?;
                text
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            bail!(Usage("the password is empty".to_owned()));
        }
        Ok(Password::new(text))
    }
}

fn ask_twice() -> anyhow::Result<String> {
    let first = ask("Password: ")?;
    if ask("Again: ")? != first {
        bail!(Usage("the two passwords differ".to_owned()));
    }
    Ok(first)
}

/// One line from the terminal, not shown.
fn ask(prompt: &str) -> anyhow::Result<String> {
    let mut terminal = io::stderr();
    terminal.write_all(prompt.as_bytes())?;
    terminal.flush()?;
    let before = tcgetattr(io::stdin())?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    tcsetattr(io::stdin(), OptionalActions::Flush, &before)?;
    terminal.write_all(b"\n")?;
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
