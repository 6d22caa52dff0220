//! Services that are optional: Redis, the mail servers, the virus scanner; and the program that reads pictures of pages.

use std::process::Stdio;

use fred::interfaces::{ClientLike as _, KeysInterface as _};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use tokio::process::Command;

use super::{Check, Status, patiently};
use crate::{
    clinic::reading::parent::Tesseract,
    config::{Config, values::Secret},
    documents::clamd::Clamd,
    notary::certified_mail::provider::{CertifiedMailProvider as _, Provider},
};

/// Those of clinics' documents, as tesseract calls them.
const LANGUAGES: [&str; 2] = ["ita", "eng"];
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
    server(NAME, "mail.smtp_url", url).await
}

/// Where certified mail is handed over, and whether its receipts are believed.
pub(super) async fn certified_mail(config: &Config) -> Check {
    const NAME: &str = "certified mail";
    let provider = match Provider::new(config) {
        Ok(provider) => provider,
        Err(error) => return Check::fail(NAME, format!("{error:#}"), "correct the section certified_mail"),
    };
    let Some(url) = config.certified_mail.smtp_url.as_ref() else {
        let found = "not configured: certified mails become files in an outbox, with receipts for trials";
        return Check::ok(NAME, found);
    };
    let check = server(NAME, "certified_mail.smtp_url", url).await;
    if check.status == Status::Ok && !provider.certifies() && provider.roots().is_empty() {
        let found = format!("{}; nobody looks at the signatures of receipts", check.found);
        let advice = "name the certificates of who certifies operators in certified_mail.operator_roots";
        return Check::warn(NAME, found, advice);
    }
    check
}

/// A mail server: whether it answers and takes our user and password.
async fn server(name: &'static str, key: &str, url: &Secret) -> Check {
    let advice = format!("is it reachable from here, and are user and password of {key} right?");
    let transport: AsyncSmtpTransport<Tokio1Executor> =
        match AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose()) {
            Ok(builder) => builder.timeout(Some(super::PATIENCE)).build(),
            Err(_) => return Check::fail(name, "not an address", format!("correct {key}")),
        };
    match patiently(transport.test_connection()).await {
        Some(Ok(true)) => Check::ok(name, "answers and lets us in"),
        Some(Ok(false)) => Check::fail(name, "answers, but is not ready", advice),
        Some(Err(error)) => Check::fail(name, error.to_string(), advice),
        None => Check::fail(name, "does not answer", advice),
    }
}

/// What reads the pages of clinics' documents that are pictures.
pub(super) async fn tesseract(config: &Config) -> Check {
    const NAME: &str = "tesseract";
    let advice = "apt install tesseract-ocr tesseract-ocr-ita tesseract-ocr-eng, or set clinic.tesseract";
    let configured = match config.clinic.tesseract.as_deref() {
        None => Tesseract::Installed,
        Some("off") => return Check::ok(NAME, "switched off: pages that are pictures have no text"),
        Some(path) => Tesseract::At(path.into()),
    };
    let Some(program) = configured.find() else {
        let found = match configured {
            Tesseract::At(path) => format!("there is none at {}", path.display()),
            _ => "not installed: pages of clinics' documents that are pictures have no text".to_owned(),
        };
        return Check::warn(NAME, found, advice);
    };
    let mut listing = Command::new(&program);
    let listing = listing.arg("--list-langs").stdin(Stdio::null()).kill_on_drop(true).output();
    let said = match patiently(listing).await {
        Some(Ok(said)) if said.status.success() => String::from_utf8_lossy(&said.stdout).into_owned(),
        Some(Ok(said)) => {
            return Check::fail(NAME, format!("{} ends with {}", program.display(), said.status), advice);
        }
        Some(Err(error)) => return Check::fail(NAME, format!("{}: {error}", program.display()), advice),
        None => return Check::fail(NAME, format!("{} does not answer", program.display()), advice),
    };
    let missing: Vec<&str> =
        LANGUAGES.into_iter().filter(|language| said.lines().all(|line| line.trim() != *language)).collect();
    if missing.is_empty() {
        Check::ok(NAME, format!("{} reads Italian and English", program.display()))
    } else {
        let found = format!("{} lacks the language {}", program.display(), missing.join(" and "));
        Check::warn(NAME, found, advice)
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
