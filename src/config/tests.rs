//! Every way a configuration can be wrong, with the text that the operator reads.

use std::{ffi::OsString, fs, path::PathBuf};

use super::{Flag, Loaded, Origin, Sources, load};

/// A directory of this test alone, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sportello-config-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn from_env(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Sources { environment: environment.collect(), ..Sources::default() }
}

fn from_flags(flags: &[(&str, &str)]) -> Sources {
    let flag =
        |(key, text): &(&str, &str)| Flag { name: "--set".into(), key: (*key).into(), text: (*text).into() };
    Sources { flags: flags.iter().map(flag).collect(), ..Sources::default() }
}

fn loaded(sources: &Sources) -> Loaded {
    load(sources).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(sources: &Sources) -> String {
    load(sources).expect_err("this configuration is wrong").to_string()
}

/// The message for a file with this text, without the directory.
fn file_refused(name: &str, text: &str) -> String {
    let dir = Dir::new(name);
    let file = dir.file("sportello.toml", text);
    let message = refused(&Sources { file: Some(file), ..Sources::default() });
    message.replace(&format!("{}/", dir.0.display()), "")
}

fn origin(loaded: &Loaded, name: &str) -> String {
    loaded.settings.iter().find(|setting| setting.name == name).unwrap().origin.to_string()
}

#[test]
fn the_defaults_pass_every_check_and_say_that_they_are_defaults() {
    let loaded = loaded(&Sources::default());
    assert!(loaded.settings.iter().all(|setting| setting.origin == Origin::Default));
    assert_eq!(loaded.config.server.listen.port(), 8080);
}

#[test]
fn each_layer_overrides_the_one_before_and_every_value_keeps_its_origin() {
    let dir = Dir::new("layers");
    let file = dir.file(
        "sportello.toml",
        "[server]\nlisten = \"127.0.0.1:1\"\nmax_connections = 11\nkeep_alive = \"1s\"\n[limits]\nenabled = false\n",
    );
    let mut sources = from_env(&[
        ("SPORTELLO_SERVER__LISTEN", "127.0.0.1:2"),
        ("SPORTELLO_JOBS__WORKERS", "3"),
        ("PATH", "/"),
    ]);
    sources.file = Some(file.clone());
    sources.flags =
        vec![Flag { name: "--listen".into(), key: "server.listen".into(), text: "127.0.0.1:3".into() }];
    let loaded = loaded(&sources);
    assert_eq!(loaded.config.server.listen.port(), 3);
    assert_eq!(loaded.config.server.max_connections, 11);
    assert_eq!(loaded.config.jobs.workers, 3);
    assert!(!loaded.config.limits.enabled);
    assert_eq!(origin(&loaded, "server.listen"), "flag --listen server.listen");
    assert_eq!(origin(&loaded, "server.max_connections"), format!("{}:3", file.display()));
    assert_eq!(origin(&loaded, "limits.enabled"), format!("{}:6", file.display()));
    assert_eq!(origin(&loaded, "jobs.workers"), "environment SPORTELLO_JOBS__WORKERS");
    assert_eq!(origin(&loaded, "jobs.claim"), "default");
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let dir = Dir::new("named");
    let file = dir.file("a.toml", "[jobs]\nworkers = 5\n");
    assert_eq!(loaded(&from_env(&[("SPORTELLO_CONFIG", file.to_str().unwrap())])).config.jobs.workers, 5);
    assert_eq!(
        refused(&from_env(&[("SPORTELLO_CONFIG", "/nowhere/a.toml")])),
        "configuration: /nowhere/a.toml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn secrets_come_from_files_without_their_line_end_and_are_never_shown() {
    let dir = Dir::new("secrets");
    let file = dir.file("url", "postgres://app:hunter2@db/app\n");
    let loaded = loaded(&from_env(&[("SPORTELLO_DATABASE__URL_FILE", file.to_str().unwrap())]));
    assert_eq!(loaded.config.database.url.as_ref().unwrap().expose(), "postgres://app:hunter2@db/app");
    assert_eq!(
        origin(&loaded, "database.url"),
        format!("environment SPORTELLO_DATABASE__URL_FILE ({})", file.display())
    );
    let shown = format!("{loaded:?}{}{:?}", loaded.to_toml(false), loaded.shown(false));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(loaded.to_toml(true).starts_with("[database]\nurl = \"[redacted]\""), "{}", loaded.to_toml(true));
}

#[test]
fn what_the_default_file_calls_secret_is_what_the_types_hide() {
    for setting in loaded(&Sources::default()).settings.iter().filter(|setting| setting.value.is_str()) {
        let mut root: toml::Table = super::DEFAULTS.parse().unwrap();
        root[setting.section()][setting.key()] = "marker-0123456789".into();
        let Ok(config) = root.try_into::<super::Config>() else { continue };
        let hidden = !format!("{config:?}").contains("marker-0123456789");
        assert_eq!(hidden, setting.secret, "{}", setting.name);
    }
}

#[test]
fn what_config_prints_is_a_configuration_again() {
    let printed =
        loaded(&from_flags(&[("server.trusted_proxies", "10.0.0.0/8, ::1"), ("jobs.workers", "7")]));
    let text = printed.to_toml(false).replace("[redacted]", "sixteen characters");
    let dir = Dir::new("round");
    let again = loaded(&Sources { file: Some(dir.file("again.toml", &text)), ..Sources::default() });
    assert_eq!(again.config.jobs.workers, 7);
    assert_eq!(again.config.server.trusted_proxies.len(), 2);
}

#[test]
fn unknown_names_in_a_file_are_refused_with_their_line_and_the_nearest_name() {
    let check = |text, expected: &str| assert_eq!(file_refused("names", text), expected);
    check(
        "[server]\nlisen = \"x\"\n",
        "configuration: sportello.toml:2: server.lisen is not a setting; did you mean server.listen?",
    );
    check(
        "\n[sever]\nlisten = \"x\"\n",
        "configuration: sportello.toml:3: [sever] is not a section; did you mean [server]?",
    );
    check(
        "[serverr]\n",
        "configuration: sportello.toml:1: [serverr] is not a section; did you mean [server]?",
    );
    check(
        "[server]\nworkers = 3\n",
        "configuration: sportello.toml:2: server.workers is not a setting; did you mean jobs.workers?",
    );
    check(
        "[ops]\nquux = 3\n",
        "configuration: sportello.toml:2: ops.quux is not a setting; `sportello config` lists them all",
    );
    check(
        "listen = \"x\"\n",
        "configuration: sportello.toml:1: listen stands outside a section; did you mean server.listen?",
    );
    check("[server\n", "configuration: sportello.toml:1: not TOML: unclosed table, expected `]`");
}

#[test]
fn every_problem_is_reported_at_once() {
    assert_eq!(
        file_refused("many", "[server]\nlisen = 1\nkeep_alive = \"soon\"\n[jobs]\nworkers = \"many\"\n"),
        "configuration: 3 problems\
         \n  sportello.toml:2: server.lisen is not a setting; did you mean server.listen?\
         \n  sportello.toml:5: jobs.workers: expected a whole number such as 16, found a text in quotes\
         \n  sportello.toml:3: server.keep_alive: \"soon\" is not a duration; write \"30s\" or \"5m\""
    );
}

#[test]
fn unknown_variables_are_refused_with_the_nearest_name() {
    let check = |variables: &[_], expected: &str| assert_eq!(refused(&from_env(variables)), expected);
    check(
        &[("SPORTELLO_SERVER__LISEN", "x")],
        "configuration: environment SPORTELLO_SERVER__LISEN: sets nothing; did you mean SPORTELLO_SERVER__LISTEN?",
    );
    check(
        &[("SPORTELLO_X", "x")],
        "configuration: environment SPORTELLO_X: sets nothing; variables are written SPORTELLO_SECTION__KEY",
    );
    check(
        &[("SPORTELLO_DATABASE__URL", "postgres://a/b"), ("SPORTELLO_DATABASE__URL_FILE", "/x")],
        "configuration: environment SPORTELLO_DATABASE__URL_FILE: SPORTELLO_DATABASE__URL is set too; \
         set only one of them",
    );
    check(
        &[("SPORTELLO_REDIS__URL_FILE", "/nowhere")],
        "configuration: environment SPORTELLO_REDIS__URL_FILE (/nowhere): cannot be read: \
         No such file or directory (os error 2)",
    );
    loaded(&from_env(&[("SPORTELLO_TEST_DATABASE_URL", "x"), ("SPORTELLO_REDIS__URL", "")]));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = OsString::from_vec(vec![0xff]);
    let sources = Sources { environment: vec![("SPORTELLO_MAIL__FROM".into(), value)], ..Sources::default() };
    assert_eq!(refused(&sources), "configuration: environment SPORTELLO_MAIL__FROM: is not UTF-8");
}

#[test]
fn flags_are_refused_like_everything_else() {
    let check = |flags: &[_], expected: &str| assert_eq!(refused(&from_flags(flags)), expected);
    check(
        &[("server.lisen", "x")],
        "configuration: flag --set: server.lisen is not a setting; did you mean server.listen?",
    );
    check(
        &[("workers", "1")],
        "configuration: flag --set: workers stands outside a section; did you mean jobs.workers?",
    );
    check(&[("server.", "1")], "configuration: flag --set: write section.key=value");
}

#[test]
fn values_of_the_wrong_type_say_what_to_write() {
    let check = |name: &str, text, expected: &str| {
        assert_eq!(
            refused(&from_flags(&[(name, text)])),
            format!("configuration: flag --set {name}: {name}: {expected}")
        );
    };
    check("jobs.workers", "many", "expected a whole number such as 16, found \"many\"");
    check("server.hsts", "yes", "expected true or false such as false, found \"yes\"");
    check("server.listen", "8080", "invalid socket address syntax; write it like \"127.0.0.1:8080\"");
    check("server.keep_alive", "75", "\"75\" is not a duration; write \"30s\" or \"5m\"");
    check("server.max_body_bytes", "1MB", "\"1MB\" is not a size; write \"64KiB\" or \"10MiB\"");
    check("limits.user", "0/60s", "\"0/60s\" is not a quota; write \"100/60s\"");
    check(
        "server.trusted_proxies",
        "office",
        "\"office\" is not a network; write \"10.0.0.0/8\" or \"127.0.0.1\"",
    );
    check("server.trusted_proxies", "[1", "expected a list, found \"[1\"");
    check("jobs.workers", "-1", "invalid value: integer `-1`, expected usize; write it like 16");
    assert_eq!(
        file_refused("types", "[server]\nkeep_alive = 75\n"),
        "configuration: sportello.toml:2: server.keep_alive: expected a text in quotes such as \"75s\", \
         found a whole number"
    );
}

#[test]
fn texts_must_name_something_real() {
    let check = |name: &str, text, expected: &str| {
        assert_eq!(
            refused(&from_flags(&[(name, text)])),
            format!("configuration: flag --set {name}: {name}: {expected}")
        );
    };
    check(
        "server.public_url",
        "tickets.example.org",
        "\"tickets.example.org\" is not an address; write \"https://tickets.example.org\", without a slash at the end",
    );
    check(
        "server.cors_origins",
        "https://a.example/x",
        "\"https://a.example/x\" is not an origin; write \"https://www.example.org\": scheme, host, port if unusual",
    );
    check(
        "database.url",
        "mysql://x",
        "not a PostgreSQL address; write \"postgres://user:password@host:5432/database\"",
    );
    check(
        "redis.url",
        "http://x",
        "not a Redis address; write \"redis://host:6379/0\" or \"rediss://host:6380/0\" for TLS",
    );
    check(
        "mail.smtp_url",
        "mail.example.org",
        "not an SMTP address; write \"smtp://user:password@host:587?tls=required\" or \"smtps://user:password@host\"",
    );
    check("mail.from", "nobody", "\"nobody\" is not a sender; write \"Sportello <noreply@example.org>\"");
    check("mail.language", "fr", "\"fr\" is not one of it, en");
    check("certified_mail.provider", "pec", "\"pec\" is not one of local, operator");
    check("certified_mail.domain", "a b", "\"a b\" is not a domain; write \"pec.example.org\"");
    check("payments.provider", "stripe", "\"stripe\" is not one of builtin");
    check("logs.format", "xml", "\"xml\" is not one of auto, text, json");
    check("events.time_zone", "Europe/Roma", "\"Europe/Roma\" is not a time zone; write \"Europe/Rome\"");
    check(
        "postgres.shared_buffers",
        "256MiB",
        "\"256MiB\" is not PostgreSQL's way to write memory; write \"256MB\"",
    );
    check("accounts.secret", "short", "too short to be a secret: at least 16 characters");
    check("payments.webhook_secret", "", "too short to be a secret: at least 16 characters");
    let filter = refused(&from_flags(&[("logs.level", "info,a=[")]));
    assert!(filter.contains("is not a log filter") && filter.contains("write \"info\""), "{filter}");
}

#[test]
fn rules_between_keys_are_checked() {
    let check = |name: &str, text, expected: &str| {
        assert_eq!(
            refused(&from_flags(&[(name, text)])),
            format!("configuration: flag --set {name}: {name}: {expected}")
        );
    };
    check("jobs.beat", "8s", "must be shorter than jobs.fence, or a healthy process is fenced");
    check("jobs.fence", "10s", "must be shorter than jobs.rescue, or a job could run twice at once");
    check("jobs.poll_min", "1s", "must be shorter than jobs.poll_max");
    check("actors.backoff_min", "6s", "must be shorter than actors.backoff_max");
    check("accounts.access_ttl", "8d", "must be shorter than accounts.refresh_ttl");
    check("accounts.min_password", "4", "must be at least 8");
    check("accounts.password_memory", "1KiB", "must be at least \"8KiB\"; \"19MiB\" is what OWASP asks for");
    check("database.lane_statement_timeout", "6s", "must not be longer than database.statement_timeout");
    check("database.replica_url", "postgres://a/b", "a replica needs a primary: set database.url too");
    check("documents.link_life", "8d", "must not be longer than documents.link_life_max");
    check(
        "documents.link_life_max",
        "8d",
        "must not be longer than \"7d\": share with people what they need for longer",
    );
    check(
        "clinic.tesseract",
        "bin/tesseract",
        "\"bin/tesseract\" is neither \"off\" nor an absolute path; empty is the one in PATH",
    );
    check("logs.file_bytes", "1KiB", "must be at least \"64KiB\"");
    check("database.pool_size", "0", "must be more than zero; the default is 20");
    check("jobs.poll_max", "0s", "must be more than zero; the default is \"1s\"");
    check(
        "documents.encrypt",
        "true",
        "set jobs.seal_keys, too: they wrap the keys of documents (one key: name:$(openssl rand -base64 32))",
    );
    check(
        "documents.clamd",
        "clamd",
        "not an address of clamd; write \"unix:/run/clamav/clamd.ctl\" or \"host:3310\"",
    );
    check("storage.s3_prefix", "a", "of no use without storage.s3_bucket: set it, or take this away");
    check(
        "postgres.max_connections",
        "41",
        "41 is too few: pool_size + pool_overflow + point_lanes + list_lanes + 6 reserved = 42",
    );
    loaded(&from_flags(&[("postgres.max_connections", "41"), ("database.url", "postgres://a/b")]));
    let bucket = |more: &[(&str, &str)]| from_flags(&[&[("storage.s3_bucket", "files")], more].concat());
    for (more, expected) in [
        (&[("storage.s3_key", "a")][..], "storage.s3_key is set: it needs its secret"),
        (&[("storage.s3_secret", "a")], "storage.s3_secret is set: it needs its key"),
        (
            &[("storage.s3_endpoint", "https://s3.example.org")],
            "a server of one's own wants a key and its secret",
        ),
        (
            &[("storage.s3_endpoint", "http://s3"), ("storage.s3_key", "a"), ("storage.s3_secret", "b")],
            "set storage.s3_allow_http, or write https: without TLS others read the files",
        ),
        (&[("storage.s3_endpoint", "s3.example.org")], "\"s3.example.org\" is not an address"),
    ] {
        let said = refused(&bucket(more));
        assert!(said.contains(expected), "{said}");
    }
    loaded(&bucket(&[])); // Amazon's machines are given their keys
    loaded(&from_flags(&[("database.pool_overflow", "0"), ("server.drain_delay", "0s")]));
}
