//! The audit log: written with what it tells, chained, verified, searched, and forgotten in time.

use serde_json::json;
use sportello::{
    accounts::policy::Role,
    audit::{
        self, Entry, Who,
        anchor::{Anchor, Found},
        retention, seal, verify,
    },
};

use crate::{harness::app::TestApp, jobs::kinds::start_idle};

async fn write(app: &TestApp, count: i64) {
    let entry = |n: i64| Entry {
        details: json!({ "n": n, "a": { "z": 1, "b": [1, 2] } }),
        ..Entry::new(app.app.clock.now(), Who::System, "tests.write", "thing", n)
    };
    let mut tx = app.app.db.begin("tests.audit").await.unwrap();
    audit::record(&mut tx, &(0..count).map(entry).collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn seal(app: &TestApp) -> usize {
    let mut tx = app.app.db.begin("tests.seal").await.unwrap();
    let sealed = seal::seal(&mut tx, app.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    sealed
}

async fn report(app: &TestApp) -> verify::Report {
    compared(app, &[]).await
}

async fn compared(app: &TestApp, expected: &[Anchor]) -> verify::Report {
    let mut tx = app.app.db.begin("tests.verify").await.unwrap();
    let report = verify::verify(&mut tx, expected).await.unwrap();
    tx.rollback().await.unwrap();
    report
}

/// The triggers protect from mistakes; whoever owns the tables can switch them off.
async fn tamper(app: &TestApp, sql: &str) {
    app.sql(&format!("SET session_replication_role = replica; {sql}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rolled_back_is_not_told_and_what_waits_is_sealed_in_order() {
    let app = start_idle().await;
    let mut tx = app.app.db.begin("tests.audit").await.unwrap();
    let entry = Entry::new(app.app.clock.now(), Who::Anonymous, "tests.write", "thing", 1);
    audit::record(&mut tx, &[entry]).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(app.count("audit_entry").await + app.count("audit_pending").await, 0);
    write(&app, 3).await;
    write(&app, 1_500).await;
    assert_eq!(report(&app).await.waiting, 1_503);
    assert_eq!((seal(&app).await, seal(&app).await, seal(&app).await), (1_000, 503, 0));
    let whole = report(&app).await;
    assert!(whole.is_whole(), "{whole:?}");
    assert_eq!((whole.from, whole.to, whole.entries, whole.waiting), (1, 1_503, 1_503, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_seal_at_once_make_one_chain() {
    let app = start_idle().await;
    let work = |n: i64| {
        let app = &app;
        async move {
            for _ in 0..10 {
                write(app, n).await;
                seal(app).await;
            }
        }
    };
    tokio::join!(work(1), work(2), work(3), work(4));
    while seal(&app).await > 0 {}
    let whole = report(&app).await;
    assert!(whole.is_whole(), "{whole:?}");
    assert_eq!((whole.entries, whole.waiting), (100, 0));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_changed_added_or_removed_by_hand_is_found() {
    let app = start_idle().await;
    write(&app, 20).await;
    seal(&app).await;
    let refused = app.database.client().await.execute("UPDATE audit_entry SET action = 'nothing'", &[]).await;
    assert!(format!("{refused:?}").contains("append-only"), "{refused:?}");
    let id: i64 = app.value("SELECT entry_id FROM audit_seal WHERE seq = 7").await;
    tamper(&app, &format!("UPDATE audit_entry SET details = '{{}}' WHERE id = {id}")).await;
    let broken = report(&app).await.broken.unwrap();
    assert_eq!((broken.seq, broken.entry), (7, Some(id)));
    tamper(&app, &format!("DELETE FROM audit_entry WHERE id = {id}")).await;
    assert_eq!(report(&app).await.broken.unwrap().why, "the entry of this place is missing");
    tamper(&app, "DELETE FROM audit_seal WHERE seq = 7").await;
    assert_eq!(report(&app).await.broken.unwrap().why, "the seal of this place is missing");
    tamper(&app, "UPDATE audit_seal SET seq = seq - 1 WHERE seq > 7").await;
    assert_eq!(report(&app).await.broken.unwrap().seq, 7, "the gap is not closed by counting anew");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_slipped_in_by_hand_is_found() {
    let app = start_idle().await;
    write(&app, 3).await;
    seal(&app).await;
    app.sql(
        "INSERT INTO audit_entry (at, who_kind, action, object_kind, result)
         VALUES (now(), 'system', 'tests.write', 'thing', 'ok')",
    )
    .await;
    let found = report(&app).await;
    assert_eq!((found.stray, found.broken.clone(), found.is_whole()), (1, None, false));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_entries_go_and_the_rest_still_fits() {
    let app = start_idle().await;
    write(&app, 5).await;
    seal(&app).await;
    app.app.clock.advance(jiff::SignedDuration::from_hours(24));
    let between = app.app.clock.now();
    app.app.clock.advance(jiff::SignedDuration::from_hours(24));
    write(&app, 4).await;
    seal(&app).await;
    let end = report(&app).await.anchor.unwrap();
    for removed in [5, 0] {
        let mut tx = app.app.db.begin("tests.retention").await.unwrap();
        assert_eq!(retention::remove(&mut tx, between, app.app.clock.now()).await.unwrap(), removed);
        tx.commit().await.unwrap();
    }
    let whole = report(&app).await;
    assert!(whole.is_whole(), "{whole:?}");
    assert_eq!((whole.from, whole.to, whole.entries, whole.anchor), (6, 9, 4, Some(end)));
    // Nothing is left: the chain goes on from the anchor.
    app.app.clock.advance(jiff::SignedDuration::from_hours(1));
    let mut tx = app.app.db.begin("tests.retention").await.unwrap();
    let now = app.app.clock.now();
    assert_eq!(retention::remove(&mut tx, now, now).await.unwrap(), 4);
    tx.commit().await.unwrap();
    write(&app, 1).await;
    seal(&app).await;
    let whole = report(&app).await;
    assert!(whole.is_whole(), "{whole:?}");
    assert_eq!((whole.from, whole.to), (10, 10));
    app.finish().await;
}

async fn found(app: &TestApp, anchor: Anchor) -> (Found, bool) {
    let report = compared(app, &[anchor]).await;
    (report.expected[0].found, report.is_whole())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_and_a_log_made_anew_do_not_fit_an_anchor_that_was_kept() {
    let app = start_idle().await;
    assert_eq!(report(&app).await.anchor, None, "there is nothing to keep");
    write(&app, 10).await;
    seal(&app).await;
    let kept = report(&app).await.anchor.unwrap();
    assert_eq!((kept.seq, found(&app, kept).await), (10, (Found::Same, true)));
    write(&app, 5).await;
    seal(&app).await;
    assert_eq!(found(&app, kept).await, (Found::Same, true), "it goes on behind the anchor");
    let cut = "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_seal WHERE seq > 8);
        DELETE FROM audit_seal WHERE seq > 8";
    tamper(&app, cut).await;
    assert!(report(&app).await.is_whole(), "nothing of what is left tells it");
    assert_eq!(found(&app, kept).await, (Found::Missing, false));
    // The place is filled again, by something else.
    write(&app, 5).await;
    seal(&app).await;
    assert!(report(&app).await.is_whole());
    assert_eq!(found(&app, kept).await, (Found::Other, false));
    tamper(&app, "DELETE FROM audit_seal WHERE seq = 3").await;
    assert_eq!(found(&app, kept).await, (Found::NotReached, false));
    assert_eq!(report(&app).await.anchor, None, "nobody should keep what does not fit");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_retention_has_reached_proves_nothing_and_that_is_said() {
    let app = start_idle().await;
    let mut anchors = Vec::new();
    for _ in 0..3 {
        write(&app, 2).await;
        seal(&app).await;
        anchors.push(report(&app).await.anchor.unwrap());
        app.app.clock.advance(jiff::SignedDuration::from_hours(24));
    }
    let now = app.app.clock.now();
    let mut tx = app.app.db.begin("tests.retention").await.unwrap();
    let between = now - jiff::SignedDuration::from_hours(36);
    assert_eq!(retention::remove(&mut tx, between, now).await.unwrap(), 4);
    tx.commit().await.unwrap();
    let all = compared(&app, &anchors).await;
    // The last that was removed left its hash: it can still be compared.
    assert_eq!(
        all.expected.iter().map(|it| it.found).collect::<Vec<_>>(),
        [Found::Retired, Found::Same, Found::Same]
    );
    assert!(!all.is_whole());
    assert!(compared(&app, &anchors[1..]).await.is_whole());
    assert_eq!(found(&app, Anchor { hash: [1; 32], ..anchors[1] }).await, (Found::Other, false));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_search_everything_and_others_what_they_did() {
    let app = TestApp::start().await;
    let anna = app.a_person().await;
    let (client, admin) = (app.log_in(&anna).await, app.log_in(&app.a_person_with(Role::Admin).await).await);
    let entry = |who, action| Entry::new(app.app.clock.now(), who, action, "thing", 7);
    let entries = [
        entry(Who::Person(anna.id, None), "tests.read"),
        entry(Who::System, "tests.read"),
        entry(Who::Person(anna.id, None), "tests.write"),
    ];
    let mut tx = app.app.db.begin("tests.audit").await.unwrap();
    audit::record(&mut tx, &entries).await.unwrap();
    tx.commit().await.unwrap();
    let count = async |client: &crate::harness::client::Client, query: &str| {
        let page = client.get(&format!("/api/v1/audit?object=thing{query}")).await.expect(200).json();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!((count(&admin, "").await, count(&client, "").await), (3, 2));
    assert_eq!(count(&admin, &format!("&who={}&action=tests.read", anna.id)).await, 1);
    assert_eq!((count(&admin, "&result=refused").await, count(&admin, "&id=7&limit=2").await), (0, 2));
    assert_eq!(count(&client, "&action=tests.read").await, 1, "not what the system did");
    app.anonymous().get("/api/v1/audit").await.expect(401);
    client.get("/api/v1/audit?colour=red").await.expect(400);
    app.finish().await;
}
