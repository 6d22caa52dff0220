//! What a person takes along: everything that is the person's, nothing that is anybody else's, and no secrets.

use std::{
    collections::BTreeSet,
    io::{Cursor, Read as _},
};

use jiff::ToSpan as _;
use serde_json::{Value, json};
use sportello::{accounts::export::KINDS, jobs::accounts::PruneAccounts};

use super::life::{WORDS, upload};
use crate::harness::{app::TestApp, client::Client};

const EXPORT: &str = "/api/v1/me/export";

/// Asks for an export, lets it be made and downloads it; also the document.
async fn exported(app: &TestApp, client: &Client) -> (zip::ZipArchive<Cursor<Vec<u8>>>, String) {
    let asked = client.request(axum::http::Method::POST, EXPORT, &[], None).await.expect(202).json();
    app.run_jobs().await;
    let task = client.get(asked["links"]["self"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(task["state"], "done", "{task}");
    let document = task["result"]["document_id"].as_str().unwrap().to_owned();
    let content = client.get(&format!("/api/v1/documents/{document}/content")).await.expect(200);
    assert_eq!(content.header("content-type"), "application/zip");
    (zip::ZipArchive::new(Cursor::new(content.body.to_vec())).unwrap(), document)
}

fn names(archive: &zip::ZipArchive<Cursor<Vec<u8>>>) -> Vec<String> {
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

fn read(archive: &mut zip::ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn rows(archive: &mut zip::ZipArchive<Cursor<Vec<u8>>>, kind: &str) -> Vec<Value> {
    serde_json::from_slice(&read(archive, &format!("{kind}.json"))).unwrap()
}

async fn prune(app: &TestApp) {
    let mut tx = app.app.db.begin("tests.prune").await.unwrap();
    app.app.jobs.enqueue(&mut tx, &PruneAccounts {}).await.unwrap();
    tx.commit().await.unwrap();
    app.run_jobs().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_opens_and_holds_what_is_the_persons_and_no_secret() {
    let app = TestApp::start().await;
    let life = app.a_life().await;
    let stranger = app.a_life().await;
    let wrong = json!({ "email": life.person.email, "password": "not my password" });
    app.anonymous().post("/api/v1/auth/login", wrong).await.expect(401);
    let (mut archive, _) = exported(&app, &life.client).await;
    let names: BTreeSet<String> = names(&archive).into_iter().collect();
    let own = format!("documents/{}/1/{}.txt", life.document, WORDS[6]);
    let mut expected: BTreeSet<String> = KINDS.iter().map(|kind| format!("{}.json", kind.name)).collect();
    expected.extend([own.clone(), format!("documents/{}/1/atto.txt", life.kept)]);
    assert_eq!(names, expected);
    assert_eq!(read(&mut archive, &own), life.content);

    let profile = &rows(&mut archive, "profile")[0];
    assert_eq!((&profile["email"], &profile["name"]), (&json!(life.person.email), &json!(WORDS[0])));
    assert_eq!((&profile["phone"], &profile["bio"]), (&json!(WORDS[1]), &json!(WORDS[2])));
    let counts = [
        ("sessions", 1),
        ("api_keys", 1),
        ("consents", 1),
        ("bookings", 2),
        ("payments", 1),
        ("reviews", 1),
        ("favourites", 1),
        ("events", 2),
        ("documents", 2),
        ("documents_shared_with_me", 1),
        ("documents_shared_by_me", 2),
        ("document_links", 1),
        ("second_factor", 1),
        ("links_in_mails", 0),
        ("failed_log_ins", 1),
        ("audit_about_me", 1),
        ("administration", 0),
        ("tasks", 1),
        ("uploads", 3),
    ];
    for (kind, count) in counts {
        assert_eq!(rows(&mut archive, kind).len(), count, "{kind}");
    }
    assert_eq!(rows(&mut archive, "reviews")[0]["comment"], WORDS[3]);
    assert_eq!(rows(&mut archive, "sessions")[0]["user_agent"], WORDS[4]);
    let audit = rows(&mut archive, "audit");
    let actions: BTreeSet<&str> = audit.iter().map(|it| it["action"].as_str().unwrap()).collect();
    assert!(actions.is_superset(&["account.log_in", "api_key.create", "consent.give"].into()), "{actions:?}");

    let factor = &rows(&mut archive, "second_factor")[0];
    assert_eq!((&factor["is_enabled"], &factor["enabled_at"]), (&json!(false), &Value::Null));
    let given = rows(&mut archive, "documents_shared_by_me");
    assert!(given.iter().all(|it| it["granted_by"] == json!(life.person.id)), "{given:?}");
    assert_eq!(rows(&mut archive, "document_links")[0]["document_id"], json!(life.kept));
    assert_eq!(rows(&mut archive, "audit_about_me")[0]["details"]["reason"], "wrong_password");

    let mut text = String::new();
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        text.push_str(&String::from_utf8(read(&mut archive, name)).unwrap());
    }
    for secret in ["hash", "argon2", "spk_", "spa_", "spr_", "wrapped", "\"object\""] {
        let found = text.matches(secret).count();
        // The hint of a key is how it begins.
        assert_eq!(found, usize::from(secret == "spk_"), "{secret}");
    }
    assert!(!text.contains(&stranger.person.email) && !text.contains(&stranger.person.id.to_string()));
    assert!(app.mails().iter().any(|mail| mail.contains("pronti")), "the person hears of it");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_export_says_since_when_there_is_a_second_factor_and_never_its_secret() {
    let app = TestApp::start().await;
    let it = app.an_enrolled_person().await;
    let (mut archive, _) = exported(&app, &it.client).await;
    let text = String::from_utf8(read(&mut archive, "second_factor.json")).unwrap();
    let factor = &rows(&mut archive, "second_factor")[0];
    assert!(factor["is_enabled"] == true && factor["enabled_at"].is_string(), "{factor}");
    assert_eq!(factor["recovery_codes_left"], 10);
    assert!(!text.contains("secret") && !text.contains("hash"), "{text}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_asked_for_once_an_hour_kept_a_week_and_in_no_other() {
    let app = TestApp::start().await;
    let person = app.a_person().await;
    let client = app.log_in(&person).await;
    // More rows than a page of the export has.
    let many = "INSERT INTO consent (user_id, purpose, wording, is_given, at)
        SELECT u.id, 'marketing_mail', '1', n % 2 = 0, now() FROM users u, generate_series(1, 1234) n";
    app.database.client().await.batch_execute(many).await.unwrap();
    let (mut archive, first) = exported(&app, &client).await;
    assert_eq!(rows(&mut archive, "consents").len(), 1234);
    let usage = client.get("/api/v1/me/documents/quota").await.expect(200).json();
    assert!(usage["stored"].as_i64().unwrap() > 0, "{usage}");
    let again = client.request(axum::http::Method::POST, EXPORT, &[], None).await.expect(429);
    assert!(again.header("retry-after").parse::<u32>().unwrap() <= 3600);
    let stranger = app.log_in(&app.a_person().await).await;
    stranger.get(&format!("/api/v1/documents/{first}/content")).await.expect(404);

    app.app.clock.advance(6.hours().try_into().unwrap());
    let client = app.log_in(&person).await;
    upload(&client, "nuovo.txt", b"Una riga.\n").await.expect(201);
    let (archive, second) = exported(&app, &client).await;
    let names: Vec<String> =
        names(&archive).into_iter().filter(|name| name.starts_with("documents/")).collect();
    assert_eq!(names.len(), 1, "no export in an export: {names:?}");

    app.app.clock.advance((7 * 24 - 5).hours().try_into().unwrap());
    prune(&app).await;
    let left: Vec<String> = documents(&app).await;
    assert!(!left.contains(&first) && left.contains(&second), "the first is a week old");
    app.app.clock.advance(6.hours().try_into().unwrap());
    prune(&app).await;
    assert_eq!((documents(&app).await.len(), app.stored()), (1, 1), "what the person has sent stays");
    app.finish().await;
}

async fn documents(app: &TestApp) -> Vec<String> {
    let rows = app.database.client().await.query("SELECT id::text FROM document", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
