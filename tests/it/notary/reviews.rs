//! Reviews of notaries: by the clients of their acts, seen when they were approved; the rating is always that of what is seen.

use axum::http::Method;
use futures_util::future::join_all;
use jiff::ToSpan as _;
use serde_json::{Value, json};
use sportello::{
    accounts::policy::Role,
    notary::rules::machine::{
        Name as _, Who,
        review::{Event, MACHINE, State},
    },
};

use super::practice::Practice;
use crate::harness::client::{Answer, Client};

/// The practice, and an administrator.
async fn practice() -> (Practice, Client) {
    let practice = Practice::new().await;
    let admin = practice.app.a_person_with(Role::Admin).await;
    let admin = practice.app.log_in(&admin).await;
    (practice, admin)
}

impl Practice {
    async fn a_signed_act_of_the_client(&self) -> String {
        self.app.a_signed_act(self.office, self.client_account.id, "Procura").await
    }

    /// The client reviews a new act; the review's address.
    async fn is_reviewed(&self, rating: i64) -> String {
        let act = self.a_signed_act_of_the_client().await;
        let body = json!({"rating": rating, "title": "Bene", "comment": "Tutto spiegato con calma."});
        let written = self.client.post(&format!("/api/v1/acts/{act}/review"), body).await.expect(201);
        assert_eq!(written.header("etag"), "\"v1\"");
        written.header("location").to_owned()
    }

    /// Rating and number, as everybody sees them; they are those of the rows.
    async fn rating(&self) -> (Option<f64>, i64) {
        const ROWS: &str = "SELECT n.rating_sum = coalesce(sum(r.rating), 0) AND n.rating_count = count(r.id)
            FROM notary n LEFT JOIN notary_review r ON r.notary_id = n.id AND r.status = 'approved' WHERE n.id = $1
            GROUP BY n.id";
        let shown =
            self.app.anonymous().get(&format!("/api/v1/notaries/{}", self.office)).await.expect(200).json();
        let row = self.app.database.client().await.query_one(ROWS, &[&self.office]).await.unwrap();
        assert!(row.get::<_, bool>(0), "the rating is that of the rows");
        (shown["rating"].as_f64(), shown["reviews"].as_i64().unwrap())
    }

    async fn listed(&self, query: &str) -> Vec<Value> {
        let path = format!("/api/v1/notaries/{}/reviews{query}", self.office);
        let page = self.app.anonymous().get(&path).await.expect(200).json();
        page["data"].as_array().unwrap().clone()
    }
}

async fn decides(admin: &Client, review: &str, event: &str) -> Answer {
    let mut body = json!({ "event": event });
    if event == "reject" {
        body["reason"] = json!("Contiene insulti.");
    }
    loop {
        // Administrators share one connection: of many at once some are told to come back.
        let answer = admin.post(&format!("{review}/transitions"), body.clone()).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_act_is_reviewed_once_by_its_client_and_seen_when_it_was_approved() {
    let (practice, admin) = practice().await;
    let draft = practice.an_act("certified_copies").await;
    let path = format!("/api/v1/acts/{draft}/review");
    assert_eq!(practice.client.post(&path, json!({"rating": 5})).await.expect(409).code(), "not_signed");
    let act = practice.a_signed_act_of_the_client().await;
    let path = format!("/api/v1/acts/{act}/review");
    for other in [&practice.stranger, &practice.notary, &practice.clerk, &admin] {
        other.post(&path, json!({"rating": 5})).await.expect(404);
    }
    practice.app.anonymous().post(&path, json!({"rating": 5})).await.expect(401);
    for (body, pointer) in [
        (json!({"rating": 0}), "/rating"),
        (json!({"rating": 6}), "/rating"),
        (json!({"comment": "x"}), "/rating"),
        (json!({"rating": 5, "title": "a\nb"}), "/title"),
        (json!({"rating": 5, "comment": "x".repeat(2001)}), "/comment"),
        (json!({"rating": 5, "status": "approved"}), "/status"),
    ] {
        let refused = practice.client.post(&path, body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let tries = join_all((0..6).map(|_| practice.client.post(&path, json!({"rating": 4})))).await;
    let written: Vec<&Answer> = tries.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!((written.len(), tries.iter().filter(|it| it.code() == "already_reviewed").count()), (1, 5));
    let review = written[0].header("location").to_owned();
    assert_eq!((practice.rating().await, practice.listed("").await.len()), ((None, 0), 0));
    for blind in [&practice.stranger, &practice.notary, &practice.clerk] {
        blind.get(&review).await.expect(404);
    }
    let queue = admin.get("/api/v1/notary/reviews").await.expect(200).json();
    assert_eq!(queue["data"][0]["act_id"], json!(act));
    assert_eq!(decides(&admin, &review, "approve").await.expect(200).json()["status"], "approved");
    assert_eq!(decides(&admin, &review, "approve").await.expect(409).code(), "not_in_this_state");
    assert_eq!(practice.rating().await, (Some(4.0), 1));
    let listed = practice.listed("").await;
    assert_eq!((&listed[0]["name"], &listed[0]["rating"]), (&json!("Anna"), &json!(4)));
    assert!(listed[0].get("act_id").is_none(), "of which act it is, is nobody's business");
    assert_eq!((practice.listed("?rating=4").await.len(), practice.listed("?rating=5").await.len()), (1, 0));
    practice.notary.get(&review).await.expect(200);
    practice.stranger.get(&review).await.expect(404);
    let mine = practice.client.get("/api/v1/me/notary-reviews").await.expect(200).json();
    assert_eq!(mine["data"].as_array().unwrap().len(), 1);
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_review_is_looked_at_again_and_its_answer_goes() {
    let (practice, admin) = practice().await;
    let (review, other) = (practice.is_reviewed(5).await, practice.is_reviewed(2).await);
    for review in [&review, &other] {
        decides(&admin, review, "approve").await.expect(200);
    }
    assert_eq!(practice.rating().await, (Some(3.5), 2));
    let answers = format!("{review}/answer");
    let thanks = json!({"answer": "La ringraziamo."});
    assert_eq!(practice.client.post(&answers, thanks.clone()).await.expect(403).code(), "forbidden");
    practice.clerk.post(&answers, thanks.clone()).await.expect(403);
    practice.notary.post(&answers, json!({"answer": " "})).await.expect(422);
    let tries = join_all((0..5).map(|_| practice.notary.post(&answers, thanks.clone()))).await;
    assert_eq!(tries.iter().filter(|answer| answer.status == 201).count(), 1, "once, also at once");
    assert!(tries.iter().all(|it| it.status == 201 || it.code() == "already_answered"));
    assert_eq!(practice.listed("").await[1]["answer"], "La ringraziamo.");
    practice.client.patch(&review, "\"v2\"", json!({"rating": 1})).await.expect(412);
    practice.client.request(Method::PATCH, &review, &[], Some(json!({"rating": 1}))).await.expect(428);
    practice.client.patch(&review, "\"v3\"", json!({"rating": 9})).await.expect(422);
    for stranger in [&practice.stranger, &practice.notary, &admin] {
        stranger.patch(&review, "*", json!({"rating": 1})).await.expect(404);
    }
    let changed = practice.client.patch(&review, "\"v3\"", json!({"rating": 1})).await.expect(200).json();
    assert_eq!((&changed["status"], &changed["answer"]), (&json!("pending"), &Value::Null));
    assert_eq!(changed["comment"], "Tutto spiegato con calma.");
    assert_eq!((practice.rating().await, practice.listed("").await.len()), ((Some(2.0), 1), 1));
    practice.notary.post(&answers, thanks.clone()).await.expect(404);
    assert_eq!(decides(&admin, &review, "reject").await.expect(200).json()["status"], "rejected");
    let mine = practice.client.get(&review).await.expect(200).json();
    assert_eq!(mine["reason"], "Contiene insulti.", "the author reads why");
    decides(&admin, &review, "approve").await.expect(200);
    practice.notary.post(&answers, thanks).await.expect(201);
    assert_eq!(practice.rating().await, (Some(1.5), 2));
    practice.client.request(Method::DELETE, &review, &[("if-match", "\"v1\"")], None).await.expect(412);
    practice.stranger.delete(&review).await.expect(404);
    practice.client.delete(&review).await.expect(204);
    practice.client.delete(&review).await.expect(404);
    assert_eq!(practice.rating().await, (Some(2.0), 1));
    let told: String = practice
        .app
        .value("SELECT string_agg(DISTINCT action, ' ' ORDER BY action) FROM audit_entry WHERE action ~ '^review'")
        .await;
    assert_eq!(told, "review.answer review.change review.create review.decide review.remove");
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_once_the_rating_is_that_of_what_is_seen() {
    let (practice, admin) = practice().await;
    let mut reviews = Vec::new();
    for n in 0..24 {
        reviews.push(practice.is_reviewed(1 + n % 5).await);
    }
    for review in &reviews[..12] {
        decides(&admin, review, "approve").await.expect(200);
    }
    // Half are approved while the others are rejected, changed and removed, several times over, by everybody at once.
    let storm = reviews.iter().enumerate().flat_map(|(n, review)| {
        let (practice, admin) = (&practice, &admin);
        (0..3).map(move |turn| async move {
            let answer = match (n + turn) % 4 {
                0 => decides(admin, review, "approve").await,
                1 => decides(admin, review, "reject").await,
                2 => practice.client.patch(review, "*", json!({"rating": 1 + (n + turn) % 5})).await,
                _ => practice.client.delete(review).await,
            };
            // So many at once that some find no connection: then nothing has happened.
            assert!(matches!(answer.status, 200 | 204 | 404 | 409 | 412 | 503), "{:?}", answer.body);
        })
    });
    join_all(storm).await;
    let (_, seen) = practice.rating().await;
    assert_eq!(practice.listed("?limit=100").await.len() as i64, seen);
    // And when all that is left is approved by two administrators at once.
    let left = practice.client.get("/api/v1/me/notary-reviews?limit=100").await.expect(200).json();
    let left = left["data"].as_array().unwrap();
    let both = left.iter().flat_map(|review| {
        let address = format!("/api/v1/notary/reviews/{}", review["id"].as_str().unwrap());
        [address.clone(), address]
    });
    join_all(both.map(|review| {
        let admin = &admin;
        async move { decides(admin, &review, "approve").await }
    }))
    .await;
    assert_eq!(practice.rating().await.1 as usize, left.len());
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_without_a_licence_is_reviewed_and_cannot_answer() {
    let (practice, admin) = practice().await;
    let yesterday = practice.app.today().yesterday().unwrap();
    let end = "UPDATE notary SET licence_ends_on = $2 WHERE id = $1";
    let database = practice.app.database.client().await;
    database.execute(end, &[&practice.office, &yesterday]).await.unwrap();
    let review = practice.is_reviewed(3).await;
    decides(&admin, &review, "approve").await.expect(200);
    let answer = practice.notary.post(&format!("{review}/answer"), json!({"answer": "Grazie."})).await;
    assert_eq!(answer.expect(403).code(), "licence_expired");
    practice.app.anonymous().get(&format!("/api/v1/notaries/{}/reviews", practice.office)).await.expect(404);
    let later = practice.app.today().saturating_add(90.days());
    database.execute(end, &[&practice.office, &later]).await.unwrap();
    // Pages that say that there is no such notary are kept for some seconds.
    practice.app.app.clock.advance(jiff::SignedDuration::from_secs(60));
    assert_eq!(practice.rating().await, (Some(3.0), 1));
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_reviews_go_on_by_cursor_and_refuse_what_they_do_not_know() {
    let (practice, admin) = practice().await;
    for n in 0..5 {
        let review = practice.is_reviewed(1 + n).await;
        decides(&admin, &review, "approve").await.expect(200);
    }
    let base = format!("/api/v1/notaries/{}/reviews", practice.office);
    let (mut path, mut seen) = (format!("{base}?limit=2"), Vec::new());
    loop {
        let page = practice.app.anonymous().get(&path).await.expect(200).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["rating"].as_i64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        path = format!("{base}?limit=2&cursor={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1], "the newest first");
    for wrong in ["?rating=0", "?rating=6", "?rating=x", "?stars=5", "?cursor=x"] {
        practice.app.anonymous().get(&format!("{base}{wrong}")).await.expect(400);
    }
    practice
        .app
        .anonymous()
        .get(&format!("/api/v1/notaries/{}/reviews", uuid::Uuid::now_v7()))
        .await
        .expect(404);
    let queue = admin.get("/api/v1/notary/reviews?status=approved&limit=2").await.expect(200).json();
    assert_eq!(queue["data"][0]["rating"], 1, "who has waited longest comes first");
    let rest = format!(
        "/api/v1/notary/reviews?status=approved&limit=2&cursor={}",
        queue["next_cursor"].as_str().unwrap()
    );
    assert_eq!(admin.get(&rest).await.expect(200).json()["data"][0]["rating"], 3);
    for (body, code) in [
        (json!({"event": "change"}), "/event"),
        (json!({"event": "reject"}), "/reason"),
        (json!({"event": "approve", "reason": "x"}), "/reason"),
    ] {
        let id = queue["data"][0]["id"].as_str().unwrap();
        let refused = admin.post(&format!("/api/v1/notary/reviews/{id}/transitions"), body).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], code);
    }
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_review_in_every_state_by_everybody_does_what_the_table_says() {
    let (practice, admin) = practice().await;
    let review = practice.is_reviewed(4).await;
    let set = "WITH gone AS (UPDATE notary SET rating_sum = CASE WHEN $1 = 'approved' THEN 4 ELSE 0 END,
            rating_count = CASE WHEN $1 = 'approved' THEN 1 ELSE 0 END)
        UPDATE notary_review SET status = $1, rating = 4, reason = CASE WHEN $1 = 'rejected' THEN 'x' END";
    let people = [
        (Who::Client, &practice.client),
        (Who::Notary, &practice.notary),
        (Who::Collaborator, &practice.clerk),
        (Who::Admin, &admin),
    ];
    let database = practice.app.database.client().await;
    for (from, event, (who, client)) in State::ALL
        .iter()
        .flat_map(|from| Event::ALL.iter().map(move |event| (*from, *event)))
        .flat_map(|(from, event)| people.iter().map(move |who| (from, event, *who)))
    {
        database.execute(set, &[&from.as_str()]).await.unwrap();
        let answer = match event {
            Event::Change => client.patch(&review, "*", json!({"rating": 4})).await,
            _ => decides(client, &review, event.as_str()).await,
        };
        let case = format!("{event:?} in {from:?} by {who:?}: {:?}", answer.body);
        let status = admin.get(&review).await.expect(200).json()["status"].clone();
        if let Ok(to) = MACHINE.next_by(from, event, who) {
            assert_eq!((answer.status, status), (200, to.as_str().into()), "{case}");
        } else {
            assert!(matches!(answer.status, 403 | 404 | 409), "{case}");
            assert_eq!(status, from.as_str(), "{case}");
        }
        practice.rating().await;
    }
    practice.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_review_is_the_same_review() {
    let (practice, admin) = practice().await;
    let act = practice.a_signed_act_of_the_client().await;
    let (path, key) = (format!("/api/v1/acts/{act}/review"), [("idempotency-key", "once")]);
    let write = || practice.client.request(Method::POST, &path, &key, Some(json!({"rating": 5})));
    let (first, again) = (write().await.expect(201), write().await.expect(201));
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    let review = first.header("location").to_owned();
    decides(&admin, &review, "approve").await.expect(200);
    let path = format!("{review}/answer");
    let answer = || practice.notary.request(Method::POST, &path, &key, Some(json!({"answer": "Grazie."})));
    let (first, again) = (answer().await.expect(201), answer().await.expect(201));
    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    practice.app.finish().await;
}
