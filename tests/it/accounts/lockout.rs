//! Guessing is stopped, and tells nothing about who has an account.

use std::{net::IpAddr, sync::atomic::Ordering::Relaxed};

use futures_util::future::join_all;
use jiff::ToSpan;
use sportello::accounts::{
    login::{Entered, LoginError},
    passwords::Password,
    sessions::Origin,
};

use crate::harness::{app::TestApp, people::PASSWORD, until::eventually};

async fn attempt(app: &TestApp, email: &str, password: &str, address: u8) -> Result<Entered, LoginError> {
    let address = Some(IpAddr::from([192, 0, 2, address]));
    let origin = Origin { address, user_agent: None };
    app.app.accounts.log_in(&app.app.hasher, email, Password::new(password), &origin).await
}

fn kind(outcome: &Result<Entered, LoginError>) -> &'static str {
    match outcome {
        Ok(Entered::In(_)) => "in",
        Ok(Entered::Challenged(_)) => "challenged",
        Err(LoginError::Wrong) => "wrong",
        Err(LoginError::Locked { .. }) => "locked",
        Err(LoginError::Disabled) => "disabled",
        Err(LoginError::Busy(_)) => "busy",
        Err(LoginError::Db(_)) => "db",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_lock_an_account_for_five_minutes_known_or_not() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    for email in [person.email.as_str(), "nobody@example.org"] {
        let mut heard = Vec::new();
        for address in 0..7 {
            heard.push(kind(&attempt(&app, email, "wrong password", address).await));
        }
        assert_eq!(heard, ["wrong", "wrong", "wrong", "wrong", "wrong", "locked", "locked"], "{email}");
    }
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 9).await), "locked", "even with the right one");
    app.app.clock.advance(301.seconds().try_into().unwrap());
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 9).await), "in");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_failures_lock_an_address_and_a_success_does_not_free_it() {
    let app = TestApp::start_with(|config| config.accounts.lockout_failures_address = 5).await;
    let person = app.a_person().await;
    for n in 0..4 {
        let email = format!("nobody-{n}@example.org");
        assert_eq!(kind(&attempt(&app, &email, "wrong password", 1).await), "wrong");
    }
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 1).await), "in");
    assert_eq!(kind(&attempt(&app, "nobody-5@example.org", "wrong password", 1).await), "wrong");
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 1).await), "locked");
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 2).await), "in");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_guesses_at_once_learn_no_more_than_five() {
    let app = TestApp::start_with(|config| config.accounts.hash_bound = 200).await;
    let person = app.a_person().await;
    let guesses = (0..100u8).map(|n| {
        let (app, email) = (&app, person.email.clone());
        async move { kind(&attempt(app, &email, &format!("guess number {n}"), n).await) }
    });
    let heard = join_all(guesses).await;
    assert_eq!(heard.iter().filter(|kind| **kind == "wrong").count(), 5, "{heard:?}");
    assert!(heard.iter().all(|kind| ["wrong", "locked", "db"].contains(kind)), "{heard:?}"); // db: overloaded
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 200).await), "locked");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_forgotten_by_a_success_and_with_time() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    for round in 0..3u8 {
        for n in 0..4u8 {
            let outcome = attempt(&app, &person.email, "wrong password", round * 10 + n).await;
            assert_eq!(kind(&outcome), "wrong");
        }
        if round == 0 {
            assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 99).await), "in");
        } else {
            app.app.clock.advance(301.seconds().try_into().unwrap());
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_survives_a_restart() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    for address in 0..5 {
        let _ = attempt(&app, &person.email, "wrong password", address).await;
    }
    let app = app.restart().await;
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 9).await), "locked");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_accounts_cost_the_same_hashes_and_statements() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    // Once, so that statements are prepared.
    let _ = attempt(&app, "somebody@example.org", "wrong password", 1).await;
    let mut costs = Vec::new();
    for (email, address) in [(person.email.as_str(), 2), ("nobody@example.org", 3)] {
        let before = cost(&app);
        assert_eq!(kind(&attempt(&app, email, "wrong password", address).await), "wrong");
        let after = cost(&app);
        costs.push((after.0 - before.0, after.1 - before.1));
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0].0, 1, "one hash each");
    app.finish().await;
}

fn cost(app: &TestApp) -> (u64, u64) {
    let statements = app.app.db.observer().statements();
    let served = statements
        .iter()
        .filter(|(label, _)| label.starts_with("accounts."))
        .map(|(_, stats)| stats.served.load(Relaxed))
        .sum();
    (app.app.hasher.handle().cell().handled(), served)
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_beyond_the_bound_are_refused_and_the_others_served() {
    let app = TestApp::start_with(|config| config.accounts.hash_bound = 20).await;
    let person = app.a_person().await;
    let attempts = (0..100u8).map(|n| {
        let (app, email) = (&app, person.email.clone());
        async move { kind(&attempt(app, &email, PASSWORD, n).await) }
    });
    let heard = join_all(attempts).await;
    let count = |kind: &str| heard.iter().filter(|heard| **heard == kind).count();
    assert_eq!(count("in") + count("busy") + count("db"), 100, "{heard:?}");
    assert!(count("in") >= 20, "{heard:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_with_old_parameters_is_renewed_by_the_next_log_in() {
    let app = TestApp::start().await;
    let person = app.a_person_hashed_with(1, 64 << 10).await;
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 1).await), "in");
    let hash: String = app.value("SELECT password_hash FROM users").await;
    assert!(!hash.contains("m=64,"), "{hash}");
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 1).await), "in");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_told_so_only_with_its_password() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    app.database.client().await.batch_execute("UPDATE users SET status = 'disabled'").await.unwrap();
    assert_eq!(kind(&attempt(&app, &person.email, "wrong password", 1).await), "wrong");
    assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, 1).await), "disabled");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_a_locked_account_or_from_a_locked_address_are_told_once_a_minute() {
    let app = TestApp::start_with(|config| config.accounts.lockout_failures_address = 7).await;
    let person = app.a_person().await;
    let told = async || {
        app.value::<i64>("SELECT count(*) FROM audit_entry WHERE details ->> 'reason' = 'locked'").await
    };
    for address in 0..5 {
        let _ = attempt(&app, &person.email, "wrong password", address).await;
    }
    assert_eq!(told().await, 0);
    // One account, from everywhere.
    for address in 0..40 {
        assert_eq!(kind(&attempt(&app, &person.email, PASSWORD, address).await), "locked");
    }
    eventually("it is told", async || told().await == 1).await;
    let whose: String =
        app.value("SELECT object_id FROM audit_entry WHERE details ->> 'reason' = 'locked'").await;
    assert_eq!(whose, person.id.to_string());
    // One address, at every account.
    for n in 0..7 {
        let _ = attempt(&app, &format!("nobody-{n}@example.org"), "wrong password", 99).await;
    }
    for n in 0..40 {
        assert_eq!(kind(&attempt(&app, &format!("nobody-{n}@example.org"), "x", 99).await), "locked");
    }
    eventually("it is told", async || told().await == 2).await;
    app.app.clock.advance(61.seconds().try_into().unwrap());
    for address in 0..10 {
        let _ = attempt(&app, &person.email, PASSWORD, 100 + address).await;
    }
    eventually("a minute later it is told again", async || told().await == 3).await;
    app.finish().await;
}
