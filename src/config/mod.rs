//! Configuration: `config/default.toml` is compiled in and is the default of every key.

pub mod sections;
pub mod values;

pub use sections::Config;

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

impl Config {
    /// The defaults, without file, environment or flags: what tests start from.
    pub fn defaults() -> Self {
        toml::from_str(DEFAULTS).expect("config/default.toml matches src/config/sections.rs")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_file_is_complete() {
        super::Config::defaults();
    }
}
