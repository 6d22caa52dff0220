//! "Did you mean": the nearest known name, when one is near enough to be helpful.

/// Names less alike than this (Jaro–Winkler) are not worth suggesting.
const ALIKE: f64 = 0.82;

/// The known name most like `given`.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The known `section.key` that was probably meant: a similar key in that section, else the same key in another,
/// else whatever looks alike.
pub fn nearest_setting<'a>(section: &str, key: &str, known: &[&'a str]) -> Option<&'a str> {
    let split = |name: &'a str| name.split_once('.').unwrap_or(("", name));
    let here = known.iter().filter(|name| split(name).0 == section).map(|name| split(name).1);
    let found = |section: &str, key: &str| known.iter().copied().find(|name| split(name) == (section, key));
    nearest(key, here)
        .and_then(|near| found(section, near))
        .or_else(|| known.iter().copied().find(|name| split(name).1 == key))
        .or_else(|| nearest(&format!("{section}.{key}"), known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::{nearest, nearest_setting};

    const KNOWN: [&str; 4] = ["server.listen", "server.keep_alive", "database.url", "jobs.workers"];

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("sever", ["server", "cache"]), Some("server"));
        assert_eq!(nearest("quantum", ["server", "cache"]), None);
    }

    #[test]
    fn a_key_in_the_wrong_section_is_found_in_the_right_one() {
        assert_eq!(nearest_setting("server", "lisen", &KNOWN), Some("server.listen"));
        assert_eq!(nearest_setting("server", "workers", &KNOWN), Some("jobs.workers"));
        assert_eq!(nearest_setting("server", "keepalive", &KNOWN), Some("server.keep_alive"));
        assert_eq!(nearest_setting("serv", "listen", &KNOWN), Some("server.listen"));
    }
}
