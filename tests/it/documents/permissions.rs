//! Who may do what with a document that is shared; what is passed on, and what becomes of it.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use sportello::{accounts::users::User, ids::DocumentId, jobs::documents::SendShareMail};

use super::shelf::{Shelf, pdf};
use crate::harness::client::{Answer, Client};

pub(super) async fn put(client: &Client, document: &str, user: &User, body: Value) -> Answer {
    let path = format!("{document}/permissions/{}", user.id);
    client.request(Method::PUT, &path, &[], Some(body)).await
}

pub(super) fn path_of(document: &Value) -> String {
    format!("/api/v1/documents/{}", document["id"].as_str().unwrap())
}

/// Adds a version, whatever the last one is.
pub(super) async fn add_version(client: &Client, document: &str, text: &str) -> Answer {
    let content = pdf(text);
    let length = content.len().to_string();
    let headers = [("if-match", "*"), ("content-type", "application/pdf"), ("content-length", &*length)];
    let path = format!("{document}/content");
    client.attempt_bytes(Method::PUT, &path, &headers, content.into()).await.unwrap()
}

const EVERYTHING: [&str; 10] = [
    "show",
    "list",
    "versions",
    "content",
    "rename",
    "add_version",
    "grant",
    "link",
    "see_permissions",
    "delete",
];

/// Does each thing of [`EVERYTHING`] and tells how it was answered; for the list, whether the document is in it.
async fn tried(shelf: &Shelf, who: &Client, document: &str) -> Vec<(&'static str, u16)> {
    let mut tried = Vec::new();
    for action in EVERYTHING {
        let status = match action {
            "show" => who.get(document).await.status,
            "list" => {
                let listed = who.get("/api/v1/documents?limit=100").await.expect(200).json();
                let id = document.rsplit('/').next().unwrap();
                let is_there = listed["data"].as_array().unwrap().iter().any(|it| it["id"] == id);
                if is_there { 200 } else { 404 }
            }
            "versions" => who.get(&format!("{document}/versions")).await.status,
            "content" => who.get(&format!("{document}/content")).await.status,
            "rename" => who.patch(document, "*", json!({"title": "Altro"})).await.status,
            "add_version" => add_version(who, document, "nuova").await.status,
            "grant" => put(who, document, &shelf.cast.stranger_account, json!({})).await.status,
            "link" => who.post(&format!("{document}/links"), json!({})).await.status,
            "see_permissions" => who.get(&format!("{document}/permissions")).await.status,
            _ => who.delete(document).await.status,
        };
        tried.push((action, status));
    }
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn every_right_allows_what_it_says_and_nothing_else() {
    const STRANGER: [u16; 10] = [404; 10];
    let shelf = Shelf::new().await;
    let (owner, friend) = (&shelf.cast.user, &shelf.cast.host);
    let later = (shelf.app.app.clock.now() + SignedDuration::from_mins(2)).to_string();
    let rows: [(&str, Option<Value>, [u16; 10]); 8] = [
        ("read", Some(json!({})), [200, 200, 200, 200, 403, 403, 403, 403, 403, 403]),
        ("write", Some(json!({"write": true})), [200, 200, 200, 200, 200, 200, 403, 403, 403, 403]),
        ("delete", Some(json!({"delete": true})), [200, 200, 200, 200, 403, 403, 403, 403, 403, 204]),
        ("share", Some(json!({"share": true})), [200, 200, 200, 200, 403, 403, 201, 201, 200, 403]),
        (
            "all, for a time",
            Some(json!({"write": true, "delete": true, "share": true, "expires_at": later})),
            [200, 200, 200, 200, 200, 200, 201, 201, 200, 204],
        ),
        (
            "all, expired",
            Some(json!({"write": true, "delete": true, "share": true, "expires_at": later})),
            STRANGER,
        ),
        ("all, revoked", Some(json!({"write": true, "delete": true, "share": true})), STRANGER),
        ("a stranger", None, STRANGER),
    ];
    for (row, grant, expected) in rows {
        let document = path_of(&shelf.a_document(row).await);
        if let Some(grant) = grant {
            put(owner, &document, &shelf.cast.host_account, grant).await.expect(201);
        }
        match row {
            "all, expired" => {
                friend.get(&document).await.expect(200);
                shelf.app.app.clock.advance(SignedDuration::from_mins(2));
            }
            "all, revoked" => {
                let permission = format!("{document}/permissions/{}", shelf.cast.host_account.id);
                owner.delete(&permission).await.expect(204);
                owner.delete(&permission).await.expect(404);
            }
            _ => {}
        }
        let before = refused(&shelf).await;
        let told = tried(&shelf, friend, &document).await;
        let expected: Vec<_> = EVERYTHING.into_iter().zip(expected).collect();
        assert_eq!(told, expected, "{row}");
        let tries = told.iter().filter(|(action, status)| *action != "list" && *status >= 400).count();
        assert_eq!(refused(&shelf).await - before, tries as i64, "{row}: each try is in the log");
    }
    let document = path_of(&shelf.a_document("suo").await);
    let told: Vec<_> = tried(&shelf, &shelf.cast.admin, &document).await.into_iter().map(|it| it.1).collect();
    assert_eq!(
        told,
        [200, 200, 200, 404, 404, 404, 404, 404, 200, 404],
        "an administrator sees that it exists"
    );
    let told: Vec<_> = tried(&shelf, owner, &document).await.into_iter().map(|it| it.1).collect();
    assert_eq!(told, [200, 200, 200, 200, 200, 200, 201, 201, 200, 204], "the owner");
    shelf.app.finish().await;
}

pub(super) async fn refused(shelf: &Shelf) -> i64 {
    const REFUSED: &str =
        "SELECT count(*) FROM audit_entry WHERE result = 'refused' AND object_kind = 'document'";
    shelf.app.value(REFUSED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_they_have_or_changes_what_others_gave() {
    let shelf = Shelf::new().await;
    let (owner, sharer) = (&shelf.cast.user, &shelf.cast.host);
    let (friend, third) = (&shelf.cast.stranger_account, shelf.app.a_person().await);
    let now = shelf.app.app.clock.now();
    let (soon, later) =
        ((now + SignedDuration::from_mins(5)).to_string(), (now + SignedDuration::from_hours(2)).to_string());
    let document = path_of(&shelf.a_document("condiviso").await);
    let given = json!({"write": true, "share": true, "expires_at": soon});
    let given = put(owner, &document, &shelf.cast.host_account, given).await.expect(201);
    assert_eq!(given.json()["granted_by"], shelf.cast.user_account.id.to_string());

    for (more, status, code) in [
        (json!({"delete": true}), 403, "more_than_own"),
        (json!({"write": true, "delete": true, "share": true}), 403, "more_than_own"),
        (json!({"expires_at": later}), 403, "more_than_own"),
        (json!({"read": false}), 422, "validation_failed"),
        (json!({"expires_at": "2020-01-01T00:00:00Z"}), 422, "validation_failed"),
        (json!({"own": true}), 422, "validation_failed"),
    ] {
        let answer = put(sharer, &document, friend, more.clone()).await;
        assert_eq!((answer.status, answer.code()), (status, code.to_owned()), "{more}");
    }
    let bounded = put(sharer, &document, friend, json!({"write": true})).await.expect(201).json();
    assert_eq!((&bounded["expires_at"], &bounded["read"]), (&given.json()["expires_at"], &json!(true)));
    put(owner, &document, &third, json!({})).await.expect(201);
    let by_owner = put(sharer, &document, &third, json!({"write": true})).await.expect(409);
    assert_eq!(by_owner.code(), "granted_by_another");
    let path = format!("{document}/permissions/{}", third.id);
    assert_eq!(sharer.delete(&path).await.expect(409).code(), "granted_by_another");
    for (who, body) in [(sharer, json!({})), (owner, json!({"write": true}))] {
        let own = put(who, &document, &shelf.cast.user_account, body).await.expect(409);
        assert_eq!(own.code(), "is_owner");
    }
    let own = put(sharer, &document, &shelf.cast.host_account, json!({"share": true})).await.expect(409);
    assert_eq!(own.code(), "granted_by_another", "nobody gives themselves anything");
    // What one has given one may change, and whoever read it before that is told.
    let path = format!("{document}/permissions/{}", friend.id);
    let read = owner.get(&path).await.expect(200);
    assert_eq!(put(sharer, &document, friend, json!({})).await.expect(200).json()["write"], false);
    let stale = [("if-match", read.header("etag"))];
    owner.request(Method::PUT, &path, &stale, Some(json!({"write": true}))).await.expect(412);
    owner.request(Method::DELETE, &path, &stale, None).await.expect(412);

    let nobody = User { id: sportello::ids::UserId::new(now), ..third.clone() };
    assert_eq!(put(owner, &document, &nobody, json!({})).await.expect(422).code(), "unknown_person");
    let database = shelf.app.database.client().await;
    database.execute("UPDATE users SET status = 'disabled' WHERE id = $1", &[&third.id]).await.unwrap();
    assert_eq!(put(owner, &document, &third, json!({})).await.expect(422).code(), "unknown_person");

    let listed = owner.get(&format!("{document}/permissions?limit=2")).await.expect(200).json();
    let next = format!("{document}/permissions?limit=2&cursor={}", listed["next_cursor"].as_str().unwrap());
    assert_eq!(sharer.get(&next).await.expect(200).json()["data"].as_array().unwrap().len(), 1);
    let mine = format!("{document}/permissions/{}", friend.id);
    assert_eq!(
        shelf.cast.stranger.get(&mine).await.expect(200).json()["granted_by"],
        shelf.cast.host_account.id.to_string()
    );
    shelf.cast.stranger.get(&format!("{document}/permissions/{}", third.id)).await.expect(403);
    owner.get(&format!("{document}/permissions/{}", nobody.id)).await.expect(404);
    shelf.app.finish().await;
}

/// owner → anna → bruno → carla, each with all rights; dario has his from the owner.
struct Chain {
    shelf: Shelf,
    document: String,
    people: Vec<(User, Client)>,
}

async fn a_chain() -> Chain {
    let shelf = Shelf::new().await;
    let document = path_of(&shelf.a_document("catena").await);
    let mut people = Vec::new();
    for _ in 0..4 {
        let person = shelf.app.a_person().await;
        let client = shelf.app.log_in(&person).await;
        people.push((person, client));
    }
    let everything = json!({"write": true, "delete": true, "share": true});
    let givers = [&shelf.cast.user, &people[0].1, &people[1].1, &shelf.cast.user];
    for (giver, (person, _)) in givers.into_iter().zip(&people) {
        put(giver, &document, person, everything.clone()).await.expect(201);
    }
    Chain { shelf, document, people }
}

impl Chain {
    /// What each of the four may do: of `rwds`.
    async fn rights(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (person, _) in &self.people {
            let answer =
                self.shelf.cast.user.get(&format!("{}/permissions/{}", self.document, person.id)).await;
            let json = if answer.status == 200 { answer.json() } else { Value::Null };
            let letter = |name: &str, letter| if json[name] == true { letter } else { "" };
            told.push(
                [letter("read", "r"), letter("write", "w"), letter("delete", "d"), letter("share", "s")]
                    .concat(),
            );
        }
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_narrowed_or_taken_is_taken_from_all_it_was_passed_on_to() {
    let chain = a_chain().await;
    let (owner, document, people) = (&chain.shelf.cast.user, &chain.document, &chain.people);
    assert_eq!(chain.rights().await, ["rwds", "rwds", "rwds", "rwds"]);
    let link = people[2].1.post(&format!("{document}/links"), json!({})).await.expect(201).json();
    let link = link["url"].as_str().unwrap().split_once("/d/").map(|it| format!("/d/{}", it.1)).unwrap();
    let nobody = &chain.shelf.cast.anonymous;
    nobody.get(&link).await.expect(200);

    let until = (chain.shelf.app.app.clock.now() + SignedDuration::from_mins(3)).to_string();
    let narrower = json!({"delete": true, "share": true, "expires_at": until});
    put(owner, document, &people[0].0, narrower).await.expect(200);
    assert_eq!(chain.rights().await, ["rds", "rds", "rds", "rwds"]);
    let below =
        people[1].1.get(&format!("{document}/permissions/{}", people[2].0.id)).await.expect(200).json();
    assert_eq!(
        below["expires_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap(),
        until.parse().unwrap()
    );
    // More than before is not passed on by itself.
    put(owner, document, &people[0].0, json!({"write": true, "delete": true, "share": true}))
        .await
        .expect(200);
    assert_eq!(chain.rights().await, ["rwds", "rds", "rds", "rwds"]);
    nobody.get(&link).await.expect(200);

    put(owner, document, &people[0].0, json!({"write": true})).await.expect(200);
    assert_eq!(chain.rights().await, ["rw", "", "", "rwds"]);
    nobody.get(&link).await.expect(404);
    // Whoever gets the right back does not get the links back.
    put(owner, document, &people[2].0, json!({"share": true})).await.expect(201);
    nobody.get(&link).await.expect(404);
    let told: Value = chain
        .shelf
        .app
        .value(
            "SELECT details FROM audit_entry WHERE action = 'document.change_grant' ORDER BY id DESC LIMIT 1",
        )
        .await;
    let mut revoked = told["consequences"]["revoked"].as_array().unwrap().clone();
    revoked.sort_by_key(ToString::to_string);
    let mut expected = vec![json!(people[1].0.id), json!(people[2].0.id)];
    expected.sort_by_key(ToString::to_string);
    assert_eq!((revoked, &told["consequences"]["links"]), (expected, &json!(1)));
    chain.shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_middle_and_goes_takes_along_those_below_and_nobody_else() {
    let chain = a_chain().await;
    let (document, people) = (&chain.document, &chain.people);
    let of = |n: usize| format!("{document}/permissions/{}", chain.people[n].0.id);
    // From above in the chain one reaches all below; from below nobody above, and nobody beside.
    people[1].1.delete(&of(0)).await.expect(409);
    people[1].1.delete(&of(3)).await.expect(409);
    people[0].1.delete(&of(2)).await.expect(204);
    assert_eq!(chain.rights().await, ["rwds", "rwds", "", "rwds"]);
    put(&people[1].1, document, &people[2].0, json!({"share": true})).await.expect(201);
    // Giving up one's own.
    people[1].1.delete(&of(1)).await.expect(204);
    assert_eq!(chain.rights().await, ["rwds", "", "", "rwds"]);
    people[1].1.delete(&of(1)).await.expect(404);
    // Being erased.
    put(&people[0].1, document, &people[1].0, json!({"share": true})).await.expect(201);
    let mut tx = chain.shelf.app.app.db.begin("tests.erase").await.unwrap();
    let now = chain.shelf.app.app.clock.now();
    sportello::documents::permissions::revoke_all_of(&mut tx, people[0].0.id, 10, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(chain.rights().await, ["", "", "", "rwds"]);
    chain
        .shelf
        .cast
        .stranger
        .delete(&format!("{document}/permissions/{}", chain.shelf.cast.stranger_account.id))
        .await
        .expect(404);
    chain.shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_loses_the_right_while_passing_it_on_has_passed_nothing_on() {
    let shelf = Shelf::new().await;
    let (owner, sharer) = (&shelf.cast.user, &shelf.cast.host);
    let document = path_of(&shelf.a_document("gara").await);
    let own = format!("{document}/permissions/{}", shelf.cast.host_account.id);
    let friend = format!("{document}/permissions/{}", shelf.cast.stranger_account.id);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..30 {
        put(owner, &document, &shelf.cast.host_account, json!({"share": true})).await.expect(201);
        let taking = async {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            owner.delete(&own).await
        };
        let links = format!("{document}/links");
        let (given, taken, link) = futures_util::join!(
            put(sharer, &document, &shelf.cast.stranger_account, json!({"share": true})),
            taking,
            sharer.post(&links, json!({})),
        );
        taken.expect(204);
        assert!(matches!(given.status, 201 | 404), "{}", given.status);
        assert!(matches!(link.status, 201 | 404), "{}", link.status);
        seen.insert(given.status);
        owner.get(&friend).await.expect(404);
        let rows: i64 = shelf.app.value("SELECT count(*) FROM document_permission").await;
        let open: i64 = shelf.app.value("SELECT count(*) FROM document_link WHERE revoked_at IS NULL").await;
        assert_eq!((rows, open), (0, 0), "round {round}");
    }
    assert!(!seen.is_empty());
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_somebodys_when_it_was_verified_and_guessing_addresses_ends() {
    let shelf = Shelf::with(|config| {
        config.limits.enabled = true;
        config.limits.register.limit = 3;
    })
    .await;
    let owner = &shelf.cast.user;
    let document = path_of(&shelf.a_document("per posta").await);
    let path = format!("{document}/permissions");
    let friend = &shelf.cast.stranger_account;
    let ask = async |email: &str, key: &str| {
        let body = json!({"email": email, "write": true});
        owner.request(Method::POST, &path, &[("idempotency-key", key)], Some(body)).await
    };
    let unverified = ask(&friend.email, "a").await.expect(422);
    assert_eq!(unverified.code(), "unknown_person");
    let database = shelf.app.database.client().await;
    database
        .execute("UPDATE users SET email_verified_at = now() WHERE id = $1", &[&friend.id])
        .await
        .unwrap();
    let shared = ask(&format!(" {}", friend.email.to_uppercase()), "b").await.expect(201);
    assert_eq!(shared.header("location"), format!("{path}/{}", friend.id));
    assert!(!shared.header("etag").is_empty());
    let again = ask(&format!(" {}", friend.email.to_uppercase()), "b").await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", shared.json()));
    assert_eq!(ask(&friend.email, "c").await.expect(409).code(), "already_shared");
    for body in [json!({}), json!({"email": "a@b.it", "user_id": friend.id}), json!({"email": "nessuno"})] {
        owner.post(&path, body).await.expect(422);
    }
    let by_id = json!({"user_id": shelf.cast.host_account.id});
    owner.post(&path, by_id).await.expect(201);
    for n in 0..2 {
        ask(&format!("nessuno-{n}@example.org"), &format!("d{n}")).await.expect(422);
    }
    let limited = ask("nessuno-3@example.org", "e").await.expect(429);
    assert!(!limited.header("retry-after").is_empty());
    let tries: i64 = shelf
        .app
        .value("SELECT count(*) FROM audit_entry WHERE details ->> 'reason' = 'unknown_person'")
        .await;
    assert_eq!(tries, 3);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_removed_by_the_job_and_what_lasts_stays() {
    let shelf = Shelf::new().await;
    let owner = &shelf.cast.user;
    let document = path_of(&shelf.a_document("a tempo").await);
    let soon = (shelf.app.app.clock.now() + SignedDuration::from_mins(1)).to_string();
    put(owner, &document, &shelf.cast.host_account, json!({"expires_at": soon})).await.expect(201);
    put(owner, &document, &shelf.cast.stranger_account, json!({})).await.expect(201);
    owner.post(&format!("{document}/links"), json!({"expires_in": 60})).await.expect(201);
    shelf.app.run_jobs().await;
    let rows = async || -> (i64, i64) {
        (
            shelf.app.value("SELECT count(*) FROM document_permission").await,
            shelf.app.value("SELECT count(*) FROM document_link").await,
        )
    };
    assert_eq!(rows().await, (2, 1));
    shelf.app.app.clock.advance(SignedDuration::from_mins(11));
    let listed = owner.get(&format!("{document}/permissions")).await.expect(200).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "it is worth nothing before it is removed");
    shelf.app.run_jobs().await;
    assert_eq!(rows().await, (1, 1), "links can be told for a while");
    shelf.app.app.clock.advance(SignedDuration::from_hours(31 * 24));
    shelf.app.run_jobs().await;
    assert_eq!(rows().await, (1, 0));
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_given_a_document_hears_of_it_by_mail_once_a_day_and_never_at_an_address_nobody_has_proved() {
    let shelf = Shelf::new().await;
    let owner = &shelf.cast.user;
    let document = path_of(&shelf.a_document("il contratto").await);
    let friend = &shelf.cast.stranger_account;
    let own = format!("{document}/permissions/{}", friend.id);
    let mails = async || {
        shelf.app.run_jobs().await;
        shelf.app.mails().iter().filter(|mail| mail.contains("condiviso")).count()
    };
    // Not proved: whoever has registered with somebody else's address brings them no mail.
    put(owner, &document, friend, json!({})).await.expect(201);
    assert_eq!(mails().await, 0);
    owner.delete(&own).await.expect(204);
    let database = shelf.app.database.client().await;
    let prove = "UPDATE users SET email_verified_at = now() WHERE id = $1";
    database.execute(prove, &[&friend.id]).await.unwrap();
    shelf.app.app.clock.advance(SignedDuration::from_hours(25));
    let owner = &shelf.app.log_in(&shelf.cast.user_account).await;
    let until = (shelf.app.app.clock.now() + SignedDuration::from_hours(100)).to_string();
    put(owner, &document, friend, json!({ "expires_at": until })).await.expect(201);
    assert_eq!(mails().await, 1);
    let mail = shelf.app.mails().pop().unwrap().replace("=\r\n", "").replace("=\n", "");
    assert!(mail.contains(&friend.email) && mail.contains("atto.pdf"), "{mail}");
    // Changed, or taken and given again: nothing more today.
    put(owner, &document, friend, json!({ "write": true })).await.expect(200);
    for _ in 0..3 {
        owner.delete(&own).await.expect(204);
        put(owner, &document, friend, json!({})).await.expect(201);
    }
    assert_eq!(mails().await, 1);
    // Taken before it could be told: nothing is told.
    owner.delete(&own).await.expect(204);
    let id = document.rsplit('/').next().unwrap().parse().unwrap();
    let late = SendShareMail { document: DocumentId(id), user: friend.id };
    let mut tx = shelf.app.app.db.begin("tests.late").await.unwrap();
    shelf.app.app.jobs.enqueue(&mut tx, &late).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(mails().await, 1);
    // What was refused has no job either.
    let nobody = json!({ "email": "nessuno@example.org" });
    owner.post(&format!("{document}/permissions"), nobody).await.expect(422);
    let jobs = "SELECT count(*) FROM job.body b JOIN job.kind k ON k.id = b.kind_id WHERE k.name = 'documents.send_share_mail'";
    assert_eq!(shelf.app.value::<i64>(jobs).await, 0);
    shelf.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_a_hundred_documents_sends_no_hundred_mails() {
    let shelf = Shelf::new().await;
    let friend = &shelf.cast.stranger_account;
    let database = shelf.app.database.client().await;
    let prove = "UPDATE users SET email_verified_at = now() WHERE id = $1";
    database.execute(prove, &[&friend.id]).await.unwrap();
    for n in 0..12 {
        let document = path_of(&shelf.a_document(&format!("pagina {n}")).await);
        put(&shelf.cast.user, &document, friend, json!({})).await.expect(201);
        shelf.app.run_jobs().await;
    }
    assert_eq!(shelf.app.mails().len(), 10);
    shelf.app.finish().await;
}
