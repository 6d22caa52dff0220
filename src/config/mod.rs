//! Configuration: `config/default.toml` is compiled in and is the default of every key.
//!
//! A key's value comes from the last of these that names it, and remembers which one that was ([`Origin`]):
//! the compiled-in file, a file (`--config` or `SPORTELLO_CONFIG`), the environment
//! (`SPORTELLO_SECTION__KEY`, or `…_FILE` naming a file that holds the value), the command line.
//!
//! Reading order: [`sections`] (what can be set), [`values`] (how it is written), [`layers`] (where it comes
//! from), [`check`] (what must hold between keys), [`show`] (`sportello config`).

pub mod check;
pub mod error;
pub mod layers;
pub mod origin;
pub mod sections;
pub mod show;
pub mod suggest;
pub mod values;

pub use error::ConfigError;
pub use layers::{Flag, Sources};
pub use origin::{Origin, Setting};
pub use sections::Config;

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// A configuration that passed every check, with where each value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Every key in the order of `config/default.toml`.
    pub settings: Vec<Setting>,
}

/// Merges the sources and checks the result; every problem is reported, not only the first.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let mut settings = layers::merge(sources, &mut problems);
    let config = layers::typed(&mut settings, &mut problems);
    // A cross-field rule over a key that was already refused would only repeat the news.
    if problems.is_empty() {
        problems = check::check(&config, &settings);
    }
    if problems.is_empty() { Ok(Loaded { config, settings }) } else { Err(ConfigError { problems }) }
}

impl Config {
    /// The defaults, without file, environment or flags: what tests start from.
    pub fn defaults() -> Self {
        toml::from_str(DEFAULTS).expect("config/default.toml matches src/config/sections.rs")
    }
}

#[cfg(test)]
mod tests;
