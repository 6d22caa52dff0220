//! Services that are optional: Redis, the mail server, the virus scanner.

use fred::interfaces::{ClientLike as _, KeysInterface as _};
use lettre::{AsyncSmtpTransport, Tokio1Executor};

use super::{Check, patiently};
use crate::{config::Config, documents::clamd::Clamd};

/// A key that nobody uses; only whether the server answers matters.
const KEY: &str = "sportello:doctor";

pub(super) async fn redis(config: &Config) -> Check {
    const NAME: &str = "Redis";
    let Some(url) = config.redis.url.as_ref() else {
        return Check::ok(NAME, "not configured: the cache and the limits are this process's own");
    };
    let advice = "is it running, and is redis.url right? Without it requests are served, only slower";
    let client = match fred::types::config::Config::from_url(url.expose()) {
        Ok(config) => fred::clients::Client::new(config, None, None, None),
        Err(_) => return Check::fail(NAME, "not an address", "correct redis.url"),
    };
    let look = patiently(async {
        let connection = client.init().await?;
        let asked = client.exists::<i64, _>(KEY).await;
        let _ = client.quit().await; // the answer is known already
        let _ = connection.await;
        asked
    });
    match look.await {
        Some(Ok(_)) => Check::ok(NAME, "answers"),
        Some(Err(error)) => Check::warn(NAME, error.to_string(), advice),
        None => Check::warn(NAME, "does not answer", advice),
    }
}

pub(super) async fn smtp(config: &Config) -> Check {
    const NAME: &str = "mail server";
    let Some(url) = config.mail.smtp_url.as_ref() else {
        let found = "not configured: mails become files in the outbox and reach nobody";
        return Check::warn(NAME, found, "set mail.smtp_url before people depend on mails");
    };
    let advice = "is it reachable from here, and are user and password of mail.smtp_url right?";
    let transport: AsyncSmtpTransport<Tokio1Executor> =
        match AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()) {
            Ok(builder) => builder.timeout(Some(super::PATIENCE)).build(),
            Err(_) => return Check::fail(NAME, "not an address", "correct mail.smtp_url"),
        };
    match patiently(transport.test_connection()).await {
        Some(Ok(true)) => Check::ok(NAME, "answers and lets us in"),
        Some(Ok(false)) => Check::fail(NAME, "answers, but is not ready", advice),
        Some(Err(error)) => Check::fail(NAME, error.to_string(), advice),
        None => Check::fail(NAME, "does not answer", advice),
    }
}

pub(super) async fn scanner(config: &Config) -> Check {
    const NAME: &str = "virus scanner";
    let clamd = match Clamd::of(&config.documents) {
        Ok(Some(clamd)) => clamd,
        Ok(None) => return Check::ok(NAME, "not configured: files come in without having been looked at"),
        Err(error) => return Check::fail(NAME, error.to_string(), "correct documents.clamd"),
    };
    let advice =
        "is it running, and may this user open its socket? Uploads wait for it (documents.clamd_required)";
    match patiently(clamd.version()).await {
        Some(Ok(version)) => Check::ok(NAME, version),
        Some(Err(error)) => Check::fail(NAME, error.to_string(), advice),
        None => Check::fail(NAME, "does not answer", advice),
    }
}
