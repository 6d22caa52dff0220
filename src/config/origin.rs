//! Where a value came from, so that an operator who wonders can be told.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// The source of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// The compiled-in file.
    Default,
    /// A line of the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// A file named by an environment variable that ends in `_FILE`.
    EnvFile {
        /// The variable.
        name: String,
        /// The file it names.
        path: PathBuf,
    },
    /// The command line.
    Flag {
        /// As written, without the value.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { name } => write!(f, "environment {name}"),
            Self::EnvFile { name, path } => write!(f, "environment {name} ({})", path.display()),
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One key with its value before typing. `Debug` leaves the values out: they may be secret.
#[derive(Clone)]
pub struct Setting {
    /// `section.key`.
    pub name: String,
    /// The effective value.
    pub value: toml::Value,
    /// The compiled-in value: also the example in error messages and the type that is expected.
    pub default: toml::Value,
    /// Where the effective value came from.
    pub origin: Origin,
    /// Whether the value must never be shown. Marked by "Secret." in `config/default.toml`.
    pub secret: bool,
}

impl Setting {
    /// The section this key belongs to.
    pub fn section(&self) -> &str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The key within its section.
    pub fn key(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, key)| key)
    }

    /// The environment variable that sets this key.
    pub fn variable(&self) -> String {
        format!("SPORTELLO_{}", self.name.replace('.', "__").to_uppercase())
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.name, self.origin)
    }
}
