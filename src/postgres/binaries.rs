//! Finds PostgreSQL's server binaries.
//!
//! Looked for in the configured directory only, or else in `PATH`, Debian's versioned directories and Homebrew's;
//! the newest wins, unless existing data needs an older one. Only `postgres` and `initdb` are needed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest major version we support: the first with MERGE, JSON logs and `CREATE DATABASE` by WAL.
const OLDEST_MAJOR: u32 = 15;

/// Directories that hold one directory per installed version, and what comes after the version's name.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// One installed PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The directory with `postgres` and `initdb`.
    pub directory: PathBuf,
    /// Major version, for example 15.
    pub major: u32,
    /// Minor version, for example 18.
    pub minor: u32,
}

/// Why no usable server was found, and what to install.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// Nothing there.
    #[error("no PostgreSQL server was found (looked for `postgres` and `initdb`). {}", advice())]
    Missing,
    /// The configured directory holds none.
    #[error(
        "database.bin_dir holds no PostgreSQL server: `postgres` and `initdb` must both be there and run"
    )]
    NotInBinDir,
    /// Only old ones.
    #[error("PostgreSQL {newest} was found, but {OLDEST_MAJOR} or later is needed. {}", advice())]
    TooOld {
        /// The newest one found.
        newest: u32,
    },
}

/// What to do about a missing server.
fn advice() -> &'static str {
    "Debian and Ubuntu: `apt-get install postgresql` (only the server binaries are used; no cluster or service of \
     the system is needed). Fedora: `dnf install postgresql-server`. Arch: `pacman -S postgresql`. Alpine: \
     `apk add postgresql`. macOS: `brew install postgresql@17`. Or set database.bin_dir to where it is, or \
     database.url to use a server of your own."
}

/// The newest usable server: in `bin_dir` when given, else in the usual places.
pub fn locate(bin_dir: Option<&Path>) -> Result<Binaries, LocateError> {
    if let Some(directory) = bin_dir {
        let found = Binaries::inspect(directory).ok_or(LocateError::NotInBinDir)?;
        return newest(vec![found]);
    }
    newest(installed())
}

fn newest(found: Vec<Binaries>) -> Result<Binaries, LocateError> {
    let best = found.into_iter().max_by_key(|b| (b.major, b.minor)).ok_or(LocateError::Missing)?;
    if best.major < OLDEST_MAJOR { Err(LocateError::TooOld { newest: best.major }) } else { Ok(best) }
}

/// Every server in the usual places.
fn installed() -> Vec<Binaries> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versioned = VERSIONED.iter().flat_map(|(parent, bin)| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.map(move |entry| entry.path().join(bin))
    });
    env::split_paths(&path).chain(versioned).filter_map(|directory| Binaries::inspect(&directory)).collect()
}

impl Binaries {
    /// Looks into one directory.
    fn inspect(directory: &Path) -> Option<Self> {
        let postgres = directory.join("postgres");
        if !postgres.is_file() || !directory.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(&postgres).arg("--version").output().ok()?;
        let (major, minor) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        let directory = directory.canonicalize().ok()?;
        Some(Self { directory, major, minor })
    }

    /// These binaries, or installed ones that fit data made by `major`.
    pub(super) fn for_major(&self, major: u32) -> Option<Self> {
        if self.major == major {
            return Some(self.clone());
        }
        installed().into_iter().filter(|found| found.major == major).max_by_key(|found| found.minor)
    }

    /// One of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` and `… 18beta1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let (major, minor) = version.split_once('.').unwrap_or((version, ""));
    Some((digits(major).parse().ok()?, digits(minor).parse().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::{Binaries, LocateError, newest, parse_version};

    fn version(major: u32, minor: u32) -> Binaries {
        Binaries { directory: format!("/pg/{major}.{minor}").into(), major, minor }
    }

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, 18)));
        assert_eq!(parse_version("postgres (PostgreSQL) 17.2\n"), Some((17, 2)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1\n"), Some((18, 0)));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn the_newest_wins_and_an_old_one_is_refused_with_advice() {
        let best = newest(vec![version(15, 18), version(17, 2), version(16, 9)]).expect("one fits");
        assert_eq!((best.major, best.minor), (17, 2));
        let error = newest(vec![version(13, 1)]).expect_err("too old").to_string();
        assert!(error.contains("15 or later") && error.contains("apt-get install postgresql"), "{error}");
        assert!(matches!(newest(Vec::new()), Err(LocateError::Missing)));
    }
}
