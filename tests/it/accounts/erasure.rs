//! An erased person: let in by nothing, and forgotten but for what the law keeps.

use std::collections::BTreeSet;

use axum::http::Method;
use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{
    accounts::{
        erasure::{self, Fate, NAMELESS, RULES, STEPS},
        policy::Role,
        retention::NEED_ACCOUNT,
    },
    ids::UserId,
    jobs::accounts::{EndRetention, EraseAccount},
};

use super::life::{CASE_WORDS, Life, WORDS};
use crate::harness::{
    app::TestApp,
    client::{Answer, Client},
    database::TestDatabase,
    people::PASSWORD,
};

const ERASURE: &str = "/api/v1/me/erasure";

async fn erase(client: &Client) -> Answer {
    client.post(ERASURE, json!({ "password": PASSWORD })).await
}

/// Every row of every table, as text.
pub(super) async fn everything(database: &TestDatabase) -> String {
    const TABLES: &str = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
        WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'job')";
    let client = database.client().await;
    let mut all = String::new();
    for table in client.query(TABLES, &[]).await.unwrap() {
        let table: String = table.get(0);
        let rows = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t");
        all.push_str(&client.query_one(&rows, &[]).await.unwrap().get::<_, String>(0));
    }
    all
}

/// What is left of a person.
async fn left(app: &TestApp, user: UserId) -> Vec<(String, i64)> {
    let client = app.database.client().await;
    let mut left = Vec::new();
    for rule in RULES {
        let (table, column) = (rule.table, rule.column);
        let count = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
        let count: i64 = client.query_one(&count, &[&user]).await.unwrap().get(0);
        left.push((format!("{table}.{column}"), count));
        if rule.fate == Fate::Removed && table != "document" && table != "document_quota" {
            assert_eq!(count, 0, "{table}");
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_that_names_a_person_has_a_rule() {
    // Foreign keys to people, and columns that hold a person's id without one, as their names tell.
    const NAMING: &str = "
        SELECT DISTINCT c.conrelid::regclass::text, a.attname::text
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
        WHERE c.contype = 'f' AND c.confrelid = 'users'::regclass
        UNION
        SELECT c.oid::regclass::text, a.attname::text
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname IN ('public', 'job') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND a.atttypid = 'uuid'::regtype AND a.attnum > 0 AND NOT a.attisdropped
          AND (a.attname ~ '^(user|owner|host|actor|person|client|patient|notary)(_id)?$' OR a.attname = 'who'
            OR a.attname ~ '_by$')";
    let app = TestApp::start().await;
    let rows = app.database.client().await.query(NAMING, &[]).await.unwrap();
    let named: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let ruled = RULES.iter().filter(|rule| (rule.table, rule.column) != ("users", "id"));
    let ruled: BTreeSet<(String, String)> =
        ruled.map(|rule| (rule.table.to_owned(), rule.column.to_owned())).collect();
    assert_eq!(named, ruled, "what does erasure do with it? Say so in accounts::erasure::RULES, and do it");
    assert!(RULES.iter().all(|rule| rule.why.len() > 10));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_forgotten_but_for_what_the_law_keeps_and_names() {
    let app = TestApp::start().await;
    let life = app.a_life().await;
    let before = everything(&app.database).await;
    for word in WORDS.iter().copied().chain([life.person.email.as_str()]) {
        assert!(before.contains(word), "{word} stands somewhere");
    }
    life.client.request(Method::POST, "/api/v1/me/export", &[], None).await.expect(202);
    let other = json!({ "email": "altra@example.org", "password": PASSWORD, "name": "Un'altra" });
    app.anonymous().post("/api/v1/auth/register", other).await.expect(201);
    app.run_jobs().await;
    let answer = erase(&life.client).await.expect(202).json();
    let kept = answer["kept"].as_array().unwrap();
    assert!(kept.iter().any(|it| it["source"].as_str().unwrap().contains("2220") && it["years"] == 10));
    let until = kept.iter().find(|it| it["count"] == 1).unwrap()["until"].as_str().unwrap();
    assert_eq!(until, app.value::<String>("SELECT (current_date + 365)::text").await);
    assert!(kept.iter().all(|it| it["years"].is_u64() || it["until"].is_string()), "{kept:?}");
    assert!(answer["task"]["id"].is_string());
    let of_the_person =
        |app: &TestApp| app.mails().iter().filter(|mail| mail.contains(&life.person.email)).count();
    assert!(of_the_person(&app) > 3, "bookings, keys, the export");
    shut_out(&app, &life).await;
    app.run_jobs().await;
    shut_out(&app, &life).await;

    let after = everything(&app.database).await;
    for word in WORDS.iter().copied().chain([life.person.email.as_str()]) {
        assert!(!after.contains(word), "{word} is still there");
    }
    assert_eq!(of_the_person(&app), 0, "no mail is left in the outbox");
    assert_eq!(app.mails().len(), 1, "that of somebody else is");
    let rights = "SELECT count(*) FROM document_permission p JOIN document d ON d.id = p.document_id
        WHERE d.owner_id <> p.granted_by";
    assert_eq!(app.value::<i64>(rights).await, 0, "what was passed on hung from what the person had");
    let left = left(&app, life.person.id).await;
    let count = |column: &str| left.iter().find(|(it, _)| it == column).unwrap().1;
    let kept = ["users.id", "bookings.user_id", "events.host_id", "consent.user_id", "document.owner_id"];
    assert_eq!(kept.map(count), [1, 2, 1, 1, 1]);
    assert!(count("audit_entry.who") > 5);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM payments WHERE status = 'succeeded'").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM consent WHERE address IS NOT NULL").await, 0);
    assert_eq!(app.stored(), 2, "the kept document, and somebody else's");
    let told: String =
        app.value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE action ~ 'eras'").await;
    assert_eq!(told, "account.ask_erasure account.erase");

    // What others see.
    let page = app.anonymous().get(&format!("/api/v1/events/{}", life.hosted)).await.expect(200).json();
    assert!(page.to_string().contains(NAMELESS) && !page.to_string().contains("Zenobia"), "{page}");
    app.anonymous().get(&format!("/api/v1/events/{}", life.planned)).await.expect(404);
    let ratings: i64 = app.value("SELECT sum(rating_sum + rating_count)::bigint FROM events").await;
    assert_eq!(ratings, 0, "the averages follow");
    // The address is free; whoever registers it is somebody else.
    let again = json!({ "email": life.person.email, "password": PASSWORD, "name": "Un altro" });
    let again = app.anonymous().post("/api/v1/auth/register", again).await.expect(201).json();
    assert_ne!(again["user"]["id"], json!(life.person.id));
    // Neither administrators nor the database let the old one in again.
    let admin = app.log_in(&app.a_person_with(Role::Admin).await).await;
    let path = format!("/api/v1/users/{}", life.person.id);
    admin.patch(&path, "*", json!({ "status": "active" })).await.expect(412);
    let enable = "UPDATE users SET status = 'active' WHERE erased_at IS NOT NULL";
    assert!(app.database.client().await.batch_execute(enable).await.is_err());
    app.finish().await;
}

/// Nothing of what the person had opens anything.
async fn shut_out(app: &TestApp, life: &Life) {
    life.client.get("/api/v1/me").await.expect(401);
    life.key.get("/api/v1/me").await.expect(401);
    let refresh = json!({ "refresh_token": life.tokens["refresh_token"] });
    app.anonymous().post("/api/v1/auth/refresh", refresh).await.expect(401);
    let login = json!({ "email": life.person.email, "password": PASSWORD });
    app.anonymous().post("/api/v1/auth/login", login).await.expect(401);
    let (mails, forgot) = (app.mails().len(), json!({ "email": life.person.email }));
    app.anonymous().post("/api/v1/auth/password/forgot", forgot).await.expect(202);
    app.run_jobs().await;
    assert!(app.mails().len() <= mails, "no mail goes there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_client_leaves_the_notary_the_signed_act_and_no_word_besides() {
    let app = TestApp::start().await;
    let (person, other) = (app.a_person().await, app.a_person().await);
    let (office, client) = (app.a_case(&person).await, app.log_in(&person).await);
    // Somebody else's review of the same office, which stays; and a second one of the person's.
    let act = app.a_signed_act(office, other.id, "Testamento").await;
    app.a_review(&act, 2, "approved").await;
    let act = app.a_signed_act(office, person.id, "Donazione").await;
    app.a_review(&act, 4, "approved").await;
    let page = format!("/api/v1/notaries/{office}");
    let shown = app.anonymous().get(&page).await.expect(200).json();
    assert_eq!((&shown["rating"], &shown["reviews"]), (&json!(3.67), &json!(3)));
    let before = everything(&app.database).await;
    assert!(CASE_WORDS.iter().all(|word| before.contains(word)));

    let answer = erase(&client).await.expect(202).json();
    let acts = answer["kept"].as_array().unwrap().iter().find(|it| it["count"] == 2);
    assert!(acts.unwrap()["source"].as_str().unwrap().contains("L. 89/1913"), "{answer}");
    app.run_jobs().await;
    let after = everything(&app.database).await;
    for word in CASE_WORDS.iter().copied().chain([person.email.as_str()]) {
        assert!(!after.contains(word), "{word} is still there");
    }
    let left = left(&app, person.id).await;
    let count = |column: &str| left.iter().find(|(it, _)| it == column).unwrap().1;
    assert_eq!(["act.client_id", "appointment.client_id", "notary_review.client_id"].map(count), [3, 1, 0]);
    let states = "SELECT string_agg(status || coalesce(' ' || nullif(title, ''), ''), ', ' ORDER BY status, title) FROM act
        WHERE client_id <> (SELECT client_id FROM notary_review)";
    assert_eq!(app.value::<String>(states).await, "annulled, signed Donazione, signed Procura generale");
    let shown = app.anonymous().get(&page).await.expect(200).json();
    assert_eq!(
        (&shown["rating"], &shown["reviews"]),
        (&json!(2.0), &json!(1)),
        "the rating follows, at once"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_step_and_run_again_it_comes_to_the_same() {
    let app = TestApp::start().await;
    let (now, today) = (app.app.clock.now(), app.today());
    let mut ends = Vec::new();
    for killed_after in 0..=STEPS.len() {
        let life = app.a_life().await;
        app.a_case(&life.person).await;
        let user = life.person.id;
        let mut tx = app.app.db.begin("tests.begin").await.unwrap();
        erasure::begin(&mut tx, &app.app.accounts, user, today, now).await.unwrap();
        tx.commit().await.unwrap();
        for step in &STEPS[..killed_after] {
            let mut tx = app.app.db.begin("tests.step").await.unwrap();
            step.run(&mut tx, user, today, now).await.unwrap(); // and what follows its commit is lost
            tx.commit().await.unwrap();
        }
        for _ in 0..2 {
            let mut tx = app.app.db.begin("tests.job").await.unwrap();
            app.app.jobs.enqueue(&mut tx, &EraseAccount { user }).await.unwrap();
            tx.commit().await.unwrap();
            app.run_jobs().await;
        }
        let all = everything(&app.database).await;
        let words = WORDS.iter().chain(&CASE_WORDS).copied();
        for word in words.chain([life.person.email.as_str()]) {
            assert!(!all.contains(word), "{word} is still there after {killed_after} steps and two runs");
        }
        let mut left = left(&app, user).await;
        left.retain(|(column, _)| column != "audit_entry.who"); // each run is told
        ends.push(left);
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_the_password_and_the_second_factor() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    for (body, status) in [
        (json!({}), 422),
        (json!({ "password": PASSWORD }), 422),
        (json!({ "password": "not my password", "code": app.code(&it.secret) }), 403),
        (json!({ "password": PASSWORD, "code": "000000" }), 403),
        (json!({ "password": PASSWORD, "recovery_code": "AAAAAA-AAAAAA-AAAAAA-AAAAAA" }), 403),
    ] {
        assert_eq!(it.client.post(ERASURE, body.clone()).await.status, status, "{body}");
    }
    it.client.get("/api/v1/me").await.expect(200);
    let body = json!({ "password": PASSWORD, "code": app.code(&it.secret) });
    it.client.post(ERASURE, body.clone()).await.expect(202);
    it.client.post(ERASURE, body).await.expect(401);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_business_others_depend_on_is_told_what_to_do_first() {
    let app = TestApp::start().await;
    let (one, other) = (app.a_person_with(Role::Admin).await, app.a_person_with(Role::Admin).await);
    let admins = [app.log_in(&one).await, app.log_in(&other).await];
    let answers = join_all(admins.iter().map(erase)).await;
    let mut codes: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [202, 409], "of two at once, one stays");
    let stays = answers.iter().position(|answer| answer.status == 409).unwrap();
    assert_eq!(answers[stays].code(), "last_administrator");
    admins[stays].get("/api/v1/users").await.expect(200);

    let host = app.a_person_with(Role::Host).await;
    let client = app.log_in(&host).await;
    let (booked, free) =
        (app.an_event().hosted_by(host.id).create().await, app.an_event().hosted_by(host.id).create().await);
    let buyer = app.log_in(&app.a_person().await).await;
    buyer.post(&format!("/api/v1/events/{booked}/bookings"), json!({ "tickets": 1 })).await.expect(201);
    let refused = erase(&client).await.expect(409);
    assert_eq!((refused.code().as_str(), &refused.json()["events"]), ("booked_events", &json!([booked])));
    app.anonymous().get(&format!("/api/v1/events/{free}")).await.expect(200);
    let etag = client.get(&format!("/api/v1/me/events/{booked}")).await.header("etag").to_owned();
    client.request(Method::DELETE, &format!("/api/v1/events/{booked}"), &[("if-match", &etag)], None).await;
    app.run_jobs().await;
    erase(&client).await.expect(202);
    app.anonymous().get(&format!("/api/v1/events/{free}")).await.expect(404);
    let sold: Value =
        buyer.post(&format!("/api/v1/events/{free}/bookings"), json!({ "tickets": 1 })).await.json();
    assert!(
        matches!(sold["status"].as_u64(), Some(404 | 409 | 422)),
        "nobody books from who is gone: {sold}"
    );
    app.finish().await;
}

async fn end_retention(app: &TestApp) {
    let mut tx = app.app.db.begin("tests.end_retention").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &EndRetention {}).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_years_what_the_law_kept_goes_too_and_what_is_others_stays() {
    const KEPT: [&str; 5] = ["bookings", "payments", "consent", "events", "document"];
    let app = TestApp::start().await;
    let (gone, stays) = (app.a_life().await, app.a_life().await);
    // Somebody who stays has booked an event of who goes: it is in those accounts, too.
    let visitor = app.a_person().await;
    let shared = app.an_event().hosted_by(gone.person.id).days_ahead(-9).create().await;
    app.a_visit(&shared, visitor.id, "completed").await;
    erase(&gone.client).await.expect(202);
    app.run_jobs().await;
    let count = async || {
        let mut counts = Vec::new();
        for table in KEPT {
            counts.push(app.count(table).await);
        }
        counts
    };
    let before = count().await;
    // What was booked is visited and settled meanwhile.
    app.app.clock.advance(SignedDuration::from_hours(24 * 60));
    app.run_jobs().await;
    app.app.clock.advance(SignedDuration::from_hours(24 * (365 * 10 - 59)));
    end_retention(&app).await;
    let soon = count().await;
    assert_eq!(soon[..4], before[..4], "ten years have leap days");
    assert_eq!(soon[4], before[4] - 1, "the day of the document has come");
    app.app.clock.advance(SignedDuration::from_hours(24 * 65));
    end_retention(&app).await;
    let after = count().await;
    let lost: Vec<i64> = before.iter().zip(&after).map(|(before, after)| before - after).collect();
    assert_eq!(lost[..3], [2, 1, 1], "bookings, the payment, the consent");
    let left: Vec<(String, i64)> =
        left(&app, gone.person.id).await.into_iter().filter(|it| it.1 > 0).collect();
    let owned: Vec<&str> = left.iter().map(|(column, _)| column.as_str()).collect();
    assert!(owned.contains(&"users.id") && owned.contains(&"events.host_id"), "{owned:?}");
    assert!(!owned.contains(&"bookings.user_id") && !owned.contains(&"consent.user_id"), "{owned:?}");
    assert_eq!(
        app.value::<i64>("SELECT count(*) FROM consent").await,
        1,
        "of who was not erased, nothing goes"
    );
    // When the last booking of the event has gone as well, the account goes.
    let of_life = "UPDATE users SET status = 'disabled', erased_at = (SELECT erased_at FROM users WHERE id = $2) WHERE id = $1";
    let database = app.database.client().await;
    database.execute(of_life, &[&visitor.id, &gone.person.id]).await.unwrap();
    database
        .execute(
            "UPDATE bookings SET user_id = $1 WHERE event_id IN (SELECT id FROM events WHERE host_id = $2)",
            &[&visitor.id, &gone.person.id],
        )
        .await
        .unwrap();
    end_retention(&app).await;
    for person in [gone.person.id, visitor.id] {
        let there: i64 =
            database.query_one("SELECT count(*) FROM users WHERE id = $1", &[&person]).await.unwrap().get(0);
        assert_eq!(there, 0);
    }
    let told = "SELECT count(*) FROM audit_entry WHERE action = 'account.forget'";
    assert_eq!(app.value::<i64>(told).await, 2);
    database.query_one("SELECT 1 FROM users WHERE id = $1", &[&stays.person.id]).await.unwrap();
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_not_removed_before_any_table_that_needs_it() {
    const NEEDING: &str = "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'users'::regclass AND confdeltype IN ('a', 'r')";
    let app = TestApp::start().await;
    let rows = app.database.client().await.query(NEEDING, &[]).await.unwrap();
    let needing: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        needing,
        NEED_ACCOUNT.map(str::to_owned).into(),
        "say so in accounts::retention, and ask for it there"
    );
    app.finish().await;
}
