//! What is over or was never somebody's serves nothing, at whatever door they come, and each try is in the log.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    permissions::{path_of, put},
    shelf::{Shelf, pdf},
};
use crate::harness::{client::Client, until::eventually};

/// A key for programs, and its id.
async fn a_key(owner: &Client, scopes: &[&str]) -> (Client, String) {
    let body = json!({"name": "un programma", "scopes": scopes});
    let made = owner.post("/api/v1/api-keys", body).await.expect(201).json();
    (owner.with(made["key"].as_str().unwrap()), made["id"].as_str().unwrap().to_owned())
}

/// A document of `cast.user`, and the doors to it, all closed by now.
struct Closed {
    shelf: Shelf,
    document: String,
    content: String,
    link: String,
    /// Of the friend, whose permission has expired.
    friends: Client,
    foreign: (Client, String),
    other_scope: (Client, String),
    ended: (Client, String),
    /// The last entry of the log from before.
    last: i64,
}

impl Closed {
    async fn new() -> Self {
        let shelf = Shelf::new().await;
        let (owner, friend, nobody) = (&shelf.cast.user, &shelf.cast.host, &shelf.cast.anonymous);
        let document = path_of(&shelf.a_document("chiuso").await);
        let content = format!("{document}/content");
        let soon = (shelf.app.app.clock.now() + SignedDuration::from_mins(2)).to_string();
        let granted = json!({"share": true, "expires_at": soon});
        put(owner, &document, &shelf.cast.host_account, granted).await.expect(201);
        let (friends, _) = a_key(friend, &["documents:read"]).await;
        let foreign = a_key(&shelf.cast.stranger, &["documents:read", "documents:share"]).await;
        let (other_scope, ended) =
            (a_key(owner, &["profile:read"]).await, a_key(owner, &["documents:read"]).await);
        let made = owner.post(&format!("{document}/links"), json!({})).await.expect(201).json();
        let link = format!("/d/{}", made["url"].as_str().unwrap().split_once("/d/").unwrap().1);

        // As long as it lasts, it opens; a key no more than it is good for.
        for open in [friend, &friends, &ended.0] {
            open.get(&content).await.expect(200);
        }
        let refused = friends.post(&format!("{document}/links"), json!({})).await.expect(403);
        assert_eq!(refused.code(), "insufficient_scope");

        // The end comes while others are downloading: what began before is whole, what comes after is nothing.
        let downloads = futures_util::future::join_all((0..10).map(|_| nobody.get(&link)));
        let of = format!("{document}/links/{}", made["id"].as_str().unwrap());
        let (during, revoked) = futures_util::join!(downloads, owner.delete(&of));
        revoked.expect(204);
        assert!(during.iter().all(|it| it.status == 404 || it.status == 200 && it.body == pdf("chiuso")));
        owner.delete(&format!("/api/v1/api-keys/{}", ended.1)).await.expect(204);
        shelf.app.app.clock.advance(SignedDuration::from_mins(2));
        let last = shelf.app.value("SELECT coalesce(max(id), 0) FROM audit_entry").await;
        Self { shelf, document, content, link, friends, foreign, other_scope, ended, last }
    }

    /// What was refused since: the action, the reason, how often.
    async fn told(&self) -> Vec<(String, Value, i64)> {
        const TOLD: &str = "SELECT action, details -> 'reason' AS reason, count(*) AS times FROM audit_entry
            WHERE id > $1 AND result = 'refused' GROUP BY 1, 2 ORDER BY 1, 2";
        let rows = self.shelf.app.database.client().await.query(TOLD, &[&self.last]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }

    /// Entries about a key, and by it about documents.
    async fn told_of_key(&self, id: &str) -> (i64, i64) {
        const OF: &str =
            "SELECT count(*) FILTER (WHERE action = 'api_key.use' AND object_id = $1 AND result = 'refused'),
                count(*) FILTER (WHERE who_kind = 'api_key' AND via::text = $1 AND action LIKE 'document.%')
            FROM audit_entry WHERE id > $2";
        let row = self.shelf.app.database.client().await.query_one(OF, &[&id, &self.last]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_expired_permission_a_revoked_link_and_a_foreign_key_open_nothing_and_are_in_the_log() {
    let closed = Closed::new().await;
    let Closed { shelf, content, link, .. } = &closed;
    let range = [("range", "bytes=3-9")];
    for (who, path, status) in [
        (&shelf.cast.host, content, 404),
        (&closed.friends, content, 404),
        (&closed.foreign.0, content, 404),
        (&closed.other_scope.0, content, 403),
        (&closed.ended.0, content, 401),
        (&shelf.cast.anonymous, link, 404),
        (&shelf.cast.anonymous, content, 401),
    ] {
        for (method, headers) in [(Method::GET, &[][..]), (Method::GET, &range[..]), (Method::HEAD, &[][..])]
        {
            let answer = who.request(method, path, headers, None).await;
            assert_eq!(answer.status, status, "{path}");
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!text.contains("PDF") && !text.contains("chiuso"), "{text}");
            for header in ["repr-digest", "content-disposition", "etag", "content-range"] {
                assert_eq!(answer.header(header), "", "{header} of {path}");
            }
        }
    }
    closed.foreign.0.post(&format!("{}/links", closed.document), json!({})).await.expect(404);
    closed.foreign.0.get(&format!("{}/permissions", closed.document)).await.expect(404);

    let expected = [
        ("document.create_link", "not_found", 1),
        ("document.read", "not_found", 9),
        ("document.read_by_link", "revoked", 3),
        ("document.show_permissions", "not_found", 1),
    ]
    .map(|(action, reason, times)| (action.to_owned(), json!(reason), times));
    let of_documents: Vec<_> = closed.told().await.into_iter().filter(|it| it.0 != "api_key.use").collect();
    assert_eq!(of_documents, expected);
    // Keys are told of by the way, once for each reason.
    eventually("the log knows of the keys", async || {
        closed.told_of_key(&closed.other_scope.1).await.0 == 1
            && closed.told_of_key(&closed.ended.1).await.0 == 1
    })
    .await;
    assert_eq!(closed.told_of_key(&closed.foreign.1).await, (0, 5), "the log knows which key it was");
    shelf.app.run_jobs().await;
    let mut tx = shelf.app.app.db.begin("tests.verify").await.unwrap();
    assert!(sportello::audit::verify::verify(&mut tx, &[]).await.unwrap().is_whole());
    drop(tx);
    closed.shelf.app.finish().await;
}
