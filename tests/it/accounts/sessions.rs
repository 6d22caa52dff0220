//! Sessions: rotation, reuse, revocation at once.

use jiff::ToSpan;
use sportello::{
    accounts::{
        login::LoggedIn,
        policy::{Principal, Roles, Via},
        sessions::{Ending, Origin, PER_PERSON, Refreshed},
        tokens::TokenHash,
    },
    ids::UserId,
};

use crate::harness::{app::TestApp, people::PASSWORD};

async fn log_in(app: &TestApp, email: &str) -> LoggedIn {
    let (accounts, password) = (&app.app.accounts, sportello::accounts::passwords::Password::new(PASSWORD));
    let entered = accounts.log_in(&app.app.hasher, email, password, &Origin::default()).await.unwrap();
    entered.logged_in().expect("there is no second factor")
}

async fn refresh(app: &TestApp, token: &str) -> Refreshed {
    let mut tx = app.app.db.begin("tests.refresh").await.unwrap();
    let refreshed = app.app.accounts.sessions().refresh(&mut tx, token).await.unwrap();
    tx.commit().await.unwrap();
    refreshed
}

async fn who(app: &TestApp, token: &str) -> Option<UserId> {
    app.app.accounts.sessions().authenticate(token).await.unwrap().map(|principal| principal.user)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_replaces_both_tokens_and_the_old_access_token_ends_at_once() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let first = log_in(&app, &person.email).await.tokens;
    assert_eq!(who(&app, first.access.expose()).await, Some(person.id));
    let Refreshed::Renewed(second) = refresh(&app, first.refresh.expose()).await else {
        panic!("a fresh token is exchanged");
    };
    assert_eq!(second.session, first.session);
    assert_eq!(who(&app, first.access.expose()).await, None);
    assert_eq!(who(&app, second.access.expose()).await, Some(person.id));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_refresh_token_revokes_the_whole_session_but_no_other() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let (stolen, other) =
        (log_in(&app, &person.email).await.tokens, log_in(&app, &person.email).await.tokens);
    let Refreshed::Renewed(thief) = refresh(&app, stolen.refresh.expose()).await else {
        panic!("a fresh token is exchanged");
    };
    assert!(matches!(refresh(&app, stolen.refresh.expose()).await, Refreshed::Betrayed));
    assert_eq!(who(&app, thief.access.expose()).await, None);
    assert!(matches!(refresh(&app, thief.refresh.expose()).await, Refreshed::Invalid));
    assert_eq!(who(&app, other.access.expose()).await, Some(person.id));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refreshes_at_once_one_wins_and_the_session_ends() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let tokens = log_in(&app, &person.email).await.tokens;
    let (one, two) =
        tokio::join!(refresh(&app, tokens.refresh.expose()), refresh(&app, tokens.refresh.expose()));
    let outcomes = [&one, &two];
    let renewed: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Refreshed::Renewed(tokens) => Some(tokens),
            _ => None,
        })
        .collect();
    assert_eq!(renewed.len(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Refreshed::Betrayed)), "{outcomes:?}");
    assert_eq!(who(&app, renewed[0].access.expose()).await, None);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_expire_by_the_clock_even_when_they_are_remembered() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let tokens = log_in(&app, &person.email).await.tokens;
    assert!(who(&app, tokens.access.expose()).await.is_some());
    app.app.clock.advance(31.minutes().try_into().unwrap());
    assert!(who(&app, tokens.access.expose()).await.is_none());
    app.app.clock.advance((7 * 24).hours().try_into().unwrap());
    assert!(matches!(refresh(&app, tokens.refresh.expose()).await, Refreshed::Invalid));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_token_costs_no_query_and_a_revoked_one_is_refused_at_once() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let tokens = log_in(&app, &person.email).await.tokens;
    who(&app, tokens.access.expose()).await;
    let lookups = || {
        let statements = app.app.db.observer().statements();
        let found = statements.iter().find(|(label, _)| *label == "accounts.sessions.authenticate");
        found.map(|(_, stats)| stats.served.load(std::sync::atomic::Ordering::Relaxed))
    };
    let before = lookups();
    for _ in 0..100 {
        assert_eq!(who(&app, tokens.access.expose()).await, Some(person.id));
    }
    assert_eq!(lookups(), before);
    let mut tx = app.app.db.begin("tests.end").await.unwrap();
    app.app.accounts.sessions().end(&mut tx, tokens.session, Ending::LoggedOut).await.unwrap();
    assert_eq!(who(&app, tokens.access.expose()).await, Some(person.id), "nothing is committed yet");
    tx.commit().await.unwrap();
    assert_eq!(who(&app, tokens.access.expose()).await, None);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_is_announced_to_other_nodes() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let tokens = log_in(&app, &person.email).await.tokens;
    let mut heard = app.database.listen(sportello::accounts::sessions::CHANNEL).await;
    let mut tx = app.app.db.begin("tests.end").await.unwrap();
    app.app.accounts.sessions().end(&mut tx, tokens.session, Ending::LoggedOut).await.unwrap();
    tx.commit().await.unwrap();
    let payload = heard.recv().await.unwrap();
    assert_eq!(TokenHash::from_hex(&payload), Some(tokens.access.hash()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions_and_keeps_this_one() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let (here, elsewhere) =
        (log_in(&app, &person.email).await.tokens, log_in(&app, &person.email).await.tokens);
    let password = sportello::accounts::passwords::Password::new(PASSWORD);
    let principal = Principal { user: person.id, via: Via::Session(here.session), roles: Roles::CLIENT };
    let confirmed =
        app.app.accounts.confirm(&app.app.hasher, &principal, &Origin::default(), password).await.unwrap();
    let mut tx = app.app.db.begin("tests.change").await.unwrap();
    assert!(
        app.app.accounts.change_password(&mut tx, &confirmed, "new hash", Some(here.session)).await.unwrap()
    );
    tx.commit().await.unwrap();
    assert!(who(&app, here.access.expose()).await.is_some());
    assert!(who(&app, elsewhere.access.expose()).await.is_none());
    let mut tx = app.app.db.begin("tests.change").await.unwrap();
    let again =
        app.app.accounts.change_password(&mut tx, &confirmed, "newer", Some(here.session)).await.unwrap();
    assert!(!again, "the password that was confirmed is not the password any more");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_session_makes_place_for_one_too_many() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let oldest = log_in(&app, &person.email).await.tokens;
    for _ in 0..PER_PERSON {
        log_in(&app, &person.email).await;
    }
    assert_eq!(who(&app, oldest.access.expose()).await, None);
    let live: i64 = app.value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await;
    assert_eq!(live, PER_PERSON);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_protects_nothing_any_more_is_pruned() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    log_in(&app, &person.email).await;
    app.app.clock.advance((6 * 24).hours().try_into().unwrap());
    log_in(&app, &person.email).await;
    app.app.clock.advance((2 * 24).hours().try_into().unwrap());
    let mut tx = app.app.db.begin("tests.prune").await.unwrap();
    sportello::accounts::upkeep::prune(&mut tx, app.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM session_refresh").await, 1);
    app.finish().await;
}
