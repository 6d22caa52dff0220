//! The layers: compiled-in file, file, environment, flags. Each overrides the one before, key by key.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{Value, de::DeTable};

use super::{
    Config, DEFAULTS,
    error::Problem,
    origin::{Origin, Setting},
    suggest::{nearest, nearest_setting},
};

/// Every variable of ours begins with this.
const PREFIX: &str = "SPORTELLO_";
/// Names the configuration file; not a setting.
const FILE_VARIABLE: &str = "SPORTELLO_CONFIG";
/// Variables of the test suite and the benchmarks, which the server need not know.
const FOREIGN: [&str; 2] = ["SPORTELLO_TEST_", "SPORTELLO_BENCH_"];

/// What [`super::load`] reads besides the compiled-in file.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `--config`; goes before `SPORTELLO_CONFIG`.
    pub file: Option<PathBuf>,
    /// The environment; names that do not begin with `SPORTELLO_` are ignored.
    pub environment: Vec<(OsString, OsString)>,
    /// The command line.
    pub flags: Vec<Flag>,
}

/// One setting given on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// How the person wrote it, for messages: `--set` or `--listen`.
    pub name: String,
    /// `section.key`.
    pub key: String,
    /// The value.
    pub text: String,
}

impl Sources {
    /// The environment of this process and the given file and flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        Self { file, environment: std::env::vars_os().collect(), flags }
    }
}

/// The settings after every layer. Problems are collected; a refused value leaves the one before in place.
pub(super) fn merge(sources: &Sources, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let mut layers = Layers { settings: defaults(), problems };
    let variables = layers.variables(&sources.environment);
    let named = variables.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| PathBuf::from(path));
    if let Some(path) = sources.file.clone().or(named.filter(|path| !path.as_os_str().is_empty())) {
        layers.file(&path);
    }
    layers.environment(&variables);
    for flag in &sources.flags {
        layers.flag(flag);
    }
    layers.settings
}

/// The typed configuration. A value that does not parse is reported and replaced by its default, so that one
/// pass finds every problem.
pub(super) fn typed(settings: &mut [Setting], problems: &mut Vec<Problem>) -> Config {
    loop {
        let error = match serde_path_to_error::deserialize::<_, Config>(table(settings)) {
            Ok(config) => return config,
            Err(error) => error,
        };
        let path = error.path().to_string();
        let setting = settings
            .iter_mut()
            .find(|setting| path == setting.name || path.starts_with(&format!("{}[", setting.name)))
            .filter(|setting| setting.origin != Origin::Default)
            .expect("the compiled-in defaults are valid: a test loads them");
        problems.push(Problem {
            place: setting.origin.to_string(),
            message: format!("{}: {}", setting.name, with_example(error.inner().message(), &setting.default)),
        });
        setting.value = setting.default.clone();
        setting.origin = Origin::Default;
    }
}

/// Our own value types say what to write; for the others the default is the example.
fn with_example(message: &str, default: &Value) -> String {
    match example(default) {
        Some(example) if !message.contains("write ") => format!("{message}; write it like {example}"),
        _ => message.to_owned(),
    }
}

fn example(default: &Value) -> Option<String> {
    match default {
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        value => Some(value.to_string()),
    }
}

fn table(settings: &[Setting]) -> Value {
    let mut root = toml::Table::new();
    for setting in settings {
        let section = root
            .entry(setting.section())
            .or_insert_with(|| Value::Table(toml::Table::new()))
            .as_table_mut()
            .expect("only tables are inserted here");
        section.insert(setting.key().to_owned(), setting.value.clone());
    }
    Value::Table(root)
}

fn defaults() -> Vec<Setting> {
    let root: toml::Table = DEFAULTS.parse().expect("config/default.toml is TOML: a test loads it");
    let setting = |(name, offset): (String, usize)| {
        let (section, key) = name.split_once('.').expect("every key has a section");
        let value = root[section][key].clone();
        let line = DEFAULTS[offset..].lines().next().unwrap_or_default();
        let secret = line.trim_end().ends_with("Secret.");
        Setting { default: value.clone(), value, origin: Origin::Default, secret, name }
    };
    let keys = spans(DEFAULTS).expect("config/default.toml is TOML: a test loads it");
    keys.into_iter().map(setting).collect()
}

/// `section.key` (or `key` alone for what stands outside a section) with its byte offset, in the order of the text.
fn spans(text: &str) -> Result<Vec<(String, usize)>, toml::de::Error> {
    let root = DeTable::parse(text)?;
    let mut found = Vec::new();
    for (section, value) in root.get_ref() {
        match value.get_ref().as_table() {
            // An empty section still has a name that may be wrong.
            Some(table) if table.is_empty() => {
                found.push((format!("{}.", section.get_ref()), section.span().start));
            }
            Some(table) => found.extend(
                table
                    .keys()
                    .map(|key| (format!("{}.{}", section.get_ref(), key.get_ref()), key.span().start)),
            ),
            None => found.push((section.get_ref().to_string(), section.span().start)),
        }
    }
    found.sort_by_key(|(_, offset)| *offset);
    Ok(found)
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}

struct Layers<'a> {
    settings: Vec<Setting>,
    problems: &'a mut Vec<Problem>,
}

impl Layers<'_> {
    fn problem(&mut self, place: impl std::fmt::Display, message: impl Into<String>) {
        self.problems.push(Problem { place: format!("{place}"), message: message.into() });
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.settings.iter().position(|setting| setting.name == name)
    }

    fn names(&self) -> Vec<&str> {
        self.settings.iter().map(|setting| setting.name.as_str()).collect()
    }

    fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<&str> = self.settings.iter().map(Setting::section).collect();
        sections.dedup();
        sections
    }

    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problem(path.display(), format!("cannot be read: {error}")),
        };
        let (keys, root) = match spans(&text).and_then(|keys| Ok((keys, text.parse::<toml::Table>()?))) {
            Ok(parsed) => parsed,
            Err(error) => {
                // Not the whole error: it quotes the line, which may hold a secret.
                let line = line_of(&text, error.span().map_or(0, |span| span.start));
                let place = Origin::File { path: path.to_owned(), line };
                return self.problem(place, format!("not TOML: {}", error.message()));
            }
        };
        for (name, offset) in keys {
            let origin = Origin::File { path: path.to_owned(), line: line_of(&text, offset) };
            if let (Some(at), Some((section, key))) = (self.position(&name), name.split_once('.')) {
                self.set(at, root[section][key].clone(), origin);
            } else {
                let message = self.unknown(&name);
                if let Some(message) = message {
                    self.problem(origin, message);
                }
            }
        }
    }

    /// Why a name that is not a setting is refused; `None` for an empty section with a known name.
    fn unknown(&self, name: &str) -> Option<String> {
        let Some((section, key)) = name.split_once('.') else {
            let hint = self.names().into_iter().find(|known| known.ends_with(&format!(".{name}")));
            let hint = hint.map_or_else(String::new, |known| format!("; did you mean {known}?"));
            return Some(format!("{name} stands outside a section{hint}"));
        };
        let sections = self.sections();
        if sections.contains(&section) {
            let hint = match nearest_setting(section, key, &self.names()) {
                Some(known) => format!("; did you mean {known}?"),
                None => "; `sportello config` lists them all".to_owned(),
            };
            return (!key.is_empty()).then(|| format!("{name} is not a setting{hint}"));
        }
        let hint = match nearest(section, sections.iter().copied()) {
            Some(known) => format!("did you mean [{known}]?"),
            None => format!("there are {}", sections.join(", ")),
        };
        Some(format!("[{section}] is not a section; {hint}"))
    }

    /// Our variables as text.
    fn variables(&mut self, environment: &[(OsString, OsString)]) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if FOREIGN.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            match value.to_str() {
                Some(value) => variables.push((name.to_owned(), value.to_owned())),
                None => self.problem(format!("environment {name}"), "is not UTF-8"),
            }
        }
        variables.sort();
        variables
    }

    fn environment(&mut self, variables: &[(String, String)]) {
        let known: Vec<String> = self.settings.iter().map(Setting::variable).collect();
        for (name, text) in variables.iter().filter(|(name, _)| name != FILE_VARIABLE) {
            let direct = known.iter().position(|known| known == name);
            let by_file =
                name.strip_suffix("_FILE").and_then(|base| known.iter().position(|name| name == base));
            match (direct, by_file) {
                (Some(at), _) => self.set_text(at, text, Origin::Env { name: name.clone() }),
                (None, Some(at)) if variables.iter().any(|(other, _)| *other == known[at]) => {
                    let message = format!("{} is set too; set only one of them", known[at]);
                    self.problem(format!("environment {name}"), message);
                }
                (None, Some(at)) => self.secret_file(at, name, Path::new(text)),
                (None, None) => {
                    let bare = |name: &'_ str| name.trim_start_matches(PREFIX).to_owned();
                    let candidates: Vec<String> = known.iter().map(|name| bare(name)).collect();
                    let hint = match nearest(&bare(name), candidates.iter().map(String::as_str)) {
                        Some(known) => format!("; did you mean {PREFIX}{known}?"),
                        None => "; variables are written SPORTELLO_SECTION__KEY".to_owned(),
                    };
                    self.problem(format!("environment {name}"), format!("sets nothing{hint}"));
                }
            }
        }
    }

    fn secret_file(&mut self, at: usize, name: &str, path: &Path) {
        let origin = Origin::EnvFile { name: name.to_owned(), path: path.to_owned() };
        match std::fs::read_to_string(path) {
            Ok(text) => self.set_text(at, text.trim_end_matches(['\r', '\n']), origin),
            Err(error) => self.problem(origin, format!("cannot be read: {error}")),
        }
    }

    fn flag(&mut self, flag: &Flag) {
        let origin = Origin::Flag { name: format!("{} {}", flag.name, flag.key) };
        if let Some(at) = self.position(&flag.key) {
            self.set_text(at, &flag.text, origin);
        } else {
            let message = self.unknown(&flag.key).unwrap_or_else(|| "write section.key=value".to_owned());
            self.problem(format!("flag {}", flag.name), message);
        }
    }

    /// A value that came as text takes the type of the default.
    fn set_text(&mut self, at: usize, text: &str, origin: Origin) {
        let value = match &self.settings[at].default {
            Value::Integer(_) => text.trim().parse().ok().map(Value::Integer),
            Value::Boolean(_) => text.trim().parse().ok().map(Value::Boolean),
            Value::Array(_) => array(text),
            _ => Some(Value::String(text.to_owned())),
        };
        if let Some(value) = value {
            self.set(at, value, origin);
        } else {
            let message = self.expected(at, &format!("{text:?}"));
            self.problem(origin, message);
        }
    }

    fn set(&mut self, at: usize, value: Value, origin: Origin) {
        if value.type_str() != self.settings[at].default.type_str() {
            let message = self.expected(at, kind(&value));
            return self.problem(origin, message);
        }
        self.settings[at].value = value;
        self.settings[at].origin = origin;
    }

    fn expected(&self, at: usize, found: &str) -> String {
        let Setting { name, default, .. } = &self.settings[at];
        let example = example(default).map_or_else(String::new, |example| format!(" such as {example}"));
        format!("{name}: expected {}{example}, found {found}", kind(default))
    }
}

fn array(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('[') {
        return Value::deserialize(toml::de::ValueDeserializer::parse(text.trim()).ok()?).ok();
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text in quotes",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number with a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
