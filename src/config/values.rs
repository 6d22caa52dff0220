//! Value types of the configuration: durations, sizes, quotas, secrets, and "empty means not set".

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// A duration written like `250ms`, `30s`, `5m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl std::ops::Deref for Period {
    type Target = Duration;
    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{text:?} is not a duration; write \"30s\" or \"5m\"")))
    }
}

/// A size written like `64KiB`, `10MiB` or `512B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl std::ops::Deref for Bytes {
    type Target = usize;
    fn deref(&self) -> &usize {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_bytes(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a size; write \"64KiB\" or \"10MiB\"")))
    }
}

fn parse_bytes(text: &str) -> Option<usize> {
    const UNITS: [(&str, usize); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let (number, unit) =
        UNITS.iter().find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|number| (number, *unit)))?;
    number.trim().parse::<usize>().ok()?.checked_mul(unit)
}

/// A rate limit written like `100/60s`: that many requests in that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests allowed in one window; at least 1.
    pub limit: u32,
    /// The window.
    pub window: Duration,
}

impl FromStr for Quota {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (limit, window) = text.split_once('/')?;
            let limit = limit.trim().parse().ok().filter(|limit| *limit > 0)?;
            let window = humantime::parse_duration(window.trim()).ok().filter(|w| !w.is_zero())?;
            Some(Self { limit, window })
        };
        parse().ok_or_else(|| format!("{text:?} is not a quota; write \"100/60s\""))
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself: only for the code that must use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// `None` when written as an empty string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Optional<T>(pub Option<T>);

impl<T> std::ops::Deref for Optional<T> {
    type Target = Option<T>;
    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: From<String>> Deserialize<'de> for Optional<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self((!text.is_empty()).then(|| T::from(text))))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Quota, parse_bytes};

    #[test]
    fn sizes_and_quotas_parse_or_say_why_not() {
        assert_eq!(parse_bytes("64KiB"), Some(65_536));
        assert_eq!(parse_bytes("10 MiB"), Some(10_485_760));
        assert_eq!(parse_bytes("10 parsecs"), None);
        assert!("100/60s".parse::<Quota>().is_ok());
        assert!("0/60s".parse::<Quota>().unwrap_err().contains("100/60s"));
    }
}
