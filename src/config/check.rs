//! What must hold beyond each key's type: limits above zero, texts that name something real, and rules between
//! keys. The server refuses to start rather than find out at night.

use std::{path::Path, str::FromStr, time::Duration};

use toml::Value;

use super::{Config, error::Problem, origin::Setting, values::Bytes};
use crate::documents::clamd::Clamd;

/// Connections of the managed server that are not the pool's or the lanes': PostgreSQL's own reserve for
/// superusers (3), the listener, administration, and one `psql` of the operator.
pub const RESERVED_CONNECTIONS: usize = 6;
/// Shorter keys could be guessed.
const MIN_SECRET: usize = 16;
/// Smaller log files would rotate without end.
const MIN_LOG_FILE: usize = 64 << 10;
/// argon2's own minimum for one lane.
const MIN_PASSWORD_MEMORY: usize = 8 << 10;
/// A secret that is passed on is not kept for long; the description of the API says so, too.
const MAX_LINK_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// What OWASP and NIST SP 800-63B ask of a password.
const MIN_PASSWORD: usize = 8;

/// Keys whose zero means something: no overflow, no delay, everything is slow, nothing is kept.
const MAY_BE_ZERO: [&str; 8] = [
    "server.drain_delay",
    "server.slow_request",
    "server.compression_min_bytes",
    "database.pool_overflow",
    "database.slow_query",
    "cache.stale_if_error",
    "cache.ttl_negative",
    "postgres.stop_timeout",
];

/// Every broken rule, at the place where the value was given.
pub(super) fn check(config: &Config, settings: &[Setting]) -> Vec<Problem> {
    let mut rules = Rules { broken: Vec::new() };
    rules.positive(settings);
    if !rules.broken.is_empty() {
        // The rules between keys would only repeat the news.
        return rules.broken.into_iter().map(|(name, message)| place(settings, name, &message)).collect();
    }
    rules.server(config);
    rules.database(config);
    rules.addresses(config);
    rules.choices(config);
    rules.jobs_and_actors(config);
    rules.accounts(config);
    rules.documents(config);
    rules.storage(config);
    rules.broken.into_iter().map(|(name, message)| place(settings, name, &message)).collect()
}

fn place(settings: &[Setting], name: &str, message: &str) -> Problem {
    let origin = settings.iter().find(|setting| setting.name == name).map(|setting| &setting.origin);
    Problem {
        place: origin.map_or_else(|| "default".to_owned(), ToString::to_string),
        message: format!("{name}: {message}"),
    }
}

struct Rules<'a> {
    broken: Vec<(&'a str, String)>,
}

impl<'a> Rules<'a> {
    fn require(&mut self, holds: bool, name: &'a str, message: impl Into<String>) {
        if !holds {
            self.broken.push((name, message.into()));
        }
    }

    /// Whatever is above zero by default is a limit or a time that zero would turn into a standstill.
    fn positive(&mut self, settings: &'a [Setting]) {
        for setting in settings.iter().filter(|setting| !MAY_BE_ZERO.contains(&setting.name.as_str())) {
            let amount = |value: &Value| match value {
                Value::Integer(number) => Some(i128::from(*number)),
                Value::String(text) if humantime::parse_duration(text).is_ok() => {
                    humantime::parse_duration(text).ok().map(|time| time.as_nanos() as i128)
                }
                Value::String(text) => Bytes::from_str(text).ok().map(|size| size.0 as i128),
                _ => None,
            };
            if amount(&setting.default).is_some_and(|default| default > 0)
                && amount(&setting.value) == Some(0)
            {
                let message = format!("must be more than zero; the default is {}", setting.default);
                self.require(false, &setting.name, message);
            }
        }
    }

    fn server(&mut self, config: &Config) {
        let server = &config.server;
        if let Some(url) = &*server.public_url {
            self.require(is_origin(url, true), "server.public_url", format!(
                "{url:?} is not an address; write \"https://tickets.example.org\", without a slash at the end"
            ));
        }
        for origin in &server.cors_origins {
            self.require(is_origin(origin, false), "server.cors_origins", format!(
                "{origin:?} is not an origin; write \"https://www.example.org\": scheme, host, port if unusual"
            ));
        }
    }

    fn database(&mut self, config: &Config) {
        let (database, postgres) = (&config.database, &config.postgres);
        let valid =
            |url: &str| tokio_postgres::Config::from_str(url).is_ok_and(|url| !url.get_hosts().is_empty());
        for (name, url) in [("database.url", &database.url), ("database.replica_url", &database.replica_url)]
        {
            if let Some(url) = &**url {
                let message =
                    "not a PostgreSQL address; write \"postgres://user:password@host:5432/database\"";
                self.require(valid(url.expose()), name, message);
            }
        }
        self.require(
            database.replica_url.is_none() || database.url.is_some(),
            "database.replica_url",
            "a replica needs a primary: set database.url too",
        );
        self.require(
            database.lane_statement_timeout <= database.statement_timeout,
            "database.lane_statement_timeout",
            "must not be longer than database.statement_timeout",
        );
        self.require(
            is_memory(&postgres.shared_buffers),
            "postgres.shared_buffers",
            format!("{:?} is not PostgreSQL's way to write memory; write \"256MB\"", postgres.shared_buffers),
        );
        let wanted = database.pool_size
            + database.pool_overflow
            + database.point_lanes
            + database.list_lanes
            + RESERVED_CONNECTIONS;
        self.require(
            database.url.is_some() || wanted <= postgres.max_connections,
            "postgres.max_connections",
            format!(
                "{} is too few: pool_size + pool_overflow + point_lanes + list_lanes + {RESERVED_CONNECTIONS} \
                 reserved = {wanted}",
                postgres.max_connections
            ),
        );
    }

    /// Of Redis, SMTP and mail.
    fn addresses(&mut self, config: &Config) {
        let has_scheme = |url: &str, schemes: &[&str]| schemes.iter().any(|scheme| url.starts_with(scheme));
        if let Some(url) = &*config.redis.url {
            let message =
                "not a Redis address; write \"redis://host:6379/0\" or \"rediss://host:6380/0\" for TLS";
            let valid = has_scheme(url.expose(), &["redis://", "rediss://"])
                && fred::types::config::Config::from_url(url.expose()).is_ok();
            self.require(valid, "redis.url", message);
        }
        for (name, url) in [
            ("mail.smtp_url", &config.mail.smtp_url),
            ("certified_mail.smtp_url", &config.certified_mail.smtp_url),
        ] {
            if let Some(url) = &**url {
                let message = "not an SMTP address; write \"smtp://user:password@host:587?tls=required\" or \
                               \"smtps://user:password@host\"";
                let valid = has_scheme(url.expose(), &["smtp://", "smtps://"])
                    && lettre::AsyncSmtpTransport::<lettre::Tokio1Executor>::from_url(url.expose()).is_ok();
                self.require(valid, name, message);
            }
        }
        let certified = &config.certified_mail;
        self.require(
            certified.provider != "operator" || certified.smtp_url.is_some(),
            "certified_mail.smtp_url",
            "an operator of certified mail has an SMTP server: name it",
        );
        self.require(
            lettre::Address::new("a", &certified.domain).is_ok(),
            "certified_mail.domain",
            format!("{:?} is not a domain; write \"pec.example.org\"", certified.domain),
        );
        self.require(
            lettre::message::Mailbox::from_str(&config.mail.from).is_ok(),
            "mail.from",
            format!("{:?} is not a sender; write \"Sportello <noreply@example.org>\"", config.mail.from),
        );
    }

    /// Texts with a fixed set of values.
    fn choices(&mut self, config: &Config) {
        let mut choice = |name, value: &str, allowed: &[&str]| {
            let message = format!("{value:?} is not one of {}", allowed.join(", "));
            self.require(allowed.contains(&value), name, message);
        };
        choice("database.reads", &config.database.reads, &["lanes", "direct"]);
        choice("mail.language", &config.mail.language, &["it", "en"]);
        choice("certified_mail.provider", &config.certified_mail.provider, &["local", "operator"]);
        choice("conservation.provider", &config.conservation.provider, &["local"]);
        choice("payments.provider", &config.payments.provider, &["builtin"]);
        choice("signature.provider", &config.signature.provider, &["local"]);
        choice("time_stamp.provider", &config.time_stamp.provider, &["local"]);
        choice("logs.format", &config.logs.format, &["auto", "text", "json"]);
        self.require(
            jiff::tz::TimeZone::get(&config.events.time_zone).is_ok(),
            "events.time_zone",
            format!("{:?} is not a time zone; write \"Europe/Rome\"", config.events.time_zone),
        );
        if let Some(path) = &*config.clinic.tesseract {
            self.require(
                path == "off" || Path::new(path).is_absolute(),
                "clinic.tesseract",
                format!("{path:?} is neither \"off\" nor an absolute path; empty is the one in PATH"),
            );
        }
        if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&config.logs.level) {
            let message = format!("{:?} is not a log filter ({error}); write \"info\"", config.logs.level);
            self.require(false, "logs.level", message);
        }
        self.require(
            *config.logs.file_bytes >= MIN_LOG_FILE,
            "logs.file_bytes",
            "must be at least \"64KiB\"",
        );
    }

    fn jobs_and_actors(&mut self, config: &Config) {
        let (jobs, actors) = (&config.jobs, &config.actors);
        let mut ordered = |name, first: Duration, second: Duration, message: &str| {
            self.require(first < second, name, message);
        };
        ordered(
            "jobs.beat",
            *jobs.beat,
            *jobs.fence,
            "must be shorter than jobs.fence, or a healthy process is fenced",
        );
        ordered(
            "jobs.fence",
            *jobs.fence,
            *jobs.rescue,
            "must be shorter than jobs.rescue, or a job could run twice at once",
        );
        ordered(
            "jobs.breaker_pause",
            *jobs.breaker_pause,
            *jobs.breaker_pause_max,
            "must be shorter than jobs.breaker_pause_max",
        );
        ordered("jobs.poll_min", *jobs.poll_min, *jobs.poll_max, "must be shorter than jobs.poll_max");
        ordered(
            "actors.backoff_min",
            *actors.backoff_min,
            *actors.backoff_max,
            "must be shorter than actors.backoff_max",
        );
    }

    fn storage(&mut self, config: &Config) {
        let storage = &config.storage;
        let of_bucket = [
            ("storage.s3_endpoint", storage.s3_endpoint.is_some()),
            ("storage.s3_key", storage.s3_key.is_some()),
            ("storage.s3_secret", storage.s3_secret.is_some()),
            ("storage.s3_prefix", storage.s3_prefix.is_some()),
        ];
        if storage.s3_bucket.is_none() {
            for (name, _) in of_bucket.into_iter().filter(|(_, is_set)| *is_set) {
                self.require(false, name, "of no use without storage.s3_bucket: set it, or take this away");
            }
            return;
        }
        let (has_key, has_secret) = (storage.s3_key.is_some(), storage.s3_secret.is_some());
        self.require(has_key || !has_secret, "storage.s3_key", "storage.s3_secret is set: it needs its key");
        self.require(
            has_secret || !has_key,
            "storage.s3_secret",
            "storage.s3_key is set: it needs its secret",
        );
        if let Some(endpoint) = &*storage.s3_endpoint {
            let message = format!(
                "{endpoint:?} is not an address; write \"https://s3.example.org\", without the bucket"
            );
            self.require(is_origin(endpoint, false), "storage.s3_endpoint", message);
            let is_open = endpoint.starts_with("http://") && !storage.s3_allow_http;
            let message = "set storage.s3_allow_http, or write https: without TLS others read the files";
            self.require(!is_open, "storage.s3_endpoint", message);
            // Machines of Amazon's are given keys by their surroundings.
            self.require(has_key, "storage.s3_key", "a server of one's own wants a key and its secret");
        }
    }

    fn documents(&mut self, config: &Config) {
        if let Err(wrong) = Clamd::of(&config.documents) {
            self.require(false, "documents.clamd", wrong.to_string());
        }
        self.require(
            !config.documents.encrypt || config.jobs.seal_keys.is_some(),
            "documents.encrypt",
            "set jobs.seal_keys, too: they wrap the keys of documents (one key: name:$(openssl rand -base64 32))",
        );
        self.require(
            config.documents.link_life <= config.documents.link_life_max,
            "documents.link_life",
            "must not be longer than documents.link_life_max",
        );
        self.require(
            *config.documents.link_life_max <= MAX_LINK_LIFE,
            "documents.link_life_max",
            "must not be longer than \"7d\": share with people what they need for longer",
        );
    }

    fn accounts(&mut self, config: &Config) {
        let accounts = &config.accounts;
        self.require(
            accounts.access_ttl < accounts.refresh_ttl,
            "accounts.access_ttl",
            "must be shorter than accounts.refresh_ttl",
        );
        self.require(
            accounts.min_password >= MIN_PASSWORD,
            "accounts.min_password",
            format!("must be at least {MIN_PASSWORD}"),
        );
        self.require(
            accounts.key_quota <= accounts.key_quota_max,
            "accounts.key_quota",
            "must not be more than accounts.key_quota_max",
        );
        self.require(
            i32::try_from(accounts.key_quota_max).is_ok(),
            "accounts.key_quota_max",
            format!("must be at most {}", i32::MAX),
        );
        self.require(
            *accounts.password_memory >= MIN_PASSWORD_MEMORY,
            "accounts.password_memory",
            "must be at least \"8KiB\"; \"19MiB\" is what OWASP asks for",
        );
        let long = |secret: &str| secret.len() >= MIN_SECRET;
        let message = format!("too short to be a secret: at least {MIN_SECRET} characters");
        let secret = accounts.secret.as_ref().is_none_or(|secret| long(secret.expose()));
        self.require(secret, "accounts.secret", message.clone());
        self.require(long(config.payments.webhook_secret.expose()), "payments.webhook_secret", message);
    }
}

/// `scheme://host[:port]`, with a path only where `with_path` allows one.
fn is_origin(text: &str, with_path: bool) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let web = uri
        .scheme()
        .is_some_and(|scheme| *scheme == http::uri::Scheme::HTTP || *scheme == http::uri::Scheme::HTTPS);
    let path = uri.path() == "/" || with_path;
    web && path
        && uri.query().is_none()
        && !text.ends_with('/')
        && uri.host().is_some_and(|host| !host.is_empty())
}

/// PostgreSQL's memory units.
fn is_memory(text: &str) -> bool {
    let number = ["kB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit));
    number.is_some_and(|number| number.trim().parse::<u64>().is_ok_and(|amount| amount > 0))
}
