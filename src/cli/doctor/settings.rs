//! Settings that are valid and yet should not go live.

use super::Check;
use crate::config::Config;

pub(super) fn check(config: &Config) -> Vec<Check> {
    vec![secrets(config), links(config), transport(config), proxies(config), protections(config)]
}

fn secrets(config: &Config) -> Check {
    const NAME: &str = "secrets";
    let demo = Config::defaults().payments.webhook_secret;
    if config.payments.webhook_secret == demo {
        let found = "payments.webhook_secret is the published one: anybody can forge payments";
        return Check::warn(
            NAME,
            found,
            "set SPORTELLO_PAYMENTS__WEBHOOK_SECRET or …_FILE before going live",
        );
    }
    if config.database.url.is_some() && config.accounts.secret.is_none() {
        return Check::warn(
            NAME,
            "accounts.secret is made by each server for itself: a second one on this database would not understand it",
            "set SPORTELLO_ACCOUNTS__SECRET or …_FILE to the same in all servers of one database",
        );
    }
    Check::ok(NAME, "none is the published default")
}

fn links(config: &Config) -> Check {
    const NAME: &str = "links in mails";
    let base = config.server.base_url();
    let found = format!("look like {base}/account/reset#…");
    if config.server.public_url.is_none() {
        let found = format!("{found}, which others cannot open");
        return Check::warn(NAME, found, "set server.public_url to the address that people type");
    }
    let host = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if name == "localhost" || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified()) {
        let advice = "set server.public_url to the address that people type, not to this machine's own";
        return Check::warn(NAME, format!("{found}: only this machine can open them"), advice);
    }
    if !base.starts_with("https://") {
        let found = format!("{found}: new passwords would travel in clear");
        return Check::warn(NAME, found, "serve through a TLS proxy and make server.public_url https");
    }
    Check::ok(NAME, found)
}

fn transport(config: &Config) -> Check {
    const NAME: &str = "HTTPS";
    let https = config.server.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    match (https, config.server.hsts) {
        (true, false) => Check::warn(
            NAME,
            "server.public_url is https, but browsers are not told to insist on it",
            "set server.hsts = true when every path is served over TLS",
        ),
        (false, true) => Check::warn(
            NAME,
            "server.hsts is on, but server.public_url is not https",
            "browsers ignore it over HTTP: serve through a TLS proxy and set server.public_url",
        ),
        (true, true) => Check::ok(NAME, "browsers are told to insist on it"),
        (false, false) => Check::ok(NAME, "not used; put a TLS proxy in front before going live"),
    }
}

fn proxies(config: &Config) -> Check {
    const NAME: &str = "proxies";
    let server = &config.server;
    let behind = server.public_url.is_some() && server.listen.ip().is_loopback();
    if server.trusted_proxies.is_empty() && behind {
        return Check::warn(
            NAME,
            "public and listening on loopback, so behind a proxy, but none is trusted: all clients look like one",
            "set server.trusted_proxies = [\"127.0.0.1\", \"::1\"]",
        );
    }
    Check::ok(NAME, format!("{} trusted", server.trusted_proxies.len()))
}

fn protections(config: &Config) -> Check {
    const NAME: &str = "protections";
    if !config.limits.enabled {
        return Check::warn(NAME, "rate limits are off", "set limits.enabled = true");
    }
    if config.ops.game_day {
        return Check::warn(
            NAME,
            "administrators may inject faults",
            "set ops.game_day = false after the exercise",
        );
    }
    Check::ok(NAME, "rate limits are on, fault injection is off")
}
