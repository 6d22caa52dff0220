//! The command line as operators and scripts use it: the real binary, beside a running server.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{app::TestApp, client::Client, process, scratch::Scratch, until::until};

/// What a command did.
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs `sportello` with these arguments and variables and nothing else of ours.
async fn sportello(arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = process::sportello();
    command.args(arguments).envs(variables.iter().copied());
    Done::of(command.output().await.unwrap())
}

/// Runs it on the database of `app`.
async fn beside(app: &TestApp, arguments: &[&str]) -> Done {
    let data_dir = app.app.config.database.data_dir.display().to_string();
    let (url, listen) = (app.database.url(), app.app.address.to_string());
    let variables = [
        ("SPORTELLO_DATABASE__URL", url.as_str()),
        ("SPORTELLO_DATABASE__DATA_DIR", data_dir.as_str()),
        ("SPORTELLO_SERVER__LISTEN", listen.as_str()),
        ("SPORTELLO_ACCOUNTS__PASSWORD_MEMORY", "64KiB"), // a test need not resist attackers
    ];
    sportello(arguments, &variables).await
}

async fn log_in(client: &Client, password: &str) -> u16 {
    let body = json!({"email": "root@example.org", "password": password});
    client.post("/api/v1/auth/login", body).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_is_made_gets_a_new_password_and_is_disabled_beside_a_running_server() {
    let app = TestApp::start().await;
    let file = app.app.config.database.data_dir.join("password");
    let file = file.to_str().unwrap();
    let client = app.anonymous();

    std::fs::write(file, "la prima parola lunga\n").unwrap();
    let create = [
        "user",
        "create",
        "--role",
        "admin",
        "--email",
        "Root@Example.org",
        "--password-file",
        file,
        "--json",
    ];
    let made = beside(&app, &create).await.expect(0);
    assert_eq!(
        (&made.json()["email"], &made.json()["roles"]),
        (&json!("root@example.org"), &json!(["client", "admin"]))
    );
    assert!(!made.out.contains("argon2"), "{}", made.out);
    assert_eq!(log_in(&client, "la prima parola lunga").await, 200);
    let again = beside(&app, &create).await.expect(1);
    assert!(again.err.contains("has an account already"), "{}", again.err);

    std::fs::write(file, "la seconda parola lunga\n").unwrap();
    let set = ["user", "set-password", "--email", "root@example.org", "--password-file", file];
    beside(&app, &set).await.expect(0);
    assert_eq!(log_in(&client, "la prima parola lunga").await, 401);
    assert_eq!(log_in(&client, "la seconda parola lunga").await, 200);

    let listed = beside(&app, &["user", "list", "--role", "admin", "--json"]).await.expect(0).json();
    assert_eq!(listed["users"][0]["sessions"], 1, "setting the password ended the first session: {listed}");
    let disabled = beside(&app, &["user", "disable", "--email", "root@example.org"]).await.expect(0);
    assert!(disabled.out.contains("1 sessions have ended, 0 keys"), "{}", disabled.out);
    assert_ne!(log_in(&client, "la seconda parola lunga").await, 200);
    let listed = beside(&app, &["user", "list", "--json"]).await.expect(0).json();
    assert_eq!((&listed["users"][0]["active"], &listed["users"][0]["sessions"]), (&json!(false), &json!(0)));
    beside(&app, &["user", "enable", "--email", "root@example.org"]).await.expect(0);
    assert_eq!(log_in(&client, "la seconda parola lunga").await, 200);
    beside(&app, &["user", "disable", "--email", "nobody@example.org"]).await.expect(1);
    let journalled: i64 =
        app.value("SELECT count(*) FROM journal WHERE action LIKE 'user.%' AND target <> ''").await;
    assert_eq!(journalled, 3);
    app.finish().await;
}

#[tokio::test]
async fn weak_passwords_odd_addresses_and_unknown_roles_are_wrong_usage() {
    let weak = ["user", "create", "--email", "a@example.org", "--password", "short"];
    let weak = sportello(&weak, &[]).await.expect(2);
    assert!(weak.err.contains("can be seen by other users"), "{}", weak.err);
    assert!(!weak.err.contains("\"short\""), "{}", weak.err);
    sportello(&["user", "create", "--email", "nobody", "--password", "abcdefgh 12345"], &[]).await.expect(2);
    sportello(&["user", "create", "--email", "a@example.org", "--role", "king"], &[]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_the_warmer_talk_to_the_running_server() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.an_event().create().await;
    }
    let ready = beside(&app, &["health"]).await.expect(0);
    assert_eq!(ready.json()["status"], "ready");
    beside(&app, &["health", "--alive"]).await.expect(0);
    let warmed = beside(&app, &["warm-cache", "--events", "2", "--json"]).await.expect(0).json();
    assert_eq!(warmed["failed"], 0, "{warmed}");
    let address = format!("http://{}", app.app.address);
    app.finish().await;
    sportello(&["health", &address], &[]).await.expect(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_reported_and_the_doctor_finds_the_database() {
    let app = TestApp::start().await;
    let status = beside(&app, &["migrate", "status", "--json"]).await.expect(0).json();
    assert_eq!(status["waiting"], 0);
    let run = beside(&app, &["migrate", "--json"]).await.expect(0).json();
    assert_eq!(run["applied"], json!([]));
    let report = beside(&app, &["doctor", "--json"]).await.expect(0).json();
    let check = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"))["status"]
            .clone()
    };
    assert_eq!((check("database"), check("schema")), (json!("ok"), json!("ok")));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_wrong_directory_only_three_commands_make_a_database() {
    let scratch = Scratch::new();
    let directory = scratch.path().to_str().unwrap();
    let variables =
        [("SPORTELLO_DATABASE__DATA_DIR", directory), ("SPORTELLO_POSTGRES__SHARED_BUFFERS", "32MB")];
    let (list, disable) = (["user", "list", "--json"], ["user", "disable", "--email", "a@example.org"]);
    for command in [&list[..], &disable, &["migrate", "status"], &["warm-cache", "http://127.0.0.1:1"]] {
        let refused = sportello(command, &variables).await.expect(3);
        let of_the_database = command[0] != "warm-cache";
        for word in [directory, "database.data_dir", "`sportello serve`"] {
            assert_eq!(refused.err.contains(word), of_the_database, "{command:?}: {}", refused.err);
        }
    }
    sportello(&["doctor", "--json"], &variables).await;
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0, "nothing was made");
    sportello(&["migrate"], &variables).await.expect(0);
    assert_eq!(sportello(&list, &variables).await.expect(0).json()["users"], json!([]));
    sportello(&["migrate", "status"], &variables).await.expect(0);
}

#[tokio::test]
async fn exit_codes_tell_failures_apart() {
    sportello(&["config", "--set", "server.lisen=1"], &[]).await.expect(78);
    sportello(&["config"], &[("SPORTELLO_SERVER__LISEN", "1")]).await.expect(78);
    sportello(&["serve", "--listen", "nowhere"], &[]).await.expect(78);
    sportello(&["config", "--set", "server.listen"], &[]).await.expect(2);
    sportello(&["dance"], &[]).await.expect(2);
    // Port 1 of this machine is closed.
    let away = [("SPORTELLO_DATABASE__URL", "postgres://app:hunter2@127.0.0.1:1/app")];
    for command in [["migrate", "status"], ["user", "list"]] {
        let failed = sportello(&command, &away).await.expect(3);
        assert!(!failed.err.contains("hunter2"), "{}", failed.err);
    }
    sportello(&["doctor", "--json"], &away).await.expect(1);
    // What needs no configuration does not mind a wrong one.
    let wrong = [("SPORTELLO_SERVER__LISEN", "1")];
    assert!(sportello(&["completions", "bash"], &wrong).await.expect(0).out.contains("_sportello"));
    assert_eq!(sportello(&["openapi"], &wrong).await.expect(0).json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_configuration_is_printed_with_origins_and_without_secrets() {
    let variables =
        [("SPORTELLO_DATABASE__URL", "postgres://app:hunter2@db/app"), ("SPORTELLO_JOBS__WORKERS", "3")];
    let shown = sportello(&["config", "--changed", "--json", "--set", "server.hsts=true"], &variables).await;
    let shown = shown.expect(0);
    assert!(!shown.out.contains("hunter2"));
    let origins: Vec<(String, String)> = shown
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["key"].as_str().unwrap().to_owned(), it["origin"]["kind"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [("server.hsts", "flag"), ("database.url", "env"), ("jobs.workers", "env")];
    assert_eq!(origins, expected.map(|(key, kind)| (key.to_owned(), kind.to_owned())));
    let defaults = sportello(&["config", "--defaults"], &[]).await.expect(0).out;
    assert_eq!(defaults.trim_end(), sportello::config::DEFAULTS.trim_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_looked_after_beside_a_running_server() {
    let app = TestApp::start().await;
    let cron = async |arguments: &[&str], code: i32| {
        beside(&app, &[&["cron"], arguments].concat()).await.expect(code)
    };
    let create = ["create", "reports.nightly", "--kind", "events.warm_cache", "--spec", "30 2 * * MON-FRI"];
    let terms = [
        "--tz",
        "Europe/Rome",
        "--overlap",
        "cancel_old",
        "--missed-within",
        "12h",
        "--tag",
        "report",
        "--json",
    ];
    let made = cron(&[&create[..], &terms[..]].concat(), 0).await.json();
    assert_eq!((&made["overlap"], &made["missed_within_s"]), (&json!("cancel_old"), &json!(43_200)));
    assert!(made["created_by"].as_str().unwrap().starts_with("os:"), "{made}");
    assert!(cron(&create, 1).await.err.contains("exists"));
    let wrong =
        cron(&["create", "reports.x", "--kind", "events.warm_cache", "--spec", "30 25 * * *"], 2).await;
    assert!(
        wrong.err.contains("field 2 (hour): \"25\" is out of range, 0 to 23 are allowed"),
        "{}",
        wrong.err
    );
    cron(&["create", "reports.x", "--kind", "events.nothing", "--spec", "@daily"], 2).await;

    let changed = cron(&["change", "reports.nightly", "--spec", "@hourly", "--priority", "-3", "--json"], 0)
        .await
        .json();
    assert_eq!(
        (&changed["spec"], &changed["priority"], &changed["tz"]),
        (&json!("@hourly"), &json!(-3), &json!("Europe/Rome"))
    );
    cron(&["pause", "reports.nightly", "--reason", "the printer is off"], 0).await;
    let shown = cron(&["show", "reports.nightly"], 0).await.out;
    assert!(shown.contains("paused") && shown.contains("the printer is off"), "{shown}");
    let ran = cron(&["run", "reports.nightly", "--json"], 0).await.json();
    let job =
        "SELECT EXISTS (SELECT FROM job.cron_fire WHERE outcome = 'run_now' AND decided_by LIKE 'os:%')";
    assert!(ran["job"].is_string() && app.value::<bool>(job).await);
    let fires = cron(&["fires", "reports.nightly", "--json"], 0).await.json();
    assert_eq!(fires["fires"][0]["job"], ran["job"]);
    assert_eq!(cron(&["resume", "reports.nightly", "--json"], 0).await.json()["state"], "ticking");

    let listed = cron(&["list", "--source", "api", "--json"], 0).await.json();
    assert_eq!(listed["schedules"].as_array().unwrap().len(), 1);
    let after = ["--after", "2027-03-27T12:00:00Z", "-n", "2"];
    let tried = ["preview", "--spec", "30 2 * * *", "--tz", "Europe/Rome"];
    let tried = cron(&[&tried[..], &after[..]].concat(), 0).await.out;
    assert!(tried.contains("02:30:00 does not exist that day: it ticks at 03:30:00"), "{tried}");
    assert_eq!(
        cron(&["preview", "reports.nightly", "-n", "3", "--json"], 0).await.json()["ticks"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    cron(&["preview"], 2).await;

    let refused = cron(&["delete", "accounts.prune"], 1).await;
    assert!(refused.err.contains("part of the program"), "{}", refused.err);
    cron(&["delete", "reports.nightly"], 0).await;
    cron(&["show", "reports.nightly"], 1).await;
    let journalled = "SELECT count(*) FROM journal WHERE action LIKE 'cron.%' AND details ->> 'via' = 'cli'";
    assert_eq!(app.value::<i64>(journalled).await, 6, "made, changed, paused, run, resumed, deleted");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_a_server_that_starts_waits_until_it_can_be_reached() {
    let ground = TestApp::start_managed(|_| {}).await.leave().await;
    let directory = ground.directory().display().to_string();
    let lock = ground.directory().join("postgres/lock");
    let asking = async {
        // The last holder was this process; the server has the directory long before it answers.
        let own = std::process::id().to_string();
        until("the server has the directory", || {
            std::fs::read_to_string(&lock)
                .is_ok_and(|pid| !matches!(pid.trim(), "" | "0") && pid.trim() != own)
        })
        .await;
        let variables = [("SPORTELLO_DATABASE__DATA_DIR", directory.as_str())];
        sportello(&["jobs", "queues", "--json"], &variables).await.expect(0).json()
    };
    let (server, queues) = tokio::join!(ground.serve(&[("postgres.shared_buffers", "32MB")]), asking);
    assert!(queues["queues"].is_array(), "{queues}");
    assert_eq!(server.terminate().await, 0);
}

#[tokio::test]
async fn a_database_that_is_away_is_said_once() {
    let away = [("SPORTELLO_DATABASE__URL", "postgres://nobody@127.0.0.1:9/none")];
    let said = sportello(&["jobs", "list"], &away).await.expect(3).err;
    assert!(said.contains("could not connect to PostgreSQL"), "{said}");
    assert_eq!(said.matches("error connecting to server").count(), 1, "{said}");
    assert_eq!(said.matches("refused").count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_told_before_a_database_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let scratch = Scratch::new();
    let data = scratch.path().join("data");
    let mut serve = process::sportello();
    serve.arg("serve").env("SPORTELLO_SERVER__LISTEN", &address).env("SPORTELLO_DATABASE__DATA_DIR", &data);
    let output = serve.output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(&format!("{address} cannot be listened on")), "{said}");
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_verified_against_an_anchor_that_was_kept_elsewhere() {
    let app = TestApp::start().await;
    let empty = beside(&app, &["audit", "verify"]).await.expect(0);
    assert_eq!(empty.out, "no entries\n");
    app.log_in(&app.a_person().await).await;
    app.app.clock.advance(jiff::SignedDuration::from_secs(11));
    app.run_jobs().await;
    let whole = beside(&app, &["audit", "verify"]).await.expect(0);
    let anchor = whole.out.lines().last().unwrap();
    let same = beside(&app, &["audit", "verify", "--expect", anchor]).await.expect(0);
    assert!(same.out.contains("has the hash that was expected"), "{}", same.out);
    app.sql("SET session_replication_role = replica; DELETE FROM audit_seal; DELETE FROM audit_entry").await;
    beside(&app, &["audit", "verify"]).await.expect(0);
    let cut = beside(&app, &["audit", "verify", "--expect", anchor]).await.expect(1);
    assert!(cut.out.contains("its end was cut off"), "{}", cut.out);
    let cut = beside(&app, &["audit", "verify", "--json", "--expect", anchor]).await.expect(1).json();
    assert_eq!(cut["expected"][0], json!({ "anchor": anchor, "found": "missing" }));
    let wrong = beside(&app, &["audit", "verify", "--expect", "12"]).await.expect(2);
    assert!(wrong.err.contains("64 hexadecimal digits"), "{}", wrong.err);
    app.finish().await;
}
