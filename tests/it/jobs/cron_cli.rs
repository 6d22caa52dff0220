//! `sportello cron` beside a running server: it hears of changes at once, and what is wrong is said.

use std::time::Duration;

use sportello::jobs::schedules::schedules;

use crate::harness::{app::TestApp, process};

/// Runs `sportello cron …` on the database of `app`; its exit code and what it said.
async fn cron(app: &TestApp, arguments: &[&str]) -> (i32, String) {
    let mut command = process::sportello();
    command.arg("cron").args(arguments);
    command.env("SPORTELLO_DATABASE__URL", app.database.url());
    command.env("SPORTELLO_DATABASE__DATA_DIR", app.app.config.database.data_dir.display().to_string());
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout) + &text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_made_on_the_command_line_ticks_at_once() {
    // Nobody polls: only the hint can do it.
    let app = TestApp::start_with(|config| config.jobs.poll_max.0 = Duration::from_secs(3600)).await;
    let program = schedules(&app.app.config).len() as i64;
    app.until_count("job.cron", program).await;
    let made = cron(
        &app,
        &[
            "create",
            "t.often",
            "--kind",
            "events.warm_cache",
            "--spec",
            "* * * * * *",
            "--reason",
            "to try",
            "--tag",
            "a",
        ],
    )
    .await;
    assert_eq!(made.0, 0, "{}", made.1);
    for row in ["queue", "priority", "attempts", "tags", "made"] {
        assert!(made.1.lines().any(|line| line.trim_start().starts_with(row)), "{row}: {}", made.1);
    }
    assert_eq!(app.count("journal WHERE action = 'cron.create' AND reason = 'to try'").await, 1);
    app.until("SELECT count(*) >= 2 FROM job.cron_fire WHERE key = 't.often'").await;
    let (code, said) = cron(&app, &["pause", "t.often", "--reason", " a quiet night "]).await;
    assert_eq!((code, said.contains("by os:")), (0, true), "{said}");
    let reason = "job.cron WHERE key = 't.often' AND paused_reason = 'a quiet night'";
    assert_eq!(app.count(reason).await, 1);
    assert!(said.lines().any(|line| line.split_whitespace().eq(["next", "paused"])), "{said}");
    let (_, listed) = cron(&app, &["list", "--paused"]).await;
    let line = listed.lines().find(|line| line.contains("t.often")).expect(&listed);
    assert!(line.split_whitespace().collect::<Vec<_>>().join(" ").contains("next paused last"), "{line}");
    let named = "journal WHERE action LIKE 'cron.%' AND details ->> 'via' = 'cli' AND details ? 'uid'
        AND details ->> 'os_user' <> '' AND details ->> 'by' IS NULL";
    assert_eq!(app.count(named).await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_on_the_command_line_is_said() {
    let app = TestApp::start_with(|config| config.jobs.enabled = false).await;
    let make = |more: &[&'static str]| [&["create", "t.wrong", "--kind", "events.warm_cache"], more].concat();
    let long = "ü".repeat(501);
    let wrong: [(Vec<&str>, i32, &str); 24] = [
        (make(&["--spec", "-1 * * * *"]), 2, "field 1 (minute): \"-1\""),
        (make(&["--spec", "* * *"]), 2, "five fields"),
        (make(&["--spec", "*\n* * * *"]), 2, "a schedule is one line"),
        (make(&["--spec", "@daily", "--splay", "1500ms"]), 2, "whole seconds"),
        (vec!["preview", "--spec", "@daily", "--after", "9999-12-31T23:59:59Z"], 2, "9999-12-30T22:00:00Z"),
        (
            vec!["preview", "--spec", "@daily", "--after", "9999-12-30T20:00:00Z"],
            0,
            "times end with the year 9999",
        ),
        (make(&["--spec", "１ * * * *"]), 2, "is not a number"),
        (make(&["--spec", "0 0 30 2 *"]), 2, "no such day ever comes"),
        (make(&["--spec", "nope", "--tz", "../etc/passwd"]), 2, "is not a time zone"),
        (make(&["--spec", "nope", "--tz", "Mars"]), 2, "five fields"),
        (make(&["--spec", "@daily", "--missed-max", "-1"]), 2, "-1 is not in 1..=1000"),
        (make(&["--spec", "@daily", "--missed-max", "99999"]), 2, "99999 is not in 1..=1000"),
        (make(&["--spec", "@daily", "--missed-within", "-5s"]), 2, "invalid value '-5s'"),
        (make(&["--spec", "@daily", "--description", "a\u{1b}[2J"]), 2, "control characters"),
        (
            vec!["create", "Ünïcode", "--kind", "events.warm_cache", "--spec", "@daily"],
            2,
            "lower-case letters",
        ),
        (vec!["show", "nobody"], 1, "\"nobody\": there is no such schedule"),
        (vec!["fires", "nobody", "--limit", "-1"], 2, "-1 is not in 1..=10000"),
        (vec!["preview", "nobody", "-n", "-3"], 2, "-3 is not in 1..=100"),
        (vec!["preview", "nobody", "--after", "yesterday"], 2, "write a time such as"),
        (vec!["pause", "nobody", "--reason", ""], 2, "must not be empty"),
        (vec!["pause", "nobody", "--reason", &long], 2, "at most 500 are allowed"),
        (vec!["pause", "nobody", "--reason", "a\u{1b}[2J"], 2, "must not contain control characters"),
        (
            make(&["--spec", "@daily", "--args", r#"{"zzz":1}"#]),
            2,
            "args/zzz: does not fit events.warm_cache: there is no such member",
        ),
        (
            make(&["--spec", "@daily", "--args", r#"{"a":"\u0000"}"#]),
            2,
            "args/a: does not fit events.warm_cache: must not contain U+0000",
        ),
    ];
    for (arguments, code, says) in wrong {
        let (found, said) = cron(&app, &arguments).await;
        assert!(found == code && said.contains(says), "{arguments:?}: {found}, {said}");
    }
    assert_eq!(app.count("job.cron").await, 0);
    app.finish().await;
}
