//! `sportello config`: the effective values with where each came from. Secrets are never shown.

use std::fmt::Write as _;

use serde::Serialize;
use toml::Value;

use super::{Loaded, Origin, Setting};

/// What stands for a secret that is set.
const REDACTED: &str = "[redacted]";
/// Column of the origin comments.
const COLUMN: usize = 40;

/// One setting as scripts read it.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    /// `section.key`.
    pub key: &'a str,
    /// The value, or a placeholder for a secret that is set.
    pub value: Value,
    /// Where it came from.
    pub origin: &'a Origin,
    /// The variable that would set it.
    pub variable: String,
    /// Whether the value is hidden.
    pub secret: bool,
}

impl Loaded {
    /// The settings for display; with `only_changed`, those that differ in origin from the default.
    pub fn shown(&self, only_changed: bool) -> Vec<Shown<'_>> {
        let wanted = |setting: &&Setting| !only_changed || setting.origin != Origin::Default;
        self.settings.iter().filter(wanted).map(Shown::new).collect()
    }

    /// The settings as TOML with origins as comments: itself a valid configuration, apart from secrets.
    pub fn to_toml(&self, only_changed: bool) -> String {
        let mut text = String::new();
        let mut section = "";
        for shown in self.shown(only_changed) {
            let (now, key) = shown.key.split_once('.').unwrap_or(("", shown.key));
            if now != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                section = now;
                let _ = writeln!(text, "{gap}[{section}]");
            }
            let line = format!("{key} = {}", shown.value);
            let _ = writeln!(text, "{line:<COLUMN$} # {}", shown.origin);
        }
        text
    }
}

impl<'a> Shown<'a> {
    fn new(setting: &'a Setting) -> Self {
        let set = setting.value.as_str().is_some_and(|text| !text.is_empty());
        let value =
            if setting.secret && set { Value::String(REDACTED.into()) } else { setting.value.clone() };
        Self {
            key: &setting.name,
            value,
            origin: &setting.origin,
            variable: setting.variable(),
            secret: setting.secret,
        }
    }
}
